/**
 * The Chia side of the node: connections, the follower and the store put together behind {@link ChiaService}.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { equalBytes } from "../codec/sized.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { Clock, Listener, ListenOptions, PeerAddress } from "../core/ports.ts";
import type { EventData, NewEvent } from "../storage/events.ts";
import type { AddResult, ChiaChain } from "./chain/chain.ts";
import { ChiaConnections, type ConnectionParts } from "./connections.ts";
import { Follower } from "./follower.ts";
import type { ChiaPeer } from "./peer.ts";
import { newPeak, newPeakWallet, NodeType, requestPeers, respondPeers } from "./protocol/mod.ts";
import type { BanView, ChiaService, PeerView, SyncState } from "./service.ts";
import { decodeBody, Serving } from "./serving.ts";
import type { Incoming, PeerExit } from "./session.ts";
import type { ChiaStore, StoredPeer } from "./store.ts";
import { type BlockRecord, FullBlock, type TimestampedPeerInfo } from "./types/mod.ts";

/** One line for the log. */
export type Notice = (level: "debug" | "info" | "warning" | "error", area: string, text: string) => void;

/** What the Chia side is made of. */
export interface ChiaNodeParts {
  readonly chain: ChiaChain;
  readonly store: ChiaStore;
  readonly clock: Clock;
  readonly connections: Omit<ConnectionParts, "events" | "clock">;
  /** Peers to keep a connection to, by name or address; when there are any, no others are dialled. */
  readonly connect: readonly PeerAddress[];
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Where to accept peers. */
  readonly listen?: { readonly address: PeerAddress; readonly open: (options: ListenOptions) => Promise<Listener> };
  /** Outgoing connections that are aimed at when peers are discovered. */
  readonly outbound: number;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
  readonly notice: Notice;
}

const REDIAL_FIRST_MS = 1_000;
const REDIAL_LAST_MS = 30_000;
const DISCOVERY_PAUSE_MS = 5_000;
const REQUEST_PEERS_INTERVAL_S = 600;
/** Addresses kept from gossip; the reference takes as many from one message. */
const KNOWN_PEERS_MAX = 1_000;

/** The running Chia side. */
export class ChiaNode implements ChiaService {
  readonly #parts: ChiaNodeParts;
  readonly #connections: ChiaConnections;
  readonly #follower: Follower;
  readonly #serving: Serving;
  readonly #stop = new AbortController();
  readonly #known = new Map<string, StoredPeer>();
  readonly #work: Promise<void>[] = [];
  #listener: Listener | undefined;
  #announced: Uint8Array | undefined;
  #wasSynced = false;

  constructor(parts: ChiaNodeParts) {
    this.#parts = parts;
    const { chain, clock, notice } = parts;
    this.#connections = new ChiaConnections({
      ...parts.connections,
      clock,
      events: {
        joined: (peer) => this.#joined(peer),
        message: (peer, incoming) => this.#message(peer, incoming),
        left: (peer, exit) => this.#left(peer, exit),
        failed: (address, direction, error) =>
          notice("debug", "p2p.chia", `${direction} ${address?.host ?? "?"}: ${error.message}`),
        banned: (host, seconds, reason) => {
          notice("warning", "p2p.chia", `banned ${host} for ${seconds} s: ${reason}`);
          this.#event("p2p.ban", { host, seconds, reason });
        },
      },
    });
    this.#follower = new Follower({
      chain,
      clock,
      peers: () => this.#connections.peers,
      moved: (result, source) => this.#moved(result, source),
      idle: () => this.#settle(undefined),
      notice: (level, text) => notice(level, "chia.sync", text),
      wantedPeers: parts.connect.length,
    });
    this.#serving = new Serving({ chain, store: parts.store, knownPeers: () => this.#gossip() });
  }

  get network() {
    return this.#parts.chain.network;
  }

  get nodeId(): Uint8Array {
    return this.#parts.connections.ownNodeId;
  }

  get store(): ChiaStore {
    return this.#parts.store;
  }

  /** Where peers reach us, once started and when we listen. */
  get listenAddress(): PeerAddress | undefined {
    return this.#listener?.address;
  }

  /** Opens the port and starts dialling and following. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN` */
  async start(): Promise<void> {
    const { listen, connect, connections, store } = this.#parts;
    for (const peer of await store.peers()) this.#known.set(`${peer.host} ${peer.port}`, peer);
    if (listen !== undefined) {
      this.#listener = await listen.open({
        ...listen.address,
        tls: { identity: connections.identity, authorities: connections.authorities },
        onConnection: (duplex) => this.#connections.accept(duplex),
        onFailure: (error, remote) => this.#parts.notice("debug", "p2p.chia", `in ${remote?.host}: ${error.message}`),
      });
    }
    this.#work.push(this.#follower.run(this.#stop.signal));
    for (const address of connect) this.#work.push(this.#keep(address));
    if (connect.length === 0) this.#work.push(this.#discover());
  }

  /** Ends everything that was started. */
  async stop(): Promise<void> {
    this.#stop.abort(new NodeError("stopped", "self", "the node stops"));
    await this.#listener?.close();
    await this.#connections.close();
    await Promise.all(this.#work);
    await this.#parts.store.savePeers([...this.#known.values()]);
  }

  state(): SyncState {
    const { chain } = this.#parts;
    const progress = this.#follower.progress;
    const { agree, of, synced } = this.#follower.agreement();
    const pace = chain.pace();
    return {
      peak: chain.peak,
      syncMode: progress !== undefined,
      synced: synced && progress === undefined,
      tipHeight: progress?.target ?? 0,
      progressHeight: progress === undefined ? 0 : Math.max(0, chain.peak?.height ?? 0),
      difficulty: pace.difficulty,
      subSlotIters: pace.subSlotIters,
      validation: chain.validator.level,
      agreement: { agree, of },
      bestPeerHeight: Math.max(0, ...this.#connections.peers.map((peer) => peer.peak?.height ?? 0)),
    };
  }

  peers(): readonly PeerView[] {
    return this.#connections.peers.map((peer) => peer.view());
  }

  bans(): readonly BanView[] {
    return this.#connections.bans.list();
  }

  async connect(host: string, port: number): Promise<PeerView> {
    const [address] = await this.#parts.resolve(host);
    if (address === undefined) throw new NodeError("name_not_found", "network", `${host} has no address`);
    return (await this.#connections.dial({ host: address, port }, false)).view();
  }

  disconnect(nodeId: Uint8Array): Promise<boolean> {
    return Promise.resolve(this.#connections.disconnect(nodeId));
  }

  ban(host: string, seconds: number, reason: string): void {
    this.#connections.ban(host, seconds, reason);
  }

  unban(host: string): boolean {
    return this.#connections.bans.unban(host);
  }

  /** Adds blocks that come from no peer: a recording. */
  async feed(blocks: Parameters<ChiaChain["add"]>[0]): Promise<AddResult> {
    const result = await this.#parts.chain.add(blocks, null);
    if (result.peakMoved) this.#moved(result, undefined);
    return result;
  }

  #event(topic: string, data: EventData): void {
    const { record, clock, chain } = this.#parts;
    record([{ topic, time: clock.now(), chain: "chia", network: chain.network.name, data }]);
  }

  #joined(peer: ChiaPeer): void {
    const { session, direction, id } = peer;
    this.#parts.notice("info", "p2p.chia", `peer ${id} ${direction} ${session.label} ${peer.view().agent}`);
    this.#event("p2p.handshake", { peer: id, direction, host: peer.host, agent: peer.view().agent });
    this.#greet(peer).catch((error) =>
      this.#parts.notice("debug", "p2p.chia", `${session.label}: ${messageOf(error)}`)
    );
    this.#settle(undefined);
  }

  /** What both sides say right after the handshake. */
  async #greet(peer: ChiaPeer): Promise<void> {
    const { chain } = this.#parts;
    const fullNode = peer.session.peer.nodeType === NodeType.FULL_NODE;
    if (fullNode && peer.direction === "out") await peer.session.send(requestPeers, {});
    if (chain.peak !== undefined) await this.#tell(peer, chain.peak, chain.peak.height);
  }

  #left(peer: ChiaPeer, exit: PeerExit): void {
    this.#follower.forget(peer);
    this.#parts.notice("info", "p2p.chia", `peer ${peer.id} ${peer.session.label} left: ${exit.message}`);
    this.#event("p2p.disconnect", { peer: peer.id, host: peer.host, code: exit.code, message: exit.message });
    this.#settle(undefined);
  }

  #message(peer: ChiaPeer, incoming: Incoming): void | Promise<void> {
    const answer = this.#serving.answer(peer, incoming);
    if (answer !== undefined) return answer;
    // A body that does not parse costs the peer even where we have no use for what it says.
    if (incoming.message.body === null) return;
    const body = decodeBody({ name: incoming.message.name, body: incoming.message.body }, incoming.data);
    if (incoming.message.id === newPeak.id) {
      const { headerHash, height, weight } = body as { headerHash: Uint8Array; height: number; weight: bigint };
      peer.peak = { headerHash: headerHash.slice(), height, weight };
      peer.restUntil = 0;
      this.#follower.poke();
      this.#settle(undefined);
    } else if (incoming.message.id === respondPeers.id) {
      this.#learn((body as { peerList: readonly TimestampedPeerInfo[] }).peerList, peer.host);
    }
  }

  #learn(peers: readonly TimestampedPeerInfo[], source: string): void {
    if (peers.length > KNOWN_PEERS_MAX) return;
    for (const { host, port } of peers) {
      const key = `${host} ${port}`;
      if (this.#known.has(key) || this.#known.size >= KNOWN_PEERS_MAX || host.length > 45) continue;
      this.#known.set(key, { host, port, source, lastTry: 0, lastSuccess: 0 });
    }
  }

  #gossip(): TimestampedPeerInfo[] {
    const recent = this.#parts.clock.now() - REQUEST_PEERS_INTERVAL_S * 1000 * 6 * 24 * 30;
    return [...this.#known.values()].filter(({ lastSuccess }) => lastSuccess > recent)
      .map(({ host, port, lastSuccess }) => ({ host, port, timestamp: BigInt(Math.floor(lastSuccess / 1000)) }));
  }

  #moved(result: AddResult, source: ChiaPeer | undefined): void {
    const { chain, notice } = this.#parts;
    const peak = chain.peak;
    if (peak === undefined) return;
    if (this.#follower.progress === undefined) {
      notice("info", "chia.chain", `height ${peak.height} ${toHex(peak.headerHash).slice(0, 16)}`);
    }
    this.#settle(source, result.forkHeight);
  }

  /** After anything that may change it: tells peers of a new tip, and the log of a change of the sync state. */
  #settle(source: ChiaPeer | undefined, forkHeight?: number): void {
    const { chain } = this.#parts;
    const state = this.state();
    if (state.synced !== this.#wasSynced) {
      this.#wasSynced = state.synced;
      this.#event("chia.sync", { synced: state.synced, height: chain.peak?.height ?? null });
    }
    const peak = chain.peak;
    if (peak === undefined || state.syncMode) return;
    if (this.#announced !== undefined && equalBytes(this.#announced, peak.headerHash)) return;
    this.#announced = peak.headerHash;
    for (const peer of this.#connections.peers) {
      if (peer === source) continue;
      this.#tell(peer, peak, forkHeight ?? peak.height).catch(() => {
        // The peer has just gone: there is nobody left to tell.
      });
    }
  }

  async #tell(peer: ChiaPeer, peak: BlockRecord, forkHeight: number): Promise<void> {
    const { headerHash, height, weight } = peak;
    const forkPointWithPreviousPeak = Math.max(0, forkHeight);
    if (peer.session.peer.nodeType === NodeType.WALLET) {
      return await peer.session.send(newPeakWallet, { headerHash, height, weight, forkPointWithPreviousPeak });
    }
    if (peer.session.peer.nodeType !== NodeType.FULL_NODE) return;
    const raw = await this.#parts.store.block(headerHash);
    if (raw === undefined) return;
    const { unfinishedRewardBlockHash } = FullBlock.decode(raw).foliage.foliageBlockData;
    await peer.session.send(newPeak, {
      headerHash,
      height,
      weight,
      forkPointWithPreviousPeak,
      unfinishedRewardBlockHash,
    });
  }

  /** Keeps a connection to one wanted peer. */
  async #keep({ host, port }: PeerAddress): Promise<void> {
    const { clock, resolve, notice } = this.#parts;
    const { signal } = this.#stop;
    let wait = REDIAL_FIRST_MS;
    let said = "";
    while (!signal.aborted) {
      try {
        const [address] = await resolve(host);
        const peer = await this.#connections.dial({ host: address ?? host, port }, true);
        wait = REDIAL_FIRST_MS;
        said = "";
        this.#succeeded(host, port);
        await aborted(peer.session.signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const text = `cannot connect to ${host}:${port}: ${messageOf(thrown)}`;
        // The same trouble again is no news.
        notice(text === said ? "debug" : "warning", "p2p.chia", text);
        said = text;
      }
      await clock.sleep(wait, signal).catch(() => {});
      wait = Math.min(wait * 2, REDIAL_LAST_MS);
    }
  }

  #succeeded(host: string, port: number): void {
    const now = this.#parts.clock.now();
    this.#known.set(`${host} ${port}`, { host, port, source: "self", lastTry: now, lastSuccess: now });
  }

  /** Dials known peers, and those that the DNS seeds name, until there are enough. */
  async #discover(): Promise<void> {
    const { clock, resolve, outbound, chain, notice, connections } = this.#parts;
    const { signal } = this.#stop;
    const { random } = connections;
    while (!signal.aborted) {
      const out = this.#connections.peers.filter((peer) => peer.direction === "out").length;
      if (out < outbound) {
        if (this.#known.size === 0) await this.#askSeeds(chain.network.dnsSeeds, resolve);
        const untried = [...this.#known.values()].filter(({ host, lastTry }) =>
          lastTry < clock.now() - REQUEST_PEERS_INTERVAL_S * 1000 &&
          !this.#connections.peers.some((peer) => peer.host === host)
        );
        const choice = untried[untried.length === 0 ? 0 : random.below(untried.length)];
        if (choice !== undefined) {
          this.#known.set(`${choice.host} ${choice.port}`, { ...choice, lastTry: clock.now() });
          await this.#connections.dial(choice, false).then(
            () => this.#succeeded(choice.host, choice.port),
            (error) => notice("debug", "p2p.chia", `${choice.host}: ${messageOf(error)}`),
          );
          continue;
        }
      }
      await clock.sleep(DISCOVERY_PAUSE_MS, signal).catch(() => {});
    }
  }

  async #askSeeds(seeds: readonly string[], resolve: ChiaNodeParts["resolve"]): Promise<void> {
    for (const seed of seeds) {
      const hosts = await resolve(seed).catch(() => []);
      for (const host of hosts) {
        const port = this.#parts.chain.network.defaultPort;
        this.#known.set(`${host} ${port}`, { host, port, source: seed, lastTry: 0, lastSuccess: 0 });
      }
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
