/**
 * `gemel addrman`: what is known of other nodes' addresses.
 *
 * @module
 */
import type { Command } from "commander";
import { addressText } from "../mod.ts";
import { openClient } from "./context.ts";
import type { CliIo } from "./io.ts";
import { formatSeconds } from "./progress.ts";
import { printable, table } from "./table.ts";
import { parseWhole } from "./values.ts";

/** What `/v1/addresses` answers, as far as it is printed. */
interface Answer {
  readonly books: readonly {
    readonly chain: string;
    readonly network: string;
    readonly new: number;
    readonly tried: number;
    readonly collisions: number;
    readonly addresses: readonly {
      readonly host: string;
      readonly port: number;
      readonly table: string;
      readonly services: string;
      readonly source: string;
      readonly time: number;
      readonly last_success: number;
      readonly attempts: number;
    }[];
  }[];
}

/** Adds the command. */
export function addAddrman(program: Command, io: CliIo): void {
  const addrman = program.command("addrman").description("what is known of other nodes' addresses");
  addrman.command("show", { isDefault: true })
    .description("the tables in numbers, and addresses in them")
    .option("--chain <name>", "of this chain only")
    .option("--limit <n>", "addresses of each chain", "20")
    .addHelpText("after", "\nExample:\n  $ gemel addrman show --chain bitcoin --limit 1000 --json")
    .action(async (options: { chain?: string; limit: string }, command: Command) => {
      const limit = parseWhole(options.limit, "limit", 0, 10_000);
      const query = new URLSearchParams({ limit: `${limit}`, ...(options.chain && { chain: options.chain }) });
      const answer = await (await openClient(command, io)).native("GET", `/v1/addresses?${query}`);
      if (command.optsWithGlobals().json === true) return io.out(JSON.stringify(answer) + "\n");
      const now = Date.now() / 1000;
      const ago = (time: number) => (time === 0 ? "–" : formatSeconds(Math.max(0, now - time)));
      for (const book of (answer as unknown as Answer).books) {
        io.out(
          `${book.chain} ${book.network}: ${book.tried} tried, ${book.new} new, ${book.collisions} waiting for a test\n`,
        );
        if (book.addresses.length === 0) continue;
        io.out(table(
          ["TABLE", "ADDRESS", "SERVICES", "FROM", "SEEN>", "SUCCESS>", "FAILED>"],
          book.addresses.map((each) => [
            each.table,
            addressText({ host: printable(each.host), port: each.port }),
            each.services,
            printable(each.source),
            ago(each.time),
            ago(each.last_success),
            String(each.attempts),
          ]),
        ));
      }
    });
}
