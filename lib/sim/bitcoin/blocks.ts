/**
 * The blocks of a simulated Bitcoin world: mined on regtest's terms, all known to the world, some of them marked invalid.
 *
 * @module
 */
import { HeaderBatch } from "../../bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../bitcoin/headers/header-chain.ts";
import { blockWork, checkProofOfWork } from "../../bitcoin/headers/pow.ts";
import { type BlockValidator, structureValidator } from "../../bitcoin/chain/validator.ts";
import { refuse } from "../../bitcoin/headers/verdict.ts";
import { sha256d, toDisplayHex } from "../../bitcoin/hash.ts";
import { blockTemplate, coinbaseOf } from "../../bitcoin/mining.ts";
import { type BitcoinNetwork, networkByName } from "../../bitcoin/networks/mod.ts";
import { Block, headerToBytes } from "../../bitcoin/types/mod.ts";
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
  headersPerMessage: 8,
  headersSync: { commitmentPeriod: 3, redownloadBufferSize: 12 },
};

/** First bytes of the coinbase's script in blocks that the simulated validator takes for invalid: OP_RETURN "bad". */
const MARK = Uint8Array.of(0x6a, 0x03, 0x62, 0x61, 0x64);

const isMarked = ({ transactions: [coinbase] }: Block): boolean => {
  const script = coinbase?.outputs[0]?.scriptPubKey;
  return script !== undefined && MARK.every((byte, i) => script[i] === byte);
};

/** Judges structure as the node does, and takes marked blocks for invalid. */
export const simValidator: BlockValidator = {
  ...structureValidator,
  check: (block, view) =>
    isMarked(block)
      ? refuse("consensus", "bad-sim", "the block is marked invalid")
      : structureValidator.check(block, view),
};

/** Every block of the world, valid or forged, by its row in one header tree. */
export class WorldBlocks {
  readonly headers = new HeaderChain(network);
  /** The blocks of the history, rising. */
  readonly history: readonly Uint8Array[];
  readonly #raws: (Uint8Array | undefined)[] = [];
  readonly #valid = new Set<string>();
  /** Row of the heaviest valid block. */
  best = 0;

  /** Makes the history; its last block is as old as blocks are apart. `now` in milliseconds. */
  constructor(now: number) {
    this.history = Array.from({ length: HISTORY_BLOCKS }, (_, i) => {
      const at = now - (HISTORY_BLOCKS - i) * HISTORY_EVERY_MS;
      return this.mine(this.best, at, `history ${i}`, true).block.raw;
    });
  }

  isValid(hash: string): boolean {
    return this.#valid.has(hash);
  }

  raw(row: number): Uint8Array | undefined {
    return this.#raws[row];
  }

  tip(row: number): Tip {
    const { headers } = this;
    return { hash: toDisplayHex(headers.hash(row)), height: headers.height(row), weight: headers.work(row) };
  }

  /** Mines a block on a row. `now` in milliseconds; `maker` tells blocks of one parent apart. */
  mine(parent: number, now: number, maker: string, valid: boolean): { readonly row: number; readonly block: Block } {
    const { headers } = this;
    const template = blockTemplate(headers, parent, Math.floor(now / 1000));
    const name = new TextEncoder().encode(maker);
    const coinbase = coinbaseOf(template, Uint8Array.of(...(valid ? [0x51, 0x6a] : MARK), name.length, ...name));
    const { version, previousBlockHash: prevBlockHash, time, bits } = template;
    let nonce = 0;
    let bytes: Uint8Array;
    const header = () => ({ version, prevBlockHash, merkleRoot: coinbase.txid, time, bits, nonce });
    for (;; nonce++) {
      bytes = headerToBytes(header());
      if (checkProofOfWork(sha256d(bytes), bits, network.pow)) break;
    }
    const block = Block.of(header(), [coinbase]);
    const { last: row } = headers.accept(HeaderBatch.fromBytes(bytes), Math.floor(now / 1000));
    this.#raws[row] = block.raw;
    if (valid) {
      this.#valid.add(toDisplayHex(block.hash));
      if (headers.hasMoreWork(row, this.best)) this.best = row;
    }
    return { row, block };
  }
}
