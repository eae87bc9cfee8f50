/**
 * Writes coins as a snapshot.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (WriteUTXOSnapshot)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { Writer } from "../../codec/writer.ts";
import type { AppendFile } from "../../core/ports.ts";
import type { MergedEntry } from "../../storage/runs/merging.ts";
import { writeCompactSize, writeVarInt } from "../codec/mod.ts";
import { outPointOf } from "./key.ts";

/** Bytes that wait before they are written. */
const WAITING_BYTES_MAX = 256 * 1024;
/** From this index on the order of Core's keys is not the order of the indices. */
const REORDERED_FROM = 16_512;

interface Output {
  readonly vout: number;
  readonly coin: Uint8Array;
}

/**
 * Writes the coins behind the head. They come in the order of their keys; those of one transaction are held until all of
 * them are there, which is less than a block.
 */
export class SnapshotWriter {
  readonly #file: Pick<AppendFile, "append">;
  #writer = new Writer(WAITING_BYTES_MAX);
  #txid: Uint8Array | undefined;
  #outputs: Output[] = [];
  #coins = 0;

  constructor(file: Pick<AppendFile, "append">) {
    this.#file = file;
  }

  /** Coins that were taken. */
  get coins(): number {
    return this.#coins;
  }

  /** Takes one coin; see `BitcoinStore.allCoins`. */
  take({ key, keyLength, bytes, valueAt, valueLength }: MergedEntry): Promise<void> | undefined {
    const { txid, vout } = outPointOf(key.subarray(0, keyLength));
    if (this.#txid === undefined || txid.some((byte, i) => byte !== this.#txid![i])) {
      this.#endTransaction();
      this.#txid = txid;
    }
    this.#outputs.push({ vout, coin: bytes.slice(valueAt, valueAt + valueLength) });
    this.#coins += 1;
    return this.#writer.length >= WAITING_BYTES_MAX ? this.#drain() : undefined;
  }

  /** Writes what is left. */
  async finish(): Promise<void> {
    this.#endTransaction();
    await this.#drain();
  }

  #endTransaction(): void {
    if (this.#txid === undefined) return;
    const writer = this.#writer;
    writer.raw(this.#txid);
    writeCompactSize(writer, this.#outputs.length);
    for (const { vout, coin } of inOrderOfCore(this.#outputs)) {
      writeCompactSize(writer, vout);
      writer.raw(coin);
    }
    this.#outputs = [];
  }

  async #drain(): Promise<void> {
    const writer = this.#writer;
    this.#writer = new Writer(WAITING_BYTES_MAX);
    await this.#file.append([writer.finish()]);
  }
}

/** The outputs of one transaction in the order of Core's keys, which have the index as a VARINT. */
function inOrderOfCore(outputs: readonly Output[]): readonly Output[] {
  if ((outputs.at(-1)?.vout ?? 0) < REORDERED_FROM) return outputs;
  const named = outputs.map((output) => {
    const writer = new Writer(5);
    writeVarInt(writer, output.vout);
    return { output, name: toHex(writer.finish()) };
  });
  return named.sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ output }) => output);
}
