/**
 * The relay of transactions.
 *
 * @module
 */
import type { BitcoinChain } from "../chain/chain.ts";
import type { TxMempool } from "../mempool/mod.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { TransactionRelay, type TransactionRelayParts } from "./relay.ts";

export { type BacklogView, SEND_RATE } from "./backlog.ts";
export type { AnnouncementsView } from "./announcements.ts";
export { type RelayFigures, TransactionRelay, unwantedTransaction } from "./relay.ts";

/** What RPC may ask of the relay, and have it do. */
export type RelayService = Pick<TransactionRelay, "broadcast" | "figures" | "orphans" | "takes"> & {
  readonly unbroadcast: Pick<TransactionRelay["unbroadcast"], "has" | "list" | "size">;
  readonly announcements: Pick<TransactionRelay["announcements"], "backlogs" | "toldAt">;
};

/** Blocks that are further below the best header are followed by others at once: nobody asks for their transactions. */
const NEAR = 6;

/** What a node has for its relay. */
export interface NodeRelayParts
  extends Pick<TransactionRelayParts, "clock" | "random" | "initialBlockDownload" | "track" | "extra"> {
  readonly chain: Pick<BitcoinChain, "connected" | "headers">;
  /** Absent where none is kept: then nothing is relayed. */
  readonly mempool: TxMempool | undefined;
  readonly blocksOnly?: boolean | undefined;
  readonly announcing: { minimumFeeOf(peer: BitcoinPeer): bigint };
}

/** The relay of a node, if it has a mempool. */
export function relayOf(parts: NodeRelayParts): TransactionRelay | undefined {
  const { chain, mempool, blocksOnly = false, announcing } = parts;
  if (mempool === undefined) return undefined;
  const { minRelayFeeRate, incrementalRelayFeeRate } = mempool.policy;
  const relay = new TransactionRelay({
    ...{ ...parts, mempool, takes: !blocksOnly },
    isTip: (row) =>
      chain.connected === row && chain.headers.height(chain.headers.best) - chain.headers.height(row) <= NEAR,
    minimumFeeOf: (peer) => announcing.minimumFeeOf(peer),
    ...{ relayFeeRate: minRelayFeeRate, incrementalFeeRate: incrementalRelayFeeRate },
  });
  // They are in the mempool's file.
  mempool.storage.unbroadcast = relay.unbroadcast;
  return relay;
}
