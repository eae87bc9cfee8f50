/**
 * How many inputs of real blocks are verified a second on one thread, beside Bitcoin Core's libbitcoinconsensus and btcd?
 *
 * The blocks of the shared vectors whose spent outputs are known. All three verify every input of a block in turn, in rounds of
 * one run; told is our speed as a multiple of theirs: median, and from which to which the middle half of the rounds goes.
 * libbitcoinconsensus reads the transaction again for each input, as its interface has it.
 *
 * Run: `bun bench/bitcoin-scripts.ts` or `deno run -A bench/bitcoin-scripts.ts`; with a name, of that block alone.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { sha256 } from "#platform";
import { blockScriptFlags } from "../lib/bitcoin/chain/script-flags.ts";
import { ScriptBatch, SpendingTransaction } from "../lib/bitcoin/script/mod.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { Writer } from "../lib/codec/writer.ts";
import { arithmetic } from "../lib/engine/arithmetic.ts";
import { useRandomBytes } from "../lib/engine/random-bytes.ts";
import { writeSpending } from "../tests/support/spending-bytes.ts";
import { rustProgram } from "../tests/support/cargo.ts";
import { BLOCKS, blockSpending, type Spending } from "../tests/vectors/bitcoin-blocks-spent.ts";
import { bitcoinDataMissing } from "../tests/vectors/bitcoin-data.ts";
import { quantile, spread } from "./spread.ts";

const ROUNDS = 11;

const print = (line: string) => process.stdout.write(line + "\n");

/** A program that times itself whenever it is sent a line. */
class Reference {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(binary: string, file: string) {
    this.#child = spawn(binary, [file]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Nanoseconds for each input. */
  async time(): Promise<number> {
    this.#child.stdin.write("\n");
    return Number((await this.#lines.next()).value);
  }

  close(): void {
    this.#child.stdin.end();
  }
}

/** btcd's `txscript`. The module is kept in the cache, so that only the first run builds. */
function btcd(): { readonly path: string } | { readonly missing: string } {
  if (spawnSync("go", ["version"]).error !== undefined) return { missing: "no Go here" };
  const module = join(homedir(), ".cache/gemel-bench/btcd-scripts");
  mkdirSync(module, { recursive: true });
  copyFileSync(new URL("reference/btcd_scripts.go", import.meta.url), join(module, "main.go"));
  const versions = ["txscript/v2 v2.0.0", "wire/v2 v2.0.1"];
  const requires = versions.map((each) => `require github.com/btcsuite/btcd/${each}\n`).join("");
  writeFileSync(join(module, "go.mod"), `module bench\n\ngo 1.25.0\n\n${requires}`);
  for (const args of [["mod", "tidy"], ["build", "-o", "bench", "."]]) {
    const { status, stderr } = spawnSync("go", args, { cwd: module, encoding: "utf8" });
    if (status !== 0) return { missing: `go ${args[0]} failed: ${stderr.trim().split("\n").at(-1)}` };
  }
  return { path: join(module, "bench") };
}

function fileOf(spending: readonly Spending[]): Uint8Array {
  const writer = new Writer(1 << 22);
  for (const each of spending) writeSpending(writer, each);
  return writer.finish();
}

useSha256(sha256);
useRandomBytes((length) => crypto.getRandomValues(new Uint8Array(length)));
const { secp256k1 } = arithmetic();
print(`${"Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno}`}, ${secp256k1.engine}`);

const programs = {
  bitcoinconsensus: rustProgram({
    name: "consensus_scripts",
    source: new URL("reference/consensus_scripts.rs", import.meta.url),
    crates: { bitcoinconsensus: "0.106.0" },
  }),
  btcd: btcd(),
};
for (const [name, program] of Object.entries(programs)) {
  if ("missing" in program) print(`${name} not timed: ${program.missing}`);
}

const wanted = process.argv[2] ?? "";
const folder = mkdtempSync(join(tmpdir(), "gemel-bench-"));
for (const [name, network, height] of BLOCKS.filter(([each]) => each.includes(wanted))) {
  const missing = bitcoinDataMissing(`${name}.raw`);
  if (missing !== false) {
    print(missing);
    continue;
  }
  const { block, spending } = blockSpending(name);
  const flags = blockScriptFlags(network, height, block.hash);
  const inputs = spending.reduce((sum, { spent }) => sum + spent.length, 0);
  const file = join(folder, "spends");
  writeFileSync(file, fileOf(spending));
  const references = Object.entries(programs).flatMap(([each, program]) =>
    "missing" in program ? [] : [{ name: each, reference: new Reference(program.path, file), ratios: [] as number[] }]
  );
  const run = (): number => {
    const began = performance.now();
    const batch = new ScriptBatch(secp256k1, flags);
    for (const { transaction, spent } of spending) batch.add(new SpendingTransaction(transaction, spent));
    if (batch.finish() !== undefined) throw new Error("a good input was found bad");
    return (performance.now() - began) * 1e6 / inputs;
  };
  for (let i = 0; i < 3; i++) run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ours = run();
    times.push(ours);
    for (const { reference, ratios } of references) ratios.push(await reference.time() / ours);
  }
  const rate = (1e9 / quantile(times, 0.5)).toFixed(0);
  const beside = references.map((each) => spread(each.ratios, ` of ${each.name}'s speed`));
  print([`${name.split("/")[1]}: ${inputs} inputs, ${rate} a second`, ...beside].join("; "));
  for (const { reference } of references) reference.close();
}
rmSync(folder, { recursive: true });
