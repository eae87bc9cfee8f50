/**
 * Emits the programs of all topics and writes them down as the module that takes the place of `lib/engine/prepared.ts` in the
 * executable. `compile.sh` runs it each time.
 *
 * Run: `bun compile/programs.ts FILE`
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { emitProgram as bls12381 } from "../lib/engine/bls12-381/program.ts";
import { emitProgram as classGroup } from "../lib/engine/class-group/program.ts";
import type { Program, Topic } from "../lib/engine/programs.ts";
import { emitProgram as secp256k1 } from "../lib/engine/secp256k1/program.ts";

/** What emits each topic's program. */
export const EMITTERS: Readonly<Record<Topic, (wide: boolean) => Program>> = {
  "secp256k1": secp256k1,
  "bls12-381": bls12381,
  "class-group": classGroup,
};

/** The text of the module, in JavaScript: its exports are those of `lib/engine/prepared.ts`. */
export function preparedModule(): string {
  const entries = Object.entries(EMITTERS).flatMap(([topic, emit]) =>
    [true, false].map((wide) => {
      const { bytes, ...addresses } = emit(wide);
      // Each is a function: only what is asked for is read and decoded.
      return `  "${topic} ${wide ? "wide" : "plain"}": () => ({ ...${
        JSON.stringify(addresses)
      }, bytes: Uint8Array.fromBase64("${bytes.toBase64()}") }),`;
    })
  );
  return [
    "const programs = {",
    ...entries,
    "};",
    'export const prepared = (topic, wide) => programs[`${topic} ${wide ? "wide" : "plain"}`]?.();',
    "",
  ].join("\n");
}

const [, , file] = process.argv;
if (import.meta.main && file !== undefined) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, preparedModule());
}
