/**
 * Composes the Bitcoin side of a node from drivers and configuration.
 *
 * @module
 */
import { bitcoinAddressRules } from "../bitcoin/addresses/rules.ts";
import { AsMap } from "../bitcoin/addresses/asmap.ts";
import { Miner } from "../bitcoin/mining.ts";
import type { AssumeValid } from "../bitcoin/chain/assume-valid.ts";
import { ScriptCache } from "../bitcoin/chain/script-cache.ts";
import { givingWay } from "../core/work/give-way.ts";
import { fullValidator } from "../bitcoin/chain/full-validator.ts";
import { BLOCKS_ONLY_MEMPOOL_BYTES, type NodeMempool, policyOf } from "../bitcoin/mempool/mod.ts";
import { type BitcoinNetwork, networkByName, networks } from "../bitcoin/networks/mod.ts";
import { readCorePeersDat } from "../bitcoin/addresses/peers-dat.ts";
import { bitcoinVisitor } from "../bitcoin/addresses/probe.ts";
import { BitcoinNode } from "../bitcoin/node.ts";
import type { BitcoinService } from "../bitcoin/service.ts";
import { type FilterStore, MemoryFilterStore } from "../bitcoin/indexes/filter-store.ts";
import { openFollowedFilters, openSqlFilterStore } from "../bitcoin/indexes/sql-filter-store.ts";
import { type LightStore, MemoryLightStore, SqlLightStore } from "../bitcoin/light/mod.ts";
import type { BitcoinStore, FollowedStore } from "../bitcoin/store.ts";
import { BlockFiles } from "../bitcoin/store/block-files.ts";
import { openFollowedStore } from "../bitcoin/store/followed.ts";
import { MemoryBitcoinStore } from "../bitcoin/store/memory.ts";
import { openSqlBitcoinStore, type SqlBitcoinStore } from "../bitcoin/store/sql.ts";
import { type BitcoinConfig, type BitcoinMining, databasePath, GEMEL_VERSION } from "../config.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import { MovableClock } from "../core/movable-clock.ts";
import type { Clock } from "../core/ports.ts";
import { bitcoinHandle } from "../rpc/mod.ts";
import { readNamed } from "./named-file.ts";
import { type ChainDatabases, openChainDatabase, untilReadable } from "./databases.ts";
import { ChainPeering, type ComposedChain, type CompositionParts, type Drivers } from "./chain.ts";
import { MemoryEventLog, SqlEventLog } from "../storage/event-log.ts";
import type { EventSource } from "../storage/node-log.ts";
import { bitcoinUserAgent } from "../user-agent.ts";

function networkOf({ network: name }: BitcoinConfig): BitcoinNetwork {
  const network = networkByName(name);
  if (network !== undefined) return network;
  const known = Object.keys(networks).join(", ");
  throw new NodeError("NETWORK_UNKNOWN", "self", `no Bitcoin network is called ${name}; there are ${known}`);
}

interface Storage {
  readonly store: BitcoinStore;
  /** Set where the node writes, and the same for its events. */
  readonly light?: LightStore;
  readonly events?: EventSource;
  /** The store, where another process writes it. */
  readonly followed?: FollowedStore;
  /** Set where filters of blocks are kept. */
  readonly filters?: FilterStore;
  /** Set where block files are there whose blocks have to be indexed first. */
  readonly reindex?: SqlBitcoinStore;
}

/** Coins that changed at the tip are on a server this soon: a block comes every ten minutes. */
const COINS_AT_TIP_MS = 5_000;
/** The folders of the two places for coins. */
const COIN_FOLDERS = ["coins", "coins-2"] as const;

/** Where a chain's files are. */
function chainFolder({ config }: CompositionParts, chain: BitcoinConfig): string {
  const path = databasePath(config.paths, chain);
  return path.slice(0, path.lastIndexOf("/"));
}

/** Headers, index and events in one database; blocks and coins in files beside it, or in a database on a server. */
async function openStorage(parts: CompositionParts, chain: BitcoinConfig, network: BitcoinNetwork): Promise<Storage> {
  const { config, drivers, shutdown, onEvents } = parts;
  if (config.database === "memory") {
    const events = new MemoryEventLog({ onAppend: onEvents });
    const light = new MemoryLightStore((added) => events.append(added));
    const store = new MemoryBitcoinStore({ events, transactionIndex: chain.transactionIndex });
    return { store, light, events, ...(chain.filterIndex && { filters: new MemoryFilterStore() }) };
  }
  if (parts.seat?.following !== undefined) return await openFollowed(parts, chain, network);
  const folder = chainFolder(parts, chain);
  const { chain: database, openBeside } = await openChainDatabase(parts, chain);
  const store = await openSqlBitcoinStore(database, {
    network,
    // On a server everything is in its database.
    ...(openBeside === undefined && {
      blocks: new BlockFiles(await drivers.openFileFolder(`${folder}/blocks`), { magic: network.magic }),
      openCoins: (place) => drivers.openFileFolder(`${folder}/${COIN_FOLDERS[place]}`),
    }),
    transactionIndex: chain.transactionIndex,
    reindex: chain.reindex,
    reindexCoins: chain.reindexChainstate,
    cacheBytesMax: config.cacheBytesMax,
    onEvents,
  });
  shutdown.add(() => store.close());
  const filters = chain.filterIndex ? await openFilters(parts, chain, network, openBeside) : undefined;
  return {
    store,
    light: new SqlLightStore(database, onEvents),
    events: new SqlEventLog(database, onEvents),
    ...(filters && { filters }),
    ...(store.reindexing && { reindex: store }),
  };
}

/** What another process writes, once it is there. */
async function openFollowed(parts: CompositionParts, chain: BitcoinConfig, network: BitcoinNetwork): Promise<Storage> {
  const { config: { cacheBytesMax }, shutdown, seat, log } = parts;
  const { chain: database, openBeside } = await openChainDatabase(parts, chain);
  const subject = `bitcoin ${network.name}`;
  const store = await untilReadable(
    parts,
    subject,
    seat?.following,
    () => openFollowedStore(database, { network, cacheBytesMax }),
  );
  shutdown.add(() => store.close());
  const storage = { store, followed: store };
  if (!chain.filterIndex || openBeside === undefined) return storage;
  const filters = await openFollowedFilters(await openBeside("filters"), { network });
  if (typeof filters !== "string") return { ...storage, filters };
  log("warning", "bitcoin.filters", `the node that writes ${subject} keeps no filters that can be read: ${filters}`);
  return storage;
}

/** Files of a database, by what stands behind its name. */
const DATABASE_FILES = ["", "-wal", "-shm"] as const;

/**
 * Filters are on the server where the chain is, else in a file. They are made again when they are lost: they need not wait
 * for the disk, and a damaged file of them is removed.
 */
async function openFilters(
  parts: CompositionParts,
  chain: BitcoinConfig,
  network: BitcoinNetwork,
  openBeside: ChainDatabases["openBeside"],
): Promise<FilterStore> {
  const { drivers, shutdown, log } = parts;
  const { reindex } = chain;
  if (openBeside !== undefined) return await openSqlFilterStore(await openBeside("filters"), { network, reindex });
  const path = `${chainFolder(parts, chain)}/filters.sqlite`;
  const open = async () => {
    const database = await drivers.openDatabase(path, { synchronous: "normal" });
    try {
      return { database, store: await openSqlFilterStore(database, { network, reindex }) };
    } catch (thrown) {
      await database.close();
      throw thrown;
    }
  };
  const { database, store } = await open().catch(async (thrown) => {
    if (!(thrown instanceof NodeError && thrown.code === "DATABASE_DAMAGED")) throw thrown;
    log("warning", "bitcoin.filters", `${messageOf(thrown)}; filters are made anew`);
    for (const end of DATABASE_FILES) await drivers.removeFile(`${path}${end}`).catch(() => {});
    return await open();
  });
  shutdown.add(() => database.close());
  return store;
}

/** Opens the chain; nothing is dialled or accepted before `start`. */
export async function composeBitcoin(
  parts: CompositionParts,
  chainConfig: BitcoinConfig,
): Promise<ComposedChain & { readonly service: BitcoinService; readonly miner: Miner }> {
  const { drivers, egress, log } = parts;
  const substitutes = drivers.substitutes?.bitcoin;
  const network = substitutes?.network ?? networkOf(chainConfig);
  // A simulated world has its own way with time.
  const isForTests = network.chain === "regtest" && drivers.substitutes === undefined;
  const time = isForTests ? new MovableClock(drivers.clock) : undefined;
  const clock = time ?? drivers.clock;
  const { store, followed, light, events, filters, reindex } = await openStorage(parts, chainConfig, network);
  // A network without seeds is one within somebody's own machines.
  const asMap = await asMapOf(drivers, chainConfig);
  const rules = bitcoinAddressRules({ allowPrivate: network.dnsSeeds.length === 0, ...(asMap && { asMap }) });
  const peering = await ChainPeering.open(parts, chainConfig, rules, (bytes) => readCorePeersDat(bytes, network.magic));
  const userAgent = bitcoinUserAgent(GEMEL_VERSION, chainConfig.userAgentComments);
  const { dialer } = egress;
  const scripts = {
    workers: parts.workers,
    engine: parts.config.engine ?? "wide",
    cache: new ScriptCache(drivers.random),
  };
  const visit = bitcoinVisitor({ network, clock, random: drivers.random, dialer, userAgent });
  const node = await BitcoinNode.open({
    ...await peering.nodeParts(visit, network.defaultPort),
    network,
    store,
    ...(time && { time }),
    validator: substitutes?.validator ??
      fullValidator({ ...scripts, giveWay: givingWay(clock) }),
    // What waits for a block waits with the node that writes.
    ...(followed === undefined && { mempool: { ...scripts, ...mempoolOf(chainConfig) } }),
    ...(followed && { followed }),
    ...(parts.seat?.following && { following: parts.seat.following }),
    blocksOnly: chainConfig.blocksOnly,
    keepsFees: parts.config.database !== "memory",
    mode: chainConfig.mode,
    coins: {
      ...{ random: drivers.random, bytesMax: chainConfig.coinsCacheBytes },
      // Others read them on the server.
      ...(parts.seat && { atTipMs: COINS_AT_TIP_MS }),
    },
    ...(light && { light }),
    clock,
    protocol: {
      ...peering.protocolParts,
      ...(substitutes?.createV1 && { createV1: substitutes.createV1 }),
      v2: chainConfig.v2,
    },
    userAgent,
    files: drivers.namedFiles(chainFolder(parts, chainConfig)),
    ...assumeValidOf(chainConfig, network),
    ...(chainConfig.stopAtHeight !== undefined && { heightMax: chainConfig.stopAtHeight }),
    ...(chainConfig.minimumWork !== undefined && { minimumWork: chainConfig.minimumWork }),
    assumedCoins: chainConfig.assumedCoins,
    ...(chainConfig.pruneBytes !== undefined && { pruneTarget: chainConfig.pruneBytes }),
    ...(filters && { filters: { store: filters, forPeers: chainConfig.peerFilters } }),
  });
  const miner = new Miner(node.service, clock);
  const index = async () => {
    if (reindex === undefined) return;
    log("info", "bitcoin.store", "indexing the block files anew");
    const { headers, blocks, damaged } = await node.reindex(reindex);
    log("info", "bitcoin.store", `indexed ${headers} headers and ${blocks} blocks; ${damaged} damaged stretches`);
  };
  const begun = (life: AbortSignal) => {
    if (chainConfig.stopAtHeight !== undefined) void stopAt(chainConfig.stopAtHeight, node.service, parts.stop, life);
    if (chainConfig.mining === undefined || followed !== undefined) return;
    mineForShow(miner, node.service, clock, chainConfig.mining, life).catch((error) => {
      if (!life.aborted) log("error", "bitcoin.mining", messageOf(error));
    });
  };
  return {
    service: node.service,
    miner,
    events,
    handle: bitcoinHandle(node.service, { clock, ...peering.handleParts(node) }),
    ...await peering.lifeOf(node, begun, index),
  };
}

/** What the mempool takes, and whether it is kept. */
function mempoolOf(
  { blocksOnly, mempool = {}, persistMempool = true, persistMempoolVersion1 }: BitcoinConfig,
): Pick<NodeMempool, "policy" | "isKept" | "writesVersion1"> {
  return {
    policy: policyOf({ ...(blocksOnly && { bytesMax: BLOCKS_ONLY_MEMPOOL_BYTES }), ...mempool }),
    isKept: persistMempool,
    writesVersion1: persistMempoolVersion1,
  };
}

/** Whose scripts need not be verified: as it is configured, else as the network has it. */
function assumeValidOf(
  { assumeValid: named, minimumWork }: BitcoinConfig,
  network: BitcoinNetwork,
): { readonly assumeValid?: AssumeValid } {
  const hash = named ?? network.assumeValid?.hash;
  if (hash === undefined || hash === "off") return {};
  return { assumeValid: { hash, minimumWork: minimumWork ?? network.minimumChainWork } };
}

/** The map of operators that the configuration names. @throws NodeError `ASMAP_INVALID` when it cannot be used */
export async function asMapOf(
  files: Pick<Drivers, "readFile">,
  { asMapFile: path }: BitcoinConfig,
): Promise<AsMap | undefined> {
  if (path === undefined) return undefined;
  const bytes = await readNamed({ setting: "asmap", path, code: "ASMAP_INVALID" }, files);
  try {
    return new AsMap(bytes);
  } catch (cause) {
    throw new NodeError("ASMAP_INVALID", "self", `asmap: ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Stops the node once its tip is at a height. */
async function stopAt(height: number, service: BitcoinService, stop: () => void, life: AbortSignal): Promise<void> {
  const { headers } = service;
  for (let { tip } = service.state(); !life.aborted; { tip } = service.state()) {
    if (headers.height(tip) >= height) return stop();
    await service.tipChange(tip, life);
  }
}

/** OP_TRUE: anybody may spend what a demonstration mines. */
const SHOW_SCRIPT = Uint8Array.of(0x51);

/** Mines up to a height at once, then a block now and then, until the signal aborts. */
async function mineForShow(
  miner: Miner,
  service: BitcoinService,
  clock: Clock,
  { atStart, everyMs }: BitcoinMining,
  signal: AbortSignal,
): Promise<void> {
  const mine = (count: number) => miner.mine(SHOW_SCRIPT, { count, maxTries: count * 1_000_000, submit: true, signal });
  const height = service.headers.height(service.state().tip);
  if (height < atStart) await mine(atStart - height);
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal);
    await mine(1);
  }
}
