/**
 * The search for unspent outputs by their scripts.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (scantxoutset)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { type Coin, decodeCoin } from "../../bitcoin/coins/coin.ts";
import { outPointOf } from "../../bitcoin/coins/key.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { OutPoint } from "../../bitcoin/types/mod.ts";
import { noCoins } from "./coins.ts";
import type { DescribedScript } from "./descriptor-scripts.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import { amountJson, type RpcObject } from "./json.ts";
import { type BitcoinRpcContext, type Method, optional, required } from "./method.ts";
import { type RunningScan, scanCall, scannedScripts, Scans } from "./scans.ts";

/** Outputs that a scan finds at most; more would be told in hundreds of megabytes. */
const FOUND_MAX = 200_000;
/** Outputs that are looked through between two turns of the event loop. */
const PAUSE_EVERY = 512;

/** An output that was found. */
interface Found {
  readonly outpoint: OutPoint;
  readonly coin: Coin;
  readonly descriptor: string;
}

/** Goes through all outputs. Undefined where none are kept. */
async function search(
  { bitcoin, clock }: BitcoinRpcContext,
  wanted: readonly DescribedScript[],
  scan: RunningScan,
): Promise<{ readonly at: number; readonly seen: number; readonly found: readonly Found[] } | undefined> {
  const descriptors = new Map(wanted.map(({ script, descriptor }) => [toHex(script), descriptor]));
  const lengths = new Set(wanted.map(({ script }) => script.length));
  return await bitcoin.readCoins(async ({ at = 0, all }) => {
    const found: Found[] = [];
    let seen = 0;
    const reading = all(({ key, keyLength, bytes, valueAt, valueLength }) => {
      const coin = decodeCoin(bytes.slice(valueAt, valueAt + valueLength));
      const descriptor = lengths.has(coin.scriptPubKey.length) ? descriptors.get(toHex(coin.scriptPubKey)) : undefined;
      if (descriptor !== undefined) {
        if (found.length === FOUND_MAX) {
          throw new JsonRpcError(RpcCode.misc, `more than ${FOUND_MAX} outputs were found: scan for fewer scripts`);
        }
        found.push({ outpoint: outPointOf(key.subarray(0, keyLength)), coin, descriptor });
      }
      seen += 1;
      if (seen % PAUSE_EVERY !== 0) return undefined;
      scan.status = { progress: Math.round((key[0]! * 256 + key[1]!) * 100 / 65_536) };
      return clock.sleep(0);
    }, scan.signal);
    // What was found until somebody ended it is told.
    await reading.catch((thrown) => {
      if (!scan.isEnded || thrown instanceof JsonRpcError) throw thrown;
    });
    return { at, seen, found };
  });
}

function foundJson({ headers }: BitcoinService, at: number, { outpoint, coin, descriptor }: Found): RpcObject {
  return {
    txid: toDisplayHex(outpoint.txid),
    vout: outpoint.vout,
    scriptPubKey: toHex(coin.scriptPubKey),
    desc: descriptor,
    amount: amountJson(coin.value),
    coinbase: coin.isCoinbase,
    height: coin.height,
    blockhash: toDisplayHex(headers.hash(headers.ancestor(at, coin.height))),
    confirmations: headers.height(at) - coin.height + 1,
  };
}

/** The scans of each node. */
const scansOf = new WeakMap<BitcoinService, Scans>();

/** The methods. */
export const coinScanMethods: readonly Method[] = [
  {
    name: "scantxoutset",
    category: "Blockchain",
    summary:
      "Searches the unspent outputs for scripts, which are told by descriptors: addr(), raw(), pk(), pkh(), wpkh(), combo(),\n" +
      "multi(), sortedmulti(), sh(), wsh(), tr(KEY), rawtr(). Keys are public keys as hex; no others are derived from them.",
    params: [
      required("action", "string", "start, status or abort"),
      optional("scanobjects", "array", "Descriptors, or objects {desc, range}"),
    ],
    result:
      '{ "success", "txouts", "height", "bestblock", "unspents", "total_amount" }    (object); {"progress"} or null ' +
      "for status; true or false for abort",
    examples: [
      `scantxoutset start '["raw(76a91411b366edfc0a8b66feebae5c2e25a7b6a5d1cf3188ac)"]'`,
      "scantxoutset status",
    ],
    waits: true,
    async call(args, call) {
      const { context, context: { bitcoin } } = call;
      return await scanCall(scansOf, call, args.text(0), async (scan) => {
        const wanted = await scannedScripts(args.at(1), bitcoin.network, context.clock, scan.signal);
        const result = await search(context, wanted, scan);
        if (result === undefined) throw noCoins(bitcoin);
        const { at, seen, found } = result;
        return {
          success: !scan.isEnded,
          txouts: seen,
          height: bitcoin.headers.height(at),
          bestblock: toDisplayHex(bitcoin.headers.hash(at)),
          unspents: found.map((each) => foundJson(bitcoin, at, each)),
          total_amount: amountJson(found.reduce((sum, { coin }) => sum + coin.value, 0n)),
        };
      });
    },
  },
];
