/**
 * The validator of a simulated Bitcoin world, in two steps like a real one: blocks that are marked are refused by the
 * first or by the second, and the second reads and changes coins, and may take its time.
 *
 * @module
 */
import type { CoinChanges, CoinView, PlacedCoin } from "../../bitcoin/chain/coins.ts";
import {
  type BlockValidator,
  type ConnectingBlock,
  type ConnectVerdict,
  structureValidator,
} from "../../bitcoin/chain/validator.ts";
import { refuse } from "../../bitcoin/headers/verdict.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import type { LateVerdicts } from "../late-verdicts.ts";
import { isMarked, MARKS } from "./blocks.ts";

/** How a validator of the world is made. */
export interface SimValidatorOptions {
  /** Whether it keeps coins. */
  readonly needsCoins: boolean;
  /** The txid of the coinbase of a block of the world. */
  readonly coinbaseOf: (hash: Uint8Array) => Bytes32;
  /** How late its second step is; undefined for at once. */
  readonly late?: LateVerdicts | undefined;
  /** Whether verdicts are given at once for now. */
  readonly isPunctual?: () => boolean;
  /** Hears of a block that the second step refuses, when it does. */
  readonly refused?: (hash: string) => void;
}

const PASSED = { ok: true } as const;
/** Heights of coins are read by nobody but this validator; a coinbase of the world pays one satoshi. */
const VALUE = 1n;

/** The one coin that there is after a block: its coinbase. */
const coinOf = (txid: Bytes32, height: number): PlacedCoin => ({
  outpoint: { txid, vout: 0 },
  coin: { value: VALUE, scriptPubKey: new Uint8Array(), height, isCoinbase: true },
});

/**
 * What a block does to the coins of the world: it spends the coin of its parent, and makes its own.
 * @throws Error when the coins are not those after its parent
 */
async function spend(
  { load, hash, view: { height } }: ConnectingBlock,
  coins: CoinView,
  coinbaseOf: (hash: Uint8Array) => Bytes32,
): Promise<CoinChanges> {
  const { header: { prevBlockHash }, transactions } = await load();
  const itself = coinOf(transactions[0]!.txid, height);
  const parent = coinOf(coinbaseOf(prevBlockHash), height - 1);
  const [before, own] = await coins.getMany([parent.outpoint, itself.outpoint]);
  const isRight = own === undefined && (height === 1 || before?.height === height - 1);
  if (!isRight) throw new Error(`the coins are not those after the parent of block ${toDisplayHex(hash)}`);
  return { created: [itself], spent: height === 1 ? [] : [parent] };
}

/** Judges structure as the node does, and takes marked blocks for invalid, at once or late. */
export function simValidator(
  { needsCoins, coinbaseOf, late, isPunctual = () => false, refused = () => {} }: SimValidatorOptions,
): BlockValidator {
  const judge = async (block: ConnectingBlock, coins: CoinView): Promise<ConnectVerdict> => {
    if (isMarked(await block.load(), MARKS.late)) {
      return refuse("consensus", "bad-sim-late", "the block is marked as invalid by its coins");
    }
    return needsCoins ? { ok: true, changes: await spend(block, coins, coinbaseOf) } : PASSED;
  };
  return {
    level: "full",
    needsCoins,
    check: (block, view) =>
      isMarked(block, MARKS.bad)
        ? refuse("consensus", "bad-sim", "the block is marked invalid")
        : structureValidator.check(block, view),
    async connect(block, coins, signal) {
      const verdict = await judge(block, coins);
      const given = late === undefined || isPunctual() ? verdict : await late.give(verdict, !verdict.ok, signal);
      if (!given.ok && !signal.aborted) refused(toDisplayHex(block.hash));
      return given;
    },
  };
}
