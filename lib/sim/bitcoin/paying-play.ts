/**
 * A Bitcoin world in which payments are made: every node validates all of them, and tells the others. What is to hold: each
 * payment is soon everywhere and in the end in a block, and what strangers send stays within its bounds.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { scriptVerdict } from "../../bitcoin/chain/script-job.ts";
import { poolScripts } from "../../bitcoin/mempool/script-job.ts";
import type { MempoolEntry } from "../../bitcoin/mempool/mempool.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { Block, type Transaction } from "../../bitcoin/types/mod.ts";
import type { Substitutes } from "../../compose/chain.ts";
import type { ChainConfig, RunningNode } from "../../config.ts";
import { fromDisplayHex } from "../../bitcoin/hash.ts";
import type { SimClock } from "../clock.ts";
import {
  COMPACT_LIES,
  type LiarParts,
  type Living,
  type PlayOptions,
  type RelayLie,
  type SpecialHosts,
  type Tip,
} from "../play.ts";
import type { SeededRandom } from "../random.ts";
import { delaysJson } from "../report.ts";
import { network, WorldBlocks } from "./blocks.ts";
import { CheapTransactions } from "./cheap.ts";
import { Hops, type Traveller } from "./hops.ts";
import { PaymentRules } from "./payment-rules.ts";
import { BitcoinPlay, serviceOf } from "./play.ts";
import { actOf } from "./relay-acts.ts";
import { RelayLiar } from "./relay-liar.ts";
import { SlowJudging } from "./slow-judging.ts";
import { openOutput, type Payment, type PoorPayment, spendOpen, WorldWallet } from "./wallet.ts";

/** Coinbases of so many blocks may be spent when the world begins. */
const RIPE_BLOCKS = 60;
const MATURITY = 100;
/** Nodes connect to one another first. */
const FIRST_MS = 240_000;
const LOOK_EVERY_MS = 5_000;
/** By then a payment is at every node, or in a block: a few waits of seconds at each step, and what an attack may cost. */
const REACH_MS = 90_000;
/** Weight of a block's payments. */
const BLOCK_WEIGHT_MAX = 3_900_000;
/** Blocks in the end, until every payment is in one. */
const LAST_BLOCKS = 20;
const LAST_EVERY_MS = 60_000;

/** What miners ask for, in satoshi for 1000 virtual bytes: more than is asked for to be relayed. */
const MINER_FEE_RATE = 1_000;
/** After so long a payment that is not mined is bumped. */
const BUMP_AFTER_MS = 30_000;
/** What takes the place of a payment pays for as many virtual bytes as strangers can have attached to it. */
const BUMP_SATOSHI = 105_000;
/** What a transaction pays that only a miner has. */
const UNSEEN_SATOSHI = 5_000;

/** What malicious peers do unless they are told. */
const RELAY_LIES: readonly RelayLie[] = ["ids", "orphans", "withhold", "costly", "lowfee", "pinning", ...COMPACT_LIES];
/** Those whose transactions have to be made of coins. */
const CHEAP_LIES: ReadonlySet<RelayLie> = new Set(["lowfee", "collide"]);
const CHEAP_COUNT = 1_000;

/** What is paid in a world. */
export interface PaymentOptions {
  /** Mean time between two payments. */
  readonly everyMs: number;
  /** What malicious peers do, in turn; all that there is when absent. */
  readonly lies?: readonly RelayLie[];
  /** Payments pay less than miners ask for, and are bumped later: what takes the place of each, or pays for it, has to pass. */
  readonly arePoor?: boolean;
  /** Memory of each mempool, in bytes; the node's own default when absent. */
  readonly mempoolBytes?: number;
  /** Transactions that malicious peers may flood with; a thousand when absent. */
  readonly cheapCount?: number;
  /** Transactions of each block that nobody but its miner has had; none when absent. */
  readonly unseen?: number;
}

/** A transaction of a payment. */
interface Paid extends Traveller {
  readonly transaction: Transaction;
  readonly at: number;
}

/** A world of payments. */
export class PayingPlay extends BitcoinPlay {
  override readonly lies: readonly RelayLie[];
  readonly #clock: SimClock;
  readonly #wallet: WorldWallet;
  readonly #options: PaymentOptions;
  readonly #cheap: CheapTransactions;
  readonly #rules: PaymentRules;
  readonly #hops: Hops;
  #living: Living | undefined;
  readonly #slow: SlowJudging;
  readonly #liars: RelayLiar[] = [];
  readonly #paid = new Map<string, Paid>();
  readonly #delays: number[] = [];
  /** Txids of each row that was looked through. */
  readonly #txids = new Map<number, ReadonlySet<string>>();

  constructor(
    clock: SimClock,
    hosts: SpecialHosts,
    random: SeededRandom,
    options: PaymentOptions,
  ) {
    const scriptOf = (maker: string) => openOutput(maker);
    super(clock, hosts, random, new WorldBlocks(clock.now(), { history: MATURITY + RIPE_BLOCKS, scriptOf }));
    this.#clock = clock;
    const { lies = RELAY_LIES, cheapCount = CHEAP_COUNT } = options;
    this.lies = lies;
    this.#options = options;
    this.#wallet = new WorldWallet(this.blocks, random.fork("wallet"));
    const count = lies.some((lie) => CHEAP_LIES.has(lie)) ? cheapCount : 0;
    this.#cheap = new CheapTransactions(count, this.blocks, this.#wallet, clock.now());
    this.#slow = new SlowJudging(clock);
    this.#rules = new PaymentRules(clock, this.blocks);
    this.#hops = new Hops({
      clock,
      broke: (...breach) => this.#living?.broke(...breach),
      serviceOf: (host) => {
        const running = this.#living?.nodes.find((node) => node.host === host)?.running;
        return running && serviceOf(running);
      },
      isOver: (txid) => {
        const paid = this.#paid.get(txid);
        return paid === undefined || this.#isMined(paid);
      },
    });
  }

  override configOf(host: string, options: PlayOptions): ChainConfig {
    const { mempoolBytes: bytesMax } = this.#options;
    return { ...super.configOf(host, options), ...(bytesMax !== undefined && { mempool: { bytesMax } }) };
  }

  /** The node's own validator: what is in a mempool has been validated in full. */
  override substitutesOf(host: string): Substitutes {
    super.substitutesOf(host);
    return { bitcoin: { network } };
  }

  protected override fill({ mempool }: BitcoinService): readonly Transaction[] {
    const chosen: Transaction[] = [];
    let left = BLOCK_WEIGHT_MAX;
    for (const { entries, fee, weight } of mempool?.chunks() ?? []) {
      if (fee * 4_000 < MINER_FEE_RATE * weight || weight > left) break;
      left -= weight;
      chosen.push(...entries.map(({ transaction }) => transaction));
    }
    for (let i = 0; i < (this.#options.unseen ?? 0); i++) {
      const coin = this.#wallet.take();
      if (coin !== undefined) chosen.push(spendOpen([coin], UNSEEN_SATOSHI, 1));
    }
    return chosen;
  }

  override async extend(node: RunningNode, maker: string, made: (tip: Tip) => void): Promise<void> {
    await super.extend(node, maker, (tip) => {
      made(tip);
      const row = this.blocks.headers.find(fromDisplayHex(tip.hash));
      this.#rules.made(row);
      const block = Block.decode(this.blocks.raw(row)!);
      for (const liar of this.#liars) liar.hearsBlock(block);
    });
  }

  override async furnish(node: RunningNode, host: string): Promise<void> {
    await super.furnish(node, host);
    this.#meet(node, host);
  }

  override lie(parts: LiarParts): void {
    const means = { blocks: this.blocks, wallet: this.#wallet, cheap: this.#cheap };
    const liar = new RelayLiar(parts, actOf(parts, means));
    this.#liars.push(liar);
    liar.start();
  }

  async prepare(): Promise<void> {
    const nothing = { spends: new Uint8Array(), flags: 0, engine: "wide" } as const;
    await scriptVerdict.run(nothing);
    await poolScripts.run({ ...nothing, blockFlags: 0 });
  }

  async live(living: Living): Promise<void> {
    const { random, calmAtMs } = living;
    this.#living = living;
    void this.#look(living);
    await this.#clock.sleep(FIRST_MS);
    while (this.#clock.monotonic() < calmAtMs) {
      await this.#clock.sleep(random.wait(this.#options.everyMs));
      await this.#pay(living);
    }
    for (let i = 0; i < LAST_BLOCKS && this.unmet().length > 0; i++) {
      await this.#clock.sleep(LAST_EVERY_MS);
      const up = this.#up(living);
      if (up.length > 0) await this.extend(random.pick(up).running!, `last ${i}`, () => {});
    }
  }

  /** The nodes that stand where the world does. */
  #up({ nodes }: Living) {
    return nodes.filter(({ running, isSound }) => running !== undefined && isSound && this.#isThere(running));
  }

  unmet() {
    const missing = [...this.#paid.values()].filter((each) => !this.#isMined(each));
    if (missing.length === 0) return [];
    return [{
      rule: "every payment is mined",
      host: "world",
      detail: `${missing.length} of ${this.#paid.size} are not`,
    }];
  }

  get transactions() {
    const mined = [...this.#paid.values()].filter((each) => this.#isMined(each)).length;
    return { made: this.#paid.size, mined, ...delaysJson(this.#delays), ...this.#hops.figures, ...this.#rules.figures };
  }

  /** Listens to the mempool of a node that has come up. */
  #meet(node: RunningNode, host: string): void {
    const { mempool } = serviceOf(node);
    if (mempool === undefined || !this.#rules.meet(host, mempool)) return;
    mempool.listen({ added: (entry) => this.#arrived(host, entry) });
    this.#slow.slow(mempool);
  }

  #arrived(host: string, { transaction }: MempoolEntry): void {
    const paid = this.#paid.get(toHex(transaction.txid));
    if (paid === undefined || paid.seen.has(host)) return;
    // Not at the node that it is made at.
    if (paid.seen.size > 0) this.#delays.push(this.#clock.monotonic() - paid.at);
    this.#hops.arrived(host, paid);
  }

  /** Has a payment made at one of the nodes that stand where the world does. */
  async #pay(living: Living): Promise<void> {
    const up = this.#up(living);
    const coin = up.length === 0 ? undefined : this.#wallet.take();
    if (coin === undefined) return;
    const payer = living.random.pick(up);
    if (this.#options.arePoor !== true) {
      const payment = this.#wallet.pay(coin);
      if (!await this.#give(payment, payer, living)) return;
      for (const liar of this.#liars) liar.hears(payment);
      return;
    }
    const poor = this.#wallet.payPoorly(coin, BUMP_SATOSHI);
    if (!await this.#give([poor.payment], payer, living)) return;
    for (const liar of this.#liars) liar.hears([poor.payment]);
    this.#clock.after(BUMP_AFTER_MS, () => void this.#bump(poor, payer, living));
  }

  /** Has a node take a payment and tell of it; false when it is refused. */
  async #give(payment: Payment, { host, running }: Living["nodes"][number], { broke }: Living): Promise<boolean> {
    const { mempool, relay } = serviceOf(running!);
    const at = this.#clock.monotonic();
    for (const transaction of payment) {
      const { txid } = transaction;
      this.#paid.set(toHex(txid), { transaction, txid, at, isInPackage: payment.length > 1, seen: new Map() });
    }
    const { verdicts } = await mempool!.acceptPackage(payment);
    const isTaken = verdicts.every((verdict) => verdict?.ok === true);
    if (!isTaken) broke("a payment is taken", host, JSON.stringify(verdicts.map((v) => v?.ok === false ? v : v?.ok)));
    for (const { txid } of payment) relay!.broadcast(txid);
    return isTaken;
  }

  /** Has a payment that no miner takes replaced, or paid for by a child. */
  async #bump(
    { payment, bump, isReplaced }: PoorPayment,
    payer: Living["nodes"][number],
    living: Living,
  ): Promise<void> {
    if (payer.running === undefined) return;
    if (isReplaced) this.#paid.delete(toHex(payment.txid));
    await this.#give([bump], payer, living);
  }

  /** Whether a node stands on the world's best block, and is through with what came before. */
  #isThere(node: RunningNode): boolean {
    const service = serviceOf(node);
    const { initialBlockDownload, tip } = service.state();
    return !initialBlockDownload &&
      toHex(service.headers.hash(tip)) === toHex(this.blocks.headers.hash(this.blocks.best));
  }

  /** Holds the nodes to the rules, again and again. */
  async #look({ nodes, broke }: Living): Promise<void> {
    for (;;) {
      await this.#clock.sleep(LOOK_EVERY_MS);
      for (const { host, running } of nodes) {
        if (running === undefined) continue;
        this.#meet(running, host);
        const service = serviceOf(running);
        this.#rules.check(host, service, broke);
        if (this.#isThere(running)) this.#reach(host, service, broke);
      }
    }
  }

  #reach(host: string, { mempool }: BitcoinService, broke: Living["broke"]): void {
    const now = this.#clock.monotonic();
    for (const paid of this.#paid.values()) {
      const { transaction: { txid }, at } = paid;
      const from = Math.max(at, this.#rules.upSince(host) ?? now);
      if (now - from < REACH_MS || mempool?.get(txid) !== undefined || this.#isMined(paid)) continue;
      broke("a payment reaches every node", host, `${toHex(txid)} has not come in ${Math.round(now - from)} ms`);
    }
  }

  /** Whether a payment is in the heaviest chain. */
  #isMined({ transaction }: Paid): boolean {
    const txid = toHex(transaction.txid);
    const { headers, best } = this.blocks;
    for (let row = best; headers.height(row) > MATURITY + RIPE_BLOCKS; row = headers.parent(row)) {
      if (this.#txidsOf(row).has(txid)) return true;
    }
    return false;
  }

  #txidsOf(row: number): ReadonlySet<string> {
    let found = this.#txids.get(row);
    if (found === undefined) {
      const { transactions } = Block.decode(this.blocks.raw(row)!);
      this.#txids.set(row, found = new Set(transactions.map(({ txid }) => toHex(txid))));
    }
    return found;
  }
}
