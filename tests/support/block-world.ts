/** A chain of regtest that is validated in full, with coins to spend, and blocks on its tip that a test may break. */
import { createHash } from "node:crypto";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { heightPush } from "../../lib/bitcoin/chain/block-checks.ts";
import { fullValidator } from "../../lib/bitcoin/chain/full-validator.ts";
import { scriptVerdict } from "../../lib/bitcoin/chain/script-job.ts";
import { writeVarInt } from "../../lib/bitcoin/codec/mod.ts";
import { outPointOf } from "../../lib/bitcoin/coins/key.ts";
import { toDisplayHex, ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { commitmentScript } from "../../lib/bitcoin/mining.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { subsidyAt } from "../../lib/bitcoin/networks/subsidy.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import {
  Block,
  type BlockHeader,
  merkleRoot,
  NULL_VOUT,
  Transaction,
  type TransactionParts,
  type TxInput,
  type TxOutput,
} from "../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { Writer } from "../../lib/codec/writer.ts";
import { InlineWorkers } from "../../lib/core/work/inline-workers.ts";
import { useRandomBytes } from "../../lib/engine/random-bytes.ts";
import { blockFromHex } from "../../lib/rpc/bitcoin/submitting.ts";
import type { SimClock } from "../../lib/sim/clock.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";
import { simClock } from "../unit/core/sim.ts";
import { solve } from "../unit/bitcoin-chain/mining.ts";
import type { BlockVerdict } from "./core-blocks.ts";
import { push } from "./script-text.ts";

/** Anybody may spend it. */
export const ANYONE: Uint8Array = Uint8Array.of(0x51);
const FINAL = 0xffff_ffff;
const FIRST_TIME = 1_600_000_000;
/** After all times of the chains, and before the clock of the machine that runs this. */
const NOW_MS = 1_700_000_000_000;
const FAN = 40;
/** What each output of a fan has, in satoshi. */
export const FAN_VALUE = 10_000n;

/** An output that may be spent, and where it is from. */
export interface Spendable {
  readonly txid: Uint8Array;
  readonly vout: number;
  readonly value: bigint;
  readonly height: number;
}

/** How a block differs from the usual one. */
export interface BlockPlan {
  readonly header?: Partial<BlockHeader>;
  readonly coinbase?: Partial<TransactionParts>;
  /** What the coinbase pays; the subsidy unless told. */
  readonly reward?: bigint;
  /** What commits to witnesses; the right output where there are any, unless told. */
  readonly commitments?: readonly TxOutput[];
  /** The witness of the coinbase; one item of zeros where something commits, unless told. */
  readonly reserved?: readonly Uint8Array[];
}

/** The chain. */
export class BlockWorld {
  readonly random: SeededRandom;
  readonly chain: BitcoinChain;
  readonly #store: MemoryBitcoinStore;
  readonly #clock: SimClock;
  /** Outputs of fans, that anybody may spend. */
  readonly #coins = new Map<string, Spendable>();
  /** Coinbases that no fan has spent, the oldest first. */
  readonly #coinbases: Spendable[] = [];
  #salt = 0;

  private constructor(random: SeededRandom, chain: BitcoinChain, store: MemoryBitcoinStore, clock: SimClock) {
    this.random = random;
    this.chain = chain;
    this.#store = store;
    this.#clock = clock;
  }

  static async open(random: SeededRandom): Promise<BlockWorld> {
    const clock = simClock(NOW_MS);
    useRandomBytes((length) => random.bytes(length));
    // Loading code takes real time, which is not on the chain's clock.
    await scriptVerdict.run({ spends: new Uint8Array(), flags: 0, engine: "wide" });
    const store = new MemoryBitcoinStore();
    const chain = await clock.until(BitcoinChain.load({
      ...{ network: regtest, clock, headersOnly: false, store },
      validator: fullValidator({ workers: new InlineWorkers(), engine: "wide" }),
      coins: { random, bytesMax: 256 * 1024 * 1024 },
    }));
    return new BlockWorld(random, chain, store, clock);
  }

  /** Height of the next block. */
  get height(): number {
    return this.chain.headers.height(this.chain.tip) + 1;
  }

  get tipHash(): Uint8Array {
    return this.chain.headers.hash(this.chain.tip);
  }

  /** Median time past of the tip. */
  get medianTime(): number {
    return this.chain.headers.medianTimePast(this.chain.tip);
  }

  /** Outputs that anybody may spend, and that are there: the first of them, or those that are old enough. */
  coins(count: number, heightMax = Infinity): Spendable[] {
    const found = [...this.#coins.values()].filter(({ height }) => height <= heightMax).slice(0, count);
    if (found.length < count) throw new Error(`${found.length} coins of ${count} up to height ${heightMax}`);
    return found;
  }

  /** Whether more coins are to be made before the next block is. */
  get isPoor(): boolean {
    return this.#coins.size < 60;
  }

  /** A coinbase of the block at a height. */
  coinbaseOf(height: number): Spendable {
    const found = this.#coinbases.find((coinbase) => coinbase.height === height);
    if (found === undefined) throw new Error(`the coinbase of ${height} is spent`);
    return found;
  }

  /** The block on the tip with these transactions. */
  block(transactions: readonly Transaction[] = [], plan: BlockPlan = {}): Block {
    const coinbase = this.coinbase(transactions, plan);
    return this.solved([coinbase, ...transactions], plan.header);
  }

  /** A block of these transactions whose header is right for them, but for what is told. */
  solved(transactions: readonly Transaction[], header: Partial<BlockHeader> = {}): Block {
    const { headers, tip } = this.chain;
    const parent = tip === 0 ? FIRST_TIME : headers.time(tip);
    const plain = {
      version: 0x2000_0000,
      prevBlockHash: this.tipHash,
      merkleRoot: merkleRoot(transactions.map(({ txid }) => txid)).root,
      time: Math.max(this.medianTime + 1, parent + this.random.below(1_200)),
      bits: regtest.pow.limitBits,
      nonce: 0,
    };
    return Block.of(solve({ ...plain, ...header }, regtest), transactions);
  }

  /** The coinbase of the next block. */
  coinbase(transactions: readonly Transaction[], plan: BlockPlan = {}): Transaction {
    const hasWitness = transactions.some((transaction) => transaction.hasWitness);
    const commitments = plan.commitments ?? (hasWitness ? [commitmentOf(transactions)] : []);
    const reserved = plan.reserved ?? (commitments.length > 0 ? [ZERO_HASH] : []);
    const salt = new Writer(8);
    salt.u64Le(BigInt(this.#salt++));
    return Transaction.of({
      version: 2,
      inputs: [{
        prevout: { txid: ZERO_HASH, vout: NULL_VOUT },
        scriptSig: Uint8Array.of(...heightPush(this.height), ...push(salt.finish())),
        sequence: FINAL,
        witness: reserved,
      }],
      outputs: [{ value: plan.reward ?? subsidyAt(regtest, this.height), scriptPubKey: ANYONE }, ...commitments],
      lockTime: 0,
      ...plan.coinbase,
    });
  }

  /** The block that makes many coins of one coinbase. */
  fan(): Block {
    const { height } = this;
    const coinbase = this.#coinbases[0]!;
    if (coinbase.height + 100 > height) throw new Error(`no coinbase is old enough at ${height}`);
    const outputs = Array.from({ length: FAN }, () => ({ value: FAN_VALUE, scriptPubKey: ANYONE }));
    return this.block([pay([coinbase], outputs)]);
  }

  /** What the chain says of bytes. */
  async judge(raw: Uint8Array): Promise<BlockVerdict> {
    const { kind, reason } = await this.#clock.until(this.#judged(raw));
    return { kind, reason, tip: toDisplayHex(this.tipHash) };
  }

  async #judged(raw: Uint8Array): Promise<{ readonly kind: string; readonly reason: string }> {
    let block: Block;
    try {
      block = blockFromHex(toHex(raw));
    } catch {
      return { kind: "undecodable", reason: "" };
    }
    const header = this.chain.acceptHeaders(HeaderBatch.fromBytes(raw.slice(0, 80)));
    const refusal = header.refusal ?? await this.chain.submit(header.last, block);
    if (refusal !== undefined) return { kind: refusal.result, reason: refusal.reason };
    if (!this.chain.isActive(header.last)) return { kind: "unset", reason: "" };
    this.#took(block);
    return { kind: "valid", reason: "" };
  }

  /** Coins are what the block leaves of them. */
  #took({ transactions }: Block): void {
    const height = this.height - 1;
    for (const { inputs } of transactions) {
      for (const { prevout } of inputs) {
        this.#coins.delete(nameOf(prevout));
        const at = this.#coinbases.findIndex(({ txid }) => toHex(txid) === toHex(prevout.txid));
        if (at >= 0) this.#coinbases.splice(at, 1);
      }
    }
    const [coinbase, second] = transactions;
    const { value } = coinbase!.outputs[0]!;
    if (value >= FAN_VALUE * BigInt(FAN)) this.#coinbases.push({ txid: coinbase!.txid, vout: 0, value, height });
    if (second?.outputs.length !== FAN) return;
    for (let vout = 0; vout < FAN; vout++) {
      const coin = { txid: second.txid, vout, value: FAN_VALUE, height };
      this.#coins.set(nameOf(coin), coin);
    }
  }

  /** How many coins there are, and the SHA-256 of their lines as Core's database has them. */
  async coinDigest(): Promise<{ readonly count: number; readonly hash: string }> {
    await this.#clock.until(this.chain.coinStatistics("none"));
    const lines: string[] = [];
    await this.#clock.until((async () => {
      await this.#store.allCoins(({ key, keyLength, bytes, valueAt, valueLength }) => {
        const { txid, vout } = outPointOf(key.slice(0, keyLength));
        const writer = new Writer(40);
        writer.raw(txid);
        writeVarInt(writer, vout);
        lines.push(`${toHex(writer.finish())} ${toHex(bytes.slice(valueAt, valueAt + valueLength))}\n`);
        return undefined;
      });
    })());
    return { count: lines.length, hash: createHash("sha256").update(lines.sort().join("")).digest("hex") };
  }

  /** Ends the chain. */
  async close(): Promise<void> {
    await this.#clock.until(this.chain.close());
  }
}

const nameOf = ({ txid, vout }: TxInput["prevout"]) => `${toHex(txid)}:${vout}`;

/** The output that commits to the witnesses of these transactions, with a reserved value of zeros. */
export function commitmentOf(transactions: readonly Transaction[]): TxOutput {
  return { value: 0n, scriptPubKey: commitmentScript(transactions) };
}

/** A transaction that spends outputs without scripts. */
export function pay(
  from: readonly Pick<Spendable, "txid" | "vout" | "value">[],
  outputs?: readonly TxOutput[],
  { input, ...change }: Partial<TransactionParts> & { readonly input?: Partial<TxInput> } = {},
): Transaction {
  return Transaction.of({
    version: 2,
    inputs: from.map(({ txid, vout }) => ({
      ...{ prevout: { txid, vout }, scriptSig: new Uint8Array(), sequence: FINAL, witness: [] },
      ...input,
    })),
    outputs: outputs ?? [{ value: from.reduce((sum, { value }) => sum + value, 0n), scriptPubKey: ANYONE }],
    lockTime: 0,
    ...change,
  });
}

/** An output of a transaction that is not in the chain yet. */
export function outputOf(transaction: Transaction, vout = 0): Spendable {
  return { txid: transaction.txid, vout, value: transaction.outputs[vout]!.value, height: 0 };
}
