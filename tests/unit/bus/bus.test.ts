import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { Bus } from "../../../lib/core/events/bus.ts";

describe("Bus", () => {
  test("emit() calls the listeners of its topic in the order in which they came", () => {
    const bus = new Bus<{ peak: number; other: string }>();
    const heard: unknown[] = [];
    bus.on("peak", (value) => heard.push(["first", value]));
    bus.on("peak", (value) => heard.push(["second", value]));
    bus.on("other", (value) => heard.push(value));
    bus.emit("peak", 7);
    assert.deepEqual(heard, [["first", 7], ["second", 7]]);
  });

  test("a listener that throws is reported and the others are called all the same", () => {
    const reported: unknown[] = [];
    const bus = new Bus<{ peak: number }>((error, topic) => reported.push([error, topic]));
    const heard: number[] = [];
    bus.on("peak", () => {
      throw new Error("mine");
    });
    bus.on("peak", (value) => heard.push(value));
    bus.emit("peak", 1);
    assert.deepEqual(heard, [1]);
    assert.deepEqual(reported, [[new Error("mine"), "peak"]]);
  });

  test("the returned function and the signal end a registration, and only that one", () => {
    const bus = new Bus<{ peak: number }>();
    let calls = 0;
    const listener = () => void (calls += 1);
    const off = bus.on("peak", listener);
    const controller = new AbortController();
    bus.on("peak", listener, controller.signal);
    bus.emit("peak", 1);
    assert.equal(calls, 2);
    off();
    off();
    bus.emit("peak", 2);
    assert.equal(calls, 3);
    controller.abort();
    bus.on("peak", listener, controller.signal);
    bus.emit("peak", 3);
    assert.equal(calls, 3);
    assert.equal(bus.count("peak"), 0);
  });

  test("a listener may leave while it is called", () => {
    const bus = new Bus<{ peak: number }>();
    const heard: string[] = [];
    const off = bus.on("peak", () => {
      heard.push("once");
      off();
    });
    bus.on("peak", () => heard.push("always"));
    bus.emit("peak", 1);
    bus.emit("peak", 2);
    assert.deepEqual(heard, ["once", "always", "always"]);
  });
});
