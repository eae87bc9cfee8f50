import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { QuestionQueue } from "../../../lib/bitcoin/mempool/queue.ts";

/** A queue that answers a question with itself, and notes what is judged together. */
function noting(before: () => Promise<void> = () => Promise.resolve()) {
  const groups: number[][] = [];
  const closing = new AbortController();
  const queue = new QuestionQueue<number, number>({
    closing: closing.signal,
    before,
    together: (questions, answer) => {
      groups.push([...questions]);
      questions.forEach((question, i) => answer(i, question));
      return Promise.resolve();
    },
  });
  return { queue, groups, closing };
}

describe("QuestionQueue", () => {
  test("judges together what waits, up to 256 questions or 100,000 bytes beyond the first, in order", async () => {
    const { queue, groups } = noting();
    await Promise.all(Array.from({ length: 300 }, (_, i) => queue.ask(i, 10, undefined)));
    assert.deepEqual(groups.map(({ length }) => length), [256, 44]);
    groups.length = 0;
    await Promise.all([400_000, 1, 60_000, 40_000, 1].map((bytes, i) => queue.ask(i, bytes, undefined)));
    assert.deepEqual(groups, [[0], [1, 2], [3, 4]]);
    groups.length = 0;
    await Promise.all([60_000, 40_000, 1].map((bytes, i) => queue.ask(i, bytes, undefined)));
    assert.deepEqual(groups, [[0, 1], [2]]);
  });

  test("does what is to be done alone in its turn", async () => {
    const { queue, groups } = noting();
    const order: string[] = [];
    await Promise.all([
      queue.ask(1, 1, undefined).then(() => order.push("1")),
      queue.alone(() => Promise.resolve(order.push("alone")), undefined),
      queue.ask(2, 1, undefined).then(() => order.push("2")),
    ]);
    assert.deepEqual([order, groups], [["1", "alone", "2"], [[1], [2]]]);
    await assert.rejects(queue.alone(() => Promise.reject(new Error("no")), undefined), /no/);
    await queue.rest();
  });

  test("refuses all that waits when what comes before cannot be done, and tries it again", async () => {
    let isBroken = true;
    const { queue } = noting(() => (isBroken ? Promise.reject(new Error("disk")) : Promise.resolve()));
    const asked = [queue.ask(1, 1, undefined), queue.alone(() => Promise.resolve(), undefined)];
    for (const each of asked) await assert.rejects(each, /disk/);
    isBroken = false;
    assert.equal(await queue.ask(3, 1, undefined), 3);
  });

  test("begins no more once it is closed", async () => {
    const { queue, groups, closing } = noting();
    const asked = queue.ask(1, 1, undefined);
    closing.abort(new Error("closed"));
    await assert.rejects(asked, /closed/);
    await assert.rejects(queue.ask(2, 1, undefined), /closed/);
    await queue.rest();
    assert.deepEqual(groups, []);
  });
});
