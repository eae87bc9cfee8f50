/**
 * Transactions, blocks and reorganisations by seed: whatever happens, all of the mempool fits into the next block, and its figures
 * are those of what is in it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_POLICY } from "../../../lib/bitcoin/mempool/mod.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";
import { coinOf, idOf, type KeyCoin, PoolWorld, spend } from "./pool-world.ts";

const STEPS = 60;
/** Outputs that there are at first. */
const ROOTS = 40;
/** Small limits, so that they are met. */
const POLICY = { bytesMax: 120_000, clusterCountMax: 8 };

const nameOf = ({ txid, vout }: { readonly txid: Uint8Array; readonly vout: number }) => `${toHex(txid)}:${vout}`;

/** One life of a mempool. */
class Life {
  readonly #world: PoolWorld;
  readonly #random: SeededRandom;
  /** Outputs that were made, spent or not. */
  readonly #coins: KeyCoin[];
  readonly #blocks: Block[] = [];
  readonly #asked: Transaction[] = [];
  /** What blocks have spent. */
  readonly #mined = new Set<string>();
  /** Which block of {@link #blocks} has spent an output. */
  readonly #spentAt = new Map<string, number>();

  constructor(world: PoolWorld, random: SeededRandom, coins: KeyCoin[]) {
    this.#world = world;
    this.#random = random;
    this.#coins = coins;
  }

  /** A coin that is there, for the most part; some are spent in the mempool, and few in a block. */
  #coin(): KeyCoin {
    const { pool } = this.#world;
    const random = this.#random;
    for (let tries = 0; tries < 20; tries++) {
      const coin = random.chance(0.5) ? random.pick(this.#coins.slice(-12)) : random.pick(this.#coins);
      if (!this.#mined.has(nameOf(coin)) && (pool.spenderOf(coin) === undefined || random.chance(0.1))) return coin;
    }
    return random.pick(this.#coins);
  }

  #transaction(): Transaction {
    const random = this.#random;
    const from = new Map<string, KeyCoin>();
    for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--) {
      const coin = this.#coin();
      from.set(nameOf(coin), coin);
    }
    const change = {
      count: random.pick([1, 2, 2, 3]),
      version: random.pick([2, 2, 2, 2, 3]),
      ...(random.chance(0.1) && { sequence: random.pick([0, 1, 2, 3]) }),
      ...(random.chance(0.1) && { lockTime: this.#world.ledger.height + random.below(2), sequence: 0xffff_fffe }),
    };
    return spend([...from.values()], random.pick([50, 200, 1_000, 5_000, 40_000]), change);
  }

  /** Its outputs may be spent. */
  #made(transaction: Transaction): void {
    if (this.#coins.some((coin) => nameOf(coin) === `${idOf(transaction)}:0`)) return;
    for (let vout = 0; vout < transaction.outputs.length; vout++) this.#coins.push(coinOf(transaction, vout));
  }

  async #offer(): Promise<void> {
    const { pool, ledger } = this.#world;
    const all = Array.from({ length: 1 + this.#random.below(12) }, () => this.#transaction());
    const verdicts = await ledger.until(Promise.all(all.map((each) => pool.accept(each))));
    for (const [i, { ok }] of verdicts.entries()) {
      this.#asked.push(all[i]!);
      if (ok === true) this.#made(all[i]!);
    }
  }

  async #package(): Promise<void> {
    const { pool, ledger } = this.#world;
    const parent = spend([this.#coin()], this.#random.pick([0, 30, 400]), { version: 3 });
    const child = spend([coinOf(parent)], this.#random.pick([100, 3_000, 60_000]), { version: 3 });
    for (const each of [parent, child]) this.#made(each);
    await ledger.until(pool.acceptPackage([parent, child]));
  }

  /** A block with some of what is in the mempool, and some that takes the place of it. */
  async #mine(parent: Block | undefined, salt: number, rivals: readonly Transaction[] = []): Promise<Block> {
    const { pool, ledger } = this.#world;
    const share = this.#random.fraction();
    const chosen = new Set<string>();
    const transactions = [...rivals];
    for (const entry of parent === undefined ? pool.byMiningScore() : []) {
      const { parents } = pool.relativesOf(entry.transaction.txid)!;
      if (!this.#random.chance(share) || !parents.every((each) => chosen.has(idOf(each)))) continue;
      const isRival = this.#random.chance(0.1) && parents.length === 0 && !entry.spendsCoinbase;
      if (!isRival) chosen.add(idOf(entry));
      transactions.push(isRival ? this.#rivalOf(entry.transaction) : entry.transaction);
    }
    const block = ledger.block(transactions, { salt, ...(parent && { parent }) });
    assert.equal(await ledger.add(block), "ok");
    for (const { prevout } of transactions.flatMap(({ inputs }) => inputs)) {
      this.#mined.add(nameOf(prevout));
      if (!this.#spentAt.has(nameOf(prevout))) this.#spentAt.set(nameOf(prevout), this.#blocks.length);
    }
    return block;
  }

  /** Another transaction that spends the same. */
  #rivalOf({ inputs }: Transaction): Transaction {
    const names = new Set(inputs.map(({ prevout }) => nameOf(prevout)));
    const rival = spend(this.#coins.filter((coin) => names.has(nameOf(coin))), 777);
    this.#made(rival);
    return rival;
  }

  async #reorganise(): Promise<void> {
    const depth = 1 + this.#random.below(Math.min(4, this.#blocks.length));
    const kept = this.#blocks.slice(0, -depth);
    let parent = kept.at(-1);
    if (parent === undefined) return;
    const salt = 1 + this.#random.below(250);
    // What the blocks spend that are taken back is spent by the others in another way.
    const free = this.#coins.slice(0, ROOTS).filter((coin) => (this.#spentAt.get(nameOf(coin)) ?? -1) >= kept.length);
    const rivals = free.filter(() => this.#random.chance(0.3)).map((coin) => spend([coin], 555));
    for (const [name, at] of this.#spentAt) if (at >= kept.length) this.#spentAt.delete(name);
    this.#blocks.splice(0, this.#blocks.length, ...kept);
    for (let i = 0; i <= depth; i++) {
      // What others do meanwhile has to wait, or is judged again.
      const offered = this.#offer();
      parent = await this.#mine(parent, salt, i === 0 ? rivals : []);
      this.#blocks.push(parent);
      await offered;
    }
    // Nobody knows any more what is spent; asking is allowed.
    this.#mined.clear();
  }

  /** One thing that may happen. */
  async step(): Promise<void> {
    const random = this.#random;
    const kind = random.below(10);
    if (kind < 5 || this.#asked.length === 0) await this.#offer();
    else if (kind < 6) await this.#package();
    else if (kind < 8) this.#blocks.push(await this.#mine(undefined, 0));
    else if (kind < 9) this.#world.pool.prioritise(random.pick(this.#asked).txid, random.below(2_000) - 1_000);
    else if (this.#blocks.length > 1) await this.#reorganise();
    await this.#world.ledger.rest(1_500);
    await this.check();
  }

  /** What must hold at any time. */
  async check(): Promise<void> {
    const { pool, ledger } = this.#world;
    const entries = [...pool.entries()];
    const order = pool.byMiningScore();
    assert.deepEqual(order.map(idOf).sort(), entries.map(idOf).sort());
    const { figures } = pool;
    const sum = (of: (entry: (typeof entries)[number]) => number) => entries.reduce((all, entry) => all + of(entry), 0);
    assert.deepEqual([figures.vsize, figures.fees], [sum(({ vsize }) => vsize), sum(({ fee }) => fee)]);
    assert.ok(figures.bytes <= POLICY.bytesMax);
    assert.equal(figures.bytes === 0, entries.length === 0);
    for (const entry of entries) {
      const { cluster, chunk, parents, children } = pool.relativesOf(entry.transaction.txid)!;
      const all = cluster.flatMap((each) => each.entries);
      assert.ok(all.length <= POLICY.clusterCountMax);
      assert.ok(chunk.entries.includes(entry));
      for (const each of [...parents, ...children]) assert.ok(all.includes(each));
      assert.equal(entry.modifiedFee - entry.fee, pool.deltas.get(idOf(entry)) ?? 0);
      for (const { prevout } of entry.transaction.inputs) assert.equal(pool.spenderOf(prevout), entry);
    }
    const block = ledger.block(order.map(({ transaction }) => transaction), { salt: 255 });
    assert.equal(await ledger.until(ledger.chain.inspection.try(block, new AbortController().signal)), undefined);
  }
}

describe("a mempool under whatever happens", () => {
  const seen = new Map<string, number>();
  const note = (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1);
  const lives = effort("lives of a mempool", 6, 200);
  for (let life = 0; life < lives; life++) {
    test(`seed ${seed + life}`, { timeout: 120_000 }, async () => {
      const random = new SeededRandom(seed + life);
      const world = await PoolWorld.open({ policy: { ...DEFAULT_POLICY, ...POLICY } });
      const root = spend([world.takeCoin()], 0, { count: ROOTS });
      await world.mine([root]);
      world.pool.listen({
        added: (entry) => note(entry.sequence === 0 ? "given back" : "added"),
        removed: (_, reason) => note(reason),
      });
      const first = new Life(world, random, Array.from({ length: ROOTS }, (_, i) => coinOf(root, i)));
      for (let step = 0; step < STEPS; step++) await first.step();
      await world.close();
    });
  }

  test("it was no quiet life", () => {
    for (const what of ["added", "given back", "block", "conflict", "replaced", "reorg", "sizelimit"]) {
      assert.ok((seen.get(what) ?? 0) >= 10, `${what}: ${seen.get(what)}`);
    }
  });
});
