/**
 * The settings of Bitcoin's mempool, by Core's names.
 *
 * @module
 */
import { DEFAULT_MEMPOOL_POLICY as STANDARD, networkByName } from "../mod.ts";
import { type ChainSetting, configError, isOn } from "./setting.ts";
import { parseWhole } from "./values.ts";

const MEGABYTE = 1_000_000;
const HOUR_SECONDS = 3_600;
const COIN_DECIMALS = 8;
/** A transaction of a cluster's size, as often as Core asks for it. */
const MEGABYTES_MIN = 5;
const [MEGABYTES_MAX, HOURS_MAX, KVB_MAX] = [1_000_000, 24 * 365, 404];

/** An amount of coins in satoshi. */
function parseCoins(text: string, what: string): number {
  const parts = /^([0-9]{1,8})(?:\.([0-9]{1,8}))?$/.exec(text);
  if (parts === null) throw configError(`${what}: ${JSON.stringify(text)} is no amount like 0.00001`);
  return Number(parts[1]! + (parts[2] ?? "").padEnd(COIN_DECIMALS, "0"));
}

/** An amount of satoshi in coins, as short as can be. */
const coinsText = (satoshi: number) => (satoshi / 10 ** COIN_DECIMALS).toFixed(COIN_DECIMALS).replace(/0+$/, "");

/** Settings of Bitcoin alone. */
export const MEMPOOL_SETTINGS: readonly ChainSetting[] = [
  {
    key: "maxmempool",
    value: "MB",
    help: "bitcoin: memory for transactions that wait for a block, at least 5 (5 with blocks-only)",
    document: "megabytes of memory for transactions that wait for a block, 5 or more; 5 with `blocks-only`",
    standard: `${STANDARD.bytesMax / MEGABYTE}`,
    only: "bitcoin",
    read: (text) => ({
      mempool: { bytesMax: parseWhole(text, "maxmempool", MEGABYTES_MIN, MEGABYTES_MAX) * MEGABYTE },
    }),
  },
  {
    key: "mempoolexpiry",
    value: "HOURS",
    help: "bitcoin: drop transactions that wait longer",
    document: "hours after which a transaction that no block has is dropped",
    standard: `${STANDARD.expirySeconds / HOUR_SECONDS}`,
    only: "bitcoin",
    read: (text) => ({
      mempool: { expirySeconds: parseWhole(text, "mempoolexpiry", 1, HOURS_MAX) * HOUR_SECONDS },
    }),
  },
  {
    key: "minrelaytxfee",
    value: "COINS",
    help: "bitcoin: take no transaction that pays less for 1000 virtual bytes",
    document: "the least that a transaction pays, in coins for 1000 virtual bytes",
    standard: coinsText(STANDARD.minRelayFeeRate),
    only: "bitcoin",
    read: (text) => ({ mempool: { minRelayFeeRate: parseCoins(text, "minrelaytxfee") } }),
  },
  {
    key: "incrementalrelayfee",
    value: "COINS",
    help: "bitcoin: what a replacement pays more, for 1000 virtual bytes of its own",
    document: "what a replacement pays more than what it replaces, in coins for 1000 virtual bytes of its own",
    standard: coinsText(STANDARD.incrementalRelayFeeRate),
    only: "bitcoin",
    read: (text) => ({ mempool: { incrementalRelayFeeRate: parseCoins(text, "incrementalrelayfee") } }),
  },
  {
    key: "dustrelayfee",
    value: "COINS",
    help: "bitcoin: an output that costs more to spend, at this rate, is dust",
    document: "by which an output counts as dust, in coins for 1000 virtual bytes that spend it",
    standard: coinsText(STANDARD.dustRelayFeeRate),
    only: "bitcoin",
    read: (text) => ({ mempool: { dustRelayFeeRate: parseCoins(text, "dustrelayfee") } }),
  },
  {
    key: "datacarriersize",
    value: "BYTES",
    help: "bitcoin: bytes of data in a transaction's outputs; 0: none",
    document: "bytes that scripts of outputs with data may have together; 0: there may be none",
    standard: `${STANDARD.dataCarrierBytesMax}`,
    only: "bitcoin",
    read: (text) => ({ mempool: { dataCarrierBytesMax: parseWhole(text, "datacarriersize", 0, MEGABYTE) } }),
  },
  {
    key: "permitbaremultisig",
    value: "ON|OFF",
    help: "bitcoin: take outputs of bare multisig",
    document: "take outputs with a multisig that is not behind a hash",
    standard: STANDARD.permitsBareMultisig ? "on" : "off",
    only: "bitcoin",
    read: (text) => ({ mempool: { permitsBareMultisig: isOn(text, "permitbaremultisig") } }),
  },
  {
    key: "limitclustercount",
    value: "N",
    help: "bitcoin: transactions that hang together, at most 64",
    document: "transactions that may hang together while they wait, 64 at most",
    standard: `${STANDARD.clusterCountMax}`,
    only: "bitcoin",
    read: (text) => ({
      mempool: { clusterCountMax: parseWhole(text, "limitclustercount", 1, STANDARD.clusterCountMax) },
    }),
  },
  {
    key: "limitclustersize",
    value: "KVB",
    help: "bitcoin: thousands of virtual bytes that hang together",
    document: "thousands of virtual bytes of transactions that may hang together while they wait",
    standard: `${STANDARD.clusterVbytesMax / 1_000}`,
    only: "bitcoin",
    read: (text) => ({
      mempool: { clusterVbytesMax: parseWhole(text, "limitclustersize", 1, KVB_MAX) * 1_000 },
    }),
  },
  {
    key: "bytespersigop",
    value: "N",
    help: "bitcoin: bytes that a signature operation counts as",
    document: "weight units that a signature operation counts as, at least",
    standard: `${STANDARD.bytesPerSigOp}`,
    only: "bitcoin",
    read: (text) => ({ mempool: { bytesPerSigOp: parseWhole(text, "bytespersigop", 1, 1_000) } }),
  },
  {
    key: "acceptnonstdtxn",
    help: "bitcoin: take transactions of unusual forms, on networks for tests",
    document: "take transactions of unusual forms; on networks for tests alone",
    standard: `${!STANDARD.requiresStandard}`,
    only: "bitcoin",
    read: (text, { network }) => {
      if (text === "true" && networkByName(network)?.testChain !== true) {
        throw configError(`acceptnonstdtxn: not for ${network}`);
      }
      return { mempool: { requiresStandard: text !== "true" } };
    },
  },
  {
    key: "persistmempool",
    value: "ON|OFF",
    help: "bitcoin: keep transactions that wait over restarts",
    document: "keep transactions that wait in `mempool.dat`, Core's file, over restarts",
    standard: "on",
    only: "bitcoin",
    read: (text) => (isOn(text, "persistmempool") ? {} : { persistMempool: false }),
  },
  {
    key: "persistmempoolv1",
    help: "bitcoin: write mempool.dat as Core did before release 26",
    document: "write `mempool.dat` in version 1, as Core did before release 26",
    standard: "false",
    only: "bitcoin",
    read: (text) => (text === "true" ? { persistMempoolVersion1: true } : {}),
  },
];
