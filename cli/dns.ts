/**
 * `gemel dns`: serves a zone with the good nodes of a crawl, and shows what other seeds return.
 *
 * @module
 */
import { addressText, querySeed, type SeedServer, serveSeeds } from "../mod.ts";
import type { Command } from "commander";
import { usage } from "./crawl.ts";
import { openCrawl, untilSignal } from "./crawl-file.ts";
import { EXIT, UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { printable, table } from "./table.ts";
import { parseAddress, parsePlace, parseWhole } from "./values.ts";

const DNS_PORT = 53;

/** A host name: labels of letters, digits, `-` and `_`, 253 characters at most; without the dot at its end. */
export function parseName(text: string, what: string): string {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  const isName = name.length <= 253 && /^[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/i.test(name);
  if (!isName) throw new UsageError(`${what}: ${JSON.stringify(text)} is no DNS name`);
  return name;
}

interface ServeFlags {
  readonly listen: string;
  readonly zone: string;
  readonly from: string;
  readonly ns?: string;
  readonly port?: string;
  readonly perSecond: string;
}

/** Adds the command. */
export function addDns(program: Command, io: CliIo, setExit: (code: number) => void): void {
  const dns = program.command("dns").description("serve a DNS seed from a crawl, or see what one returns");
  dns.command("serve")
    .description("answer A and AAAA of a zone with good nodes of a crawl")
    .requiredOption("--listen <host:port>", "where to answer, over UDP")
    .requiredOption("--zone <name>", "the zone that is served")
    .requiredOption("--from <file>", "what gemel crawl wrote as JSON; read again when it changes")
    .option("--ns <name>", "name of this server, for NS and SOA records")
    .option("--port <n>", "tell nodes of this port (default: the network's own, which is what askers dial)")
    .option("--per-second <n>", "answers a second to one asker", "20")
    .addHelpText(
      "after",
      "\nFor Bitcoin x<hex>.ZONE asks for nodes that offer all those service bits, as in x9.ZONE.\n" +
        "\nExample:\n  $ gemel dns serve --listen 127.0.0.1:5353 --zone seed.example --from nodes.json",
    )
    .action(async (flags: ServeFlags, command: Command) => {
      const listen = usage(() => parseAddress(flags.listen, "listen", DNS_PORT));
      const zone = parseName(flags.zone, "zone");
      const ns = flags.ns === undefined ? undefined : parseName(flags.ns, "ns");
      const port = flags.port === undefined ? undefined : usage(() => parseWhole(flags.port!, "port", 1, 65_535));
      const perSecond = usage(() => parseWhole(flags.perSecond, "per-second", 1, 100_000));
      const crawl = await openCrawl(flags.from);
      const { report } = crawl;
      const server = await serveSeeds({
        listen,
        zone,
        report,
        perSecond,
        ...(ns !== undefined && { ns }),
        ...(port !== undefined && { port }),
      });
      const { json, quiet } = command.optsWithGlobals() as Record<string, unknown>;
      const about = { chain: report.chain, network: report.network, zone };
      if (json === true) {
        io.out(
          JSON.stringify({ event: "ready", listen: addressText(server.address), ...about, nodes: server.nodes }) +
            "\n",
        );
      } else if (quiet !== true) {
        io.err(
          `${zone} on ${addressText(server.address)}: ${server.nodes} nodes of ${about.chain} ${about.network}\n`,
        );
      }
      if (server.nodes === 0) {
        io.err("no node of the file is good enough to be told: reachable, up to date, on the port\n");
      }
      const end = crawl.follow(
        (next) => server.replace(next),
        () => `${server.nodes} nodes; ${countsText(server)}`,
        io,
      );
      setExit(await untilSignal(io));
      end();
      await server.close();
      if (json === true) io.out(JSON.stringify({ event: "stopped", ...server.counts }) + "\n");
      else if (quiet !== true) io.err(`stopped: ${countsText(server)}\n`);
    });

  dns.command("query <name>")
    .description("ask a seed, and show what it returned")
    .option("--server <host:port>", "ask this server (default: the system's resolver)")
    .addHelpText("after", "\nExample:\n  $ gemel dns query x9.seed.example --server 127.0.0.1:5353")
    .action(async (text: string, { server }: { server?: string }, command: Command) => {
      const name = parseName(text, "name");
      const at = server === undefined ? undefined : usage(() => parsePlace(server, "server", DNS_PORT));
      const { answers } = await querySeed(name, at);
      const rows = answers.flatMap((answer) => "error" in answer ? [] : [...answer.addresses]);
      const isSilent = answers.every((answer) => "error" in answer);
      const isDenied = answers.some((answer) => "rcode" in answer && answer.rcode !== "NOERROR");
      setExit(isSilent ? EXIT.unreachable : isDenied ? EXIT.failed : EXIT.ok);
      if (command.optsWithGlobals().json === true) {
        return io.out(JSON.stringify({ name, server: at === undefined ? null : addressText(at), answers }) + "\n");
      }
      if (rows.length > 0) {
        io.out(
          table(["TYPE", "ADDRESS", "TTL>"], rows.map(({ type, host, ttl }) => [type, printable(host), String(ttl)])),
        );
      }
      for (const answer of answers) {
        if ("error" in answer) io.err(`${answer.type}: ${answer.error}\n`);
        else if (answer.rcode !== "NOERROR" || answer.addresses.length === 0) {
          io.err(`${answer.type}: ${answer.rcode}, ${answer.addresses.length} addresses\n`);
        }
      }
    });
}

function countsText({ counts }: SeedServer): string {
  return Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ");
}
