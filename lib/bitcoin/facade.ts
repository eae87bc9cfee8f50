/**
 * What the outside sees of the Bitcoin side.
 *
 * @module
 */
import type { CoinHash } from "./coins/statistics.ts";
import type { OutPoint } from "./types/transaction-parts.ts";
import { addressText } from "../core/address-text.ts";
import type { Traffic } from "../core/peers/traffic.ts";
import type { UploadState } from "../core/peers/upload-target.ts";
import { BLOCK_BYTES_PER_DAY } from "./serving/requests.ts";
import { banTarget } from "../core/peers/bans.ts";
import { messageOf } from "../core/errors.ts";
import { Changing } from "../core/work/changing.ts";
import type { MovableClock } from "../core/movable-clock.ts";
import { type Following, refuseCommands } from "../core/following.ts";
import { type PeerPlace, placesOf } from "../core/peers/peer.ts";
import type { PeerAddress } from "../core/ports.ts";
import { COMMANDS } from "./commands.ts";
import type { CompactFigures } from "./compact/statistics.ts";
import { chainTips } from "./headers/chain-tips.ts";
import type { BitcoinChain } from "./chain/chain.ts";
import type { ValidationFigures } from "./chain/figures.ts";
import type { Inspection } from "./chain/inspection.ts";
import type { StoredBlocks } from "./chain/stored-blocks.ts";
import { HeaderBatch } from "./headers/header-batch.ts";
import type { HeaderChain } from "./headers/header-chain.ts";
import { VersionBits } from "./headers/version-bits.ts";
import type { Refusal } from "./headers/verdict.ts";
import { PROTOCOL_VERSION } from "./peers/handshake.ts";
import type { FeeEstimates } from "./fees/fee-estimates.ts";
import type { FilterIndex } from "./indexes/filter-index.ts";
import type { LightService } from "./light/service.ts";
import type { TxMempool } from "./mempool/mod.ts";
import type { BitcoinNetwork } from "./networks/mod.ts";
import type { BitcoinPeer } from "./peers/peer.ts";
import type { TransactionRelay } from "./relay/mod.ts";
import { BLOCK_RELAY_PEERS } from "./peers/dialling.ts";
import { Snapshots, type SnapshotService } from "./chain/snapshots.ts";
import type {
  AddedNode,
  BitcoinBan,
  BitcoinPeerView,
  BitcoinService,
  BitcoinState,
  BranchOrder,
  DialChoice,
  MadeConnection,
  SubmitResult,
} from "./service.ts";
import type { BitcoinStore, CoinReading } from "./store.ts";
import { Block } from "./types/mod.ts";
import { OperatorBans } from "./operator-bans.ts";
import type { FacadeParts } from "./facade-parts.ts";
import { bestPeerHeight, peerView } from "./views.ts";

/** The kinds by Core's names. */
const MADE_KINDS = { "outbound-full-relay": "outbound", "block-relay-only": "block-relay", feeler: "feeler" } as const;

/** {@link BitcoinService} over the parts of a node. */
export class Facade implements BitcoinService {
  readonly network: BitcoinNetwork;
  readonly store: BitcoinStore;
  readonly blocks: StoredBlocks;
  readonly filters: FilterIndex | undefined;
  readonly mempool: TxMempool | undefined;
  readonly relay: TransactionRelay | undefined;
  readonly compactBlocks: CompactFigures;
  readonly fees: FeeEstimates | undefined;
  readonly startedAt: number;
  readonly snapshots: SnapshotService;
  readonly protocolVersion = PROTOCOL_VERSION;
  readonly versionBits: VersionBits;
  readonly following: Following | undefined;
  readonly #parts: FacadeParts;
  readonly #bans: OperatorBans;
  readonly #tip = new Changing();

  constructor(parts: FacadeParts) {
    this.#parts = parts;
    this.#bans = new OperatorBans(parts.peerNetwork.connections, parts.clock);
    this.network = parts.network;
    this.store = parts.store;
    this.blocks = parts.chain.blocks;
    this.filters = parts.filters;
    this.mempool = parts.mempool;
    this.relay = parts.relay;
    this.compactBlocks = parts.compact.figures;
    this.fees = parts.fees;
    this.startedAt = parts.clock.now();
    this.snapshots = new Snapshots(parts);
    this.versionBits = new VersionBits(parts.chain.headers);
    this.following = parts.following;
    if (parts.following !== undefined) refuseCommands(this, COMMANDS, parts.following);
  }

  get headers(): HeaderChain {
    return this.#parts.chain.headers;
  }

  get light(): LightService | undefined {
    return this.#parts.light();
  }

  get services(): bigint {
    return this.#parts.services();
  }

  get userAgent(): string {
    return this.#parts.userAgent;
  }

  get reachableNetworks(): readonly string[] {
    return this.#parts.networks ?? ["ipv4", "ipv6"];
  }

  get proxy(): PeerAddress | undefined {
    return this.#parts.proxy;
  }

  get isListening(): boolean {
    return this.#parts.peerNetwork.listenAddress !== undefined;
  }

  /** Wakes callers that wait for another tip. */
  tipMoved(): void {
    this.#tip.changed();
  }

  get tip(): number {
    return this.#parts.chain.tip;
  }

  state(): BitcoinState {
    const { mode, pruneTarget, following, chain: { headers, tip, validation, validating } } = this.#parts;
    const { progress } = this.#parts.sync;
    const { agree, of } = progress.agreement();
    return {
      mode,
      tip,
      bestHeader: headers.best,
      initialBlockDownload: progress.initialBlockDownload,
      synced: following === undefined ? progress.synced : following.isCurrent && tip === headers.best,
      validation,
      validating,
      agreement: { agree, of },
      warnings: [...progress.warnings, ...this.#parts.chain.warnings, ...following?.warnings ?? []],
      bestPeerHeight: bestPeerHeight(headers, this.#parts.peerNetwork.connections.peers),
      pruneHeight: this.#parts.pruning?.height ?? 0,
      pruneTarget,
    };
  }

  figures(): ValidationFigures | undefined {
    return this.#parts.chain.figures;
  }

  activeAt(height: number): number {
    return this.#parts.chain.activeAt(height);
  }

  get inspection(): Inspection {
    return this.#parts.chain.inspection;
  }

  decide(order: BranchOrder, row: number, signal: AbortSignal): Promise<void> {
    // The best header may be another then, and blocks may be wanted that were not.
    return this.#parts.chain.orders[order](row, signal).finally(() => this.#parts.sync.headersMoved());
  }

  chainTips() {
    return chainTips(this.headers, this.#parts.chain.tip);
  }

  block(row: number): Promise<Uint8Array | undefined> {
    return this.#parts.chain.blocks.bytes(row);
  }

  submitBlock(raw: Uint8Array, signal?: AbortSignal): Promise<SubmitResult> {
    return this.#parts.sync.incoming.submit(Block.decode(raw), signal);
  }

  submitHeader(header: Uint8Array): Promise<Refusal | undefined> {
    const { refusal } = this.#parts.chain.acceptHeaders(HeaderBatch.fromBytes(header));
    if (refusal === undefined) this.#parts.sync.headersMoved();
    return Promise.resolve(refusal);
  }

  peers(): readonly BitcoinPeerView[] {
    return this.#parts.peerNetwork.connections.peers.map((peer) => this.#viewOf(peer)).sort((a, b) => a.id - b.id);
  }

  #viewOf(peer: BitcoinPeer): BitcoinPeerView {
    const { sync, announcing, addresses, compact } = this.#parts;
    return peerView(peer, {
      ...{ headers: this.headers, headerSync: sync.headers, download: sync.download },
      ...{ announcing, addresses, compact, relay: this.relay },
    });
  }

  places(): readonly PeerPlace[] {
    return placesOf(this.#parts.peerNetwork.connections.peers);
  }

  get traffic(): Traffic {
    return this.#parts.traffic;
  }

  uploadState(): UploadState {
    return this.#parts.upload.state();
  }

  get servesOldBlocks(): boolean {
    return this.#parts.upload.servesOld(BLOCK_BYTES_PER_DAY);
  }

  knownAddresses(count: number) {
    return this.#parts.peerNetwork.dialling.known(count === 0 ? Infinity : count)
      .map(({ host, port, services, timeS }) => ({ host, port, services, time: timeS }));
  }

  opening(): readonly BitcoinPeerView[] {
    return this.#parts.opening.views();
  }

  get isNetworkActive(): boolean {
    return this.#parts.peerNetwork.connections.isActive;
  }

  setNetworkActive(active: boolean): void {
    const { peerNetwork: { connections }, opening, notice } = this.#parts;
    if (connections.isActive === active) return;
    notice("info", "p2p.bitcoin", `the network is switched ${active ? "on" : "off"}`);
    connections.setActive(active);
    if (!active) opening.close();
  }

  async connect(host: string, port: number, options: DialChoice = {}): Promise<BitcoinPeerView> {
    const { peerNetwork, notice } = this.#parts;
    try {
      const place = { host: await peerNetwork.resolve(host), port, ...options };
      return this.#viewOf(await peerNetwork.dialling.manual.dial(place));
    } catch (thrown) {
      notice("info", "p2p.bitcoin", `not connected to ${addressText({ host, port })}: ${messageOf(thrown)}`);
      throw thrown;
    }
  }

  addConnection(place: PeerAddress, type: MadeConnection, options: DialChoice = {}): boolean {
    const { peerNetwork: { connections, dialling }, outbound, notice } = this.#parts;
    const kind = MADE_KINDS[type];
    const most = { outbound, "block-relay": BLOCK_RELAY_PEERS, feeler: Infinity }[kind];
    const text = addressText(place);
    if (connections.peers.filter((peer) => peer.kind === kind).length >= most) return false;
    if (dialling.manual.find(place) !== undefined) {
      notice("info", "p2p.bitcoin", `not connected to ${text}: already connected to it`);
    } else {
      connections.dial({ ...place, ...options }, kind).catch((thrown) =>
        notice("info", "p2p.bitcoin", `not connected to ${text}: ${messageOf(thrown)}`)
      );
    }
    return true;
  }

  sendTo(id: number, type: string, payload: Uint8Array): boolean {
    const peer = this.#peer(id);
    peer?.session.link.send(type, payload).catch(() => {});
    return peer !== undefined;
  }

  fetchBlock(row: number, peerId: number): string | undefined {
    const peer = this.#peer(peerId);
    return peer === undefined ? "Peer does not exist" : this.#parts.sync.download.fetch(row, peer);
  }

  coins(outpoints: readonly OutPoint[]): ReturnType<BitcoinChain["coins"]> {
    return this.#parts.chain.coins(outpoints);
  }

  coinStatistics(kind: CoinHash, signal?: AbortSignal): ReturnType<BitcoinChain["coinStatistics"]> {
    return this.#parts.chain.coinStatistics(kind, signal);
  }

  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T | undefined> {
    return this.#parts.chain.readCoins(use);
  }

  async pruneTo(height: number): Promise<number> {
    const { pruning, chain } = this.#parts;
    await chain.flush();
    await pruning?.below?.(height + 1);
    return (pruning?.height ?? 0) - 1;
  }

  settled(): Promise<void> {
    return this.#parts.chain.flush();
  }

  now(): number {
    return this.#parts.clock.now();
  }

  get time(): MovableClock | undefined {
    return this.#parts.time;
  }

  #peer(id: number): BitcoinPeer | undefined {
    return this.#parts.peerNetwork.connections.peers.find((peer) => peer.id === id);
  }

  addNode(node: string, options: DialChoice = {}): boolean {
    return this.#parts.added.add(node, options);
  }

  removeNode(node: string): boolean {
    return this.#parts.added.remove(node);
  }

  addedNodes(): readonly AddedNode[] {
    return this.#parts.added.list();
  }

  disconnect(peer: number | string): boolean {
    const isFound = this.#parts.peerNetwork.connections.disconnect(({ id, session }) =>
      typeof peer === "number" ? id === peer : session.label === peer || session.remote.host === peer
    );
    return this.#parts.opening.disconnect(peer) || isFound;
  }

  bans(): readonly BitcoinBan[] {
    return this.#bans.list();
  }

  ban(subnet: string, until: number, reason: string): boolean {
    return this.#bans.add(subnet, until, reason);
  }

  isBanned(host: string): boolean {
    return this.#parts.peerNetwork.connections.bans.find(host)?.effect === "ban";
  }

  unban(subnet: string): boolean {
    return this.#parts.peerNetwork.connections.bans.unban(banTarget(subnet) ?? subnet);
  }

  clearBans(): void {
    const { bans } = this.#parts.peerNetwork.connections;
    for (const { host } of bans.list()) bans.unban(host);
  }

  pingAll(): void {
    for (const { session } of this.#parts.peerNetwork.connections.peers) session.ping();
  }

  tipChange(row: number, signal: AbortSignal): Promise<void> {
    return this.#tip.until(() => this.#parts.chain.tip !== row, signal);
  }
}
