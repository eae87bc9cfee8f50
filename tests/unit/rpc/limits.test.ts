import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withDeadline } from "../../../lib/rpc/limits.ts";
import { simClock } from "../core/sim.ts";

describe("withDeadline()", () => {
  test("tells the work to stop at the deadline, and answers for it", async () => {
    const clock = simClock();
    const reasons: DOMException[] = [];
    const answer = withDeadline(
      clock,
      1_000,
      (signal) =>
        new Promise<string>((_, reject) =>
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          })
        ),
      () => "late",
    );
    await clock.advance(999);
    assert.deepEqual(reasons, []);
    await clock.advance(1);
    assert.equal(await answer, "late");
    assert.deepEqual(reasons.map(({ name }) => name), ["TimeoutError"]);
    assert.equal(clock.pending, 0);
  });

  test("throws what is thrown at the deadline, and tells the work to stop", async () => {
    const clock = simClock();
    let stopped: AbortSignal | undefined;
    const answer = withDeadline<string>(clock, 1_000, (signal) => {
      stopped = signal;
      // Work that does not notice.
      return new Promise(() => {});
    }, () => {
      throw new Error("too late");
    });
    const refused = assert.rejects(answer, /too late/);
    await clock.advance(1_000);
    await refused;
    assert.equal(stopped?.aborted, true);
    assert.equal(clock.pending, 0);
  });

  test("gives what the work gives or throws in time, and leaves no timer", async () => {
    const clock = simClock();
    const done = withDeadline(clock, 1_000, () => clock.sleep(999).then(() => "done"), () => "late");
    await clock.advance(999);
    assert.equal(await done, "done");
    await assert.rejects(withDeadline(clock, 1_000, () => Promise.reject(new Error("no")), () => "late"), /no/);
    assert.equal(clock.pending, 0);
  });
});
