/**
 * Inventory vectors: what a peer has or wants, by kind and hash.
 *
 * @see Bitcoin Core `protocol.h`, GetDataMsg; BIP144, BIP152, BIP339
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import type { Infer } from "../codec/codec.ts";
import { hash, readCompactSize, struct, u32 } from "../codec/mod.ts";

/** The kinds of inventory. An unknown number is no error: its receiver ignores the entry. */
export const InvType = {
  /** Ignored. */
  UNDEFINED: 0,
  /** A transaction by txid; served without witness. */
  TX: 1,
  /** A block; announced by this, and served without witnesses. */
  BLOCK: 2,
  /** A block as `merkleblock` and the transactions that the filter matches; only in `getdata` (BIP37). */
  FILTERED_BLOCK: 3,
  /** A block as `cmpctblock`; only in `getdata` (BIP152). */
  CMPCT_BLOCK: 4,
  /** A transaction by wtxid, between peers that said `wtxidrelay` (BIP339). */
  WTX: 5,
  /** A transaction by txid, with witness; only in `getdata`. */
  WITNESS_TX: 0x4000_0001,
  /** A block with witnesses; only in `getdata`. */
  WITNESS_BLOCK: 0x4000_0002,
} as const;
/** A kind of inventory. */
export type InvType = typeof InvType[keyof typeof InvType];

/** One entry. Wire: type u32 ‖ hash 32. */
export const Inventory = struct("inventory", { type: u32, hash });
/** One entry: `type` is an {@link InvType} or a number nobody knows, `hash` in wire order. */
export type Inventory = Infer<typeof Inventory>;

/** Entries of one inventory (Core's MAX_INV_SZ). */
export const INVENTORY_MAX = 50_000;
/** Bytes of an entry. */
const ENTRY_BYTES = 36;

/**
 * The inventory of a message, as the bytes that came: an entry is made when it is asked for. What is asked of us is worked off
 * slowly where the peer reads slowly, and as objects it would take six times its bytes meanwhile.
 */
export class InventoryBatch {
  readonly length: number;
  readonly #entries: Uint8Array;

  private constructor(entries: Uint8Array, length: number) {
    this.#entries = entries;
    this.length = length;
  }

  /**
   * That of a payload: a CompactSize count, then the entries. Bytes after the last one are ignored, as Core does.
   * @throws CodecError `limit` above {@link INVENTORY_MAX} entries, `count`, `minimal`, `short`
   */
  static fromPayload(payload: Uint8Array): InventoryBatch {
    const reader = new Reader(payload);
    const count = readCompactSize(reader);
    if (count * ENTRY_BYTES > reader.left) {
      throw new CodecError("count", `${count} entries cannot be in ${reader.left} bytes`, 0);
    }
    if (count > INVENTORY_MAX) throw new CodecError("limit", `${count} entries where ${INVENTORY_MAX} are the most`, 0);
    return new InventoryBatch(reader.take(count * ENTRY_BYTES), count);
  }

  /** The hash of the last entry of a type; undefined when there is none. */
  lastOf(type: InvType): Uint8Array | undefined {
    const view = new DataView(this.#entries.buffer, this.#entries.byteOffset, this.#entries.byteLength);
    for (let i = this.length - 1; i >= 0; i--) {
      if (view.getUint32(i * ENTRY_BYTES, true) === type) return this.at(i).hash;
    }
    return undefined;
  }

  /** An entry; its hash shares the payload's memory. */
  at(i: number): Inventory {
    return Inventory.read(new Reader(this.#entries.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES)));
  }
}
