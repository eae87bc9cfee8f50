/**
 * Texts of the settings of the event log.
 *
 * @module
 */
import { type NodeConfig, parseWebhook, type WebhookConfig } from "../mod.ts";
import { configError } from "./setting.ts";
import { parseTime, parseWhole } from "./values.ts";

type EventsKeep = NonNullable<NodeConfig["eventsKeep"]>;

const DAY_MS = 86_400_000;
const EVENTS_MAX = 1e12;

/** `all`, or a time, a number of events, or both with a comma between them. Throws {@link configError}. */
export function eventsKeepOf(text: string): EventsKeep {
  if (text === "all") return {};
  const parts = text.split(",").map((part) => part.trim());
  const counts = parts.filter((part) => /^[0-9]+$/.test(part));
  const times = parts.filter((part) => !counts.includes(part));
  if (counts.length > 1 || times.length > 1) {
    throw configError("events-keep: one time and one number of events at most");
  }
  const [[count], [time]] = [counts, times];
  const ageMsMax = time === undefined ? undefined : parseTime(time, "events-keep");
  if (ageMsMax === 0) throw configError("events-keep: a time above 0");
  return {
    ...(count !== undefined && { eventsMax: parseWhole(count, "events-keep", 1, EVENTS_MAX) }),
    ...(ageMsMax !== undefined && { ageMsMax }),
  };
}

/** What {@link eventsKeepOf} reads, of bounds in whole days. */
export function eventsKeepText({ eventsMax, ageMsMax }: EventsKeep): string {
  const parts = [
    ...(ageMsMax === undefined ? [] : [`${ageMsMax / DAY_MS}d`]),
    ...(eventsMax === undefined ? [] : [`${eventsMax}`]),
  ];
  return parts.length === 0 ? "all" : parts.join(",");
}

/** See `parseWebhook`. Throws {@link configError}. */
export function webhookOf(text: string): WebhookConfig {
  try {
    return parseWebhook(text);
  } catch (thrown) {
    throw thrown instanceof RangeError ? configError(`webhook: ${thrown.message}`) : thrown;
  }
}
