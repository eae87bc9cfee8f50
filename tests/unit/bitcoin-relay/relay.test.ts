import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectedBlock } from "../../../lib/bitcoin/chain/chain.ts";
import { TransactionRelay, type TransactionRelayParts } from "../../../lib/bitcoin/relay/relay.ts";
import { InvType } from "../../../lib/bitcoin/types/inventory.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { FeeFilter, NotFound, Tx } from "../../../lib/bitcoin/wire/mod.ts";
import type { AnyMessage } from "../../../lib/bitcoin/wire/message.ts";
import { refuseTransaction } from "../../../lib/bitcoin/mempool/verdict.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort } from "../../support/effort.ts";
import { simClock } from "../core/sim.ts";
import { askedTxid, askedWtx, batch, Pretended, PretendMempool, type PretendPeer, wtxids } from "./pretend.ts";
import { id, transaction } from "./transactions.ts";

const TIP = 5;

class Scene {
  readonly clock = simClock();
  readonly mempool = new PretendMempool();
  readonly relay: TransactionRelay;
  readonly extra: Transaction[] = [];
  readonly peers: Pretended[] = [];
  readonly #work = new Set<Promise<void>>();
  isLoading = false;

  constructor(peers: readonly PretendPeer[] = [], parts: Partial<TransactionRelayParts> = {}) {
    this.relay = new TransactionRelay({
      ...{ clock: this.clock, random: new SeededRandom(1), mempool: this.mempool, takes: true },
      initialBlockDownload: () => this.isLoading,
      minimumFeeOf: () => 0n,
      isTip: (row) => row === TIP,
      ...{ relayFeeRate: 100, incrementalFeeRate: 100 },
      track: (work) => void this.#work.add(work),
      extra: (one) => void this.extra.push(one),
      ...parts,
    });
    for (const each of peers) this.join(each);
  }

  join(options: PretendPeer): Pretended {
    const peer = new Pretended(options);
    this.peers.push(peer);
    this.relay.joined(peer.peer);
    return peer;
  }

  /** Handles a message as the table of handlers does. */
  async handle(peer: Pretended, message: AnyMessage, body: unknown): Promise<void> {
    const { handle } = this.relay.handlers.find(({ key }) => key === message) ?? assert.fail();
    await handle(peer.peer, { message, body });
  }

  /** A block with these transactions is connected. */
  connect(...transactions: readonly Transaction[]): void {
    this.relay.connected({ row: TIP, block: { transactions } } as unknown as ConnectedBlock);
  }

  async hear(peer: Pretended, ...all: readonly Transaction[]): Promise<void> {
    await this.clock.until(this.relay.announced(peer.peer, wtxids(...all)));
  }

  async give(peer: Pretended, one: Transaction): Promise<void> {
    await this.clock.until(this.handle(peer, Tx, one));
    await this.clock.until(Promise.all(this.#work).then(() => {}));
  }
}

const childOf = (...parents: readonly Transaction[]) => transaction({ spends: parents, witness: 10 });
const names = (all: readonly Transaction[]) => all.map(({ lockTime }) => lockTime);

describe("TransactionRelay", () => {
  test("asks for what is announced, judges it and tells the others", async () => {
    const scene = new Scene([{}, {}]);
    const [giver = assert.fail(), other = assert.fail()] = scene.peers;
    const one = transaction({ witness: 20 });
    await scene.hear(giver, one);
    assert.deepEqual(giver.asked(), [askedWtx(one)]);
    await scene.give(giver, one);
    assert.ok(scene.mempool.get(one.txid));
    await scene.clock.advance(60_000);
    assert.deepEqual(other.told(), [toHex(one.wtxid)]);
    assert.deepEqual(giver.told(), [], "it knows");
    assert.equal(giver.peer.merits.lastNewsMs, 1_750_000_000_000);
    assert.equal(other.peer.merits.lastNewsMs, 0);
  });

  test("asks the next peer when one does not answer for a minute, and when it has gone", async () => {
    const scene = new Scene([{}, { kind: "inbound" }, { kind: "inbound" }]);
    const [first = assert.fail(), ...others] = scene.peers;
    const before = transaction();
    await scene.hear(first, before);
    await scene.give(first, before);
    first.asked();
    const one = transaction();
    for (const peer of scene.peers) await scene.hear(peer, one);
    assert.equal(first.asked().length, 1);
    await scene.clock.advance(59_999);
    assert.equal(others.flatMap((peer) => peer.asked()).length, 0);
    await scene.clock.advance(1);
    const second = others.find(({ posted }) => posted.some(({ type }) => type === "getdata")) ?? assert.fail();
    second.asked();
    scene.relay.left(second.peer);
    const third = others.find((peer) => peer !== second) ?? assert.fail();
    assert.deepEqual(third.asked(), [askedWtx(one)]);
  });

  test("asks the next peer when one says that it has nothing, unless it says so of more than can be", async () => {
    const scene = new Scene([{}, {}]);
    const one = transaction();
    for (const peer of scene.peers) await scene.hear(peer, one);
    const [first = assert.fail(), second = assert.fail()] = scene.peers;
    await scene.clock.advance(1_999);
    const entry = { type: InvType.WTX, hash: one.wtxid };
    await scene.handle(first, NotFound, { inventory: Array.from({ length: 5_017 }, () => entry) });
    assert.deepEqual(second.asked(), []);
    await scene.handle(first, NotFound, { inventory: [entry] });
    assert.deepEqual(second.asked(), [askedWtx(one)]);
  });

  test("asks in messages of a thousand", async () => {
    const scene = new Scene([{ permissions: ["relay"] }]);
    const [peer = assert.fail()] = scene.peers;
    await scene.hear(peer, ...Array.from({ length: 2_500 }, () => transaction()));
    const sizes = peer.posted.filter(({ type }) => type === "getdata")
      .map(({ body }) => (body as { inventory: unknown[] }).inventory.length);
    assert.deepEqual(sizes, [1_000, 1_000, 500]);
  });

  test("passes over ids of the kind that was not agreed on", async () => {
    const scene = new Scene([{}, { wtxidRelay: false }]);
    const [modern = assert.fail(), old = assert.fail()] = scene.peers;
    const both = batch([{ type: InvType.TX, hash: id(1) }, { type: InvType.WTX, hash: id(2) }, {
      type: 77,
      hash: id(3),
    }]);
    for (const peer of scene.peers) await scene.relay.announced(peer.peer, both);
    await scene.clock.advance(2_000);
    assert.deepEqual(modern.asked(), [`${InvType.WTX} ${toHex(id(2))}`]);
    assert.deepEqual(old.asked(), [askedTxid(id(1))]);
  });

  test("hears nothing while blocks are behind, and punishes nobody for it", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    scene.isLoading = true;
    const one = transaction();
    await scene.hear(peer, one);
    await scene.give(peer, one);
    assert.deepEqual(peer.asked(), []);
    assert.equal(scene.mempool.size, 0);
  });

  for (
    const [what, options, parts] of [
      ["for blocks only", { kind: "block-relay" }, {}],
      ["of a node that wants blocks only", {}, { takes: false }],
    ] as const
  ) {
    test(`disconnects a peer ${what} that announces or gives a transaction`, async () => {
      const scene = new Scene([options], parts);
      const [peer = assert.fail()] = scene.peers;
      const expected = { code: "unwanted_transaction" };
      await assert.rejects(scene.relay.announced(peer.peer, wtxids(transaction())), expected);
      await assert.rejects(scene.handle(peer, Tx, transaction()), expected);
      // An announcement of a block is none of its business.
      await scene.relay.announced(peer.peer, batch([{ type: InvType.BLOCK, hash: id(1) }]));
    });
  }

  test("takes transactions of a peer that may relay, also in a node that wants blocks only, and tells no fee rate", async () => {
    const scene = new Scene([{ permissions: ["relay"] }], { takes: false });
    const [peer = assert.fail()] = scene.peers;
    await scene.give(peer, transaction());
    assert.equal(scene.mempool.size, 1);
    assert.equal(peer.posted.some(({ type }) => type === FeeFilter.type), false);
  });

  test("keeps an orphan, fetches its parent, and judges both", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const parent = transaction();
    const orphan = childOf(parent);
    scene.mempool.refuse(orphan, "missing_inputs");
    await scene.hear(peer, orphan);
    await scene.give(peer, orphan);
    assert.deepEqual(scene.relay.orphans().map((each) => names([each.transaction])), [names([orphan])]);
    assert.ok(peer.heldBytes > orphan.size);
    peer.asked();
    await scene.clock.advance(2_000);
    assert.deepEqual(peer.asked(), [askedTxid(parent.txid)]);
    scene.mempool.refuse(orphan, undefined);
    await scene.give(peer, parent);
    assert.deepEqual(names(scene.mempool.judged), names([orphan, parent, orphan]));
    assert.equal(scene.mempool.size, 2);
    assert.deepEqual(scene.relay.orphans(), []);
    assert.equal(peer.heldBytes, 0);
  });

  test("drops an orphan when its memory is needed, and when its peer goes", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    for (let i = 0; i < 2; i++) {
      const orphan = childOf(transaction());
      scene.mempool.refuse(orphan, "missing_inputs");
      await scene.give(peer, orphan);
    }
    const [[letGo = assert.fail()] = []] = [...peer.held];
    letGo();
    assert.equal(scene.relay.orphans().length, 1);
    scene.relay.left(peer.peer);
    assert.equal(scene.relay.orphans().length, 0);
    assert.equal(peer.heldBytes, 0);
  });

  test("judges a parent that pays too little with the child that pays for both, and tells both", async () => {
    const scene = new Scene([{}, {}]);
    const [giver = assert.fail(), other = assert.fail()] = scene.peers;
    const parent = transaction({ witness: 7 });
    const child = childOf(parent);
    scene.mempool.refuse(parent, "reconsiderable");
    scene.mempool.refuse(child, "missing_inputs");
    await scene.give(giver, child);
    await scene.give(giver, parent);
    assert.deepEqual(scene.mempool.packages.map(names), [names([parent, child])]);
    assert.equal(scene.mempool.size, 2);
    assert.deepEqual(scene.relay.orphans(), []);
    await scene.clock.advance(60_000);
    assert.deepEqual(other.told().sort(), [parent, child].map(({ wtxid }) => toHex(wtxid)).sort());
  });

  test("does not judge a package twice that was refused", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const parent = transaction({ witness: 7 });
    const child = childOf(parent);
    scene.mempool.refuse(parent, "reconsiderable");
    scene.mempool.refuse(child, "missing_inputs");
    await scene.give(peer, child);
    scene.mempool.refuse(child, "mempool_policy");
    await scene.give(peer, parent);
    await scene.give(peer, parent);
    assert.equal(scene.mempool.packages.length, 1);
  });

  test("judges peers whose transactions cost time in vain after all others", async () => {
    const scene = new Scene([{}, {}, {}]);
    const [bad = assert.fail(), worse = assert.fail(), honest = assert.fail()] = scene.peers;
    scene.mempool.before = () => scene.clock.sleep(100);
    const costly = () => {
      const one = transaction({ witness: 3 });
      scene.mempool.refuse(one, "consensus");
      return one;
    };
    for (const peer of [bad, worse, worse, worse]) await scene.give(peer, costly());
    scene.mempool.judged.length = 0;
    const [first, second, third] = [costly(), costly(), transaction()] as const;
    const all = [
      scene.handle(worse, Tx, first),
      scene.handle(bad, Tx, second),
      scene.handle(honest, Tx, third),
    ];
    await scene.clock.until(Promise.all(all));
    // There is a rest after a costly one; the honest one does not wait for its end.
    assert.deepEqual(names(scene.mempool.judged), names([third, second, first]));
  });

  test("find() gives what the peer was told of, in the form that was asked for", async () => {
    const scene = new Scene([{}, {}]);
    const [giver = assert.fail(), other = assert.fail()] = scene.peers;
    const one = transaction({ witness: 30 });
    await scene.give(giver, one);
    const ask = (type: number, hash: Uint8Array) => scene.relay.find(other.peer, { type, hash });
    assert.equal(ask(InvType.WTX, one.wtxid), undefined, "it was not told yet");
    await scene.clock.advance(60_000);
    assert.deepEqual(ask(InvType.WTX, one.wtxid), one.raw);
    assert.deepEqual(ask(InvType.WITNESS_TX, one.txid), one.raw);
    assert.deepEqual(ask(InvType.TX, one.txid), one.stripped);
    assert.equal(ask(InvType.WTX, one.txid), undefined);
    assert.equal(ask(InvType.TX, one.wtxid), undefined);
  });

  test("find() gives what the newest block has, until the next one comes", () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const [one, next] = [transaction({ witness: 3 }), transaction()];
    scene.connect(one);
    assert.deepEqual(scene.relay.find(peer.peer, { type: InvType.WTX, hash: one.wtxid }), one.raw);
    assert.deepEqual(scene.relay.find(peer.peer, { type: InvType.WITNESS_TX, hash: one.txid }), one.raw);
    scene.connect(next);
    assert.equal(scene.relay.find(peer.peer, { type: InvType.WTX, hash: one.wtxid }), undefined);
  });

  test("find() gives nothing of a block before a snapshot, or of those that are caught up with", () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const one = transaction();
    scene.relay.connected({ row: 3, block: { transactions: [one] } } as unknown as ConnectedBlock);
    scene.isLoading = true;
    scene.connect(one);
    assert.equal(scene.relay.find(peer.peer, { type: InvType.WTX, hash: one.wtxid }), undefined);
  });

  test("find() is silent towards a peer that hears of no transactions", () => {
    const scene = new Scene([{ relay: false }]);
    const [peer = assert.fail()] = scene.peers;
    assert.equal(scene.relay.find(peer.peer, { type: InvType.WTX, hash: id(1) }), "silence");
  });

  test("broadcast() tells of a transaction again until a peer asks for it", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const one = transaction();
    scene.mempool.add(one);
    scene.relay.broadcast(one.txid);
    await scene.clock.advance(60_000);
    assert.equal(peer.told().length, 1);
    // One that comes later hears of it at the next time.
    const late = scene.join({});
    for (let i = 0; i < 16; i++) {
      scene.relay.tick();
      await scene.clock.advance(60_000);
    }
    assert.deepEqual(late.told(), [toHex(one.wtxid)]);
    assert.equal(scene.relay.unbroadcast.has(one.txid), true);
    scene.relay.find(late.peer, { type: InvType.WTX, hash: one.wtxid });
    assert.equal(scene.relay.unbroadcast.size, 0);
  });

  test("broadcast() is forgotten when the transaction leaves the mempool", () => {
    const scene = new Scene();
    const one = transaction();
    scene.mempool.add(one);
    scene.relay.broadcast(one.txid);
    assert.deepEqual(scene.relay.unbroadcast.list().map(toHex), [toHex(one.txid)]);
    scene.mempool.remove(one);
    assert.equal(scene.relay.unbroadcast.size, 0);
  });

  test("a transaction that comes from elsewhere has its orphans judged again", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const parent = transaction();
    const orphan = childOf(parent);
    scene.mempool.refuse(orphan, "missing_inputs");
    await scene.give(peer, orphan);
    scene.mempool.refuse(orphan, undefined);
    scene.mempool.add(parent);
    await scene.clock.advance(0);
    assert.ok(scene.mempool.get(orphan.txid));
  });

  test("tipMoved() lets what was refused be judged anew, and disconnected() what was in a block be relayed anew", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const [refused, mined] = [transaction(), transaction()];
    scene.mempool.refuse(refused, "not_standard");
    await scene.give(peer, refused);
    scene.connect(mined);
    await scene.hear(peer, refused, mined);
    assert.deepEqual(peer.asked(), []);
    scene.relay.tipMoved();
    await scene.hear(peer, refused, mined);
    assert.deepEqual(peer.asked(), [askedWtx(refused)]);
    scene.relay.disconnected();
    await scene.hear(peer, mined);
    assert.deepEqual(peer.asked(), [askedWtx(mined)]);
  });

  test("announceAll() tells a peer of all that is in the mempool", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const one = transaction();
    scene.mempool.add(one);
    scene.relay.announceAll(peer.peer);
    await scene.clock.advance(60_000);
    assert.deepEqual(peer.told(), [toHex(one.wtxid)]);
  });

  test("a peer that may force us has known transactions told on again", async () => {
    const scene = new Scene([{ permissions: ["forcerelay"] }, {}]);
    const [trusted = assert.fail(), other = assert.fail()] = scene.peers;
    const one = transaction();
    scene.mempool.add(one);
    await scene.give(trusted, one);
    await scene.clock.advance(60_000);
    assert.deepEqual(other.told(), [toHex(one.wtxid)]);
  });

  test("extra hears of what may yet be in a block, once", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const [orphan, refused, stripped, taken] = Array.from({ length: 4 }, () => transaction());
    scene.mempool.refuse(orphan!, "missing_inputs");
    scene.mempool.refuse(refused!, "mempool_policy");
    scene.mempool.refuse(stripped!, "witness_stripped");
    for (const one of [orphan!, refused!, stripped!, taken!, orphan!, refused!]) await scene.give(peer, one);
    assert.deepEqual(names(scene.extra), names([orphan!, refused!]));
  });

  test("a flood of unknown ids stays bounded, is on the account of its peer, and keeps nobody waiting", async () => {
    const scene = new Scene([{ kind: "inbound" }, {}]);
    const [flooder = assert.fail(), honest = assert.fail()] = scene.peers;
    for (let i = 0; i < 3; i++) {
      const entries = Array.from({ length: 50_000 }, (_, n) => ({ type: InvType.WTX, hash: id(i * 50_000 + n) }));
      await scene.clock.until(scene.relay.announced(flooder.peer, batch(entries)));
    }
    await scene.clock.advance(2_000);
    assert.equal(flooder.asked().length, 5_000);
    assert.ok(flooder.heldBytes > 2_000_000 && flooder.heldBytes < 4_000_000, `${flooder.heldBytes}`);
    const one = transaction();
    await scene.hear(honest, one);
    assert.deepEqual(honest.asked(), [askedWtx(one)]);
    scene.relay.left(flooder.peer);
    assert.equal(flooder.heldBytes, 0);
  });

  test("an orphan that is judged again in vain is booked once", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const parents = [transaction(), transaction()];
    const orphan = childOf(...parents);
    scene.mempool.refuse(orphan, "missing_inputs");
    await scene.give(peer, orphan);
    const { heldBytes } = peer;
    await scene.give(peer, parents[0]!);
    assert.equal(scene.mempool.judged.length, 3);
    assert.equal(peer.heldBytes, heldBytes);
    scene.mempool.refuse(orphan, undefined);
    await scene.give(peer, parents[1]!);
    assert.equal(peer.heldBytes, 0);
  });

  test("judges a package again that was taken and has left the mempool since", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const parent = transaction({ witness: 7 });
    const child = childOf(parent);
    for (let i = 1; i <= 2; i++) {
      scene.mempool.refuse(parent, "reconsiderable");
      scene.mempool.refuse(child, "missing_inputs");
      await scene.give(peer, child);
      await scene.give(peer, parent);
      assert.equal(scene.mempool.packages.length, i);
      for (const each of [child, parent]) scene.mempool.remove(each);
    }
  });

  test("a flood of orphans stays bounded, is on the accounts of its peers, and pushes out nobody else's", {
    timeout: 120_000,
  }, async () => {
    const scene = new Scene([{ kind: "inbound" }, { kind: "inbound" }, {}]);
    const [flooder = assert.fail(), second = assert.fail(), honest = assert.fail()] = scene.peers;
    scene.mempool.accept = () => Promise.resolve(refuseTransaction("missing_inputs", "bad-txns-inputs-missingorspent"));
    const own = Array.from({ length: 50 }, () => transaction());
    for (const one of own) await scene.handle(honest, Tx, one);
    const count = effort("orphans of a flood", 5_000, 100_000);
    for (let i = 0; i < count; i++) await scene.handle(i % 2 === 0 ? flooder : second, Tx, transaction());
    const { orphans, orphanPoints, announcements } = scene.relay.figures;
    assert.ok(orphanPoints <= 3_000 && orphans <= 3_000, `${orphans}`);
    // Each of them wants a parent.
    assert.ok(announcements <= 2 * 5_000 + own.length);
    assert.ok(flooder.heldBytes + second.heldBytes < 16 * 1024 * 1024, `${flooder.heldBytes}`);
    const kept = new Set(scene.relay.orphans().map((each) => toHex(each.transaction.wtxid)));
    assert.ok(own.every(({ wtxid }) => kept.has(toHex(wtxid))));
    for (const { peer } of scene.peers) scene.relay.left(peer);
    assert.deepEqual(scene.relay.figures, {
      announcements: 0,
      orphans: 0,
      orphanWeight: 0,
      orphanPoints: 0,
      judging: 0,
    });
    assert.equal(flooder.heldBytes + second.heldBytes + honest.heldBytes, 0);
  });

  test("what a peer knows is on its account", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    for (let i = 0; i < 6_000; i++) scene.relay.announcements.knows(peer.peer, id(i));
    scene.relay.tick();
    assert.ok(peer.heldBytes > 20_000, `${peer.heldBytes}`);
    await scene.clock.advance(0);
  });

  test("close() leaves no timer behind", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    await scene.hear(peer, transaction());
    scene.mempool.add(transaction());
    const one = transaction();
    await scene.give(peer, one);
    assert.ok(scene.clock.pending > 0);
    scene.relay.close();
    assert.equal(scene.clock.pending, 0);
    assert.equal(scene.mempool.listeners, 0);
  });

  test("a peer is not told of what it gave without a word", async () => {
    const scene = new Scene([{}, { wtxidRelay: false }]);
    const all = [transaction({ witness: 4 }), transaction({ witness: 4 })];
    for (const [i, peer] of scene.peers.entries()) await scene.give(peer, all[i]!);
    await scene.clock.advance(60_000);
    assert.deepEqual(scene.peers.map((peer) => peer.told()), [[toHex(all[1]!.wtxid)], [toHex(all[0]!.txid)]]);
  });

  test("tipMoved() tells peers of the rate of fees when that is the first tip of today", () => {
    const scene = new Scene();
    scene.isLoading = true;
    const peer = scene.join({});
    assert.equal(scene.relay.isHoldingOff, true);
    scene.isLoading = false;
    scene.relay.tipMoved();
    assert.equal(scene.relay.isHoldingOff, false);
    assert.equal(peer.posted.filter(({ type }) => type === FeeFilter.type).length, 2);
    scene.isLoading = true;
    const other = scene.join({});
    assert.equal(scene.relay.isHoldingOff, true);
    scene.relay.left(other.peer);
    assert.equal(scene.relay.isHoldingOff, false);
  });

  test("announced() gives way to others", async () => {
    const clock = simClock();
    let now = 0;
    const slow = {
      now: () => clock.now(),
      monotonic: () => (now += 5),
      sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
      after: (ms: number, call: () => void) => clock.after(ms, call),
    };
    const scene = new Scene([{}], { clock: slow });
    const [peer = assert.fail()] = scene.peers;
    const hearing = scene.relay.announced(peer.peer, wtxids(...Array.from({ length: 100 }, () => transaction())));
    for (let i = 0; i < 500; i++) await Promise.resolve();
    assert.ok(scene.relay.figures.announcements < 10, "it waits for its turn");
    await clock.until(hearing);
    assert.equal(scene.relay.figures.announcements, 100);
  });

  test("does not judge a package again of which only the child was refused", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const parent = transaction({ witness: 7 });
    const child = childOf(parent);
    scene.mempool.refuse(parent, "reconsiderable");
    scene.mempool.refuse(child, "missing_inputs");
    await scene.give(peer, child);
    let packages = 0;
    scene.mempool.acceptPackage = () => {
      packages += 1;
      const entry = scene.mempool.add(parent);
      const taken = { ok: true, entry, replaced: [], effectiveFeeRate: 1, effectiveIncludes: [] } as const;
      return Promise.resolve({ verdicts: [taken, refuseTransaction("mempool_policy", "too-large-cluster")] });
    };
    await scene.give(peer, parent);
    scene.mempool.remove(parent);
    scene.mempool.refuse(child, "missing_inputs");
    scene.relay.tipMoved();
    scene.mempool.refuse(parent, "reconsiderable");
    await scene.give(peer, child);
    await scene.give(peer, parent);
    assert.equal(packages, 2, "after another tip it is tried anew");
    await scene.give(peer, parent);
    assert.equal(packages, 2);
  });

  test("an orphan is on the account of its peer with all its inputs", async () => {
    const scene = new Scene([{}]);
    const [peer = assert.fail()] = scene.peers;
    const orphan = transaction({ spends: Array.from({ length: 200 }, (_, vout) => ({ txid: id(5), vout })) });
    scene.mempool.refuse(orphan, "missing_inputs");
    await scene.give(peer, orphan);
    assert.ok(peer.heldBytes > orphan.size + 200 * 256, `${peer.heldBytes}`);
  });
});
