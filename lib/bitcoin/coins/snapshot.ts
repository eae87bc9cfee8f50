/**
 * What a snapshot of the coins begins with, as Core writes it. The coins follow: for each transaction that has any, in the
 * order of the ids' bytes, its id ‖ CompactSize how many ‖ for each: CompactSize index ‖ the coin (`coin.ts`).
 *
 * @see Bitcoin Core `node/utxo_snapshot.h` (SnapshotMetadata), `rpc/blockchain.cpp` (WriteUTXOSnapshot)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { Reader } from "../../codec/reader.ts";
import { equalBytes, type Sized } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";

/** `utxo` and a byte that is no text. */
const MAGIC = Uint8Array.of(0x75, 0x74, 0x78, 0x6f, 0xff);
const VERSION = 2;
/** Bytes of {@link SnapshotHead}. */
export const SNAPSHOT_HEAD_BYTES = 51;

/** Magic 5 ‖ version u16 LE ‖ the network's magic 4 ‖ hash of the base block 32 ‖ how many coins u64 LE. */
export interface SnapshotHead {
  /** Hash of the block after which the coins are so, in wire order. */
  readonly base: Uint8Array;
  readonly coins: bigint;
}

/** Codes of snapshots that are not taken: by what their first bytes say, and by anything else. */
export type SnapshotCode = "SNAPSHOT_HEAD_INVALID" | "SNAPSHOT_REFUSED";

/** The bytes of a head. */
export function encodeSnapshotHead(magic: Sized<4>, { base, coins }: SnapshotHead): Uint8Array {
  const writer = new Writer(SNAPSHOT_HEAD_BYTES);
  writer.raw(MAGIC);
  writer.u16Le(VERSION);
  writer.raw(magic);
  writer.raw(base);
  writer.u64Le(coins);
  return writer.finish();
}

/** What a head is held against: the node's network, and all whose name may be told. */
export interface SnapshotNetwork {
  readonly magic: Sized<4>;
  /** As `getblockchaininfo` calls it. */
  readonly chain: string;
}

/**
 * Reads a head.
 * @throws NodeError `SNAPSHOT_HEAD_INVALID` in Core's words
 */
export function decodeSnapshotHead(
  bytes: Uint8Array,
  network: SnapshotNetwork,
  known: readonly SnapshotNetwork[],
): SnapshotHead {
  if (bytes.length < SNAPSHOT_HEAD_BYTES) throw invalid("AutoFile::read: end of file");
  const reader = new Reader(bytes);
  if (!equalBytes(reader.take(MAGIC.length), MAGIC)) {
    throw invalid(
      "Invalid UTXO set snapshot magic bytes. Please check if this is indeed a snapshot file or if you are using an " +
        "outdated snapshot format.",
    );
  }
  const version = reader.u16Le();
  if (version !== VERSION) {
    throw invalid(`Version of snapshot ${version} does not match any of the supported versions.`);
  }
  const magic = reader.take(network.magic.length);
  if (!equalBytes(magic, network.magic)) {
    const other = known.find((each) => equalBytes(each.magic, magic));
    throw invalid(
      other === undefined
        ? "This snapshot has been created for an unrecognized network. This could be a custom signet, a new testnet or " +
          "possibly caused by data corruption."
        : `The network of the snapshot (${other.chain}) does not match the network of this node (${network.chain}).`,
    );
  }
  return { base: reader.take(32).slice(), coins: reader.u64Le() };
}

function invalid(text: string): NodeError<SnapshotCode> {
  return new NodeError<SnapshotCode>("SNAPSHOT_HEAD_INVALID", "self", text);
}
