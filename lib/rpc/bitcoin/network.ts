/**
 * Methods about peers.
 *
 * @see Bitcoin Core `rpc/net.cpp`
 * @module
 */
import { DEFAULT_POLICY } from "../../bitcoin/mempool/mod.ts";
import { parsePlace } from "../../bitcoin/peers/added-nodes.ts";
import type { BitcoinPeerView, BitcoinService, DialChoice } from "../../bitcoin/service.ts";
import { ServiceFlag, serviceNames } from "../../bitcoin/types/mod.ts";
import { addressText } from "../../core/address-text.ts";
import { warningsOf } from "./blockchain.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { satoshiJson } from "./mempool-json.ts";
import { type Arguments, helpText, type Method, type MethodCall, optional, required } from "./method.ts";
import { addressBookOf, networkOf, peerInfo, REACHABLE_NETWORKS, relayJson, servicesText } from "./network-json.ts";

/**
 * The release of Core whose methods these are. Clients ask for it to know what there is: to them the version of this program would
 * be one of 2011. What we tell peers is our own name alone.
 */
const CORE_VERSION = "31.0.0";
/** What counts uploads, in seconds. */
const UPLOAD_TIMEFRAME_SECONDS = 86_400;

/** A version in Core's form: 0.1.2 is 102, 31.2.0 is 310200. */
export function versionNumber(version: string): number {
  const [major = 0, minor = 0, build = 0] = version.split(/[.-]/, 3).map((part) => Number.parseInt(part, 10) || 0);
  return major * 10_000 + minor * 100 + build;
}

/** Dials once; that it fails is for the log to tell, as in Core. */
async function tryOnce({ context: { bitcoin } }: MethodCall, node: string, choice: DialChoice): Promise<void> {
  const { host, port } = parsePlace(node, bitcoin.network.defaultPort);
  await bitcoin.connect(host, port, choice).catch(() => {});
}

/** Every connection, also those whose hands are not shaken yet, by id. */
function connectionsOf(bitcoin: BitcoinService): readonly BitcoinPeerView[] {
  return [...bitcoin.peers(), ...bitcoin.opening()].sort((a, b) => a.id - b.id);
}

/** What `addnode` says of the transport. Throws −8 when the encrypted one is asked for and off. */
function dialChoice(args: Arguments, place: number, { services }: BitcoinService): DialChoice {
  const isOffered = (services & ServiceFlag.P2P_V2) !== 0n;
  const isWanted = args.boolean(place, isOffered);
  if (isWanted && !isOffered) {
    throw invalidParameter("Error: v2transport requested but not enabled (see -v2transport)");
  }
  return { v1Only: !isWanted };
}

/** The id of the peer at an address, written as `getpeerinfo` writes it. */
function peerAt(bitcoin: BitcoinService, address: string): number | undefined {
  return connectionsOf(bitcoin).find((peer) => addressText(peer) === address)?.id;
}

/** The methods. */
export const networkMethods: readonly Method[] = [
  {
    name: "addnode",
    category: "Network",
    summary: "Keeps a connection to a node (add), gives that up (remove), or connects once (onetry).",
    params: [
      required("node", "string", "The address: host, host:port or [IPv6]:port"),
      required("command", "string", "add, remove or onetry"),
      optional("v2transport", "boolean", "Whether the encrypted transport is tried", "what --v2 says"),
    ],
    result: "null",
    examples: ["addnode 192.0.2.7:8333 onetry"],
    call(args, call) {
      const { bitcoin } = call.context;
      const node = args.text(0);
      const command = args.text(1);
      if (!["add", "remove", "onetry"].includes(command)) throw new JsonRpcError(RpcCode.misc, helpText(this));
      const choice = dialChoice(args, 2, bitcoin);
      switch (command) {
        case "add":
          if (bitcoin.addNode(node, choice)) return null;
          throw new JsonRpcError(RpcCode.nodeAlreadyAdded, "Error: Node already added");
        case "remove":
          if (bitcoin.removeNode(node)) return null;
          throw new JsonRpcError(
            RpcCode.nodeNotAdded,
            "Error: Node could not be removed. It has not been added previously.",
          );
        default:
          void tryOnce(call, node, choice);
          return null;
      }
    },
  },
  {
    name: "disconnectnode",
    category: "Network",
    summary: "Ends a connection, named by address or by id.",
    params: [
      optional("address", "string", "The address, as getpeerinfo prints it", "whatever nodeid names"),
      optional("nodeid", "number", "The id, as getpeerinfo prints it", "whatever address names"),
    ],
    result: "null",
    examples: ["disconnectnode 192.0.2.7:8333", "-named disconnectnode nodeid=1"],
    call(args, { context: { bitcoin } }) {
      const address = args.optionalText(0) || undefined;
      if ((address === undefined) === !args.has(1)) {
        throw new JsonRpcError(RpcCode.invalidParams, "Only one of address and nodeid should be provided.");
      }
      const id = address === undefined ? args.integer(1) : peerAt(bitcoin, address);
      if (id !== undefined && bitcoin.disconnect(id)) return null;
      throw new JsonRpcError(RpcCode.nodeNotConnected, "Node not found in connected nodes");
    },
  },
  {
    name: "getaddednodeinfo",
    category: "Network",
    summary: "The nodes that addnode added, and whether they are connected.",
    params: [optional("node", "string", "Only this one", "all")],
    result: "[{addednode, connected, addresses: [{address, connected}]}, ...]    (array)",
    examples: ["getaddednodeinfo"],
    call(args, { context: { bitcoin } }) {
      const wanted = args.optionalText(0);
      const nodes = bitcoin.addedNodes().filter(({ node }) => wanted === undefined || node === wanted);
      if (wanted !== undefined && nodes.length === 0) {
        throw new JsonRpcError(RpcCode.nodeNotAdded, "Error: Node has not been added.");
      }
      return nodes.map(({ node, connected }) => ({
        addednode: node,
        connected: connected !== undefined,
        addresses: connected === undefined ? [] : [{
          address: addressText(connected),
          connected: connected.direction === "in" ? "inbound" : "outbound",
        }],
      }));
    },
  },
  {
    name: "getconnectioncount",
    category: "Network",
    summary: "How many peers are connected.",
    params: [],
    result: "n    (number)",
    examples: ["getconnectioncount"],
    call: (_args, { context: { bitcoin } }) => connectionsOf(bitcoin).length,
  },
  {
    name: "getnettotals",
    category: "Network",
    summary: "Bytes received and sent since the start.",
    params: [],
    result: "{totalbytesrecv, totalbytessent, timemillis, uploadtarget}    (object)",
    examples: ["getnettotals"],
    call(_args, { context: { bitcoin } }) {
      const { received, sent } = bitcoin.traffic;
      const upload = bitcoin.uploadState();
      return {
        totalbytesrecv: received.bytes,
        totalbytessent: sent.bytes,
        timemillis: bitcoin.now(),
        uploadtarget: {
          timeframe: UPLOAD_TIMEFRAME_SECONDS,
          target: upload.bytesMax,
          target_reached: upload.isReached,
          serve_historical_blocks: bitcoin.servesOldBlocks,
          bytes_left_in_cycle: upload.bytesLeft,
          time_left_in_cycle: upload.bytesMax === 0 ? 0 : Math.floor(upload.msLeft / 1000),
        },
      };
    },
  },
  {
    name: "getnetworkinfo",
    category: "Network",
    summary: "Version, services and connections of this node.",
    params: [],
    result: "{...}    (object) version, subversion, protocolversion, localservices, connections, networks, …",
    examples: ["getnetworkinfo"],
    call(_args, { context: { bitcoin, chains } }) {
      const { proxy } = bitcoin;
      const peers = connectionsOf(bitcoin);
      const inbound = peers.filter(({ direction }) => direction === "in").length;
      const own = chains.find(({ chain }) => chain === "bitcoin")?.listenAddress;
      const isPublic = own !== undefined && bitcoin.isListening && networkOf(own.host) !== "not_publicly_routable";
      const { minRelayFeeRate, incrementalRelayFeeRate } = bitcoin.mempool?.policy ?? DEFAULT_POLICY;
      return {
        version: versionNumber(CORE_VERSION),
        subversion: `/Satoshi:${CORE_VERSION}${bitcoin.userAgent}`,
        protocolversion: bitcoin.protocolVersion,
        localservices: servicesText(bitcoin.services),
        localservicesnames: serviceNames(bitcoin.services),
        ...relayJson(bitcoin.relay),
        timeoffset: 0,
        networkactive: bitcoin.isNetworkActive,
        connections: peers.length,
        connections_in: inbound,
        connections_out: peers.length - inbound,
        networks: REACHABLE_NETWORKS.map((name) => {
          const isReachable = bitcoin.reachableNetworks.includes(name);
          return {
            name,
            limited: !isReachable,
            reachable: isReachable,
            proxy: proxy === undefined ? "" : addressText(proxy),
            proxy_randomize_credentials: proxy !== undefined,
          };
        }),
        relayfee: satoshiJson(minRelayFeeRate),
        incrementalfee: satoshiJson(incrementalRelayFeeRate),
        localaddresses: isPublic ? [{ address: own.host, port: own.port, score: 1 }] : [],
        warnings: warningsOf(bitcoin),
      };
    },
  },
  {
    name: "getnodeaddresses",
    category: "Network",
    summary: "Addresses of nodes that this node has heard of.",
    params: [
      optional("count", "number", "How many at most; 0 for all", "1"),
      optional("network", "string", `Only of this network: ${REACHABLE_NETWORKS.join(", ")}`, "all"),
    ],
    result: "[{time, services, address, port, network}, ...]    (array)",
    examples: ["getnodeaddresses 8", "getnodeaddresses 4 ipv6"],
    call(args, { context: { bitcoin } }) {
      const count = args.integer(0, 1);
      if (count < 0) throw invalidParameter("Address count out of range");
      const wanted = args.optionalText(1)?.toLowerCase();
      if (wanted !== undefined && !(REACHABLE_NETWORKS as readonly string[]).includes(wanted)) {
        throw invalidParameter(`Network not recognized: ${wanted.slice(0, 50)}`);
      }
      const known = bitcoin.knownAddresses(wanted === undefined ? count : 0)
        .map(({ host, port, time, services }) => ({
          time,
          services: Number(services),
          address: host,
          port,
          network: networkOf(host),
        }))
        .filter(({ network }) => wanted === undefined || network === wanted);
      return count === 0 ? known : known.slice(0, count);
    },
  },
  {
    name: "getpeerinfo",
    category: "Network",
    summary: "The connections, each with what is known of it; version is 0 while hands are shaken.",
    params: [],
    result: "[{...}, ...]    (array) id, addr, services, version, subver, inbound, synced_headers, …",
    examples: ["getpeerinfo"],
    call: (_args, { context: { bitcoin } }) => connectionsOf(bitcoin).map(peerInfo),
  },
  {
    name: "getaddrmaninfo",
    category: "Network",
    summary: "How many addresses of nodes are known, by network and table.",
    params: [],
    result: "{NETWORK: {new, tried, total}, ..., all_networks: {new, tried, total}}    (object)",
    examples: ["getaddrmaninfo"],
    call(_args, { context }) {
      const book = addressBookOf(context);
      const counts = (networks: readonly string[]) => {
        const sum = (table: "new" | "tried") =>
          networks.reduce((count, network) => count + book.countOn(network, table), 0);
        return { new: sum("new"), tried: sum("tried"), total: sum("new") + sum("tried") };
      };
      const each = Object.fromEntries(REACHABLE_NETWORKS.map((name) => [name, counts([name])]));
      return { ...each, all_networks: counts(REACHABLE_NETWORKS) };
    },
  },
  {
    name: "setnetworkactive",
    category: "Network",
    summary: "Ends all connections of this chain and makes and takes none (false), or lets them be again (true).",
    params: [required("state", "boolean", "Whether there may be connections")],
    result: "bool    (boolean) the same",
    examples: ["setnetworkactive false"],
    call(args, { context: { bitcoin } }) {
      bitcoin.setNetworkActive(args.boolean(0, true));
      return bitcoin.isNetworkActive;
    },
  },
  {
    name: "ping",
    category: "Network",
    summary: "Sends a ping to every peer; getpeerinfo shows the times.",
    params: [],
    result: "null",
    examples: ["ping"],
    call(_args, { context: { bitcoin } }) {
      bitcoin.pingAll();
      return null;
    },
  },
];
