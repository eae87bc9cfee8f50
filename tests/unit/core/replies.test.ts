import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { Replies } from "../../../lib/core/peers/replies.ts";
import { simClock } from "./sim.ts";

const make = (first = 5, last = 7, lateMax = 2) => {
  const clock = simClock();
  return { clock, replies: new Replies<string, string>({ clock, range: [first, last], lateMax }) };
};

describe("Replies", () => {
  test("ask() counts through its range, wraps, and leaves out ids that wait", async () => {
    const { clock, replies } = make();
    const ids = ["a", "b", "c"].map((question) => replies.ask(question, 1_000).id);
    assert.deepEqual(ids, [5, 6, 7]);
    assert.throws(() => replies.ask("d", 1_000), { code: "ids_exhausted" });
    assert.ok(replies.settle(6, "answer"));
    assert.equal(replies.ask("d", 1_000).id, 6, "the only free one");
    assert.equal(replies.open, 3);
    assert.equal(clock.pending, 3);
    replies.failAll(new Error("end"));
    assert.equal(clock.pending, 0);
    await clock.advance(0);
  });

  test("settle() answers once, and only what was asked", async () => {
    const { clock, replies } = make();
    const { id, answer } = replies.ask("question", 1_000);
    assert.equal(replies.questionOf(id), "question");
    assert.equal(replies.settle(id + 1, "other"), false);
    assert.ok(replies.settle(id, "answer"));
    assert.equal(await answer, "answer");
    assert.equal(replies.settle(id, "again"), false);
    assert.equal(replies.excuse(id), false, "an answered question has no late answer");
    assert.equal(clock.pending, 0);
  });

  test("a question times out at its time, and its late answer is excused once", async () => {
    const { clock, replies } = make();
    const { id, answer } = replies.ask("question", 1_000);
    await clock.advance(999);
    assert.equal(replies.open, 1);
    await clock.advance(1);
    await assert.rejects(answer, { code: "timeout", fault: "peer" });
    assert.notEqual(replies.ask("next", 10).id, id, "an id that may still be answered is not given out");
    assert.equal(replies.settle(id, "late"), false);
    assert.ok(replies.excuse(id));
    assert.equal(replies.excuse(id), false);
    replies.failAll(new Error("end"));
  });

  test("at most `lateMax` late ids are remembered, the oldest is forgotten", async () => {
    const { clock, replies } = make(0, 99, 2);
    const ids = [1, 2, 3].map((n) => replies.ask(String(n), n).id);
    await clock.advance(3);
    assert.deepEqual(ids.map((id) => replies.excuse(id)), [false, true, true]);
  });

  test("withdraw() fails a question for the asker's own reason and excuses its answer", async () => {
    const { clock, replies } = make();
    const { id, answer } = replies.ask("question", 1_000);
    replies.withdraw(id, new NodeError("stopped", "self", "not wanted any more"));
    await assert.rejects(answer, { code: "stopped" });
    assert.equal(clock.pending, 0);
    assert.ok(replies.excuse(id));
    replies.withdraw(id, new Error("no-op"));
    assert.equal(replies.excuse(id), false, "withdrawing what is over leaves no trace");
  });

  test("failAll() rejects what waits and what follows, with the first reason, and leaves no timer", async () => {
    const { clock, replies } = make();
    const { answer } = replies.ask("before", 1_000);
    replies.failAll(new Error("gone"));
    replies.failAll(new Error("second"));
    await assert.rejects(answer, /gone/);
    await assert.rejects(replies.ask("after", 1_000).answer, /gone/);
    assert.equal(clock.pending, 0);
  });

  test("an answer that nobody waits for any more brings nothing down when it fails", async () => {
    const { clock, replies } = make();
    replies.ask("forgotten", 10);
    await clock.advance(20);
    assert.equal(replies.open, 0);
  });

  test("failAll() leaves no question open, and none that could still be answered", async () => {
    const { replies } = make();
    const { id, answer } = replies.ask("question", 1_000);
    replies.failAll(new Error("the first end"));
    replies.failAll(new Error("another"));
    assert.equal(replies.open, 0);
    assert.equal(replies.questionOf(id), undefined);
    assert.equal(replies.settle(id, "answer"), false);
    await assert.rejects(answer, /the first end/);
    await assert.rejects(replies.ask("later", 1_000).answer, /the first end/);
  });
});
