/**
 * The module: forms of a class group, and hash to prime.
 *
 * @module
 */
import { Module } from "../assembler/mod.ts";
import { sha256Functions } from "../sha256/functions.ts";
import { cofactor } from "./cofactor.ts";
import { euclid as makeEuclid } from "./euclid.ts";
import { FORM, forms as makeForms, OPERATION } from "./forms.ts";
import { hashToPrime } from "./hash-to-prime.ts";
import { integers as makeIntegers, numberPlace } from "./integers.ts";
import { FORMS_MAX, STEPS_MAX } from "./powers.ts";

/** The module's bytes, and where a caller finds what, as addresses. */
export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly memoryBytes: number;
  /** Two numbers to work on. */
  readonly numbers: readonly [number, number];
  /** The gcd and its cofactor that `gcd` leaves, and the cofactor that `cofactor` leaves. */
  readonly gcd: number;
  readonly gcdCofactor: number;
  readonly cofactor: number;
  /** Where Euclid's algorithm stops: |D|^(1/4) in a composition. Words above it are 0. */
  readonly bound: number;
  readonly forms: number;
  readonly steps: number;
  readonly blocks: number;
  readonly lastBlock: number;
  readonly candidate: number;
}

/** What the module exports. */
export interface ProgramExports {
  readonly memory: WebAssembly.Memory;
  /** Fills the tables. Once, before anything else. */
  start(): void;
  /** Euclid's algorithm on both numbers. */
  gcd(): void;
  /** chiavdf's cofactor of both numbers; the bound is the root of the first one. */
  cofactor(): void;
  /** Reduces the first form. */
  reduce(): void;
  /** Does the steps. */
  run(): void;
  absorb(blocks: number): void;
  find264(bytes: number, candidates: number): number;
  lucas264(p: bigint, q: bigint): number;
  /** With wide instructions only. */
  readonly find1024?: (bytes: number, candidates: number) => number;
  readonly lucas1024?: (p: bigint, q: bigint) => number;
}

/**
 * Emits it.
 *
 * @param wide whether wide instructions may be used
 */
export function emitProgram(wide: boolean): Program {
  const module = new Module(wide);
  const integers = makeIntegers(module);
  const euclid = makeEuclid(module, integers);
  const forms = makeForms(module, integers, euclid);
  const numbers = [numberPlace(module), numberPlace(module)] as const;
  const places = module.reserve("forms", FORMS_MAX * FORM.bytes);
  const steps = module.reserve("steps", (STEPS_MAX + 1) * OPERATION.bytes);
  const hash = hashToPrime(module, integers, sha256Functions(module));
  module.fn({ params: [], results: [], exportAs: "gcd" }, (f) => f.drop(euclid.full(...numbers)));
  const findCofactor = cofactor(module, euclid.parts);
  module.fn({ params: [], results: [], exportAs: "cofactor" }, (f) => f.put(findCofactor(...numbers)));
  module.fn({ params: [], results: [], exportAs: "reduce" }, (f) => f.put(forms.reduce(places)));
  module.fn({ params: [], results: [], exportAs: "run" }, (f) => f.put(forms.run(steps)));
  return {
    bytes: module.build(),
    memoryBytes: module.memoryBytes,
    numbers,
    gcd: euclid.r0,
    gcdCofactor: euclid.u0,
    cofactor: euclid.u1,
    bound: euclid.bound,
    forms: module.addressOf("forms"),
    steps: module.addressOf("steps"),
    ...hash,
  };
}
