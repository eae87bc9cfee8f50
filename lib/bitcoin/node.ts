/**
 * The Bitcoin side of the node: connections, sync and the store put together behind {@link BitcoinService}.
 *
 * @module
 */
import type { MessageHandlers } from "../core/peers/message-handlers.ts";
import { Traffic } from "../core/peers/traffic.ts";
import { type ChainEvents, chainEvents } from "../storage/events.ts";
import { AddedNodes } from "./peers/added-nodes.ts";
import { AddressExchange } from "./addresses/exchange.ts";
import { Announcing } from "./serving/announcing.ts";
import { ChainFollowers } from "./chain-followers.ts";
import { BitcoinChain, type TipMove } from "./chain/chain.ts";
import { CompactBlocks } from "./compact/compact-blocks.ts";
import { toDisplayHex } from "./hash.ts";
import { type BitcoinPeerNetwork, bitcoinPeerNetwork } from "./peers/network.ts";
import { Facade } from "./facade.ts";
import { LightClient } from "./light/mod.ts";
import type { BitcoinNodeParts } from "./node-parts.ts";
import { OpeningConnections } from "./peers/opening.ts";
import { ownServices } from "./peers/own-services.ts";
import type { BitcoinPeer } from "./peers/peer.ts";
import { disconnecting } from "./peers/faults.ts";
import { type ChainPruning, pruningOf } from "./chain/pruning.ts";
import { bitcoinHandlers } from "./handlers.ts";
import { relayOf } from "./relay/mod.ts";
import { FilterRequests } from "./serving/filter-requests.ts";
import { PeerRequests } from "./serving/requests.ts";
import type { BitcoinService } from "./service.ts";
import type { Incoming } from "./peers/session.ts";
import { reindex } from "./reindexing.ts";
import type { ReindexResult } from "./store/reindex.ts";
import type { SqlBitcoinStore } from "./store/sql.ts";
import { ChainSync } from "./sync/chain-sync.ts";
import { SendHeaders } from "./wire/mod.ts";

export type { BitcoinNodeParts } from "./node-parts.ts";

/** The running Bitcoin side. */
export class BitcoinNode {
  /** What RPC and the library ask. */
  readonly service: BitcoinService;
  readonly #facade: Facade;
  readonly #parts: BitcoinNodeParts;
  readonly #chain: BitcoinChain;
  readonly #network: BitcoinPeerNetwork;
  readonly #event: ChainEvents;
  readonly #sync: ChainSync;
  readonly #addresses: AddressExchange;
  readonly #announcing: Announcing;
  readonly #added: AddedNodes;
  readonly #pruning: ChainPruning | undefined;
  readonly #followers: ChainFollowers;
  readonly #handlers: MessageHandlers<BitcoinPeer, Incoming>;
  #light: LightClient | undefined;

  /** Opens the chain where the store stands. Nothing is dialled or accepted before {@link BitcoinNode.start}. */
  static async open(parts: BitcoinNodeParts): Promise<BitcoinNode> {
    // The chain tells its moves to the node, which cannot be made before the chain is there.
    const made: { node?: BitcoinNode } = {};
    const tell: ChainEvents = (topic, data) => made.node && made.node.#event(topic, data);
    const followers = new ChainFollowers();
    const chain = await BitcoinChain.load({
      ...{ ...parts, headersOnly: parts.mode !== "full" },
      onMove: (move) => made.node?.onMove(move),
      onExtending: (row, block) => followers.extending(row, block),
      onValidation: (progress) => tell("bitcoin.validation", { ...progress }),
      onFlush: ({ at, coins, ms }) =>
        tell("bitcoin.coins_flushed", { height: chain.headers.height(at), coins, ms: Math.round(ms) }),
      onConnected: (block) => followers.connected(block),
      onDisconnected: (block) => followers.disconnected(block),
      onActivation: (level, text) => parts.notice(level, "bitcoin.validation", text),
      onStorage: (level, text) => parts.notice(level, "bitcoin.store", text),
    });
    await followers.open(parts, chain);
    const node = made.node = new BitcoinNode(parts, chain, followers);
    if (parts.mode === "filters" && parts.followed === undefined) await node.#openLight();
    return node;
  }

  private constructor(parts: BitcoinNodeParts, chain: BitcoinChain, followers: ChainFollowers) {
    const { filters: index, mempool } = followers;
    const { clock, network, notice, minimumWork = network.minimumChainWork } = parts;
    this.#parts = parts;
    this.#chain = chain;
    // Blocks before a snapshot come later than those after it.
    const isPruned = () => parts.pruneTarget !== undefined || chain.states.background !== undefined;
    this.#followers = followers;
    const filters = new FilterRequests({ chain, index, forPeers: parts.filters?.forPeers ?? false });
    const services = () =>
      ownServices({ ...parts, ...parts.protocol, isPruned: isPruned(), hasFilters: filters.isOffered });
    const peers = () => this.#network.peers;
    const initialBlockDownload = followers.initialBlockDownload = () => this.#sync.progress.initialBlockDownload;
    const [traffic, opening] = [new Traffic(clock), new OpeningConnections(clock)];
    this.#announcing = new Announcing(chain, () => compact.sending);
    this.#event = chainEvents({ ...parts, chain: "bitcoin", network: network.name });
    this.#network = bitcoinPeerNetwork({
      ...parts,
      ...{ services, traffic, opening },
      ...{ startHeight: () => chain.headers.height(chain.tip), relay: mempool !== undefined && !parts.blocksOnly },
      isTipStale: () => this.#sync.progress.isTipStale,
      isSynced: () => !initialBlockDownload(),
      event: this.#event,
      events: {
        joined: (peer) => this.#joined(peer),
        message: (peer, incoming) => this.#handlers.handle(peer, incoming),
        left: (peer) => this.#left(peer),
      },
    });
    const { dialling } = this.#network;
    this.#sync = new ChainSync({
      ...{ chain, clock, minimumWork, peers, random: parts.protocol.random, memory: parts.protocol.memory },
      ...{ mode: parts.mode, named: () => dialling.named, event: this.#event },
      charge: (debtor, fault) => this.#network.connections.charge(debtor, fault),
      notice: (level, text) => notice(level, "bitcoin.sync", text),
      isBusy: () => this.#light !== undefined || followers.relay?.isHoldingOff === true,
      compact: () => compact,
      tick: () => {
        this.#light?.wake();
        this.#addresses.tick();
        followers.relay?.tick();
      },
    });
    const relay = followers.relay = relayOf({
      ...{ ...parts, ...parts.protocol, clock, chain, mempool, announcing: this.#announcing, initialBlockDownload },
      ...{ extra: (each) => compact.extra?.keep(each), track: (work) => this.#network.track(work) },
    });
    const compactParts = { ...parts, ...parts.protocol, chain, peers, mempool, sync: this.#sync };
    const compact: CompactBlocks = followers.compact = new CompactBlocks(compactParts);
    this.#addresses = new AddressExchange({
      ...{ clock, peers, random: parts.protocol.random, rules: parts.rules, dialling, services },
      ...{ initialBlockDownload, externalHost: parts.externalHost },
      listening: () => this.#network.listenAddress,
    });
    this.#added = new AddedNodes({
      ...{ defaultPort: network.defaultPort, peers },
      keep: (place, signal) => this.#network.track(dialling.keep(place, signal)),
    });
    this.#pruning = pruningOf({
      ...{ chain, store: parts.store, bytesMax: parts.pruneTarget, neededFrom: index && (() => index.height + 1) },
      failed: (text) => notice("error", "bitcoin.store", `pruning: ${text}`),
    });
    this.service = this.#facade = new Facade({
      ...parts,
      ...{ services, chain, traffic, opening, peerNetwork: this.#network, added: this.#added },
      ...{ sync: this.#sync, announcing: this.#announcing, addresses: this.#addresses, compact },
      ...{ pruning: this.#pruning, pruneTarget: parts.pruneTarget, filters: index, mempool, relay },
      ...{ fees: followers.fees, light: () => this.#light },
    });
    const served = { chain, minimumWork, isPruned, addresses: this.#addresses, transactions: relay };
    this.#handlers = bitcoinHandlers(clock, {
      requests: new PeerRequests({ ...parts, ...served, compact: compact.sending }),
      filterRequests: filters,
      ...{ announcing: this.#announcing, relay, compact },
      headerSync: this.#sync.headers,
      incoming: this.#sync.incoming,
      ...{ takesBlocks: parts.mode === "full", light: () => this.#light },
      headersTold: (peer) => void (parts.mode === "full" && this.#sync.download.direct(peer)),
      headersChanged: () => this.#sync.headersMoved(),
      addresses: this.#addresses,
    });
  }

  /** The connections of this node. */
  get peerNetwork(): BitcoinPeerNetwork {
    return this.#network;
  }

  /** Takes the store's block files in anew, before {@link BitcoinNode.start}. */
  reindex(store: SqlBitcoinStore): Promise<ReindexResult> {
    return reindex(this.#chain, store, this.#network.signal);
  }

  /** Opens the port and starts dialling and syncing. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN` */
  async start(): Promise<void> {
    const { following } = this.#parts;
    const { signal } = this.#network;
    if (following !== undefined) return this.#network.track(this.#followers.follow(following, this.#chain, signal));
    this.#chain.start();
    this.#followers.start();
    await this.#network.start();
    if (this.#light !== undefined) this.#network.track(this.#light.run(signal));
    this.#network.track(this.#sync.run(signal));
  }

  async #openLight(): Promise<void> {
    const { light: store, clock, notice } = this.#parts;
    if (store === undefined) throw new TypeError("mode filters needs a store for filters");
    this.#light = await LightClient.open({
      ...{ chain: this.#chain, store, clock },
      peers: () => this.#network.peers,
      hasHeaders: () => this.#sync.headers.hasHeaders,
      event: this.#event,
      notice: (level, text) => notice(level, "bitcoin.filters", text),
    });
  }

  /** Ends everything that was started. */
  async stop(): Promise<void> {
    this.#added.close();
    this.#sync.close();
    await this.#network.stop();
    await this.#followers.close();
    // What could not be stored was told; it comes again from peers.
    await this.#chain.close().catch(() => {});
  }

  /** The chain has a new durable tip. */
  onMove(move: TipMove): void {
    const { headers } = this.#chain;
    const { mode, notice } = this.#parts;
    this.#sync.tipMoved();
    this.#followers.relay?.tipMoved();
    this.#followers.filters?.follow();
    const isLive = !this.#sync.progress.initialBlockDownload;
    const text = `height ${headers.height(move.tip)} ${toDisplayHex(headers.hash(move.tip))}`;
    // While catching up the progress says as much.
    notice(isLive && move.tip === headers.best ? "info" : "debug", "bitcoin.chain", text);
    // A snapshot's own block comes later.
    if (isLive && mode === "full" && this.#chain.hasData(move.tip)) {
      this.#announcing.announce(this.#network.peers, move);
    }
    if (this.#light !== undefined) this.#network.track(this.#light.onMove(move));
    this.#facade.tipMoved();
    if (this.#pruning !== undefined) this.#network.track(this.#pruning.run());
  }

  #joined(peer: BitcoinPeer): void {
    this.#addresses.joined(peer);
    const { session, direction } = peer;
    // It has shown that somebody is there; nothing is asked of it.
    if (peer.kind === "feeler") return session.close();
    if (this.#light !== undefined && direction === "out" && !peer.wanted && !peer.servesFilters) {
      // One of few places that we fill ourselves is not for a peer that cannot help.
      return session.fail(disconnecting("no_filters", "offers no block filters"));
    }
    if (session.peer.commonVersion >= SendHeaders.sinceVersion) session.post(SendHeaders, {});
    this.#followers.joined(peer);
    this.#sync.peersChanged();
  }

  #left(peer: BitcoinPeer): void {
    this.#addresses.left(peer);
    this.#sync.download.forget(peer);
    this.#light?.forget(peer);
    this.#followers.left(peer);
    if (this.#network.signal.aborted || peer.kind === "feeler") return;
    this.#sync.peersChanged();
  }
}
