/** Rate limits of version 3: what needs no rate, and what no window covers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerWithWindows, hasWindows, readWindows, RequestWindows } from "../../../lib/chia/peers/request-windows.ts";
import { Capability, messageById } from "../../../lib/chia/protocol/mod.ts";
import { simClock } from "../core/sim.ts";

const messageOf = (id: number) => ({ id }) as Parameters<RequestWindows["enter"]>[0];

test("freesAnswer() frees answers of kinds that the peer does not limit, and nothing that answers nothing", () => {
  const windows = new RequestWindows(simClock(), new Map<number, number | null>([[1, null], [2, 5]]));
  assert.equal(windows.freesAnswer(messageOf(1), 7), true);
  assert.equal(windows.freesAnswer(messageOf(1), null), false);
  assert.equal(windows.freesAnswer(messageOf(2), 7), false);
  assert.equal(windows.freesAnswer(messageOf(2), null), false);
});

test("enter() lets through what has no window, however often", () => {
  const windows = new RequestWindows(simClock(), new Map());
  const uncovered = Array.from({ length: 256 }, (_, id) => id).filter((id) => !windows.covers(messageOf(id)));
  assert.ok(uncovered.some((id) => messageById(id) !== undefined));
  for (const id of uncovered) for (let i = 0; i < 3; i++) assert.equal(windows.enter(messageOf(id)), true);
});

test("take() waits for nothing where the peer has no window, nor says anything of the kind", async () => {
  const clock = simClock();
  const windows = new RequestWindows(clock, new Map<number, number | null>([[1, null], [2, 1]]));
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) for (const id of [1, 9]) await clock.until(windows.take(messageOf(id), signal), 0);
  await clock.until(windows.take(messageOf(2), signal), 0);
  const second = windows.take(messageOf(2), signal);
  await assert.rejects(clock.until(second, 5_000), { code: "stuck" });
  windows.give(messageOf(2));
  await clock.until(second, 1_000);
});

test("tracks() holds for the kinds of which the peer told, whatever it told", () => {
  const windows = new RequestWindows(simClock(), new Map<number, number | null>([[1, null], [2, 1]]));
  assert.deepEqual([1, 2, 3].map((id) => windows.tracks(messageOf(id))), [true, true, false]);
});

test("hasWindows() holds where version 3 is announced, and not where it is denied or another version is", () => {
  const { RATE_LIMITS_V2, RATE_LIMITS_V3 } = Capability;
  assert.equal(hasWindows([[RATE_LIMITS_V2, "1"], [RATE_LIMITS_V3, "1"]]), true);
  assert.equal(hasWindows([[RATE_LIMITS_V2, "1"], [RATE_LIMITS_V3, "0"]]), false);
  assert.equal(hasWindows([[RATE_LIMITS_V2, "1"]]), false);
});

test("answerWithWindows() adds version 3 where the peer announces it and we did not, and nothing else", () => {
  const { BASE, RATE_LIMITS_V3 } = Capability;
  const [base, windows] = [[BASE, "1"], [RATE_LIMITS_V3, "1"]] as const;
  assert.deepEqual(answerWithWindows([base], [windows]), [base, windows]);
  assert.deepEqual(answerWithWindows([base], [base]), [base]);
  assert.deepEqual(answerWithWindows([base, windows], [windows]), [base, windows]);
});

test("readWindows() passes over messages that we do not know, and keeps 0 as no window", () => {
  const unknown = 200;
  assert.equal(messageById(unknown), undefined);
  assert.deepEqual([...readWindows({ settings: [[unknown, 5], [26, 3], [20, 0]] })], [[26, 3], [20, null]]);
});
