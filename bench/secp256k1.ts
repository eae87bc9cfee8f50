/**
 * How quick are signatures of secp256k1, beside libsecp256k1?
 *
 * The same 1,024 signatures are verified by both in turn, in rounds of one run, each on one thread: one by one and in
 * batches, ECDSA and BIP340; ours also as one sum. Told is the speed as a multiple of libsecp256k1's: median, and from which
 * to which the middle half of the rounds goes. libsecp256k1 comes through its Rust crate, which is built with `cargo` into
 * the user's cache folder where that is found; its first build fetches it. `--no-references` leaves it out.
 *
 * Run: `bun bench/secp256k1.ts` or `deno run -A bench/secp256k1.ts`
 * (`--v8-flags=--experimental-wasm-wide-arithmetic` for Deno's wide instructions).
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 as platformSha256 } from "#platform";
import { ENGINES } from "../lib/engine/engine.ts";
import { EmittedVerifier } from "../lib/engine/secp256k1/emitted.ts";
import { hasWideArithmetic } from "../lib/engine/assembler/mod.ts";
import { rustProgram } from "../tests/support/cargo.ts";
import { quantile, spread } from "./spread.ts";
import { TimedProgram } from "./timed-program.ts";

const ROUNDS = 21;
const COUNT = 1_024;
const ROW_BYTES = 258;

const print = (line: string) => process.stdout.write(line + "\n");
const sha256 = (bytes: Uint8Array) => platformSha256([bytes]);
const fillRandom = (bytes: Uint8Array) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);

interface Signature {
  readonly digest: Uint8Array;
  readonly ecdsa: Uint8Array;
  readonly key: Uint8Array;
  readonly bip340: Uint8Array;
  readonly xOnly: Uint8Array;
}

function signatures(): Signature[] {
  return Array.from({ length: COUNT }, (_, i) => {
    const secret = new Uint8Array(createHash("sha256").update(`bench ${i}`).digest());
    const digest = new Uint8Array(createHash("sha256").update(`message ${i}`).digest());
    return {
      digest,
      ecdsa: secp256k1.sign(digest, secret, { prehash: false }),
      key: secp256k1.getPublicKey(secret, true),
      bip340: schnorr.sign(digest, secret, new Uint8Array(32)),
      xOnly: schnorr.getPublicKey(secret),
    };
  });
}

/** libsecp256k1 in a process of its own, which answers `ecdsa` and `schnorr` with nanoseconds; undefined where it cannot be built. */
function startReference(file: string): TimedProgram | undefined {
  if (process.argv.includes("--no-references")) return undefined;
  const program = rustProgram({
    name: "libsecp256k1",
    source: new URL("reference/libsecp256k1.rs", import.meta.url),
    crates: { secp256k1: "0.29.1" },
  });
  return "missing" in program ? undefined : new TimedProgram(program.path, file);
}

const all = signatures();
const folder = mkdtempSync(join(tmpdir(), "gemel-bench-"));
const file = join(folder, "signatures");
const rows = new Uint8Array(COUNT * ROW_BYTES);
all.forEach(({ digest, ecdsa, key, bip340, xOnly }, i) => {
  let at = i * ROW_BYTES;
  for (const part of [digest, ecdsa, key, bip340, xOnly]) {
    rows.set(part, at);
    at += part.length;
  }
});
writeFileSync(file, rows);
const reference = startReference(file);

function must(isGood: boolean): void {
  if (!isGood) throw new Error("a good signature was found bad");
}

/** Nanoseconds for each signature of one way of verifying them. */
function timed(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) * 1e6 / COUNT;
}

try {
  print(
    `${"Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno}`}, ${COUNT} signatures`,
  );
  for (const engine of ENGINES.filter((each) => each !== "portable" && (each !== "wide" || hasWideArithmetic()))) {
    const began = performance.now();
    const verifier = new EmittedVerifier({ wide: engine === "wide", sha256, fillRandom });
    const { digest, ecdsa, key } = all[0]!;
    verifier.addEcdsa(digest, ecdsa, key);
    must(verifier.verdicts()[0]!);
    print(
      `${engine}: the first verdict after ${(performance.now() - began).toFixed(0)} ms, ${verifier.memoryBytes} bytes`,
    );
    const addEcdsa = (each: Signature) => verifier.addEcdsa(each.digest, each.ecdsa, each.key);
    const addSchnorr = (each: Signature) => verifier.addSchnorr(each.digest, each.bip340, each.xOnly);
    const singly = (add: (each: Signature) => void) => () => {
      for (const each of all) {
        add(each);
        must(verifier.verdicts()[0]!);
      }
    };
    const batch = (add: (each: Signature) => void) => () => {
      all.forEach(add);
      must(verifier.verdicts().every((isGood) => isGood));
    };
    const sum = (size: number) => () => {
      for (let at = 0; at < COUNT; at += size) {
        all.slice(at, at + size).forEach(addSchnorr);
        must(verifier.areAllGood());
      }
    };
    const ways = [
      ["ECDSA, one by one", "ecdsa", singly(addEcdsa)],
      [`ECDSA, batch of ${COUNT}`, "ecdsa", batch(addEcdsa)],
      ["BIP340, one by one", "schnorr", singly(addSchnorr)],
      [`BIP340, batch of ${COUNT}`, "schnorr", batch(addSchnorr)],
      ["BIP340, sums of 64", "schnorr", sum(64)],
      ["BIP340, sums of 256", "schnorr", sum(256)],
      [`BIP340, one sum of ${COUNT}`, "schnorr", sum(COUNT)],
    ] as const;
    for (const [name, kind, work] of ways) {
      for (let i = 0; i < 3; i++) work();
      const [ours, ratios]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        const theirs = await reference?.figure(kind);
        const nanoseconds = timed(work);
        ours.push(nanoseconds);
        if (theirs !== undefined) ratios.push(theirs / nanoseconds);
      }
      const microseconds = (quantile(ours, 0.5) / 1_000).toFixed(1).padStart(7);
      const beside = ratios.length === 0 ? "" : `  ${spread(ratios, " of libsecp256k1's speed")}`;
      print(`${engine.padEnd(6)} ${name.padEnd(26)} ${microseconds} µs${beside}`);
    }
  }
} finally {
  reference?.close();
  rmSync(folder, { recursive: true });
}
