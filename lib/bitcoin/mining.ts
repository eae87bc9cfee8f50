/**
 * Blocks of one's own: on regtest, the search for the proof of work of a block of the mempool's transactions, or of given ones.
 *
 * @see Bitcoin Core `node/miner.cpp`, `rpc/mining.cpp` (generateBlocks)
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import { BlockAssembler, type FilledTemplate } from "./block-assembler.ts";
import { sha256d } from "./hash.ts";
import { checkProofOfWork } from "./headers/pow.ts";
import { blockOf } from "./mining/template.ts";
import type { BitcoinService } from "./service.ts";
import { Block, headerToBytes, type Transaction } from "./types/mod.ts";

export { type BlockTemplate, blockTemplate, coinbaseOf, commitmentScript } from "./mining/template.ts";
export type { FilledTemplate } from "./block-assembler.ts";

/** Hashes that are tried before others get their turn. */
const YIELD_EVERY = 4_096;
const NONCES = 2 ** 32;
/** Where the nonce lies in a header. */
const NONCE_OFFSET = 76;

/** A block that was made. */
export interface MinedBlock {
  readonly hash: Uint8Array;
  readonly raw: Uint8Array;
}

/** How blocks are mined. */
export interface MineOptions {
  readonly count: number;
  /** Hashes to try, for all blocks together. */
  readonly maxTries: number;
  /** False: the block is not handed in (then `count` is 1). */
  readonly submit: boolean;
  readonly signal: AbortSignal;
}

/** Mines on the tip of a regtest node. */
export class Miner {
  readonly #service: BitcoinService;
  readonly #clock: Clock;
  readonly #assembler: BlockAssembler;

  constructor(service: BitcoinService, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
    this.#assembler = new BlockAssembler(service, clock);
  }

  /** What the next block has to hold, with transactions of the mempool; on any network. @throws as {@link BlockAssembler.template} does */
  template(signal: AbortSignal): Promise<FilledTemplate> {
    return this.#assembler.template(signal);
  }

  /** Whether {@link Miner.mine} works on this network: where work is next to nothing. */
  get canMine(): boolean {
    return this.#service.network.pow.noRetargeting;
  }

  /**
   * Mines up to `count` blocks on the active tip, one on the other, of the mempool's transactions, whose rewards go to `script`,
   * and hands them in. Fewer when
   * `maxTries` hashes were tried or the signal aborts.
   *
   * @throws NodeError `NOT_REGTEST`, `TEMPLATE_REFUSED`, or `BLOCK_REFUSED` with the reject reason
   */
  async mine(script: Uint8Array, { count, maxTries, submit, signal }: MineOptions): Promise<readonly MinedBlock[]> {
    if (!this.canMine) throw new NodeError("NOT_REGTEST", "self", "blocks are mined on regtest only");
    const blocks: MinedBlock[] = [];
    for (let left = maxTries; blocks.length < count && left > 0 && !signal.aborted;) {
      const { entries, ...template } = await this.#assembler.template(signal, true);
      const unsolved = blockOf(template, script, entries.map(({ transaction }) => transaction));
      const { block, tries } = await this.solve(unsolved, left, signal);
      left -= tries;
      if (block === undefined) break;
      if (submit) await this.#submit(block, signal);
      blocks.push({ hash: block.hash, raw: block.raw });
    }
    return blocks;
  }

  async #submit(block: Block, signal: AbortSignal): Promise<void> {
    const result = await this.#service.submitBlock(block.raw, signal);
    if (result.kind === "accepted" || result.kind === "inconclusive") return;
    const reason = result.kind === "refused" ? result.refusal.reason : result.kind;
    throw new NodeError("BLOCK_REFUSED", "self", `the mined block was refused: ${reason}`);
  }

  /** A block on the tip that pays to `script`, with these transactions, without proof of work. Their fees go to nobody. */
  assemble(script: Uint8Array, transactions: readonly Transaction[] = []): Block {
    return blockOf(this.#assembler.empty(), script, transactions);
  }

  /** Looks for a nonce; `tries` counts the hashes. No block when there was none among them, or when the signal aborts. */
  async solve(
    { header, transactions }: Block,
    triesMax: number,
    signal: AbortSignal,
  ): Promise<{ readonly block?: Block; readonly tries: number }> {
    const bytes = headerToBytes(header);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const most = Math.min(triesMax, NONCES);
    for (let nonce = 0; nonce < most; nonce++) {
      view.setUint32(NONCE_OFFSET, nonce, true);
      if (checkProofOfWork(sha256d(bytes), header.bits, this.#service.network.pow)) {
        return { block: Block.of({ ...header, nonce }, transactions), tries: nonce + 1 };
      }
      if (nonce % YIELD_EVERY !== YIELD_EVERY - 1) continue;
      await this.#clock.sleep(0);
      if (signal.aborted) return { tries: nonce + 1 };
    }
    return { tries: most };
  }
}
