/**
 * How far the heap of a running node may grow before the collector is thorough.
 *
 * JavaScriptCore lets the heap double between two full collections as long as it is small beside the machine's memory: on
 * 24 GB, half a gigabyte of garbage is nothing to it. Peers who send as fast as they can make such garbage, in pieces of
 * 512 KiB, so that a node with 60 of them took 590 MB where it holds 90. Told of less memory, the collector comes sooner
 * and the same node stays below 270 MB; a sync costs no more for it.
 *
 * @module
 */
import process from "node:process";

/** JavaScriptCore's option, read from the environment when a process starts, and nowhere else. */
const VARIABLE = "BUN_JSC_forceRAMSize";
/** The memory that the collector takes the machine's to be. */
const RAM_BYTES = 256 * 1024 * 1024;

/**
 * Replaces this process by one whose collector knows of the bound; process id, files and arguments stay. Does nothing when
 * the bound is there (whoever sets the variable sets another), and on runtimes that are not Bun or cannot do it.
 */
export function boundHeap(): void {
  if (process.versions.bun === undefined || process.env[VARIABLE] !== undefined) return;
  if (typeof process.execve !== "function") return;
  const [, script = "", ...args] = process.argv;
  // The compiled program has its script inside.
  const own = script.startsWith("/$bunfs/") ? [] : [...process.execArgv, script];
  process.execve(process.execPath, [process.execPath, ...own, ...args], { ...process.env, [VARIABLE]: `${RAM_BYTES}` });
}
