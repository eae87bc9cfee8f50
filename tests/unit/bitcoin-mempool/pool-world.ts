/** A regtest chain that is validated in full, with a mempool that follows it, and transactions that a test makes. */
import assert from "node:assert/strict";
import { heightPush } from "../../../lib/bitcoin/chain/block-checks.ts";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { ScriptCache } from "../../../lib/bitcoin/chain/script-cache.ts";
import { hash160 } from "../../../lib/bitcoin/hash.ts";
import type { MempoolEntry, TransactionVerdict } from "../../../lib/bitcoin/mempool/mempool.ts";
import { DEFAULT_POLICY, type MempoolPolicy, TxMempool } from "../../../lib/bitcoin/mempool/mod.ts";
import type { MempoolChain } from "../../../lib/bitcoin/mempool/mempool-chain.ts";
import { poolScripts } from "../../../lib/bitcoin/mempool/script-job.ts";
import { type BitcoinNetwork, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { SpendingTransaction, witnessV0Digest } from "../../../lib/bitcoin/script/mod.ts";
import { payToWitness } from "../../../lib/bitcoin/types/script-template.ts";
import { Transaction, type TransactionParts, type TxOutput } from "../../../lib/bitcoin/types/transaction.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import type { NamedFiles, Workers } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";
import { ecdsaSignature, KEYS, type TestKey } from "../../support/script-keys.ts";
import { input, Ledger, type LedgerParts, output, type Spendable } from "../bitcoin-chain/ledger.ts";

export { input, output, type Spendable } from "../bitcoin-chain/ledger.ts";
export const COIN = 100_000_000;

/** A signature that is as it should be: made with a random source that never asks for another form. */
class Plain extends SeededRandom {
  override chance(share: number): boolean {
    return share > 0.5;
  }
}

/** The output of a key. */
export const keyScript = ({ compressed }: TestKey): Uint8Array => payToWitness(0, hash160(compressed));

/** A coin that a key spends. */
export interface KeyCoin extends Spendable {
  readonly key: TestKey;
}

/** Signs every input of a transaction, each of whose coins is of P2WPKH. */
export function signed(parts: TransactionParts, coins: readonly KeyCoin[]): Transaction {
  const spent = coins.map(({ key, value }): TxOutput => ({ value, scriptPubKey: keyScript(key) }));
  const spending = new SpendingTransaction(Transaction.of(parts), spent);
  const random = new Plain(1);
  const inputs = parts.inputs.map((each, i) => {
    const { key: { compressed, secret } } = coins[i]!;
    const code = Uint8Array.of(0x76, 0xa9, 20, ...hash160(compressed), 0x88, 0xac);
    const digest = witnessV0Digest(spending, i, code, 1);
    return { ...each, witness: [ecdsaSignature(random, secret, digest, 1), compressed] };
  });
  return Transaction.of({ ...parts, inputs });
}

/** What a transaction is like where it is not as usual. */
export interface SpendChange extends Partial<TransactionParts> {
  /** How many outputs share the value. */
  readonly count?: number;
  readonly sequence?: number;
}

/** Spends coins of keys to outputs of a key, less a fee. */
export function spend(coins: readonly KeyCoin[], fee: number, change: SpendChange = {}): Transaction {
  const { count = 1, sequence, ...parts } = change;
  const total = coins.reduce((sum, { value }) => sum + Number(value), 0) - fee;
  const each = Math.floor(total / count);
  const outputs = Array.from({ length: count }, (_, i): TxOutput => ({
    value: BigInt(i === 0 ? total - each * (count - 1) : each),
    scriptPubKey: keyScript(KEYS[0]!),
  }));
  return signed({
    version: 2,
    lockTime: 0,
    inputs: coins.map((coin) => input(coin, sequence === undefined ? {} : { sequence })),
    outputs,
    ...parts,
  }, coins);
}

/** An output of a transaction of {@link spend}. */
export const coinOf = (transaction: Transaction, vout = 0): KeyCoin => ({
  ...output(transaction, vout),
  key: KEYS[0]!,
});

/** How the world is made where it is not as usual. */
export interface PoolWorldOptions {
  readonly network?: BitcoinNetwork;
  readonly policy?: Partial<MempoolPolicy>;
  readonly chain?: LedgerParts;
  readonly workers?: Workers;
  readonly files?: NamedFiles;
  /** Blocks whose coinbases pay to a key. */
  readonly blocks?: number;
}

/** A chain, and its mempool. */
export class PoolWorld {
  readonly ledger: Ledger;
  readonly pool: TxMempool;
  /** Coins of keys of blocks that are old enough. */
  readonly coins: KeyCoin[] = [];
  /** What people were told. */
  readonly told: string[];
  readonly cache: ScriptCache;
  #taken = 0;

  private constructor(ledger: Ledger, pool: TxMempool, cache: ScriptCache, told: string[]) {
    this.told = told;
    this.ledger = ledger;
    this.pool = pool;
    this.cache = cache;
  }

  /** A chain of 110 blocks or more, of which the first may be spent. */
  static async open(options: PoolWorldOptions = {}): Promise<PoolWorld> {
    const workers = options.workers ?? new InlineWorkers();
    const cache = new ScriptCache(new SeededRandom(3));
    const made: { pool?: TxMempool } = {};
    const ledger = await Ledger.open(options.network ?? regtest, {
      validator: fullValidator({ workers, engine: "wide", cache }),
      onConnected: (block) => made.pool?.connected(block),
      onDisconnected: (block) => made.pool?.disconnected(block),
      ...options.chain,
    });
    await poolScripts.run({ spends: new Uint8Array(), flags: 0, blockFlags: 0, engine: "wide" });
    const { chain, clock } = ledger;
    const told: string[] = [];
    const pool = made.pool = new TxMempool({
      ...{ chain, clock, workers, cache, engine: "wide" },
      policy: { ...DEFAULT_POLICY, ...options.policy },
      storage: { files: options.files ?? new MemoryFolder().named("/data"), random: new SeededRandom(4), isKept: true },
      notice: (level, text) => void told.push(`${level} ${text}`),
    });
    const world = new PoolWorld(ledger, pool, cache, told);
    for (let i = 0; i < (options.blocks ?? 110); i++) await world.mine([]);
    return world;
  }

  /** Mines a block of these transactions whose coinbase pays to a key. */
  async mine(transactions: readonly Transaction[]): Promise<KeyCoin> {
    const height = this.ledger.height + 1;
    const plain = this.ledger.block(transactions).transactions[0]!;
    const [reward, ...others] = plain.outputs;
    const coinbase = Transaction.of({
      version: plain.version,
      lockTime: plain.lockTime,
      inputs: [{ ...plain.inputs[0]!, scriptSig: Uint8Array.of(...heightPush(height), 1, 0) }],
      outputs: [{ value: reward!.value, scriptPubKey: keyScript(KEYS[0]!) }, ...others],
    });
    assert.equal(await this.ledger.verdict(transactions, { coinbase }), "ok");
    const coin = { ...output(coinbase), key: KEYS[0]! };
    this.coins.push(coin);
    return coin;
  }

  /** What the mempool says of a transaction. */
  async accept(transaction: Transaction): Promise<TransactionVerdict> {
    return await this.ledger.until(this.pool.accept(transaction));
  }

  /** Core's words for what the mempool says: `ok`, `known`, or the reason. */
  async says(transaction: Transaction): Promise<string> {
    return wordOf(await this.accept(transaction));
  }

  /** Core's words for what would become of a transaction. */
  async wouldSay(transaction: Transaction): Promise<string> {
    const { verdicts } = await this.ledger.until(this.pool.test([transaction]));
    return wordOf(verdicts[0]!);
  }

  /** What would be said of it, with the result and what is told to people. */
  async wouldTell(transaction: Transaction): Promise<readonly [result: string, reason: string, detail: string]> {
    const { verdicts } = await this.ledger.until(this.pool.test([transaction]));
    const [verdict] = verdicts;
    return verdict?.ok === false ? [verdict.result, verdict.reason, verdict.detail] : ["", wordOf(verdict!), ""];
  }

  /** Mines outputs of these scripts; what spends them. */
  async fund(scripts: readonly Uint8Array[], value = COIN): Promise<Spendable[]> {
    const coin = this.takeCoin();
    const outputs = scripts.map((scriptPubKey): TxOutput => ({ value: BigInt(value), scriptPubKey }));
    const transaction = spend([coin], 0, { outputs });
    await this.mine([transaction]);
    return scripts.map((_, vout) => output(transaction, vout));
  }

  /** Another mempool, empty, that hears of no block; it keeps its transactions where there are files for it. */
  anotherPool(
    workers: Workers,
    policy: Partial<MempoolPolicy> = {},
    files?: NamedFiles,
    chain: MempoolChain = this.ledger.chain,
  ): TxMempool {
    const { clock } = this.ledger;
    const kept = { files: files ?? new MemoryFolder().named("/data"), isKept: files !== undefined };
    return new TxMempool({
      ...{ chain, clock, workers, cache: this.cache, engine: "wide" },
      policy: { ...DEFAULT_POLICY, ...policy },
      storage: { ...kept, random: new SeededRandom(4) },
      notice: (level, text) => void this.told.push(`${level} ${text}`),
    });
  }

  /** A coin that nothing else gets. */
  takeCoin(): KeyCoin {
    const coin = this.coins[this.#taken++];
    assert.ok(coin !== undefined && this.#taken <= this.ledger.height - 99, "there are coins enough");
    return coin;
  }

  /** Ids of all that is in the mempool, in no order. */
  ids(): string[] {
    return [...this.pool.entries()].map(({ transaction }) => toHex(transaction.txid)).sort();
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    await this.pool.close();
    await this.ledger.until(this.ledger.chain.close());
  }
}

/** A verdict in one word. */
export function wordOf(verdict: TransactionVerdict): string {
  if (verdict.ok === true) return "ok";
  return verdict.ok === "known" ? "known" : verdict.reason;
}

/** The id of a transaction, as the mempool has it. */
export const idOf = (transaction: Transaction | MempoolEntry): string =>
  toHex("transaction" in transaction ? transaction.transaction.txid : transaction.txid);
