/**
 * Methods about outputs that are not spent.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (gettxout, gettxoutsetinfo)
 * @module
 */
import type { CoinHash } from "../../bitcoin/coins/statistics.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { parseHash } from "./arguments.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { amountJson } from "./json.ts";
import { type Method, optional, required } from "./method.ts";
import { scriptJson } from "./script-json.ts";
import { coinsBehind, MEMPOOL_HEIGHT, unspentWithMempool } from "./unspent.ts";

const KINDS: readonly string[] = ["hash_serialized_3", "muhash", "none"] satisfies CoinHash[];

/** The answer of a node that keeps no coins. */
export const noCoins = ({ state }: BitcoinService) =>
  new JsonRpcError(RpcCode.misc, `this node keeps ${state().mode} only; --mode full keeps unspent outputs`);

/** The methods. */
export const coinMethods: readonly Method[] = [
  {
    name: "gettxout",
    category: "Blockchain",
    summary: "Tells of an unspent output; null where there is none.",
    params: [
      required("txid", "hex", "The transaction id"),
      required("n", "number", "Which output"),
      optional("include_mempool", "boolean", "Whether the mempool counts: what it spends, and what it makes", "true"),
    ],
    result: '{ "bestblock", "confirmations", "value", "scriptPubKey", "coinbase" }    (object), or null',
    examples: ["gettxout <txid> 1"],
    async call(args, { context: { bitcoin } }) {
      const txid = parseHash(args.text(0), "txid");
      const vout = args.wide(1, -1);
      if (vout < 0 || vout > 0xffff_ffff) throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
      const behind = coinsBehind(bitcoin);
      if (behind !== undefined) throw new JsonRpcError(RpcCode.inWarmup, behind);
      const outpoints = [{ txid, vout }];
      const found = args.boolean(2, true)
        ? await unspentWithMempool(bitcoin, outpoints, true)
        : await bitcoin.coins(outpoints);
      if (found === undefined) throw noCoins(bitcoin);
      const { at, coins: [coin] } = found;
      if (coin === undefined) return null;
      const { headers, network } = bitcoin;
      return {
        bestblock: toDisplayHex(headers.hash(at)),
        confirmations: coin.height === MEMPOOL_HEIGHT ? 0 : headers.height(at) - coin.height + 1,
        value: amountJson(coin.value),
        scriptPubKey: scriptJson(coin.scriptPubKey, network),
        coinbase: coin.isCoinbase,
      };
    },
  },
  {
    name: "gettxoutsetinfo",
    category: "Blockchain",
    summary: "Counts the unspent outputs and hashes them. It reads all of them, which may take some time.",
    params: [
      optional("hash_type", "string", "hash_serialized_3, muhash or none", "hash_serialized_3"),
      optional("hash_or_height", "any", "Refused: this node has no index of such figures by block"),
      optional("use_index", "boolean", "Taken and ignored", "true"),
    ],
    result: '{ "height", "bestblock", "txouts", "bogosize", "hash_serialized_3" or "muhash", "total_amount", ' +
      '"transactions", "disk_size" }    (object)',
    examples: ["gettxoutsetinfo", "gettxoutsetinfo muhash"],
    waits: true,
    async call(args, { context: { bitcoin }, signal }) {
      const kind = args.has(0) ? args.text(0) : "hash_serialized_3";
      if (!KINDS.includes(kind)) throw invalidParameter(`'${kind}' is not a valid hash_type`);
      if (args.has(1)) throw invalidParameter("Querying specific block heights requires coinstatsindex");
      const found = await bitcoin.coinStatistics(kind as CoinHash, signal);
      if (found === undefined) throw noCoins(bitcoin);
      const { headers } = bitcoin;
      return {
        height: headers.height(found.at),
        bestblock: toDisplayHex(headers.hash(found.at)),
        txouts: found.coins,
        bogosize: found.bogosize,
        ...(found.hash && { [kind]: toDisplayHex(found.hash) }),
        total_amount: amountJson(found.amount),
        transactions: found.transactions,
        disk_size: found.bytes,
      };
    },
  },
];
