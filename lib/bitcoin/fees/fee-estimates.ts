/**
 * Estimates of fees of one node: fed by its mempool and its blocks, and kept over restarts in Core's `fee_estimates.dat`.
 *
 * @see Bitcoin Core `policy/fees/block_policy_estimator.cpp`, `init.cpp` (FEE_FLUSH_INTERVAL)
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Notice } from "../../core/node-parts.ts";
import type { AppendFile, Clock, NamedFiles } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { Mempool, MempoolEntry } from "../mempool/mempool.ts";
import type { Estimate } from "./confirmations.ts";
import { estimatesFromBytes, estimatesToBytes } from "./estimates-file.ts";
import { type EstimatorState, FeeEstimator, type Horizon, type SmartEstimate } from "./estimator.ts";

/** What estimating needs. */
export interface FeeEstimatesParts {
  readonly clock: Clock;
  readonly headers: HeaderChain;
  /** Row of the active chain at a height; −1 above its tip. */
  readonly activeAt: (height: number) => number;
  readonly mempool: Pick<Mempool, "get" | "listen" | "minimumFeeRate">;
  /** Where what was seen is kept; nowhere when absent. */
  readonly files?: NamedFiles | undefined;
  readonly initialBlockDownload: () => boolean;
  readonly notice: (level: "info" | "warning", text: string) => void;
}

/** What a node has for its estimates. */
export interface NodeFeeParts extends Pick<FeeEstimatesParts, "clock" | "files" | "initialBlockDownload"> {
  readonly chain: Pick<BitcoinChain, "headers" | "activeAt">;
  readonly mempool: FeeEstimatesParts["mempool"] | undefined;
  readonly notice: Notice;
  /** Whether what was seen is kept. */
  readonly keepsFees?: boolean | undefined;
}

/** What may be asked of the estimates. */
export interface FeeEstimation {
  /** Satoshi for 1000 virtual bytes: what the mempool asks for now. */
  readonly feeRateMin: number;
  /** The greatest target of a horizon, in blocks. */
  targetMax(horizon: Horizon): number;
  /** See {@link FeeEstimator.smart}. */
  smart(target: number, isConservative: boolean): SmartEstimate;
  /** See {@link FeeEstimator.raw}. */
  raw(target: number, share: number, horizon: Horizon): Estimate;
}

/** The file's name in the node's folder for the network. */
const FILE_NAME = "fee_estimates.dat";
/** A file of Core has a few hundred kilobytes. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const FLUSH_MS = 3_600_000;
/** What was seen longer ago says nothing of fees now. */
const STALE_MS = 60 * 3_600_000;
/** While the tip is older, blocks are on their way, and nobody knows how long a transaction waits. */
const TIP_AGE_MAX_S = 3 * 3_600;

/** The estimates of one node. */
export class FeeEstimates implements FeeEstimation {
  readonly #parts: FeeEstimatesParts;
  readonly #estimator: FeeEstimator;
  readonly #stopListening: () => void;
  #cancel = () => {};
  #writing: Promise<void> = Promise.resolve();

  private constructor(parts: FeeEstimatesParts, state: EstimatorState | undefined) {
    this.#parts = parts;
    this.#estimator = new FeeEstimator(state);
    this.#stopListening = parts.mempool.listen({
      added: (entry) => this.#added(entry),
      removed: (entry, reason, row) => {
        if (reason === "block" && row !== undefined) this.#estimator.confirmed(entry, parts.headers.height(row));
        else this.#estimator.left(entry.transaction);
      },
    });
    this.#writeLater();
  }

  /** Opens them with what an earlier run has seen, if that is not long ago. */
  static async open(parts: FeeEstimatesParts): Promise<FeeEstimates> {
    return new FeeEstimates(parts, await kept(parts));
  }

  get feeRateMin(): number {
    return this.#parts.mempool.minimumFeeRate;
  }

  targetMax(horizon: Horizon): number {
    return this.#estimator.targetMax(horizon);
  }

  smart(target: number, isConservative: boolean): SmartEstimate {
    return this.#estimator.smart(target, isConservative);
  }

  raw(target: number, share: number, horizon: Horizon): Estimate {
    return this.#estimator.raw(target, share, horizon);
  }

  /** A block was connected. To be called before the mempool tells of its transactions. */
  connected(row: number): void {
    this.#estimator.block(this.#parts.headers.height(row));
  }

  /** Follows the mempool no more, counts what waits as not confirmed, and keeps what was seen. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#cancel();
    this.#estimator.abandon();
    this.#write();
    await this.#writing;
  }

  #added(entry: MempoolEntry): void {
    const { headers, clock, mempool, initialBlockDownload } = this.#parts;
    const { transaction, height, sequence, modifiedFee, vsize } = entry;
    // One that a block had is back for another reason than its fee.
    if (sequence === 0 || initialBlockDownload()) return;
    const tip = this.#parts.activeAt(height);
    const isOld = tip < 0 || headers.time(tip) < clock.now() / 1_000 - TIP_AGE_MAX_S;
    if (isOld || headers.height(headers.best) - height > 1) return;
    // One that pays less than is asked for has come with a child that pays for it.
    if (modifiedFee * 1_000 < mempool.minimumFeeRate * vsize) return;
    // What it pays for its parents is not known from its feerate.
    if (transaction.inputs.some(({ prevout }) => mempool.get(prevout.txid) !== undefined)) return;
    this.#estimator.came(entry);
  }

  #writeLater(): void {
    if (this.#parts.files === undefined) return;
    this.#cancel = this.#parts.clock.after(FLUSH_MS, () => {
      this.#write();
      this.#writeLater();
    });
  }

  #write(): void {
    const { files, notice } = this.#parts;
    if (files === undefined) return;
    const bytes = estimatesToBytes(this.#estimator.state);
    this.#writing = this.#writing.then(() => replace(files, bytes)).catch((thrown) =>
      notice("warning", `fee estimates are not kept: ${messageOf(thrown)}`)
    );
  }
}

/** The estimates of a node, if it has a mempool. */
export async function feeEstimatesOf(parts: NodeFeeParts): Promise<FeeEstimates | undefined> {
  const { chain, mempool, notice, files, keepsFees = true } = parts;
  if (mempool === undefined) return undefined;
  return await FeeEstimates.open({
    ...{
      ...parts,
      files: keepsFees ? files : undefined,
      mempool,
      headers: chain.headers,
      activeAt: (height: number) => chain.activeAt(height),
    },
    notice: (level, text) => notice(level, "bitcoin.fees", text),
  });
}

/** Writes the file in the place of the one before. */
async function replace(files: NamedFiles, bytes: Uint8Array): Promise<void> {
  const path = files.path(FILE_NAME);
  const temporary = `${path}.new`;
  const file = await files.create(temporary);
  try {
    await file.append([bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(temporary, path);
}

/** What the file has, if there is one that is of use. */
async function kept(
  { files, headers, activeAt, clock, notice }: FeeEstimatesParts,
): Promise<EstimatorState | undefined> {
  if (files === undefined) return undefined;
  const path = files.path(FILE_NAME);
  try {
    if (!await files.exists(path)) return undefined;
    const file = await files.open(path);
    const state = estimatesFromBytes(await whole(file).finally(() => file.close()));
    if (state === undefined) {
      notice("warning", `fee estimates of an earlier version are not used: ${path}`);
      return undefined;
    }
    const row = activeAt(state.bestHeight);
    if (row >= 0 && headers.time(row) * 1_000 >= clock.now() - STALE_MS) return state;
    notice("info", `fee estimates are too old to be used: ${path}`);
  } catch (thrown) {
    notice("warning", `fee estimates cannot be read: ${messageOf(thrown)}`);
  }
  return undefined;
}

async function whole(file: Pick<AppendFile, "size" | "read">): Promise<Uint8Array> {
  if (file.size > FILE_BYTES_MAX) throw new RangeError(`${file.size} bytes`);
  return await file.read(0, file.size);
}
