/**
 * `gemel introducer`: tells newcomers to Chia's network of the good nodes of a crawl.
 *
 * @module
 */
import { addressText, serveIntroductions } from "../mod.ts";
import type { Command } from "commander";
import { resolvePaths } from "./paths.ts";
import { usage } from "./crawl.ts";
import { openCrawl, untilSignal } from "./crawl-file.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { parseAddress } from "./values.ts";

const INTRODUCER_PORT = 8_445;

/** Adds the command. */
export function addIntroducer(program: Command, io: CliIo, setExit: (code: number) => void): void {
  program.command("introducer")
    .description("run a Chia introducer, which tells newcomers of nodes that a crawl has reached")
    .requiredOption("--listen <host:port>", "where to answer, over TLS")
    .requiredOption("--from <file>", "what gemel crawl wrote as JSON; read again when it changes")
    .addHelpText("after", "\nExample:\n  $ gemel introducer --listen 127.0.0.1:8445 --from nodes.json")
    .action(async (flags: { readonly listen: string; readonly from: string }, command: Command) => {
      const { json, quiet, dataDir } = command.optsWithGlobals() as Record<string, unknown>;
      const listen = usage(() => parseAddress(flags.listen, "listen", INTRODUCER_PORT));
      const crawl = await openCrawl(flags.from);
      const { chain, network } = crawl.report;
      if (chain !== "chia") throw new UsageError(`from: ${flags.from} is of ${chain}; introducers are Chia's`);
      const server = await serveIntroductions({
        listen,
        identityFolder: resolvePaths(typeof dataDir === "string" ? dataDir : undefined, io).ssl,
        report: crawl.report,
        ...(json !== true && quiet !== true && { notice: (text: string) => io.err(text + "\n") }),
      });
      const at = addressText(server.address);
      if (json === true) {
        io.out(JSON.stringify({ event: "ready", listen: at, chain, network, nodes: server.nodes }) + "\n");
      } else if (quiet !== true) io.err(`introducer on ${at}: ${server.nodes} nodes of ${chain} ${network}\n`);
      if (server.nodes === 0) io.err("no node of the file is good enough to be told: reachable and up to date\n");
      const end = crawl.follow((report) => server.replace(report), () => `${server.nodes} nodes`, io);
      setExit(await untilSignal(io));
      end();
      await server.close();
      if (json === true) io.out(JSON.stringify({ event: "stopped" }) + "\n");
    });
}
