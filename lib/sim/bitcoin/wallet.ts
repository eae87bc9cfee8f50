/**
 * The money of a simulated world: coins that need no keys, and payments with them.
 *
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import { toHex } from "../../codec/hex.ts";
import { Block, payToWitness, Transaction, type TxOutput } from "../../bitcoin/types/mod.ts";
import type { SeededRandom } from "../random.ts";
import type { WorldBlocks } from "./blocks.ts";

const TRUC = { version: 3 };
const [OP_RETURN, OP_PUSHDATA4] = [0x6a, 0x4e];
/** Bytes before the data of an output that has some. */
const DATA_HEAD_BYTES = 6;
const OP_DROP = 0x75;
const OP_TRUE = 0x51;
/** Blocks above a coin until it is spent: no fork of the world is so deep. */
const DEPTH = 4;
const MATURITY = 100;
/** Satoshi below which a coin is left alone, and those of which two or ten are made. */
const LEAST_SATOSHI = 20_000;
const TWO_FROM = 100_000;
const TEN_FROM = 100_000_000;
/** Satoshi for a virtual byte. */
const RATE_MAX = 40;
/** Satoshi for 1000 virtual bytes of a payment that no miner wants. */
const [POOR_RATE_MIN, POOR_RATE_MAX] = [200, 500];
const POOR_OUTPUTS = 3;
/** What a child pays that takes the place of a stranger's of 1000 virtual bytes, and pays for its parent. */
const TRUC_BUMP_SATOSHI = 3_000;
/** Virtual bytes of a transaction, of each input with its witness, and of each output: rather more than they take. */
const BASE_BYTES = 12;
const INPUT_BYTES = 50;
const OUTPUT_BYTES = 43;

/** A coin that anybody may spend by showing a script. */
export interface WorldCoin {
  readonly txid: Uint8Array;
  readonly vout: number;
  readonly value: number;
  readonly script: Uint8Array;
}

/** The script that anybody can satisfy, told apart by a name. */
function openScript(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return Uint8Array.of(bytes.length, ...bytes, OP_DROP, OP_TRUE);
}

const scripts = new Map<string, Uint8Array>();

/** The output script of {@link openScript}. */
export function openOutput(name: string): Uint8Array {
  const script = openScript(name);
  const output = payToWitness(0, sha256(script));
  scripts.set(toHex(output), script);
  return output;
}

const CHANGE = "change";

/** How a spend is where it is not as usual. */
interface SpendChange {
  readonly witness?: Uint8Array;
  readonly version?: number;
  /** Bytes of data in one more output. */
  readonly dataBytes?: number;
}

/** An output that nobody can spend, of so many bytes. */
function dataOutput(bytes: number): TxOutput {
  const scriptPubKey = new Uint8Array(bytes);
  scriptPubKey.set([OP_RETURN, OP_PUSHDATA4]);
  new DataView(scriptPubKey.buffer).setUint32(2, bytes - DATA_HEAD_BYTES, true);
  return { value: 0n, scriptPubKey };
}

/** Spends coins, less a fee, to so many outputs. */
export function spendOpen(
  coins: readonly WorldCoin[],
  fee: number,
  outputs: number,
  { witness, version = 2, dataBytes = 0 }: SpendChange = {},
): Transaction {
  const value = Math.floor((coins.reduce((sum, coin) => sum + coin.value, 0) - fee) / outputs);
  const output: TxOutput = { value: BigInt(value), scriptPubKey: openOutput(CHANGE) };
  return Transaction.of({
    version,
    inputs: coins.map(({ txid, vout, script }) => ({
      prevout: { txid, vout },
      scriptSig: new Uint8Array(),
      sequence: 0xffff_fffd,
      witness: [witness ?? script],
    })),
    outputs: [
      ...Array.from({ length: outputs }, () => output),
      ...(dataBytes > 0 ? [dataOutput(dataBytes)] : []),
    ],
    lockTime: 0,
  });
}

/** The coins of a transaction of {@link spendOpen}. */
export function coinsOf({ txid, outputs }: Transaction): WorldCoin[] {
  return outputs.flatMap(({ value, scriptPubKey }, vout) => {
    const script = scripts.get(toHex(scriptPubKey));
    return script === undefined ? [] : [{ txid, vout, value: Number(value), script }];
  });
}

/** A transaction whose parent nobody has. */
export function orphan(random: SeededRandom): Transaction {
  const coin = { txid: random.bytes(32), vout: 0, value: 100_000, script: Uint8Array.of(OP_TRUE) };
  return spendOpen([coin], 1_000, 1);
}

/** What is paid together: one transaction, or a parent that pays no fee and a child that pays for both. */
export type Payment = readonly [Transaction] | readonly [Transaction, Transaction];

/** A payment that pays less than miners ask for, and what is made of it when it is to be mined. */
export interface PoorPayment {
  readonly payment: Transaction;
  /** Takes its place, or, where it keeps to BIP431, pays for it as its child. */
  readonly bump: Transaction;
  readonly isReplaced: boolean;
}

/** The coins of the heaviest chain that nobody has spent. */
export class WorldWallet {
  readonly #blocks: WorldBlocks;
  readonly #random: SeededRandom;
  readonly #coins: WorldCoin[] = [];
  /** Coins of payments that were spent before they were in a block. */
  readonly #spent = new Set<string>();
  #scanned = 0;

  constructor(blocks: WorldBlocks, random: SeededRandom) {
    this.#blocks = blocks;
    this.#random = random;
  }

  /** A coin that is kept for somebody; undefined when there is none. */
  take(): WorldCoin | undefined {
    this.#scan();
    return this.#coins.shift();
  }

  /** The coins of a transaction are somebody else's. */
  leave(transaction: Transaction): void {
    for (const coin of coinsOf(transaction)) this.#spent.add(nameOf(coin));
  }

  /** A coin was not spent after all. */
  giveBack(coin: WorldCoin): void {
    this.#coins.push(coin);
  }

  /** Makes a payment of a coin. */
  pay(coin: WorldCoin): Payment {
    const random = this.#random;
    const rate = 1 + random.below(RATE_MAX);
    const outputs = coin.value >= TEN_FROM ? 10 : coin.value >= TWO_FROM ? 1 + random.below(2) : 1;
    if (!random.chance(0.2)) return [spendOpen([coin], feeOf(rate, outputs), outputs)];
    // What pays less than is asked for by itself has to keep to BIP431.
    const parent = spendOpen([coin], 0, outputs, TRUC);
    const [first] = coinsOf(parent);
    this.#spent.add(nameOf(first!));
    return [parent, spendOpen([first!], feeOf(2 * rate + 2, outputs + 1), 1, TRUC)];
  }

  /**
   * Makes a payment that pays too little to be mined, and whose outputs anybody may spend. No more than `bumpFee` is to be
   * needed for what takes its place, whatever hangs on it by then.
   */
  payPoorly(coin: WorldCoin, bumpFee: number): PoorPayment {
    const random = this.#random;
    const fee = (rate: number) => Math.ceil(feeOf(rate, POOR_OUTPUTS) / 1_000);
    const rate = POOR_RATE_MIN + random.below(POOR_RATE_MAX - POOR_RATE_MIN);
    if (random.chance(0.5)) {
      const payment = spendOpen([coin], fee(rate), POOR_OUTPUTS);
      return { payment, bump: spendOpen([coin], bumpFee, POOR_OUTPUTS), isReplaced: true };
    }
    const payment = spendOpen([coin], fee(rate), POOR_OUTPUTS, TRUC);
    // Strangers may have spent them.
    this.leave(payment);
    return { payment, bump: spendOpen([coinsOf(payment)[0]!], TRUC_BUMP_SATOSHI, 1, TRUC), isReplaced: false };
  }

  /** Finds the coins that have become old enough. */
  #scan(): void {
    const { headers, best } = this.#blocks;
    const top = headers.height(best) - DEPTH;
    for (; this.#scanned < top; this.#scanned++) {
      const height = this.#scanned + 1;
      const [, ...payments] = this.#at(height).transactions;
      for (const payment of payments) this.#keep(payment);
      if (height > MATURITY) this.#keep(this.#at(height - MATURITY).transactions[0]!);
    }
  }

  #at(height: number): Block {
    const { headers, best } = this.#blocks;
    return Block.decode(this.#blocks.raw(headers.ancestor(best, height))!);
  }

  #keep(transaction: Transaction): void {
    for (const coin of coinsOf(transaction)) {
      if (coin.value >= LEAST_SATOSHI && !this.#spent.has(nameOf(coin))) this.#coins.push(coin);
    }
  }
}

const nameOf = ({ txid, vout }: WorldCoin) => `${toHex(txid)} ${vout}`;

function feeOf(rate: number, outputs: number): number {
  return rate * (BASE_BYTES + INPUT_BYTES + OUTPUT_BYTES * outputs);
}
