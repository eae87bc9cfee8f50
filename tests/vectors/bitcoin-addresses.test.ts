/** Places of Bitcoin's address manager: Core's fixed numbers, those that follow from its formulas, and its AS map. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinAddressRules } from "../../lib/bitcoin/addresses/rules.ts";
import { AsMap } from "../../lib/bitcoin/addresses/asmap.ts";
import { addressOf } from "../../lib/bitcoin/addresses/groups.ts";
import { fromHex } from "../../lib/codec/hex.ts";
import type { AddressRules } from "../../lib/core/addresses/book.ts";
import { bitcoinBytes, bitcoinDataMissing, bitcoinJson } from "./bitcoin-data.ts";

interface Case {
  readonly nKeyHex: string;
  readonly addr: string;
  readonly port: number;
  readonly source: string;
  readonly triedBucket?: number;
  readonly triedPosition?: number;
  readonly newBucket?: number;
  readonly newPosition?: number;
}

const BUCKETS = "derived/addrman-buckets.json";
const MAP = "core/asmap.raw";

/** The places of a case, of which it may tell a part. */
function places(rules: AddressRules, { nKeyHex, addr, port, source }: Case) {
  const located = rules.locate({ host: addr, port });
  const sourceGroup = rules.sourceGroup(source);
  assert.ok(located !== undefined && sourceGroup !== undefined);
  const placement = rules.placement(fromHex(nKeyHex));
  const triedBucket = placement.triedBucket(located.key, located.group);
  const newBucket = placement.newBucket(located.group, sourceGroup);
  return {
    triedBucket,
    triedPosition: placement.position("tried", triedBucket, located.key),
    newBucket,
    newPosition: placement.position("new", newBucket, located.key),
  };
}

describe("Bitcoin's address manager", () => {
  test("bitcoinAddressRules() places as Core does", { skip: bitcoinDataMissing(BUCKETS) }, () => {
    const { coreFixed, cases } = bitcoinJson<{ coreFixed: Case[]; cases: Case[] }>(BUCKETS);
    assert.ok(coreFixed.length === 2 && cases.length === 24);
    const rules = bitcoinAddressRules();
    for (const each of [...coreFixed, ...cases]) {
      const { nKeyHex, addr, port, source, ...expected } = each;
      const found = places(rules, each);
      assert.deepEqual({ ...found, ...expected }, found, `${addr} from ${source} under ${nKeyHex}, port ${port}`);
    }
  });

  test("bitcoinAddressRules() groups by AS map, as Core's own test expects", { skip: bitcoinDataMissing(MAP) }, () => {
    const rules = bitcoinAddressRules({ asMap: new AsMap(bitcoinBytes(MAP)) });
    // addrman_tests.cpp caddrinfo_get_tried_bucket with asmap: bucket 236 under the key SHA-256d(i32 1).
    const nKeyHex = "41f758f2e5cc078d3795b4fc0cb60c2d735fa92cc020572bdc982dd2d564d11b";
    const case1 = { nKeyHex, addr: "250.1.1.1", port: 8333, source: "250.1.1.1" };
    assert.equal(places(rules, case1).triedBucket, 236);
    assert.equal(places(rules, { ...case1, addr: "250.1.2.1", source: "250.1.2.1" }).newBucket, 795);
  });

  test("AsMap.lookup() finds what Core's comment on the file lists", { skip: bitcoinDataMissing(MAP) }, () => {
    const map = new AsMap(bitcoinBytes(MAP));
    const systemOf = (host: string) => map.lookup(addressOf(host)!);
    assert.equal(systemOf("250.0.0.1"), 1000);
    assert.equal(systemOf("250.255.255.255"), 1000);
    for (let system = 1; system <= 8; system++) assert.equal(systemOf(`101.${system}.128.99`), system);
    assert.equal(systemOf("127.0.0.1"), 0);
    // The IPv4 address that a 6to4 address carries counts.
    assert.equal(systemOf("2002:fa00:1::1"), 1000);
  });

  test("AsMap refuses every map that is cut short", { skip: bitcoinDataMissing(MAP) }, () => {
    const bytes = bitcoinBytes(MAP);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => new AsMap(bytes.subarray(0, length)), { code: "asmap_damaged" }, `${length} bytes`);
    }
    assert.throws(() => new AsMap(new Uint8Array(64).fill(0xff)), { code: "asmap_damaged" });
  });
});
