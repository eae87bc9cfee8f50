/**
 * The command line as a whole: commands, global flags, and what becomes of errors.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { GEMEL_VERSION } from "../mod.ts";
import { addAddrman } from "./addrman.ts";
import { addBlock } from "./block.ts";
import { addBtc } from "./btc.ts";
import { addCerts } from "./certs.ts";
import { addConfig } from "./config.ts";
import { addCrawl } from "./crawl.ts";
import { addDecode } from "./decode.ts";
import { addDemo } from "./demo.ts";
import { addDns } from "./dns.ts";
import { addEngine } from "./engine.ts";
import { addEvents } from "./events.ts";
import { EXIT, failureOf, formatFailure, UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { addIntroducer } from "./introducer.ts";
import { addPeers } from "./peers.ts";
import { addRpc } from "./rpc.ts";
import { addRun, runtimeText } from "./run.ts";
import { environmentName } from "./settings.ts";
import { addSimulate } from "./simulate.ts";
import { addStatus } from "./status.ts";
import { addVersion } from "./version.ts";
import { addWatch } from "./watch.ts";

/** Runs one command line (without the program's name) and returns the exit code. Never throws. */
export async function runProgram(args: readonly string[], io: CliIo): Promise<number> {
  let exit: number = EXIT.ok;
  const program = new Command("gemel")
    .description("a peer-to-peer node for Chia and Bitcoin in one executable")
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(text) })
    .option("--config <file>", "configuration file")
    .option("--data-dir <dir>", "keep everything below this folder")
    .option("--rpc <address>", "where RPC listens (run), or which node to ask: HOST:PORT or https://…")
    .option("--json", "data as JSON, errors too")
    .option("--quiet", "no progress, no hints")
    .option("--no-color", "no colours (NO_COLOR does the same)")
    .option("--timeout <time>", "wait for an answer so long (default 30s)")
    .option("--token-file <file>", "bearer token")
    .option("--cacert <file>", "authority of the node's certificate")
    .option("--cert <file>", "client certificate instead of a token")
    .option("--key <file>", "its key")
    .addHelpText(
      "after",
      "\nExample:\n  $ gemel demo\n  $ gemel run --chain chia --network simulator0 --connect 127.0.0.1:38444",
    )
    .version(`gemel ${GEMEL_VERSION} (${runtimeText()})`, "--version", "version of gemel and of its runtime")
    .showSuggestionAfterError(true);
  addRun(program, io, (code) => void (exit = code));
  addDemo(program, io, (code) => void (exit = code));
  addSimulate(program, io, (code) => void (exit = code));
  addEngine(program, io, (code) => void (exit = code));
  addStatus(program, io);
  addPeers(program, io);
  addAddrman(program, io);
  addWatch(program, io);
  addBlock(program, io);
  addEvents(program, io);
  addRpc(program, io);
  addBtc(program, io);
  addDecode(program, io);
  addCrawl(program, io, (code) => void (exit = code));
  addDns(program, io, (code) => void (exit = code));
  addIntroducer(program, io, (code) => void (exit = code));
  addCerts(program, io);
  addConfig(program, io);
  addVersion(program, io);
  inherit(program, io);
  program.hook("preAction", (_program, command) => requireValues(command));
  try {
    if (args.length === 0) {
      io.out(program.helpInformation());
      return EXIT.ok;
    }
    // The runtime has put this character in the place of bytes that it could not read: another name than was meant.
    const broken = args.find((word) => word.includes("\ufffd"));
    if (broken !== undefined) throw new UsageError(`${JSON.stringify(broken)} is not UTF-8`);
    await program.parseAsync([...args], { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error);
    io.err(formatFailure(failure, args.includes("--json") || wantsJsonLog(args, io)));
    return failure.exit;
  }
}

/** Whether `gemel run` was asked for a log of objects; also where its configuration cannot be read. */
function wantsJsonLog(args: readonly string[], { environment }: CliIo): boolean {
  const at = args.indexOf("--log-format");
  const flag = at >= 0 ? args[at + 1] : args.find((word) => word.startsWith("--log-format="))?.split("=")[1];
  return args.includes("run") && (flag ?? environment[environmentName("log-format")]) === "json";
}

/**
 * A flag with nothing in it is a slip (`--data-dir "$DIR"` where DIR is not set), and no wish for the default. Throws a
 * usage error.
 */
function requireValues(command: Command): void {
  for (let each: Command | null = command; each !== null; each = each.parent) {
    for (const option of each.options) {
      const name = option.attributeName();
      if (each.getOptionValueSource(name) !== "cli") continue;
      const value: unknown = each.getOptionValue(name);
      const isEmpty = (text: unknown) => typeof text === "string" && text.replaceAll(",", "").trim() === "";
      if (Array.isArray(value) ? value.some(isEmpty) : isEmpty(value)) {
        throw new UsageError(`${option.long ?? option.short}: a value is needed`);
      }
    }
  }
}

/** Subcommands do not take over how the program ends and where it writes: each is told. */
function inherit(command: Command, io: CliIo): void {
  for (const sub of command.commands) {
    sub.exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err }).configureHelp({
      showGlobalOptions: true,
    });
    inherit(sub, io);
  }
}
