/**
 * Blocks of one's own: what a block on the tip has to hold, and, on regtest, the search for its proof of work. There is no
 * mempool to fill a block from: it holds its coinbase, and transactions that are given.
 *
 * @see BIP22 (templates), BIP34 (height), BIP141 (commitment); Bitcoin Core `node/miner.cpp`
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import { requiredBits } from "./headers/difficulty.ts";
import type { HeaderChain } from "./headers/header-chain.ts";
import { MAX_TIMEWARP } from "./headers/header-rules.ts";
import { checkProofOfWork } from "./headers/pow.ts";
import { VersionBits } from "./headers/version-bits.ts";
import { sha256d, ZERO_HASH } from "./hash.ts";
import { subsidyAt } from "./networks/subsidy.ts";
import type { BitcoinService } from "./service.ts";
import {
  Block,
  headerToBytes,
  merkleNode,
  merkleRoot,
  NULL_VOUT,
  pushData,
  scriptNumber,
  Transaction,
  type TxOutput,
} from "./types/mod.ts";

/** OP_RETURN, a push of 36 bytes, and the four that mark a witness commitment. */
const COMMITMENT_HEAD = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed);
/** The coinbase's script has at least two bytes. */
const COINBASE_SCRIPT_MIN = 2;
const OP_0 = 0x00;
/** Hashes that are tried before others get their turn. */
const YIELD_EVERY = 4_096;
const NONCES = 2 ** 32;
/** Where the nonce lies in a header. */
const NONCE_OFFSET = 76;

/** What a block on the tip has to hold. */
export interface BlockTemplate {
  readonly version: number;
  /** Wire order. */
  readonly previousBlockHash: Uint8Array;
  readonly height: number;
  /** Seconds since 1970: our clock, or what the parent asks for at least. */
  readonly time: number;
  /** The least time that the block may have. */
  readonly minimumTime: number;
  readonly bits: number;
  /** Satoshi that the coinbase may give out. */
  readonly coinbaseValue: bigint;
  /** Whether the coinbase has to commit to witnesses. */
  readonly segwit: boolean;
}

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

/** What the next block on `tip` has to hold. `now`: our clock in seconds; `votes`: of the same headers, if they are at hand. */
export function blockTemplate(
  headers: HeaderChain,
  tip: number,
  now: number,
  votes: VersionBits = new VersionBits(headers),
): BlockTemplate {
  const { network } = headers;
  const height = headers.height(tip) + 1;
  const aboveMedian = headers.medianTimePast(tip) + 1;
  // BIP94 on every network: the rule may come to hold where it does not yet.
  const isFirst = height % network.pow.interval === 0;
  const minimumTime = isFirst ? Math.max(aboveMedian, headers.time(tip) - MAX_TIMEWARP) : aboveMedian;
  const time = Math.max(minimumTime, now);
  return {
    version: votes.versionAfter(tip),
    previousBlockHash: headers.hash(tip),
    height,
    time,
    minimumTime,
    bits: requiredBits(network.pow, headers, tip, time),
    coinbaseValue: subsidyAt(network, height),
    segwit: height >= network.heights.segwit,
  };
}

/** The commitment of a block to these transactions and its coinbase, which counts as zeros, with a reserved value of zeros. */
export function commitmentScript(transactions: readonly Transaction[] = []): Uint8Array {
  const { root } = merkleRoot([ZERO_HASH, ...transactions.map(({ wtxid }) => wtxid)]);
  return Uint8Array.of(...COMMITMENT_HEAD, ...merkleNode(root, ZERO_HASH));
}

/** The coinbase of a template that pays `scriptPubKey`, for a block of these transactions. */
export function coinbaseOf(
  template: BlockTemplate,
  scriptPubKey: Uint8Array,
  transactions: readonly Transaction[] = [],
): Transaction {
  const { height, coinbaseValue, segwit } = template;
  const script = [...pushData(scriptNumber(height))];
  while (script.length < COINBASE_SCRIPT_MIN) script.push(OP_0);
  const outputs: TxOutput[] = [{ value: coinbaseValue, scriptPubKey }];
  if (segwit) outputs.push({ value: 0n, scriptPubKey: commitmentScript(transactions) });
  return Transaction.of({
    version: 2,
    inputs: [{
      prevout: { txid: ZERO_HASH, vout: NULL_VOUT },
      scriptSig: Uint8Array.from(script),
      sequence: 0xffff_ffff,
      witness: segwit ? [new Uint8Array(32)] : [],
    }],
    outputs,
    lockTime: 0,
  });
}

/** Mines on the tip of a regtest node. */
export class Miner {
  readonly #service: BitcoinService;
  readonly #clock: Clock;

  constructor(service: BitcoinService, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
  }

  /** What the next block has to hold; on any network. */
  template(): BlockTemplate {
    const { headers } = this.#service;
    return blockTemplate(headers, this.#service.tip, Math.floor(this.#clock.now() / 1000), this.#service.versionBits);
  }

  /** Whether {@link Miner.mine} works on this network: where work is next to nothing. */
  get canMine(): boolean {
    return this.#service.network.pow.noRetargeting;
  }

  /**
   * Mines up to `count` blocks on the active tip, one on the other, that pay to `script`, and hands them in. Fewer when
   * `maxTries` hashes were tried or the signal aborts.
   *
   * @throws NodeError `NOT_REGTEST`, or `BLOCK_REFUSED` with the reject reason
   */
  async mine(script: Uint8Array, { count, maxTries, submit, signal }: MineOptions): Promise<readonly MinedBlock[]> {
    if (!this.canMine) throw new NodeError("NOT_REGTEST", "self", "blocks are mined on regtest only");
    const blocks: MinedBlock[] = [];
    for (let left = maxTries; blocks.length < count && left > 0 && !signal.aborted;) {
      const { block, tries } = await this.solve(this.assemble(script), left, signal);
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
    const template = this.template();
    const all = [coinbaseOf(template, script, transactions), ...transactions];
    return Block.of({
      version: template.version,
      prevBlockHash: template.previousBlockHash,
      merkleRoot: merkleRoot(all.map(({ txid }) => txid)).root,
      time: template.time,
      bits: template.bits,
      nonce: 0,
    }, all);
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
