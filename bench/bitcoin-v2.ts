/**
 * What does BIP324's encryption cost: per connection, per megabyte, per small message?
 *
 * The cipher alone (`@noble/ciphers`), the same from `node:crypto` where the runtime's has it, and v1's checksum
 * (double SHA-256) are timed in the same run.
 *
 * Run: `bun bench/bitcoin-v2.ts` or `deno run -A bench/bitcoin-v2.ts`.
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { spawnSync } from "node:child_process";
import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";
import { arch, cpus, platform } from "node:os";
import process from "node:process";
import { random, sha256 as platformSha256 } from "#platform";
import { sha256d } from "../lib/bitcoin/hash.ts";
import { V2Transport } from "../lib/bitcoin/wire/v2/mod.ts";
import { fromHex } from "../lib/codec/hex.ts";
import { useSha256 } from "../lib/codec/sha256.ts";

const ROUNDS = 25;
const MAGIC = fromHex("f9beb4d9");
const PAYLOAD = new Uint8Array(1_000_000).fill(0x5a);
const SMALL = new Uint8Array(61).fill(0x5a);
const SMALL_COUNT = 5_000;
/** What a socket gives at a time. */
const CHUNK_BYTES = 65_536;

const print = (line: string) => process.stdout.write(line + "\n");

function connect(): { from: V2Transport; to: V2Transport } {
  const from = new V2Transport({ initiator: true, magic: MAGIC }, { random });
  const to = new V2Transport({ initiator: false, magic: MAGIC }, { random });
  for (const _ of to.push(from.drain()));
  for (const _ of from.push(to.drain()));
  for (const _ of to.push(from.drain()));
  if (!from.established || !to.established) throw new Error("no handshake");
  return { from, to };
}

/** Reads bytes in the socket's pieces; returns how many messages came. */
function read(to: V2Transport, bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    for (const _ of to.push(bytes.subarray(at, at + CHUNK_BYTES))) count++;
  }
  return count;
}

/** Median milliseconds and half the distance between the quartiles in percent of it. `prepare` is not timed. */
function time<T>(prepare: () => T, work: (input: T) => unknown): { median: number; spread: number } {
  const times: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const input = prepare();
    const began = performance.now();
    work(input);
    if (round >= 0) times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * (times.length - 1))]!;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / 2 / at(0.5) * 100 };
}

function row(name: string, unit: (ms: number) => string, timing: { median: number; spread: number }): void {
  print(`| ${name} | ${unit(timing.median)} | ±${timing.spread.toFixed(0)} % |`);
}

const megabytes = (ms: number) => `${(PAYLOAD.length / 1e3 / ms).toFixed(0)} MB/s`;
const perMessage = (ms: number) => `${(ms * 1e3 / SMALL_COUNT).toFixed(1)} µs a message`;
const nothing = () => undefined;

const git = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
const runtime = "Bun" in globalThis
  ? `Bun ${process.versions["bun"]}`
  : "Deno" in globalThis
  ? `Deno ${process.versions["deno"]}`
  : `Node ${process.version}`;
print(`${runtime}, ${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, commit ${git.stdout.trim()}`);
print("");
print("| what | median | spread |");
print("|---|---|---|");

const { from } = connect();
row("handshake, both ends", (ms) => `${ms.toFixed(2)} ms`, time(nothing, connect));
row("1 MB: pack", megabytes, time(nothing, () => from.pack("block", PAYLOAD)));
// The reader must see every packet that was packed, in order, so it starts over with a connection of its own.
const other = connect();
row("1 MB: push in 64 KiB", megabytes, time(() => other.from.pack("block", PAYLOAD), (bytes) => read(other.to, bytes)));
const nonce = new Uint8Array(12);
row(
  "1 MB: @noble/ciphers alone",
  megabytes,
  time(nothing, () => chacha20poly1305(new Uint8Array(32), nonce).encrypt(PAYLOAD)),
);
try {
  const native = () => {
    const cipher = createCipheriv("chacha20-poly1305", new Uint8Array(32), nonce, { authTagLength: 16 });
    cipher.update(PAYLOAD);
    cipher.final();
  };
  row("1 MB: node:crypto alone", megabytes, time(nothing, native));
} catch {
  print("| 1 MB: node:crypto alone | not in this runtime | |");
}
useSha256(platformSha256);
row("1 MB: v1's checksum alone", megabytes, time(nothing, () => sha256d(PAYLOAD)));
row(
  "61 B: pack",
  perMessage,
  time(nothing, () => {
    for (let i = 0; i < SMALL_COUNT; i++) from.pack("inv", SMALL);
  }),
);
const small = connect();
row(
  "61 B: push in 64 KiB",
  perMessage,
  time(() => {
    const packets = Array.from({ length: SMALL_COUNT }, () => small.from.pack("inv", SMALL));
    return new Uint8Array(Buffer.concat(packets));
  }, (bytes) => read(small.to, bytes)),
);
