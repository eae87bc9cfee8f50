/**
 * How much memory all peers together may hold: half of a message that has come, messages that wait to be handled, answers
 * that wait to be read. Each connection is bounded by itself; this bounds their sum. When it is passed, the connection
 * that holds most is ended, those that dialled us before those that we chose: the node sheds peers before it runs out.
 *
 * @module
 */
import { NodeError } from "./errors.ts";

/** What peers may hold together unless it is said otherwise. */
export const PEER_MEMORY_BYTES = 192 * 1024 * 1024;

/** What a connection may be: for whom it is, and how it is ended. */
export interface Holder {
  readonly isInbound: boolean;
  /** Ends the connection; what it holds is counted as given back from then on. */
  readonly end: (error: NodeError) => void;
}

/** The part of one connection. */
export interface MemoryAccount {
  /** Sets what one use of it holds now, in bytes: `in` for what came, `out` for what is to go. */
  set(use: "in" | "out", bytes: number): void;
  /** The connection is gone. */
  close(): void;
}

interface Entry extends Holder {
  readonly held: Record<"in" | "out", number>;
}

/** The sum, and who is part of it. */
export class MemoryBudget {
  readonly #bytesMax: number;
  readonly #entries = new Set<Entry>();
  #used = 0;

  constructor(bytesMax: number = PEER_MEMORY_BYTES) {
    this.#bytesMax = bytesMax;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** What all connections hold now. */
  get used(): number {
    return this.#used;
  }

  /** Opens the account of a connection. */
  open(holder: Holder): MemoryAccount {
    const entry: Entry = { ...holder, held: { in: 0, out: 0 } };
    this.#entries.add(entry);
    return {
      set: (use, bytes) => {
        if (!this.#entries.has(entry)) return;
        this.#used += bytes - entry.held[use];
        entry.held[use] = bytes;
        while (this.#used > this.#bytesMax && this.#shed());
      },
      close: () => this.#close(entry),
    };
  }

  #close(entry: Entry): void {
    if (this.#entries.delete(entry)) this.#used -= sumOf(entry);
  }

  #shed(): boolean {
    const holding = [...this.#entries].filter((entry) => sumOf(entry) > 0);
    const inbound = holding.filter(({ isInbound }) => isInbound);
    const worst = (inbound.length > 0 ? inbound : holding)
      .reduce<Entry | undefined>((most, entry) => (most && sumOf(most) >= sumOf(entry) ? most : entry), undefined);
    if (worst === undefined) return false;
    this.#close(worst);
    worst.end(
      new NodeError(
        "memory_budget",
        "self",
        `held ${sumOf(worst)} of the ${this.#bytesMax} bytes that all peers may hold`,
      ),
    );
    return true;
  }
}

const sumOf = ({ held }: Entry): number => held.in + held.out;
