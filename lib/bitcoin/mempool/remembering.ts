/**
 * Signatures that are judged once, however often they are asked about.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Check, Secp256k1 } from "../../engine/secp256k1/mod.ts";

/** Verdicts that are remembered: more than the signatures of 64 transactions of the usual kinds. About 8 MB. */
const VERDICTS_MAX = 16_384;

function nameOf(check: Check): string {
  switch (check.kind) {
    case "ecdsa":
      return `e${toHex(check.digest)}:${toHex(check.signature)}:${toHex(check.key)}`;
    case "schnorr":
      return `s${toHex(check.signature)}:${toHex(check.key)}:${toHex(check.message)}`;
    case "tweak":
      return `t${toHex(check.internal)}:${toHex(check.tweak)}:${toHex(check.output)}:${check.isOdd}`;
  }
}

/** Asks another implementation, and remembers what it said. */
export class RememberingSecp256k1 implements Secp256k1 {
  readonly #inner: Secp256k1;
  readonly #known = new Map<string, boolean>();

  constructor(inner: Secp256k1) {
    this.#inner = inner;
  }

  get engine(): Engine {
    return this.#inner.engine;
  }

  verdicts(checks: readonly Check[]): boolean[] {
    const names = checks.map(nameOf);
    const open = checks.map((_, i) => i).filter((i) => !this.#known.has(names[i]!));
    const found = open.length === 0 ? [] : this.#inner.verdicts(open.map((i) => checks[i]!));
    const fresh = new Map(open.map((i, at) => [i, found[at]!]));
    for (const [i, isGood] of fresh) this.#remember(names[i]!, isGood);
    return checks.map((_, i) => fresh.get(i) ?? this.#known.get(names[i]!)!);
  }

  areAllGood(checks: readonly Check[]): boolean {
    const names = checks.map(nameOf);
    if (names.some((name) => this.#known.get(name) === false)) return false;
    const open = checks.filter((_, i) => !this.#known.has(names[i]!));
    if (open.length > 0 && !this.#inner.areAllGood(open)) return false;
    for (const name of names) this.#remember(name, true);
    return true;
  }

  #remember(name: string, isGood: boolean): void {
    if (this.#known.size < VERDICTS_MAX) this.#known.set(name, isGood);
  }
}
