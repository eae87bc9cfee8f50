/**
 * Composes the Chia side of a node from drivers and configuration.
 *
 * @module
 */
import { chiaAddressRules } from "../chia/addresses/rules.ts";
import { ChiaChain } from "../chia/chain/chain.ts";
import { LinkageValidator } from "../chia/chain/linkage.ts";
import { loadNodeIdentity, type NodeIdentity, publicAuthorities } from "../chia/identity/identity.ts";
import { type ChiaNetwork, networkNamed, parseConstants } from "../chia/networks/mod.ts";
import { askIntroducer } from "../chia/addresses/introducer.ts";
import { ChiaNode } from "../chia/node.ts";
import { chiaVisitor } from "../chia/addresses/probe.ts";
import { readChiaPeersDat } from "../chia/addresses/peers-dat.ts";
import { Capability, type CapabilityEntry, NodeType, SERVED_CAPABILITIES } from "../chia/protocol/mod.ts";
import { candidateOf } from "../chia/chain/raw-blocks.ts";
import type { ChiaStore, FollowedChiaStore } from "../chia/store.ts";
import { MemoryChiaStore } from "../chia/store/memory.ts";
import { openFollowedChiaStore, openSqlChiaStore } from "../chia/store/sql.ts";
import { type ChiaConfig, type ChiaReplay, GEMEL_VERSION } from "../config.ts";
import { addressText } from "../core/address-text.ts";
import { parseHostPort } from "../core/host-port.ts";
import { messageOf } from "../core/errors.ts";
import type { PeerAddress } from "../core/ports.ts";
import { chiaHandle } from "../rpc/mod.ts";
import { openChainDatabase, untilReadable } from "./databases.ts";
import { ChainPeering, type ComposedChain, type CompositionParts } from "./chain.ts";
import { MemoryEventLog, SqlEventLog } from "../storage/event-log.ts";
import type { EventSource } from "../storage/node-log.ts";
import type { ChiaService } from "../chia/service.ts";
import { chiaSoftwareVersion } from "../user-agent.ts";

/** What we announce when rate limits of version 3 are wanted. */
const WITH_WINDOWS: readonly CapabilityEntry[] = [...SERVED_CAPABILITIES, [Capability.RATE_LIMITS_V3, "1"]];

/** The network that a configuration names, its constants laid over. @throws NodeError `CONSTANTS_INVALID` */
export function networkOf(config: ChiaConfig): ChiaNetwork {
  const network = networkNamed(config.network);
  if (config.constantsJson === undefined) return network;
  return { ...network, constants: parseConstants(config.constantsJson, network.constants) };
}

/** The store and the event log of the chain, in one database. */
async function openStorage(
  parts: CompositionParts,
  chain: ChiaConfig,
  network: ChiaNetwork,
): Promise<{ readonly store: ChiaStore; readonly events?: EventSource; readonly followed?: FollowedChiaStore }> {
  const { config, drivers, onEvents } = parts;
  if (config.database === "memory") {
    const events = new MemoryEventLog({ onAppend: onEvents });
    return { store: new MemoryChiaStore(events), events };
  }
  const { chain: database } = await openChainDatabase(parts, chain);
  const identity = { network: network.name, genesisChallenge: network.constants.GENESIS_CHALLENGE };
  const following = parts.seat?.following;
  if (following !== undefined) {
    const open = () => openFollowedChiaStore(database, identity);
    const followed = await untilReadable(parts, `chia ${network.name}`, following, open);
    return { store: followed, followed };
  }
  const store = await openSqlChiaStore(database, {
    ...identity,
    cacheBytesMax: config.cacheBytesMax,
    onEvents,
    ...(drivers.substitutes?.chia?.openCoins && { openCoins: drivers.substitutes.chia.openCoins }),
  });
  return { store, events: new SqlEventLog(database, onEvents) };
}

/** Feeds the rest of a recording to a node, block by block, until it is at its end or the signal aborts. */
async function replay(
  node: ChiaNode,
  { clock }: CompositionParts["drivers"],
  config: ChiaReplay,
  signal: AbortSignal,
): Promise<void> {
  for (const raw of config.blocks.slice(config.atStart)) {
    await clock.sleep(config.everyMs, signal);
    await node.feed([candidateOf(raw)]);
  }
}

/** Opens the chain; nothing is dialled or accepted before `start`. */
export async function composeChia(
  parts: CompositionParts,
  chainConfig: ChiaConfig,
): Promise<ComposedChain & { readonly service: ChiaService }> {
  const { config, drivers, egress, log } = parts;
  const { clock, random } = drivers;
  const substitutes = drivers.substitutes?.chia;
  const network = substitutes?.network ?? networkOf(chainConfig);
  const { store, events, followed } = await openStorage(parts, chainConfig, network);
  const validator = substitutes?.validator ?? new LinkageValidator(network.constants);
  const chain = await ChiaChain.load({ network, store, validator, clock, ...(followed && { followed }) });
  const identity = substitutes?.identity ??
    await loadNodeIdentity({ folder: config.paths.ssl, files: drivers, clock, random });
  // A network without seeds is one within somebody's own machines.
  const rules = chiaAddressRules({ allowPrivate: network.dnsSeeds.length === 0 });
  const peering = await ChainPeering.open(parts, chainConfig, rules, readChiaPeersDat);
  const softwareVersion = chiaSoftwareVersion(GEMEL_VERSION, chainConfig.userAgentComments);
  const visit = chiaVisitor({ network, clock, random, dialer: egress.dialer, identity, softwareVersion });
  const node = new ChiaNode({
    ...await peering.nodeParts(visit, network.defaultPort),
    askIntroducers: introducersOf(chainConfig, network, parts, identity, peering.asking),
    chain,
    store,
    ...(parts.seat?.following && { following: parts.seat.following }),
    clock,
    protocol: {
      ...peering.protocolParts,
      identity,
      ownNodeId: identity.nodeId,
      authorities: publicAuthorities,
      own: {
        networkId: network.name,
        nodeType: NodeType.FULL_NODE,
        softwareVersion,
        serverPort: chainConfig.listen[0]?.port ?? 0,
        capabilities: chainConfig.rateLimits === 3 ? WITH_WINDOWS : SERVED_CAPABILITIES,
      },
    },
  });
  const play = async (life: AbortSignal) => {
    if (chainConfig.replay === undefined || followed !== undefined) return;
    await node.feed(chainConfig.replay.blocks.slice(0, chainConfig.replay.atStart).map(candidateOf));
    replay(node, drivers, chainConfig.replay, life).catch((error) => {
      if (!life.aborted) log("error", "chia.replay", messageOf(error));
    });
  };
  return {
    service: node.service,
    events,
    handle: chiaHandle(node.service, { clock, ...peering.handleParts(node) }),
    ...await peering.lifeOf(node, play),
  };
}

/** Asks all introducers, each once; one that does not answer is passed over. */
function introducersOf(
  { introducers }: ChiaConfig,
  network: ChiaNetwork,
  { drivers: { clock, random }, egress, log }: CompositionParts,
  identity: NodeIdentity,
  signal: AbortSignal,
): () => Promise<readonly PeerAddress[]> {
  const softwareVersion = `gemel/${GEMEL_VERSION}`;
  const places = introducers ?? network.introducers.map((place) => parseHostPort(place));
  const ask = async (place: PeerAddress): Promise<readonly PeerAddress[]> => {
    try {
      const [host = ""] = await egress.resolveHost(place.host);
      const parts = { network, clock, random, dialer: egress.dialer, identity, softwareVersion };
      return await askIntroducer({ host, port: place.port }, parts, signal);
    } catch (error) {
      log("debug", "p2p.chia", `introducer ${addressText(place)}: ${messageOf(error)}`);
      return [];
    }
  };
  return async () => (await Promise.all(places.map(ask))).flat();
}
