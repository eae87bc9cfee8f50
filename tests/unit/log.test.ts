import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { startLogging } from "../../lib/log.ts";

async function logging(level: "info" | "debug", format: "text" | "json" = "text") {
  const lines: string[] = [];
  const log = await startLogging({ level, format, areas: {}, color: false }, (line) => lines.push(line));
  return { lines, log };
}

describe("startLogging()", () => {
  test("begins each line of text with its date and time", async () => {
    const { lines, log } = await logging("info");
    log.log("info", "p2p.chia", "hello {x}");
    assert.match(lines.join(""), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {4}p2p\.chia: hello \{x\}\n$/);
  });

  test("passes on a bounded number of lines an hour of each area, says so, and lets lines for debugging pass", async () => {
    const { lines, log } = await logging("debug");
    for (let i = 0; i < 5_000; i++) log.log(i % 2 === 0 ? "info" : "warning", "p2p.chia", `line ${i}`);
    assert.equal(lines.length, 1_001);
    assert.match(lines.at(-1)!, /warning p2p\.chia: 1000 lines within an hour; the rest of this hour is left out\n$/);
    log.log("info", "p2p.bitcoin", "another area");
    log.log("debug", "p2p.chia", "asked for");
    assert.equal(lines.length, 1_003);
  });
});
