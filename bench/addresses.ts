/**
 * How long does the address book take to add, to mark as good and to select, beside btcd's and chia-blockchain's?
 *
 * 100,000 addresses from 1,000 sources; 10,000 of them answer; 100,000 draws. chia-blockchain looks through all buckets
 * for each success, so it gets fewer of them; the figures are for one operation. btcd is built with `go` into the user's
 * cache folder; what cannot be had is skipped and said so.
 *
 * Run: `bun bench/addresses.ts [--no-references]`.
 */
import { sha256 } from "#platform";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, homedir, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { bitcoinAddressRules } from "../lib/bitcoin/addresses/rules.ts";
import { chiaAddressRules } from "../lib/chia/addresses/rules.ts";
import { toHex } from "../lib/codec/hex.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { AddressBook, type AddressRules } from "../lib/core/addresses/book.ts";
import { encodeBook } from "../lib/core/addresses/file.ts";
import { SeededRandom } from "../lib/sim/random.ts";
import { chiaMissing } from "../tests/support/chia-python.ts";
import { chiaTables, type Step } from "../tests/support/eclipse/chia.ts";
import { HandClock, hostAt } from "../tests/unit/core-addresses/book.ts";

const ADDRESSES = 100_000;
const SOURCES = 1_000;
const GOODS = 10_000;
const CHIA_GOODS = 300;
const SELECTS = 100_000;
const ROUNDS = 7;
const BTCD = "github.com/btcsuite/btcd@v0.26.2";

useSha256(sha256);
const print = (line: string) => process.stdout.write(line + "\n");
const runtime = "Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno ?? "?"}`;

const told = Array.from({ length: ADDRESSES }, (_, i) => {
  const first = [1 + i % 9, 11 + i % 80, 101 + i % 20, 193 + i % 5][i % 4];
  const host = `${first}.${(i >> 2) % 256}.${Math.floor(i / 1024) % 256}.${1 + Math.floor(i / 7) % 254}`;
  return { host, port: 8333, source: hostAt(i % SOURCES) };
});

/** Microseconds for one operation, in each of several rounds. */
interface Times {
  readonly add: number[];
  readonly good: number[];
  readonly select: number[];
}
const OPERATIONS = ["add", "good", "select"] as const;

function timed(work: () => void, operations: number): number {
  const began = performance.now();
  work();
  return (performance.now() - began) * 1000 / operations;
}

let weight = "";

function ours(rules: AddressRules): Times {
  const times: Times = { add: [], good: [], select: [] };
  for (let round = -1; round < ROUNDS; round++) {
    const clock = new HandClock();
    const book = new AddressBook({ rules, clock, random: new SeededRandom(round + 2), budget: false });
    const timeS = clock.nowS - 3_600;
    const add = timed(() => {
      for (const { host, port, source } of told) book.learn([{ host, port, timeS }], source);
    }, ADDRESSES);
    const good = timed(() => {
      for (let i = 0; i < GOODS; i++) book.good(told[i]!);
    }, GOODS);
    clock.nowS += 700;
    const select = timed(() => {
      for (let i = 0; i < SELECTS; i++) book.select();
    }, SELECTS);
    const file = encodeBook(rules.name, book.state());
    const { size } = book;
    weight = `the book holds ${size.new} new and ${size.tried} tried; its file has ${
      (file.length / 1e6).toFixed(1)
    } MB`;
    // The first round warms up.
    if (round < 0) continue;
    times.add.push(add);
    times.good.push(good);
    times.select.push(select);
  }
  return times;
}

/** btcd's manager, built once; a text tells why there is none. */
function btcd(): Times | string {
  if (spawnSync("go", ["version"]).error !== undefined) return "no Go here";
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "gemel-bench", "btcd_addresses");
  const program = join(folder, "btcd_addresses");
  mkdirSync(folder, { recursive: true });
  copyFileSync(new URL("reference/btcd_addresses.go", import.meta.url), join(folder, "main.go"));
  const go = (...words: string[]) => spawnSync("go", words, { cwd: folder, encoding: "utf8" });
  if (!existsSync(join(folder, "go.mod"))) go("mod", "init", "btcd_addresses");
  for (const done of [go("get", BTCD), go("build", "-o", program, ".")]) {
    if (done.status !== 0) return `go failed: ${done.stderr.trim().split("\n").at(-1)}`;
  }
  const scratch = mkdtempSync(join(tmpdir(), "bench-addresses-"));
  try {
    const file = join(scratch, "addresses");
    writeFileSync(file, told.map(({ host, port, source }) => `${host} ${port} ${source}`).join("\n"));
    const times: Times = { add: [], good: [], select: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const env = { ...process.env, GOMAXPROCS: "1" };
      const { stdout } = spawnSync(program, [file, String(GOODS), String(SELECTS)], { encoding: "utf8", env });
      const [add = NaN, good = NaN, select = NaN] = stdout.trim().split("\n").map(Number);
      times.add.push(add * 1e6 / ADDRESSES);
      times.good.push(good * 1e6 / GOODS);
      times.select.push(select * 1e6 / SELECTS);
    }
    return times;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** chia-blockchain's manager, in one round. */
async function chia(): Promise<Times | string> {
  const reason = chiaMissing();
  if (reason !== false) return reason;
  const now = 1_750_000_000;
  const steps: Step[] = [
    ...told.map(({ host, port, source }): Step => ["learn", host, port, now - 3_600, source]),
    ...told.slice(0, CHIA_GOODS).map(({ host, port }): Step => ["good", host, port, true]),
  ];
  const key = toHex(new SeededRandom(1).bytes(32));
  const { seconds } = await chiaTables({ key, now, steps, select: SELECTS / 10 });
  return {
    add: [seconds.learn * 1e6 / ADDRESSES],
    good: [seconds.good * 1e6 / CHIA_GOODS],
    select: [seconds.select * 1e7 / SELECTS],
  };
}

const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
print("Address book with 100,000 addresses");
print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, ${runtime}, commit ${commit}`);
print(`microseconds for one operation: median and range of ${ROUNDS} rounds`);
print("");
print("| | add | good | select |");
print("|---|---:|---:|---:|");
const cell = (list: readonly number[]) => {
  const sorted = list.toSorted((a, b) => a - b);
  const [low, high] = [sorted[0]!, sorted.at(-1)!].map((time) => time.toFixed(1));
  const median = sorted[sorted.length >> 1]!.toFixed(1);
  return sorted.length === 1 ? median : `${median} (${low} to ${high})`;
};
const row = (name: string, times: Times | string) =>
  print(
    typeof times === "string"
      ? `skipped: ${name}: ${times}`
      : `| ${name} | ${OPERATIONS.map((name) => cell(times[name])).join(" | ")} |`,
  );
row("gemel, Bitcoin's rules", ours(bitcoinAddressRules()));
row("gemel, Chia's rules", ours(chiaAddressRules()));
if (!process.argv.includes("--no-references")) {
  row(`btcd ${BTCD.split("@")[1]}`, btcd());
  row("chia-blockchain 2.7.5", await chia());
}
print("");
print(weight);
