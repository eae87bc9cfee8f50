/**
 * Where events are sent to, as the operator writes it.
 *
 * @module
 */
import { LIVE_TOPICS } from "../storage/events.ts";

/** A receiver of events. */
export interface WebhookConfig {
  /** By which its cursor and its secret are kept: small letters, digits, `-` and `_`. */
  readonly name: string;
  /** `http` or `https`; a user and a password in it are sent as Basic authorization. */
  readonly url: string;
  /** Topics, each with `*` for any run of characters; none: all. */
  readonly topics: readonly string[];
}

/** The name of a webhook that is given none. */
const STANDARD_NAME = "default";
const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
const TOPIC = /^[a-z0-9_.*]{1,100}$/;
const TOPICS_MAX = 64;

/**
 * `[NAME=]URL [TOPIC…]`, with spaces or commas between topics.
 *
 * @throws RangeError that says what is wrong, without the URL: it may hold a password
 *
 * @example
 * ```ts
 * import { parseWebhook } from "gemel";
 *
 * const { name, topics } = parseWebhook("billing=https://example.com/hook bitcoin.block chia.*");
 * assert.deepEqual([name, topics], ["billing", ["bitcoin.block", "chia.*"]]);
 * ```
 */
export function parseWebhook(text: string): WebhookConfig {
  // A URL may have commas in it.
  const [place = "", ...rest] = text.trim().split(/\s+/);
  const topics = rest.flatMap((part) => part.split(",")).filter((topic) => topic !== "");
  const { name = STANDARD_NAME, url = "" } = /^(?:(?<name>[^=:/]*)=)?(?<url>.*)$/s.exec(place)?.groups ?? {};
  if (!NAME.test(name)) throw new RangeError("a name is 1 to 32 small letters, digits, - and _");
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new RangeError("[NAME=]URL [TOPIC…] is needed, with an http or https URL");
  }
  if (topics.length > TOPICS_MAX) throw new RangeError(`at most ${TOPICS_MAX} topics`);
  for (const topic of topics) {
    if (!TOPIC.test(topic)) {
      throw new RangeError(`${JSON.stringify(topic.slice(0, 100))} is no topic like chia.* or p2p.ban`);
    }
    if (LIVE_TOPICS.includes(topic)) throw new RangeError(`${topic} is not in the log: only readers of /events get it`);
  }
  return { name, url: parsed.href, topics };
}

/** What of a URL is shown: its path and query may be as secret as its password. */
export function shownUrl(url: string): string {
  return new URL(url).origin;
}
