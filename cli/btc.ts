/**
 * `gemel btc`: a call of Bitcoin's JSON-RPC, written and answered as with bitcoin-cli.
 *
 * @module
 */
import { argumentFromWord, type Json } from "../mod.ts";
import type { Command } from "commander";
import { openClient } from "./context.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";

/** A call as the command line has it. */
export interface BitcoinCall {
  readonly method: string;
  readonly params: Json;
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
    .usage("[options] <method> [args...] [-named name=value...]")
    .description("call a method of Bitcoin's JSON-RPC, as with bitcoin-cli")
    // -named and negative numbers are no options of ours.
    .allowUnknownOption()
    .addHelpText(
      "after",
      "\nExample:\n  $ gemel btc getblockhash 1000\n  $ gemel btc -named getblock blockhash=<hash> verbosity=2\n" +
        "  $ gemel btc help getblock",
    )
    .action(async (words: string[], _options: unknown, command: Command) => {
      const { method, params } = await parseBitcoinCall(words, io);
      const client = await openClient(command, io);
      const result = await client.callBitcoin(method, params);
      io.out(command.optsWithGlobals().json === true ? `${result}\n` : resultText(result));
    });
}
