/**
 * `gemel status`: where each chain stands.
 *
 * @module
 */
import type { Command } from "commander";
import { openClient } from "./context.ts";
import type { CliIo } from "./io.ts";
import { formatCount, formatSeconds, readingText } from "./progress.ts";
import { formatBytes, table } from "./table.ts";

/** Adds the command. */
export function addStatus(program: Command, io: CliIo): void {
  program.command("status")
    .description("sync, peers, age of the tip, disk and trust of each chain")
    .option("--watch", "again every two seconds, until Ctrl-C")
    .addHelpText("after", "\nExample:\n  $ gemel status --json | jq '.chains[0].height'")
    .action(async (options: { watch?: boolean }, command: Command) => {
      const client = await openClient(command, io);
      for (;;) {
        const status = await client.status();
        if (command.optsWithGlobals().json) io.out(JSON.stringify(status) + "\n");
        else {
          io.out(table(
            ["CHAIN", "NETWORK", "MODE", "HEIGHT", "BEHIND>", "TIP AGE", "PEERS(out/in)", "DISK", "VALIDATION"],
            status.chains.map((chain) => [
              chain.chain,
              chain.network,
              chain.mode,
              chain.height === null ? "–" : formatCount(chain.height),
              formatCount(chain.behind),
              chain.tip_age_s === null ? "–" : formatSeconds(chain.tip_age_s),
              `${chain.peers.out}/${chain.peers.in}`,
              formatBytes(chain.disk_bytes),
              `${chain.validation} (${chain.reading ? readingText(chain.reading) : `${chain.agree} peers agree`})`,
            ]),
          ));
          for (const { chain, warnings } of status.chains) {
            for (const warning of warnings) io.err(`warning ${chain}: ${warning}\n`);
          }
        }
        if (options.watch !== true) return;
        await new Promise((resolve) => setTimeout(resolve, 2_000));
      }
    });
}
