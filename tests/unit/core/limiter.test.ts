/** The rules are the reference's: chia-blockchain 2.7.5 `chia/server/rate_limits.py`. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Rate, RateLimiter } from "../../../lib/core/peers/limiter.ts";
import { simClock } from "./sim.ts";

const rate: Rate = { perMinute: 10, bytesMax: 100, totalBytesMax: 500, aggregate: false };
const counted: Rate = { ...rate, aggregate: true };
const unlimited: Rate = { unlimited: true, bytesMax: 100 };
const sizes = (count: number, bytes: number) => new Array<number>(count).fill(bytes);

interface Case {
  readonly name: string;
  readonly rate: Rate;
  readonly percentage?: number;
  readonly countRefused?: boolean;
  readonly sizes: readonly number[];
  /** 1 for let through, 0 for refused, one digit a message. */
  readonly expected: string;
}

const cases: readonly Case[] = [
  { name: "the count itself is allowed, one more is not", rate, sizes: sizes(11, 1), expected: "11111111110" },
  { name: "a percentage scales the count", rate, percentage: 30, sizes: sizes(4, 1), expected: "1110" },
  { name: "a percentage does not scale the size of one message", rate, percentage: 30, sizes: [100], expected: "1" },
  { name: "a message may have the largest size and no byte more", rate, sizes: [100, 101, 100], expected: "101" },
  { name: "the bytes of a minute are limited", rate, sizes: [...sizes(5, 100), 1], expected: "111110" },
  {
    name: "a percentage scales the bytes of a minute",
    rate,
    percentage: 50,
    sizes: [100, 100, 50, 1],
    expected: "1110",
  },
  { name: "a refused message counts for a receiver", rate, sizes: [450, 50, 1], countRefused: true, expected: "010" },
  { name: "and its bytes too", rate, sizes: [600, 1], countRefused: true, expected: "00" },
  { name: "a refused message does not count for a sender", rate, sizes: [600, 1], countRefused: false, expected: "01" },
  {
    name: "unlimited kinds have a size only",
    rate: unlimited,
    sizes: [...sizes(50, 100), 101],
    expected: "1".repeat(50) + "0",
  },
  { name: "the size of an unlimited kind is not scaled", rate: unlimited, percentage: 1, sizes: [100], expected: "1" },
];

describe("RateLimiter.take()", () => {
  for (const { name, rate, percentage = 100, countRefused = true, sizes, expected } of cases) {
    test(name, () => {
      const aggregate = { perMinute: 1_000, totalBytesMax: 100_000 };
      const limiter = new RateLimiter({ clock: simClock(), aggregate, percentage, countRefused });
      assert.equal(sizes.map((bytes) => limiter.take(1, rate, bytes) ? "1" : "0").join(""), expected);
    });
  }

  const aggregate = { perMinute: 12, totalBytesMax: 600 };

  test("kinds are counted apart, and those with `aggregate` in sum as well", () => {
    const limiter = new RateLimiter({ clock: simClock(), aggregate, percentage: 100, countRefused: true });
    for (let i = 0; i < 10; i++) assert.ok(limiter.take(1, counted, 1));
    assert.ok(limiter.take(2, counted, 1));
    assert.ok(limiter.take(2, counted, 1));
    assert.equal(limiter.take(3, counted, 1), false, "13 in sum");
    assert.ok(limiter.take(4, rate, 1), "a kind without `aggregate` is not in the sum");
    assert.ok(limiter.take(5, unlimited, 1));
  });

  test("the bytes in sum are limited, and scaled", () => {
    const limiter = new RateLimiter({ clock: simClock(), aggregate, percentage: 50, countRefused: true });
    for (let kind = 0; kind < 3; kind++) assert.ok(limiter.take(kind, counted, 100));
    assert.equal(limiter.take(9, counted, 1), false);
  });

  test("windows are whole minutes of the monotonic clock: twice the rate passes around a border", async () => {
    const clock = simClock();
    await clock.advance(59_999);
    const limiter = new RateLimiter({ clock, aggregate, percentage: 100, countRefused: true });
    for (let i = 0; i < 10; i++) assert.ok(limiter.take(1, counted, 1));
    assert.equal(limiter.take(1, counted, 1), false);
    await clock.advance(1);
    for (let i = 0; i < 10; i++) assert.ok(limiter.take(1, counted, 1), `${i} in the next window`);
    assert.equal(limiter.take(1, counted, 1), false);
    await clock.advance(59_999);
    assert.equal(limiter.take(1, counted, 1), false, "still the same window");
  });
});
