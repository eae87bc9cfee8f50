/**
 * Arithmetic on two words at once: by the wide-arithmetic instructions where the engine has them, else by functions of
 * plain instructions that give the same words.
 *
 * @see https://github.com/WebAssembly/wide-arithmetic (i64.add128, i64.sub128, i64.mul_wide_s, i64.mul_wide_u)
 * @module
 */
import type { Code } from "./bytes.ts";
import { I64, type Word } from "./values.ts";

/** What of a module wide arithmetic needs. */
export interface WideHost {
  /** Whether the instructions may be used. */
  readonly wide: boolean;
  /** A call of one of {@link WIDE_FUNCTIONS}, which is made when it is first called. */
  callWide(name: WideName): Code;
}

/** The functions that stand in for the instructions, by their names, with the second byte of each instruction. */
export const WIDE_FUNCTIONS = { add128: 19, sub128: 20, mulWideS: 21, mulWideU: 22 } as const;
/** One of {@link WIDE_FUNCTIONS}. */
export type WideName = keyof typeof WIDE_FUNCTIONS;

function operation(host: WideHost, name: WideName, operands: Code): Code {
  return host.wide ? [operands, 0xfc, WIDE_FUNCTIONS[name]] : [operands, host.callWide(name)];
}

/** Two words on the stack, the low one first: a number modulo 2^128. */
export class Wide {
  readonly code: Code;
  readonly #host: WideHost;

  constructor(host: WideHost, code: Code) {
    this.#host = host;
    this.code = code;
  }

  /** One word as two, the high one 0. */
  static of(host: WideHost, low: Word): Wide {
    return new Wide(host, [I64.of(low).code, I64.of(0n).code]);
  }

  /** Adds two words, or one of them as an unsigned number. */
  add(other: Wide | Word): Wide {
    return new Wide(this.#host, operation(this.#host, "add128", [this.code, this.#wide(other).code]));
  }

  sub(other: Wide | Word): Wide {
    return new Wide(this.#host, operation(this.#host, "sub128", [this.code, this.#wide(other).code]));
  }

  #wide(value: Wide | Word): Wide {
    return value instanceof Wide ? value : Wide.of(this.#host, value);
  }
}

/** Wide arithmetic in a module. */
export class Arithmetic {
  readonly #host: WideHost;

  constructor(host: WideHost) {
    this.#host = host;
  }

  /** The whole product of two unsigned words. */
  mulU(a: Word, b: Word): Wide {
    return new Wide(this.#host, operation(this.#host, "mulWideU", [I64.of(a).code, I64.of(b).code]));
  }

  /** The whole product of two signed words. */
  mulS(a: Word, b: Word): Wide {
    return new Wide(this.#host, operation(this.#host, "mulWideS", [I64.of(a).code, I64.of(b).code]));
  }

  /** One word as two, the high one 0. */
  single(low: Word): Wide {
    return Wide.of(this.#host, low);
  }

  /** A signed word as two: the high one repeats its sign. The word is computed twice: give a local. */
  signedSingle(low: I64): Wide {
    return this.pair(low, low.shrS(63n));
  }

  pair(low: Word, high: Word): Wide {
    return new Wide(this.#host, [I64.of(low).code, I64.of(high).code]);
  }
}
