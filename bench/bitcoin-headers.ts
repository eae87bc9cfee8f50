/**
 * How many headers a second are validated, beside btcd and rust-bitcoin?
 *
 * `check` is what the references are timed with: unpack a `headers` message, hash, hold the hash against the target, and
 * follow the link to the header before. The message is made of 2,000 headers of Bitcoin Core's alternate main chain where
 * the shared vectors lie beside this repository, otherwise of mined ones.
 *
 * `tree` also does what gemel's header tree does: required bits, median time past, versions, checkpoints, the index by
 * hash and by height. It grows a regtest chain to a million headers and says what that weighs. btcd is given the same
 * headers by its ProcessBlockHeader.
 *
 * btcd is built with `go`, rust-bitcoin with `cargo`, into the user's cache folder, where these are found; the first
 * build fetches them through their ordinary clients. Each runs on one thread. `--no-references` leaves them out.
 *
 * Run: `bun bench/bitcoin-headers.ts` or `deno run -A bench/bitcoin-headers.ts`.
 */
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, homedir, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { sha256 } from "#platform";
import { sha256Into, useSha256 } from "../lib/codec/sha256.ts";
import { HeaderBatch, HEADERS_MAX } from "../lib/bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../lib/bitcoin/headers/header-chain.ts";
import { type BitcoinNetwork, mainnet, regtest } from "../lib/bitcoin/networks/mod.ts";
import { HEADER_BYTES } from "../lib/bitcoin/types/header.ts";
import { rustProgram } from "../tests/support/cargo.ts";
import { headersPayload } from "../tests/unit/bitcoin-chain/mining.ts";
import { bitcoinDataMissing } from "../tests/vectors/bitcoin-data.ts";
import { altHeaders, MAINNET_ALT } from "../tests/vectors/bitcoin-mainnet-alt.ts";

const ROUNDS = 21;
const REPEATS = 20;
/** Seconds between mined headers: a million must not reach into the future. */
const SPACING = 60;
/** The messages that make a million headers, and how often they are taken in. */
const MESSAGES = 500;
const GROWTHS = 5;
const NOW = 2_000_000_000;
const BTCD = "github.com/btcsuite/btcd@v0.26.2";
const RUST_BITCOIN = "0.32.7";

useSha256(sha256);
const print = (line: string) => process.stdout.write(line + "\n");
const runtime = "Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno ?? "?"}`;

/** Mines regtest headers onto a chain whose last header is `last`; quick, since every second nonce will do. */
class Miner {
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  readonly #middle = new Uint8Array(32);
  readonly #hash = new Uint8Array(32);
  #time: number;

  constructor() {
    this.#header.set(regtest.genesis.headerBytes);
    this.#hash.set(regtest.genesis.hash);
    this.#view.setInt32(0, 4, true);
    this.#time = regtest.genesis.header.time;
  }

  /** The payload of a full message of the headers that come next. */
  message(): Uint8Array {
    const headers: Uint8Array[] = [];
    for (let i = 0; i < HEADERS_MAX; i++) {
      this.#header.set(this.#hash, 4);
      this.#view.setUint32(68, this.#time += SPACING, true);
      for (let nonce = 0;; nonce++) {
        this.#view.setUint32(76, nonce, true);
        sha256Into(this.#header, this.#middle);
        sha256Into(this.#middle, this.#hash);
        if (this.#hash[31]! < 0x7f) break;
      }
      headers.push(this.#header.slice());
    }
    return headersPayload(headers);
  }
}

/** The headers of a full message's payload, 80 bytes each. */
function headersOf(payload: Uint8Array): Uint8Array {
  const headers = new Uint8Array(HEADERS_MAX * HEADER_BYTES);
  for (let i = 0, at = 3; i < HEADERS_MAX; i++, at += HEADER_BYTES + 1) {
    headers.set(payload.subarray(at, at + HEADER_BYTES), i * HEADER_BYTES);
  }
  return headers;
}

interface Rate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

function rateOf(work: () => void): Rate {
  const rates: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const began = performance.now();
    for (let i = 0; i < REPEATS; i++) work();
    if (round >= 0) rates.push((REPEATS * HEADERS_MAX * 1000) / (performance.now() - began));
  }
  rates.sort((a, b) => a - b);
  return { median: rates[ROUNDS >> 1]!, low: rates[0]!, high: rates.at(-1)! };
}

const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "gemel-bench");

/** A reference's program, built once; its path, or undefined where it cannot be had. */
function reference(name: "btcd_headers" | "rust_headers"): string | undefined {
  if (name === "rust_headers") {
    const program = rustProgram({
      name,
      source: new URL("reference/rust_headers.rs", import.meta.url),
      crates: { bitcoin: RUST_BITCOIN },
    });
    return "path" in program ? program.path : undefined;
  }
  const at = join(folder, name);
  const program = join(at, name);
  if (existsSync(program)) return program;
  mkdirSync(at, { recursive: true });
  const run = (command: string, ...words: string[]) =>
    spawnSync(command, words, { cwd: at, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  copyFileSync(fileURLToPath(new URL("reference/btcd_headers.go", import.meta.url)), join(at, "main.go"));
  if (!existsSync(join(at, "go.mod"))) run("go", "mod", "init", name);
  return run("go", "get", BTCD) && run("go", "build", "-o", name, ".") ? program : undefined;
}

/** The rates that a reference prints. */
function timeReference(name: "btcd_headers" | "rust_headers", ...files: string[]): number[] {
  const program = reference(name);
  if (program === undefined) return [];
  const [message, ...others] = files;
  // On one thread like gemel; otherwise Go collects its garbage on another.
  const env = { ...process.env, GOMAXPROCS: "1" };
  const { status, stdout } = spawnSync(program, [message!, String(ROUNDS), ...others], { encoding: "utf8", env });
  return status === 0 ? stdout.trim().split("\n").map(Number) : [];
}

const real = bitcoinDataMissing(MAINNET_ALT) === false;
const network: BitcoinNetwork = real ? mainnet : regtest;
const payload = real ? headersPayload(altHeaders().slice(0, HEADERS_MAX)) : new Miner().message();

const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
print("Headers a second: one message of 2,000");
print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, ${runtime}, commit ${commit}`);
print(`${real ? "Core's alternate main chain" : "mined regtest headers"}; median and range of ${ROUNDS} rounds`);
print("");

const rows: (readonly [name: string, what: "check" | "tree", rate: number, range: string])[] = [];
const told = ({ median, low, high }: Rate) => [median, `${millions(low)} to ${millions(high)}`] as const;
const millions = (rate: number) => (rate / 1e6).toFixed(2);

rows.push([
  "gemel",
  "check",
  ...told(rateOf(() => {
    const batch = HeaderBatch.fromPayload(payload);
    if (batch.firstWithoutWork(network.pow) >= 0 || batch.firstGap() >= 0) throw new Error("the headers are good");
  })),
]);
const miner = new Miner();
const messages = Array.from({ length: MESSAGES }, () => miner.message());
let weight = "";
const growth = Array.from({ length: GROWTHS }, () => {
  const chain = new HeaderChain(regtest);
  const began = performance.now();
  for (const message of messages) chain.accept(HeaderBatch.fromPayload(message), NOW);
  const rate = (chain.length * 1000) / (performance.now() - began);
  const each = (chain.byteLength / chain.length).toFixed(0);
  weight = `${chain.length - 1} headers in the tree weigh ${
    (chain.byteLength / 1e6).toFixed(0)
  } MB, ${each} bytes each`;
  return rate;
}).sort((a, b) => a - b);
rows.push([
  "gemel",
  "tree",
  ...told({ median: growth[GROWTHS >> 1]!, low: growth[0]!, high: growth.at(-1)! }),
]);

if (!process.argv.includes("--no-references")) {
  const scratch = mkdtempSync(join(tmpdir(), "bench-headers-"));
  try {
    const file = join(scratch, "headers");
    const chain = join(scratch, "chain");
    writeFileSync(file, payload);
    writeFileSync(chain, Buffer.concat(messages.map((message) => Buffer.from(headersOf(message)))));
    const [check, tree] = timeReference("btcd_headers", file, chain, join(scratch, "database"));
    const version = BTCD.split("@")[1];
    if (check !== undefined) rows.push([`btcd ${version}`, "check", check, ""]);
    if (tree !== undefined) rows.push([`btcd ${version}`, "tree", tree, ""]);
    const [rust] = timeReference("rust_headers", file);
    if (rust !== undefined) rows.push([`rust-bitcoin ${RUST_BITCOIN}`, "check", rust, ""]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

print("| | | million/s | range | to btcd's |");
print("|---|---|---:|---:|---:|");
for (const [name, what, rate, range] of rows) {
  const btcd = rows.find((row) => row[0].startsWith("btcd") && row[1] === what)?.[2];
  print(`| ${name} | ${what} | ${millions(rate)} | ${range} | ${btcd === undefined ? "" : (rate / btcd).toFixed(2)} |`);
}
print("");
print(weight);
