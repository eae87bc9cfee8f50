/** Chains of regtest with payments, their filters, and peers that serve them truly or not. */
import assert from "node:assert/strict";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { buildBasicFilter, filterHash, filterHeaders, GcsFilter } from "../../lib/bitcoin/filters/mod.ts";
import { toDisplayHex, ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { blockTemplate } from "../../lib/bitcoin/mining.ts";
import {
  Block,
  type BlockHeader,
  headerToBytes,
  merkleRoot,
  NULL_VOUT,
  pushData,
  scriptNumber,
  ServiceFlag,
  Transaction,
} from "../../lib/bitcoin/types/mod.ts";
import {
  type AnyMessage,
  type BodyOf,
  CFCheckpt,
  CFHeaders,
  CFilter,
  GetCFCheckpt,
  GetCFHeaders,
  GetCFilters,
  packV1,
} from "../../lib/bitcoin/wire/mod.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { type Actor, type BitcoinWorld, Recording, serving } from "./bitcoin-world.ts";

/** What peers with filters offer. */
export const FILTER_SERVICES = ServiceFlag.NETWORK | ServiceFlag.WITNESS | ServiceFlag.COMPACT_FILTERS;

/** An output that can be spent. */
export interface Coin {
  readonly txid: Uint8Array;
  readonly vout: number;
  readonly script: Uint8Array;
  readonly value: bigint;
}

/** An output of an earlier payment of the same block. */
export interface Earlier {
  readonly payment: number;
  readonly vout: number;
}

/** A payment: the coins it spends and the scripts it pays to. */
export interface Payment {
  readonly spends: readonly (Coin | Earlier)[];
  readonly pays: readonly Uint8Array[];
}

/** What is known of a block beyond what it says: the scripts of the outputs that it spends. */
interface Known {
  readonly block: Block;
  readonly spent: readonly Uint8Array[];
  readonly filter: Uint8Array;
}

/** A script that no other has: pay to the witness program of a number. */
export function scriptOf(n: number): Uint8Array {
  const script = new Uint8Array(22);
  script.set([0x00, 0x14]);
  new DataView(script.buffer).setUint32(2, n);
  return script;
}

/** A chain with payments. Nothing in it has a witness: structure is all that is checked. */
export class PayingChain {
  readonly recording: Recording;
  readonly #now: number;
  readonly #known: Known[] = [];
  readonly #hashes: Uint8Array[] = [];

  constructor(now: number) {
    this.recording = new Recording(now);
    this.#now = now;
    const genesis = Block.decode(this.recording.headers.network.genesis.blockBytes);
    this.#keep(genesis, []);
  }

  get height(): number {
    return this.recording.blocks.length;
  }

  get tip(): string {
    return this.recording.tip;
  }

  block(height: number): Block {
    return this.#known[height]!.block;
  }

  /** The true filters by height. */
  get filters(): readonly Uint8Array[] {
    return this.#known.map(({ filter }) => filter);
  }

  /** Mines one block with payments; gives the coins that it made, the coinbase's first, spent ones too. */
  pay(payments: readonly Payment[], reward: Uint8Array = Uint8Array.of(0x51)): Coin[] {
    const { headers } = this.recording;
    const template = blockTemplate(headers, headers.best, this.#now - 7_200);
    const coinbase = transaction(
      [{ txid: ZERO_HASH, vout: NULL_VOUT }],
      Uint8Array.of(...pushData(scriptNumber(template.height)), 0, 0),
      [[reward, template.coinbaseValue]],
    );
    const transactions = [coinbase];
    const spent: Coin[] = [];
    for (const { spends, pays } of payments) {
      const coins = spends.map((each) => "txid" in each ? each : coinsOf(transactions[each.payment + 1]!)[each.vout]!);
      spent.push(...coins);
      const total = coins.reduce((sum, { value }) => sum + value, 0n);
      const value = total / BigInt(Math.max(1, pays.length));
      transactions.push(transaction(coins, Uint8Array.of(0), pays.map((script) => [script, value])));
    }
    const { version, previousBlockHash: prevBlockHash, time, bits } = template;
    const root = merkleRoot(transactions.map(({ txid }) => txid)).root;
    for (let nonce = 0;; nonce++) {
      const header: BlockHeader = { version, prevBlockHash, merkleRoot: root, time, bits, nonce };
      if (HeaderBatch.fromBytes(headerToBytes(header)).firstWithoutWork(headers.network.pow) >= 0) continue;
      this.#add(Block.of(header, transactions), spent.map(({ script }) => script));
      return transactions.flatMap(coinsOf);
    }
  }

  /** Mines blocks of nothing; `reward` tells branches apart. */
  extend(count: number, reward?: Uint8Array): this {
    for (let i = 0; i < count; i++) this.pay([], reward);
    return this;
  }

  /** A copy that shares the first `height` blocks. */
  fork(height: number): PayingChain {
    const copy = new PayingChain(this.#now);
    for (const { block, spent } of this.#known.slice(1, height + 1)) copy.#add(block, spent);
    return copy;
  }

  #add(block: Block, spent: readonly Uint8Array[]): void {
    this.recording.add(block);
    this.#keep(block, spent);
  }

  #keep(block: Block, spent: readonly Uint8Array[]): void {
    const filter = buildBasicFilter(block, spent).bytes;
    this.#known.push({ block, spent, filter });
    this.#hashes.push(filterHash(filter));
  }

  /** Filter hashes by height, those of other filters where there are any. */
  hashesWith(filters: ReadonlyMap<number, Uint8Array> = new Map()): Uint8Array[] {
    const hashes = [...this.#hashes];
    for (const [height, filter] of filters) hashes[height] = filterHash(filter);
    return hashes;
  }

  /** The filter of a block without some of its scripts, and with others. */
  falseFilter(height: number, without: readonly Uint8Array[], more: readonly Uint8Array[] = []): Uint8Array {
    const { block, spent } = this.#known[height]!;
    const left = new Set(without.map(toHex));
    const outputs = block.transactions.flatMap(({ outputs }) => outputs.map(({ scriptPubKey }) => scriptPubKey));
    const kept = [...outputs, ...spent].filter((script) => !left.has(toHex(script)));
    return GcsFilter.build(block.hash, [...kept, ...more]).bytes;
  }
}

function coinsOf({ txid, outputs }: Transaction): Coin[] {
  return outputs.map(({ scriptPubKey, value }, vout) => ({ txid, vout, script: scriptPubKey, value }));
}

function transaction(
  spends: readonly { readonly txid: Uint8Array; readonly vout: number }[],
  scriptSig: Uint8Array,
  outputs: readonly (readonly [script: Uint8Array, value: bigint])[],
): Transaction {
  return Transaction.of({
    version: 2,
    inputs: spends.map(({ txid, vout }) => ({ prevout: { txid, vout }, scriptSig, sequence: 0, witness: [] })),
    outputs: outputs.map(([scriptPubKey, value]) => ({ value, scriptPubKey })),
    lockTime: 0,
  });
}

/** How a peer of filters differs from an honest one. */
export interface Manner {
  /** Filters that it tells of instead of the true ones, by height: hashes and headers follow from them. */
  readonly filters?: ReadonlyMap<number, Uint8Array>;
  /** Filters that it sends whatever it told of. */
  readonly sends?: ReadonlyMap<number, Uint8Array>;
  /** Questions that it leaves unanswered. */
  readonly ignores?: (message: AnyMessage) => boolean;
  /** Blocks that it gives. */
  readonly gives?: (height: number) => boolean;
  /** Changes checkpoints before they are sent. */
  readonly checkpoints?: (headers: Uint8Array[]) => Uint8Array[];
  /** Changes the header before those of a `cfheaders`. */
  readonly previous?: (header: Uint8Array) => Uint8Array;
  /** Changes a `cfheaders` before it is sent. */
  readonly headers?: (hashes: Uint8Array[]) => Uint8Array[];
}

/** Answers like a node with the blocks and filters of a chain, or not quite. The chain may grow meanwhile. */
export function servingFilters(
  chain: PayingChain,
  manner: Manner = {},
): (actor: Actor, message: AnyMessage, body: unknown) => Promise<void> {
  const told = () => chain.filters.map((filter, height) => manner.filters?.get(height) ?? filter);
  const hashes = () => chain.hashesWith(manner.filters);
  return async (actor, message, body) => {
    if (manner.ignores?.(message)) return;
    const heightOf = (hash: Uint8Array) => {
      const row = chain.recording.headers.find(hash);
      return row < 0 ? undefined : chain.recording.headers.height(row);
    };
    if (message === GetCFCheckpt) {
      const { stopHash } = body as BodyOf<typeof GetCFCheckpt>;
      const stop = heightOf(stopHash);
      if (stop === undefined) return;
      const all = filterHeaders(ZERO_HASH, hashes().slice(0, stop + 1));
      const points = all.filter((_, height) => height > 0 && height % 1_000 === 0);
      const headers = manner.checkpoints?.(points) ?? points;
      await actor.send(CFCheckpt, { filterType: 0, stopHash, filterHeaders: headers });
    } else if (message === GetCFHeaders) {
      const { startHeight, stopHash } = body as BodyOf<typeof GetCFHeaders>;
      const stop = heightOf(stopHash);
      if (stop === undefined) return;
      assert.ok(stop - startHeight < 2_000, "the span is too long");
      const all = hashes().slice(0, stop + 1);
      const before = startHeight === 0 ? ZERO_HASH : filterHeaders(ZERO_HASH, all.slice(0, startHeight)).at(-1)!;
      const previousFilterHeader = manner.previous?.(before) ?? before;
      const filterHashes = manner.headers?.(all.slice(startHeight)) ?? all.slice(startHeight);
      await actor.send(CFHeaders, { filterType: 0, stopHash, previousFilterHeader, filterHashes });
    } else if (message === GetCFilters) {
      const { startHeight, stopHash } = body as BodyOf<typeof GetCFilters>;
      const stop = heightOf(stopHash);
      if (stop === undefined) return;
      assert.ok(stop - startHeight < 1_000, "the span is too long");
      const filters = told();
      const frames: number[][] = [];
      for (let height = startHeight; height <= stop; height++) {
        const filter = manner.sends?.get(height) ?? filters[height]!;
        const body = { filterType: 0, blockHash: chain.block(height).hash, filter };
        frames.push([...packV1(chain.recording.headers.network.magic, CFilter.type, CFilter.encode(body))]);
      }
      // All at once: a turn of the simulated world for each would take longer than they are given.
      await actor.raw(Uint8Array.from(frames.flat()));
    } else await serving(chain.recording, manner.gives)(actor, message, body);
  };
}

/** A peer of filters in the world, and what it was asked. */
export async function filterPeer(
  world: BitcoinWorld,
  host: string,
  chain: PayingChain,
  manner: Manner = {},
): Promise<{ readonly asked: { readonly message: AnyMessage; readonly body: unknown }[]; readonly actors: Actor[] }> {
  const asked: { message: AnyMessage; body: unknown }[] = [];
  const answer = servingFilters(chain, manner);
  const { connections } = await world.actor(
    host,
    async (actor, message, body) => {
      asked.push({ message, body });
      await answer(actor, message, body);
    },
    () => {},
    FILTER_SERVICES,
  );
  return { asked, actors: connections };
}

/** All payments to and spends from scripts in a chain above `from`, by looking at every transaction. */
export function truth(chain: PayingChain, scripts: readonly Uint8Array[], from = 0): string[] {
  const wanted = new Set(scripts.map(toHex));
  const coins = new Set<string>();
  const found: string[] = [];
  for (let height = from; height <= chain.height; height++) {
    for (const { txid, inputs, outputs } of chain.block(height).transactions) {
      for (const [vin, { prevout }] of inputs.entries()) {
        if (coins.has(`${toHex(prevout.txid)}:${prevout.vout}`)) found.push(line(height, "out", txid, vin));
      }
      for (const [vout, { scriptPubKey }] of outputs.entries()) {
        if (!wanted.has(toHex(scriptPubKey))) continue;
        coins.add(`${toHex(txid)}:${vout}`);
        found.push(line(height, "in", txid, vout));
      }
    }
  }
  return found;
}

/** One match as text. `index` is of the input or of the output. */
export function line(height: number, direction: "in" | "out", txid: Uint8Array, index: number): string {
  return `${height} ${direction} ${toDisplayHex(txid)} ${index}`;
}
