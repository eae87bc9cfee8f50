/**
 * `gemel version`.
 *
 * @module
 */
import { engineHere, GEMEL_VERSION } from "../mod.ts";
import type { Command } from "commander";
import type { CliIo } from "./io.ts";
import { runtimeText } from "./run.ts";

/** Adds the command. */
export function addVersion(program: Command, io: CliIo): void {
  program.command("version")
    .description("version of gemel and of its runtime")
    .addHelpText("after", "\nExample:\n  $ gemel version --json")
    .action((_options: unknown, command: Command) => {
      const json = command.optsWithGlobals().json === true;
      io.out(
        json
          ? JSON.stringify({ version: GEMEL_VERSION, runtime: runtimeText(), engine: engineHere() }) + "\n"
          : `gemel ${GEMEL_VERSION} (${runtimeText()})\n`,
      );
    });
}
