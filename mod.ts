/**
 * gemel as a library: the public surface, nothing but re-exports.
 *
 * @example Follow a full node on loopback
 * ```ts
 * import { DEFAULTS, freezeConfig, pathsBelow, startNode } from "gemel";
 *
 * const node = await startNode(freezeConfig({
 *   chains: [{ ...DEFAULTS.chia, chain: "chia", network: "simulator0", connect: [{ host: "127.0.0.1", port: 38444 }] }],
 *   paths: pathsBelow("./data"),
 *   database: "sqlite",
 *   cacheBytesMax: DEFAULTS.cacheBytesMax,
 *   rpc: DEFAULTS.rpc,
 *   log: DEFAULTS.log,
 *   allowLoopbackExempt: false,
 *   shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
 * }));
 * for await (const event of node.subscribe({ topics: ["chia.peak"] })) console.log(event);
 * ```
 *
 * @module
 */
export * from "./lib/config.ts";
export { standardConfig } from "./lib/standard-config.ts";
export { addressText } from "./lib/core/address-text.ts";
export { isHost, parseHostPort } from "./lib/core/host-port.ts";
export { type NetworkKind, parseNetworkKinds } from "./lib/core/reachability.ts";
export { checkConfig, checkEngines, engineHere, shrinkSimulation, simulate, startNode } from "./lib/start.ts";
export type { EngineCheck, EngineCheckOptions, EngineCheckRow } from "./lib/engine-check.ts";
export { type Engine, ENGINES, type EngineTrouble } from "./lib/engine/engine.ts";
export { FAULT_KINDS } from "./lib/sim/faults.ts";
export type { Breach, FaultChoice, FaultKind, FaultPlan, Shrunk, SimReport, SimulateOptions } from "./lib/sim/mod.ts";
export { crawlNetwork, querySeed, readCrawl, saveCrawl, serveIntroductions, serveSeeds } from "./lib/start.ts";
export type { IntroducerServer, IntroducerServerOptions } from "./lib/introducing.ts";
export type { SeedAnswers, SeedServer, SeedServerOptions } from "./lib/seeding.ts";
export type { CrawlOptions, SavedFormat } from "./lib/monitor.ts";
export type { CrawlProgress } from "./lib/crawl/crawler.ts";
export type { Count, CrawlReport, ReportNode, Totals } from "./lib/crawl/report.ts";
export { type Fault, messageOf, NodeError } from "./lib/core/errors.ts";
export { fileTrouble } from "./lib/core/file-trouble.ts";
export { Validation } from "./lib/core/validation.ts";
export type { BanView, ChiaService, PeerView, SyncState } from "./lib/chia/service.ts";
export type { ChiaStore, PlacedBlock, PlacedSummary, StoreCounts, StoredBlock } from "./lib/chia/store.ts";
export { DEFAULT_POLICY as DEFAULT_MEMPOOL_POLICY, type MempoolPolicy } from "./lib/bitcoin/mempool/policy.ts";
export { type BitcoinNetwork, networkByName, networks } from "./lib/bitcoin/networks/mod.ts";
export type { BitcoinMode, BitcoinPeerView, BitcoinService, BitcoinState } from "./lib/bitcoin/service.ts";
export type { BitcoinStore } from "./lib/bitcoin/store.ts";
export * as bitcoinTypes from "./lib/bitcoin/types/mod.ts";
export * as bitcoinWire from "./lib/bitcoin/wire/mod.ts";
export { parseWebhook, type WebhookConfig } from "./lib/webhooks/config.ts";
export { eventEnvelope } from "./lib/storage/event-envelope.ts";
export type { EventsKeep } from "./lib/storage/event-retention.ts";
export type { EventData, EventLog, EventValue, LoggedEvent, NewEvent } from "./lib/storage/events.ts";
export {
  CHIA_NETWORK_NAMES,
  type ChiaConstants,
  type ChiaNetwork,
  networkNamed,
  parseConstants,
} from "./lib/chia/networks/mod.ts";
export * as chiaTypes from "./lib/chia/types/mod.ts";
export * as chiaProtocol from "./lib/chia/protocol/mod.ts";
export { decodeWire, type WireType, wireTypes } from "./lib/decoding.ts";
export { type Json, type JsonObject, parseJson, stringifyJson } from "./lib/codec/json.ts";
export { loadNodeIdentity, loadRpcIdentity, publicAuthorities } from "./lib/chia/identity/identity.ts";
export type { Clock, Database, PeerAddress, Random, TlsIdentity } from "./lib/core/ports.ts";
export {
  type EventGap,
  type EventSubscription,
  type SubscribeOptions,
  topicMatches,
} from "./lib/core/events/reader.ts";
export { PermissionList, splitPermissionList } from "./lib/core/peers/permissions.ts";
export { isLoopback, normalSubnet } from "./lib/core/subnets.ts";
export { bitcoinUserAgent, chiaSoftwareVersion } from "./lib/user-agent.ts";
export { CodecError } from "./lib/codec/error.ts";
export { fromHex, toHex } from "./lib/codec/hex.ts";
export {
  argumentFromWord,
  type ChainHandle,
  type ChainProgress,
  type ChainStatus,
  CHIA_ROUTE_NAMES,
  type FetchText,
  type HttpAnswer,
  type HttpRequest,
  RpcClient,
  RpcFailure,
} from "./lib/rpc/mod.ts";
