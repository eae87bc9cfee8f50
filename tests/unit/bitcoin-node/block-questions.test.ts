import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import { BlockQuestions, IN_FLIGHT_MAX, SECOND_SOURCE_MS } from "../../../lib/bitcoin/sync/block-questions.ts";
import { simClock } from "../core/sim.ts";

function scene() {
  const clock = simClock();
  const settled: string[] = [];
  const questions = new BlockQuestions(clock, (row, peer) => settled.push(`${row} of ${peer.id}`));
  const peer = (id: number, kind: "inbound" | "outbound" = "inbound") => {
    const session = { peer: { services: 9n }, remote: { host: `10.0.0.${id}`, port: 1 } } as unknown as BitcoinSession;
    return new BitcoinPeer({ id, kind, session, since: 0 });
  };
  return { clock, settled, questions, peer };
}

describe("BlockQuestions", () => {
  test("standing() tells how a question stands towards a peer", () => {
    const { questions, peer } = scene();
    const [first, second, outbound] = [peer(1), peer(2), peer(3, "outbound")];
    const none = { count: 0, isAsked: false, isFirst: true, isAskedOutbound: false, hasRoom: true };
    assert.deepEqual(questions.standing(7, first), none);
    questions.ask(first, [7]);
    assert.deepEqual(questions.standing(7, first), { ...none, count: 1, isAsked: true });
    assert.deepEqual(questions.standing(7, second), { ...none, count: 1, isFirst: false });
    questions.ask(second, [7]);
    questions.ask(outbound, [7]);
    assert.deepEqual(questions.standing(7, second), {
      ...{ count: 3, isAsked: true, isFirst: false, isAskedOutbound: true, hasRoom: true },
    });
    questions.release(7, first);
    assert.equal(questions.standing(7, second).isFirst, true);
    questions.ask(second, Array.from({ length: IN_FLIGHT_MAX - 1 }, (_, i) => 100 + i));
    assert.deepEqual([questions.standing(7, second).hasRoom, questions.standing(7, first).hasRoom], [false, true]);
  });

  test("settle() and release() tell who is not asked any more, once each", () => {
    const { questions, peer, settled } = scene();
    const [first, second, third] = [peer(1), peer(2), peer(3)];
    questions.ask(first, [7, 8]);
    questions.ask(second, [7]);
    assert.equal(questions.release(7, third), false);
    assert.equal(questions.release(9, first), false);
    assert.deepEqual(settled, []);
    assert.equal(questions.release(7, first), false);
    assert.equal(questions.release(7, first), false);
    assert.equal(questions.release(7, second), true);
    assert.deepEqual(settled, ["7 of 1", "7 of 2"]);
    assert.deepEqual(questions.settle(8), [first]);
    assert.deepEqual(questions.settle(8), []);
    assert.deepEqual([settled.at(-1), questions.size, first.session.awaitsMore()], ["8 of 1", 0, false]);
  });

  test("isLate() after five seconds, and after twice as long for each further peer where that is asked for", async () => {
    const { clock, questions, peer } = scene();
    const peers = [1, 2, 3].map((id) => peer(id));
    questions.ask(peers[0]!, [7]);
    const question = questions.of(7)!;
    const isLate = (isRepeated: boolean) => question.isLate(clock.monotonic(), isRepeated);
    await clock.advance(SECOND_SOURCE_MS);
    assert.deepEqual([isLate(false), isLate(true)], [false, false]);
    await clock.advance(1);
    assert.deepEqual([isLate(false), isLate(true)], [true, true]);
    questions.ask(peers[1]!, [7]);
    question.askedMore(clock.monotonic());
    await clock.advance(2 * SECOND_SOURCE_MS);
    assert.deepEqual([isLate(false), isLate(true)], [false, false]);
    await clock.advance(1);
    assert.deepEqual([isLate(false), isLate(true)], [false, true]);
    questions.ask(peers[2]!, [7]);
    question.askedMore(clock.monotonic());
    await clock.advance(4 * SECOND_SOURCE_MS + 1);
    assert.deepEqual([isLate(false), isLate(true)], [false, true]);
    // Two are left, and then one, which is slow by itself.
    questions.release(7, peers[0]!);
    assert.equal(isLate(false), false);
    questions.release(7, peers[1]!);
    assert.equal(isLate(false), true);
  });

  test("a peer that is left alone has its five seconds from when the block was first asked for", async () => {
    const { clock, questions, peer } = scene();
    const [first, second] = [peer(1), peer(2)];
    questions.ask(first, [7]);
    questions.ask(second, [7]);
    const question = questions.of(7)!;
    await clock.advance(1_000);
    questions.release(7, first);
    assert.equal(question.isLate(clock.monotonic(), true), false);
    await clock.advance(SECOND_SOURCE_MS - 999);
    assert.equal(question.isLate(clock.monotonic(), false), true);
  });
});
