/**
 * The blocks of a simulated Bitcoin world: mined on regtest's terms, all known to the world, some of them marked invalid.
 *
 * @module
 */
import { HeaderBatch } from "../../bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../bitcoin/headers/header-chain.ts";
import { blockWork, checkProofOfWork } from "../../bitcoin/headers/pow.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { sha256d, toDisplayHex, ZERO_HASH } from "../../bitcoin/hash.ts";
import { blockTemplate, coinbaseOf } from "../../bitcoin/mining.ts";
import { type BitcoinNetwork, networkByName } from "../../bitcoin/networks/mod.ts";
import { Block, headerToBytes, merkleRoot, type Transaction } from "../../bitcoin/types/mod.ts";
import type { Tip } from "../play.ts";

/** What DNS seeds of the world are called. */
export const SEED = "seed.sim";

const regtest = networkByName("regtest") as BitcoinNetwork;
/** Blocks that were made before the world began. */
const HISTORY_BLOCKS = 40;
/** Work below which headers are held off, in blocks. */
const MINIMUM_BLOCKS = 30;
const HISTORY_EVERY_MS = 600_000;

/**
 * Regtest with a DNS seed, so that nodes find one another as on a public network, and with short messages of headers, so
 * that a short history takes several and goes through the presync.
 */
export const network: BitcoinNetwork = {
  ...regtest,
  dnsSeeds: [SEED],
  minimumChainWork: BigInt(MINIMUM_BLOCKS) * blockWork(regtest.pow.limitBits),
  deployments: [],
  headersPerMessage: 8,
  headersSync: { commitmentPeriod: 3, redownloadBufferSize: 12 },
};

/**
 * First bytes of the coinbase's script in blocks that the simulated validator takes for invalid. `bad` (OP_RETURN "bad") is
 * refused by its first step, `late` (OP_RETURN "odd") by its second.
 */
export const MARKS = {
  bad: Uint8Array.of(0x6a, 0x03, 0x62, 0x61, 0x64),
  late: Uint8Array.of(0x6a, 0x03, 0x6f, 0x64, 0x64),
} as const;
const UNMARKED = Uint8Array.of(0x51, 0x6a);

/**
 * What a block of the world is: valid, marked, or `unsound`: without a mark, and invalid by what it is built on.
 */
export type BlockKind = "valid" | "unsound" | keyof typeof MARKS;

/** Whether a block has a mark. */
export function isMarked({ transactions: [coinbase] }: Block, mark: Uint8Array): boolean {
  const script = coinbase?.outputs[0]?.scriptPubKey;
  return script !== undefined && mark.every((byte, i) => script[i] === byte);
}

const markOf = (kind: BlockKind) => kind === "valid" || kind === "unsound" ? UNMARKED : MARKS[kind];

/** What a coinbase pays to whose coins nobody spends: the block's mark, if it has one, and its maker's name. */
function markedScript(maker: string, kind: BlockKind): Uint8Array {
  const name = new TextEncoder().encode(maker);
  return Uint8Array.of(...markOf(kind), name.length, ...name);
}

/** How the blocks of a world are where they are not as usual. */
export interface WorldBlocksOptions {
  /** Blocks that were made before the world began. */
  readonly history?: number;
  /** What a coinbase pays to; tells blocks of one parent apart. */
  readonly scriptOf?: (maker: string, kind: BlockKind) => Uint8Array;
}

/** Every block of the world, valid or forged, by its row in one header tree. */
export class WorldBlocks {
  readonly headers = new HeaderChain(network);
  /** The blocks of the history, rising. */
  readonly history: Uint8Array[];
  readonly #raws: (Uint8Array | undefined)[] = [];
  readonly #coinbases: Bytes32[] = [];
  readonly #valid = new Set<string>();
  readonly #scriptOf: (maker: string, kind: BlockKind) => Uint8Array;
  /** Row of the heaviest valid block. */
  best = 0;

  /** Makes the history; its last block is as old as blocks are apart. `now` in milliseconds. */
  constructor(now: number, { history = HISTORY_BLOCKS, scriptOf = markedScript }: WorldBlocksOptions = {}) {
    this.#scriptOf = scriptOf;
    this.history = Array.from({ length: history }, (_, i) => {
      const at = now - (history - i) * HISTORY_EVERY_MS;
      return this.mine(this.best, at, `history ${i}`, "valid").block.raw;
    });
  }

  /** Makes one more block of the history, with these transactions. `now` in milliseconds, before the world begins. */
  extendHistory(now: number, transactions: readonly Transaction[]): void {
    this.history.push(this.mine(this.best, now, `history ${this.history.length}`, "valid", transactions).block.raw);
  }

  isValid(hash: string): boolean {
    return this.#valid.has(hash);
  }

  raw(row: number): Uint8Array | undefined {
    return this.#raws[row];
  }

  /** The txid of the coinbase of a block; genesis has one that nobody spends. */
  coinbaseOf(hash: Uint8Array): Bytes32 {
    const row = this.headers.find(hash);
    return this.#coinbases[row] ?? ZERO_HASH;
  }

  tip(row: number): Tip {
    const { headers } = this;
    return { hash: toDisplayHex(headers.hash(row)), height: headers.height(row), weight: headers.work(row) };
  }

  /** Mines a block of transactions on a row. `now` in milliseconds; `maker` tells blocks of one parent apart. */
  mine(
    parent: number,
    now: number,
    maker: string,
    kind: BlockKind,
    transactions: readonly Transaction[] = [],
  ): { readonly row: number; readonly block: Block } {
    const { headers } = this;
    const template = blockTemplate(headers, parent, Math.floor(now / 1000));
    const coinbase = coinbaseOf(template, this.#scriptOf(maker, kind), transactions);
    const all = [coinbase, ...transactions];
    const { root } = merkleRoot(all.map(({ txid }) => txid));
    const { version, previousBlockHash: prevBlockHash, time, bits } = template;
    let nonce = 0;
    let bytes: Uint8Array;
    const header = () => ({ version, prevBlockHash, merkleRoot: root, time, bits, nonce });
    for (;; nonce++) {
      bytes = headerToBytes(header());
      if (checkProofOfWork(sha256d(bytes), bits, network.pow)) break;
    }
    const block = Block.of(header(), all);
    const { last: row } = headers.accept(HeaderBatch.fromBytes(bytes), Math.floor(now / 1000));
    this.#raws[row] = block.raw;
    this.#coinbases[row] = coinbase.txid;
    if (kind === "valid") {
      this.#valid.add(toDisplayHex(block.hash));
      if (headers.hasMoreWork(row, this.best)) this.best = row;
    }
    return { row, block };
  }
}
