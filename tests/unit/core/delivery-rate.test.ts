import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeliveryRate } from "../../../lib/core/peers/delivery-rate.ts";

describe("the delivery rate of a peer", () => {
  test("is zero before anything came", () => {
    assert.equal(new DeliveryRate().bytesPerSecond, 0);
  });

  test("counts overlapping questions once", () => {
    const rate = new DeliveryRate();
    for (const now of [100, 200, 300, 400]) rate.delivered(1_000, 0, now);
    assert.ok(Math.abs(rate.bytesPerSecond - 10_000) < 1, `${rate.bytesPerSecond}`);
  });

  test("does not count the time in which nothing was asked", () => {
    const rate = new DeliveryRate();
    rate.delivered(1_000, 0, 100);
    rate.delivered(1_000, 60_000, 60_100);
    assert.ok(Math.abs(rate.bytesPerSecond - 10_000) < 1, `${rate.bytesPerSecond}`);
  });

  test("follows a peer that becomes slow", () => {
    const rate = new DeliveryRate();
    let now = 0;
    for (let i = 0; i < 100; i++) rate.delivered(1_000, now, now += 1);
    for (let i = 0; i < 100; i++) rate.delivered(1_000, now, now += 100);
    assert.ok(rate.bytesPerSecond < 13_000, `${rate.bytesPerSecond}`);
  });
});
