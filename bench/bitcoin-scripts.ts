/**
 * How many inputs of real blocks are verified a second on one thread, beside Bitcoin Core's libbitcoinconsensus and btcd?
 *
 * The blocks of the shared vectors whose spent outputs are known. All three verify every input of a block in turn, in rounds of
 * one run; told is our speed as a multiple of theirs: median, and from which to which the middle half of the rounds goes.
 * libbitcoinconsensus reads the transaction again for each input, as its interface has it.
 *
 * Run: `bun bench/bitcoin-scripts.ts` or `deno run -A bench/bitcoin-scripts.ts`; with a name, of that block alone.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
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
import { goProgram, TimedProgram } from "./timed-program.ts";

const ROUNDS = 11;

const print = (line: string) => process.stdout.write(line + "\n");

function fileOf(spending: readonly Spending[]): Uint8Array {
  const writer = new Writer(1 << 22);
  for (const each of spending) writeSpending(writer, each);
  return writer.finish();
}

useSha256(sha256);
useRandomBytes((length) => crypto.getRandomValues(new Uint8Array(length)));
const secp256k1 = await arithmetic().secp256k1();
print(`${"Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno}`}, ${secp256k1.engine}`);

const programs = {
  bitcoinconsensus: rustProgram({
    name: "consensus_scripts",
    source: new URL("reference/consensus_scripts.rs", import.meta.url),
    crates: { bitcoinconsensus: "0.106.0" },
  }),
  btcd: goProgram({
    name: "btcd-scripts",
    source: new URL("reference/btcd_scripts.go", import.meta.url),
    requires: ["github.com/btcsuite/btcd/txscript/v2 v2.0.0", "github.com/btcsuite/btcd/wire/v2 v2.0.1"],
  }),
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
    "missing" in program
      ? []
      : [{ name: each, reference: new TimedProgram(program.path, file), ratios: [] as number[] }]
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
    for (const { reference, ratios } of references) ratios.push(await reference.figure() / ours);
  }
  const rate = (1e9 / quantile(times, 0.5)).toFixed(0);
  const beside = references.map((each) => spread(each.ratios, ` of ${each.name}'s speed`));
  print([`${name.split("/")[1]}: ${inputs} inputs, ${rate} a second`, ...beside].join("; "));
  for (const { reference } of references) reference.close();
}
rmSync(folder, { recursive: true });
