/**
 * The executable.
 *
 * @module
 */
import process from "node:process";
import { settleProcess } from "./heap.ts";
import { processIo } from "./io.ts";
import { runProgram } from "./program.ts";

// Commands that end at once need no bound of the heap.
settleProcess(process.argv.includes("run"));
const io = processIo();
io.finish(await runProgram(process.argv.slice(2), io));
