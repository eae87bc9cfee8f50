/**
 * Whole blocks beside Bitcoin Core's own engine: every rule of consensus broken alone, kept by a hair, and spends of every
 * kind, on chains of regtest. The verdict, its kind, Core's reason, the tip after each block, and the coins at the end are Core's.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SeededRandom } from "../../lib/sim/random.ts";
import { type BlockCase, HEAVY, type Rule, RULES } from "../support/block-rules.ts";
import { BlockWorld } from "../support/block-world.ts";
import { CoreBlocks, coreBlocksMissing } from "../support/core-blocks.ts";
import { effort, isLong, seed } from "../support/effort.ts";

const TIMEOUT_MS = isLong ? 3_600_000 : 180_000;
/** Blocks of one chain that are judged. */
const CHAIN_BLOCKS = 400;
/** So many coinbases are old enough to be spent when the first rule has its turn. */
const FIRST_BLOCKS = 112;
/** Of the heavy rules a chain has so many. */
const HEAVY_EACH = 2;
/** Spends at random for each rule that has a name. */
const SPENDS_EACH = 3;

/** How often each reason was given, and by how many blocks. */
interface Tally {
  blocks: number;
  readonly reasons: Map<string, number>;
}

/** One chain: the rules in an order of its own, until so many blocks were judged. */
async function chain(random: SeededRandom, rules: readonly (readonly [string, Rule])[], tally: Tally, most: number) {
  const world = await BlockWorld.open(random);
  const core = new CoreBlocks();
  try {
    const judge = async (name: string, { raw, expected, isOfPeers = false }: BlockCase) => {
      const [ours, theirs] = await Promise.all([world.judge(raw), core.judge(raw)]);
      const said = `${name} at height ${world.height - 1}`;
      assert.deepEqual(ours, { ...theirs, kind: isOfPeers ? "mutated" : theirs.kind }, said);
      const word = ours.reason === "" ? ours.kind : ours.reason;
      assert.equal(word, expected ?? word, said);
      return word;
    };
    const grow = async () => {
      while (world.isPoor) await judge("more coins", { raw: world.fan().raw, expected: "valid" });
    };
    for (let i = 0; i < FIRST_BLOCKS; i++) await judge("the beginning", { raw: world.block().raw, expected: "valid" });
    let judged = 0;
    for (const [name, rule] of rules) {
      if (judged >= most) break;
      await grow();
      for (const each of rule(world)) {
        const word = await judge(name, each);
        tally.reasons.set(word, (tally.reasons.get(word) ?? 0) + 1);
        judged += 1;
      }
    }
    tally.blocks += judged;
    assert.deepEqual(await world.coinDigest(), await core.end());
  } finally {
    await world.close();
    core.close();
  }
}

/** The rules of a chain: all light ones in any order with spends at random among them, and a few of the heavy. */
function rulesOf(random: SeededRandom, round: number): (readonly [string, Rule])[] {
  const heavy = HEAVY.filter((_, i) => Math.floor(i / HEAVY_EACH) === round % Math.ceil(HEAVY.length / HEAVY_EACH));
  const light = Object.keys(RULES).filter((name) => !HEAVY.includes(name));
  const spends = Array.from(
    { length: SPENDS_EACH * light.length },
    () => random.pick(["spends of every kind, and changed ones", "a changed byte"]),
  );
  return random.shuffle([...light, ...heavy, ...spends]).map((name) => [name, RULES[name]!] as const);
}

describe("whole blocks beside Bitcoin Core's engine", { skip: coreBlocksMissing }, () => {
  test("each rule broken alone, and kept, has Core's verdict for Core's reason", { timeout: TIMEOUT_MS }, async () => {
    const count = effort("whole blocks beside Core's engine", 2_400, 5_000);
    const tally: Tally = { blocks: 0, reasons: new Map() };
    for (let round = 0; tally.blocks < count; round++) {
      const random = new SeededRandom(seed).fork(`chain ${round}`);
      await chain(random, rulesOf(random, round), tally, CHAIN_BLOCKS);
    }
    const { reasons } = tally;
    const wanted = [
      ..."high-hash bad-diffbits time-too-old time-too-new prev-blk-not-found bad-prevblk duplicate-invalid".split(" "),
      ..."bad-txnmrklroot bad-txns-duplicate bad-blk-length bad-blk-weight bad-cb-missing bad-cb-multiple".split(" "),
      ..."bad-blk-sigops bad-cb-length bad-cb-height bad-cb-amount bad-txns-vout-empty bad-txns-vout-negative".split(
        " ",
      ),
      ..."bad-txns-vout-toolarge bad-txns-txouttotal-toolarge bad-txns-inputs-duplicate bad-txns-prevout-null".split(
        " ",
      ),
      ..."bad-txns-nonfinal bad-witness-nonce-size bad-witness-merkle-match unexpected-witness".split(" "),
      ..."bad-txns-BIP30 bad-txns-inputs-missingorspent bad-txns-premature-spend-of-coinbase".split(" "),
      ..."bad-txns-in-belowout undecodable valid".split(" "),
    ];
    assert.deepEqual(wanted.filter((reason) => !reasons.has(reason)), []);
    const scripts = [...reasons.keys()].filter((reason) => reason.startsWith("block-script-verify-flag-failed"));
    assert.ok(scripts.length >= 12, scripts.join());
  });
});
