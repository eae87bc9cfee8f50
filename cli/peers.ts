/**
 * `gemel peers`: who is connected, and who may not be.
 *
 * @module
 */

import type { Command } from "commander";
import { addressText, networkByName, networkNamed, type RpcClient } from "../mod.ts";
import { openClient } from "./context.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { formatSeconds } from "./progress.ts";
import { formatBytes, printable, table } from "./table.ts";
import { type JsonObject, parsePlace, parseTime, parseWhole } from "./values.ts";

type Row = Record<string, unknown>;

/** The array under a name in an answer. */
function rowsOf(answer: unknown, name: string): Row[] {
  const rows = (answer as Row | null)?.[name];
  return Array.isArray(rows) ? rows as Row[] : [];
}

/** Orders of the list: descending figures, which is what one looks for. */
const SORTS = { id: "id", bytes: "bytes_read", age: "age_s", height: "peak_height" } as const;

/** Adds the command. */
export function addPeers(program: Command, io: CliIo): void {
  const peers = program.command("peers").description("list, add, remove and ban peers");
  const json = (command: Command) => command.optsWithGlobals().json === true;
  const CHAIN = ["--chain <name>", "of this chain only"] as const;
  /** `?chain=NAME`, behind whatever parameters there are. */
  const query = ({ chain }: { chain?: string }, more: Record<string, string> = {}) => {
    const text = new URLSearchParams({ ...more, ...(chain !== undefined && { chain }) }).toString();
    return text === "" ? "" : `?${text}`;
  };

  peers.command("list", { isDefault: true })
    .description("the connected peers")
    .option("--sort <by>", "id, bytes, age or height", "id")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers list --sort bytes")
    .action(async (options: { sort: string; chain?: string }, command: Command) => {
      const key = SORTS[options.sort as keyof typeof SORTS] ?? "id";
      const answer = await (await openClient(command, io)).native("GET", `/v1/peers${query(options)}`);
      const rows = rowsOf(answer, "peers");
      rows.sort((a, b) => key === "id" ? Number(a.id) - Number(b.id) : Number(b[key] ?? 0) - Number(a[key] ?? 0));
      if (json(command)) return io.out(JSON.stringify({ peers: rows }) + "\n");
      io.out(table(
        ["CHAIN", "ID>", "DIR", "ADDRESS", "AGENT", "V", "HEIGHT>", "RECV>", "SENT>", "AGE>"],
        rows.map((row) => [
          String(row.chain),
          String(row.id),
          String(row.direction),
          addressText({ host: printable(String(row.host)), port: Number(row.port) }),
          printable(String(row.agent)).slice(0, 24),
          printable(String(row.protocol_version)).slice(0, 10),
          row.peak_height === null ? "–" : String(row.peak_height),
          formatBytes(Number(row.bytes_read)),
          formatBytes(Number(row.bytes_written)),
          formatSeconds(Number(row.age_s)),
        ]),
      ));
    });

  peers.command("traffic [id]")
    .description("what went over all connections, or over one, by kind of message")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers traffic --chain bitcoin")
    .action(async (id: string | undefined, options: { chain?: string }, command: Command) => {
      const path = id === undefined ? "/v1/traffic" : `/v1/peers/${parseWhole(id, "id", 0, 2 ** 31)}/traffic`;
      const answer = await (await openClient(command, io)).native("GET", `${path}${query(options)}`);
      io.out(json(command) ? JSON.stringify(answer) + "\n" : trafficText(answer as JsonObject));
    });

  peers.command("add <host:port>")
    .description("connect to a peer")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers add 127.0.0.1:8444 --chain chia")
    .action(async (address: string, { chain }: { chain?: string }, command: Command) => {
      const client = await openClient(command, io);
      const hasPort = /^[^:]*:|\]:/.test(address);
      const { host, port } = parsePlace(address, "peer", hasPort ? undefined : await standardPort(client, chain));
      const peer = await client
        .native("POST", "/v1/peers", { host, port, ...(chain !== undefined && { chain }) }) as JsonObject;
      io.out(json(command) ? JSON.stringify(peer) + "\n" : `connected: peer ${String(peer.id)}\n`);
    });

  peers.command("remove <id>")
    .description("end a connection")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers remove 3")
    .action(async (id: string, options: { chain?: string }, command: Command) => {
      const path = `/v1/peers/${parseWhole(id, "id", 0, 2 ** 31)}${query(options)}`;
      await (await openClient(command, io)).native("DELETE", path);
      io.out(json(command) ? "{}\n" : `peer ${id} is disconnected\n`);
    });

  peers.command("ban <host>")
    .description("let nobody connect from an address")
    .option("--time <time>", "for how long", "1d")
    .option("--reason <text>", "why, for the list", "by hand")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers ban 203.0.113.9 --time 12h")
    .action(async (host: string, options: { time: string; reason: string; chain?: string }, command: Command) => {
      const seconds = Math.ceil(parseTime(options.time, "time") / 1000);
      const ban = await (await openClient(command, io))
        .native("POST", "/v1/bans", {
          host,
          seconds,
          reason: options.reason,
          ...(options.chain !== undefined && { chain: options.chain }),
        });
      io.out(json(command) ? JSON.stringify(ban) + "\n" : `${host} is banned for ${formatSeconds(seconds)}\n`);
    });

  peers.command("unban <host>")
    .description("end a ban")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers unban 203.0.113.9")
    .action(async (host: string, options: { chain?: string }, command: Command) => {
      await (await openClient(command, io)).native("DELETE", `/v1/bans${query(options, { host })}`);
      io.out(json(command) ? "{}\n" : `${host} is free again\n`);
    });

  peers.command("bans")
    .description("the bans that hold")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel peers bans --json")
    .action(async (options: { chain?: string }, command: Command) => {
      const answer = await (await openClient(command, io)).native("GET", `/v1/bans${query(options)}`);
      if (json(command)) return io.out(JSON.stringify(answer) + "\n");
      const rows = rowsOf(answer, "bans");
      io.out(
        table(
          ["CHAIN", "HOST", "EFFECT", "UNTIL", "REASON"],
          rows.map((row) => [row.chain, row.host, row.effect, row.until, row.reason].map((x) => printable(String(x)))),
        ),
      );
    });
}

/** The port of the network that the node follows, on the chain that is named or the one that runs. */
async function standardPort(client: RpcClient, named: string | undefined): Promise<number> {
  const { chains } = await client.status();
  const [only, other] = chains.filter(({ chain }) => named === undefined || chain === named);
  if (only === undefined) throw new UsageError(`--chain: the node does not run ${named}`);
  if (other !== undefined) throw new UsageError("which chain? Name it with --chain, or give the port");
  const { chain, network } = only;
  const port = chain === "bitcoin" ? networkByName(network)?.defaultPort : networkNamed(network).defaultPort;
  if (port === undefined) throw new UsageError(`${network} has no port of its own; give one`);
  return port;
}

/** The kinds of message of each direction, with totals. */
function trafficText(answer: JsonObject): string {
  const parts = Array.isArray(answer.chains) ? answer.chains as JsonObject[] : [answer];
  const rows = parts.flatMap((part) =>
    ["received", "sent"].flatMap((direction) => {
      const { by_message } = part[direction] as JsonObject;
      return (by_message as JsonObject[]).map(({ message, messages, bytes, latency_ms }) => [
        ...(part.chain === undefined ? [] : [String(part.chain)]),
        direction,
        printable(String(message)),
        String(messages),
        formatBytes(Number(bytes)),
        latency_ms === null ? "–" : String((latency_ms as JsonObject).mean),
      ]);
    })
  );
  const heads = ["DIR", "MESSAGE", "COUNT>", "BYTES>", "MEAN MS>"];
  return table(answer.chains === undefined ? heads : ["CHAIN", ...heads], rows);
}
