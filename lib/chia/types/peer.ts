/**
 * Peers' addresses.
 *
 * @module
 */
import { type Infer, list, str, struct, tuple, u16, u64 } from "../streamable/mod.ts";

/** A peer's address and when it was last seen (unix seconds). `host` is an IP literal or a name. */
export const TimestampedPeerInfo = struct("TimestampedPeerInfo", {
  host: str,
  port: u16,
  timestamp: u64,
});
/** The value of the struct of this name. */
export type TimestampedPeerInfo = Infer<typeof TimestampedPeerInfo>;

/** The file `peers.dat` in which the reference keeps its address book. */
export const PeerDataSerialization = struct("PeerDataSerialization", {
  metadata: list(tuple(str, str)),
  nodes: list(tuple(u64, str)),
  newTable: list(tuple(u64, u64)),
});
/** The value of the struct of this name. */
export type PeerDataSerialization = Infer<typeof PeerDataSerialization>;
