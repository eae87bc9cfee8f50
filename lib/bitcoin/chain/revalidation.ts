/**
 * How far stored blocks were validated again, and telling of it.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import type { Validation } from "../../core/validation.ts";
import type { HeaderChain } from "../headers/header-chain.ts";

/** How far stored blocks were validated again. */
export interface ValidationProgress {
  /** Height of the last block that did not need it. */
  readonly from: number;
  readonly height: number;
  /** The tip's height. */
  readonly to: number;
  /** The validator's. */
  readonly level: Validation;
}

/** What telling needs. */
export interface RevalidationParts {
  readonly headers: HeaderChain;
  readonly level: Validation;
  readonly clock: Clock;
  /** Hears once a minute, and at the end. */
  readonly onValidation?: ((progress: ValidationProgress) => void) | undefined;
  readonly notice: (level: "error" | "warning" | "info", text: string) => void;
}

const TELL_EVERY_MS = 60_000;

/** Blocks that are connected again, from one height up to the tip. */
export class Revalidation {
  readonly #parts: RevalidationParts;
  #from: number | undefined;
  #toldAt = 0;

  constructor(parts: RevalidationParts) {
    this.#parts = parts;
  }

  /** It begins above a row. */
  begin(row: number): void {
    this.#from = this.#parts.headers.height(row);
    this.#toldAt = this.#parts.clock.monotonic();
  }

  /** How far it is, with the last block that is connected and the tip; undefined when none is under way. */
  progress(head: number, tip: number): ValidationProgress | undefined {
    const { headers, level } = this.#parts;
    if (this.#from === undefined) return undefined;
    return { from: this.#from, height: headers.height(head), to: headers.height(tip), level };
  }

  /** A block more is connected, or all are; tells of it now and then. */
  moved(head: number, tip: number, isDone: boolean): void {
    const progress = this.progress(head, tip);
    if (progress === undefined) return;
    const { clock, onValidation, notice } = this.#parts;
    if (isDone) this.#from = undefined;
    else if (clock.monotonic() - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = clock.monotonic();
    notice("info", `stored blocks are validated again: height ${progress.height} of ${progress.to}`);
    onValidation?.(progress);
  }
}
