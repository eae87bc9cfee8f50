import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Announcements } from "../../../lib/bitcoin/relay/announcements.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";
import { Pretended, PretendMempool, type PretendPeer } from "./pretend.ts";
import { transaction } from "./transactions.ts";

function scene(...options: readonly PretendPeer[]) {
  const clock = simClock();
  const mempool = new PretendMempool();
  const minimumFees = new Map<number, bigint>();
  const announcements = new Announcements({
    ...{ clock, random: new SeededRandom(1), mempool },
    minimumFeeOf: ({ id }) => minimumFees.get(id) ?? 0n,
  });
  mempool.listen({ removed: (entry) => announcements.drop(entry.transaction.txid) });
  const peers = options.map((each) => new Pretended(each));
  for (const { peer } of peers) announcements.joined(peer);
  const announce = (one: Transaction = transaction()) => {
    mempool.add(one);
    announcements.announce(one.txid);
    return one;
  };
  /** When each peer hears of something that is announced now, in milliseconds from now. */
  const heardAfter = async () => {
    const began = clock.monotonic();
    announce();
    const times = peers.map(() => -1);
    while (times.includes(-1)) {
      await clock.advance(10);
      peers.forEach((each, i) => {
        if (each.told().length > 0) times[i] = clock.monotonic() - began;
      });
    }
    return times;
  };
  return { clock, mempool, announcements, peers, announce, heardAfter, minimumFees };
}

const ids = (...all: readonly Transaction[]) => all.map(({ wtxid }) => toHex(wtxid));
const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

describe("Announcements", () => {
  test("toldAt() says when a peer is told, and nothing once it was", async () => {
    const { announcements, announce, clock, peers: [listener] } = scene({}, {});
    const { id } = listener!.peer;
    const one = announce();
    const at = announcements.toldAt(id, one.txid)!;
    assert.ok(at > clock.monotonic());
    const other = announce();
    assert.equal(announcements.toldAt(id, other.txid), at);
    assert.equal(announcements.toldAt(id, transaction().txid), undefined);
    assert.equal(announcements.toldAt(99, one.txid), undefined);
    await clock.advance(at - clock.monotonic() - 1);
    assert.deepEqual(listener!.told(), []);
    await clock.advance(1);
    assert.equal(listener!.told().length, 2);
    assert.equal(announcements.toldAt(id, one.txid), undefined);
  });

  test("announce() has outbound peers hear two seconds later on average, each at its own moment", async () => {
    const { heardAfter, clock } = scene({}, {});
    const waits: number[] = [];
    let same = 0;
    for (let i = 0; i < 200; i++) {
      const [one = 0, other = 0] = await heardAfter();
      waits.push(one, other);
      if (one === other) same += 1;
    }
    assert.ok(Math.abs(mean(waits) - 2_000) < 300, `${mean(waits)}`);
    assert.ok(same < 10);
    assert.equal(clock.pending, 0);
  });

  test("announce() has all inbound peers of one network hear at one moment, five seconds later on average", async () => {
    const { heardAfter } = scene({ kind: "inbound" }, { kind: "inbound" }, { kind: "inbound", localHost: "10.0.0.77" });
    const waits: number[] = [];
    let same = 0;
    for (let i = 0; i < 200; i++) {
      const [one = 0, other = 0, elsewhere = 0] = await heardAfter();
      assert.equal(one, other);
      if (one === elsewhere) same += 1;
      waits.push(one);
    }
    assert.ok(Math.abs(mean(waits) - 5_000) < 700, `${mean(waits)}`);
    assert.ok(same < 10);
  });

  test("announce() has a peer that the operator trusts hear at once", async () => {
    const { clock, peers: [peer = assert.fail()], announce } = scene({ kind: "inbound", permissions: ["noban"] });
    const one = announce();
    await clock.advance(0);
    assert.deepEqual(peer.told(), ids(one));
  });

  test("a peer hears of what a block should have first, first", async () => {
    const { clock, mempool, peers: [peer = assert.fail()], announce } = scene({});
    const all = Array.from({ length: 20 }, () => transaction());
    all.forEach((each, i) => mempool.pays(each, 1_000 + ((i * 7) % 20)));
    for (const each of all) announce(each);
    await clock.advance(60_000);
    const expected = mempool.byMiningScore().map((each) => each.transaction);
    assert.deepEqual(peer.told(), ids(...expected));
  });

  test("a peer that does not speak of wtxids hears of txids", async () => {
    const { clock, peers: [peer = assert.fail()], announce } = scene({ wtxidRelay: false });
    const one = announce(transaction({ witness: 20 }));
    await clock.advance(60_000);
    assert.deepEqual(peer.posted[0]?.body, { inventory: [{ type: 1, hash: one.txid }] });
  });

  test("a peer does not hear of what it has told of, and of nothing twice", async () => {
    const { clock, announcements, peers: [peer = assert.fail()], announce } = scene({});
    const [known, fresh] = [transaction(), transaction()];
    announcements.knows(peer.peer, known.wtxid);
    announce(known);
    announce(fresh);
    await clock.advance(60_000);
    assert.deepEqual(peer.told(), ids(fresh));
    announcements.announce(fresh.txid);
    await clock.advance(60_000);
    assert.deepEqual(peer.told(), []);
  });

  test("a peer does not hear of what pays less than it wants, and of what pays as much it does", async () => {
    const { clock, mempool, minimumFees, peers: [peer = assert.fail()], announce } = scene({});
    const [less, enough] = [transaction(), transaction()];
    minimumFees.set(peer.peer.id, 2_000n);
    mempool.pays(less, Math.ceil((2_000 * less.vsize) / 1_000) - 1);
    mempool.pays(enough, Math.ceil((2_000 * enough.vsize) / 1_000));
    announce(less);
    announce(enough);
    await clock.advance(60_000);
    assert.deepEqual(peer.told(), ids(enough));
  });

  test("a peer does not hear of what has left the mempool meanwhile", async () => {
    const { clock, mempool, peers: [peer = assert.fail()], announce } = scene({});
    const [gone, kept] = [announce(), announce()];
    mempool.remove(gone);
    await clock.advance(60_000);
    assert.deepEqual(peer.told(), ids(kept));
  });

  for (
    const [what, options] of [
      ["for blocks only", { kind: "block-relay" }],
      ["that wants none", { kind: "inbound", relay: false }],
      ["that only looks whether we are there", { kind: "feeler" }],
    ] as const
  ) {
    test(`a peer ${what} hears of nothing, and may ask for nothing`, async () => {
      const { clock, mempool, announcements, peers: [peer = assert.fail()], announce } = scene(options);
      const one = announce();
      await clock.advance(60_000);
      assert.deepEqual(peer.posted, []);
      assert.equal(announcements.tells(peer.peer), false);
      assert.equal(announcements.mayHave(peer.peer, mempool.get(one.txid)!), false);
    });
  }

  test("mayHave() is so of what was there when the peer was told last, and not of what came since", async () => {
    const { clock, mempool, announcements, peers: [peer = assert.fail(), other = assert.fail()], announce } = scene(
      {},
      {},
    );
    const one = mempool.get(announce().txid)!;
    assert.equal(announcements.mayHave(peer.peer, one), false);
    await clock.advance(60_000);
    const since = mempool.add(transaction());
    assert.equal(announcements.mayHave(peer.peer, one), true);
    assert.equal(announcements.mayHave(peer.peer, since), false);
    assert.deepEqual(announcements.viewOf(other.peer), { lastSequence: 2, waiting: 0 });
  });

  test("wantsAll() has a peer hear of all that is there, also of what it knows", async () => {
    const { clock, mempool, announcements, peers: [peer = assert.fail()] } = scene({});
    const all = [transaction(), transaction()];
    for (const each of all) mempool.add(each);
    announcements.knows(peer.peer, all[0]!.wtxid);
    announcements.wantsAll(peer.peer);
    await clock.advance(60_000);
    assert.deepEqual(peer.told(), ids(...all));
  });

  test("what is too much at once goes on at the rate, to peers that stay", async () => {
    const { clock, peers: [peer = assert.fail()], announcements, announce } = scene({ kind: "inbound" });
    for (let i = 0; i < 700; i++) announce();
    assert.equal(announcements.backlogs.inbound.waiting, 280);
    // Nobody is there who would hear of it.
    assert.equal(announcements.backlogs.outbound.waiting, 0);
    await clock.advance(10_000);
    const soon = peer.told().length;
    assert.ok(soon < 700, `${soon}`);
    await clock.advance(60_000);
    assert.equal(soon + peer.told().length, 700);
    assert.equal(clock.pending, 0);
  });

  test("left() and close() leave no timer behind", async () => {
    const { clock, peers, announcements, announce } = scene({}, { kind: "inbound" }, { kind: "inbound" });
    for (let i = 0; i < 500; i++) announce();
    assert.ok(clock.pending > 0);
    announcements.left(peers[0]!.peer);
    announcements.left(peers[1]!.peer);
    await clock.advance(60_000);
    assert.equal(peers[0]!.told().length + peers[1]!.told().length, 0);
    assert.equal(peers[2]!.told().length, 500);
    for (let i = 0; i < 800; i++) announce();
    announcements.close();
    assert.equal(clock.pending, 0);
    announce();
    assert.equal(clock.pending, 0);
  });

  test("a peer that comes when the last of its network has gone hears like any other", async () => {
    const { clock, peers: [first = assert.fail()], announcements, announce } = scene({ kind: "inbound" });
    announce();
    announcements.left(first.peer);
    const next = new Pretended({ kind: "inbound" });
    announcements.joined(next.peer);
    const one = announce();
    await clock.advance(60_000);
    assert.deepEqual(next.told(), ids(one));
  });

  test("viewOf() counts what waits for a peer", () => {
    const { announcements, peers: [peer = assert.fail()], announce } = scene({});
    announce();
    announce();
    assert.deepEqual(announcements.viewOf(peer.peer), { lastSequence: 1, waiting: 2 });
  });
});
