/**
 * The process that the executable becomes: how the engine inside it treats the heap and the code of a running node, and
 * which variables of the environment it does not see.
 *
 * JavaScriptCore lets the heap double between two full collections as long as it is small beside the machine's memory: on
 * 24 GB, half a gigabyte of garbage is nothing to it. Peers who send as fast as they can make such garbage, in pieces of
 * 512 KiB, so that a node with 60 of them took 590 MB where it holds 90. Told of less memory, the collector comes sooner:
 * the same node stays below 270 MB, and a sync of 554 full blocks takes 173 MB at most instead of 225, for a tenth of its time.
 *
 * Memory that is free again goes back to the system at once instead of some time later: that sync takes 166 MB then, and no
 * more time.
 *
 * Its last and slowest compiler is for code that runs for minutes, and it begins after some tenths of a second, beside the
 * threads that verify scripts. Begun later, it leaves them a fifth of the processor's time in a short sync, and 8 MB.
 *
 * @module
 */
import process from "node:process";

/** Options for a node of JavaScriptCore and of mimalloc, which read them from the environment when a process starts, and nowhere else. */
const NODE_OPTIONS: Readonly<Record<string, string>> = {
  /** The memory that the collector takes the machine's to be. */
  BUN_JSC_forceRAMSize: `${112 * 1024 * 1024}`,
  /** How often a function has run, about, before the slowest compiler has its turn: ten times what is usual. */
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "1000000",
  /** Milliseconds before pages without a use are given back. */
  MIMALLOC_PURGE_DELAY: "0",
};
/**
 * Variables that are set for other programs of Bun or Node and must not reach this one: they open a debugger without a
 * password, load a file, or switch certificate checks off.
 */
const FOREIGN = /^(?:BUN_INSPECT|BUN_OPTIONS$|NODE_TLS_REJECT_UNAUTHORIZED$)/;

/** A process's environment. */
type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment of a node lacks. */
const lacking = (environment: Environment) =>
  Object.entries(NODE_OPTIONS).filter(([name]) => environment[name] === undefined);

/**
 * The environment that the executable is to run in: without the variables that are not for it and, for a node, with the engine's
 * options (a variable that is set already stays). Undefined when nothing is to change.
 */
export function settledEnvironment(environment: Environment, isNode: boolean): Record<string, string> | undefined {
  const kept = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || FOREIGN.test(name) ? [] : [[name, value] as const]
  );
  const added = isNode ? lacking(environment) : [];
  if (added.length === 0 && kept.length === Object.keys(environment).length) return undefined;
  return Object.fromEntries([...kept, ...added]);
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
  if (!isCompiled && (!isNode || lacking(process.env).length === 0)) return;
  const environment = isCompiled
    ? settledEnvironment(process.env, isNode)
    : { ...process.env, ...Object.fromEntries(lacking(process.env)) };
  if (environment === undefined) return;
  const own = isCompiled ? [] : [...process.execArgv, script];
  process.execve(process.execPath, [process.execPath, ...own, ...args], environment);
}
