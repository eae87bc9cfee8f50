/** A regtest chain that is validated in full, and blocks on it whose transactions a test makes. */
import assert from "node:assert/strict";
import { BitcoinChain, type BitcoinChainParts } from "../../../lib/bitcoin/chain/chain.ts";
import { heightPush } from "../../../lib/bitcoin/chain/block-checks.ts";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { scriptVerdict } from "../../../lib/bitcoin/chain/script-job.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { type BitcoinNetwork, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { subsidyAt } from "../../../lib/bitcoin/networks/subsidy.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { Block } from "../../../lib/bitcoin/types/block.ts";
import { merkleNode, merkleRoot } from "../../../lib/bitcoin/types/merkle.ts";
import { Transaction, type TransactionParts, type TxInput } from "../../../lib/bitcoin/types/transaction.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { useRandomBytes } from "../../../lib/engine/random-bytes.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";
import { concat, solve } from "./mining.ts";

/** Anybody may spend it. */
export const OP_TRUE = Uint8Array.of(0x51);
const NO_WITNESS: readonly Uint8Array[] = [];
const FINAL = 0xffff_ffff;
const SPACING_S = 600;
/** The first block is so many spacings old. */
const AGE = 4_000;

/** An output that a test may spend. */
export interface Spendable {
  readonly txid: Uint8Array;
  readonly vout: number;
  readonly value: bigint;
}

/** An input without a script. */
export function input({ txid, vout }: Pick<Spendable, "txid" | "vout">, change: Partial<TxInput> = {}): TxInput {
  return { prevout: { txid, vout }, scriptSig: new Uint8Array(0), sequence: FINAL, witness: NO_WITNESS, ...change };
}

/** A transaction that spends outputs and pays so much to a script. */
export function pay(
  from: readonly Spendable[],
  value: bigint = from.reduce((sum, each) => sum + each.value, 0n),
  change: Partial<TransactionParts> = {},
): Transaction {
  return Transaction.of({
    version: 2,
    inputs: from.map((each) => input(each)),
    outputs: [{ value, scriptPubKey: OP_TRUE }],
    lockTime: 0,
    ...change,
  });
}

/** An output of a transaction. */
export const output = (transaction: Transaction, vout = 0): Spendable => ({
  txid: transaction.txid,
  vout,
  value: transaction.outputs[vout]!.value,
});

/** What a block is like, where it is not the usual one. */
export interface BlockChange {
  /** What the coinbase pays; the subsidy unless told. */
  readonly reward?: bigint;
  readonly coinbase?: Transaction;
  /** Which block it builds on; the tip unless told. */
  readonly parent?: Block;
  /** Makes coinbases differ. */
  readonly salt?: number;
}

/** Parts of its chain. */
export type LedgerParts = Partial<Omit<BitcoinChainParts, "store" | "clock">> & {
  readonly store?: MemoryBitcoinStore;
  readonly clock?: ReturnType<typeof simClock>;
};

/** The chain. */
export class Ledger {
  readonly chain: BitcoinChain;
  readonly store: MemoryBitcoinStore;
  /** What the chain told of its branches. */
  readonly said: readonly string[];
  readonly network: BitcoinNetwork;
  readonly clock: ReturnType<typeof simClock>;
  readonly #heights = new Map<string, number>();
  #tip: Block | undefined;

  readonly #trusted: { hash: Uint8Array; readonly minimumWork: bigint };

  private constructor(
    { chain, store, said }: Pick<Ledger, "chain" | "store" | "said">,
    network: BitcoinNetwork,
    clock: ReturnType<typeof simClock>,
    trusted: { hash: Uint8Array; readonly minimumWork: bigint },
  ) {
    this.chain = chain;
    this.store = store;
    this.said = said;
    this.network = network;
    this.clock = clock;
    this.#trusted = trusted;
  }

  /** `parts` take the place of those of the chain; a store may be what an earlier chain left, to go on with. */
  static async open(
    network: BitcoinNetwork = regtest,
    { store = new MemoryBitcoinStore(), clock = simClock(), ...parts }: LedgerParts = {},
  ): Promise<Ledger> {
    const random = new SeededRandom(1);
    useRandomBytes((length) => random.bytes(length));
    // Loading code takes real time, which is not on the test's clock.
    await scriptVerdict.run({ spends: new Uint8Array(), flags: 0, engine: "wide" });
    const said: string[] = [];
    const assumeValid = { hash: new Uint8Array(32), minimumWork: 0n };
    const chain = await clock.until(BitcoinChain.load({
      ...{ network, clock, headersOnly: false, store },
      validator: fullValidator({ workers: new InlineWorkers(), engine: "wide" }),
      coins: { random, bytesMax: 64 * 1024 * 1024 },
      assumeValid,
      onActivation: (level, text) => void said.push(`${level} ${text}`),
      ...parts,
    }));
    return new Ledger({ chain, store, said }, network, clock, assumeValid);
  }

  get height(): number {
    return this.chain.headers.height(this.chain.tip);
  }

  /** Waits for work that needs the chain's clock. */
  async until<T>(work: Promise<T>): Promise<T> {
    return await this.clock.until(work);
  }

  /** Lets everything that waits for no timer happen. */
  async rest(ms = 50): Promise<void> {
    await this.clock.advance(ms);
  }

  /** Hash, height and time of a block that another is to be built on. */
  #place(parent: Block | undefined): { readonly hash: Uint8Array; readonly height: number; readonly time: number } {
    if (parent === undefined) {
      return {
        hash: this.network.genesis.hash,
        height: 0,
        time: Math.floor(this.clock.now() / 1000) - AGE * SPACING_S,
      };
    }
    return { hash: parent.hash, height: this.#heights.get(toHex(parent.hash))!, time: parent.header.time };
  }

  /** A block of these transactions on the tip, or on another block, with work and a commitment to witnesses. */
  block(transactions: readonly Transaction[] = [], change: BlockChange = {}): Block {
    const above = this.#place(change.parent ?? this.#tip);
    const height = above.height + 1;
    const coinbase = change.coinbase ?? this.#coinbase(height, transactions, change);
    const all = [coinbase, ...transactions];
    const block = Block.of(
      solve({
        version: 4,
        prevBlockHash: above.hash,
        merkleRoot: merkleRoot(all.map(({ txid }) => txid)).root,
        time: above.time + SPACING_S,
        bits: this.network.pow.limitBits,
        nonce: 0,
      }, this.network),
      all,
    );
    this.#heights.set(toHex(block.hash), height);
    return block;
  }

  #coinbase(height: number, transactions: readonly Transaction[], { reward, salt = 0 }: BlockChange): Transaction {
    const nonce = new Uint8Array(32);
    const root = merkleRoot([nonce, ...transactions.map(({ wtxid }) => wtxid)]).root;
    const hasWitness = height >= this.network.heights.segwit;
    const commitment = concat(fromHex("6a24aa21a9ed"), merkleNode(root, nonce));
    return Transaction.of({
      version: 2,
      inputs: [{
        prevout: { txid: nonce, vout: FINAL },
        scriptSig: concat(heightPush(height), Uint8Array.of(1, salt)),
        sequence: FINAL,
        witness: hasWitness ? [nonce] : [],
      }],
      outputs: [
        { value: reward ?? subsidyAt(this.network, height), scriptPubKey: OP_TRUE },
        ...(hasWitness ? [{ value: 0n, scriptPubKey: commitment }] : []),
      ],
      lockTime: 0,
    });
  }

  /** From now on a block and those before it are known to be good. */
  assumeValid({ hash }: Block): void {
    this.#trusted.hash = hash;
  }

  /** Tells the headers of blocks without the blocks. */
  tellHeaders(blocks: readonly Block[]): void {
    for (let at = 0; at < blocks.length; at += 1_000) {
      const headers = concat(...blocks.slice(at, at + 1_000).map(({ raw }) => raw.slice(0, 80)));
      assert.equal(this.chain.acceptHeaders(HeaderBatch.fromBytes(headers)).refusal, undefined);
    }
  }

  /** Gives a block to the chain; Core's reason where it is refused, at once or when it is connected, else `ok`. */
  async add(block: Block): Promise<string> {
    const { last, refusal } = this.chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
    if (refusal !== undefined) return refusal.reason;
    const found = await this.clock.until(this.chain.submit(last, block));
    if (this.chain.headers.find(block.hash) === this.chain.tip) this.#tip = block;
    return found?.reason ?? "ok";
  }

  /** Mines so many empty blocks; the outputs of their coinbases. */
  async mine(count: number): Promise<Spendable[]> {
    const made: Spendable[] = [];
    for (let i = 0; i < count; i++) {
      const block = this.block();
      assert.equal(await this.add(block), "ok");
      made.push(output(block.transactions[0]!));
    }
    return made;
  }

  /** How a block of these transactions on the tip is judged. */
  async verdict(transactions: readonly Transaction[], change: BlockChange = {}): Promise<string> {
    return await this.add(this.block(transactions, change));
  }
}
