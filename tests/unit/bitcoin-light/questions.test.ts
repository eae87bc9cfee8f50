import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import { ANSWER_MS, Questions } from "../../../lib/bitcoin/light/questions.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import { CFCheckpt, CFilter, GetCFilters, NotFound } from "../../../lib/bitcoin/wire/mod.ts";
import { simClock } from "../core/sim.ts";

const bytes = (n: number) => new Uint8Array(32).fill(n);

/** A peer whose session only takes note of what it is asked. */
function someone() {
  const posted: string[] = [];
  const ended = new AbortController();
  const session = {
    label: "someone",
    remote: { host: "10.0.0.1", port: 5 },
    peer: { services: 0n },
    signal: ended.signal,
    post: ({ type }: { readonly type: string }) => void posted.push(type),
  } as unknown as BitcoinSession;
  const peer = new BitcoinPeer({ id: 1, kind: "outbound", session, since: 0 });
  return { peer, posted, ended };
}

const filter = (n: number) => ({
  message: CFilter,
  body: { filterType: 0, blockHash: bytes(n), filter: Uint8Array.of(n) },
});

describe("Questions", () => {
  test("a peer that trickles an answer is given up, however steadily it does", async () => {
    const clock = simClock();
    const questions = new Questions(clock);
    const { peer, posted } = someone();
    const hashes = Array.from({ length: 200 }, (_, i) => bytes(i));
    const got: number[] = [];
    const answer = questions.filters(peer, 0, hashes, (height) => got.push(height), {
      signal: new AbortController().signal,
    });
    let error: unknown;
    answer.catch((thrown) => (error = thrown));
    assert.deepEqual(posted, [GetCFilters.type]);
    for (let i = 0; i < 200 && error === undefined; i++) {
      await clock.advance(ANSWER_MS - 1_000);
      questions.take(peer, filter(i));
    }
    assert.equal((error as { code: string }).code, "timeout");
    assert.ok(got.length > 5 && got.length < 20, `${got.length} of 200`);
    assert.equal(clock.pending, 0);
  });

  test("an answer that is not to the question leaves it open", async () => {
    const clock = simClock();
    const questions = new Questions(clock);
    const { peer } = someone();
    const other = someone().peer;
    const answer = questions.checkpoints(peer, bytes(1), { signal: new AbortController().signal });
    const reply = (n: number, filterType = 0) => ({
      message: CFCheckpt,
      body: { filterType, stopHash: bytes(n), filterHeaders: [bytes(7)] },
    });
    assert.equal(questions.take(peer, reply(2)), false);
    assert.equal(questions.take(peer, reply(1, 1)), false);
    assert.equal(questions.take(other, reply(1)), false);
    assert.equal(questions.take(peer, reply(1)), true);
    assert.deepEqual(await answer, [bytes(7)]);
    assert.equal(questions.take(peer, reply(1)), false, "nobody waits any more");
    assert.equal(clock.pending, 0);
  });

  test("questions end with the peer, with the asker, and when there is nothing to be had", async () => {
    const clock = simClock();
    const questions = new Questions(clock);
    const { peer, ended } = someone();
    const stop = new AbortController();
    const codeOf = (answer: Promise<unknown>) => answer.then(() => "", (thrown) => (thrown as { code: string }).code);
    const gone = codeOf(questions.headers(peer, 1, bytes(3), { signal: stop.signal }));
    questions.forget(peer);
    assert.equal(await gone, "closed");
    const absent = codeOf(questions.block(peer, bytes(4), { signal: stop.signal }));
    questions.take(peer, { message: NotFound, body: { inventory: [{ type: 2, hash: bytes(4) }] } });
    assert.equal(await absent, "absent");
    const dropped = codeOf(questions.block(peer, bytes(4), { signal: stop.signal }));
    stop.abort();
    assert.equal(await dropped, "stopped");
    ended.abort();
    const late = codeOf(questions.block(peer, bytes(4), { signal: new AbortController().signal }));
    assert.equal(await late, "closed");
    assert.equal(clock.pending, 0);
  });
});
