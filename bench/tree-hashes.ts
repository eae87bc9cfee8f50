/**
 * Which way to hash the nodes of trees is the cheapest here: inputs of 65 bytes (CLVM: a one, and two hashes) and of 64
 * (Merkle trees), one level of a tree at a time. Prints nanoseconds a node, the middle of the rounds; docs/decisions/tree-hashes.md
 * has what came of it.
 *
 * Run: `bun bench/tree-hashes.ts` or `deno run -A bench/tree-hashes.ts`
 */
import { createHash } from "node:crypto";
import process from "node:process";
import { sha256 as noble } from "@noble/hashes/sha2.js";
import { sha256 as platform } from "#platform";
import { sha256Each as sha256EachHere, sha256Into, useSha256 } from "../lib/codec/sha256.ts";
import { Module, type Pointer, procedure } from "../lib/engine/assembler/mod.ts";
import { PADDING_MAX, sha256Functions } from "../lib/engine/sha256/functions.ts";
import { sha256Each } from "../lib/platform/node/sha256-each.ts";
import { quantile } from "./spread.ts";

const NODES = 4_096;
const ROUNDS = 25;

useSha256(platform);

const addressOf = ({ base, offset }: Pointer) => Number(base) + offset;

/** Our own SHA-256, one message after another, emitted without vectors. */
function emitted(bytes: number): (level: Uint8Array, out: Uint8Array) => void {
  const module = new Module(false);
  const { digest } = sha256Functions(module);
  const [input, output] = [module.reserve("input", bytes + PADDING_MAX), module.reserve("output", 32)].map(
    addressOf,
  ) as [number, number];
  procedure(module, 3, (f, ...places) => f.put(digest(...places)), "digest");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
  const { memory, digest: one } = exports as unknown as {
    readonly memory: WebAssembly.Memory;
    readonly digest: (output: number, input: number, length: number) => void;
  };
  const view = new Uint8Array(memory.buffer);
  return (level, out) => {
    for (let i = 0; i < NODES; i++) {
      view.set(level.subarray(bytes * i, bytes * i + bytes), input);
      one(output, input, bytes);
      out.set(view.subarray(output, output + 32), 32 * i);
    }
  };
}

const each = (hash: (node: Uint8Array) => Uint8Array) => (bytes: number) => (level: Uint8Array, out: Uint8Array) => {
  for (let i = 0; i < NODES; i++) out.set(hash(level.subarray(bytes * i, bytes * i + bytes)), 32 * i);
};

const ways: Readonly<Record<string, (bytes: number) => (level: Uint8Array, out: Uint8Array) => void>> = {
  "what a node takes here": (bytes) => (level, out) => sha256EachHere(level, bytes, out),
  "the platform's, into memory that is there": (bytes) => (level, out) => {
    for (let i = 0; i < NODES; i++) {
      sha256Into(level.subarray(bytes * i, bytes * i + bytes), out.subarray(32 * i, 32 * i + 32));
    }
  },
  "node:crypto": each((node) => createHash("sha256").update(node).digest()),
  "@noble/hashes": each((node) => noble(node)),
  "emitted, one by one": emitted,
  "emitted, four to a vector": (bytes) => (level, out) => void sha256Each(level, bytes, out),
};

for (const bytes of [65, 64]) {
  const level = new Uint8Array(NODES * bytes).map((_, i) => i * 31 + (i >> 8));
  const right = new Uint8Array(32 * NODES);
  ways["@noble/hashes"]!(bytes)(level, right);
  const runs = Object.entries(ways).map(([name, make]) => ({ name, run: make(bytes), ns: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    // In turn, so that a slow moment of the machine hits all of them.
    for (const { name, run, ns } of runs) {
      const out = new Uint8Array(32 * NODES);
      const began = performance.now();
      run(level, out);
      ns.push((performance.now() - began) * 1e6 / NODES);
      if (out.some((byte, i) => byte !== right[i])) throw new Error(`${name} hashes wrongly`);
    }
  }
  process.stdout.write(`${bytes} bytes\n`);
  for (const { name, ns } of runs) {
    process.stdout.write(`  ${quantile(ns, 0.5).toFixed(0).padStart(6)} ns  ${name}\n`);
  }
}
