/**
 * One script that is executed: its stacks, and what its opcodes know of the input that they are executed for.
 *
 * An element of a stack is never written to, so that it may be a view of the script, of the witness, or shared with another
 * element.
 *
 * @module
 */
import type { SignatureChecker } from "./checker.ts";
import { equalBytes } from "../../codec/sized.ts";
import { ScriptFlag } from "./flags.ts";
import type { TaprootExtra } from "./sighash-witness.ts";
import type { SpendingTransaction } from "./spending-transaction.ts";

/** {@link Machine.separatorAt} before any separator. */
const NO_SEPARATOR = 0xffff_ffff;

/** By which rules a script is executed. */
export type ScriptVersion = "legacy" | "v0" | "tapscript";

/** The input that is verified. */
export interface Spend {
  readonly transaction: SpendingTransaction;
  /** Which input. */
  readonly input: number;
  /** The rules, as in `ScriptFlag`. */
  readonly flags: number;
  readonly checker: SignatureChecker;
}

/** What a leaf brings along. */
export interface Leaf {
  readonly annexHash: Uint8Array | undefined;
  readonly leafHash: Uint8Array;
  /** Weight units left for signatures. */
  readonly budget: number;
}

/**
 * Digests by hash type, of the script code that was signed last: a script may check a thousand signatures, and hash the whole
 * transaction for each.
 */
class Digests {
  #code: Uint8Array | undefined;
  readonly #byType = new Map<number, Uint8Array>();

  /** The digest of this code that was kept, if any. The next one that is kept is of this code. */
  of(code: Uint8Array, hashType: number): Uint8Array | undefined {
    if (this.#code !== code) {
      if (this.#code === undefined || !equalBytes(this.#code, code)) this.#byType.clear();
      this.#code = code;
      if (this.#byType.size === 0) return undefined;
    }
    return this.#byType.get(hashType);
  }

  keep(hashType: number, digest: Uint8Array): void {
    this.#byType.set(hashType, digest);
  }
}

/** The state of one script. */
export class Machine implements TaprootExtra {
  readonly spend: Spend;
  readonly flags: number;
  readonly version: ScriptVersion;
  readonly script: Uint8Array;
  readonly stack: Uint8Array[];
  readonly altStack: Uint8Array[] = [];
  /** Whether numbers and pushes must have their shortest form. */
  readonly isMinimal: boolean;
  readonly annexHash: Uint8Array | undefined;
  readonly leafHash: Uint8Array | undefined;
  /** Weight units left for signatures of a leaf. */
  budget: number;
  /** Opcodes that count, so far. */
  opcodes = 0;
  /** Which opcode was the last separator, counted from 0. */
  separatorAt = NO_SEPARATOR;
  #digests: Digests | undefined;
  #codeFrom = 0;
  #code: Uint8Array | undefined;

  /** @param stack is changed by the script @param leaf of a tapscript */
  constructor(spend: Spend, version: ScriptVersion, script: Uint8Array, stack: Uint8Array[], leaf?: Leaf) {
    this.spend = spend;
    this.flags = spend.flags;
    this.version = version;
    this.script = script;
    this.stack = stack;
    this.isMinimal = (spend.flags & ScriptFlag.MINIMALDATA) !== 0;
    this.annexHash = leaf?.annexHash;
    this.leafHash = leaf?.leafHash;
    this.budget = leaf?.budget ?? 0;
  }

  /** Digests that were computed. Most scripts check no signature, or one. */
  get digests(): Digests {
    return this.#digests ??= new Digests();
  }

  /** What signatures sign of the script: from the last separator on. */
  get code(): Uint8Array {
    return this.#code ??= this.#codeFrom === 0 ? this.script : this.script.subarray(this.#codeFrom);
  }

  /** Signatures sign the script from `next` on. @param at which opcode the separator is, counted from 0 */
  separate(at: number, next: number): void {
    this.separatorAt = at;
    this.#codeFrom = next;
    this.#code = undefined;
  }
}
