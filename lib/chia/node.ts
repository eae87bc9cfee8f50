/**
 * The Chia side of the node: connections, the follower and the store put together behind {@link ChiaService}.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import type { HeardAddress } from "../core/addresses/rules.ts";
import { messageOf } from "../core/errors.ts";
import type { Following } from "../core/following.ts";
import type { NodeParts } from "../core/node-parts.ts";
import { MessageHandlers } from "../core/peers/message-handlers.ts";
import { Traffic } from "../core/peers/traffic.ts";
import { type ChainEvents, chainEvents, type NewEvent } from "../storage/events.ts";
import type { AddResult, ChiaChain } from "./chain/chain.ts";
import { followPeak } from "./chain/following.ts";
import { AddressExchange } from "./addresses/exchange.ts";
import { Announcing } from "./serving/announcing.ts";
import { Follower } from "./sync/follower.ts";
import type { AnnouncedPeak } from "./peers/knowledge.ts";
import type { ChiaPeer } from "./peers/peer.ts";
import { type ChiaPeerNetwork, chiaPeerNetwork } from "./peers/network.ts";
import type { ProtocolParts } from "./peers/protocol.ts";
import { newPeak, NodeType, respondPeers } from "./protocol/mod.ts";
import { Facade } from "./facade.ts";
import type { ChiaService } from "./service.ts";
import { PeersWord } from "./sync/peers-word.ts";
import { on } from "./peers/handler.ts";
import { PeerRequests, refuseRequest } from "./serving/requests.ts";
import type { Incoming } from "./peers/session.ts";
import { revalidate } from "./sync/revalidating.ts";
import { Standing } from "./sync/standing.ts";
import type { ChiaStore } from "./store.ts";

/** What the Chia side is made of. */
export interface ChiaNodeParts extends NodeParts {
  /** Asks peers that only tell addresses; when the seeds gave none that are new. */
  readonly askIntroducers?: () => Promise<readonly HeardAddress[]>;
  readonly chain: ChiaChain;
  readonly store: ChiaStore;
  /** Set where another process writes the store: the node serves what it finds there, and has no peers. */
  readonly following?: Following;
  readonly protocol: Omit<ProtocolParts, "clock">;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
}

/** How often our own address is told where it is due. */
const TELL_OWN_MS = 60_000;
/** How often addresses are forgotten that are two weeks old and were tried ten times in vain (the reference's cleanup). */
const CLEAN_EVERY_MS = 30 * 60_000;
const CLEAN_AGE_S = 14 * 86_400;
const CLEAN_ATTEMPTS = 10;

/** The running Chia side. */
export class ChiaNode {
  /** What RPC and the library ask. */
  readonly service: ChiaService;
  readonly #parts: ChiaNodeParts;
  readonly #network: ChiaPeerNetwork;
  readonly #event: ChainEvents;
  readonly #follower: Follower;
  readonly #requests: PeerRequests;
  readonly #handlers: MessageHandlers<ChiaPeer, Incoming>;
  readonly #addresses: AddressExchange;
  readonly #announcing: Announcing;
  readonly #standing: Standing;
  readonly #word: PeersWord;
  #wasSynced = false;

  constructor(parts: ChiaNodeParts) {
    this.#parts = parts;
    const { chain, clock, notice } = parts;
    const traffic = new Traffic(clock);
    this.#event = chainEvents({ ...parts, chain: "chia", network: chain.network.name });
    this.#network = chiaPeerNetwork({
      ...parts,
      traffic,
      event: this.#event,
      events: {
        joined: (peer) => this.#joined(peer),
        message: (peer, incoming) => this.#handlers.handle(peer, incoming),
        left: (peer) => this.#left(peer),
      },
    });
    const { dialling } = this.#network;
    const named = () => dialling.named;
    this.#follower = new Follower({
      chain,
      clock,
      peers: () => this.#network.peers,
      moved: (result, source) => this.#moved(result, source),
      charge: (debtor, fault) => this.#network.connections.charge(debtor, fault),
      idle: () => this.#settle(undefined),
      notice: (level, text) => notice(level, "chia.sync", text),
      named,
    });
    this.#standing = new Standing({ ...parts, follower: this.#follower, changed: () => this.#settle(undefined) });
    this.#word = new PeersWord({
      chain,
      clock,
      peers: () => this.#network.peers.filter(({ session }) => session.peer.nodeType === NodeType.FULL_NODE),
      named,
      given: () => this.#settle(undefined),
    });
    this.#requests = new PeerRequests({
      chain,
      store: parts.store,
      upload: parts.upload,
      addresses: { answer: (peer) => this.#addresses.answer(peer) },
    });
    this.#handlers = new MessageHandlers({
      clock,
      keyOf: ({ message }) => message.id,
      nameOf: ({ message }) => message.name,
      handlers: [
        ...this.#requests.handlers,
        on(newPeak, (peer, body) => this.#newPeak(peer, body)),
        on(respondPeers, (peer, { peerList }) => this.#addresses.take(peer, peerList)),
      ],
      otherwise: (_, incoming) => refuseRequest(incoming),
    });
    this.#announcing = new Announcing(parts.store);
    this.#addresses = new AddressExchange({
      clock,
      random: parts.protocol.random,
      rules: parts.rules,
      peers: () => this.#network.peers,
      dialling,
      externalHost: parts.externalHost,
      listening: () => this.#network.listenAddress,
    });
    this.service = new Facade({
      ...{ chain, store: parts.store, following: parts.following },
      nodeId: parts.protocol.ownNodeId,
      traffic,
      network: this.#network,
      follower: this.#follower,
      standing: this.#standing,
      feed: (blocks) => this.feed(blocks),
    });
  }

  /** The connections of this node. */
  get peerNetwork(): ChiaPeerNetwork {
    return this.#network;
  }

  /** Opens the port and starts dialling and following. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN` */
  async start(): Promise<void> {
    const { following, chain } = this.#parts;
    const { signal } = this.#network;
    if (following !== undefined) return this.#network.track(followPeak(following, chain, () => this.#told(), signal));
    await this.#network.start();
    this.#network.track(this.#keepAddresses());
    this.#network.track(this.#follower.run(signal));
    this.#network.track(this.#revalidate());
  }

  /** Ends everything that was started. */
  async stop(): Promise<void> {
    this.#standing.close();
    this.#word.close();
    await Promise.all([this.#network.stop(), this.#parts.chain.close()]);
  }

  /** Adds blocks that come from no peer: a recording. */
  async feed(blocks: Parameters<ChiaChain["add"]>[0]): Promise<AddResult> {
    const result = await this.#parts.chain.add(blocks, null);
    if (result.peakMoved) this.#moved(result, undefined);
    return result;
  }

  #revalidate(): Promise<void> {
    const { chain, clock, notice } = this.#parts;
    return revalidate({
      chain,
      clock,
      notice: (level, text) => notice(level, "chia.validation", text),
      progress: (progress) => this.#event("chia.validation", { ...progress }),
      changed: () => {
        this.#follower.poke();
        this.#settle(undefined);
      },
    }, this.#network.signal);
  }

  /** Tells our own address to everybody who has not heard it, and again a day later; cleans the book now and then. */
  async #keepAddresses(): Promise<void> {
    const { clock, book } = this.#parts;
    let cleanAt = clock.monotonic() + CLEAN_EVERY_MS;
    const { signal } = this.#network;
    while (!signal.aborted) {
      this.#addresses.tick();
      if (clock.monotonic() >= cleanAt) {
        cleanAt += CLEAN_EVERY_MS;
        book.cleanUp(CLEAN_AGE_S, CLEAN_ATTEMPTS);
      }
      await clock.sleep(TELL_OWN_MS, signal).catch(() => {});
    }
  }

  #joined(peer: ChiaPeer): void {
    this.#addresses.joined(peer);
    this.#announcing.greet(peer, this.#parts.chain.peak).catch((error) =>
      this.#parts.notice("debug", "p2p.chia", `${peer.session.label}: ${messageOf(error)}`)
    );
    this.#settle(undefined);
  }

  #left(peer: ChiaPeer): void {
    this.#addresses.left(peer);
    this.#follower.forget(peer);
    this.#settle(undefined);
  }

  #newPeak(peer: ChiaPeer, peak: AnnouncedPeak): void {
    this.#follower.announced(peer, peak);
    this.#settle(undefined);
  }

  #moved(result: AddResult, source: ChiaPeer | undefined): void {
    const { peak } = this.#parts.chain;
    if (peak === undefined) return;
    source?.gaveHead(this.#parts.clock.now());
    this.#word.peakMoved();
    if (this.#follower.progress === undefined) this.#told();
    this.#settle(source, result.forkHeight);
  }

  /** Tells people of the peak. */
  #told(): void {
    const { chain: { peak }, notice } = this.#parts;
    const { height, headerHash } = peak ?? {};
    if (headerHash !== undefined) notice("info", "chia.chain", `height ${height} ${toHex(headerHash).slice(0, 16)}`);
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
    this.#announcing.spread(this.#network.peers, peak, source, forkHeight ?? peak.height);
  }
}
