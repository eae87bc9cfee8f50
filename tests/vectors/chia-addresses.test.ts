/** Places, judgement and file of Chia's address manager against what chia-blockchain 2.7.5 computed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { chiaAddressRules } from "../../lib/chia/addresses/rules.ts";
import { readChiaPeersDat } from "../../lib/chia/addresses/peers-dat.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { AddressBook, BOOK, isTerrible, selectionChance } from "../../lib/core/addresses/book.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { simClock } from "../unit/core/sim.ts";

interface Golden {
  readonly keys: readonly string[];
  readonly peers: readonly {
    readonly host: string;
    readonly port: number;
    readonly sourceHost: string;
    readonly key: string;
    readonly group: string;
    readonly sourceGroup: string;
    readonly buckets: readonly Record<"tried" | "new" | "newFromSelf" | "positionTried" | "positionNew", number>[];
  }[];
  readonly chances: readonly {
    readonly now: number;
    readonly timestamp: number;
    readonly lastTry: number;
    readonly lastSuccess: number;
    readonly attempts: number;
    readonly terrible: boolean;
    readonly chance: number;
  }[];
  readonly table: {
    readonly source: string;
    readonly added: readonly { readonly host: string; readonly port: number; readonly added: boolean }[];
    readonly newTable: readonly { readonly host: string; readonly bucket: number; readonly position: number }[];
    readonly peersDat: string;
  };
}

const file = new URL("../data/chia/address-manager.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;

describe("Chia's address manager, golden data of chia-blockchain 2.7.5", () => {
  test("chiaAddressRules() places every peer as the reference does, under each key", () => {
    const rules = chiaAddressRules({ allowPrivate: true });
    let places = 0;
    for (const peer of golden.peers) {
      const located = rules.locate(peer);
      const sourceGroup = rules.sourceGroup(peer.sourceHost);
      assert.ok(located !== undefined && sourceGroup !== undefined, peer.host);
      assert.equal(`0x${toHex(located.key)}`, peer.key);
      assert.equal(`0x${toHex(located.group)}`, peer.group);
      assert.equal(`0x${toHex(sourceGroup)}`, peer.sourceGroup);
      for (const [i, expected] of peer.buckets.entries()) {
        const placement = rules.placement(fromHex(golden.keys[i]!));
        const tried = placement.triedBucket(located.key, located.group);
        const newBucket: number = placement.newBucket(located.group, sourceGroup);
        const found: typeof expected = {
          tried,
          new: newBucket,
          newFromSelf: placement.newBucket(located.group, located.group),
          positionTried: placement.position("tried", tried, located.key),
          positionNew: placement.position("new", newBucket, located.key),
        };
        assert.deepEqual(found, expected, `${peer.host} under key ${i}`);
        places += 1;
      }
    }
    assert.equal(places, 73 * 4);
  });

  test("isTerrible() and selectionChance() judge as the reference does", () => {
    assert.equal(golden.chances.length, 40);
    for (const { now, timestamp, lastTry, lastSuccess, attempts, terrible, chance } of golden.chances) {
      const entry = { timeS: timestamp, lastTryS: lastTry, lastSuccessS: lastSuccess, attempts };
      assert.equal(isTerrible(entry, now), terrible);
      assert.ok(Math.abs(selectionChance(entry, now) - chance) < 1e-12);
    }
  });

  test("AddressBook.learn() fills the new table as the reference does", () => {
    const clock = simClock();
    const book = new AddressBook({
      rules: chiaAddressRules(),
      clock,
      random: new SeededRandom(1),
      key: fromHex(golden.keys[0]!),
      budget: false,
    });
    const timeS = Math.floor(clock.now() / 1000);
    for (const { host, port, added } of golden.table.added) {
      assert.equal(book.learn([{ host, port, timeS }], golden.table.source).added, added ? 1 : 0, host);
    }
    assert.deepEqual(slotsOf(book), golden.table.newTable);
  });

  test("readChiaPeersDat() reads the reference's peers.dat into the same table", () => {
    const state = readChiaPeersDat(fromHex(golden.table.peersDat));
    assert.equal(`0x${toHex(state.key)}`, golden.keys[0]);
    const book = AddressBook.fromState(state, {
      rules: chiaAddressRules(),
      clock: simClock(),
      random: new SeededRandom(1),
    });
    assert.deepEqual(slotsOf(book), golden.table.newTable);
    assert.equal(book.size.tried, 0);
  });
});

/** The occupied slots of the new table, as the golden file lists them. */
function slotsOf(book: AddressBook): Golden["table"]["newTable"] {
  return [...book.entries()]
    .flatMap(({ host, slots }) => slots.map(({ bucket, position }) => ({ host, bucket, position })))
    .sort((a, b) => (a.bucket - b.bucket) * BOOK.bucketSize + a.position - b.position);
}
