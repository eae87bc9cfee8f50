/**
 * The search for blocks that may concern scripts, by their filters.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (scanblocks)
 * @module
 */
import { givingWay } from "../../core/work/give-way.ts";
import { toHex } from "../../codec/hex.ts";
import { GcsFilter } from "../../bitcoin/filters/mod.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { BASIC, filterIndexOf } from "./block-filters.ts";
import type { DescribedScript } from "./descriptor-scripts.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type Arguments, type BitcoinRpcContext, type Method, optional, required } from "./method.ts";
import { type RunningScan, scanCall, scannedScripts, Scans } from "./scans.ts";

/** Work between two turns of the event loop. */
const TURN_MS = 5;

/** From where to where is searched, as rows of the active chain. */
interface Span {
  readonly start: number;
  readonly stop: number;
}

function spanOf(bitcoin: BitcoinService, args: Arguments): Span {
  const at = (position: number, name: string) => {
    const height = args.integer(position);
    const row = height < 0 ? -1 : bitcoin.activeAt(height);
    if (row < 0) throw new JsonRpcError(RpcCode.misc, `Invalid ${name}`);
    return row;
  };
  const start = args.has(2) ? at(2, "start_height") : 0;
  const stop = args.has(3) ? at(3, "stop_height") : bitcoin.tip;
  if (bitcoin.headers.height(stop) < bitcoin.headers.height(start)) {
    throw new JsonRpcError(RpcCode.misc, "Invalid stop_height");
  }
  return { start, stop };
}

/** Whether a block makes or spends an output of one of the scripts. Where that cannot be known, its filter is believed. */
async function concerns({ blocks }: BitcoinService, row: number, scripts: ReadonlySet<string>): Promise<boolean> {
  const block = await blocks.read(row);
  const spent = block && await blocks.spentByInput(row, block);
  if (block === undefined || spent === undefined) return true;
  const outputs = [...block.transactions.flatMap((transaction) => transaction.outputs), ...spent.flat()];
  return outputs.some(({ scriptPubKey }) => scripts.has(toHex(scriptPubKey)));
}

async function search(
  { bitcoin, clock }: BitcoinRpcContext,
  { start, stop }: Span,
  wanted: readonly DescribedScript[],
  filtersFalsePositives: boolean,
  scan: RunningScan,
): Promise<RpcJson> {
  const { headers } = bitcoin;
  const index = filterIndexOf(bitcoin, BASIC);
  const elements = wanted.map(({ script }) => script);
  const scripts = new Set(elements.map(toHex));
  const [from, to] = [headers.height(start), headers.height(stop)];
  const relevant: string[] = [];
  const giveWay = givingWay(clock, TURN_MS);
  let reached = from;
  for (let height = from; height <= to && !scan.isEnded; height++) {
    scan.signal.throwIfAborted();
    // The branch of the last block, whatever becomes of the active chain meanwhile.
    const row = headers.ancestor(stop, height);
    const entry = await index.entry(row);
    const isMatch = entry !== undefined && GcsFilter.decode(entry.blockHash, entry.filter).matchesAny(elements);
    if (isMatch && (!filtersFalsePositives || await concerns(bitcoin, row, scripts))) {
      relevant.push(toDisplayHex(headers.hash(row)));
    }
    reached = height;
    const progress = to === from ? 100 : Math.floor((100 / (to - from)) * (height - from));
    scan.status = { progress, current_height: height };
    await giveWay();
  }
  return {
    from_height: from,
    to_height: reached,
    relevant_blocks: relevant,
    completed: !scan.isEnded,
  };
}

/** The scans of each node. */
const scansOf = new WeakMap<BitcoinService, Scans>();

/** The methods. */
export const blockScanMethods: readonly Method[] = [
  {
    name: "scanblocks",
    category: "Blockchain",
    summary:
      "Searches the filters of blocks for scripts, which are told as for scantxoutset: tells blocks that may make or\n" +
      "spend outputs of them. The node must keep filters (--blockfilterindex on).",
    params: [
      required("action", "string", "start, status or abort"),
      optional("scanobjects", "array", "Descriptors, or objects {desc, range}"),
      optional("start_height", "number", "The first block", "0"),
      optional("stop_height", "number", "The last block", "the tip"),
      optional("filtertype", "string", "The type of filter", `"${BASIC}"`),
      optional("options", "object", "{filter_false_positives}: look into blocks whose filters match"),
    ],
    result:
      '{ "from_height", "to_height", "relevant_blocks", "completed" }    (object); {"progress", "current_height"} or ' +
      "null for status; true or false for abort",
    examples: [
      `scanblocks start '["addr(bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080)"]' 100 200`,
      "scanblocks status",
    ],
    waits: true,
    async call(args, call) {
      const { context, context: { bitcoin } } = call;
      return await scanCall(scansOf, call, args.text(0), async (scan) => {
        const index = filterIndexOf(bitcoin, args.optionalText(4) ?? BASIC);
        await index.settled();
        const span = spanOf(bitcoin, args);
        const wanted = await scannedScripts(args.at(1), bitcoin.network, context.clock, scan.signal);
        return await search(context, span, wanted, args.object(5).filter_false_positives === true, scan);
      });
    },
  },
];
