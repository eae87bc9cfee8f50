import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Orphanage } from "../../../lib/bitcoin/relay/orphanage.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { id, transaction } from "./transactions.ts";

const [FIRST, SECOND, THIRD] = [1, 2, 3];
const orphanage = (seed = 1) => new Orphanage(new SeededRandom(seed));
const childOf = (parent: Transaction, vout = 0) => transaction({ spends: [{ txid: parent.txid, vout }] });
/** An orphan of about this weight. */
const heavy = (weight: number) => transaction({ scriptBytes: Math.floor(weight / 4) - 70 });
const spending = (inputs: number) =>
  transaction({ spends: Array.from({ length: inputs }, (_, vout) => ({ txid: id(1), vout })) });
const same = (found: readonly Transaction[], expected: readonly Transaction[]) =>
  assert.deepEqual(found.map(({ wtxid }) => toHex(wtxid)), expected.map(({ wtxid }) => toHex(wtxid)));

describe("Orphanage", () => {
  test("add() keeps an orphan for each peer that announced it, and counts it once", () => {
    const orphans = orphanage();
    const orphan = transaction();
    assert.ok(orphans.add(orphan, FIRST));
    assert.ok(orphans.add(orphan, SECOND));
    assert.ok(orphans.add(orphan, SECOND));
    assert.equal(orphans.size, 1);
    assert.equal(orphans.announcements, 2);
    assert.equal(orphans.weight, orphan.weight);
    assert.equal(orphans.weightOf(FIRST), orphan.weight);
    assert.equal(orphans.weightOf(SECOND), orphan.weight);
    assert.deepEqual(orphans.list().map(({ announcers }) => announcers), [[FIRST, SECOND]]);
  });

  test("add() keeps none that is heavier than a standard transaction", () => {
    const orphans = orphanage();
    assert.equal(orphans.add(heavy(400_500), FIRST), false);
    assert.equal(orphans.size, 0);
    assert.ok(orphans.add(heavy(399_500), FIRST));
  });

  test("left() forgets what only this peer announced", () => {
    const orphans = orphanage();
    const [own, shared] = [transaction(), transaction()];
    orphans.add(own, FIRST);
    orphans.add(shared, FIRST);
    orphans.add(shared, SECOND);
    const dropped: string[] = [];
    orphans.onDropped = (wtxid) => dropped.push(wtxid);
    orphans.left(FIRST);
    assert.deepEqual(dropped, [toHex(own.wtxid)]);
    assert.ok(orphans.hasFrom(shared.wtxid, SECOND));
    assert.equal(orphans.hasFrom(shared.wtxid, FIRST), false);
    orphans.left(SECOND);
    assert.equal(orphans.weight + orphans.points + orphans.size, 0);
  });

  test("add() evicts the oldest of the peer that is furthest over its share of weight, and of nobody else", () => {
    const orphans = orphanage();
    const honest = heavy(300_000);
    orphans.add(honest, FIRST);
    const flood = Array.from({ length: 20 }, () => heavy(100_000));
    for (const each of flood) orphans.add(each, SECOND);
    assert.ok(orphans.has(honest.wtxid));
    assert.ok(orphans.weight <= 2 * 404_000);
    assert.ok(orphans.has(flood.at(-1)!.wtxid), "the newest stay");
    assert.equal(orphans.has(flood[0]!.wtxid), false);
  });

  test("add() goes by what a peer holds now, not by what it has held", () => {
    const orphans = orphanage();
    for (let i = 0; i < 50; i++) {
      const settled = spending(1_000);
      orphans.add(settled, FIRST);
      orphans.drop(settled.wtxid);
    }
    const honest = Array.from({ length: 30 }, () => transaction());
    for (const each of honest) orphans.add(each, FIRST);
    for (let i = 0; i < 4_000; i++) orphans.add(transaction(), SECOND);
    assert.ok(honest.every(({ wtxid }) => orphans.has(wtxid)));
  });

  test("add() lets a peer use the room that others leave", () => {
    const orphans = orphanage();
    orphans.add(transaction(), FIRST);
    orphans.add(transaction(), SECOND);
    const many = Array.from({ length: 10 }, () => heavy(100_000));
    for (const each of many) orphans.add(each, THIRD);
    assert.ok(many.every(({ wtxid }) => orphans.has(wtxid)));
  });

  test("add() bounds the announcements and the inputs of all, which are what takes time", () => {
    const orphans = orphanage();
    const honest = Array.from({ length: 30 }, () => transaction());
    for (const each of honest) orphans.add(each, FIRST);
    for (let i = 0; i < 20_000; i++) orphans.add(transaction(), SECOND);
    assert.ok(orphans.points <= 3_000);
    assert.ok(honest.every(({ wtxid }) => orphans.has(wtxid)));
    for (let i = 0; i < 100; i++) orphans.add(spending(1_000), THIRD);
    assert.ok(orphans.points <= 3_000);
    assert.ok(honest.every(({ wtxid }) => orphans.has(wtxid)));
  });

  test("add() evicts an orphan that several announced only from the one that is over its share", () => {
    const orphans = orphanage();
    const shared = heavy(100_000);
    orphans.add(shared, SECOND);
    orphans.add(shared, FIRST);
    for (let i = 0; i < 20; i++) orphans.add(heavy(100_000), SECOND);
    assert.ok(orphans.has(shared.wtxid));
    assert.equal(orphans.hasFrom(shared.wtxid, SECOND), false);
  });

  test("parentCame() has each child judged again for one of its peers, once", () => {
    const orphans = orphanage();
    const parent = transaction({ outputs: 3 });
    const [child, other, stranger] = [childOf(parent), childOf(parent, 2), transaction()];
    for (const each of [child, other, stranger]) orphans.add(each, FIRST);
    assert.deepEqual(orphans.parentCame(parent), [FIRST, FIRST]);
    assert.deepEqual(orphans.parentCame(parent), []);
    same([orphans.takeReady(FIRST)!, orphans.takeReady(FIRST)!], [child, other]);
    assert.equal(orphans.takeReady(FIRST), undefined);
    assert.ok(orphans.has(child.wtxid), "it is dropped when its verdict is known");
    assert.deepEqual(orphans.parentCame(parent), [FIRST, FIRST]);
  });

  test("parentCame() chooses no second peer for a child that is to be judged again already", () => {
    const orphans = orphanage();
    const parent = transaction();
    const child = childOf(parent);
    for (const peer of [FIRST, SECOND, THIRD]) orphans.add(child, peer);
    assert.equal(orphans.parentCame(parent).length, 1);
    assert.deepEqual(orphans.parentCame(parent), []);
  });

  test("parentCame() takes no child for one that spends an output which the parent does not have", () => {
    const orphans = orphanage();
    const parent = transaction();
    orphans.add(childOf(parent, 7), FIRST);
    orphans.add(childOf(parent, 1), FIRST);
    assert.deepEqual(orphans.parentCame(parent), []);
  });

  test("parentCame() chooses among the peers so that none can have itself chosen", () => {
    const chosen = new Set<number>();
    for (let seed = 1; seed <= 40; seed++) {
      const orphans = orphanage(seed);
      const parent = transaction();
      const child = childOf(parent);
      for (const peer of [FIRST, SECOND, THIRD]) orphans.add(child, peer);
      for (const peer of orphans.parentCame(parent)) chosen.add(peer);
    }
    assert.equal(chosen.size, 3);
  });

  test("add() evicts what waits for a parent before what is to be judged again", () => {
    const orphans = orphanage();
    const parent = transaction();
    const child = childOf(parent);
    orphans.add(child, FIRST);
    orphans.parentCame(parent);
    for (let i = 0; i < 4_000; i++) orphans.add(transaction(), FIRST);
    assert.ok(orphans.has(child.wtxid));
    for (let i = 0; i < 4_000; i++) orphans.add(transaction(), FIRST);
    same([orphans.takeReady(FIRST)!], [child]);
  });

  test("childrenFrom() gives the children that a peer announced, the newest first", () => {
    const orphans = orphanage();
    const parent = transaction({ outputs: 4 });
    const children = [0, 1, 2].map((vout) => childOf(parent, vout));
    orphans.add(children[0]!, FIRST);
    orphans.add(transaction(), FIRST);
    orphans.add(children[1]!, FIRST);
    orphans.add(children[2]!, SECOND);
    same(orphans.childrenFrom(parent, FIRST), [children[1]!, children[0]!]);
    same(orphans.childrenFrom(parent, SECOND), [children[2]!]);
    same(orphans.childrenFrom(parent, THIRD), []);
  });

  test("blockConnected() settles orphans of the block and those that spend what it spends", () => {
    const orphans = orphanage();
    const [mined, other] = [transaction({ number: 90_001 }), transaction()];
    const rival = transaction({ spends: [{ txid: mined.inputs[0]!.prevout.txid }] });
    for (const each of [mined, other, rival]) orphans.add(each, FIRST);
    orphans.blockConnected([mined]);
    same(orphans.list().map((each) => each.transaction), [other]);
  });

  test("the sums agree with what is kept, whatever happens in whatever order", () => {
    const random = new SeededRandom(3);
    const orphans = orphanage();
    const parents = Array.from({ length: 10 }, () => transaction({ outputs: 4 }));
    const all = Array.from({ length: 200 }, () => {
      const spends = Array.from({ length: 1 + random.below(40) }, () => ({
        txid: parents[random.below(10)]!.txid,
        vout: random.below(4),
      }));
      return transaction({ spends, scriptBytes: random.below(20_000) });
    });
    for (let step = 0; step < 5_000; step++) {
      const one = all[random.below(all.length)]!;
      const peer = 1 + random.below(5);
      const what = random.below(20);
      if (what < 14) orphans.add(one, peer);
      else if (what === 14) orphans.drop(one.wtxid);
      else if (what === 15) orphans.parentCame(parents[random.below(10)]!);
      else if (what === 16) orphans.takeReady(peer);
      else if (what === 17 && random.chance(0.1)) orphans.left(peer);
      else if (what === 18 && random.chance(0.1)) orphans.blockConnected([one]);
      const listed = orphans.list();
      assert.equal(orphans.weight, listed.reduce((sum, each) => sum + each.transaction.weight, 0));
      assert.equal(orphans.announcements, listed.reduce((sum, each) => sum + each.announcers.length, 0));
      const points = (each: Transaction) => Math.floor(each.inputCount / 10);
      const expected = listed.reduce((sum, each) => sum + each.announcers.length + points(each.transaction), 0);
      assert.equal(orphans.points, expected);
    }
  });
});
