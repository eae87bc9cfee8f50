/**
 * A stranger that is the first to tell of each block, offers it in compact form, and then does not stand by what it began.
 *
 * @module
 */
import {
  type Block,
  compactBlock,
  type Inventory,
  InvType,
  shortIdKey,
  shortIdOf,
  type Transaction,
} from "../../bitcoin/types/mod.ts";
import {
  type AnyMessage,
  Block as BlockMessage,
  BlockTxn,
  type BodyOf,
  CmpctBlock,
  GetBlockTxn,
  GetData,
  HeadersMessage,
  SendCmpct,
  Tx,
} from "../../bitcoin/wire/mod.ts";
import { toHex } from "../../codec/hex.ts";
import type { CompactLie } from "../play.ts";
import type { SeededRandom } from "../random.ts";
import type { CheapTransactions } from "./cheap.ts";
import { oneEach, type RelayAct, type Talk } from "./relay-liar.ts";
import { orphan } from "./wallet.ts";

/** A block in so many it gives as it should, and the first: who never does is not asked before others for long. */
const HONEST_EVERY = 4;
/** How often it says again what it was asked for. */
const AGAIN = 2;
/** Cheap transactions that it gives to the mempools each time, for short ids to be those of. */
const TWINS = 20;

/** What one such stranger does. */
export class CompactAct implements RelayAct {
  readonly connections = 1;
  readonly #lie: CompactLie;
  readonly #random: SeededRandom;
  readonly #cheap: CheapTransactions;
  /** By their hashes, with how many were heard before. */
  readonly #blocks = new Map<string, { readonly block: Block; readonly count: number }>();
  /** Connections on which nodes want compact blocks before they ask. */
  readonly #wanted = new WeakSet<Talk>();
  /** Its own transactions, which are in mempools and in no block. */
  readonly #twins: Transaction[] = [];

  constructor(lie: CompactLie, random: SeededRandom, cheap: CheapTransactions) {
    this.#lie = lie;
    this.#random = random;
    this.#cheap = cheap;
  }

  ready(talk: Talk): void {
    talk.send(SendCmpct, { announce: 0, version: 2n });
  }

  act(talks: readonly Talk[]): void {
    if (this.#lie !== "collide") return;
    const fresh = this.#cheap.take(TWINS, this.#random);
    for (const talk of oneEach(talks)) for (const each of fresh) talk.send(Tx, each);
    this.#twins.push(...fresh);
  }

  heardBlock(block: Block, talks: readonly Talk[]): void {
    this.#blocks.set(toHex(block.hash), { block, count: this.#blocks.size });
    for (const talk of talks) {
      if (this.#wanted.has(talk)) this.#give(talk, block);
      else talk.send(HeadersMessage, { headers: [block.header] });
    }
  }

  hear(talk: Talk, message: AnyMessage, body: unknown): void {
    if (message === SendCmpct) {
      if ((body as BodyOf<typeof SendCmpct>).announce === 1) this.#wanted.add(talk);
      else this.#wanted.delete(talk);
    } else if (message === GetData) {
      for (const each of (body as BodyOf<typeof GetData>).inventory) this.#asked(talk, each);
    } else if (message === GetBlockTxn) this.#askedForParts(talk, body as BodyOf<typeof GetBlockTxn>);
  }

  #isHonest(block: Block): boolean {
    return this.#blocks.get(toHex(block.hash))!.count % HONEST_EVERY === 0;
  }

  #asked(talk: Talk, { type, hash }: Inventory): void {
    const block = this.#blocks.get(toHex(hash))?.block;
    if (block === undefined) return;
    if (type === InvType.CMPCT_BLOCK) this.#give(talk, block);
    // What it did not give in parts it does not give as a whole either.
    else if (type === InvType.WITNESS_BLOCK && this.#isHonest(block)) talk.send(BlockMessage, block);
  }

  /** Gives a block in compact form: it knows the key of the ids, and so may have made transactions that have the same. */
  #give(talk: Talk, block: Block): void {
    const nonce = BigInt(this.#random.below(2 ** 32));
    const compact = compactBlock(block, nonce);
    if (this.#lie !== "collide" || this.#isHonest(block)) return talk.send(CmpctBlock, compact);
    const key = shortIdKey(block.header, nonce);
    // The last ones are those that the mempools have not.
    const from = Math.max(0, compact.shortIds.length - this.#twins.length);
    const shortIds = compact.shortIds.map((id, i) => i < from ? id : shortIdOf(key, this.#twins[i - from]!.wtxid));
    talk.send(CmpctBlock, { ...compact, shortIds });
  }

  #askedForParts(talk: Talk, { blockHash, indexes }: BodyOf<typeof GetBlockTxn>): void {
    const block = this.#blocks.get(toHex(blockHash))?.block;
    if (block === undefined) return;
    const parts = indexes.map((i) => block.transactions[i]!);
    const say = (transactions: readonly Transaction[]) => talk.send(BlockTxn, { blockHash, transactions });
    if (this.#isHonest(block)) return say(parts);
    const wrong = () => indexes.map(() => orphan(this.#random));
    if (this.#lie === "wrong") say(wrong());
    else if (this.#lie === "twice") {
      // The right ones twice, or wrong ones: then it is asked for the block, and what it said is still there.
      const said = this.#random.chance(0.5) ? parts : wrong();
      for (let i = 0; i <= AGAIN; i++) say(said);
    }
  }
}
