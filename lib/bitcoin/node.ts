/**
 * The Bitcoin side of the node: connections, sync and the store put together behind {@link BitcoinService}.
 *
 * @module
 */
import { PLAIN_RATE } from "../core/peers/accept-gate.ts";
import { BAN_WORDS, type BanList } from "../core/peers/bans.ts";
import { isLoopback } from "../core/subnets.ts";
import { keyedGroups } from "../core/addresses/keyed-groups.ts";
import type { Anchor } from "../core/dialling/anchors.ts";
import { Connections } from "../core/peers/connections.ts";
import type { Dialling } from "../core/dialling/dialling.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { Router } from "../core/peers/router.ts";
import { Traffic } from "../core/peers/traffic.ts";
import { listenOn } from "../core/listeners.ts";
import type { NodeParts } from "../core/node-parts.ts";
import { isOurFailure, type PeerExit } from "../core/peers/peer.ts";
import { printable } from "../core/printable.ts";
import { Ticker } from "../core/work/ticker.ts";
import type { Listener, PeerAddress } from "../core/ports.ts";
import type { EventData, NewEvent } from "../storage/events.ts";
import { AddedNodes } from "./peers/added-nodes.ts";
import { AddressExchange } from "./addresses/exchange.ts";
import { announce } from "./serving/announcing.ts";
import { BitcoinChain, type TipMove } from "./chain/chain.ts";
import { HeaderBatch } from "./headers/header-batch.ts";
import type { BlockValidator } from "./chain/validator.ts";
import { toDisplayHex } from "./hash.ts";
import { bitcoinDialling } from "./peers/dialling.ts";
import { Facade } from "./facade.ts";
import { IncomingBlocks } from "./sync/incoming.ts";
import { LightClient, type LightStore } from "./light/mod.ts";
import type { BitcoinNetwork } from "./networks/network.ts";
import { OpeningConnections } from "./peers/opening.ts";
import { ownServices } from "./peers/own-services.ts";
import { BitcoinPeer } from "./peers/peer.ts";
import { disconnecting } from "./peers/faults.ts";
import { BitcoinProtocol, type BitcoinProtocolParts } from "./peers/protocol.ts";
import { Progress } from "./sync/progress.ts";
import { Pruning } from "./chain/pruning.ts";
import { bitcoinRouter } from "./handlers.ts";
import { Serving } from "./serving/serving.ts";
import type { BitcoinMode, BitcoinService } from "./service.ts";
import type { BitcoinSession, Incoming } from "./peers/session.ts";
import type { BitcoinStore } from "./store.ts";
import { reindexBlocks, type ReindexResult } from "./store/reindex.ts";
import type { SqlBitcoinStore } from "./store/sql.ts";
import { BlockDownload } from "./sync/block-download.ts";
import { HeaderSync } from "./sync/header-sync.ts";
import { Block } from "./types/mod.ts";
import { SendHeaders } from "./wire/mod.ts";

/** What the Bitcoin side is made of. */
export interface BitcoinNodeParts extends NodeParts {
  readonly network: BitcoinNetwork;
  readonly store: BitcoinStore;
  readonly validator: BlockValidator;
  readonly mode: BitcoinMode;
  /** Where the light client keeps what it has; needed in mode `filters`. */
  readonly light?: LightStore;
  readonly protocol: Omit<BitcoinProtocolParts, "network" | "clock" | "own" | "traffic">;
  readonly userAgent: string;
  /** Chains of less work are not followed; the network's own unless set. */
  readonly minimumWork?: bigint;
  /** Block data is pruned to so many bytes; absent: never. */
  readonly pruneTarget?: number;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
}

const TICK_MS = 1_000;
const IDLE_TICK_MS = 30_000;

/** The running Bitcoin side. */
export class BitcoinNode {
  /** What RPC and the library ask. */
  readonly service: BitcoinService;
  readonly #facade: Facade;
  readonly #parts: BitcoinNodeParts;
  readonly #chain: BitcoinChain;
  readonly #connections: Connections<BitcoinSession, BitcoinPeer, Incoming>;
  readonly #headerSync: HeaderSync;
  readonly #download: BlockDownload;
  readonly #incoming: IncomingBlocks;
  readonly #dialling: Dialling<BitcoinPeer>;
  readonly #addresses: AddressExchange;
  readonly #added: AddedNodes;
  readonly #progress: Progress;
  readonly #ticker: Ticker;
  readonly #pruning: Pruning | undefined;
  readonly #traffic: Traffic;
  readonly #router: Router<BitcoinPeer, Incoming>;
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #listener: Listener | undefined;
  #light: LightClient | undefined;

  /** Opens the chain where the store stands. Nothing is dialled or accepted before {@link BitcoinNode.start}. */
  static async open(parts: BitcoinNodeParts): Promise<BitcoinNode> {
    // The chain tells its moves to the node, which cannot be made before the chain is there.
    const made: { node?: BitcoinNode } = {};
    const chain = await BitcoinChain.load({
      ...parts,
      headersOnly: parts.mode !== "full",
      onMove: (move) => made.node?.onMove(move),
      onStorage: (level, text) => parts.notice(level, "bitcoin.store", text),
    });
    const node = new BitcoinNode(parts, chain);
    made.node = node;
    if (parts.mode === "filters") await node.#openLight();
    return node;
  }

  private constructor(parts: BitcoinNodeParts, chain: BitcoinChain) {
    const { clock, network, notice, userAgent, minimumWork = network.minimumChainWork } = parts;
    this.#parts = parts;
    this.#chain = chain;
    const isPruned = parts.pruneTarget !== undefined;
    const services = ownServices({ mode: parts.mode, isPruned, v2: parts.protocol.v2 });
    const peers = () => this.#connections.peers;
    const initialBlockDownload = () => this.#progress.initialBlockDownload;
    const say = (level: "debug" | "info" | "warning", text: string) => notice(level, "bitcoin.sync", text);
    this.#traffic = new Traffic(clock);
    const opening = new OpeningConnections(clock);
    this.#connections = new Connections({
      clock,
      protocol: new BitcoinProtocol({
        ...parts.protocol,
        traffic: this.#traffic,
        opening,
        network,
        clock,
        own: () => ({ services, userAgent, startHeight: chain.headers.height(chain.tip), relay: false }),
      }),
      makePeer: (init) => new BitcoinPeer(init),
      isExempt: (host) => parts.loopbackExempt && isLoopback(host),
      whitelist: parts.whitelist,
      ...(parts.permissions && { permissions: parts.permissions }),
      placeOf: keyedGroups(parts.rules, parts.protocol.random),
      ...{ gateRate: PLAIN_RATE, openingMax: parts.openingMax },
      events: {
        joined: (peer) => this.#joined(peer),
        message: (peer, incoming) => this.#router.route(peer, incoming),
        left: (peer, exit) => this.#left(peer, exit),
        failed: (address, direction, error) =>
          notice("debug", "p2p.bitcoin", `${direction} ${address?.host ?? "?"}: ${error.message}`),
        banned: (host, seconds, reason, { effect, scope }) => {
          notice("warning", "p2p.bitcoin", `${BAN_WORDS[effect]} ${host} for ${seconds} s: ${reason}`);
          this.#event("p2p.ban", { host, seconds, reason, effect, scope });
        },
        refusing: (text) => notice("warning", "p2p.bitcoin", text),
      },
    });
    this.#connections.setActive(parts.networkActive !== false);
    const asked = () => this.#ticker.wake();
    const shared = { chain, clock, peers, minimumWork, initialBlockDownload, asked, notice: say };
    const tooNew = (peer: BitcoinPeer, detail?: string) => this.#progress.tooNew(peer, detail);
    this.#headerSync = new HeaderSync({ ...shared, random: parts.protocol.random, tooNew });
    this.#download = new BlockDownload(shared);
    this.#ticker = new Ticker({
      clock,
      everyMs: TICK_MS,
      idleMs: IDLE_TICK_MS,
      isIdle: () => this.#light === undefined && this.#headerSync.isIdle && this.#download.isIdle,
      tick: () => this.#tick(),
    });
    this.#incoming = new IncomingBlocks({
      ...{ chain, minimumWork, now: () => clock.now(), memory: parts.protocol.memory },
      download: this.#download,
      headerSync: this.#headerSync,
    });
    this.#dialling = bitcoinDialling(parts, {
      connections: this.#connections,
      isTipStale: () => this.#progress.isTipStale,
      isSynced: () => !this.#progress.initialBlockDownload,
    });
    this.#addresses = new AddressExchange({
      ...shared,
      random: parts.protocol.random,
      rules: parts.rules,
      dialling: this.#dialling,
      services,
      externalHost: parts.externalHost,
      listening: () => this.#listener?.address,
    });
    this.#added = new AddedNodes({
      defaultPort: network.defaultPort,
      peers,
      keep: (place, signal) => this.#track(this.#dialling.keep(place, signal)),
    });
    this.#progress = new Progress({
      ...shared,
      headerSync: () => this.#headerSync,
      named: () => this.#dialling.named,
      event: (topic, data) => this.#event(topic, data),
    });
    if (parts.pruneTarget !== undefined) {
      const failed = (text: string) => notice("error", "bitcoin.store", `pruning: ${text}`);
      this.#pruning = new Pruning({ chain, store: parts.store, bytesMax: parts.pruneTarget, failed });
    }
    this.service = this.#facade = new Facade({
      ...parts,
      services,
      chain,
      connections: this.#connections,
      dialling: this.#dialling,
      added: this.#added,
      progress: this.#progress,
      incoming: this.#incoming,
      download: this.#download,
      opening,
      pruning: this.#pruning,
      pruneTarget: parts.pruneTarget,
      traffic: this.#traffic,
      isListening: () => this.#listener !== undefined,
      light: () => this.#light,
      headersMoved: () => this.#headersMoved(),
    });
    this.#router = bitcoinRouter(clock, {
      serving: new Serving({
        chain,
        store: parts.store,
        minimumWork,
        isPruned,
        addresses: this.#addresses,
        upload: parts.upload,
      }),
      headerSync: this.#headerSync,
      incoming: this.#incoming,
      takesBlocks: parts.mode === "full",
      light: () => this.#light,
      headersTold: (peer) => void (parts.mode === "full" && this.#download.direct(peer)),
      headersChanged: () => this.#headersMoved(),
      addresses: this.#addresses,
    });
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

  /** Takes the store's block files in anew, before {@link BitcoinNode.start}. */
  reindex(store: SqlBitcoinStore): Promise<ReindexResult> {
    const chain = this.#chain;
    return reindexBlocks(
      store,
      chain.network.genesis.hash,
      {
        headers: (bytes) => void chain.acceptHeaders(HeaderBatch.fromBytes(bytes)),
        block: async (raw) => {
          const block = Block.decode(raw);
          const row = chain.headers.find(block.hash);
          if (row < 0) return;
          chain.addBlock(row, block).stored.catch(() => {});
          await chain.room();
        },
      },
      () => chain.flush(),
      this.#stop.signal,
    );
  }

  /** Opens the port and starts dialling and syncing. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN` */
  async start(): Promise<void> {
    const { listen } = this.#parts;
    await this.#dialling.load(this.#parts.store);
    this.#listener = await listenOn(listen, {
      admit: (host) => this.#connections.admits(host),
      onConnection: (duplex) => this.#connections.accept(duplex),
      onFailure: (error, remote) => this.#connections.acceptFailed(error, remote),
    });
    this.#track(this.#dialling.run(this.#stop.signal));
    if (this.#light !== undefined) this.#track(this.#light.run(this.#stop.signal));
    this.#track(this.#ticker.run(this.#stop.signal));
  }

  async #openLight(): Promise<void> {
    const { light: store, clock, notice } = this.#parts;
    if (store === undefined) throw new TypeError("mode filters needs a store for filters");
    this.#light = await LightClient.open({
      chain: this.#chain,
      store,
      clock,
      peers: () => this.#connections.peers,
      event: (topic, data) => this.#event(topic, data),
      notice: (level, text) => notice(level, "bitcoin.filters", text),
    });
  }

  /** Connections that were refused before anything was read, by reason. */
  get refusedAccepts(): Readonly<Record<string, number>> {
    return this.#connections.refused;
  }

  /** Ends everything that was started. */
  async stop(): Promise<void> {
    this.#stop.abort(new NodeError("stopped", "self", "the node stops"));
    this.#added.close();
    this.#progress.close();
    await this.#listener?.close();
    await this.#connections.close();
    await Promise.all(this.#work);
    // What could not be stored was told; it comes again from peers.
    await this.#chain.flush().catch(() => {});
    await this.#dialling.save(this.#parts.store).catch((error) =>
      this.#parts.notice("warning", "store", `addresses were not stored: ${messageOf(error)}`)
    );
  }

  /** The chain has a new durable tip. */
  onMove(move: TipMove): void {
    const { headers } = this.#chain;
    const { mode, notice } = this.#parts;
    this.#progress.tipMoved();
    this.#progress.update();
    const isLive = !this.#progress.initialBlockDownload;
    const text = `height ${headers.height(move.tip)} ${toDisplayHex(headers.hash(move.tip))}`;
    // While catching up the progress says as much.
    notice(isLive && move.tip === headers.best ? "info" : "debug", "bitcoin.chain", text);
    if (isLive && mode === "full") announce(this.#chain, this.#connections.peers, move);
    if (this.#light !== undefined) this.#track(this.#light.onMove(move));
    this.#facade.tipMoved();
    if (this.#pruning !== undefined) this.#track(this.#pruning.run());
  }

  #joined(peer: BitcoinPeer): void {
    this.#addresses.joined(peer);
    const { session, direction, id } = peer;
    const { prefersHeaders, compactBlocks, version } = session.peer;
    const agent = printable(session.peer.userAgent);
    peer.prefersHeaders = prefersHeaders;
    peer.compactBlocks = compactBlocks;
    const text = `peer ${id} ${direction} ${session.label} ${agent} ${session.link.transport.kind}`;
    this.#parts.notice("info", "p2p.bitcoin", text);
    this.#event("p2p.handshake", { peer: id, direction, host: peer.host, agent, version });
    // It has shown that somebody is there; nothing is asked of it.
    if (peer.kind === "feeler") return session.close();
    if (this.#light !== undefined && direction === "out" && !peer.wanted && !peer.servesFilters) {
      // One of few places that we fill ourselves is not for a peer that cannot help.
      return session.fail(disconnecting("no_filters", "offers no block filters"));
    }
    if (session.peer.commonVersion >= SendHeaders.sinceVersion) session.post(SendHeaders, {});
    this.#headerSync.tick();
    this.#progress.update();
  }

  #left(peer: BitcoinPeer, exit: PeerExit): void {
    this.#addresses.left(peer);
    this.#dialling.seen(peer);
    this.#download.forget(peer);
    this.#light?.forget(peer);
    const text = `peer ${peer.id} ${peer.session.label} left: ${exit.message}`;
    this.#parts.notice(isOurFailure(exit) ? "error" : "info", "p2p.bitcoin", text);
    this.#event("p2p.disconnect", { peer: peer.id, host: peer.host, code: exit.code, message: exit.message });
    if (this.#stop.signal.aborted || peer.kind === "feeler") return;
    this.#headerSync.tick();
    if (this.#parts.mode === "full") this.#download.fill();
    this.#progress.update();
  }

  #headersMoved(): void {
    if (this.#parts.mode === "full") this.#download.fill();
    this.#progress.update();
  }

  #tick(): void {
    this.#headerSync.tick();
    if (this.#parts.mode === "full") this.#download.tick();
    this.#light?.wake();
    this.#addresses.tick();
    this.#progress.update();
  }

  #event(topic: string, data: EventData): void {
    const { record, clock, network } = this.#parts;
    record([{ topic, time: clock.now(), chain: "bitcoin", network: network.name, data }]);
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((thrown) => this.#parts.notice("error", "bitcoin", messageOf(thrown)))
      .finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
