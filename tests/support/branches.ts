/** Branches of a chain of regtest, with spends of every kind in their blocks, by seed. */
import { heightPush } from "../../lib/bitcoin/chain/block-checks.ts";
import { isFinal } from "../../lib/bitcoin/chain/transaction-checks.ts";
import { sha256d, ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { subsidyAt } from "../../lib/bitcoin/networks/subsidy.ts";
import { ScriptFlag, verifyTransaction } from "../../lib/bitcoin/script/mod.ts";
import {
  Block,
  headerToBytes,
  merkleRoot,
  NULL_VOUT,
  type OutPoint,
  Transaction,
  type TxOutput,
} from "../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { Writer } from "../../lib/codec/writer.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";
import { solve } from "../unit/bitcoin-chain/mining.ts";
import { ANYONE, commitmentOf, outputOf, pay, type Spendable } from "./block-world.ts";
import { CoinAccount } from "./coin-account.ts";
import { SpendMaker } from "./script-spends.ts";
import { secp256k1Of } from "./secp256k1-engines.ts";
import { push } from "./script-text.ts";

/** By what scripts are judged in every block. */
const FLAGS = ScriptFlag.P2SH | ScriptFlag.DERSIG | ScriptFlag.NULLDUMMY | ScriptFlag.CHECKLOCKTIMEVERIFY |
  ScriptFlag.CHECKSEQUENCEVERIFY | ScriptFlag.WITNESS | ScriptFlag.TAPROOT;
const SPAN = 11;
const VALUE = 1_000n;
const MATURITY = 100;

/** A spend that waits for its turn, on whichever branch has what it spends. */
interface Waiting {
  readonly spend: Transaction;
  readonly from: readonly OutPoint[];
}

/** A chain that its own account of coins follows. */
export class Branches {
  readonly account = new CoinAccount();
  readonly #random: SeededRandom;
  readonly #maker: SpendMaker;
  /** The active chain by height. */
  readonly #chain: Block[] = [];
  readonly #waiting: Waiting[] = [];
  /** Outputs that anybody may spend, on whichever branch they are. */
  readonly #open: Spendable[] = [];
  /** Branches that were left, each from the block after its fork to its end. */
  readonly #left: (readonly Block[])[] = [];
  #salt = 0;

  /** @param blocks the chain from genesis on that all branches share */
  constructor(random: SeededRandom, blocks: readonly Block[]) {
    this.#random = random;
    this.#maker = new SpendMaker(random);
    for (const block of blocks) this.#connect(block);
  }

  get height(): number {
    return this.#chain.length - 1;
  }

  get tip(): Block {
    return this.#chain.at(-1)!;
  }

  #connect(block: Block): void {
    this.account.connect(block, this.#chain.length);
    this.#chain.push(block);
  }

  /** Takes so many blocks back, and remembers the branch. */
  #leave(depth: number): void {
    const branch = this.#chain.splice(this.#chain.length - depth);
    for (let i = 0; i < depth; i++) this.account.disconnect();
    this.#left.push(branch);
    if (this.#left.length > 20) this.#left.shift();
  }

  /** Goes over to a branch that forks off so many blocks below the tip, and is one block longer: what is new of it. */
  reorganise(depth: number): Block[] {
    const { height } = this;
    const before = this.#random.chance(0.3) ? this.#again(depth) : undefined;
    if (before === undefined) this.#leave(depth);
    else {
      this.#leave(before.depth);
      for (const block of before.branch) this.#connect(block);
    }
    const made: Block[] = [];
    while (this.height <= height) made.push(this.grow());
    return made;
  }

  /** A branch that was left and forks off at most so deep, and how deep. */
  #again(depthMax: number): { readonly branch: readonly Block[]; readonly depth: number } | undefined {
    for (const branch of this.#random.shuffle(this.#left)) {
      const parent = toHex(branch[0]!.header.prevBlockHash);
      const at = this.#chain.findIndex((block) => toHex(block.hash) === parent);
      const depth = this.height - at;
      // On the chain itself it is no other branch, and above the tip there is nothing to leave.
      const isOther = at >= 0 && depth > 0 && toHex(this.#chain[at + 1]!.hash) !== toHex(branch[0]!.hash);
      if (isOther && depth <= depthMax && branch.length <= depth) return { branch, depth };
    }
    return undefined;
  }

  /**
   * A branch that forks off so many blocks below the tip, has more work than the chain, and breaks a rule in its middle, one of
   * some: which block does, and the reason. The chain stays as it is.
   */
  broken(depth: number, which: number): { readonly branch: Block[]; readonly bad: Block; readonly reason: string } {
    const kept = this.#chain.splice(this.#chain.length - depth);
    for (let i = 0; i < depth; i++) this.account.disconnect();
    const length = this.#chain.length;
    const branch: Block[] = [];
    const middle = depth >> 1;
    while (branch.length < middle) branch.push(this.grow());
    const [bad, reason] = this.#bad(which);
    branch.push(bad);
    this.account.connect(Block.of(bad.header, bad.transactions.slice(0, 1)), this.#chain.length);
    this.#chain.push(bad);
    while (branch.length < depth + 2) branch.push(this.grow());
    while (this.#chain.length > length) {
      this.#chain.pop();
      this.account.disconnect();
    }
    for (const block of kept) this.#connect(block);
    return { branch, bad, reason };
  }

  /** A block on the tip that nobody knows to be bad before it is connected. */
  #bad(which: number): [Block, string] {
    const coin = this.#anyOpen(new Set());
    if (coin === undefined) throw new Error("there is no coin to spend badly");
    const young = { ...outputOf(this.tip.transactions[0]!), height: this.height };
    const missing = { ...coin, txid: this.#random.bytes(32) };
    const more = [{ value: coin.value + 1n, scriptPubKey: ANYONE }];
    const locked = pay([coin], [{ value: coin.value, scriptPubKey: Uint8Array.of(0) }]);
    const cases: (() => [Block, string])[] = [
      () => [this.next([], 1n), "bad-cb-amount"],
      () => [this.next([pay([missing])]), "bad-txns-inputs-missingorspent"],
      () => [this.next([pay([coin], more)]), "bad-txns-in-belowout"],
      () => [this.next([pay([young])]), "bad-txns-premature-spend-of-coinbase"],
      () => [this.next([locked, pay([outputOf(locked)])]), "block-script-verify-flag-failed"],
      () => [
        this.next([pay([coin]), pay([coin], [{ value: 1n, scriptPubKey: ANYONE }])]),
        "bad-txns-inputs-missingorspent",
      ],
    ];
    return cases[which % cases.length]!();
  }

  /** A block more on the tip. */
  grow(): Block {
    const block = this.next(this.#transactions());
    this.#connect(block);
    const [coinbase] = block.transactions;
    this.#open.push({ ...outputOf(coinbase!), height: this.height });
    return block;
  }

  /** The block on the tip with these transactions; its coinbase pays so much more than the subsidy. */
  next(transactions: readonly Transaction[], extra = 0n): Block {
    const { tip: parent } = this;
    const height = this.height + 1;
    const hasWitness = transactions.some((each) => each.hasWitness);
    const salt = new Writer(8);
    salt.u64Le(BigInt(this.#salt++));
    const coinbase = Transaction.of({
      version: 2,
      inputs: [{
        prevout: { txid: ZERO_HASH, vout: NULL_VOUT },
        scriptSig: Uint8Array.of(...heightPush(height), ...push(salt.finish())),
        sequence: 0xffff_ffff,
        witness: hasWitness ? [ZERO_HASH] : [],
      }],
      outputs: [
        { value: subsidyAt(regtest, height) + extra, scriptPubKey: ANYONE },
        ...(hasWitness ? [commitmentOf(transactions)] : []),
      ],
      lockTime: 0,
    });
    const all = [coinbase, ...transactions];
    const header = solve({
      version: 0x2000_0000,
      prevBlockHash: sha256d(headerToBytes(parent.header)),
      merkleRoot: merkleRoot(all.map(({ txid }) => txid)).root,
      time: Math.max(this.#medianTime + 1, parent.header.time + this.#random.below(3) - 1),
      bits: regtest.pow.limitBits,
      nonce: 0,
    }, regtest);
    return Block.of(header, all);
  }

  get #medianTime(): number {
    const times = this.#chain.slice(-SPAN).map(({ header }) => header.time).sort((a, b) => a - b);
    return times[times.length >> 1]!;
  }

  /** Transactions for a block on the tip: outputs of every kind are made, and such as were made before are spent. */
  #transactions(): Transaction[] {
    const random = this.#random;
    const chosen: Transaction[] = [];
    const taken = new Set<string>();
    const nameOf = ({ txid, vout }: OutPoint) => `${toHex(txid)}:${vout}`;
    const take = (spend: Transaction) => {
      chosen.push(spend);
      for (const { prevout } of spend.inputs) taken.add(nameOf(prevout));
    };
    const isThere = (outpoint: OutPoint) => this.#isSpendable(outpoint) && !taken.has(nameOf(outpoint));
    for (const { spend, from } of random.shuffle(this.#waiting).slice(0, 40)) {
      if (chosen.length < 3 && from.every(isThere) && this.#mayBeIn(spend)) take(spend);
    }
    for (let left = random.below(3); left > 0; left--) {
      const coin = this.#anyOpen(taken);
      if (coin === undefined) break;
      const made = this.#fund(coin, take);
      if (made !== undefined && random.chance(0.3) && this.#mayBeIn(made.spend)) take(made.spend);
    }
    return chosen;
  }

  /** An output that anybody may spend, and that is there and old enough. */
  #anyOpen(taken: ReadonlySet<string>): Spendable | undefined {
    const { length } = this.#open;
    const start = this.#random.below(Math.max(1, length));
    for (let i = 0; i < length; i++) {
      const coin = this.#open[(start + i) % length]!;
      const isFree = !taken.has(`${toHex(coin.txid)}:${coin.vout}`);
      if (isFree && coin.value > 10n * VALUE && this.#isSpendable(coin)) return coin;
    }
    return undefined;
  }

  /** Whether a coin is there, and old enough for the next block. */
  #isSpendable(outpoint: OutPoint): boolean {
    const coin = this.account.get(outpoint);
    return coin !== undefined && (!coin.isCoinbase || this.height + 1 - coin.height >= MATURITY);
  }

  /** Makes outputs of some kinds from a coin, and the spend of them, which waits unless it breaks a rule of scripts. */
  #fund(coin: Spendable, take: (made: Transaction) => void): Waiting | undefined {
    const { outputs, from } = this.#maker.spend(VALUE, { isChanged: false });
    const rest = (coin.value - VALUE * BigInt(outputs.length)) / 3n;
    const change: TxOutput[] = [1, 2].map(() => ({ value: rest, scriptPubKey: ANYONE }));
    const made = pay([coin], [...outputs, ...change]);
    take(made);
    // It may be in a block of another branch as well.
    this.#waiting.push({ spend: made, from: [coin] });
    for (const [i] of change.entries()) this.#open.push({ ...outputOf(made, outputs.length + i), height: 0 });
    const spend = from(made.txid);
    const isGood = [1, 2, 3].includes(spend.version) &&
      verifyTransaction(spend, outputs, FLAGS, secp256k1Of("wide")) === undefined;
    if (!isGood) return undefined;
    const waiting = { spend, from: spend.inputs.map(({ prevout }) => prevout) };
    this.#waiting.push(waiting);
    return waiting;
  }

  /** Whether no lock keeps a transaction out of the next block, whatever it spends. */
  #mayBeIn(spend: Transaction): boolean {
    const isRelative = spend.version >= 2 &&
      spend.inputs.some(({ sequence }) => sequence < 0x8000_0000 && (sequence & 0xffff) !== 0);
    return !isRelative && isFinal(spend, this.height + 1, this.#medianTime);
  }
}
