/**
 * Snapshots of the coins as files: writing one, and taking one in.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (dumptxoutset, loadtxoutset), `validation.cpp` (ActivateSnapshot)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { NodeError } from "../../core/errors.ts";
import type { AppendFile, Clock, NamedFiles } from "../../core/ports.ts";
import type { BitcoinChain } from "./chain.ts";
import { type ChainstateManager, checkBase, checkWork, takenBefore } from "./chainstates.ts";
import { decodeSnapshotHead, encodeSnapshotHead, SNAPSHOT_HEAD_BYTES, type SnapshotHead } from "../coins/snapshot.ts";
import { refused, SnapshotReader } from "../coins/snapshot-reader.ts";
import { SnapshotWriter } from "../coins/snapshot-writer.ts";
import { coinStatistics } from "../coins/statistics.ts";
import { toDisplayHex } from "../hash.ts";
import { type AssumedCoins, networks } from "../networks/mod.ts";
import type { BitcoinStore, CoinReading } from "../store.ts";

type ReadFile = Awaited<ReturnType<NamedFiles["open"]>>;

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

/** A snapshot that was taken in. */
export interface SnapshotLoad {
  readonly coins: number;
  /** The row of its block, which is the tip now. */
  readonly base: number;
  readonly path: string;
}

/** A path that cannot be used; the text is Core's. */
export type SnapshotFileCode = "SNAPSHOT_FILE_UNUSABLE";

/** Writes and takes snapshots, for RPC. */
export interface SnapshotService {
  /**
   * Writes all coins as they are after the last block that is connected, or after a later one; or as they were after an
   * earlier block of the active chain. Undefined when none are kept.
   * @param name relative to the node's folder of the network
   * @throws NodeError `SNAPSHOT_FILE_UNUSABLE`, a `RollbackCode`, the error of the disk, or the signal's reason
   */
  dump(name: string, target: number | undefined, signal: AbortSignal): Promise<SnapshotDump | undefined>;
  /**
   * Takes a snapshot in, so that its block becomes the tip; the blocks before it are validated in the background then.
   * @throws NodeError `SNAPSHOT_FILE_UNUSABLE`, `SNAPSHOT_HEAD_INVALID`, `SNAPSHOT_REFUSED`, all in Core's words, the error of
   * the disk, or the signal's reason
   */
  load(name: string, signal: AbortSignal): Promise<SnapshotLoad>;
  /** The absolute path of a file's name. */
  path(name: string): string;
  /** The chain behind a snapshot that is not validated; see `ChainstateManager.background`. */
  readonly background: ChainstateManager["background"];
  /** Memory for coins of each chain, in bytes. */
  readonly coinBytesMax: number;
}

/** What snapshots need. */
export interface SnapshotParts {
  readonly chain: BitcoinChain;
  readonly store: Pick<BitcoinStore, "stageSnapshot" | "dropSnapshot">;
  readonly clock: Clock;
  readonly files: NamedFiles;
  /** Snapshots that the operator trusts, beside those that the network's parameters name. */
  readonly assumedCoins?: readonly AssumedCoins[] | undefined;
}

/** {@link SnapshotService} over the chain and the files of the operator. */
export class Snapshots implements SnapshotService {
  readonly #parts: SnapshotParts;
  /** Files that are being written. */
  readonly #writing = new Set<string>();
  #isLoading = false;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  path(name: string): string {
    return this.#parts.files.path(name);
  }

  get background(): ChainstateManager["background"] {
    return this.#parts.chain.states.background;
  }

  get coinBytesMax(): number {
    return this.#parts.chain.states.coinBytesMax;
  }

  async dump(name: string, target: number | undefined, signal: AbortSignal): Promise<SnapshotDump | undefined> {
    const { chain, files } = this.#parts;
    const path = files.path(name);
    if (this.#writing.has(path)) throw unusable(`${path} is being written`);
    this.#writing.add(path);
    try {
      if (await files.exists(path)) {
        const what = "already exists. If you are sure this is what you want, move it out of the way first";
        throw unusable(`${path} ${what}`);
      }
      return await chain.readCoins(async (now) => {
        const reading = target === undefined ? now : await chain.states.rolledBack(now, target, signal);
        return await this.#write(path, reading, signal);
      });
    } finally {
      this.#writing.delete(path);
    }
  }

  async load(name: string, signal: AbortSignal): Promise<SnapshotLoad> {
    const { files, chain } = this.#parts;
    const path = files.path(name);
    let file: ReadFile;
    try {
      file = await files.open(path);
    } catch (thrown) {
      throw unusable(`Couldn't open file ${path} for reading.`, thrown);
    }
    try {
      const { network } = chain;
      const head = decodeSnapshotHead(await file.read(0, SNAPSHOT_HEAD_BYTES), network, Object.values(networks));
      if (this.#isLoading || chain.states.background !== undefined) throw takenBefore();
      this.#isLoading = true;
      try {
        return { ...await this.#take(file, head, signal), path };
      } finally {
        this.#isLoading = false;
      }
    } finally {
      await file.close();
    }
  }

  async #take(file: ReadFile, head: SnapshotHead, signal: AbortSignal): Promise<Omit<SnapshotLoad, "path">> {
    const { chain, store, clock } = this.#parts;
    const [base, { hash, transactions }] = this.#placeOf(head.base);
    const coins = Number(head.coins);
    const height = chain.headers.height(base);
    const reader = new SnapshotReader(file, { coins, height, pause: () => clock.sleep(0), signal });
    try {
      const staged = await store.stageSnapshot(reader);
      const found = reader.digest();
      if (!equalBytes(found, hash)) {
        const told = `expected ${toDisplayHex(hash)}, got ${toDisplayHex(found)}`;
        throw refused(`Population failed: Bad snapshot content hash: ${told}`);
      }
      signal.throwIfAborted();
      await chain.states.take({ base, hash }, { at: base, staged, transactions });
    } catch (thrown) {
      await store.dropSnapshot();
      throw thrown;
    }
    return { coins, base };
  }

  /** The row of a snapshot's block, and what is known of the coins after it. */
  #placeOf(hash: Uint8Array): [row: number, known: AssumedCoins] {
    const { chain: { headers, network, tip }, assumedCoins = [] } = this.#parts;
    const all = [...network.assumedCoins, ...assumedCoins];
    const name = toDisplayHex(hash);
    const known = all.find(({ block }) => equalBytes(block, hash));
    if (known === undefined) {
      const heights = all.map(({ height }) => height).join(", ");
      const told = `(hash: ${name}). The following snapshot heights are available: ${heights}`;
      throw refused(`assumeutxo block hash in snapshot metadata not recognized ${told}`);
    }
    const row = headers.find(hash);
    if (row < 0) {
      throw refused(
        `The base block header (${name}) must appear in the headers chain. Make sure all headers are syncing, and call ` +
          "loadtxoutset again",
      );
    }
    checkBase(headers, row);
    checkWork(headers, row, tip);
    // Only the operator can have stated it, and the block's hash is what counts.
    if (headers.height(row) !== known.height) {
      throw refused(
        `Assumeutxo height in snapshot metadata not recognized (${known.height}) - refusing to load snapshot`,
      );
    }
    return [row, known];
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
