import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TransactionRequestTracker } from "../../../lib/bitcoin/relay/request-tracker.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { id } from "./transactions.ts";

const WAIT_MS = 60_000;
const [FIRST, SECOND, THIRD] = [1, 2, 3];

class Tracker extends TransactionRequestTracker {
  constructor(seed = 1) {
    super(new SeededRandom(seed));
  }

  /** Announces by wtxid. */
  hear(peer: number, number: number, { at = 0, preferred = false } = {}): void {
    this.announced(peer, { hash: id(number), isWtxid: true }, preferred, at);
  }

  /** Has peers give something that they are asked for. */
  prove(...peers: readonly number[]): void {
    for (const peer of peers) {
      this.hear(peer, 10_000 + peer);
      this.ask(0);
      this.delivered(peer, id(10_000 + peer));
    }
  }

  /** Asks everybody who is to be asked; gives who was asked for what. */
  ask(now: number): string[] {
    this.advance(now);
    return this.ready.flatMap((peer) =>
      this.requestable(peer).map(({ hash }) => {
        this.requested(peer, hash, now + WAIT_MS);
        return `${peer}:${new DataView(hash.buffer).getUint32(0)}`;
      })
    );
  }
}

describe("TransactionRequestTracker", () => {
  test("advance() lets a transaction be asked for when its delay has passed, and of one peer at a time", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7, { at: 2_000 });
    tracker.hear(SECOND, 7, { at: 3_000 });
    assert.deepEqual(tracker.ask(1_999), []);
    assert.equal(tracker.nextAt, 2_000);
    assert.deepEqual(tracker.ask(2_000), ["1:7"]);
    assert.deepEqual(tracker.ask(3_000), []);
    assert.equal(tracker.inFlight(FIRST), 1);
    assert.equal(tracker.inFlight(SECOND), 0);
  });

  test("advance() asks the next peer when the first has not answered in a minute", () => {
    const tracker = new Tracker();
    tracker.prove(FIRST);
    tracker.hear(FIRST, 7);
    tracker.hear(SECOND, 7, { at: 1 });
    tracker.ask(0);
    assert.deepEqual(tracker.ask(WAIT_MS - 1), []);
    assert.equal(tracker.advance(WAIT_MS), 1);
    assert.deepEqual(tracker.ask(WAIT_MS), ["2:7"]);
    // Nobody is left: it is as if nobody had told of it.
    tracker.ask(3 * WAIT_MS);
    assert.equal(tracker.size, 0);
    assert.equal(tracker.nextAt, undefined);
  });

  test("requestable() has those before others that we prefer, also where they announced later", () => {
    const tracker = new Tracker();
    for (let peer = 1; peer <= 20; peer++) tracker.hear(peer, 7);
    tracker.hear(21, 7, { preferred: true });
    assert.deepEqual(tracker.ask(0), ["21:7"]);
  });

  test("requestable() chooses among peers that are alike so that nobody can foresee it", () => {
    const chosen = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) {
      const tracker = new Tracker(seed);
      for (let peer = 1; peer <= 4; peer++) tracker.hear(peer, 7);
      for (const each of tracker.ask(0)) chosen.add(each);
    }
    assert.deepEqual([...chosen].sort(), ["1:7", "2:7", "3:7", "4:7"]);
  });

  test("requestable() names transactions in the order in which a peer announced them", () => {
    const tracker = new Tracker();
    for (const number of [5, 3, 9, 1]) tracker.hear(FIRST, number);
    assert.deepEqual(tracker.ask(0), ["1:5", "1:3", "1:9", "1:1"]);
  });

  test("advance() gives a peer five seconds where a better one has announced as well", () => {
    const tracker = new Tracker();
    tracker.prove(FIRST);
    tracker.hear(FIRST, 7);
    assert.deepEqual(tracker.ask(0), ["1:7"]);
    tracker.hear(SECOND, 7, { at: 1_000, preferred: true });
    assert.deepEqual(tracker.ask(1_000), []);
    assert.deepEqual(tracker.ask(4_999), []);
    assert.deepEqual(tracker.ask(5_000), ["2:7"]);
    // One that comes when these are over is asked at once.
    const late = new Tracker();
    late.hear(FIRST, 7);
    late.ask(0);
    late.hear(SECOND, 7, { at: 20_000, preferred: true });
    assert.deepEqual(late.ask(20_000), ["2:7"]);
  });

  test("advance() gives a peer that has given nothing yet two seconds where anybody else has announced as well", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7, { preferred: true });
    assert.deepEqual(tracker.ask(0), ["1:7"]);
    tracker.hear(SECOND, 7);
    tracker.hear(THIRD, 7);
    assert.deepEqual(tracker.ask(1_999), []);
    const [second = ""] = tracker.ask(2_000);
    // It has given nothing either.
    const [third = ""] = tracker.ask(4_000);
    assert.deepEqual([second, third].sort(), ["2:7", "3:7"]);
    // The last one has no successor.
    assert.deepEqual(tracker.ask(4_000 + WAIT_MS - 1), []);
    assert.equal(tracker.inFlight(SECOND) + tracker.inFlight(THIRD), 1);
  });

  test("advance() gives a peer that was late two seconds, whatever it has given", () => {
    const tracker = new Tracker();
    tracker.prove(FIRST);
    tracker.hear(FIRST, 1);
    tracker.ask(0);
    tracker.ask(WAIT_MS);
    tracker.hear(FIRST, 7, { at: WAIT_MS });
    assert.deepEqual(tracker.ask(WAIT_MS), ["1:7"]);
    tracker.hear(SECOND, 7, { at: WAIT_MS });
    assert.deepEqual(tracker.ask(WAIT_MS + 1_999), []);
    assert.deepEqual(tracker.ask(WAIT_MS + 2_000), ["2:7"]);
  });

  test("advance() gives a peer the whole minute where the others are no better", () => {
    const tracker = new Tracker();
    tracker.prove(FIRST, SECOND, THIRD);
    tracker.hear(FIRST, 7, { preferred: true });
    assert.deepEqual(tracker.ask(0), ["1:7"]);
    tracker.hear(SECOND, 7);
    tracker.hear(THIRD, 7, { preferred: true });
    assert.deepEqual(tracker.ask(WAIT_MS - 1), []);
    assert.deepEqual(tracker.ask(WAIT_MS), ["3:7"]);
  });

  test("advance() has a peer that let a question expire come after others for ten minutes", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 1, { preferred: true });
    tracker.ask(0);
    let now = WAIT_MS;
    tracker.ask(now);
    // It is preferred, and it announces first.
    tracker.hear(FIRST, 2, { preferred: true, at: now });
    assert.deepEqual(tracker.ask(now), ["1:2"]);
    tracker.hear(SECOND, 2, { at: now + 100 });
    tracker.hear(FIRST, 3, { preferred: true, at: now + 100 });
    tracker.hear(SECOND, 3, { at: now + 100 });
    assert.deepEqual(tracker.ask(now + 100), ["2:3"]);
    assert.deepEqual(tracker.ask(now + 1_999), []);
    assert.deepEqual(tracker.ask(now + 2_000), ["2:2"]);
    now += 2_000 + 10 * 60_000;
    tracker.ask(now);
    tracker.hear(SECOND, 4, { at: now });
    tracker.hear(FIRST, 4, { preferred: true, at: now });
    assert.deepEqual(tracker.ask(now), ["1:4"]);
  });

  test("delivered() has a peer come before those that have given nothing yet, and after those that we prefer", () => {
    const tracker = new Tracker();
    tracker.prove(FIRST);
    for (let number = 2; number < 12; number++) {
      tracker.hear(SECOND, number);
      tracker.hear(FIRST, number);
    }
    assert.deepEqual(tracker.ask(0).filter((each) => each.startsWith("2:")), []);
    tracker.hear(FIRST, 20);
    tracker.hear(THIRD, 20, { preferred: true });
    assert.deepEqual(tracker.ask(0), ["3:20"]);
  });

  test("delivered() proves nothing by what the peer was not asked for, nor does an answer that it has nothing", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 1, { at: 9_000 });
    tracker.delivered(FIRST, id(1));
    tracker.hear(FIRST, 2);
    tracker.ask(0);
    tracker.answered(FIRST, id(2));
    tracker.hear(FIRST, 3);
    tracker.ask(0);
    tracker.hear(SECOND, 3, { at: 1_000 });
    tracker.ask(1_000);
    assert.deepEqual(tracker.ask(5_000), ["2:3"]);
  });

  test("left() forgets that a peer was late", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 1, { preferred: true });
    tracker.ask(0);
    tracker.ask(WAIT_MS);
    tracker.left(FIRST);
    tracker.hear(FIRST, 2, { preferred: true, at: WAIT_MS });
    tracker.hear(SECOND, 2, { at: WAIT_MS });
    assert.deepEqual(tracker.ask(WAIT_MS), ["1:2"]);
  });

  test("answered() frees the transaction for the next peer at once, and the peer cannot announce it anew", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7);
    tracker.ask(0);
    tracker.hear(SECOND, 7);
    tracker.answered(FIRST, id(7));
    tracker.hear(FIRST, 7, { preferred: true });
    assert.deepEqual(tracker.ask(0), ["2:7"]);
    assert.equal(tracker.count(FIRST), 1);
    assert.deepEqual(tracker.candidates(id(7)), [SECOND]);
  });

  test("answered() frees it also when the peer was not asked yet", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7, { at: 1_000 });
    tracker.answered(FIRST, id(7));
    assert.equal(tracker.size, 0);
  });

  test("announced() changes nothing when the peer announced it before", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7, { at: 5_000 });
    tracker.hear(FIRST, 7, { at: 0, preferred: true });
    assert.deepEqual(tracker.ask(4_999), []);
    assert.equal(tracker.size, 1);
  });

  test("forget() drops all announcements of a hash, whatever their state", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7);
    tracker.hear(SECOND, 7);
    tracker.ask(0);
    tracker.hear(THIRD, 7, { at: 9_000 });
    tracker.hear(THIRD, 8);
    tracker.forget(id(7));
    assert.deepEqual([tracker.size, tracker.hashes], [1, 1]);
    assert.equal(tracker.inFlight(FIRST) + tracker.inFlight(SECOND), 0);
    assert.deepEqual(tracker.ask(10_000), ["3:8"]);
  });

  test("left() passes on to others what the peer was asked for, and keeps nothing of it", () => {
    const tracker = new Tracker();
    tracker.hear(FIRST, 7);
    tracker.hear(FIRST, 8);
    tracker.ask(0);
    tracker.hear(SECOND, 7);
    tracker.left(FIRST);
    assert.equal(tracker.count(FIRST), 0);
    assert.deepEqual(tracker.ask(0), ["2:7"]);
    tracker.left(SECOND);
    assert.equal(tracker.size, 0);
    assert.equal(tracker.nextAt, undefined);
  });

  test("the sums agree with what is kept, whatever happens in whatever order", () => {
    const random = new SeededRandom(11);
    const tracker = new Tracker();
    let now = 0;
    for (let step = 0; step < 20_000; step++) {
      const peer = 1 + random.below(6);
      const number = random.below(8);
      const what = random.below(10);
      if (what < 5) tracker.hear(peer, number, { at: now + random.below(4_000), preferred: random.chance(0.5) });
      else if (what === 5) tracker.answered(peer, id(number));
      else if (what === 6) tracker.forget(id(number));
      else if (what === 7) tracker.ask(now += random.below(30_000));
      else if (what === 8 && random.chance(0.2)) tracker.left(peer);
      const candidates = Array.from({ length: 8 }, (_, i) => tracker.candidates(id(i)).length);
      const counts = Array.from({ length: 6 }, (_, i) => tracker.count(i + 1));
      assert.equal(counts.reduce((sum, each) => sum + each, 0), tracker.size);
      assert.ok(candidates.reduce((sum, each) => sum + each, 0) <= tracker.size);
      for (let i = 1; i <= 6; i++) assert.ok(tracker.inFlight(i) <= tracker.count(i));
    }
    for (let peer = 1; peer <= 6; peer++) tracker.left(peer);
    assert.equal(tracker.hashes, 0);
    assert.equal(tracker.size, 0);
    assert.deepEqual(tracker.ready, []);
    assert.equal(tracker.nextAt, undefined);
  });
});
