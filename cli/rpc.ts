/**
 * `gemel rpc` and `gemel chia`: any call, as the node answers it.
 *
 * @module
 */
import { type Json, parseJson, stringifyJson } from "../mod.ts";
import type { Command } from "commander";
import { openClient } from "./context.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import type { JsonObject } from "./values.ts";

/** `{…}`, `-` for standard input, or `key=value` pairs, whose values are JSON where they can be and text elsewhere. */
export async function parseRequestArguments(
  words: readonly string[],
  io: Pick<CliIo, "readInput">,
): Promise<JsonObject> {
  if (words.length === 0) return {};
  const [first = ""] = words;
  if (words.length === 1 && (first === "-" || first.trimStart().startsWith("{"))) {
    const text = first === "-" ? await io.readInput() : first;
    let value: Json;
    try {
      value = parseJson(text);
    } catch {
      throw new UsageError("the request is not JSON");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new UsageError("the request is no object");
    }
    return value as JsonObject;
  }
  const request: Record<string, Json> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw new UsageError(`${word}: key=value, or one JSON object`);
    const text = word.slice(at + 1);
    let value: Json = text;
    try {
      value = parseJson(text);
    } catch {
      // A hash or a host needs no quotes.
    }
    Object.defineProperty(request, word.slice(0, at), { value, enumerable: true, configurable: true, writable: true });
  }
  return request;
}

/** Adds both commands. */
export function addRpc(program: Command, io: CliIo): void {
  program.command("rpc <path> [request...]")
    .description("call a route: POST with JSON, or GET where the path starts with /v1")
    .addHelpText("after", '\nExample:\n  $ gemel rpc get_blocks \'{"start": 0, "end": 2}\'\n  $ gemel rpc /v1/status')
    .action(async (path: string, words: string[], _options: unknown, command: Command) => {
      const request = await parseRequestArguments(words, io);
      const client = await openClient(command, io);
      const isNative = path.startsWith("/v1/") || path.startsWith("v1/");
      const answer = isNative
        ? await client.native(
          words.length === 0 ? "GET" : "POST",
          "/" + path.replace(/^\//, ""),
          words.length === 0 ? undefined : request,
        )
        : await client.call(path, request);
      io.out(stringifyJson(answer, { sortKeys: true }) + "\n");
    });
  program.command("chia <route> [request...]")
    .description("call a route of chia-blockchain's full node")
    .addHelpText("after", "\nExample:\n  $ gemel chia get_block_record_by_height height=100")
    .action(async (route: string, words: string[], _options: unknown, command: Command) => {
      const request = await parseRequestArguments(words, io);
      const client = await openClient(command, io);
      io.out(stringifyJson(await client.call(route, request), { sortKeys: true }) + "\n");
    });
}
