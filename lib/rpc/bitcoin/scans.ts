/**
 * Scans: one of a kind at a time, which others may ask about and end; and the objects that they look for.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (CoinsViewScanReserver), `rpc/util.cpp` (EvalDescriptorStringOrObject)
 * @module
 */
import type { Json } from "../../codec/json.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { PaymentAddressPrefixes } from "../../bitcoin/types/mod.ts";
import type { Clock } from "../../core/ports.ts";
import { type DescribedScript, Descriptor } from "./descriptor-scripts.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type MethodCall, wrongType } from "./method.ts";

/** A scan that runs. */
export interface RunningScan {
  /** Aborts when the caller is gone, the node stops, or somebody ends the scan. */
  readonly signal: AbortSignal;
  /** Whether somebody ended it. */
  readonly isEnded: boolean;
  /** What `status` tells of it. Set by the scan. */
  status: { readonly progress: number; readonly current_height?: number };
}

/** The scans of one kind. */
export class Scans {
  #running: { readonly scan: RunningScan; readonly end: () => void } | undefined;

  /** What the one that runs has to tell; undefined when none runs. */
  get status(): RunningScan["status"] | undefined {
    return this.#running?.scan.status;
  }

  /** Ends the one that runs; false when none does. */
  end(): boolean {
    this.#running?.end();
    return this.#running !== undefined;
  }

  /** Runs a scan. Throws −8 when one runs already. */
  async run<T>(signal: AbortSignal, work: (scan: RunningScan) => Promise<T>): Promise<T> {
    if (this.#running !== undefined) {
      throw invalidParameter('Scan already in progress, use action "abort" or "status"');
    }
    const ending = new AbortController();
    const scan: RunningScan = {
      signal: AbortSignal.any([signal, ending.signal]),
      get isEnded() {
        return ending.signal.aborted;
      },
      status: { progress: 0 },
    };
    this.#running = { scan, end: () => ending.abort(new DOMException("the scan was ended", "AbortError")) };
    try {
      return await work(scan);
    } finally {
      this.#running = undefined;
    }
  }
}

/**
 * What a call of a scanning method does, by its first argument: starts a scan, tells of the one that runs, or ends it.
 * Throws −8 for another word.
 */
export async function scanCall(
  scansOf: WeakMap<BitcoinService, Scans>,
  { context: { bitcoin }, signal }: MethodCall,
  action: string,
  work: (scan: RunningScan) => Promise<RpcJson>,
): Promise<RpcJson> {
  const scans = scansOf.get(bitcoin) ?? new Scans();
  scansOf.set(bitcoin, scans);
  if (action === "status") return scans.status ?? null;
  if (action === "abort") return scans.end();
  if (action !== "start") throw invalidParameter(`Invalid action '${action.slice(0, 100)}'`);
  return await scans.run(signal, work);
}

/** Scripts that are looked for at once: what they take is held meanwhile. */
const SCRIPTS_MAX = 1_000_000;
/** The most keys that a range may have. */
const RANGE_MAX = 1_000_000;

/** Numbers that stand for `*` where the caller names none. */
const RANGE_STANDARD = [0, 1_000] as const;
/** A turn of deriving keys, in scripts. */
const TURN = 64;

/** The numbers of a range, the first and the last. Throws −8 for a range that is none. */
function rangeOf(range: Json): readonly [number, number] {
  const [first, last] = typeof range === "number" ? [0, range] : Array.isArray(range) ? range : [];
  if (typeof range !== "number" && !(Array.isArray(range) && range.length === 2)) {
    throw invalidParameter("Range must be specified as end or as [begin,end]");
  }
  for (const each of [first, last]) {
    if (typeof each !== "number") throw wrongType(each ?? null, "number");
    if (!Number.isInteger(each)) throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
  }
  const [from, to] = [Number(first), Number(last)];
  if (from > to && Array.isArray(range)) {
    throw invalidParameter("Range specified as [begin,end] must not have begin after end");
  }
  if (from < 0) throw invalidParameter("Range should be greater or equal than 0");
  if (to < 0 || to >= 2 ** 31) throw invalidParameter("End of range is too high");
  if (to >= from + RANGE_MAX) throw invalidParameter("Range is too large");
  return [from, to];
}

/**
 * The scripts that a list of scan objects stands for: descriptors, or objects with one. Others have their turn meanwhile.
 * Throws −8, −5, −3, or the signal's reason.
 */
export async function scannedScripts(
  objects: Json,
  prefixes: PaymentAddressPrefixes,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly DescribedScript[]> {
  const scripts: DescribedScript[] = [];
  for (const { descriptor, range } of scanObjects(objects, prefixes)) {
    const [from, to] = descriptor.isRange ? range : [0, 0];
    for (let index = from; index <= to; index++) {
      if (index > from && index % TURN === 0) await clock.sleep(0, signal);
      scripts.push(...descriptor.scripts(index));
      if (scripts.length > SCRIPTS_MAX) throw invalidParameter(`More than ${SCRIPTS_MAX} scripts`);
    }
  }
  return scripts;
}

interface ScanObject {
  readonly descriptor: Descriptor;
  readonly range: readonly [number, number];
}

function scanObjects(objects: Json, prefixes: PaymentAddressPrefixes): readonly ScanObject[] {
  if (objects === null) {
    throw new JsonRpcError(RpcCode.misc, "scanobjects argument is required for the start action");
  }
  if (!Array.isArray(objects)) throw wrongType(objects, "array");
  return objects.map((each: Json): ScanObject => {
    if (typeof each === "string") return { descriptor: new Descriptor(each, prefixes), range: RANGE_STANDARD };
    if (typeof each !== "object" || each === null || Array.isArray(each)) {
      throw invalidParameter("Scan object needs to be either a string or an object");
    }
    const { desc = null, range = null } = each as { readonly desc?: Json; readonly range?: Json };
    if (typeof desc !== "string") throw invalidParameter("Descriptor needs to be provided in scan object");
    return { descriptor: new Descriptor(desc, prefixes), range: range === null ? RANGE_STANDARD : rangeOf(range) };
  });
}
