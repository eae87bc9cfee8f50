/** Rate limits of version 3: what needs no rate, and what no window covers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestWindows } from "../../../lib/chia/peers/request-windows.ts";
import { messageById } from "../../../lib/chia/protocol/mod.ts";
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
