/**
 * Snapshots of the coins as files: writing one.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (dumptxoutset)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { AppendFile, Clock, NamedFiles } from "../../core/ports.ts";
import type { BitcoinChain } from "./chain.ts";
import { encodeSnapshotHead } from "../coins/snapshot.ts";
import { SnapshotWriter } from "../coins/snapshot-writer.ts";
import { coinStatistics } from "../coins/statistics.ts";
import type { CoinReading } from "../store.ts";

/** What a file is called until all of it is there. */
const INCOMPLETE = ".incomplete";

/** A snapshot that was written. */
export interface SnapshotDump {
  readonly coins: number;
  /** The row after whose block the coins are so. */
  readonly base: number;
  /** Transactions of all blocks up to that one, where that is known. */
  readonly transactions: number | undefined;
  /** `hash_serialized_3` of the coins, in the order of the bytes. */
  readonly hash: Uint8Array;
  readonly path: string;
}

/** A path that cannot be used; the text is Core's. */
export type SnapshotFileCode = "SNAPSHOT_FILE_UNUSABLE";

/** Writes snapshots, for RPC. */
export interface SnapshotService {
  /**
   * Writes all coins as they are after the last block that is connected, or after a later one. Undefined when none are kept.
   * @param name relative to the node's folder of the network
   * @throws NodeError `SNAPSHOT_FILE_UNUSABLE`, the error of the disk, or the signal's reason
   */
  dump(name: string, signal: AbortSignal): Promise<SnapshotDump | undefined>;
}

/** What snapshots need. */
export interface SnapshotParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly files: NamedFiles;
}

/** {@link SnapshotService} over the chain and the files of the operator. */
export class Snapshots implements SnapshotService {
  readonly #parts: SnapshotParts;
  /** Files that are being written. */
  readonly #writing = new Set<string>();

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  async dump(name: string, signal: AbortSignal): Promise<SnapshotDump | undefined> {
    const { chain, files } = this.#parts;
    const path = files.path(name);
    if (this.#writing.has(path)) throw unusable(`${path} is being written`);
    if (await files.exists(path)) {
      const what = "already exists. If you are sure this is what you want, move it out of the way first";
      throw unusable(`${path} ${what}`);
    }
    this.#writing.add(path);
    try {
      return await chain.readCoins((reading) => this.#write(path, reading, signal));
    } finally {
      this.#writing.delete(path);
    }
  }

  async #write(path: string, reading: CoinReading, signal: AbortSignal): Promise<SnapshotDump> {
    const { files } = this.#parts;
    const temporary = `${path}${INCOMPLETE}`;
    let file: AppendFile;
    try {
      file = await files.create(temporary);
    } catch (thrown) {
      throw unusable(`Couldn't open file ${temporary} for writing.`, thrown);
    }
    try {
      const written = await this.#fill(file, reading, signal);
      await file.sync();
      await file.close();
      await files.rename(temporary, path);
      return { ...written, path };
    } catch (thrown) {
      await file.close().catch(() => {});
      await files.remove(temporary).catch(() => {});
      throw thrown;
    }
  }

  /** The head says how many coins follow, and so they are counted, and hashed, before they are written. */
  async #fill(
    file: AppendFile,
    { at = 0, transactions, all }: CoinReading,
    signal: AbortSignal,
  ): Promise<Omit<SnapshotDump, "path">> {
    const { chain: { headers, network }, clock } = this.#parts;
    const counted = await coinStatistics(all, "hash_serialized_3", () => clock.sleep(0), signal);
    await file.append([encodeSnapshotHead(network.magic, { base: headers.hash(at), coins: BigInt(counted.coins) })]);
    const writer = new SnapshotWriter(file);
    await all((entry) => writer.take(entry), signal);
    await writer.finish();
    return { coins: writer.coins, base: at, transactions, hash: counted.hash! };
  }
}

function unusable(text: string, cause?: unknown): NodeError<SnapshotFileCode> {
  return new NodeError<SnapshotFileCode>("SNAPSHOT_FILE_UNUSABLE", "self", text, { cause });
}
