import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeFilter } from "../../../lib/chia/chain/filter.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";

/** SHA-256 of each number from 0 on, as four bytes big-endian. */
const elements = (count: number) =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i >>> 24, (i >> 16) & 255, (i >> 8) & 255, i & 255)));

describe("encodeFilter()", () => {
  // chiabip158 of chia-blockchain 2.7.5: PyBIP158(elements).GetEncoded(); first bytes, length, SHA-256.
  for (
    const [count, head, length, hash] of [
      [0, "00", 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
      [1, "012c5868", 4, "00a45b74c8625eb8b25cc3ebaf6ce285be32a444b9468025b4bb302004cfde78"],
      [252, "fc45dde04229", 681, "9cd48b663de9bd7bbda72d34c13937ce9ff397cab9fb5107c2852b5607bc1e73"],
      [253, "fdfd004624d8", 686, "e788ed678b07f6f93dc616d5eff1f0c1e3529261fb0ed05856bbdf03824510b3"],
      [254, "fdfe00466bd0", 689, "fe84c7fcd1f29d713509436cadf4f6c7d818cb1907cbb1d02b6ad67565030c6e"],
      [1_000, "fde803c54fec", 2_701, "eeba03a6a9def84f97f3b206c1cdbb20b4372f5e5f3014a5305d32ef9143b16e"],
      [65_535, "fdffffd17f89", 176_795, "12238dde5280eb13bc16efd2e389ff3b4908bcc8e3a818100fd26de917f82a8d"],
      [65_536, "fe00000100d1", 176_800, "e08226c1f7c687cf52597525bb02070f509374f49ea824905700f9ea58772fdc"],
    ] as const
  ) {
    test(`is the reference's for ${count} elements, in any order and with some twice`, () => {
      const list = elements(count);
      const filter = encodeFilter([...list.toReversed(), ...list.slice(0, 10)]);
      assert.equal(toHex(filter.subarray(0, head.length / 2)), head);
      assert.equal(filter.length, length);
      assert.equal(toHex(sha256(filter)), hash);
    });
  }
});
