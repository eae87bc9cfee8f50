/**
 * Texts of flags and files as values: addresses, sizes, times, log levels.
 *
 * @module
 */
import { LOG_LEVELS, type LogLevel, parseHostPort, type PeerAddress, type RpcClient } from "../mod.ts";
import { configError } from "./setting.ts";

/** A JSON object as the client gives it: integers above 2^53 are bigint. */
export type JsonObject = Awaited<ReturnType<RpcClient["call"]>>;

/**
 * `HOST:PORT` where something listens, or `HOST` where a port is known; see `parseHostPort`. Throws {@link configError},
 * which says what was probably meant.
 */
export function parseAddress(text: string, what: string, standardPort?: number): PeerAddress {
  try {
    return parseHostPort(text, standardPort);
  } catch (thrown) {
    throw thrown instanceof RangeError ? configError(`${what}: ${thrown.message}`) : thrown;
  }
}

/** The same of a place that is called: port 0 is refused. */
export function parsePlace(text: string, what: string, standardPort?: number): PeerAddress {
  const place = parseAddress(text, what, standardPort);
  if (place.port === 0) throw configError(`${what}: port 0 is no port to call`);
  return place;
}

/** Bytes: `1000`, `64M`, `2G` (powers of 1024). */
export function parseSize(text: string, what: string): number {
  const parts = /^([0-9]{1,12})([KMG]?)B?$/i.exec(text);
  if (parts === null) throw configError(`${what}: ${JSON.stringify(text)} is no size like 64M`);
  return Number(parts[1]) * 1024 ** ["", "K", "M", "G"].indexOf(parts[2]!.toUpperCase());
}

/** A number of bytes as {@link parseSize} reads it, in the greatest unit that leaves nothing over. */
export function sizeText(bytes: number): string {
  const power = [3, 2, 1].find((each) => bytes > 0 && bytes % 1024 ** each === 0) ?? 0;
  return `${bytes / 1024 ** power}${["", "K", "M", "G"][power]}`;
}

/** Milliseconds: `500ms`, `8s`, `2m`, `1h`, `30d`; a bare number is seconds. */
export function parseTime(text: string, what: string): number {
  const parts = /^([0-9]{1,9})(ms|s|m|h|d)?$/.exec(text);
  if (parts === null) throw configError(`${what}: ${JSON.stringify(text)} is no time like 8s`);
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number(parts[1]) * units[parts[2] ?? "s"]!;
}

/** A whole number within bounds. */
export function parseWhole(text: string, what: string, least: number, most: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw configError(`${what}: a whole number from ${least} to ${most}`);
  return value;
}

function level(text: string, what: string): LogLevel {
  const name = text.trim().toLowerCase();
  const found = LOG_LEVELS.find((candidate) => candidate === name || (name === "warn" && candidate === "warning"));
  if (found === undefined) throw configError(`${what}: ${JSON.stringify(text)} is none of ${LOG_LEVELS.join(", ")}`);
  return found;
}

/** `info,p2p.chia=debug`: a level for all and levels for areas. */
export function parseLogLevel(text: string, what: string): { level: LogLevel; areas: Record<string, LogLevel> } {
  const areas: Record<string, LogLevel> = {};
  let all: LogLevel = "info";
  for (const part of text.split(",")) {
    const [area, name] = part.split("=", 2);
    if (name === undefined) all = level(part, what);
    else if (/^[a-z0-9.]+$/.test(area!)) areas[area!] = level(name, what);
    else throw configError(`${what}: ${JSON.stringify(area)} is no area like p2p.chia`);
  }
  return { level: all, areas };
}
