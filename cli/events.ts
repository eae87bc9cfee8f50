/**
 * `gemel events`: the event log, from any point on.
 *
 * @module
 */
import { NodeError, stringifyJson } from "../mod.ts";
import type { Command } from "commander";
import { openClient } from "./context.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { printable } from "./table.ts";
import { type JsonObject, parseWhole } from "./values.ts";

/** `41201  2026-11-21T10:31:04.120Z  chia.peak  height=7862114 …`. */
function textLine(event: JsonObject): string {
  const data = event.data !== null && typeof event.data === "object" ? Object.entries(event.data) : [];
  const fields = data.map(([name, value]) => `${name}=${typeof value === "string" ? value : stringifyJson(value)}`);
  return printable(
    `${String(event.id ?? "–")}  ${String(event.time ?? "")}  ${String(event.topic)}  ${fields.join(" ")}`,
  );
}

/** What stands behind the command. */
interface EventsOptions {
  readonly since?: string;
  readonly format: string;
  readonly count?: string;
  readonly follow: boolean;
}

/** Adds the command. */
export function addEvents(program: Command, io: CliIo): void {
  program.command("events [topics...]")
    .description("follow the event log, one JSON object a line; topics may have * in them")
    .option("--since <id>", "replay what came after this id first")
    .option("--format <format>", "json or text", "json")
    .option("--count <n>", "end after so many events")
    .option("--no-follow", "end at the newest event; without --since all that are kept")
    .addHelpText(
      "after",
      "\nExample:\n  $ gemel events chia.peak 'chia.*' --since 0 --count 10\n  $ gemel events --no-follow > events.ndjson",
    )
    .action(async (topics: string[], options: EventsOptions, command: Command) => {
      if (!["json", "text"].includes(options.format)) throw new UsageError("--format: json or text");
      const since = options.since === undefined
        ? undefined
        : parseWhole(options.since, "since", 0, Number.MAX_SAFE_INTEGER);
      let left = options.count === undefined ? Infinity : parseWhole(options.count, "count", 1, 1e9);
      const client = await openClient(command, io);
      const controller = new AbortController();
      try {
        const { follow } = options;
        const wanted = { topics, follow, ...(since !== undefined && { since }), signal: controller.signal };
        for await (const event of client.events(wanted)) {
          io.out((options.format === "json" ? stringifyJson(event) : textLine(event)) + "\n");
          if (--left === 0) return;
        }
        if (!follow) return;
        // The stream has no end of its own: only the node's.
        throw new NodeError("STREAM_ENDED", "network", "the node ended the stream");
      } finally {
        controller.abort();
      }
    });
}
