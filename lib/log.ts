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
  const time = new Date(record.timestamp).toISOString();
  const level = record.level.padEnd(7);
  const shown = color ? `\x1b[${COLORS[record.level] ?? "0"}m${level}\x1b[0m` : level;
  return `${time} ${shown} ${areaOf(record)}: ${textOf(record)}\n`;
}

/** Lines of one area in an hour, beside those for debugging: a log of months on a full disk helps nobody. */
const LINES_PER_HOUR = 1_000;
const HOUR_MS = 3_600_000;

/**
 * Passes on at most so many lines of an area in an hour, says when that begins and, with the next line after the hour,
 * how many were left out. Lines for debugging pass: somebody asked for them.
 */
function boundedSink(write: (record: LogRecord) => void): (record: LogRecord) => void {
  const areas = new Map<string, { fromMs: number; lines: number }>();
  const tell = (record: LogRecord, text: string) =>
    write({ ...record, level: "warning", message: [text], rawMessage: text, properties: {} });
  return (record) => {
    if (record.level === "debug" || record.level === "trace") return write(record);
    const name = areaOf(record);
    let area = areas.get(name);
    if (area === undefined || record.timestamp - area.fromMs >= HOUR_MS) {
      const left = (area?.lines ?? 0) - LINES_PER_HOUR;
      if (left > 0) tell(record, `${left} lines of the hour before were left out`);
      areas.set(name, area = { fromMs: record.timestamp, lines: 0 });
    }
    area.lines++;
    if (area.lines <= LINES_PER_HOUR) write(record);
    else if (area.lines === LINES_PER_HOUR + 1) {
      tell(record, `${LINES_PER_HOUR} lines within an hour; the rest of this hour is left out`);
    }
  };
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
  const sink = boundedSink((record) =>
    write(config.format === "json" ? jsonLine(record) : textLine(record, config.color))
  );
  const apply = () =>
    configure({
      reset: true,
      sinks: {
        out: sink,
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
