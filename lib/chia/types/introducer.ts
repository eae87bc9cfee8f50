/**
 * What an introducer is asked.
 *
 * @module
 */
import { type Infer, list, struct } from "../streamable/mod.ts";
import { TimestampedPeerInfo } from "./peer.ts";

/**
 * Asks for addresses of full nodes.
 * Wire (Streamable): 0 bytes.
 */
export const RequestPeersIntroducer = struct("RequestPeersIntroducer", {});
/** The value of the struct of this name. */
export type RequestPeersIntroducer = Infer<typeof RequestPeersIntroducer>;

/** Addresses of full nodes. */
export const RespondPeersIntroducer = struct("RespondPeersIntroducer", {
  peerList: list(TimestampedPeerInfo),
});
/** The value of the struct of this name. */
export type RespondPeersIntroducer = Infer<typeof RespondPeersIntroducer>;
