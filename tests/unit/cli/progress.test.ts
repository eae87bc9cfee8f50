import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { isNews } from "../../../cli/display.ts";
import {
  formatCount,
  formatSeconds,
  progressJson,
  progressLine,
  type ProgressView,
  RateMeter,
  redraw,
} from "../../../cli/progress.ts";
import { formatBytes, printable, table } from "../../../cli/table.ts";

const view: ProgressView = {
  chain: "chia",
  height: 4_812_004,
  target: 7_862_113,
  rate: 2310,
  synced: false,
  peers: 8,
  tipAgeS: undefined,
};

describe("progressLine()", () => {
  test("shows bar, share, heights, rate and time left", () => {
    assert.equal(
      progressLine(view, { columns: 120, bar: true }),
      "chia     blocks ████████████░░░░░░░░  61.2%  4,812,004/7,862,113  2,310/s  eta 22m  peers 8",
    );
    assert.equal(
      progressLine(view, { columns: 120, bar: false }),
      "chia     blocks  61.2%  4,812,004/7,862,113  2,310/s  eta 22m  peers 8",
    );
  });

  test("says whom a node reads from, and how far it is behind, in the place of its peers", () => {
    const reading = { writer: "one:4711", commits_behind: 0, heard_s: 1 };
    const line = (more: Partial<typeof reading> | { writer: null }) =>
      progressLine({ ...view, synced: true, reading: { ...reading, ...more } }, { columns: 200, bar: false });
    assert.match(line({}), /synced {2}reads from one:4711$/);
    assert.match(line({ commits_behind: 1_200 }), / reads from one:4711, 1,200 commits behind$/);
    assert.match(line({ heard_s: 12 }), / reads from one:4711, nothing heard for 12s$/);
    assert.match(line({ writer: null }), / reads, nobody writes$/);
  });

  test("says 100 % only when all is there, and no time left while the rate is not known", () => {
    const almost = progressLine({ ...view, height: 7_862_112, rate: undefined }, { columns: 120, bar: true });
    assert.match(almost, / 99\.9% /);
    assert.doesNotMatch(almost, /eta/);
    assert.match(
      progressLine({ ...view, height: undefined, target: 0 }, { columns: 120, bar: true }),
      /░{20}\s+0\.0% {2}0\/0/,
    );
  });

  test("synced: tells the age of the tip", () => {
    const line = progressLine({ ...view, height: 7_862_113, synced: true, tipAgeS: 14 }, { columns: 120, bar: true });
    assert.match(line, /100\.0% {2}7,862,113\/7,862,113 {2}synced, tip 14s old {2}peers 8$/);
  });

  test("never wraps", () => {
    assert.equal([...progressLine(view, { columns: 40, bar: true })].length, 39);
  });
});

test("progressJson() is one object with plain figures", () => {
  assert.deepEqual(JSON.parse(progressJson({ ...view, rate: 12.345, height: undefined })), {
    chain: "chia",
    height: null,
    target: 7862113,
    rate: 12.3,
    synced: false,
    peers: 8,
  });
});

test("redraw() goes up over what it drew", () => {
  assert.equal(redraw(["a", "b"], 0), "\r\x1b[2Ka\n\r\x1b[2Kb\n");
  assert.ok(redraw(["a"], 2).startsWith("\x1b[2A"));
});

describe("RateMeter", () => {
  test("gives the median: one stall does not move it", () => {
    const meter = new RateMeter();
    assert.equal(meter.rate, undefined);
    let [atMs, height] = [0, 0];
    for (const gained of [100, 100, 100, 0, 100, 100]) meter.add(atMs += 1000, height += gained);
    assert.equal(meter.rate, 100);
  });

  test("is silent while it knows too little, forgets after two minutes and after a reorganisation", () => {
    const meter = new RateMeter();
    for (let i = 0; i < 3; i++) meter.add(i * 1000, i * 10);
    assert.equal(meter.rate, undefined);
    meter.add(3000, 30);
    assert.equal(meter.rate, 10);
    meter.add(200_000, 40);
    assert.equal(meter.rate, undefined);
    for (let i = 1; i < 5; i++) meter.add(200_000 + i * 1000, 40 + i);
    assert.equal(meter.rate, 1);
    meter.add(206_000, 20);
    assert.equal(meter.rate, undefined);
  });
});

describe("figures", () => {
  test("formatSeconds(), formatCount(), formatBytes()", () => {
    assert.deepEqual([0, 59.6, 372, 7440, 277_200].map(formatSeconds), ["0s", "1m", "6m12s", "2h4m", "3d5h"]);
    assert.equal(formatCount(7_862_113), "7,862,113");
    assert.equal(formatCount(999), "999");
    assert.deepEqual([512, 96_000_000, 1_900_000_000].map(formatBytes), ["512 B", "96 MB", "1.9 GB"]);
  });

  test("table() aligns, printable() keeps a peer from moving the cursor", () => {
    assert.equal(table(["A", "N>"], [["x", "1"], ["long", "100"]]), "A       N\nx       1\nlong  100\n");
    assert.equal(printable("a\x1b[2Jb\n\u202ec"), "a?[2Jb??c");
  });
});

describe("isNews()", () => {
  const view = { chain: "chia", height: 100, target: 100, rate: 1, synced: true, peers: 3, tipAgeS: 5 };
  const shown = { last: "100 100 true 3", lastMs: 0 };

  test("a chain at rest has none, however old its tip grows", () => {
    assert.equal(isNews(shown, { ...view, tipAgeS: 3_600, rate: 0.9 }, 3_600_000, false), false);
    assert.equal(isNews(shown, { ...view, tipAgeS: 3_600 }, 3_600_000, true), false);
  });

  test("a chain that is followed has some every ten minutes, and at once when it is synced no longer", () => {
    assert.equal(isNews(shown, { ...view, height: 101, target: 101 }, 10_000, false), false);
    assert.equal(isNews(shown, { ...view, height: 101, target: 101 }, 600_000, false), true);
    assert.equal(isNews(shown, { ...view, height: 101, target: 101 }, 10_000, true), true, "the last line");
    assert.equal(isNews(shown, { ...view, synced: false }, 10_000, false), true);
    assert.equal(
      isNews({ last: "1 100 false 3", lastMs: 0 }, { ...view, height: 9, synced: false }, 10_000, false),
      true,
    );
  });
});
