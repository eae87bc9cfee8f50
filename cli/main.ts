/**
 * The executable.
 *
 * @module
 */
import process from "node:process";
import { boundHeap } from "./heap.ts";
import { processIo } from "./io.ts";
import { runProgram } from "./program.ts";

// Commands that end at once need no bound.
if (process.argv.includes("run")) boundHeap();
const code = await runProgram(process.argv.slice(2), processIo());
// A pipe may still be taking what was written; the exit would cut it off.
for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => void stream.write("", resolve));
process.exit(code);
