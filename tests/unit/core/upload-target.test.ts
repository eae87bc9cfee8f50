import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { UPLOAD_CYCLE_MS, UploadTarget } from "../../../lib/core/peers/upload-target.ts";
import { simClock } from "./sim.ts";

describe("UploadTarget", () => {
  test("without a target everything is served", () => {
    const target = new UploadTarget({ clock: simClock(), sent: () => 10 ** 15 });
    assert.ok(target.servesOld(10 ** 12));
    assert.deepEqual(target.state(), { bytesMax: 0, isReached: false, bytesLeft: 0, msLeft: UPLOAD_CYCLE_MS });
  });

  test("keeps back what new blocks may take in the rest of the day, and begins anew after it", async () => {
    const clock = simClock();
    let sent = 0;
    const target = new UploadTarget({ clock, bytesMax: 1_000, sent: () => sent });
    const reserve = 600;
    assert.ok(target.servesOld(reserve));
    sent = 400;
    assert.equal(target.servesOld(reserve), false, "600 are left, and 600 are kept back");
    await clock.advance(UPLOAD_CYCLE_MS / 2);
    assert.ok(target.servesOld(reserve), "half a day is left: 300 are kept back");
    sent = 1_200;
    assert.deepEqual(target.state(), { bytesMax: 1_000, isReached: true, bytesLeft: 0, msLeft: UPLOAD_CYCLE_MS / 2 });
    assert.equal(target.servesOld(0), false);
    await clock.advance(UPLOAD_CYCLE_MS / 2);
    assert.deepEqual(target.state(), { bytesMax: 1_000, isReached: false, bytesLeft: 1_000, msLeft: UPLOAD_CYCLE_MS });
    assert.ok(target.servesOld(reserve));
  });
});
