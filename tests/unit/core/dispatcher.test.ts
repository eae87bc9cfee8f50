import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dispatch, type DispatchOptions } from "../../../lib/core/work/dispatcher.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { SimClock } from "../../../lib/sim/clock.ts";
import { simClock } from "./sim.ts";

type Run = DispatchOptions<string, number, string>["run"];

/** A world of named workers; `speed` gives how long a worker takes for a task, Infinity for one that never answers. */
function world(speed: Record<string, number>, more: Partial<DispatchOptions<string, number, string>> = {}) {
  const clock: SimClock = simClock();
  const log: string[] = [];
  const stop = new AbortController();
  const run: Run = async (worker, task, timeoutMs, signal) => {
    log.push(`${worker}:${task}@${clock.monotonic()}/${timeoutMs}`);
    const takes = speed[worker] ?? 0;
    if (takes < 0) throw new NodeError("refused", "peer", `${worker} refuses`);
    await clock.sleep(Math.min(takes, timeoutMs), signal);
    if (takes > timeoutMs) throw new NodeError("timeout", "peer", `${worker} is too slow`);
    return `${task} by ${worker}`;
  };
  const options: DispatchOptions<string, number, string> = {
    clock,
    workers: () => Object.keys(speed),
    run,
    perWorkerMax: 1,
    aheadMax: 4,
    timeoutMs: 100,
    triesMax: 3,
    signal: stop.signal,
    ...more,
  };
  const collect = async (tasks: Iterable<number>, limit = Infinity) => {
    const results: string[] = [];
    for await (const { result, task, worker } of dispatch(tasks, options)) {
      assert.equal(result, `${task} by ${worker}`);
      results.push(result);
      if (results.length >= limit) break;
    }
    return results;
  };
  return { clock, log, stop, collect };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const numbers = (results: readonly string[]) => results.map((result) => Number.parseInt(result));

describe("dispatch()", () => {
  test("gives results in order although workers finish out of order, and uses the faster one more", async () => {
    const { clock, collect, log } = world({ slow: 70, fast: 10 });
    assert.deepEqual(numbers(await clock.until(collect(upTo(12)))), upTo(12));
    const fast = log.filter((line) => line.startsWith("fast")).length;
    assert.ok(fast > 6, log.join(" "));
    assert.equal(clock.pending, 0);
  });

  test("begins no task ahead while there is no room for its result, and always the one that is next", async () => {
    const begun: number[] = [];
    let hasRoom = false;
    const { clock, collect } = world({ a: 1, b: 1, c: 1 }, {
      hasRoom: () => hasRoom,
      run: (worker, task) => {
        begun.push(task);
        hasRoom = task >= 3;
        return Promise.resolve(`${task} by ${worker}`);
      },
    });
    const taken: number[] = [];
    const tasks = function* () {
      for (const task of upTo(8)) {
        taken.push(begun.length);
        yield task;
      }
    };
    assert.deepEqual(numbers(await clock.until(collect(tasks()))), upTo(8));
    assert.deepEqual(taken.slice(0, 4), [0, 1, 2, 3], "one after another");
    assert.ok(new Set(taken).size < taken.length, "and then several at a time");
  });

  test("few tasks are begun ahead at first, one more for each result that was taken", async () => {
    const begun: number[] = [];
    const { clock, collect } = world({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }, {
      aheadMax: 4,
      aheadAtFirst: 1,
      run: (_worker, task) => {
        begun.push(task);
        return Promise.resolve(`${task} by ${_worker}`);
      },
    });
    await clock.until(collect(upTo(12), 1));
    assert.deepEqual(begun, [0], "the next begin when the first is taken");
    begun.length = 0;
    await clock.until(collect(upTo(12), 3));
    assert.deepEqual(begun, upTo(5));
  });

  test("no worker holds more than `perWorkerMax`, and no more than `aheadMax` tasks are begun ahead", async () => {
    let held = 0;
    let most = 0;
    const begun = new Set<number>();
    const { clock, collect } = world({ a: 10 }, {
      perWorkerMax: 2,
      aheadMax: 3,
      run: async (worker, task, _, signal) => {
        begun.add(task);
        most = Math.max(most, ++held);
        await clock.sleep(task === 0 ? 95 : 10, signal);
        held -= 1;
        if (task === 0) assert.deepEqual([...begun], [0, 1, 2], "task 3 waits for task 0");
        return `${task} by ${worker}`;
      },
    });
    await clock.until(collect(upTo(9)));
    assert.equal(most, 2);
  });

  test("a task of a worker that does not answer goes to another, with twice the time", async () => {
    const { clock, collect, log } = world({ dead: Infinity, alive: 10 });
    assert.deepEqual(await clock.until(collect([7])), ["7 by alive"]);
    assert.deepEqual(log, ["dead:7@0/100", "alive:7@100/200"]);
    assert.equal(clock.monotonic(), 110);
  });

  test("a worker that failed is used after all others", async () => {
    const { clock, collect, log } = world({ refuser: -1, alive: 10 });
    await clock.until(collect(upTo(5)));
    assert.ok(log.filter((line) => line.startsWith("refuser")).length < 3, log.join(" "));
  });

  test("a task that takes long is given to a second worker too; the first to answer wins, the other is left aside", async () => {
    const { clock, collect, log } = world({ slow: 5_000, quick: 10 }, { timeoutMs: 10_000, hedgeMs: 300 });
    const results = await clock.until(collect(upTo(8)));
    assert.deepEqual(results, upTo(8).map((task) => `${task} by quick`));
    assert.equal(clock.monotonic() < 1_000, true, `${clock.monotonic()} ms`);
    assert.ok(log.filter((line) => line.startsWith("slow")).length <= 2, log.join(" "));
    assert.equal(clock.pending, 0);
  });

  test("when all workers failed at a task they are asked again, with growing time, until `triesMax`", async () => {
    const { clock, collect, log } = world({ only: Infinity });
    await assert.rejects(clock.until(collect([1])), { code: "timeout" });
    assert.deepEqual(log.map((line) => line.split("/")[1]), ["100", "200", "400"]);
    assert.equal(clock.pending, 0);
  });

  test("waits a moment for a worker, and takes one that comes", async () => {
    let workers: string[] = [];
    const { clock, collect } = world({ late: 5 }, { workers: () => workers });
    const done = collect([1]);
    clock.after(600, () => (workers = ["late"]));
    assert.deepEqual(await clock.until(done), ["1 by late"]);
  });

  test("gives up when there has been no worker for a second", async () => {
    const { clock, collect } = world({}, { workers: () => [] });
    await assert.rejects(clock.until(collect([1, 2, 3])), { code: "no_workers", fault: "network" });
    assert.equal(clock.monotonic(), 1_000);
    assert.equal(clock.pending, 0);
  });

  test("the last worker's leaving ends the run, not another's failure", async () => {
    let workers = ["leaver"];
    const { clock, collect } = world({ leaver: Infinity }, { workers: () => workers });
    const done = collect(upTo(3));
    clock.after(50, () => (workers = []));
    await assert.rejects(clock.until(done), { code: "no_workers" });
  });

  test("whoever stops reading stops the run: no timer is left and no task is begun after", async () => {
    const { clock, collect, log } = world({ a: 10, b: 60 });
    assert.deepEqual(numbers(await clock.until(collect(upTo(100), 3))), [0, 1, 2]);
    assert.equal(clock.pending, 0);
    const begun = log.length;
    await clock.advance(10_000);
    assert.equal(log.length, begun);
  });

  test("an abort ends the run at once with its reason, also while it waits for a worker", async () => {
    for (const workers of [["dead"], []]) {
      const { clock, collect, stop } = world({ dead: Infinity }, { workers: () => workers });
      const done = collect(upTo(5));
      done.catch(() => {});
      await clock.advance(20);
      stop.abort(new NodeError("stopped", "self", "enough"));
      await clock.advance(0);
      await assert.rejects(clock.until(done, 0), { code: "stopped" });
      assert.equal(clock.pending, 0);
    }
  });

  test("a task goes to another worker although the one that failed at it does well otherwise", async () => {
    const { clock, collect, log } = world({ picky: 0, slow: 0 }, {
      run: async (worker, task, _, signal) => {
        log.push(`${worker}:${task}`);
        await clock.sleep(worker === "slow" ? 200 : 1, signal);
        if (worker === "picky" && task === 0) throw new NodeError("refused", "peer", "not this one");
        return `${task} by ${worker}`;
      },
    });
    assert.equal((await clock.until(collect(upTo(8))))[0], "0 by slow");
    assert.equal(log.filter((line) => line === "picky:0").length, 1);
  });

  test("the end waits for tasks that are still being cleared away", async () => {
    let cleared = 0;
    const { clock, collect } = world({ a: 1 }, {
      perWorkerMax: 4,
      run: async (worker, task, _, signal) => {
        if (task === 0) return `${task} by ${worker}`;
        await clock.sleep(10_000, signal).catch(() => {});
        await clock.sleep(50);
        cleared += 1;
        throw new NodeError("stopped", "self", "gone");
      },
    });
    await clock.until(collect(upTo(4), 1));
    assert.equal(cleared, 3);
  });

  test("a result waits until the one that was too slow has cleared its task away", async () => {
    let isCleared = false;
    const { clock, collect } = world({ a: 1, b: 1 }, {
      hedgeMs: 10,
      run: async (worker, task, _, signal) => {
        if (worker === "b") return `${task} by ${worker}`;
        await clock.sleep(10_000, signal).catch(() => {});
        await clock.sleep(50);
        isCleared = true;
        throw new NodeError("stopped", "self", "gone");
      },
    });
    const given = collect([7], 1).then((results) => ({ results, isCleared }));
    assert.deepEqual(await clock.until(given), { results: ["7 by b"], isCleared: true });
  });

  test("an aborted signal lets nothing begin", async () => {
    const { clock, collect, stop, log } = world({ a: 1 });
    stop.abort(new NodeError("stopped", "self", "enough"));
    await assert.rejects(clock.until(collect([1])), { code: "stopped" });
    assert.deepEqual(log, []);
  });

  test("never gives a task to more than two at once, and no more often than it may be tried", async () => {
    const never = { a: Infinity, b: Infinity, c: Infinity, d: Infinity };
    const hedged = world(never, { hedgeMs: 10, timeoutMs: 100, triesMax: 3 });
    const failing = assert.rejects(hedged.collect([7]), /too slow/);
    await hedged.clock.advance(99);
    assert.equal(hedged.log.length, 2, hedged.log.join(" "));
    await hedged.clock.advance(10_000);
    await failing;
    assert.equal(hedged.log.length, 3, hedged.log.join(" "));
    const twice = world(never, { hedgeMs: 10, timeoutMs: 100, triesMax: 1 });
    const once = assert.rejects(twice.collect([7]), /too slow/);
    await twice.clock.advance(10_000);
    await once;
    assert.equal(twice.log.length, 1, "a second that may not be tried is not begun either");
  });

  test("lets the source of tasks go when the run is given up", async () => {
    let isReturned = false;
    const tasks = function* () {
      try {
        for (let i = 0;; i++) yield i;
      } finally {
        isReturned = true;
      }
    };
    const { clock, collect } = world({ a: 1, b: 1 });
    assert.deepEqual(numbers(await clock.until(collect(tasks(), 3))), [0, 1, 2]);
    assert.ok(isReturned);
    const stopped = world({ a: 50 });
    isReturned = false;
    const running = assert.rejects(stopped.collect(tasks()));
    await stopped.clock.advance(20);
    stopped.stop.abort(new Error("enough"));
    await stopped.clock.advance(20);
    await running;
    assert.ok(isReturned);
    assert.equal(stopped.clock.pending, 0);
  });

  test("gives a task to the worker that has least to do, and to one that failed last", async () => {
    const { clock, log, collect } = world({ a: 50, b: 50 }, { perWorkerMax: 2, aheadMax: 4 });
    const results = collect(upTo(4));
    await clock.advance(10);
    assert.deepEqual(log.map((line) => line.split("@")[0]), ["a:0", "b:1", "a:2", "b:3"]);
    await clock.until(results);
    const failing = world({ bad: -1, good: 5 }, { perWorkerMax: 1, aheadMax: 1 });
    await failing.clock.until(failing.collect(upTo(6)));
    const afterFirst = failing.log.slice(2).map((line) => line.split(":")[0]);
    assert.deepEqual(afterFirst, Array(5).fill("good"), failing.log.join(" "));
  });
});
