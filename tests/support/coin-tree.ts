/**
 * A tree of regtest blocks whose transactions spend one another's outputs, with the coins as a plain Map has them after
 * each block; and a validator that asks for the coins and is content when they are those.
 *
 * @module
 */
import type { CoinView } from "../../lib/bitcoin/chain/coins.ts";
import { type BlockValidator, type ConnectingBlock, structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { changesOf, leftOutputs, outsideInputs } from "../../lib/bitcoin/coins/changes.ts";
import { type Coin, encodeCoin } from "../../lib/bitcoin/coins/coin.ts";
import { coinKey } from "../../lib/bitcoin/coins/key.ts";
import { coinStatistics } from "../../lib/bitcoin/coins/statistics.ts";
import { sha256d, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../lib/bitcoin/headers/header-chain.ts";
import { checkProofOfWork } from "../../lib/bitcoin/headers/pow.ts";
import { blockTemplate, coinbaseOf } from "../../lib/bitcoin/mining.ts";
import type { BitcoinNetwork } from "../../lib/bitcoin/networks/mod.ts";
import { merkleRoot } from "../../lib/bitcoin/types/merkle.ts";
import { Block, headerToBytes, type OutPoint, Transaction, type TxOutput } from "../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";

/** What is left after a block, by key in hexadecimal. */
type Coins = ReadonlyMap<string, { readonly outpoint: OutPoint; readonly coin: Coin }>;

/** A block of the tree. */
export interface TreeBlock {
  readonly row: number;
  readonly block: Block;
}

/** The tree. */
export class CoinTree {
  readonly headers: HeaderChain;
  readonly #network: BitcoinNetwork;
  readonly #random: SeededRandom;
  readonly #coins: Coins[] = [new Map()];
  readonly #startMs: number;

  constructor(network: BitcoinNetwork, random: SeededRandom, startMs: number) {
    this.headers = new HeaderChain(network);
    this.#network = network;
    this.#random = random;
    this.#startMs = startMs;
  }

  /** The coins after a block. */
  coinsAfter(row: number): Coins {
    return this.#coins[row]!;
  }

  /** The hash of the coins after a block, as people see it. */
  async hashAfter(row: number): Promise<string> {
    const sorted = [...this.coinsAfter(row)].sort(([a], [b]) => (a < b ? -1 : 1));
    const found = await coinStatistics(
      async (take) => {
        for (const [name, { coin }] of sorted) {
          const [key, bytes] = [fromHex(name), encodeCoin(coin)];
          await take({ key, keyLength: key.length, bytes, valueAt: 0, valueLength: bytes.length });
        }
      },
      "hash_serialized_3",
      () => Promise.resolve(),
    );
    return toDisplayHex(found.hash!);
  }

  /** Mines a block of a few transactions on a row. */
  mine(parent: number): TreeBlock {
    const { headers } = this;
    const random = this.#random;
    const now = Math.floor(this.#startMs / 1000);
    const template = { ...blockTemplate(headers, parent, now), segwit: false };
    const coins = new Map(this.#coins[parent]);
    const coinbase = coinbaseOf(template, Uint8Array.of(0x51, 4, ...random.bytes(4)));
    const transactions = [coinbase];
    const add = (transaction: Transaction, isCoinbase: boolean) => {
      for (const [vout, output] of transaction.outputs.entries()) {
        if (output.scriptPubKey[0] === 0x6a) continue;
        const outpoint = { txid: transaction.txid, vout };
        coins.set(toHex(coinKey(outpoint)), { outpoint, coin: { ...output, height: template.height, isCoinbase } });
      }
    };
    for (let count = random.below(4); count > 0 && coins.size > 0; count--) {
      // Mostly what is young, as it is on mainnet; also what this very block made.
      const names = [...coins.keys()];
      const inputs = new Set(Array.from({ length: 1 + random.below(3) }, () => {
        const span = random.chance(0.7) ? Math.min(8, names.length) : names.length;
        return names[names.length - 1 - random.below(span)]!;
      }));
      const spend = Transaction.of({
        version: 2,
        inputs: [...inputs].map((name) => ({
          prevout: coins.get(name)!.outpoint,
          scriptSig: random.bytes(3),
          sequence: 0xffff_ffff,
          witness: [],
        })),
        outputs: Array.from({ length: 1 + random.below(4) }, (): TxOutput => ({
          value: BigInt(random.below(2 ** 32)),
          scriptPubKey: random.chance(0.1)
            ? Uint8Array.of(0x6a, 1, 1)
            : Uint8Array.of(0x76, 0xa9, 20, ...random.bytes(20), 0x88, 0xac),
        })),
        lockTime: 0,
      });
      for (const name of inputs) coins.delete(name);
      add(spend, false);
      transactions.push(spend);
    }
    add(coinbase, true);
    const { version, previousBlockHash: prevBlockHash, time, bits } = template;
    const root = merkleRoot(Transaction.computeTxids(transactions)).root;
    let nonce = 0;
    const header = () => ({ version, prevBlockHash, merkleRoot: root, time, bits, nonce });
    while (!checkProofOfWork(sha256d(headerToBytes(header())), bits, this.#network.pow)) nonce += 1;
    const block = Block.of(header(), transactions);
    const { last: row } = headers.accept(HeaderBatch.fromBytes(headerToBytes(header())), now);
    this.#coins[row] = coins;
    return { row, block };
  }

  /** A story: blocks in the order in which they come, with branches from a little below the tip that overtake it. */
  story(blocks: number): TreeBlock[] {
    const made: TreeBlock[] = [];
    let tip = 0;
    while (made.length < blocks) {
      const isBranch = made.length > 8 && this.#random.chance(0.15);
      const depth = isBranch ? 1 + this.#random.below(8) : 0;
      const height = this.headers.height(tip);
      let parent = this.headers.ancestor(tip, Math.max(0, height - depth));
      // One block more than it takes, or a branch that stays behind.
      const overtakes = this.#random.chance(0.7);
      for (let left = overtakes ? depth + 1 : Math.max(1, depth - 1); left > 0; left--) {
        const one = this.mine(parent);
        made.push(one);
        parent = one.row;
      }
      if (overtakes || !isBranch) tip = parent;
    }
    return made;
  }
}

/** What a validator found that must never be. */
export type Wrong = (text: string) => void;

/** Connects blocks of a {@link CoinTree} and holds the coins that it is given against the tree's. */
export function treeValidator(tree: CoinTree, wrong: Wrong): BlockValidator {
  return {
    level: "full",
    needsCoins: true,
    check: structureValidator.check,
    async connect({ load, hash, view: { height } }: ConnectingBlock, coins: CoinView) {
      const block = await load();
      const parent = tree.headers.parent(tree.headers.find(hash));
      const inputs = outsideInputs(block);
      const found = await coins.getMany([...inputs, ...leftOutputs(block)]);
      const before = tree.coinsAfter(parent);
      const expected = inputs.map((outpoint) => before.get(toHex(coinKey(outpoint)))?.coin);
      const spent = found.slice(0, inputs.length).flatMap((coin) => coin ?? []);
      const name = `block ${toDisplayHex(hash)} at height ${height}`;
      if (spent.length !== inputs.length) wrong(`${name}: a coin is missing`);
      else if (spent.some((coin, i) => toHex(encodeCoin(coin)) !== toHex(encodeCoin(expected[i]!)))) {
        wrong(`${name}: a coin is another one`);
      }
      if (found.slice(inputs.length).some((coin) => coin !== undefined)) wrong(`${name}: a coin is there already`);
      return { ok: true, changes: changesOf(block, height, spent) };
    },
  };
}
