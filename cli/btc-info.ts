/**
 * What bitcoin-cli's `-getinfo` and `-netinfo` show: a few calls of the node as one page.
 *
 * @see Bitcoin Core `bitcoin-cli.cpp` (GetinfoRequestHandler, NetinfoRequestHandler)
 * @module
 */
import type { JsonObject } from "../mod.ts";
import { formatSeconds } from "./progress.ts";
import { printable, table } from "./table.ts";

/** Networks that peers are counted by, as `getpeerinfo` names them. */
const NETWORKS = ["ipv4", "ipv6", "onion", "i2p", "cjdns"] as const;
/** Levels of `-netinfo`; a higher one shows what the highest does. */
const LEVEL_MAX = 4;

/** Reads the level of `-netinfo`: nothing or a whole number. Undefined for what is neither. */
export function levelOf(word: string | undefined): number | undefined {
  if (word === undefined) return 0;
  return /^[0-9]{1,3}$/.test(word) ? Math.min(Number(word), LEVEL_MAX) : undefined;
}

const text = (value: unknown): string => printable(String(value ?? ""));
const objects = (value: unknown): readonly JsonObject[] => Array.isArray(value) ? value as JsonObject[] : [];
const textsOf = (value: unknown): string =>
  Array.isArray(value) ? value.map(text).join("; ") : value === undefined ? "" : text(value);

/** The values of `-getinfo` as one object, from `getblockchaininfo` and `getnetworkinfo`. */
export function infoObject(chain: JsonObject, network: JsonObject): JsonObject {
  return {
    version: network.version!,
    blocks: chain.blocks!,
    headers: chain.headers!,
    verificationprogress: chain.verificationprogress!,
    timeoffset: network.timeoffset!,
    connections: { in: network.connections_in!, out: network.connections_out!, total: network.connections! },
    networks: network.networks!,
    difficulty: chain.difficulty!,
    chain: chain.chain!,
    relayfee: network.relayfee!,
    warnings: network.warnings!,
  };
}

/** The page of `-getinfo`. */
export function infoText(chain: JsonObject, network: JsonObject): string {
  const proxies = [
    ...new Set(objects(network.networks).map(({ proxy }) => text(proxy)).filter((proxy) => proxy !== "")),
  ];
  const lines = [
    `Chain: ${text(chain.chain)}`,
    `Blocks: ${text(chain.blocks)}`,
    `Headers: ${text(chain.headers)}`,
    `Verification progress: ${(Number(chain.verificationprogress) * 100).toFixed(4)}%`,
    `Difficulty: ${text(chain.difficulty)}`,
    "",
    `Network: in ${text(network.connections_in)}, out ${text(network.connections_out)}, total ${
      text(network.connections)
    }`,
    `Version: ${text(network.version)}`,
    `Time offset (s): ${text(network.timeoffset)}`,
    `Proxies: ${proxies.join(", ") || "n/a"}`,
    `Min tx relay fee rate (BTC/kvB): ${text(network.relayfee)}`,
    "",
    `Warnings: ${textsOf(network.warnings) || "(none)"}`,
  ];
  return lines.join("\n") + "\n";
}

/** Short names of the kinds of connection. */
const TYPES: Readonly<Record<string, string>> = {
  "outbound-full-relay": "full",
  "block-relay-only": "block",
  "addr-fetch": "addr",
  manual: "manual",
  feeler: "feeler",
};

function milliseconds(seconds: unknown): string {
  return typeof seconds === "number" ? String(Math.round(seconds * 1000)) : "";
}

/** One peer's row. Levels 2 and 4 show addresses, 3 and 4 versions. */
function peerRow(peer: JsonObject, level: number, nowS: number): string[] {
  const ago = (at: unknown, unit: number) =>
    typeof at === "number" && at > 0 ? String(Math.max(0, Math.floor((nowS - at) / unit))) : "";
  return [
    peer.inbound === true ? "in" : "out",
    TYPES[String(peer.connection_type)] ?? "",
    text(peer.network),
    text(peer.transport_protocol_type).replace("detecting", ""),
    milliseconds(peer.minping),
    milliseconds(peer.pingtime),
    ago(peer.lastsend, 1),
    ago(peer.lastrecv, 1),
    ago(peer.last_transaction, 60),
    ago(peer.last_block, 60),
    ago(peer.conntime, 60),
    text(peer.id),
    ...(level === 2 || level === 4 ? [text(peer.addr)] : []),
    ...(level >= 3 ? [`${text(peer.version)}${text(peer.subver)}`] : []),
  ];
}

/** The page of `-netinfo LEVEL`, from `getpeerinfo` and `getnetworkinfo`; `chain` is the network's name. */
export function netinfoText(
  peers: readonly JsonObject[],
  network: JsonObject,
  options: { readonly level: number; readonly nowS: number },
): string {
  const { level, nowS } = options;
  const parts = [
    `gemel client ${text(network.version)} - server ${text(network.protocolversion)}${text(network.subversion)}\n`,
  ];
  if (level > 0 && peers.length > 0) {
    const rank = (peer: JsonObject) => [peer.inbound === true ? 0 : 1, Number(peer.minping ?? Infinity)] as const;
    const sorted = [...peers].sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1]);
    const heads = ["dir", "type", "net", "v", "mping>", "ping>", "send>", "recv>", "txn>", "blk>", "age>", "id>"];
    parts.push(table(
      [...heads, ...(level === 2 || level === 4 ? ["address"] : []), ...(level >= 3 ? ["version"] : [])],
      sorted.map((peer) => peerRow(peer, level, nowS)),
    ));
    const longest = peers.reduce((most, { conntime }) => Math.max(most, nowS - Number(conntime ?? nowS)), 0);
    parts.push(`age in minutes, the oldest ${formatSeconds(longest)}; ping in milliseconds\n`);
  }
  const shown = NETWORKS.filter((name) => name.startsWith("ipv") || peers.some((peer) => peer.network === name));
  const count = (isCounted: (peer: JsonObject) => boolean) => {
    const counted = peers.filter(isCounted);
    const of = (field: string, value: string) => String(counted.filter((peer) => peer[field] === value).length);
    return [
      ...shown.map((name) => of("network", name)),
      String(counted.length),
      of("connection_type", "block-relay-only"),
      of("connection_type", "manual"),
    ];
  };
  parts.push(table(["", ...shown.map((name) => `${name}>`), "total>", "block>", "manual>"], [
    ["in", ...count(({ inbound }) => inbound === true)],
    ["out", ...count(({ inbound }) => inbound !== true)],
    ["total", ...count(() => true)],
  ]));
  const local = objects(network.localaddresses).map(({ address, port, score }) =>
    `${text(address)} port ${text(port)} score ${text(score)}\n`
  );
  parts.push(local.length === 0 ? "Local addresses: n/a\n" : `Local addresses\n${local.join("")}`);
  return parts.join("\n");
}
