/**
 * The executable.
 *
 * @module
 */
import process from "node:process";
import { processIo } from "./io.ts";
import { runProgram } from "./program.ts";

const code = await runProgram(process.argv.slice(2), processIo());
// A pipe may still be taking what was written; the exit would cut it off.
for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => void stream.write("", resolve));
process.exit(code);
