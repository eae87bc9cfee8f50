import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Job, JobThread, ThreadEvents } from "../../../lib/core/ports.ts";
import { givingWay } from "../../../lib/core/work/give-way.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { jobAnswerer, type JobRequest, READY } from "../../../lib/core/work/job-messages.ts";
import { JOBS_WAITING_MAX, THREAD_IDLE_MS, ThreadPool } from "../../../lib/core/work/thread-pool.ts";
import { simClock } from "./sim.ts";

const double: Job<number, number> = { name: "double", deadlineMs: 1_000, run: (value) => value * 2 };
const code = (expected: string) => (thrown: unknown) => thrown instanceof NodeError && thrown.code === expected;

/** A thread that does what the test says. */
class FakeThread implements JobThread {
  readonly got: JobRequest[] = [];
  isEnded = false;
  readonly events: ThreadEvents;

  constructor(events: ThreadEvents) {
    this.events = events;
  }

  post(message: unknown): void {
    this.got.push(message as JobRequest);
  }

  end(): Promise<void> {
    this.isEnded = true;
    this.events.onEnd("ended");
    return Promise.resolve();
  }

  ready(): this {
    this.events.onMessage(READY);
    return this;
  }

  answer(output: unknown, id = this.got.at(-1)!.id): void {
    this.events.onMessage({ id, output });
  }
}

function pool(threadsMax: number) {
  const clock = simClock();
  const threads: FakeThread[] = [];
  const unable: string[] = [];
  const workers = new ThreadPool({
    threadsMax,
    clock,
    open: (events) => {
      const thread = new FakeThread(events);
      threads.push(thread);
      return thread;
    },
    onUnable: (cause) => unable.push(cause),
  });
  return { clock, threads, unable, workers };
}

describe("ThreadPool", () => {
  test("starts no thread before there is a job, and no more than jobs or its bound", () => {
    const { threads, workers } = pool(2);
    assert.equal(threads.length, 0);
    for (let i = 1; i <= 3; i++) {
      workers.run(double, i).catch(() => {});
      assert.equal(threads.length, Math.min(i, 2));
    }
    assert.deepEqual(workers.counts, { threads: 2, running: 2, waiting: 1, done: 0, failed: 0, lost: 0 });
    assert.throws(() => pool(0), RangeError);
  });

  test("sends a job only to a thread that is ready, in the order of asking", async () => {
    const { threads, workers } = pool(1);
    const answers = [1, 2].map((value) => workers.run(double, value));
    const [thread] = threads as [FakeThread];
    assert.deepEqual(thread.got, []);
    thread.ready();
    assert.deepEqual(thread.got.map(({ name, input }) => [name, input]), [["double", 1]]);
    thread.answer("one");
    assert.equal(await answers[0], "one");
    assert.equal(thread.got.length, 2);
    thread.answer("two");
    assert.equal(await answers[1], "two");
  });

  test("takes no answer but that to the job that the thread has", async () => {
    const { threads, workers } = pool(1);
    const controller = new AbortController();
    const aborted = workers.run(double, 1, controller.signal);
    const thread = threads[0]!.ready();
    controller.abort(new Error("enough"));
    await assert.rejects(aborted, /enough/);
    const next = workers.run(double, 2);
    assert.equal(thread.got.length, 1, "the thread still works on what was aborted");
    thread.answer("late");
    thread.answer("late again", thread.got[0]!.id);
    thread.answer("fitting");
    assert.equal(await next, "fitting");
  });

  test("ends a thread at the deadline of its job, which counts from when it was given", async () => {
    const { clock, threads, workers } = pool(1);
    const late = workers.run(double, 1);
    late.catch(() => {});
    threads[0]!.ready();
    await clock.advance(999);
    assert.equal(threads[0]!.isEnded, false);
    await clock.advance(1);
    await assert.rejects(late, code("JOB_LATE"));
    assert.equal(threads[0]!.isEnded, true);
    // One that never gets ready is late as well.
    const next = workers.run(double, 2);
    next.catch(() => {});
    await clock.advance(1_000);
    await assert.rejects(next, code("JOB_LATE"));
    assert.equal(workers.counts.lost, 2);
  });

  test("ends a thread that had nothing to do for a minute, and leaves no timer", async () => {
    const { clock, threads, workers } = pool(1);
    const done = workers.run(double, 1);
    threads[0]!.ready().answer(2);
    await done;
    await clock.advance(THREAD_IDLE_MS - 1);
    assert.equal(threads[0]!.isEnded, false);
    await clock.advance(1);
    assert.equal(threads[0]!.isEnded, true);
    assert.equal(workers.counts.threads, 0);
    assert.equal(clock.pending, 0);
    const again = workers.run(double, 1);
    threads[1]!.ready().answer(2);
    await again;
    await workers.close();
    assert.equal(clock.pending, 0);
  });

  test("refuses the job of a thread that dies, and runs it nowhere again", async () => {
    const { threads, unable, workers } = pool(1);
    let runs = 0;
    const counting: Job<number, number> = { ...double, run: (value) => (runs++, value) };
    const lost = workers.run(counting, 1);
    threads[0]!.ready().events.onEnd("out of memory");
    await assert.rejects(lost, /the thread of double died: out of memory/);
    assert.deepEqual([runs, threads.length, unable.length], [0, 1, 0]);
  });

  test("runs jobs here from when a thread died that was never ready", async () => {
    const { threads, unable, workers } = pool(1);
    const [first, second] = [workers.run(double, 1), workers.run(double, 2)];
    threads[0]!.events.onEnd("no such module");
    assert.deepEqual(await Promise.all([first, second, workers.run(double, 3)]), [2, 4, 6]);
    assert.deepEqual([threads.length, unable], [1, ["no such module"]]);
  });

  test("does not run a job here that nobody waits for any more when its thread dies", async () => {
    const { threads, workers } = pool(1);
    const ran: number[] = [];
    const noted: Job<number, number> = { name: "noted", deadlineMs: 1_000, run: (value) => (ran.push(value), value) };
    const over = new AbortController();
    const given = workers.run(noted, 1, over.signal);
    const waiting = workers.run(noted, 2);
    over.abort(new Error("no longer"));
    await assert.rejects(given, /no longer/);
    threads[0]!.events.onEnd("no such module");
    assert.equal(await waiting, 2);
    assert.deepEqual(ran, [2]);
  });

  test("runs jobs here where a thread cannot even be asked for", async () => {
    const unable: string[] = [];
    const open = () => {
      throw new Error("no threads for you");
    };
    const workers = new ThreadPool({
      threadsMax: 1,
      clock: simClock(),
      open,
      onUnable: (cause) => unable.push(cause),
    });
    assert.equal(await workers.run(double, 4), 8);
    assert.equal(await workers.run(double, 5), 10);
    assert.equal(unable.length, 1);
  });

  test("refuses a job when too many wait", async () => {
    const { workers } = pool(1);
    for (let i = 0; i <= JOBS_WAITING_MAX; i++) workers.run(double, i).catch(() => {});
    await assert.rejects(workers.run(double, 0), code("JOBS_BUSY"));
    await workers.close();
  });

  test("close() rejects what runs, waits and comes later, and ends every thread", async () => {
    const { clock, threads, workers } = pool(2);
    const jobs = [1, 2, 3].map((value) => workers.run(double, value));
    for (const job of jobs) job.catch(() => {});
    threads[0]!.ready();
    const closing = workers.close();
    assert.deepEqual(threads.map(({ isEnded }) => isEnded), [true, true]);
    for (const job of jobs) await assert.rejects(job, code("JOBS_CLOSED"));
    await closing;
    await assert.rejects(workers.run(double, 4), code("JOBS_CLOSED"));
    assert.equal(threads.length, 2);
    assert.deepEqual(workers.counts, { threads: 0, running: 0, waiting: 0, done: 0, failed: 0, lost: 0 });
    assert.equal(clock.pending, 0);
    // A job that runs here, because there are no threads, has no result either.
    const { threads: none, workers: unable } = pool(1);
    const gate = Promise.withResolvers<number>();
    const slow = unable.run({ ...double, run: () => gate.promise }, 1);
    slow.catch(() => {});
    none[0]!.events.onEnd("no such module");
    const over = unable.close();
    gate.resolve(1);
    await over;
    await assert.rejects(slow, code("JOBS_CLOSED"));
  });

  test("counts what was done, what threw and what was lost", async () => {
    const { threads, workers } = pool(1);
    const thread = () => threads.at(-1)!;
    const done = workers.run(double, 1);
    thread().ready().answer(2);
    await done;
    const failed = workers.run(double, 1);
    thread().events.onMessage({ id: thread().got.at(-1)!.id, failure: { code: "X", message: "m", data: {} } });
    await assert.rejects(failed, { code: "X", fault: "self", message: "m" });
    const lost = workers.run(double, 1);
    thread().events.onEnd("gone");
    await assert.rejects(lost, code("JOB_LOST"));
    assert.deepEqual(workers.counts, { threads: 0, running: 0, waiting: 0, done: 1, failed: 1, lost: 1 });
  });

  test("gives a thread that is free to the next job before it starts another", async () => {
    const { threads, workers } = pool(4);
    for (let i = 0; i < 5; i++) {
      const job = workers.run(double, i);
      threads[0]!.ready().answer(i);
      await job;
    }
    assert.equal(threads.length, 1);
  });

  test("refuses an input that cannot be cloned, and gives the thread to the next job", async () => {
    const { threads, workers } = pool(1);
    const first = workers.run(double, 1);
    const thread = threads[0]!;
    thread.post = () => {
      throw new Error("a function");
    };
    thread.ready();
    await assert.rejects(first, TypeError);
    Reflect.deleteProperty(thread, "post");
    const next = workers.run(double, 2);
    thread.answer(4);
    assert.equal(await next, 4);
  });
});

describe("InlineWorkers", () => {
  test("run() runs the job, wraps what it throws, and counts", async () => {
    const workers = new InlineWorkers();
    assert.equal(await workers.run(double, 21), 42);
    const failing: Job<number, number> = {
      ...double,
      run: () => {
        throw new RangeError("odd");
      },
    };
    await assert.rejects(workers.run(failing, 1), code("JOB_FAILED"));
    const own = new NodeError("DISK_FULL", "self", "no room");
    await assert.rejects(workers.run({ ...failing, run: () => Promise.reject(own) }, 1), own);
    assert.deepEqual(workers.counts, { threads: 0, running: 0, waiting: 0, done: 1, failed: 2, lost: 0 });
  });

  test("run() waits for what the world makes it wait for, and is dropped when the signal aborts meanwhile", async () => {
    const clock = simClock();
    const order: string[] = [];
    const workers = new InlineWorkers((name) => clock.sleep(name === "slow" ? 5_000 : 1_000));
    const controller = new AbortController();
    const say = (name: string): Job<string, void> => ({ ...double, name, run: (text) => void order.push(text) });
    const slow = workers.run(say("slow"), "slow", controller.signal);
    const reason = new Error("a better block");
    const dropped = assert.rejects(slow, reason);
    const quick = workers.run(say("quick"), "quick");
    assert.equal(workers.counts.running, 2);
    await clock.advance(1_000);
    await quick;
    controller.abort(reason);
    await clock.advance(10_000);
    await dropped;
    assert.deepEqual(order, ["quick"]);
    assert.deepEqual(workers.counts, { threads: 0, running: 0, waiting: 0, done: 1, failed: 0, lost: 0 });
    await assert.rejects(workers.run(double, 1, AbortSignal.abort(reason)), reason);
    // What ran while it was aborted has no result either.
    const during = new AbortController();
    const aborting: Job<number, number> = { ...double, run: (value) => (during.abort(reason), value) };
    await clock.advance(0);
    const ran = assert.rejects(new InlineWorkers().run(aborting, 1, during.signal), reason);
    await ran;
  });

  test("run() lets others have their turn when the last is a while ago, and ends the work that nobody wants", async () => {
    const clock = simClock();
    const workers = new InlineWorkers(undefined, givingWay(clock));
    let steps = 0;
    const long: Job<number, number> = {
      ...double,
      run: async (count, giveWay) => {
        for (steps = 0; steps < count; steps++) await giveWay?.();
        return steps;
      },
    };
    const turns: number[] = [];
    await clock.advance(9);
    const early = workers.run(long, 3);
    assert.equal(await early, 3, "nobody has waited for long");
    await clock.advance(1);
    const later = workers.run(long, 3);
    await Promise.resolve();
    turns.push(steps);
    await clock.advance(0);
    turns.push(steps);
    assert.deepEqual(turns, [0, 3]);
    assert.equal(await later, 3);
    const controller = new AbortController();
    await clock.advance(10);
    const unwanted = assert.rejects(workers.run(long, 1_000, controller.signal), { message: "unwanted" });
    controller.abort(new Error("unwanted"));
    await clock.advance(0);
    await unwanted;
    assert.ok(steps < 1_000, `${steps} steps`);
  });

  test("close() rejects what comes later and what waits", async () => {
    const clock = simClock();
    const workers = new InlineWorkers(() => clock.sleep(1_000));
    const waiting = assert.rejects(workers.run(double, 1), code("JOBS_CLOSED"));
    await workers.close();
    await clock.advance(1_000);
    await waiting;
    await assert.rejects(workers.run(double, 1), code("JOBS_CLOSED"));
  });
});

describe("jobAnswerer()", () => {
  test("answers with a failure for a job that nobody knows, and refuses two of one name", async () => {
    const answer = await jobAnswerer([double])({ id: 7, name: "treble", input: 1 });
    assert.deepEqual(answer, {
      id: 7,
      failure: { code: "JOB_FAILED", message: "treble failed: no job is called treble", data: {} },
    });
    assert.throws(() => jobAnswerer([double, double]), TypeError);
  });

  test("answers what cannot be cloned of an error's data as plain data", async () => {
    const failing: Job<number, number> = {
      ...double,
      run: () => {
        throw new NodeError("DISK_FULL", "self", "no room", { data: { path: "/x", call: () => {} } });
      },
    };
    assert.deepEqual(await jobAnswerer([failing])({ id: 8, name: "double", input: 1 }), {
      id: 8,
      failure: { code: "DISK_FULL", message: "no room", data: { path: "/x" } },
    });
  });
});
