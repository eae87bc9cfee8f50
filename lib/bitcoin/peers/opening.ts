/**
 * Connections that stand and whose hands are not shaken yet, as `getpeerinfo` lists them: the operator sees
 * them from the start and can end them.
 *
 * @see Bitcoin Core `net.cpp` GetNodeStats, which tells of every connection from its first moment on
 * @module
 */
import { addressText } from "../../core/address-text.ts";
import type { Clock } from "../../core/ports.ts";
import type { Link } from "./link.ts";
import type { BitcoinPeerView, ConnectionType } from "./view.ts";

interface Opening {
  readonly id: number;
  readonly link: Link;
  readonly connectionType: ConnectionType;
  /** Unix seconds. */
  readonly since: number;
}

/** The list. */
export class OpeningConnections {
  readonly #clock: Clock;
  readonly #openings = new Set<Opening>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lists a connection until the function that comes back is called. */
  enter(id: number, link: Link, connectionType: ConnectionType): () => void {
    const opening = { id, link, connectionType, since: Math.floor(this.#clock.now() / 1000) };
    this.#openings.add(opening);
    return () => void this.#openings.delete(opening);
  }

  /** What is known of each: nothing that the handshake would have told. */
  views(): readonly BitcoinPeerView[] {
    return [...this.#openings].map(viewOf);
  }

  /** Ends the connections with this id, or to or from this `host:port` or host; false when there are none. */
  disconnect(peer: number | string): boolean {
    const found = [...this.#openings].filter(({ id, link: { duplex: { remote } } }) =>
      typeof peer === "number" ? id === peer : addressText(remote) === peer || remote.host === peer
    );
    for (const { link } of found) link.destroy();
    return found.length > 0;
  }

  /** Ends all of them. */
  close(): void {
    for (const { link } of [...this.#openings]) link.destroy();
  }
}

function viewOf({ id, link, connectionType, since }: Opening): BitcoinPeerView {
  const { duplex: { remote, local }, traffic, transport } = link;
  const seconds = (ms: number) => Math.floor(ms / 1000);
  return {
    id,
    direction: connectionType === "inbound" ? "in" : "out",
    connectionType,
    host: remote.host,
    port: remote.port,
    localHost: local.host,
    localPort: local.port,
    services: 0n,
    relayTransactions: false,
    lastInvSequence: 0,
    invToSend: 0,
    lastSend: seconds(traffic.sent.lastTime),
    lastReceive: seconds(traffic.received.lastTime),
    lastBlock: 0,
    lastTransaction: 0,
    bytesSent: traffic.sent.bytes,
    bytesReceived: traffic.received.bytes,
    traffic,
    connectionTime: since,
    timeOffset: 0,
    pingTime: undefined,
    minimumPing: undefined,
    pingWait: undefined,
    version: 0,
    userAgent: "",
    startHeight: -1,
    syncedHeaders: -1,
    syncedBlocks: -1,
    presyncedHeaders: -1,
    inFlight: [],
    blockBytesPerSecond: 0,
    minimumFeeFilter: 0n,
    compactBlocksTo: false,
    compactBlocksFrom: false,
    addressRelay: false,
    addressesProcessed: 0,
    addressesLimited: 0,
    permissions: [],
    seenAs: undefined,
    // That it is the encrypted one is sure only when the peer has shown that it has the key.
    transport: transport.kind === "v1" ? "v1" : "detecting",
    sessionId: undefined,
  };
}
