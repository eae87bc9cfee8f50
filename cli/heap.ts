/**
 * The process that the executable becomes: how far the heap of a running node may grow before the collector is thorough,
 * and which variables of the environment the runtime inside the executable does not see.
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
 * Variables that are set for other programs of Bun or Node and must not reach this one: they open a debugger without a
 * password, load a file, or switch certificate checks off.
 */
const FOREIGN = /^(?:BUN_INSPECT|BUN_OPTIONS$|NODE_TLS_REJECT_UNAUTHORIZED$)/;

/** A process's environment. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment that the executable is to run in: without the variables that are not for it and, for a node, with the bound of
 * the heap (a variable that is set already stays). Undefined when nothing is to change.
 */
export function settledEnvironment(environment: Environment, isNode: boolean): Record<string, string> | undefined {
  const kept = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || FOREIGN.test(name) ? [] : [[name, value] as const]
  );
  const isBound = environment[VARIABLE] !== undefined || !isNode;
  if (isBound && kept.length === Object.keys(environment).length) return undefined;
  return { ...Object.fromEntries(kept), ...(!isBound && { [VARIABLE]: `${RAM_BYTES}` }) };
}

/**
 * Replaces this process by one with the environment of {@link settledEnvironment}; process id, files and arguments stay.
 * Does nothing on runtimes that are not Bun or cannot do it. Only the compiled program drops variables:
 * `bun cli/main.ts` is a developer's own.
 */
export function settleProcess(isNode: boolean): void {
  if (process.versions.bun === undefined || typeof process.execve !== "function") return;
  const [, script = "", ...args] = process.argv;
  // The compiled program has its script inside.
  const isCompiled = script.startsWith("/$bunfs/");
  if (!isCompiled && (!isNode || process.env[VARIABLE] !== undefined)) return;
  const environment = isCompiled
    ? settledEnvironment(process.env, isNode)
    : { ...process.env, [VARIABLE]: `${RAM_BYTES}` };
  if (environment === undefined) return;
  const own = isCompiled ? [] : [...process.execArgv, script];
  process.execve(process.execPath, [process.execPath, ...own, ...args], environment);
}
