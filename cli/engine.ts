/**
 * `gemel engine`: which implementation of heavy arithmetic runs on this machine, whether it judges rightly, and how quickly.
 *
 * @module
 */
import { checkEngines, type EngineCheckRow, ENGINES } from "../mod.ts";
import { type Command, Option } from "commander";
import { EXIT } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { table } from "./table.ts";
import { parseTime, parseWhole } from "./values.ts";
import { usage } from "./crawl.ts";

interface EngineFlags {
  readonly engine: (typeof ENGINES)[number];
  readonly threads: string;
  readonly duration: string;
}

const perSecond = (count: number) => (count < 100 ? count.toFixed(1) : count.toFixed(0));

function cells({ work, engine, firstMs, perSecond: alone, perSecondOnThreads: among, isRight }: EngineCheckRow) {
  const gain = among === undefined ? "–" : `${perSecond(among)} (${(among / alone).toFixed(2)}x)`;
  return [work, engine, `${firstMs.toFixed(0)} ms`, perSecond(alone), gain, isRight ? "right" : "WRONG"];
}

/** Adds the command. */
export function addEngine(program: Command, io: CliIo, setExit: (code: number) => void): void {
  program.command("engine")
    .description("try the arithmetic of signatures and proofs on this machine: verdicts and speed")
    .addOption(
      new Option(
        "--engine <which>",
        "wide or plain WebAssembly, or the portable way; a slower one where it does not work",
      )
        .choices(ENGINES).default("wide"),
    )
    .option("--threads <n>", "threads beside the first; 0: none", "2")
    .option("--duration <time>", "how long each kind of work is measured", "1s")
    .addHelpText("after", "\nExample:\n  $ gemel engine --threads 2")
    .action(async (flags: EngineFlags, command: Command) => {
      const threads = usage(() => parseWhole(flags.threads, "threads", 0, 64));
      const durationMs = usage(() => parseTime(flags.duration, "duration"));
      const { rows, troubles } = await checkEngines({ threads, engine: flags.engine, durationMs });
      const isRight = rows.every((row) => row.isRight);
      if (command.optsWithGlobals().json === true) {
        const json = rows.map((row) => ({
          work: row.work,
          engine: row.engine,
          first_ms: row.firstMs,
          per_second: row.perSecond,
          per_second_on_threads: row.perSecondOnThreads ?? null,
          right: row.isRight,
        }));
        io.out(JSON.stringify({ threads, right: isRight, work: json, passed_over: troubles }) + "\n");
      } else {
        const onThreads = threads === 1 ? "ON 1 THREAD>" : `ON ${threads} THREADS>`;
        io.out(table(["VERIFICATION", "ENGINE", "FIRST>", "A SECOND>", onThreads, "VERDICTS"], rows.map(cells)));
      }
      for (const { engine, message } of troubles) io.err(`warning: the ${engine} engine was passed over: ${message}\n`);
      if (!isRight) setExit(EXIT.failed);
    });
}
