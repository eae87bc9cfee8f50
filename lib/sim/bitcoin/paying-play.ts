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
import type { RunningNode } from "../../config.ts";
import type { SimClock } from "../clock.ts";
import type { LiarParts, Living, RelayLie, SpecialHosts } from "../play.ts";
import type { SeededRandom } from "../random.ts";
import { delaysJson } from "../report.ts";
import { network, WorldBlocks } from "./blocks.ts";
import { SlowJudging } from "./slow-judging.ts";
import { BitcoinPlay, serviceOf } from "./play.ts";
import { RelayLiar } from "./relay-liar.ts";
import { openOutput, type Payment, WorldWallet } from "./wallet.ts";

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
/** What of the relay is bounded for each peer of a node, and in all. */
const ANNOUNCEMENTS_PER_PEER = 5_000;
const ORPHAN_WEIGHT_PER_PEER = 404_000;
const ORPHANS_MAX = 3_000;
/** Blocks in the end, until every payment is in one. */
const LAST_BLOCKS = 20;
const LAST_EVERY_MS = 60_000;

/** What malicious peers do unless they are told. */
const RELAY_LIES: readonly RelayLie[] = ["ids", "orphans", "withhold", "costly"];

/** What is paid in a world. */
export interface PaymentOptions {
  /** Mean time between two payments. */
  readonly everyMs: number;
  /** What malicious peers do, in turn; all that there is when absent. */
  readonly lies?: readonly RelayLie[];
}

/** A transaction of a payment. */
interface Paid {
  readonly transaction: Transaction;
  readonly at: number;
  /** Hosts that have had it in their mempools. */
  readonly seen: Set<string>;
}

/** A world of payments. */
export class PayingPlay extends BitcoinPlay {
  override readonly lies: readonly RelayLie[];
  readonly #clock: SimClock;
  readonly #wallet: WorldWallet;
  readonly #everyMs: number;
  readonly #slow: SlowJudging;
  readonly #liars: RelayLiar[] = [];
  readonly #paid = new Map<string, Paid>();
  readonly #delays: number[] = [];
  /** Mempools that are listened to. */
  readonly #heard = new WeakSet<object>();
  /** Since when each host is up. */
  readonly #upSince = new Map<string, number>();
  /** Txids of each row that was looked through. */
  readonly #txids = new Map<number, ReadonlySet<string>>();

  constructor(
    clock: SimClock,
    hosts: SpecialHosts,
    random: SeededRandom,
    { everyMs, lies = RELAY_LIES }: PaymentOptions,
  ) {
    const scriptOf = (maker: string) => openOutput(maker);
    super(clock, hosts, random, new WorldBlocks(clock.now(), { history: MATURITY + RIPE_BLOCKS, scriptOf }));
    this.#clock = clock;
    this.lies = lies;
    this.#everyMs = everyMs;
    this.#wallet = new WorldWallet(this.blocks, random.fork("wallet"));
    this.#slow = new SlowJudging(clock);
  }

  /** The node's own validator: what is in a mempool has been validated in full. */
  override substitutesOf(host: string): Substitutes {
    super.substitutesOf(host);
    return { bitcoin: { network } };
  }

  protected override fill({ mempool }: BitcoinService): readonly Transaction[] {
    const chosen: Transaction[] = [];
    let weight = 0;
    for (const { transaction } of mempool?.byMiningScore() ?? []) {
      weight += transaction.weight;
      if (weight > BLOCK_WEIGHT_MAX) break;
      chosen.push(transaction);
    }
    return chosen;
  }

  override async furnish(node: RunningNode, host: string): Promise<void> {
    await super.furnish(node, host);
    this.#meet(node, host);
  }

  override lie(parts: LiarParts): void {
    const liar = new RelayLiar(parts, this.blocks, this.#wallet);
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
    void this.#look(living);
    await this.#clock.sleep(FIRST_MS);
    while (this.#clock.monotonic() < calmAtMs) {
      await this.#clock.sleep(random.wait(this.#everyMs));
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
    return { made: this.#paid.size, mined, ...delaysJson(this.#delays) };
  }

  /** Listens to the mempool of a node that has come up. */
  #meet(node: RunningNode, host: string): void {
    const { mempool } = serviceOf(node);
    if (mempool === undefined || this.#heard.has(mempool)) return;
    this.#heard.add(mempool);
    this.#upSince.set(host, this.#clock.monotonic());
    mempool.listen({ added: (entry) => this.#arrived(host, entry) });
    this.#slow.slow(mempool);
  }

  #arrived(host: string, { transaction }: MempoolEntry): void {
    const paid = this.#paid.get(toHex(transaction.txid));
    if (paid === undefined || paid.seen.has(host)) return;
    paid.seen.add(host);
    this.#delays.push(this.#clock.monotonic() - paid.at);
  }

  /** Has a payment made at one of the nodes that stand where the world does. */
  async #pay(living: Living): Promise<void> {
    const { random, broke } = living;
    const up = this.#up(living);
    const coin = up.length === 0 ? undefined : this.#wallet.take();
    if (coin === undefined) return;
    const { host, running } = random.pick(up);
    const { mempool, relay } = serviceOf(running!);
    const payment: Payment = this.#wallet.pay(coin);
    const at = this.#clock.monotonic();
    for (const each of payment) {
      this.#paid.set(toHex(each.txid), { transaction: each, at, seen: new Set([host]) });
    }
    const { verdicts } = await mempool!.acceptPackage(payment);
    const refused = verdicts.find((verdict) => verdict?.ok === false);
    if (refused !== undefined) {
      broke(
        "a payment is taken",
        host,
        JSON.stringify(verdicts.map((v) => v?.ok === false ? v : v?.ok)),
      );
    }
    for (const { txid } of payment) relay!.broadcast(txid);
    for (const liar of this.#liars) liar.hears(payment);
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
        this.#bounds(host, serviceOf(running), broke);
        if (this.#isThere(running)) this.#reach(host, serviceOf(running), broke);
      }
    }
  }

  #bounds(host: string, service: BitcoinService, broke: Living["broke"]): void {
    const { relay, mempool } = service;
    if (relay === undefined || mempool === undefined) return;
    const { announcements, orphans, orphanWeight } = relay.figures;
    const peers = Math.max(1, service.peers().length);
    const isOver = announcements > ANNOUNCEMENTS_PER_PEER * peers || orphans > ORPHANS_MAX ||
      orphanWeight > ORPHAN_WEIGHT_PER_PEER * peers;
    if (isOver) broke("what the relay keeps is bounded", host, JSON.stringify({ ...relay.figures, peers }));
    const { figures: { bytes }, policy: { bytesMax } } = mempool;
    if (bytes > bytesMax) broke("mempools are bounded", host, `${bytes} of ${bytesMax} bytes`);
  }

  #reach(host: string, { mempool }: BitcoinService, broke: Living["broke"]): void {
    const now = this.#clock.monotonic();
    const since = this.#upSince.get(host) ?? now;
    for (const paid of this.#paid.values()) {
      const { transaction: { txid }, at } = paid;
      const from = Math.max(at, since);
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
