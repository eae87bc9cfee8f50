/**
 * The peers of one node, whatever they speak: its connections, whom it dials, where it listens, and what the log and the
 * operator hear of them. The nodes of both chains stand on it and add what their messages mean.
 *
 * @module
 */
import { keyedGroups } from "./addresses/keyed-groups.ts";
import type { Anchor } from "./dialling/anchors.ts";
import { Dialling, type DiallingParts } from "./dialling/dialling.ts";
import { messageOf, NodeError } from "./errors.ts";
import { listenOn } from "./listeners.ts";
import type { NodeParts } from "./node-parts.ts";
import type { GateRate } from "./peers/accept-gate.ts";
import { BAN_WORDS, type BanList } from "./peers/bans.ts";
import { Connections, type PeerEvents, type PeerProtocol } from "./peers/connections.ts";
import { isOurFailure, type Peer, type PeerExit, type PeerInit, type PeerSession } from "./peers/peer.ts";
import type { Listener, ListenOptions, PeerAddress, Random } from "./ports.ts";
import { isLoopback } from "./subnets.ts";

/** What a chain decides of its outgoing connections; the rest is the same for both. */
export type DiallingRules<P> = Pick<
  DiallingParts<P>,
  | "askIntroducers"
  | "defaultPort"
  | "dnsSeeds"
  | "extraMeanMs"
  | "feelerMeanMs"
  | "fixedSeeds"
  | "isBusy"
  | "isSame"
  | "isSynced"
  | "isTipStale"
  | "offersEnough"
  | "resolve"
  | "retryMs"
  | "seedServices"
  | "slots"
>;

/** What is told of a peer when it comes. */
export interface PeerIntroduction {
  /** After its number, its direction and its address, in one line of the log. */
  readonly text: string;
  /** Of the event `p2p.handshake`, beside its number, its direction and its host. */
  readonly data: Readonly<Record<string, string | number>>;
}

/** What a chain gives to the peers of its node. */
export interface PeerNetworkParts<S extends PeerSession<I>, P extends Peer<S>, I> {
  /** What the node is told of the world. */
  readonly node: NodeParts;
  /** The chain's name, as log areas have it: `p2p.NAME`. */
  readonly chain: string;
  readonly random: Random;
  readonly protocol: PeerProtocol<S>;
  readonly makePeer: (init: PeerInit<S>) => P;
  /** How fast connections may come before each host gets its share only; that of TLS when absent. */
  readonly gateRate?: GateRate;
  /** Absent where a port is plain TCP. */
  readonly tls?: ListenOptions["tls"];
  readonly dialling: DiallingRules<P>;
  readonly introduce: (peer: P) => PeerIntroduction;
  /** Writes an event that belongs to no block. */
  readonly event: (topic: string, data: Readonly<Record<string, string | number>>) => void;
  /** What the chain does when a peer comes, speaks and goes. */
  readonly events: Pick<PeerEvents<P, I>, "joined" | "message" | "left">;
}

/** The peers of one node. Nothing is dialled or accepted before {@link PeerNetwork.start}. */
export class PeerNetwork<S extends PeerSession<I>, P extends Peer<S>, I> {
  readonly connections: Connections<S, P, I>;
  readonly dialling: Dialling<P>;
  readonly #parts: PeerNetworkParts<S, P, I>;
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #listener: Listener | undefined;

  constructor(parts: PeerNetworkParts<S, P, I>) {
    this.#parts = parts;
    const { node, chain, random, gateRate, event } = parts;
    const { notice } = node;
    const area = `p2p.${chain}`;
    this.connections = new Connections({
      clock: node.clock,
      protocol: parts.protocol,
      makePeer: parts.makePeer,
      isExempt: (host) => node.loopbackExempt && isLoopback(host),
      whitelist: node.whitelist,
      ...(node.permissions && { permissions: node.permissions }),
      placeOf: keyedGroups(node.rules, random),
      openingMax: node.openingMax,
      ...(gateRate && { gateRate }),
      events: {
        joined: (peer) => this.#joined(peer),
        message: parts.events.message,
        left: (peer, exit) => this.#left(peer, exit),
        failed: (address, direction, error) =>
          notice("debug", area, `${direction} ${address?.host ?? "?"}: ${error.message}`),
        banned: (host, seconds, reason, { effect, scope }) => {
          notice("warning", area, `${BAN_WORDS[effect]} ${host} for ${seconds} s: ${reason}`);
          event("p2p.ban", { host, seconds, reason, effect, scope });
        },
        refusing: (text) => notice("warning", area, text),
      },
    });
    this.connections.setActive(node.networkActive !== false);
    this.dialling = new Dialling({
      ...node,
      random,
      isBanned: (host) => this.connections.bans.find(host, "out") !== undefined,
      isActive: () => this.connections.isActive,
      peers: () => this.connections.peers,
      dial: (address, kind) => this.connections.dial(address, kind),
      notice: (level, text) => notice(level, area, text),
      ...parts.dialling,
    });
  }

  /** Those that are connected. */
  get peers(): readonly P[] {
    return this.connections.peers;
  }

  /** Hosts that may not connect; to be kept over restarts. */
  get bans(): BanList {
    return this.connections.bans;
  }

  /** Where peers reach us, once started and when we listen. */
  get listenAddress(): PeerAddress | undefined {
    return this.#listener?.address;
  }

  /** The peers that the next run is to dial first. */
  get anchors(): readonly Anchor[] {
    return this.dialling.anchorsNow();
  }

  /** Connections that were refused before anything was read, by reason. */
  get refusedAccepts(): Readonly<Record<string, number>> {
    return this.connections.refused;
  }

  /** Aborts when the node stops. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Opens the port and starts dialling. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN` */
  async start(): Promise<void> {
    const { node, tls } = this.#parts;
    this.#listener = await listenOn(node.listen, {
      ...(tls && { tls }),
      admit: (host) => this.connections.admits(host),
      onConnection: (duplex) => this.connections.accept(duplex),
      onFailure: (error, remote) => this.connections.acceptFailed(error, remote),
    });
    this.track(this.dialling.run(this.signal));
  }

  /** Keeps {@link PeerNetwork.stop} from resolving before some work has ended; the log hears why it failed. */
  track(work: Promise<void>): void {
    const { node: { notice }, chain } = this.#parts;
    const tracked = work.catch((thrown) => notice("error", chain, messageOf(thrown)))
      .finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  /** Ends all connections and all work. */
  async stop(): Promise<void> {
    this.#stop.abort(new NodeError("stopped", "self", "the node stops"));
    await this.#listener?.close();
    await this.connections.close();
    await Promise.all(this.#work);
  }

  /** The first address of a name. @throws NodeError `name_not_found`, fault `network` */
  async resolve(host: string): Promise<string> {
    const [address] = await this.#parts.node.resolve(host);
    if (address === undefined) throw new NodeError("name_not_found", "network", `${host} has no address`);
    return address;
  }

  #joined(peer: P): void {
    const { node: { notice }, chain, event, events, introduce } = this.#parts;
    const { id, direction, host } = peer;
    const { text, data } = introduce(peer);
    notice("info", `p2p.${chain}`, `peer ${id} ${direction} ${peer.session.label} ${text}`);
    event("p2p.handshake", { peer: id, direction, host, ...data });
    events.joined(peer);
  }

  #left(peer: P, exit: PeerExit): void {
    const { node: { notice }, chain, event, events } = this.#parts;
    const { id, host } = peer;
    this.dialling.seen(peer);
    const text = `peer ${id} ${peer.session.label} left: ${exit.message}`;
    notice(isOurFailure(exit) ? "error" : "info", `p2p.${chain}`, text);
    event("p2p.disconnect", { peer: id, host, code: exit.code, message: exit.message });
    events.left(peer, exit);
  }
}
