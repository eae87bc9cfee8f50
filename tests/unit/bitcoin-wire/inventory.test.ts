/** The inventory of a request as its bytes: what the declaration of the message says, entry by entry. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { InventoryBatch } from "../../../lib/bitcoin/types/mod.ts";
import { GetData } from "../../../lib/bitcoin/wire/mod.ts";
import { CodecError } from "../../../lib/codec/error.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { concat } from "../bitcoin-chain/mining.ts";

const random = new SeededRandom(4);
const code = (expected: string) => (thrown: unknown) => thrown instanceof CodecError && thrown.code === expected;

function payloadOf(count: number): Uint8Array {
  const inventory = Array.from({ length: count }, () => ({ type: random.below(2 ** 32), hash: random.bytes(32) }));
  return GetData.encode({ inventory });
}

describe("InventoryBatch.fromPayload()", () => {
  test("has the entries that the message has, and ignores what follows them", () => {
    for (const count of [0, 1, 2, 252, 253, 1_000, 50_000]) {
      const payload = payloadOf(count);
      const { inventory } = GetData.decode(payload);
      for (const bytes of [payload, concat(payload, Uint8Array.of(7))]) {
        const batch = InventoryBatch.fromPayload(bytes);
        assert.equal(batch.length, count);
        assert.deepEqual(inventory.map((_, i) => batch.at(i)), inventory);
      }
    }
  });

  test("refuses what the message refuses, by the same code", () => {
    const cut = payloadOf(3).slice(0, -1);
    const long = Uint8Array.of(0xfd, 3, 0, ...payloadOf(3).subarray(1));
    const tooMany = new Uint8Array(3 + 50_001 * 36);
    tooMany.set([0xfd, 0x51, 0xc3]);
    for (
      const [payload, expected] of [[cut, "count"], [long, "minimal"], [tooMany, "limit"], [
        new Uint8Array(),
        "short",
      ]] as const
    ) {
      assert.throws(() => GetData.decode(payload), code(expected));
      assert.throws(() => InventoryBatch.fromPayload(payload), code(expected));
    }
  });
});
