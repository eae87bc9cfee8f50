/**
 * `gemel decode`: what the bytes of a message or structure say.
 *
 * @module
 */
import {
  CodecError,
  decodeWire,
  fromHex,
  messageOf,
  networkByName,
  NodeError,
  stringifyJson,
  wireTypes,
} from "../mod.ts";
import type { Command } from "commander";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { table } from "./table.ts";

/** Adds the command. */
export function addDecode(program: Command, io: CliIo): void {
  program.command("decode [type] [hex]")
    .description("a message or structure of either protocol as JSON, from its bytes; without a type all types")
    .option("--network <name>", "whose addresses outputs of Bitcoin are shown with", "mainnet")
    .addHelpText(
      "after",
      "\nThe bytes are hexadecimal; - reads them from standard input. Where both chains have a type of the same name, put the\n" +
        "chain before it: bitcoin.block.\n\nExample:\n  $ gemel decode ping 0100000000000000\n  $ gemel decode header - < header.hex",
    )
    .action(async (
      type: string | undefined,
      hex: string | undefined,
      { network }: { network: string },
      command: Command,
    ) => {
      const wantsJson = command.optsWithGlobals().json === true;
      if (type === undefined) {
        if (wantsJson) return io.out(stringifyJson(wireTypes.map((each) => ({ ...each }))) + "\n");
        return io.out(table(["CHAIN", "KIND", "TYPE"], wireTypes.map(({ chain, kind, name }) => [chain, kind, name])));
      }
      if (hex === undefined) throw new UsageError("the bytes are missing: hexadecimal, or - for standard input");
      const prefixes = networkOf(network);
      const bytes = bytesOf(hex === "-" ? (await io.readInput()).replace(/\s+/g, "") : hex);
      try {
        io.out(stringifyJson(decodeWire(type, bytes, prefixes)) + "\n");
      } catch (thrown) {
        if (thrown instanceof CodecError) throw new UsageError(`these bytes are no ${type}: ${messageOf(thrown)}`);
        if (thrown instanceof NodeError && thrown.code === "TYPE_UNKNOWN") throw new UsageError(thrown.message);
        throw thrown;
      }
    });
}

function networkOf(name: string) {
  const network = networkByName(name);
  if (network === undefined) throw new UsageError(`--network: there is no network ${name}`);
  return network;
}

function bytesOf(hex: string): Uint8Array {
  try {
    return fromHex(hex);
  } catch (thrown) {
    throw new UsageError(`the bytes are not hexadecimal: ${messageOf(thrown)}`);
  }
}
