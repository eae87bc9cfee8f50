import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clock, openThread, parallelism } from "#platform";
import { NodeError } from "../../../lib/core/errors.ts";
import { ThreadPool } from "../../../lib/core/work/thread-pool.ts";
import { crashes, exits, fails, hangs, meet, refuses, sum, swells } from "./thread-jobs.ts";

const entry = new URL("./thread-jobs.ts", import.meta.url);
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof NodeError && thrown.code === expected && thrown.fault === "self";

async function withPool(
  threadsMax: number,
  work: (pool: ThreadPool) => Promise<void>,
  from = entry,
): Promise<string[]> {
  const unable: string[] = [];
  const pool = new ThreadPool({
    threadsMax,
    clock,
    open: (events) => openThread(from, events),
    onUnable: (cause) => unable.push(cause),
  });
  try {
    await work(pool);
  } finally {
    await pool.close();
  }
  return unable;
}

const shared = (...bytes: number[]) => {
  const memory = new Uint8Array(new SharedArrayBuffer(bytes.length));
  memory.set(bytes);
  return memory;
};
const gate = () => new Int32Array(new SharedArrayBuffer(4));

describe("ThreadPool on threads of this runtime", () => {
  test("run() gives a job's result; shared bytes are the same memory there, others a copy", async () => {
    await withPool(1, async (pool) => {
      const bytes = shared(1, 2, 3);
      assert.equal(await pool.run(sum, bytes), 6);
      assert.equal(bytes[0], 200);
      const own = Uint8Array.of(4, 5);
      assert.equal(await pool.run(sum, own), 9);
      assert.equal(own[0], 4);
      assert.deepEqual(pool.counts, { threads: 1, running: 0, waiting: 0, done: 2, failed: 0, lost: 0 });
    });
  });

  test("run() runs as many jobs at the same time as there are threads", async () => {
    await withPool(3, async (pool) => {
      const input = { gate: gate(), wanted: 3 };
      // Each of them waits for the others to have begun.
      assert.deepEqual(await Promise.all([1, 2, 3].map(() => pool.run(meet, input))), [3, 3, 3]);
      assert.equal(pool.counts.threads, 3);
    });
  });

  test("run() does many more jobs than there are threads", async () => {
    await withPool(2, async (pool) => {
      const inputs = Array.from({ length: 200 }, (_, i) => shared(i % 256, 1));
      const sums = await Promise.all(inputs.map((bytes) => pool.run(sum, bytes)));
      assert.deepEqual(sums, inputs.map((_, i) => i % 256 + 1));
      assert.equal(pool.counts.threads, 2);
    });
  });

  test("run() rejects with what the job threw, and the thread goes on", async () => {
    await withPool(1, async (pool) => {
      await assert.rejects(pool.run(fails, "no such row"), (thrown: NodeError) => {
        assert.equal(thrown.code, "JOB_FAILED");
        assert.match(thrown.message, /test\.fails failed: no such row/);
        return true;
      });
      await assert.rejects(pool.run(refuses, "/data"), (thrown: NodeError) => {
        assert.equal(thrown.code, "DISK_FULL");
        assert.deepEqual(thrown.data, { path: "/data" });
        return true;
      });
      await assert.rejects(pool.run(swells, undefined), code("JOB_FAILED"));
      assert.equal(await pool.run(sum, shared(7)), 7);
      assert.deepEqual(pool.counts, { threads: 1, running: 0, waiting: 0, done: 1, failed: 3, lost: 0 });
    });
  });

  for (const [name, dies] of [["exits", exits], ["fails where nobody catches it", crashes]] as const) {
    test(`run() rejects with JOB_LOST when the thread ${name}, and the next job has another thread`, async () => {
      const unable = await withPool(1, async (pool) => {
        const lost = assert.rejects(pool.run<number, number>(dies, 3), code("JOB_LOST"));
        const next = pool.run(sum, shared(8));
        await lost;
        assert.equal(await next, 8);
        assert.equal(pool.counts.lost, 1);
      });
      assert.deepEqual(unable, []);
    });
  }

  test("run() rejects with JOB_LATE when the thread hangs, and the next job has another thread", async () => {
    await withPool(1, async (pool) => {
      const begun = gate();
      const late = assert.rejects(pool.run(hangs, begun), code("JOB_LATE"));
      const next = pool.run(sum, shared(9));
      await late;
      assert.equal(await next, 9);
      assert.equal(pool.counts.lost, 1);
    });
  });

  test("run() rejects with the signal's reason at once, and drops what comes later", async () => {
    await withPool(1, async (pool) => {
      const reason = new Error("a better block");
      const [first, second] = [new AbortController(), new AbortController()];
      const meeting = { gate: gate(), wanted: 2 };
      const running = pool.run(meet, meeting, first.signal);
      const waiting = pool.run(sum, shared(1), second.signal);
      const last = pool.run(sum, shared(2));
      while (Atomics.load(meeting.gate, 0) < 1) await clock.sleep(5);
      first.abort(reason);
      second.abort(reason);
      await assert.rejects(running, reason);
      await assert.rejects(waiting, reason);
      // The aborted job still has the thread; once it lets go, the next gets its own answer.
      Atomics.add(meeting.gate, 0, 1);
      assert.equal(await last, 2);
      await assert.rejects(pool.run(sum, shared(1), AbortSignal.abort(reason)), reason);
    });
  });

  test("close() ends threads that work, and rejects what ran, waited or comes later", async () => {
    await withPool(1, async (pool) => {
      const begun = gate();
      const running = assert.rejects(pool.run({ ...hangs, deadlineMs: 60_000 }, begun), code("JOBS_CLOSED"));
      const waiting = assert.rejects(pool.run(sum, shared(1)), code("JOBS_CLOSED"));
      while (Atomics.load(begun, 0) < 1) await clock.sleep(5);
      await pool.close();
      await running;
      await waiting;
      await assert.rejects(pool.run(sum, shared(1)), code("JOBS_CLOSED"));
      assert.equal(pool.counts.threads, 0);
    });
  });

  test("run() runs the job here when no thread can be started, and says so once", async () => {
    const unable = await withPool(1, async (pool) => {
      assert.equal(await pool.run(sum, shared(1, 2)), 3);
      assert.equal(await pool.run(sum, shared(5)), 5);
      assert.deepEqual(pool.counts, { threads: 0, running: 0, waiting: 0, done: 2, failed: 0, lost: 0 });
    }, new URL("./no-such-module.ts", import.meta.url));
    assert.equal(unable.length, 1);
  });
});

describe("openThread()", () => {
  /** A thread, once it is ready, and what is told of its end. */
  async function opened() {
    const ready = Promise.withResolvers<unknown>();
    const ended = Promise.withResolvers<string>();
    const thread = openThread(entry, { onMessage: ready.resolve, onEnd: ended.resolve });
    await ready.promise;
    return { thread, ended: ended.promise };
  }

  // Bun aborts the process when a thread is ended from outside and this user may have no more threads.
  test("end() lets a thread end by itself, when it rests and when it works", async () => {
    const resting = await opened();
    await resting.thread.end();
    assert.equal(await resting.ended, "it ended with code 0");
    const working = await opened();
    const meeting = { gate: gate(), wanted: 2 };
    working.thread.post({ id: 1, name: meet.name, input: meeting });
    while (Atomics.load(meeting.gate, 0) < 1) await clock.sleep(5);
    const over = working.thread.end();
    Atomics.add(meeting.gate, 0, 1);
    await over;
    assert.equal(await working.ended, "it ended with code 0");
  });

  test("end() ends a thread that hangs from outside", async () => {
    const { thread, ended } = await opened();
    const begun = gate();
    thread.post({ id: 1, name: hangs.name, input: begun });
    while (Atomics.load(begun, 0) < 1) await clock.sleep(5);
    await thread.end();
    assert.notEqual(await ended, "it ended with code 0");
  });
});

describe("parallelism()", () => {
  test("is at least one", () => assert.ok(parallelism() >= 1));
});
