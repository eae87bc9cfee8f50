/**
 * `gemel watch`: scripts and addresses that a node of block filters looks for, and what it found.
 *
 * @module
 */

import type { Command } from "commander";
import { openClient } from "./context.ts";
import type { CliIo } from "./io.ts";
import { formatCount } from "./progress.ts";
import { printable, table } from "./table.ts";
import { parseWhole } from "./values.ts";

type Row = Record<string, unknown>;

/** The array under a name in an answer. */
function rowsOf(answer: unknown, name: string): Row[] {
  const rows = (answer as Row | null)?.[name];
  return Array.isArray(rows) ? rows as Row[] : [];
}

/** Hex is a script, everything else an address: no address consists of an even number of hex digits only. */
function isScript(text: string): boolean {
  return /^(?:[0-9a-fA-F]{2})+$/.test(text);
}

/** The highest height that a flag may name. */
const HEIGHT_MAX = 2 ** 31 - 1;

/** Adds the command. */
export function addWatch(program: Command, io: CliIo): void {
  const watch = program.command("watch").description("watch Bitcoin addresses and scripts (--mode filters)");
  const json = (command: Command) => command.optsWithGlobals().json === true;
  const nameOf = (row: Row) => printable(String(row.address ?? row.script));

  watch.command("add <address...>")
    .description("look for payments to addresses or scripts (hex), and for what spends them")
    .option("--from <height>", "lowest height that can have paid to them (default: the next block)")
    .addHelpText("after", "\nExample:\n  $ gemel watch add bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq --from 800000")
    .action(async (texts: string[], { from }: { from?: string }, command: Command) => {
      const answer = await (await openClient(command, io)).native("POST", "/v1/bitcoin/watch", {
        addresses: texts.filter((text) => !isScript(text)),
        scripts: texts.filter(isScript),
        ...(from !== undefined && { from: parseWhole(from, "from", 0, HEIGHT_MAX) }),
      });
      if (json(command)) return io.out(JSON.stringify(answer) + "\n");
      for (const row of rowsOf(answer, "watched")) io.out(`${nameOf(row)} is watched from height ${row.from}\n`);
    });

  watch.command("remove <address...>")
    .description("forget addresses or scripts, and what was found of them")
    .addHelpText("after", "\nExample:\n  $ gemel watch remove bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    .action(async (texts: string[], _options: unknown, command: Command) => {
      const query = new URLSearchParams(texts.map((text) => [isScript(text) ? "script" : "address", text]));
      const answer = await (await openClient(command, io)).native("DELETE", `/v1/bitcoin/watch?${query}`);
      const { removed } = answer as Row;
      io.out(json(command) ? JSON.stringify(answer) + "\n" : `${removed} are no longer watched\n`);
    });

  watch.command("list", { isDefault: true })
    .description("what is watched, and how far the chain was searched")
    .addHelpText("after", "\nExample:\n  $ gemel watch list")
    .action(async (_options: unknown, command: Command) => {
      const answer = await (await openClient(command, io)).native("GET", "/v1/bitcoin/watch");
      if (json(command)) return io.out(JSON.stringify(answer) + "\n");
      const { progress } = answer as { progress: Record<string, number> & { synced: boolean } };
      io.out(table(
        ["ADDRESS", "FROM>", "SEARCHED>"],
        rowsOf(answer, "watched").map((row) => [
          nameOf(row),
          formatCount(Number(row.from)),
          Number(row.scanned) < Number(row.from) ? "–" : formatCount(Number(row.scanned)),
        ]),
      ));
      io.out(
        `searched to ${formatCount(progress.scanned!)}, filter headers to ${formatCount(progress.filter_headers!)}, ` +
          `headers to ${formatCount(progress.headers!)}${progress.synced ? ": synced" : ""}\n`,
      );
    });

  watch.command("matches")
    .description("payments that were found, and what spent them")
    .option("--since <id>", "only those after this one", "0")
    .option("--limit <count>", "at most so many", "100")
    .addHelpText("after", "\nExample:\n  $ gemel watch matches --json | jq '.matches[].txid'")
    .action(async (options: { since: string; limit: string }, command: Command) => {
      const query = new URLSearchParams({
        since: String(parseWhole(options.since, "since", 0, Number.MAX_SAFE_INTEGER)),
        limit: String(parseWhole(options.limit, "limit", 1, 1_000)),
      });
      const answer = await (await openClient(command, io)).native("GET", `/v1/bitcoin/matches?${query}`);
      if (json(command)) return io.out(JSON.stringify(answer) + "\n");
      io.out(table(
        ["ID>", "HEIGHT>", "", "SATOSHI>", "ADDRESS", "TRANSACTION"],
        rowsOf(answer, "matches").map((row) => [
          String(row.id),
          formatCount(Number(row.height)),
          String(row.direction),
          formatCount(Number(row.value)),
          nameOf(row),
          `${printable(String(row.txid))}${row.direction === "in" ? `:${row.vout}` : ""}`,
        ]),
      ));
    });
}
