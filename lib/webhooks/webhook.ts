/**
 * Delivers the log to one receiver: in order, each event at least once, from a cursor of its own that moves only after the
 * receiver has said that it has them. What is not taken is tried again for as long as it is in the log.
 *
 * @module
 */
import { messageOf, NodeError } from "../core/errors.ts";
import type { EventHints, ReadableLog } from "../core/events/reader.ts";
import type { Clock, HttpPosted, PostHttp, Random } from "../core/ports.ts";
import { readPage } from "../storage/event-page.ts";
import type { LoggedEvent } from "../storage/events.ts";
import type { EventCursors } from "../storage/node-log.ts";
import { shownUrl, type WebhookConfig } from "./config.ts";
import { type Delivery, deliveryOf } from "./delivery.ts";
import { askedDelay, retryDelay } from "./retry.ts";
import { signatureOf } from "./signature.ts";

/** Events that are read, and so delivered, at a time. */
export const DELIVERY_EVENTS_MAX = 100;
/** Bytes of a body, about; one event is delivered whatever its size. */
export const DELIVERY_BYTES_MAX = 256 * 1024;
const DELIVERY = { scanMax: DELIVERY_EVENTS_MAX, itemsMax: DELIVERY_EVENTS_MAX, bytesMax: DELIVERY_BYTES_MAX } as const;
/** Time for an attempt, from the connection to the end of the answer. */
export const ATTEMPT_MS_MAX = 15_000;
/** How far the cursor may move over events that are not wanted before that is written down. */
const UNSAVED_EVENTS_MAX = 1_000;
/** Until the log is read again after that failed. */
const READ_AGAIN_MS = 5_000;

/** How a webhook is doing. Times are unix milliseconds. */
export interface WebhookState {
  readonly name: string;
  /** Scheme, host and port of its URL. */
  readonly url: string;
  readonly topics: readonly string[];
  /** The id up to which everything was delivered, or is not wanted. */
  readonly position: number;
  /** Attempts that failed since the last that did not. */
  readonly failures: number;
  readonly lastError?: { readonly time: number; readonly text: string };
  readonly lastDelivery?: number;
  /** When the next attempt is, while it waits for that. */
  readonly nextAttempt?: number;
  /** Since the start: events that were delivered, deliveries that succeeded, and attempts that failed. */
  readonly counts: { readonly events: number; readonly delivered: number; readonly failed: number };
}

/** What a webhook works with. */
export interface WebhookParts {
  readonly log: ReadableLog<LoggedEvent> & EventCursors;
  readonly hints: EventHints;
  readonly clock: Clock;
  readonly random: Random;
  readonly post: PostHttp;
  readonly secrets: readonly Uint8Array[];
  /** Hears what an operator wants to know. */
  readonly told: (level: "info" | "warning", text: string) => void;
}

/** One receiver of the log's events. */
export class Webhook {
  readonly #config: WebhookConfig;
  readonly #parts: WebhookParts;
  readonly #key: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #position = 0;
  #saved = 0;
  #failures = 0;
  #lastError: WebhookState["lastError"];
  #lastDelivery: number | undefined;
  #nextAttempt: number | undefined;
  readonly #counts = { events: 0, delivered: 0, failed: 0 };

  constructor(config: WebhookConfig, parts: WebhookParts) {
    this.#config = config;
    this.#parts = parts;
    this.#key = `webhook/${config.name}`;
    const url = new URL(config.url);
    const { username, password } = url;
    // No client takes a URL with a password in it.
    url.username = url.password = "";
    this.#url = url.href;
    const basic = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    this.#headers = {
      "content-type": "application/json",
      ...((username !== "" || password !== "") && { authorization: `Basic ${basic}` }),
    };
  }

  /** Takes up its cursor, or begins with what comes from now on, and goes to work. */
  async start(): Promise<void> {
    const { log } = this.#parts;
    const found = await log.cursor(this.#key);
    this.#position = this.#saved = found ?? (await log.bounds()).newest;
    if (found === undefined) await log.moveCursor(this.#key, this.#position);
    this.#running = this.#run();
  }

  /** Stops at once: an attempt that is being made is given up, and made again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    // Over what is not wanted only; without it those events are read again.
    if (this.#position > this.#saved) await this.#save().catch(() => {});
  }

  /** How it is doing now. */
  state(): WebhookState {
    const { name, url, topics } = this.#config;
    return {
      name,
      url: shownUrl(url),
      topics,
      position: this.#position,
      failures: this.#failures,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(this.#lastDelivery !== undefined && { lastDelivery: this.#lastDelivery }),
      ...(this.#nextAttempt !== undefined && { nextAttempt: this.#nextAttempt }),
      counts: { ...this.#counts },
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let isDirty = false;
    let wake = () => {};
    const off = this.#parts.hints(() => {
      isDirty = true;
      wake();
    });
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort);
    while (!signal.aborted) {
      isDirty = false;
      if (!await this.#next() || isDirty || signal.aborted) continue;
      await new Promise<void>((resolve) => (wake = resolve));
    }
    signal.removeEventListener("abort", onAbort);
    off();
  }

  /** Delivers what comes next in the log; whether it was the last that there was. */
  async #next(): Promise<boolean> {
    const { log, clock } = this.#parts;
    const { signal } = this.#stopping;
    try {
      const { items, upTo, isEnd } = await readPage(log, this.#position, this.#config.topics, DELIVERY);
      if (items.length > 0 && !await this.#deliver(deliveryOf(this.#config.name, items))) return false;
      this.#position = upTo;
      // What is not wanted makes nobody wait, and must not keep others waiting.
      if (items.length === 0 && !isEnd) await clock.sleep(0, signal).catch(() => {});
      if (items.length > 0 || Math.abs(upTo - this.#saved) >= UNSAVED_EVENTS_MAX) await this.#save();
      return isEnd;
    } catch (thrown) {
      // The database: what was delivered meanwhile may be delivered again.
      this.#failed(messageOf(thrown));
      await clock.sleep(READ_AGAIN_MS, signal).catch(() => {});
      return false;
    }
  }

  async #save(): Promise<void> {
    await this.#parts.log.moveCursor(this.#key, this.#position);
    this.#saved = this.#position;
  }

  /** Tries until the receiver has taken it; false when the node stops before. */
  async #deliver(delivery: Delivery): Promise<boolean> {
    const { clock, random, told } = this.#parts;
    const { signal } = this.#stopping;
    const { name } = this.#config;
    for (let failures = 1; !signal.aborted; failures++) {
      const { refusal, askedMs } = await this.#attempt(delivery);
      if (refusal === undefined) {
        if (this.#failures > 0) told("info", `webhook ${name}: takes events again, after ${this.#failures} failures`);
        this.#failures = 0;
        this.#lastDelivery = clock.now();
        this.#counts.delivered += 1;
        this.#counts.events += delivery.events;
        return true;
      }
      if (signal.aborted) return false;
      this.#counts.failed += 1;
      this.#failed(refusal);
      const delayMs = retryDelay(failures, askedMs, random);
      this.#nextAttempt = clock.now() + delayMs;
      await clock.sleep(delayMs, signal).catch(() => {});
      this.#nextAttempt = undefined;
    }
    return false;
  }

  #failed(text: string): void {
    this.#failures += 1;
    this.#lastError = { time: this.#parts.clock.now(), text };
    // Once, and not at each attempt of an outage; the state has the last one.
    if (this.#failures > 1) return;
    const { name, url } = this.#config;
    this.#parts.told(
      "warning",
      `webhook ${name}: ${shownUrl(url)} does not take events (${text}); they wait in the log`,
    );
  }

  /** One attempt: why it failed, if it did, and how long the receiver wants to be left alone. */
  async #attempt({ id, body }: Delivery): Promise<{ readonly refusal?: string; readonly askedMs: number }> {
    const { clock, secrets, post } = this.#parts;
    const timestamp = Math.floor(clock.now() / 1_000);
    const headers = {
      ...this.#headers,
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signatureOf(secrets, id, timestamp, body),
    };
    try {
      const { status, retryAfter } = await this.#inTime((signal) => post({ url: this.#url, headers, body, signal }));
      const askedMs = askedDelay(retryAfter, clock.now());
      return status >= 200 && status < 300 ? { askedMs } : { refusal: `HTTP ${status}`, askedMs };
    } catch (thrown) {
      return { refusal: messageOf(thrown), askedMs: 0 };
    }
  }

  /** Ends when the time is up or the node stops, also where the call itself does not. */
  async #inTime(call: (signal: AbortSignal) => Promise<HttpPosted>): Promise<HttpPosted> {
    const attempt = new AbortController();
    const ended = Promise.withResolvers<never>();
    const end = (why: NodeError) => {
      ended.reject(why);
      attempt.abort(why);
    };
    const late = `no answer within ${ATTEMPT_MS_MAX / 1_000} s`;
    const cancel = this.#parts.clock.after(ATTEMPT_MS_MAX, () => end(new NodeError("TIMEOUT", "network", late)));
    const onStop = () => end(new NodeError("STOPPING", "self", "the node stops"));
    const { signal } = this.#stopping;
    signal.addEventListener("abort", onStop);
    ended.promise.catch(() => {});
    try {
      const answer = call(attempt.signal);
      answer.catch(() => {});
      return await Promise.race([answer, ended.promise]);
    } finally {
      cancel();
      signal.removeEventListener("abort", onStop);
    }
  }
}
