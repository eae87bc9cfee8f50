/**
 * The settings that a chain has, each in one place.
 *
 * @module
 */
import { isIP } from "node:net";
import { resolve } from "node:path";
import {
  type BitcoinMode,
  bitcoinUserAgent,
  chiaSoftwareVersion,
  DEFAULTS,
  fileTrouble,
  fromHex,
  GEMEL_VERSION,
  PermissionList,
  splitPermissionList,
} from "../mod.ts";
import { MEMPOOL_SETTINGS } from "./mempool-settings.ts";
import { type ChainSetting, configError, isOn, oneOf, placesOf } from "./setting.ts";
import { parseAddress, parsePlace, parseSize, parseTime, parseWhole } from "./values.ts";

const MODES: readonly BitcoinMode[] = ["headers", "filters", "full"];
const PEERS_MAX = 1_000;
const PEER_TIMEOUT_MS_MIN = 1_000;
/** Core's least: enough for the blocks that a reorganisation may need. */
const PRUNE_BYTES_MIN = 550 * 1024 * 1024;
const MIB = 1024 * 1024;
const [COINS_CACHE_MIB_MIN, COINS_CACHE_MIB_MAX] = [4, 16_384];

/** Settings of a chain. Those without a reader are read before the others: the network. */
export const CHAIN_SETTINGS: readonly ChainSetting[] = [
  {
    key: "network",
    value: "NAME",
    help:
      "network to follow: chia mainnet, testnet11, simulator0; bitcoin mainnet, testnet3, testnet4, signet, regtest",
    document: "Chia: `mainnet`, `testnet11`, `simulator0`; Bitcoin: `mainnet`, `testnet3`, `testnet4`, `signet`, " +
      "`regtest`",
    standard: DEFAULTS.chia.network,
  },
  {
    key: "connect",
    value: "HOST:PORT",
    list: true,
    help: "connect to this peer only (may be repeated)",
    document: "peers to connect to, only these; may be repeated; the network's port when none is given",
    readAll: (texts, { port }) => ({ connect: placesOf(texts, "connect", port, parsePlace) }),
  },
  {
    key: "add-peer",
    value: "HOST:PORT",
    list: true,
    help: "keep a connection to this peer too (may be repeated)",
    document: "peers to keep a connection to beside those that are discovered",
    readAll: (texts, { port }) => ({ added: placesOf(texts, "add-peer", port, parsePlace) }),
  },
  {
    key: "seed",
    value: "NAMES",
    help: "DNS seeds to ask instead of the network's, separated by commas",
    document: "DNS seeds to ask instead, separated by commas",
    standardWords: "the network's",
    read: (text) => {
      const seeds = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
      const wrong = seeds.find((seed) => seed.length > 253 || !/^[a-z0-9_.-]+$/i.test(seed));
      if (wrong !== undefined) throw configError(`seed: ${wrong} is not the name of a DNS seed`);
      return seeds.length > 0 ? { seeds } : {};
    },
  },
  {
    key: "no-dns",
    help: "ask no DNS seeds",
    standard: `${!DEFAULTS.chia.dns}`,
    read: (text) => ({ dns: text !== "true" }),
  },
  {
    key: "import-peers",
    value: "FILE",
    help: "begin the address book with a peers.dat of the reference node",
    document:
      "a `peers.dat` of chia-blockchain or Bitcoin Core; the address book begins with it where there is none yet",
    read: (text) => ({ importPeers: resolve(text) }),
  },
  {
    key: "no-fixed-seeds",
    help: "do not fall back on addresses that are built in",
    document: "do not fall back on the addresses that are built in",
    standard: `${!DEFAULTS.chia.fixedSeeds}`,
    read: (text) => ({ fixedSeeds: text !== "true" }),
  },
  {
    key: "listen",
    value: "HOST:PORT",
    list: true,
    help: "let peers connect to this address (may be repeated)",
    document: "where peers may connect to us; may be repeated",
    readAll: (texts, { port }) => ({ listen: placesOf(texts, "listen", port, parseAddress) }),
  },
  {
    key: "whitelist",
    value: "LIST",
    list: true,
    help: "never ban these addresses and subnets; PERMISSIONS@SUBNET for more: noban, download, addr, in, out, all",
    document:
      "addresses and subnets that are never banned, separated by commas; `PERMISSIONS@SUBNET` for more, see below",
    readAll: (texts) => {
      const whitelist = splitPermissionList(texts);
      // Made only to find what is wrong before anything is opened.
      void new PermissionList(whitelist);
      return { whitelist };
    },
  },
  {
    key: "external-ip",
    value: "IP",
    help: "our address as others reach it, to be told to peers",
    standardWords: "found out",
    read: (externalHost) => {
      if (isIP(externalHost) === 0) throw configError(`external-ip: ${externalHost} is not an IP address`);
      return { externalHost };
    },
  },
  {
    key: "seed-node",
    value: "HOST:PORT",
    list: true,
    help: "ask this node for addresses first (may be repeated)",
    document: "nodes that are asked for addresses before any seed is; may be repeated",
    readAll: (texts, { port }) => ({ seedNodes: placesOf(texts, "seed-node", port, parsePlace) }),
  },
  {
    key: "peer-timeout",
    value: "TIME",
    help: "time for the handshake (bitcoin 60s; chia 120s out, 30s in)",
    document: "time for the handshake, at least 1s; Bitcoin peers are not judged for silence before",
    standardWords: "60s (Chia 30s in, 120s out)",
    read: (text) => {
      const peerTimeoutMs = parseTime(text, "peer-timeout");
      if (peerTimeoutMs < PEER_TIMEOUT_MS_MIN) throw configError("peer-timeout: at least 1s");
      return { peerTimeoutMs };
    },
  },
  {
    key: "ua-comment",
    value: "TEXT",
    list: true,
    commas: true,
    help: "comment in what peers are told of this program",
    document:
      "comment beside the name that peers are told (BIP14); letters, digits, space and `.,;-_?@`; may be repeated",
    readAll: (userAgentComments, { chain }) => {
      // Made only to find what is wrong before anything is opened.
      void (chain === "chia" ? chiaSoftwareVersion : bitcoinUserAgent)(GEMEL_VERSION, userAgentComments);
      return { userAgentComments };
    },
  },
  {
    key: "network-active",
    value: "ON|OFF",
    help: "off: neither dial nor accept peers",
    document: "`off`: neither dial nor accept peers; Bitcoin's `setnetworkactive` switches it",
    standard: "on",
    read: (text) => (isOn(text, "network-active") ? {} : { networkActive: false }),
  },
  {
    key: "max-peers",
    value: "N",
    help: `connections at most, both directions (chia ${DEFAULTS.chia.peersMax}, bitcoin ${DEFAULTS.bitcoin.peersMax})`,
    document: "connections at most, in both directions",
    standardWords: `${DEFAULTS.chia.peersMax} (Bitcoin ${DEFAULTS.bitcoin.peersMax})`,
    read: (text) => ({ peersMax: parseWhole(text, "max-peers", 1, PEERS_MAX) }),
  },
  {
    key: "outbound",
    value: "N",
    help: "outgoing connections to aim at",
    standard: `${DEFAULTS.chia.outbound}`,
    read: (text) => ({ outbound: parseWhole(text, "outbound", 0, PEERS_MAX) }),
  },
  {
    key: "constants",
    value: "FILE",
    help: "chia: consensus constants (JSON, the reference's names) laid over the network's",
    document: "JSON file of consensus constants in the reference's names, laid over the network's",
    only: "chia",
    read: async (path, { readText }) => {
      try {
        return { constantsJson: await readText(path) };
      } catch (thrown) {
        throw configError(`constants: ${path} ${fileTrouble(thrown)}`);
      }
    },
  },
  {
    key: "introducer",
    value: "HOST:PORT",
    list: true,
    help: "chia: ask these introducers",
    document: "introducers to ask; may be repeated",
    standardWords: "the network's",
    only: "chia",
    readAll: (texts, { port }) => ({ introducers: placesOf(texts, "introducer", port, parsePlace) }),
  },
  {
    key: "rate-limits",
    value: "N",
    help: "chia: announce rate limits of version 2 or 3",
    document:
      "announce rate limits of version 3 (windows of requests in flight); a peer that announces them is answered " +
      "in any case",
    standard: "2",
    only: "chia",
    read: (text) => (oneOf(text, "rate-limits", ["2", "3"], "2 or 3") === "3" ? { rateLimits: 3 } : {}),
  },
  {
    key: "asmap",
    value: "FILE",
    help: "bitcoin: group addresses by this map of operators",
    document: "a file that maps addresses to operators, by which they are grouped",
    only: "bitcoin",
    read: (path) => ({ asMapFile: resolve(path) }),
  },
  {
    key: "mode",
    value: "MODE",
    help: "bitcoin: headers, filters or full",
    document: "`headers`, `filters` ([bitcoin-light.md](bitcoin-light.md)) or `full`",
    standard: DEFAULTS.bitcoin.mode,
    only: "bitcoin",
    read: (text) => ({ mode: oneOf(text, "mode", MODES) }),
  },
  {
    key: "v2",
    value: "ON|OFF",
    help: "bitcoin: encrypted transport (BIP324)",
    document: "encrypted transport (BIP324), with fallback to v1",
    standard: DEFAULTS.bitcoin.v2 ? "on" : "off",
    only: "bitcoin",
    read: (text) => ({ v2: isOn(text, "v2") }),
  },
  {
    key: "blocks-only",
    help: "bitcoin: take no transactions from peers",
    document: "take no transactions from peers; those of its own callers are announced all the same",
    standard: "false",
    only: "bitcoin",
    read: (text) => (text === "true" ? { blocksOnly: true } : {}),
  },
  ...MEMPOOL_SETTINGS,
  {
    key: "prune",
    value: "SIZE",
    help: "bitcoin: keep so many bytes of blocks, at least 550M",
    document: "bytes of blocks to keep, 550M or more; on regtest any",
    only: "bitcoin",
    read: (text, { network }) => {
      const pruneBytes = parseSize(text, "prune");
      if (pruneBytes < PRUNE_BYTES_MIN && network !== "regtest") throw configError("prune: at least 550M");
      return { pruneBytes };
    },
  },
  {
    key: "coins-cache",
    value: "MIB",
    help: "bitcoin: memory for coins that changed, at least 4",
    document: "MiB of memory for coins that changed and are not on disk, 4 or more",
    standard: `${DEFAULTS.bitcoin.coinsCacheBytes / MIB}`,
    only: "bitcoin",
    read: (text) => ({
      coinsCacheBytes: parseWhole(text, "coins-cache", COINS_CACHE_MIB_MIN, COINS_CACHE_MIB_MAX) * MIB,
    }),
  },
  {
    key: "txindex",
    help: "bitcoin: index all transactions by id",
    document: "find every transaction by its id",
    standard: `${DEFAULTS.bitcoin.transactionIndex}`,
    only: "bitcoin",
    read: (text) => ({ transactionIndex: text === "true" }),
  },
  {
    key: "blockfilterindex",
    value: "ON|OFF",
    help: "bitcoin: keep the filter of every block (BIP158); off with prune, unless given",
    document: "keep the basic filter of every block (BIP158), in mode `full`; with `prune` only when it is given",
    standard: DEFAULTS.bitcoin.filterIndex ? "on" : "off",
    only: "bitcoin",
    read: (text) => ({ filterIndex: isOn(text, "blockfilterindex") }),
  },
  {
    key: "peerblockfilters",
    value: "ON|OFF",
    help: "bitcoin: give block filters to peers (BIP157)",
    document: "give block filters to peers (BIP157); `on` needs `blockfilterindex`",
    standard: DEFAULTS.bitcoin.peerFilters ? "on" : "off",
    only: "bitcoin",
    read: (text) => ({ peerFilters: isOn(text, "peerblockfilters") }),
  },
  {
    key: "reindex",
    help: "bitcoin: build the index anew from the block files",
    document: "build the index anew from the block files",
    standard: `${DEFAULTS.bitcoin.reindex}`,
    only: "bitcoin",
    read: (text) => ({ reindex: text === "true" }),
  },
  {
    key: "reindex-chainstate",
    help: "bitcoin: make the unspent outputs anew from the stored blocks",
    document: "make the unspent outputs anew from the stored blocks; not where blocks were pruned",
    standard: `${DEFAULTS.bitcoin.reindexChainstate}`,
    only: "bitcoin",
    read: (text) => ({ reindexChainstate: text === "true" }),
  },
  {
    key: "stop-at-height",
    value: "HEIGHT",
    help: "bitcoin: connect no block above this height, and stop there",
    document: "connect no block above this height, and stop when the tip is there",
    only: "bitcoin",
    read: (text) => ({ stopAtHeight: parseWhole(text, "stop-at-height", 1, 2 ** 31 - 1) }),
  },
  {
    key: "min-work",
    value: "HEX",
    help: "bitcoin: follow no chain of less work than this",
    document: "follow no chain of less work than this (hex)",
    standardWords: "the network's",
    only: "bitcoin",
    read: (text) => {
      if (!/^(0x)?[0-9a-fA-F]{1,64}$/.test(text)) throw configError("min-work: a hexadecimal number");
      return { minimumWork: BigInt(`0x${text.replace(/^0x/, "")}`) };
    },
  },
  {
    key: "assume-valid",
    value: "HASH",
    help: "bitcoin: do not verify scripts below this block; off: verify all",
    document: "scripts below this block are not verified, all else is; `off`: all are verified",
    standardWords: "the network's",
    only: "bitcoin",
    read: (text) => {
      if (text === "off" || text === "0") return { assumeValid: "off" };
      if (!/^[0-9a-fA-F]{64}$/.test(text)) throw configError("assume-valid: a block's hash, or off");
      return { assumeValid: fromHex(text).reverse() };
    },
  },
  {
    key: "assume-utxo",
    value: "HEIGHT:BLOCK:HASH",
    list: true,
    help: "bitcoin: let loadtxoutset take a snapshot with this hash (may be repeated)",
    document:
      "a snapshot that `loadtxoutset` may take beside those of the network: height and hash of its block, and the " +
      "`hash_serialized_3` of its coins; may be repeated",
    standardWords: "the network's",
    only: "bitcoin",
    readAll: (texts) => ({ assumedCoins: texts.map(readAssumedCoins) }),
  },
];

/** A snapshot that the operator trusts. */
function readAssumedCoins(text: string) {
  const found = /^([0-9]{1,9}):([0-9a-fA-F]{64}):([0-9a-fA-F]{64})$/.exec(text);
  if (found === null) throw configError("assume-utxo: HEIGHT:BLOCK:HASH, two hashes of 64 hexadecimal digits");
  const [, height, block, hash] = found as unknown as [string, string, string, string];
  return { height: Number(height), block: fromHex(block).reverse(), hash: fromHex(hash).reverse() };
}
