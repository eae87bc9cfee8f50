/**
 * What a simulated run is summed up in: figures, and one hash over everything that happened.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { sha256 } from "../codec/sha256.ts";

/** A rule of the world that did not hold. */
export interface Breach {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly rule: string;
  readonly host: string;
  readonly detail: string;
}

/** What the mempools of a world came to, at most. */
export interface MempoolsReport {
  /** Bytes of one, of its limit. */
  readonly fill: number;
  /** Transactions that were dropped for want of memory, of one. */
  readonly evicted: number;
  /** What one asked for, in satoshi for 1000 virtual bytes. */
  readonly minimum_fee_rate: number;
  /** Transactions that hang together, and their virtual bytes. */
  readonly cluster_count: number;
  readonly cluster_vbytes: number;
}

/** What became of the compact blocks of a world, at all of its nodes. */
export interface CompactBlocksReport {
  readonly rebuilt: number;
  /** Questions for transactions that were missing. */
  readonly round_trips: number;
  /** Blocks that were asked for whole, since what came in parts did not fit, or left to others. */
  readonly fallbacks: number;
}

/** The object that `gemel simulate --json` prints. */
export interface SimReport {
  readonly chain: "chia" | "bitcoin";
  readonly seed: number;
  readonly nodes: number;
  readonly malicious: number;
  readonly virtual_hours: number;
  /** Timers that fired: arrivals of bytes and everything that waited. */
  readonly events: number;
  readonly wall_seconds: number;
  /** Resident set of the process, the largest that was seen, in bytes. */
  readonly peak_memory: number;
  readonly connectivity: {
    /** Share of the honest nodes that are in the largest connected part, at the end. */
    readonly largest_part: number;
    readonly outbound_mean: number;
    readonly inbound_mean: number;
    /** Share of honest nodes' outbound connections that end at malicious peers. */
    readonly outbound_malicious: number;
  };
  /** Milliseconds from the making of a block to a node's taking it for its tip. */
  readonly propagation_ms: {
    readonly p50: number | null;
    readonly p90: number | null;
    readonly p99: number | null;
    readonly max: number | null;
    readonly samples: number;
  };
  readonly blocks: { readonly made: number; readonly best_height: number };
  /** Where payments are made: milliseconds from the making of a payment to a node's taking it into its mempool. */
  readonly transactions?: SimReport["propagation_ms"] & {
    readonly made: number;
    /** Those that are in blocks of the heaviest chain. */
    readonly mined: number;
    /** Milliseconds from a node's taking a payment in to a neighbour's, for each pair of honest neighbours. */
    readonly hops: SimReport["propagation_ms"];
    /** What of these came after the moment at which the node tells the neighbour, which chance decides. */
    readonly beyond_trickle: SimReport["propagation_ms"];
    /** The same for parents that pay nothing, and the children that pay for them: a parent is asked for after its child. */
    readonly packages_beyond_trickle: SimReport["propagation_ms"];
    readonly mempools: MempoolsReport;
    readonly compact_blocks: CompactBlocksReport;
  };
  readonly faults: Readonly<Record<string, number>>;
  readonly network: Readonly<Record<string, number>>;
  readonly breaches: readonly Breach[];
  readonly breach_count: number;
  readonly log_lines: number;
  /** SHA-256 over every log line of every node, with its virtual time. */
  readonly log_hash: string;
}

const FLUSH_CHARACTERS = 64 * 1024;
const encoder = new TextEncoder();

/** The log of a world, of which the hash is kept and, if asked for, the lines. */
export class WorldLog {
  lines = 0;
  readonly #keep: ((line: string) => void) | undefined;
  #hash: Uint8Array = new Uint8Array(32);
  #text = "";

  constructor(keep?: (line: string) => void) {
    this.#keep = keep;
  }

  add(at: number, host: string, text: string): void {
    const line = `${at.toFixed(3)} ${host} ${text}`;
    this.lines += 1;
    this.#text += `${line}\n`;
    this.#keep?.(line);
    if (this.#text.length > FLUSH_CHARACTERS) this.#flush();
  }

  /** Hexadecimal. Each stretch of lines is hashed together with the hash of what came before. */
  get hash(): string {
    this.#flush();
    return toHex(this.#hash);
  }

  #flush(): void {
    if (this.#text === "") return;
    this.#hash = sha256(this.#hash, encoder.encode(this.#text));
    this.#text = "";
  }
}

/** What {@link SimReport.propagation_ms} tells of delays. */
export function delaysJson(delays: readonly number[]): SimReport["propagation_ms"] {
  const sorted = Float64Array.from(delays).sort();
  const at = (part: number) => {
    const value = percentile(sorted, part);
    return value === null ? null : Math.round(value);
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1), samples: sorted.length };
}

/** The values at these shares of a sorted list; null when it is empty. */
export function percentile(sorted: ArrayLike<number>, share: number): number | null {
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
