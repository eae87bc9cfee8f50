/**
 * `gemel config`: what holds, and where it came from.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { checkConfig, fileTrouble } from "../mod.ts";
import { buildConfig } from "./config-build.ts";
import { addSettings, configFileOf, loadSettings, wantsColor } from "./context.ts";
import { configError } from "./setting.ts";
import { environmentName, SETTINGS } from "./settings.ts";
import type { CliIo } from "./io.ts";
import { table } from "./table.ts";

/** A file to start from: everything commented out. */
function template(): string {
  const line = (key: string, help: string, standard?: string) =>
    `# ${help}\n# ${key} = ${JSON.stringify(standard ?? "")}\n`;
  const top = SETTINGS.filter(({ key }) =>
    !key.includes(".") && !SETTINGS.some((other) => other.key === `chia.${key}`)
  );
  const chia = SETTINGS.filter(({ key }) => key.startsWith("chia."));
  return "# gemel; precedence: flag, environment (GEMEL_RUN_…), this file, default\n\n" +
    top.map(({ key, help, standard }) => line(key, help, standard)).join("\n") + "\n[chia]\n" +
    chia.map(({ key, help, standard }) => line(key.slice("chia.".length), help, standard)).join("\n");
}

/** Adds the command. */
export function addConfig(program: Command, io: CliIo): void {
  const config = program.command("config").description("show, check and begin a configuration");

  addSettings(config.command("show", { isDefault: true }), (key) => !["rpc", "data-dir"].includes(key))
    .description("the effective values")
    .option("--origin", "and where each came from")
    .addHelpText("after", "\nExample:\n  $ gemel config show --origin")
    .action(async (options: { origin?: boolean }, command: Command) => {
      const { settings } = await loadSettings(command, io);
      // A bare chain setting stands for the chain's own: nobody needs to read the unset ones twice.
      const rows = SETTINGS.filter(({ key }) => settings.has(key) || !SETTINGS.some((o) => o.key === `chia.${key}`))
        .map(({ key, standard, shown = (text) => text }) => {
          const given = settings.get(key);
          const value = given?.value ?? standard ?? null;
          return { key, value: typeof value === "string" ? shown(value) : value, origin: given?.origin ?? "default" };
        });
      if (command.optsWithGlobals().json) {
        const entries = rows.map(({ key, value, origin }) => [key, options.origin ? { value, origin } : value]);
        return io.out(JSON.stringify(Object.fromEntries(entries)) + "\n");
      }
      const headers = ["KEY", "VALUE", ...(options.origin ? ["ORIGIN", "ENVIRONMENT"] : [])];
      io.out(table(
        headers,
        rows.map(({ key, value, origin }) => {
          const shown = value === null ? "–" : Array.isArray(value) ? value.join(",") : String(value);
          return [key, shown, ...(options.origin ? [origin, environmentName(key)] : [])];
        }),
      ));
    });

  addSettings(config.command("check"), (key) => !["rpc", "data-dir"].includes(key))
    .description("say whether gemel run would accept it")
    .addHelpText("after", "\nExample:\n  $ gemel config check --config ./config.toml")
    .action(async (_options: unknown, command: Command) => {
      const { settings, configFile, configFound } = await loadSettings(command, io);
      await checkConfig(await buildConfig(settings, { ...io, readText: io.readText, color: wantsColor(command, io) }));
      io.out(command.optsWithGlobals().json ? '{"ok":true}\n' : `ok (${configFound ? configFile() : "no file"})\n`);
    });

  config.command("path")
    .description("where the file is looked for")
    .addHelpText("after", "\nExample:\n  $ $EDITOR $(gemel config path)")
    .action((_options: unknown, command: Command) => io.out(configFileOf(command, io) + "\n"));

  config.command("init")
    .description("write a file with every setting, commented out")
    .addHelpText("after", "\nExample:\n  $ gemel config init")
    .action(async (_options: unknown, command: Command) => {
      // What is in a file that is there already does not matter: it is not written over.
      const configFile = configFileOf(command, io);
      try {
        await mkdir(dirname(configFile), { recursive: true });
        await writeFile(configFile, template(), { flag: "wx", mode: 0o600 });
      } catch (thrown) {
        throw configError(`config: ${configFile} ${fileTrouble(thrown)}`);
      }
      io.err(`wrote ${configFile}\n`);
    });
}
