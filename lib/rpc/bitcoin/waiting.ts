/**
 * Methods that answer when the tip moves.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (waitfornewblock, waitforblock, waitforblockheight)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import { parseHash } from "./arguments.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type Arguments, type Method, type MethodCall, optional, required } from "./method.ts";

const TIMEOUT = optional("timeout", "number", "Milliseconds to wait; 0 waits without end", "0");
const RESULT = "{hash, height}    (object) the tip, whether it is the awaited one or the time is up";

/** Waits until `isDone` holds for the tip's row, and tells the tip. */
async function tipWhen(
  { context: { bitcoin, clock }, signal }: MethodCall,
  timeoutMs: number,
  isDone: (row: number) => boolean,
): Promise<RpcJson> {
  if (timeoutMs < 0) throw new JsonRpcError(RpcCode.misc, "Negative timeout");
  const timeUp = new AbortController();
  const cancel = timeoutMs === 0 ? () => {} : clock.after(timeoutMs, () => timeUp.abort());
  const end = AbortSignal.any([signal, timeUp.signal]);
  try {
    let { tip } = bitcoin.state();
    while (!isDone(tip) && !end.aborted) {
      await bitcoin.tipChange(tip, end);
      ({ tip } = bitcoin.state());
    }
    return { hash: toDisplayHex(bitcoin.headers.hash(tip)), height: bitcoin.headers.height(tip) };
  } finally {
    cancel();
  }
}

/** What the tip is compared with: the one that the caller knows, or the one at the time of the call. */
function knownTip(args: Arguments, { context: { bitcoin } }: MethodCall): Uint8Array {
  const named = args.optionalText(1);
  return named === undefined ? bitcoin.headers.hash(bitcoin.state().tip) : parseHash(named, "current_tip");
}

/** The methods. */
export const waitingMethods: readonly Method[] = [
  {
    name: "waitfornewblock",
    category: "Blockchain",
    summary: "Waits for another tip.",
    params: [
      TIMEOUT,
      optional("current_tip", "hex", "The tip that the caller knows", "the tip at the time of the call"),
    ],
    result: RESULT,
    examples: ["waitfornewblock 1000"],
    waits: true,
    call(args, call) {
      const known = knownTip(args, call);
      return tipWhen(call, args.integer(0, 0), (row) => !equalBytes(call.context.bitcoin.headers.hash(row), known));
    },
  },
  {
    name: "waitforblock",
    category: "Blockchain",
    summary: "Waits until a block is the tip.",
    params: [required("blockhash", "hex", "The hash of the awaited block"), TIMEOUT],
    result: RESULT,
    examples: ["waitforblock 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206 1000"],
    waits: true,
    call(args, call) {
      const wanted = parseHash(args.text(0), "blockhash");
      return tipWhen(call, args.integer(1, 0), (row) => equalBytes(call.context.bitcoin.headers.hash(row), wanted));
    },
  },
  {
    name: "waitforblockheight",
    category: "Blockchain",
    summary: "Waits until the tip has at least a height.",
    params: [required("height", "number", "The awaited height"), TIMEOUT],
    result: RESULT,
    examples: ["waitforblockheight 100 1000"],
    waits: true,
    call(args, call) {
      const height = args.integer(0);
      return tipWhen(call, args.integer(1, 0), (row) => call.context.bitcoin.headers.height(row) >= height);
    },
  },
];
