/**
 * Logging: LogTape with one line per record, as text or as JSON, and levels that can change while the node runs.
 *
 * @module
 */
import { configure, getLogger, type LogRecord } from "@logtape/logtape";
import type { LogConfig, LogLevel } from "./config.ts";

/** The top of all categories; areas like `p2p.chia` lie below it. */
const ROOT = "gemel";

const COLORS: Readonly<Record<string, string>> = { debug: "2", info: "36", warning: "33", error: "31", fatal: "31;1" };

function areaOf(record: LogRecord): string {
  return record.category.slice(1).join(".");
}

function textOf(record: LogRecord): string {
  return record.message.map(String).join("");
}

/** `{"time","level","cat","msg"}` and a newline. */
function jsonLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString();
  return JSON.stringify({ time, level: record.level, cat: areaOf(record), msg: textOf(record) }) + "\n";
}

function textLine(record: LogRecord, color: boolean): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 23);
  const level = record.level.padEnd(7);
  const shown = color ? `\x1b[${COLORS[record.level] ?? "0"}m${level}\x1b[0m` : level;
  return `${time} ${shown} ${areaOf(record)}: ${textOf(record)}\n`;
}

/** Reads and changes how much is logged. */
export interface Logging {
  level(): LogLevel;
  set(level: LogLevel): void;
  readonly configured: LogLevel;
  /** Logs one line; `area` like `p2p.chia`. Peer text must have been made printable. */
  log(level: LogLevel, area: string, text: string): void;
}

/** Sets the process's logging up. The last one who does so wins: LogTape has one configuration per process. */
export async function startLogging(config: LogConfig, write: (line: string) => void): Promise<Logging> {
  let current: LogLevel = config.level;
  const apply = () =>
    configure({
      reset: true,
      sinks: {
        out: (record: LogRecord) => write(config.format === "json" ? jsonLine(record) : textLine(record, config.color)),
      },
      loggers: [
        { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
        { category: [ROOT], sinks: ["out"], lowestLevel: current },
        ...Object.entries(config.areas).map(([area, lowestLevel]) => ({
          category: [ROOT, ...area.split(".")],
          sinks: ["out"],
          parentSinks: "override" as const,
          lowestLevel,
        })),
      ],
    });
  await apply();
  return {
    level: () => current,
    set(level) {
      current = level;
      // Applied within the same turn; LogTape's promise only tells of asynchronous sinks, and there are none.
      void apply();
    },
    configured: config.level,
    log(level, area, text) {
      getLogger([ROOT, ...area.split(".")])[level](text.replaceAll("{", "{{").replaceAll("}", "}}"));
    },
  };
}
