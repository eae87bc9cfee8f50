import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TransactionResult } from "../../../lib/bitcoin/mempool/verdict.ts";
import { type DownloadPeer, TransactionDownload } from "../../../lib/bitcoin/relay/download.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { PretendMempool } from "./pretend.ts";
import { id, transaction } from "./transactions.ts";

const [OUT, IN, OLD] = [1, 2, 3];
const PREFERRED = { id: OUT, isPreferred: true, isWtxidRelay: true, isUnlimited: false };
const INBOUND = { id: IN, isPreferred: false, isWtxidRelay: true, isUnlimited: false };
const BY_TXID = { id: OLD, isPreferred: true, isWtxidRelay: false, isUnlimited: false };

function scene(...peers: readonly DownloadPeer[]) {
  const mempool = new PretendMempool();
  const download = new TransactionDownload({ random: new SeededRandom(1), mempool });
  for (const peer of peers) download.joined(peer);
  const hear = (peer: number, ...all: readonly Transaction[]) => {
    for (const { wtxid } of all) download.announced(peer, { hash: wtxid, isWtxid: true }, 0);
  };
  const ask = (now: number) => {
    download.tracker.advance(now);
    return download.tracker.ready.flatMap((peer) =>
      download.ask(peer, now).map(({ hash }) => `${peer} ${toHex(hash)}`)
    );
  };
  const refuse = (peer: number, one: Transaction, result: TransactionResult, isFirst = true) =>
    download.refused(peer, one, { result }, isFirst, 0);
  return { mempool, download, hear, ask, refuse };
}

const by = (peer: number, hash: Uint8Array) => `${peer} ${toHex(hash)}`;
const childOf = (...parents: readonly Transaction[]) => transaction({ spends: parents, witness: 10 });

describe("TransactionDownload", () => {
  test("announced() has outbound peers asked at once and others two seconds later", () => {
    const { hear, ask } = scene(PREFERRED, INBOUND);
    const [one, other] = [transaction(), transaction()];
    hear(IN, one);
    hear(OUT, other);
    assert.deepEqual(ask(0), [by(OUT, other.wtxid)]);
    assert.deepEqual(ask(1_999), []);
    assert.deepEqual(ask(2_000), [by(IN, one.wtxid)]);
  });

  test("announced() waits two seconds more with a txid while anybody announces by wtxid", () => {
    const { download, ask } = scene(BY_TXID, PREFERRED);
    const one = transaction();
    download.announced(OLD, { hash: one.txid, isWtxid: false }, 0);
    assert.deepEqual(ask(1_999), []);
    assert.deepEqual(ask(2_000), [by(OLD, one.txid)]);
    download.left(OUT);
    const other = transaction();
    download.announced(OLD, { hash: other.txid, isWtxid: false }, 2_000);
    assert.deepEqual(ask(2_000), [by(OLD, other.txid)]);
  });

  test("announced() waits two seconds more with a peer that owes us a hundred", () => {
    const { hear, ask } = scene(PREFERRED);
    hear(OUT, ...Array.from({ length: 100 }, () => transaction()));
    assert.equal(ask(0).length, 100);
    const late = transaction();
    hear(OUT, late);
    assert.deepEqual(ask(1_999), []);
    assert.deepEqual(ask(2_000), [by(OUT, late.wtxid)]);
  });

  test("announced() hears 5,000 of a peer and no more, unless the operator lets it", () => {
    const { download } = scene(PREFERRED, { ...INBOUND, isUnlimited: true });
    for (let i = 0; i < 6_000; i++) {
      for (const peer of [OUT, IN]) download.announced(peer, { hash: id(i), isWtxid: true }, 0);
    }
    assert.deepEqual([download.tracker.count(OUT), download.tracker.count(IN)], [5_000, 6_000]);
  });

  test("announced() wants nothing that is in the mempool, was refused, or is in a block", () => {
    const { mempool, download, hear, ask, refuse } = scene(PREFERRED);
    const [kept, refused, mined, poor] = Array.from({ length: 4 }, () => transaction({ witness: 4 })) as [
      Transaction,
      Transaction,
      Transaction,
      Transaction,
    ];
    mempool.add(kept);
    refuse(OUT, refused, "not_standard");
    refuse(OUT, poor, "reconsiderable");
    download.blockConnected([mined]);
    hear(OUT, kept, refused, mined, poor);
    assert.deepEqual(ask(0), []);
    download.seen.tipChanged();
    download.seen.blockDisconnected();
    hear(OUT, kept, refused, mined, poor);
    assert.deepEqual(ask(0), [by(OUT, refused.wtxid), by(OUT, mined.wtxid), by(OUT, poor.wtxid)]);
  });

  test("ask() passes over what has come in another way meanwhile", () => {
    const { mempool, hear, ask, download } = scene(PREFERRED);
    const one = transaction();
    hear(OUT, one);
    mempool.add(one);
    assert.deepEqual(ask(0), []);
    assert.equal(download.tracker.size, 0);
  });

  test("received() has a transaction judged once, whichever of its ids was asked for", () => {
    const { download, hear, ask, refuse } = scene(PREFERRED);
    const one = transaction({ witness: 9 });
    hear(OUT, one);
    ask(0);
    assert.equal(download.received(OUT, one), "judge");
    assert.equal(download.tracker.size, 0);
    refuse(OUT, one, "consensus");
    assert.equal(download.received(OUT, one), "ignore");
  });

  test("received() of another transaction than was asked for leaves the question open", () => {
    const { download, hear, ask } = scene(PREFERRED, INBOUND);
    const [wanted, other] = [transaction(), transaction()];
    hear(OUT, wanted);
    ask(0);
    assert.equal(download.received(OUT, other), "judge");
    assert.equal(download.tracker.inFlight(OUT), 1);
    assert.deepEqual(ask(59_999), []);
    hear(IN, wanted);
    assert.deepEqual(ask(60_000), [by(IN, wanted.wtxid)]);
  });

  test("notFound() has the next peer asked at once", () => {
    const { download, hear, ask } = scene(PREFERRED, INBOUND);
    const one = transaction();
    hear(OUT, one);
    hear(IN, one);
    assert.deepEqual(ask(2_000), [by(OUT, one.wtxid)]);
    download.notFound(OUT, [one.wtxid]);
    assert.deepEqual(ask(2_000), [by(IN, one.wtxid)]);
  });

  test("refused() for the witness alone leaves the txid to those who have the true one", () => {
    const { download, refuse } = scene(PREFERRED);
    for (const result of ["witness_mutated", "not_standard", "consensus", "mempool_policy"] as const) {
      const one = transaction({ witness: 8 });
      refuse(OUT, one, result);
      assert.equal(download.isKnown({ hash: one.wtxid, isWtxid: true }, false), true, result);
      assert.equal(download.isKnown({ hash: one.txid, isWtxid: false }, false), false, result);
    }
  });

  test("refused() remembers neither id where the witness was taken off, and both where it does not matter", () => {
    const { download, refuse } = scene(PREFERRED);
    const stripped = transaction();
    refuse(OUT, stripped, "witness_stripped");
    assert.equal(download.isKnown({ hash: stripped.txid, isWtxid: false }, true), false);
    const odd = transaction({ witness: 3 });
    refuse(OUT, odd, "inputs_not_standard");
    assert.ok(download.isKnown({ hash: odd.txid, isWtxid: false }, false));
    assert.ok(download.isKnown({ hash: odd.wtxid, isWtxid: true }, false));
  });

  test("refused() keeps an orphan and asks all that announced it for its parents, by txid", () => {
    const { download, hear, ask, refuse } = scene(PREFERRED, INBOUND);
    const parents = [transaction(), transaction()];
    const orphan = childOf(...parents);
    hear(OUT, orphan);
    hear(IN, orphan);
    ask(0);
    const { parents: told } = refuse(OUT, orphan, "missing_inputs");
    assert.deepEqual(told.map(toHex), parents.map(({ txid }) => toHex(txid)));
    assert.deepEqual(download.orphans.list().map(({ announcers }) => announcers), [[OUT, IN]]);
    assert.deepEqual(download.tracker.candidates(orphan.wtxid), [], "it is here");
    assert.deepEqual(ask(1_999), []);
    assert.deepEqual(ask(2_000), parents.map(({ txid }) => by(OUT, txid)));
    assert.deepEqual(ask(3_999), []);
    download.left(OUT);
    assert.deepEqual(ask(4_000), parents.map(({ txid }) => by(IN, txid)));
  });

  test("refused() does not ask for parents that are there, and keeps none whose parent was refused", () => {
    const { mempool, download, ask, refuse } = scene(PREFERRED);
    const [there, bad, missing] = [transaction(), transaction(), transaction()];
    mempool.add(there);
    refuse(OUT, bad, "consensus");
    refuse(OUT, childOf(there, missing), "missing_inputs");
    assert.deepEqual(ask(2_000), [by(OUT, missing.txid)]);
    const hopeless = childOf(bad, missing);
    refuse(OUT, hopeless, "missing_inputs");
    assert.equal(download.orphans.size, 1);
    // Neither id is asked for again: no witness would help.
    assert.ok(download.isKnown({ hash: hopeless.txid, isWtxid: false }, false));
    assert.ok(download.isKnown({ hash: hopeless.wtxid, isWtxid: true }, false));
  });

  test("refused() keeps a child of one parent that pays too little, and none of two", () => {
    const { download, refuse } = scene(PREFERRED);
    const [poor, poorer] = [transaction(), transaction()];
    refuse(OUT, poor, "reconsiderable");
    refuse(OUT, poorer, "reconsiderable");
    refuse(OUT, childOf(poor), "missing_inputs");
    assert.equal(download.orphans.size, 1);
    refuse(OUT, childOf(poor, poorer), "missing_inputs");
    assert.equal(download.orphans.size, 1);
  });

  test("refused() keeps no orphan of a peer whose announcements are used up", () => {
    const { download, refuse } = scene(PREFERRED);
    for (let i = 0; i < 5_000; i++) download.announced(OUT, { hash: id(i), isWtxid: true }, 0);
    refuse(OUT, transaction(), "missing_inputs");
    assert.equal(download.orphans.size, 0);
  });

  test("announced() of an orphan makes the peer one to ask for its parents", () => {
    const { download, hear, ask, refuse } = scene(PREFERRED, INBOUND);
    const parent = transaction();
    const orphan = childOf(parent);
    refuse(OUT, orphan, "missing_inputs");
    hear(IN, orphan);
    assert.deepEqual(download.orphans.list().map(({ announcers }) => announcers), [[OUT, IN]]);
    assert.deepEqual(ask(2_000), [by(OUT, parent.txid)]);
    assert.deepEqual(ask(62_000), [by(IN, parent.txid)]);
  });

  test("an orphan does not keep a transaction away that has another witness", () => {
    const { download, refuse } = scene(PREFERRED);
    const parent = transaction();
    const [orphan, twin] = [10, 11].map((witness) => transaction({ number: 777, spends: [parent], witness }));
    assert.deepEqual(orphan!.txid, twin!.txid);
    refuse(OUT, orphan!, "missing_inputs");
    assert.equal(download.isKnown({ hash: twin!.wtxid, isWtxid: true }, true), false);
    assert.equal(download.isKnown({ hash: twin!.txid, isWtxid: false }, true), false);
  });

  test("accepted() gives the peers whose orphans are to be judged again, and forgets the transaction", () => {
    const { download, hear, refuse } = scene(PREFERRED, INBOUND);
    const parent = transaction();
    const orphan = childOf(parent);
    refuse(IN, orphan, "missing_inputs");
    hear(OUT, parent);
    assert.deepEqual(download.accepted(parent), [IN]);
    assert.equal(download.tracker.candidates(parent.txid).length, 0);
    assert.deepEqual(download.accepted(orphan), []);
    assert.equal(download.orphans.size, 0);
  });

  test("a parent that pays too little is judged with a child of the same peer, whichever comes first", () => {
    const { download, refuse } = scene(PREFERRED, INBOUND);
    const parent = transaction({ witness: 5 });
    const [child, others] = [childOf(parent), childOf(parent)];
    refuse(IN, others, "missing_inputs");
    refuse(OUT, child, "missing_inputs");
    assert.deepEqual(refuse(OUT, parent, "reconsiderable").package, [parent, child]);
    assert.deepEqual(download.received(OUT, parent), [parent, child]);
    download.packageRefused([parent, child]);
    assert.equal(download.received(OUT, parent), "ignore");
    assert.deepEqual(download.received(IN, parent), [parent, others]);
  });

  test("refused() offers no package for what was refused within one", () => {
    const { refuse } = scene(PREFERRED);
    const parent = transaction();
    refuse(OUT, childOf(parent), "missing_inputs");
    assert.equal(refuse(OUT, parent, "reconsiderable", false).package, undefined);
  });

  test("blockConnected() settles what the block has, and orphans that it makes impossible", () => {
    const { download, hear, refuse } = scene(PREFERRED);
    const mined = transaction({ number: 4_242 });
    const rival = transaction({ spends: [{ txid: mined.inputs[0]!.prevout.txid }] });
    refuse(OUT, rival, "missing_inputs");
    hear(OUT, mined);
    download.blockConnected([mined]);
    assert.equal(download.orphans.size, 0);
    assert.equal(download.tracker.candidates(mined.wtxid).length, 0);
  });

  test("left() keeps nothing of a peer", () => {
    const { download, hear, ask, refuse } = scene(PREFERRED);
    hear(OUT, ...Array.from({ length: 50 }, () => transaction()));
    ask(0);
    refuse(OUT, transaction(), "missing_inputs");
    download.left(OUT);
    assert.deepEqual([download.tracker.size, download.orphans.size], [0, 0]);
  });
});
