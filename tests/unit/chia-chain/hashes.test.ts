/** Merkle sets, coins, filters and iterations against what the reference computed (tests/data/chia/README.md). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { additionsRoot, coinId, removalsRoot, transactionsFilter } from "../../../lib/chia/chain/coins.ts";
import { encodeFilter } from "../../../lib/chia/chain/filter.ts";
import { ipIters, isOverflow, requiredItersOf, spIntervalIters, spIters } from "../../../lib/chia/chain/iterations.ts";
import { merkleSetRoot } from "../../../lib/chia/chain/merkle-set.ts";
import { readConstants } from "../../../lib/chia/networks/mod.ts";
import { parseJson } from "../../../lib/codec/json.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { recordedBlocks, referenceChain } from "./chain-1200.ts";
import { FullBlock } from "../../../lib/chia/types/mod.ts";

const file = (name: string) => readFileSync(new URL(`../../data/chia/${name}`, import.meta.url));
const bytes = (hex: string) => fromHex(hex.replace(/^0x/, ""));
const hex = (value: Uint8Array) => `0x${toHex(value)}`;

interface Iterations {
  readonly constants: string;
  readonly subSlotIters: number | bigint;
  readonly index: number;
  readonly requiredIters: number | bigint;
  readonly interval: number | bigint;
  readonly spIters: number | bigint;
  readonly ipIters: number | bigint;
  readonly overflow: boolean;
}
interface Consensus {
  readonly merkleSets: readonly { readonly leaves: readonly string[]; readonly root: string }[];
  readonly iterations: readonly Iterations[];
  readonly mainnetConstants: Record<string, unknown>;
  readonly testConstants: Record<string, unknown>;
}
const consensus = parseJson(file("consensus.json").toString("utf8")) as unknown as Consensus;

test("merkleSetRoot() gives the reference's roots, in any order of the leaves and with duplicates", () => {
  const random = new SeededRandom(1);
  assert.ok(consensus.merkleSets.length >= 7);
  for (const { leaves, root } of consensus.merkleSets) {
    const set = leaves.map(bytes);
    assert.equal(hex(merkleSetRoot(set)), root, `${leaves.length} leaves`);
    const shuffled = [...set].sort(() => random.below(3) - 1);
    assert.equal(hex(merkleSetRoot([...shuffled, ...set.slice(0, 2)])), root);
  }
});

test("coinId() gives the reference's ids at the edges of the encoding of amounts", () => {
  const { coins } = parseJson(file("keys-and-coins.json").toString("utf8")) as unknown as {
    coins: readonly { parent: string; puzzleHash: string; amount: string; id: string }[];
  };
  assert.ok(coins.length >= 14);
  for (const { parent, puzzleHash, amount, id } of coins) {
    const coin = { parentCoinInfo: bytes(parent), puzzleHash: bytes(puzzleHash), amount: BigInt(amount) };
    assert.equal(hex(coinId(coin)), id, `amount ${amount}`);
  }
});

interface Row {
  readonly height: number;
  readonly is_transaction_block: boolean;
  readonly additions_root: string;
  readonly removals_root: string;
  readonly filter_hash: string;
  readonly additions: readonly { parent: string; puzzle_hash: string; amount: number | string | bigint }[];
  readonly removals: readonly string[];
}

test("additions, removals and filters of 691 transaction blocks hash to what their foliage says", () => {
  const { rows } = parseJson(gunzipSync(file("chain-1200.json.gz")).toString("utf8")) as unknown as { rows: Row[] };
  let spends = 0;
  let blocks = 0;
  for (const row of rows.filter((each) => each.is_transaction_block)) {
    const additions = row.additions.map((coin) => ({
      parentCoinInfo: bytes(coin.parent),
      puzzleHash: bytes(coin.puzzle_hash),
      amount: BigInt(coin.amount),
    }));
    const removals = row.removals.map(bytes);
    assert.equal(hex(additionsRoot(additions)), row.additions_root, `height ${row.height}`);
    assert.equal(hex(removalsRoot(removals)), row.removals_root, `height ${row.height}`);
    assert.equal(hex(sha256(transactionsFilter(additions, removals))), row.filter_hash, `height ${row.height}`);
    spends += removals.length;
    blocks += 1;
  }
  assert.equal(blocks, 691);
  assert.equal(spends, 1_887);
});

test("encodeFilter() of nothing is one zero byte, and equal elements count once", () => {
  assert.deepEqual(encodeFilter([]), Uint8Array.of(0));
  const element = new Uint8Array(32).fill(7);
  assert.deepEqual(encodeFilter([element, element.slice()]), encodeFilter([element]));
});

describe("iterations", () => {
  const constants = {
    mainnet: readConstants(consensus.mainnetConstants),
    test_constants: readConstants(consensus.testConstants),
  };

  test("signage point, infusion point and overflow are the reference's, and required iterations are found back", () => {
    const seen = new Set<string>();
    for (const row of consensus.iterations) {
      const own = constants[row.constants as keyof typeof constants];
      const [slot, required] = [BigInt(row.subSlotIters), BigInt(row.requiredIters)];
      assert.equal(spIntervalIters(own, slot), BigInt(row.interval));
      assert.equal(spIters(own, slot, row.index), BigInt(row.spIters));
      const infusion = ipIters(own, slot, row.index, required);
      assert.equal(infusion, BigInt(row.ipIters));
      assert.equal(isOverflow(own, row.index), row.overflow);
      assert.equal(requiredItersOf(own, slot, row.index, infusion), required);
      seen.add(`${row.constants} ${row.overflow}`);
    }
    assert.equal(seen.size, 4, "both networks, overflow and not");
  });

  test("requiredItersOf() knows no infusion outside the interval that a proof of space may reach", () => {
    const own = constants.test_constants;
    const slot = 16_000n;
    assert.equal(requiredItersOf(own, slot, 2, 5_000n), undefined, "0 required iterations");
    assert.equal(requiredItersOf(own, slot, 2, 5_001n), 1n);
    assert.equal(requiredItersOf(own, slot, 2, 5_999n), 999n);
    assert.equal(requiredItersOf(own, slot, 2, 6_000n), undefined, "a whole interval");
    assert.equal(requiredItersOf(own, slot, 15, 2_001n), 1n, "an overflow block lies in the next slot");
    assert.equal(requiredItersOf(own, slot, 2, -1n), undefined);
    assert.equal(requiredItersOf(own, slot, 2, slot), undefined);
  });
});

test("the recording is what its README says: 1,200 blocks, 350 of them overflow blocks", () => {
  const { constants } = referenceChain();
  const blocks = recordedBlocks();
  assert.equal(blocks.length, 1_200);
  const overflow = blocks.filter((raw) =>
    isOverflow(constants, FullBlock.decode(raw).rewardChainBlock.signagePointIndex)
  );
  assert.equal(overflow.length, 350);
});

/** SHA-256 of what chiabip158 1.5 (the reference's PyBIP158) makes of the SHA-256 of 0, 1, 2, … as u32 BE. */
const LARGE_FILTERS: readonly (readonly [elements: number, bytes: number, sha256: string])[] = [
  [1, 4, "00a45b74c8625eb8b25cc3ebaf6ce285be32a444b9468025b4bb302004cfde78"],
  [252, 681, "9cd48b663de9bd7bbda72d34c13937ce9ff397cab9fb5107c2852b5607bc1e73"],
  [253, 686, "e788ed678b07f6f93dc616d5eff1f0c1e3529261fb0ed05856bbdf03824510b3"],
  [300, 813, "a71ae3f80e16edef534155696bdacc9082b383108e54bde3b347d6146f7920c2"],
  [1_000, 2_701, "eeba03a6a9def84f97f3b206c1cdbb20b4372f5e5f3014a5305d32ef9143b16e"],
];
for (const [count, length, hash] of LARGE_FILTERS) {
  test(`encodeFilter() of ${count} elements is the reference's`, () => {
    const elements = Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(0, 0, i >> 8, i & 0xff)));
    const filter = encodeFilter(elements);
    assert.equal(filter.length, length);
    assert.equal(toHex(sha256(filter)), hash);
  });
}
