import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, test } from "node:test";
import { onUnforeseen } from "../../../cli/unforeseen.ts";

describe("onUnforeseen()", () => {
  test("tells of each error with where it arose, a hundred times at most, and of none afterwards", () => {
    const source = new EventEmitter();
    const told: string[] = [];
    const end = onUnforeseen(source, (text) => told.push(text));
    source.emit("uncaughtException", new Error("in a timer"));
    source.emit("unhandledRejection", "a text");
    assert.match(told[0]!, /please report it: Error: in a timer\n\s+at /);
    assert.match(told[1]!, /please report it: a text$/);
    for (let i = 0; i < 200; i++) source.emit("uncaughtException", new Error(`${i}`));
    assert.equal(told.length, 101);
    assert.match(told.at(-1)!, /not told/);
    end();
    assert.deepEqual(source.eventNames(), []);
  });
});
