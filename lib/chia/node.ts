/**
 * The Chia side of the node: connections, the follower and the store put together behind {@link ChiaService}.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { equalBytes } from "../codec/sized.ts";
import { BAN_WORDS, type BanList } from "../core/peers/bans.ts";
import { isLoopback } from "../core/subnets.ts";
import type { HeardAddress } from "../core/addresses/rules.ts";
import { keyedGroups } from "../core/addresses/keyed-groups.ts";
import type { Anchor } from "../core/dialling/anchors.ts";
import { Connections } from "../core/peers/connections.ts";
import { Dialling } from "../core/dialling/dialling.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import { listenOn } from "../core/listeners.ts";
import type { NodeParts } from "../core/node-parts.ts";
import { isOurFailure, type PeerExit, type PeerPlace, placesOf } from "../core/peers/peer.ts";
import type { Listener, PeerAddress } from "../core/ports.ts";
import { Router } from "../core/peers/router.ts";
import { Traffic } from "../core/peers/traffic.ts";
import type { EventData, NewEvent } from "../storage/events.ts";
import type { AddResult, ChiaChain } from "./chain/chain.ts";
import type { Refusal } from "./chain/verdict.ts";
import { candidateOf } from "./chain/raw-blocks.ts";
import { AddressExchange } from "./addresses/exchange.ts";
import { Announcing } from "./serving/announcing.ts";
import { Follower } from "./sync/follower.ts";
import { type AnnouncedPeak, ChiaPeer } from "./peers/peer.ts";
import { ChiaProtocol, type ProtocolParts } from "./peers/protocol.ts";
import { newPeak, NodeType, respondPeers } from "./protocol/mod.ts";
import type { BanView, ChiaService, PeerView, SyncState } from "./service.ts";
import { PeersWord } from "./sync/peers-word.ts";
import { on } from "./peers/handler.ts";
import { refuseRequest, Serving } from "./serving/serving.ts";
import type { ChiaSession, Incoming } from "./peers/session.ts";
import { Standing } from "./sync/standing.ts";
import type { ChiaStore } from "./store.ts";
import type { BlockRecord } from "./types/mod.ts";

/** What the Chia side is made of. */
export interface ChiaNodeParts extends NodeParts {
  /** Asks peers that only tell addresses; when the seeds gave none that are new. */
  readonly askIntroducers?: () => Promise<readonly HeardAddress[]>;
  readonly chain: ChiaChain;
  readonly store: ChiaStore;
  readonly protocol: Omit<ProtocolParts, "clock">;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
}

/** How often it is looked whether our own address is due somewhere. */
const TELL_OWN_MS = 60_000;
/** How often addresses are forgotten that are two weeks old and were tried ten times in vain (the reference's cleanup). */
const CLEAN_EVERY_MS = 30 * 60_000;
const CLEAN_AGE_S = 14 * 86_400;
const CLEAN_ATTEMPTS = 10;

/** The running Chia side. */
export class ChiaNode implements ChiaService {
  readonly traffic: Traffic;
  readonly #parts: ChiaNodeParts;
  readonly #connections: Connections<ChiaSession, ChiaPeer, Incoming>;
  readonly #follower: Follower;
  readonly #serving: Serving;
  readonly #router: Router<ChiaPeer, Incoming>;
  readonly #dialling: Dialling<ChiaPeer>;
  readonly #addresses: AddressExchange;
  readonly #announcing: Announcing;
  readonly #standing: Standing;
  readonly #word: PeersWord;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>[] = [];
  #listener: Listener | undefined;
  #wasSynced = false;

  constructor(parts: ChiaNodeParts) {
    this.#parts = parts;
    const { chain, clock, notice } = parts;
    this.traffic = new Traffic(clock);
    this.#connections = new Connections({
      clock,
      protocol: new ChiaProtocol({ ...parts.protocol, clock, traffic: this.traffic }),
      makePeer: (init) => new ChiaPeer(init),
      isExempt: (host) => parts.loopbackExempt && isLoopback(host),
      whitelist: parts.whitelist,
      ...(parts.permissions && { permissions: parts.permissions }),
      placeOf: keyedGroups(parts.rules, parts.protocol.random),
      openingMax: parts.openingMax,
      events: {
        joined: (peer) => this.#joined(peer),
        message: (peer, incoming) => this.#router.route(peer, incoming),
        left: (peer, exit) => this.#left(peer, exit),
        failed: (address, direction, error) =>
          notice("debug", "p2p.chia", `${direction} ${address?.host ?? "?"}: ${error.message}`),
        banned: (host, seconds, reason, { effect, scope }) => {
          notice("warning", "p2p.chia", `${BAN_WORDS[effect]} ${host} for ${seconds} s: ${reason}`);
          this.#event("p2p.ban", { host, seconds, reason, effect, scope });
        },
        refusing: (text) => notice("warning", "p2p.chia", text),
      },
    });
    this.#connections.setActive(parts.networkActive !== false);
    const named = () => this.#dialling.named;
    this.#follower = new Follower({
      chain,
      clock,
      peers: () => this.#connections.peers,
      moved: (result, source) => this.#moved(result, source),
      idle: () => this.#settle(undefined),
      notice: (level, text) => notice(level, "chia.sync", text),
      named,
    });
    this.#standing = new Standing({ ...parts, follower: this.#follower, changed: () => this.#settle(undefined) });
    this.#word = new PeersWord({
      chain,
      clock,
      peers: () => this.#connections.peers.filter(({ session }) => session.peer.nodeType === NodeType.FULL_NODE),
      named,
      given: () => this.#settle(undefined),
    });
    this.#serving = new Serving({
      chain,
      store: parts.store,
      upload: parts.upload,
      addresses: { answer: (peer) => this.#addresses.answer(peer) },
    });
    this.#router = new Router({
      clock,
      keyOf: ({ message }) => message.id,
      nameOf: ({ message }) => message.name,
      routes: [
        ...this.#serving.routes,
        on(newPeak, (peer, body) => this.#newPeak(peer, body)),
        on(respondPeers, (peer, { peerList }) => this.#addresses.take(peer, peerList)),
      ],
      otherwise: (_, incoming) => refuseRequest(incoming),
    });
    this.#announcing = new Announcing(parts.store);
    this.#dialling = new Dialling({
      ...parts,
      dnsSeeds: parts.seeds ?? chain.network.dnsSeeds,
      defaultPort: chain.network.defaultPort,
      random: parts.protocol.random,
      slots: { full: parts.outbound, blockRelay: 0 },
      retryMs: 1_800_000,
      feelerMeanMs: 240_000,
      extraMeanMs: Infinity,
      isBanned: (host) => this.#connections.bans.find(host, "out") !== undefined,
      isActive: () => this.#connections.isActive,
      peers: () => this.#connections.peers,
      dial: (address, kind) => this.#connections.dial(address, kind),
      isSame: (one, other) => equalBytes(one.session.nodeId, other.session.nodeId),
      notice: (level, text) => notice(level, "p2p.chia", text),
    });
    this.#addresses = new AddressExchange({
      clock,
      random: parts.protocol.random,
      rules: parts.rules,
      peers: () => this.#connections.peers,
      dialling: this.#dialling,
      externalHost: parts.externalHost,
      listening: () => this.#listener?.address,
    });
  }

  get network() {
    return this.#parts.chain.network;
  }

  get nodeId(): Uint8Array {
    return this.#parts.protocol.ownNodeId;
  }

  get store(): ChiaStore {
    return this.#parts.store;
  }

  /** Who may not connect; to be kept over restarts. */
  get banList(): BanList {
    return this.#connections.bans;
  }

  /** Where peers reach us, once started and when we listen. */
  get listenAddress(): PeerAddress | undefined {
    return this.#listener?.address;
  }

  /** Who is to be dialled first by the next run. */
  get anchors(): readonly Anchor[] {
    return this.#dialling.anchorsNow();
  }

  /** Opens the port and starts dialling and following. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN` */
  async start(): Promise<void> {
    const { listen, protocol } = this.#parts;
    await this.#dialling.load(this.#parts.store);
    this.#listener = await listenOn(listen, {
      tls: { identity: protocol.identity, authorities: protocol.authorities },
      admit: (host) => this.#connections.admits(host),
      onConnection: (duplex) => this.#connections.accept(duplex),
      onFailure: (error, remote) => this.#connections.acceptFailed(error, remote),
    });
    this.#work.push(this.#keepAddresses());
    this.#work.push(this.#follower.run(this.#stop.signal), this.#dialling.run(this.#stop.signal));
  }

  /** Connections that were refused before anything was read, by reason. */
  get refusedAccepts(): Readonly<Record<string, number>> {
    return this.#connections.refused;
  }

  /** Ends everything that was started. */
  async stop(): Promise<void> {
    this.#stop.abort(new NodeError("stopped", "self", "the node stops"));
    this.#standing.close();
    this.#word.close();
    await this.#listener?.close();
    await this.#connections.close();
    await Promise.all(this.#work);
    await this.#dialling.save(this.#parts.store).catch((error) =>
      this.#parts.notice("warning", "store", `addresses were not stored: ${messageOf(error)}`)
    );
  }

  get peak(): BlockRecord | undefined {
    return this.#parts.chain.peak;
  }

  state(): SyncState {
    const { chain } = this.#parts;
    const progress = this.#follower.progress;
    const pace = chain.pace();
    const { agree, of } = this.#follower.agreement();
    return {
      peak: chain.peak,
      syncMode: progress !== undefined,
      synced: this.#standing.synced,
      tipHeight: progress?.target ?? 0,
      progressHeight: progress === undefined ? 0 : Math.max(0, chain.peak?.height ?? 0),
      difficulty: pace.difficulty,
      subSlotIters: pace.subSlotIters,
      validation: chain.validation,
      agreement: { agree, of },
      warnings: this.#standing.warnings,
      bestPeerHeight: this.#follower.heightTold,
    };
  }

  peers(): readonly PeerView[] {
    return this.#connections.peers.map((peer) => peer.view()).sort((a, b) => a.id - b.id);
  }

  places(): readonly PeerPlace[] {
    return placesOf(this.#connections.peers);
  }

  bans(): readonly BanView[] {
    return this.#connections.bans.list();
  }

  async connect(host: string, port: number): Promise<PeerView> {
    const [address] = await this.#parts.resolve(host);
    if (address === undefined) throw new NodeError("name_not_found", "network", `${host} has no address`);
    return (await this.#dialling.manual.dial({ host: address, port })).view();
  }

  disconnect(nodeId: Uint8Array): Promise<boolean> {
    return Promise.resolve(this.#connections.disconnect(({ session }) => equalBytes(session.nodeId, nodeId)));
  }

  ban(host: string, seconds: number, reason: string): void {
    this.#connections.ban(host, seconds, reason);
  }

  unban(host: string): boolean {
    return this.#connections.bans.unban(host);
  }

  async submitBlock(raw: Uint8Array): Promise<Refusal | undefined> {
    return (await this.feed([candidateOf(raw)])).refused?.refusal;
  }

  /** Adds blocks that come from no peer: a recording. */
  async feed(blocks: Parameters<ChiaChain["add"]>[0]): Promise<AddResult> {
    const result = await this.#parts.chain.add(blocks, null);
    if (result.peakMoved) this.#moved(result, undefined);
    return result;
  }

  /** Tells our own address to everybody who has not heard it, and again a day later; cleans the book now and then. */
  async #keepAddresses(): Promise<void> {
    const { clock, book } = this.#parts;
    let cleanAt = clock.monotonic() + CLEAN_EVERY_MS;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#addresses.tick();
      if (clock.monotonic() >= cleanAt) {
        cleanAt += CLEAN_EVERY_MS;
        book.cleanUp(CLEAN_AGE_S, CLEAN_ATTEMPTS);
      }
      await clock.sleep(TELL_OWN_MS, signal).catch(() => {});
    }
  }

  #event(topic: string, data: EventData): void {
    const { record, clock, chain } = this.#parts;
    record([{ topic, time: clock.now(), chain: "chia", network: chain.network.name, data }]);
  }

  #joined(peer: ChiaPeer): void {
    const { session, direction, id } = peer;
    this.#parts.notice("info", "p2p.chia", `peer ${id} ${direction} ${session.label} ${peer.view().agent}`);
    this.#event("p2p.handshake", { peer: id, direction, host: peer.host, agent: peer.view().agent });
    this.#addresses.joined(peer);
    this.#announcing.greet(peer, this.#parts.chain.peak).catch((error) =>
      this.#parts.notice("debug", "p2p.chia", `${session.label}: ${messageOf(error)}`)
    );
    this.#settle(undefined);
  }

  #left(peer: ChiaPeer, exit: PeerExit): void {
    this.#addresses.left(peer);
    this.#dialling.seen(peer);
    this.#follower.forget(peer);
    const text = `peer ${peer.id} ${peer.session.label} left: ${exit.message}`;
    this.#parts.notice(isOurFailure(exit) ? "error" : "info", "p2p.chia", text);
    this.#event("p2p.disconnect", { peer: peer.id, host: peer.host, code: exit.code, message: exit.message });
    this.#settle(undefined);
  }

  #newPeak(peer: ChiaPeer, { headerHash, height, weight }: AnnouncedPeak): void {
    peer.peak = { headerHash: headerHash.slice(), height, weight };
    peer.confirmed = undefined;
    peer.restUntil = 0;
    this.#follower.poke();
    this.#settle(undefined);
  }

  #moved(result: AddResult, source: ChiaPeer | undefined): void {
    const { chain, notice } = this.#parts;
    const peak = chain.peak;
    if (peak === undefined) return;
    if (source !== undefined) source.lastHeadTime = this.#parts.clock.now();
    this.#word.peakMoved();
    if (this.#follower.progress === undefined) {
      notice("info", "chia.chain", `height ${peak.height} ${toHex(peak.headerHash).slice(0, 16)}`);
    }
    this.#settle(source, result.forkHeight);
  }

  /** After anything that may change it: tells peers of a new tip, and the log of a change of the sync state. */
  #settle(source: ChiaPeer | undefined, forkHeight?: number): void {
    const { chain } = this.#parts;
    const isSyncing = this.#follower.progress !== undefined;
    const { synced } = this.#standing;
    if (synced !== this.#wasSynced) {
      this.#wasSynced = synced;
      this.#event("chia.sync", { synced, height: chain.peak?.height ?? null });
    }
    const peak = chain.peak;
    if (peak === undefined || isSyncing) return;
    this.#announcing.spread(this.#connections.peers, peak, source, forkHeight ?? peak.height);
  }
}
