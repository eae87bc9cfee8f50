/**
 * `gemel btc`: a call of Bitcoin's JSON-RPC, written and answered as with bitcoin-cli.
 *
 * @module
 */
import {
  argumentFromWord,
  type Json,
  type JsonObject,
  NodeError,
  parseJson,
  type RpcClient,
  RpcFailure,
  stringifyJson,
} from "../mod.ts";
import type { Command } from "commander";
import { infoObject, infoText, levelOf, netinfoText } from "./btc-info.ts";
import { openClient } from "./context.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";

/** A call as the command line has it. */
export interface BitcoinCall {
  readonly method: string;
  readonly params: Json;
}

/** What bitcoin-cli's own options ask for. They stand before the method. */
export interface BitcoinCliOptions {
  /** Wait until the node answers, at most so many milliseconds; 0 for ever. */
  readonly waitMs?: number;
  /** Time for one answer in milliseconds; 0 for no limit. */
  readonly timeoutMs?: number;
  /** A page in the place of a call. */
  readonly page?: "getinfo" | "netinfo";
}

/**
 * Takes bitcoin-cli's options from the front of the words, with one dash or two: `-rpcwait`, `-rpcwaittimeout=N`,
 * `-rpcclienttimeout=N` (seconds), `-getinfo`, `-netinfo`. Throws a usage error for a value that is none.
 */
export function takeCliOptions(words: readonly string[]): {
  readonly options: BitcoinCliOptions;
  readonly rest: readonly string[];
} {
  let [waits, waitMs]: [boolean, number] = [false, 0];
  let timeoutMs: number | undefined;
  let page: BitcoinCliOptions["page"];
  let at = 0;
  const kept: string[] = [];
  for (; at < words.length; at++) {
    const [, name, value] = /^--?([a-z]+)(?:=(.*))?$/.exec(words[at]!) ?? [];
    if (name === undefined) break;
    const isOn = () => {
      if (value === undefined || value === "1") return true;
      if (value === "0") return false;
      throw new UsageError(`-${name}: 0 or 1`);
    };
    const seconds = () => {
      if (/^[0-9]{1,9}$/.test(value ?? "")) return Number(value) * 1000;
      throw new UsageError(`-${name}=N: a whole number of seconds`);
    };
    if (name === "rpcwait" || name === "norpcwait") waits = isOn() === (name === "rpcwait");
    else if (name === "rpcwaittimeout") waitMs = seconds();
    else if (name === "rpcclienttimeout") timeoutMs = seconds();
    else if (name === "getinfo" || name === "netinfo") page = isOn() ? name : undefined;
    else if (name === "named") kept.push(words[at]!);
    else throw new UsageError(`gemel btc does not know -${name}`);
  }
  const options = {
    ...(waits && { waitMs }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(page !== undefined && { page }),
  };
  return { options, rest: [...kept, ...words.slice(at)] };
}

/**
 * Reads `METHOD ARG…`, or with `-named` among the words `METHOD NAME=VALUE…`, where words without a name keep their place.
 * A word `-` is read from standard input. Throws a usage error.
 */
export async function parseBitcoinCall(
  words: readonly string[],
  io: Pick<CliIo, "readInput">,
): Promise<BitcoinCall> {
  const isNamed = words.some((word) => word === "-named" || word === "--named");
  const [method, ...rest] = words.filter((word) => word !== "-named" && word !== "--named");
  if (method === undefined) throw new UsageError("which method? gemel btc help lists them");
  const positional: Json[] = [];
  const named: Record<string, Json> = {};
  for (const word of rest) {
    const at = isNamed ? word.indexOf("=") : -1;
    const value = at < 1 ? word : word.slice(at + 1);
    const text = value === "-" ? (await io.readInput()).trim() : value;
    if (at < 1) positional.push(convert(method, positional.length, text));
    else define(named, word.slice(0, at), convert(method, word.slice(0, at), text));
  }
  if (!isNamed) return { method, params: positional };
  if (positional.length > 0) define(named, "args", positional);
  return { method, params: named };
}

function convert(method: string, place: number | string, word: string): Json {
  try {
    return argumentFromWord(method, place, word);
  } catch (thrown) {
    throw thrown instanceof SyntaxError ? new UsageError(thrown.message) : thrown;
  }
}

function define(target: Record<string, Json>, name: string, value: Json): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

/** JSON text with line breaks and two spaces a level. Works on the text, so that no number is read and printed anew. */
export function indentJson(json: string): string {
  let text = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g)) {
    const last = text.at(-1);
    if (token === "{" || token === "[") {
      text += token;
      depth++;
      text += line();
    } else if (token === "}" || token === "]") {
      depth--;
      const isEmpty = last === " " || last === "\n";
      text = isEmpty ? text.trimEnd() + token : text + line() + token;
    } else if (token === ",") text += token + line();
    else text += token === ":" ? ": " : token;
  }
  return text;
}

/** What bitcoin-cli prints of a result: text as it is, nothing for null, else JSON. */
export function resultText(json: string): string {
  if (json === "null") return "";
  return json.startsWith('"') ? `${JSON.parse(json) as string}\n` : `${indentJson(json)}\n`;
}

/** Adds the command. */
export function addBtc(program: Command, io: CliIo): void {
  program.command("btc [words...]")
    .usage(
      "[options] [-rpcwait] [-rpcclienttimeout=N] <method> [args...] [-named name=value...] | -getinfo | -netinfo [level]",
    )
    .description("call a method of Bitcoin's JSON-RPC, as with bitcoin-cli")
    // -named and negative numbers are no options of ours.
    .allowUnknownOption()
    .addHelpText(
      "after",
      "\nExample:\n  $ gemel btc getblockhash 1000\n  $ gemel btc -named getblock blockhash=<hash> verbosity=2\n" +
        "  $ gemel btc help getblock\n  $ gemel btc -rpcwait -rpcwaittimeout=60 -getinfo\n  $ gemel btc -netinfo 4",
    )
    .action(async (words: string[], _options: unknown, command: Command) => {
      const { options, rest } = takeCliOptions(words);
      const json = command.optsWithGlobals().json === true;
      const ask = options.page === undefined ? await calling(rest, io, json) : showing(options.page, rest, json);
      const { waitMs } = options;
      // The wait is for a node that answers. What is then asked may take as long as it takes.
      if (waitMs !== undefined) {
        await waitFor(waitMs, async (timeoutMs) => {
          await (await openClient(command, io, { timeoutMs })).callBitcoin("uptime", []);
        });
      }
      io.out(await ask(await openClient(command, io, options)));
    });
}

/** One call; its result as it is printed. */
async function calling(words: readonly string[], io: CliIo, json: boolean) {
  const { method, params } = await parseBitcoinCall(words, io);
  return async (client: RpcClient): Promise<string> => {
    const result = await client.callBitcoin(method, params);
    return json ? `${result}\n` : resultText(result);
  };
}

/** A page of bitcoin-cli's. Throws a usage error for words that it does not take. */
function showing(page: "getinfo" | "netinfo", words: readonly string[], json: boolean) {
  const level = levelOf(words[0]);
  if (page === "getinfo" && words.length > 0) throw new UsageError("-getinfo takes no arguments");
  if (level === undefined || words.length > 1) throw new UsageError("-netinfo takes a level from 0 to 4");
  return async (client: RpcClient): Promise<string> => {
    const call = async (method: string) => parseJson(await client.callBitcoin(method, []));
    const network = await call("getnetworkinfo") as JsonObject;
    if (page === "getinfo") {
      const chain = await call("getblockchaininfo") as JsonObject;
      return json ? stringifyJson(infoObject(chain, network)) + "\n" : infoText(chain, network);
    }
    const peers = await call("getpeerinfo") as readonly JsonObject[];
    if (json) return stringifyJson({ network, peers }) + "\n";
    return netinfoText(peers, network, { level, nowS: Math.floor(Date.now() / 1000) });
  };
}

const RETRY_MS = 1_000;
/** One attempt of a wait without an end. */
const FOREVER_ATTEMPT_MS = 10_000;

/** Asks again each second while no node answers, for at most `waitMs`, or for ever when it is 0; `ask` is told what is left. */
async function waitFor(waitMs: number, ask: (leftMs: number) => Promise<void>): Promise<void> {
  const began = performance.now();
  const leftMs = () => (waitMs === 0 ? FOREVER_ATTEMPT_MS : waitMs - (performance.now() - began));
  for (;;) {
    try {
      return await ask(Math.max(1, leftMs()));
    } catch (thrown) {
      const isDown = thrown instanceof NodeError && thrown.code === "NODE_UNREACHABLE" ||
        thrown instanceof RpcFailure && (thrown.status === 503 || thrown.code === "-28");
      if (!isDown || leftMs() < RETRY_MS) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
