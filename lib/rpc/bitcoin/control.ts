/**
 * Methods about the node itself.
 *
 * @see Bitcoin Core `rpc/server.cpp`, `rpc/node.cpp`
 * @module
 */
import { invalidParameter } from "./error.ts";
import type { RpcObject } from "./json.ts";
import { helpText, type Method, type MethodCategory, optional, usageLine } from "./method.ts";

/** What runs now. */
export interface ActiveCall {
  readonly method: string;
  /** Of the monotonic clock, in milliseconds. */
  readonly startedAt: number;
}

/** Core's log categories that this node has something to say about. They share one level. */
const LOG_CATEGORIES = ["net", "http", "rpc", "addrman", "cmpctblock", "blockstorage", "prune", "validation", "proxy"];
const ALL_CATEGORIES = new Set(["all", "1", ""]);

/** Whether categories are named. Throws −8 for one that there is not. */
function namesAny(names: readonly string[]): boolean {
  for (const name of names) {
    if (ALL_CATEGORIES.has(name) || LOG_CATEGORIES.includes(name)) continue;
    throw invalidParameter(`unknown logging category ${name.slice(0, 50)}`);
  }
  return names.length > 0;
}

/** Groups of `help` in Core's order. */
const CATEGORIES: readonly MethodCategory[] = ["Blockchain", "Control", "Mining", "Network", "Rawtransactions", "Util"];

/** The list that `help` prints without a name. */
function listOf(methods: ReadonlyMap<string, Method>): string {
  return CATEGORIES.map((category) => {
    const lines = [...methods.values()].filter((method) => method.category === category && method.isHidden !== true)
      .map(usageLine).sort();
    return [`== ${category} ==`, ...lines].join("\n");
  }).join("\n\n");
}

/** The methods. They are told of all methods and of what runs. */
export function controlMethods(
  all: () => ReadonlyMap<string, Method>,
  active: () => Iterable<ActiveCall>,
): readonly Method[] {
  return [
    {
      name: "getrpcinfo",
      category: "Control",
      summary: "The calls that run now.",
      params: [],
      result: "{active_commands: [{method, duration}, ...], logpath}    (object) durations in microseconds",
      examples: ["getrpcinfo"],
      call: (_args, { context: { clock } }) => ({
        active_commands: [...active()].map(({ method, startedAt }) => ({
          method,
          duration: Math.round((clock.monotonic() - startedAt) * 1000),
        })),
        logpath: "",
      }),
    },
    {
      name: "help",
      category: "Control",
      summary: "All methods, or what one does.",
      params: [optional("command", "string", "The method", "all")],
      result: '"text"    (string)',
      examples: ["help getblock"],
      call(args) {
        const name = args.optionalText(0) ?? "";
        if (name === "") return listOf(all());
        const method = all().get(name);
        return method === undefined ? `help: unknown command: ${name.slice(0, 60)}\n` : helpText(method);
      },
    },
    {
      name: "logging",
      category: "Control",
      summary: "Turns debug messages on or off. The categories share one level: to name one is to name all.",
      params: [
        optional("include", "array", 'Categories to turn on; "all" for all'),
        optional("exclude", "array", 'Categories to turn off; "all" for all'),
      ],
      result: "{category: bool, ...}    (object)",
      examples: [`logging '["all"]'`, `logging '[]' '["net"]'`],
      call(args, { context: { log } }) {
        const include = namesAny(args.texts(0));
        const exclude = namesAny(args.texts(1));
        if (exclude) log.set(log.configured === "debug" ? "info" : log.configured);
        else if (include) log.set("debug");
        const isOn = log.level() === "debug";
        return Object.fromEntries(LOG_CATEGORIES.map((name) => [name, isOn])) satisfies RpcObject;
      },
    },
    {
      name: "stop",
      category: "Control",
      summary: "Stops the node, with all its chains.",
      params: [optional("wait", "number", "Accepted and ignored")],
      result: '"text"    (string)',
      examples: ["stop"],
      call(_args, { context }) {
        context.stop();
        return "gemel stopping";
      },
    },
    {
      name: "uptime",
      category: "Control",
      summary: "Seconds since the start.",
      params: [],
      result: "n    (number)",
      examples: ["uptime"],
      call: (_args, { context: { bitcoin, clock } }) =>
        Math.max(0, Math.floor((clock.now() - bitcoin.startedAt) / 1000)),
    },
  ];
}
