/** Runs under way: what they keep alive. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Flight, Step } from "../../../lib/chia/chain/flight.ts";
import { ProofRun } from "../../../lib/chia/chain/prove.ts";
import { RecentProofs } from "../../../lib/chia/chain/recent-proofs.ts";
import type { BlockValidator, Frame } from "../../../lib/chia/chain/validator.ts";
import { RecordWindow } from "../../../lib/chia/chain/window.ts";
import { recordOf } from "../../contract/store-blocks.ts";

const frame = (height: number) => ({ record: recordOf(1, height) }) as Frame;

test("Flight.end() keeps nothing of a run, nor of those that it built on", () => {
  const flight = new Flight(new RecordWindow(10));
  const [below, above] = [new Step([], null, {}), new Step([], null, {})];
  for (const step of [below, above]) flight.begin(step);
  const { headerHash } = recordOf(1, 1);
  flight.enter(below, frame(1));
  above.standsOn("a block of it", below);
  assert.deepEqual([above.needs.size, flight.holderOf(headerHash) === below], [1, true]);
  for (const step of [below, above]) flight.end(step);
  assert.deepEqual([above.needs.size, [...flight.steps].length, flight.holderOf(headerHash)], [0, 0, undefined]);
});

test("Step.standsOn() waits for no run but another one", () => {
  const step = new Step([], null, {});
  step.standsOn("stored", undefined);
  step.standsOn("its own", step);
  assert.deepEqual([step.needs.size, step.buildsOn("stored"), step.buildsOn("its own")], [0, true, true]);
});

test("ProofRun.abort() hurts nothing where nobody waits for the verdict", async () => {
  const validator = { prove: () => new Promise(() => {}) } as unknown as BlockValidator;
  const run = new ProofRun(validator, [frame(1)]);
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  run.abort(new Error("withdrawn"));
  for (let i = 0; i < 3; i++) await setImmediate();
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
  await assert.rejects(run.verdict(), /withdrawn/);
});

test("ProofRun.verdict() rejects where the validator answers for more or fewer blocks than it was asked", async () => {
  const validator = { prove: () => Promise.resolve([undefined]) } as unknown as BlockValidator;
  assert.equal(await new ProofRun(validator, [frame(1)]).verdict(), undefined);
  await assert.rejects(new ProofRun(validator, [frame(1), frame(2)]).verdict(), RangeError);
});

test("RecentProofs remembers 4,096 blocks and their givers, and the oldest go first", () => {
  const recent = new RecentProofs();
  const giver = { name: "9", refused: () => {} };
  const step = new Step([], giver, {});
  const frames = Array.from({ length: 4_097 }, (_, height) => frame(height));
  const known = (height: number) => recent.has(recordOf(1, height));
  recent.proven(frames.slice(0, 4_096), step);
  assert.deepEqual([known(0), known(4_095), known(4_096)], [true, true, false]);
  recent.proven(frames.slice(4_096), step);
  assert.deepEqual([known(0), known(1), known(4_096)], [false, true, true]);
  assert.deepEqual([recent.giverOf(recordOf(1, 1)), recent.giverOf(recordOf(1, 0))], [giver, null]);
});
