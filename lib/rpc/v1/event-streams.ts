/**
 * The event log for readers outside: server-sent events, CBOR sequences, and messages on a WebSocket.
 *
 * @module
 */
import { withLiveEvents } from "../../core/events/live.ts";
import { subscribeEvents, type SubscribeOptions } from "../../core/events/reader.ts";
import { NodeError } from "../../core/errors.ts";
import type { PeerSocket } from "../../core/ports.ts";
import { eventEnvelope, type EventItem } from "../../storage/event-envelope.ts";
import { LIVE_TOPICS } from "../../storage/events.ts";
import type { RpcContext } from "../context.ts";
import { BodyError, parseRequest } from "../json.ts";
import { EVENT_FORMATS, type EventFormat, type EventFormatName } from "./event-formats.ts";
import { checked, z } from "./request.ts";

/** What a reader is sent when nothing happens, so that both sides notice a dead connection. */
const HEARTBEAT_MS = 15_000;
/** A WebSocket reader that takes nothing for so long is too slow. */
const STALL_MS = 30_000;
/** Close code for a reader that is too slow; the reason carries the last id. */
export const CLOSE_SLOW = 4008;
/** Time for a WebSocket reader to say what it wants. */
const SUBSCRIBE_MS = 10_000;
/** Topics in one subscription, and characters in each. */
const TOPICS_MAX = 64;
const TOPIC_CHARS_MAX = 100;

const TOPICS_TEXT = `topics: at most ${TOPICS_MAX} names`;
const TOPIC_TEXT = "topics: names of small letters, digits, dots and * only";
const SINCE_TEXT = "since: the id of the last event that was read";
const Topic = z.string(TOPIC_TEXT).check(
  z.maxLength(TOPIC_CHARS_MAX, TOPIC_TEXT),
  z.regex(/^[a-z0-9_.*]+$/, TOPIC_TEXT),
);
/** What the query of `/events` and the first message on a WebSocket may ask. */
const Subscription = z.object({
  topics: z.nullish(z.array(Topic, TOPICS_TEXT).check(z.maxLength(TOPICS_MAX, TOPICS_TEXT))),
  since: z.nullish(z.number(SINCE_TEXT).check(z.int(SINCE_TEXT), z.gte(0, SINCE_TEXT))),
});

/** A subscription as it is asked for. Throws {@link BodyError} 400. */
export function subscriptionOf(topics: unknown, since: unknown): Pick<SubscribeOptions, "topics" | "since"> {
  const asked = checked(Subscription, { topics, since });
  return { topics: asked.topics ?? [], ...(typeof asked.since === "number" && { since: asked.since }) };
}

/** The subscription that a request's query and `Last-Event-ID` ask for. Throws {@link BodyError} 400. */
export function subscriptionOfRequest(url: URL, headers: Headers): Pick<SubscribeOptions, "topics" | "since"> {
  const topics = (url.searchParams.get("topics") ?? "").split(",").map((topic) => topic.trim()).filter((t) => t !== "");
  // A browser that reconnects repeats the first URL; its Last-Event-ID is newer.
  const since = headers.get("last-event-id") ?? url.searchParams.get("since");
  if (since !== null && !/^[0-9]{1,15}$/.test(since)) {
    throw new BodyError(400, SINCE_TEXT);
  }
  return subscriptionOf(topics, since === null ? undefined : Number(since));
}

const FOLLOW_TEXT = "follow: 0 or 1";
const FORMAT_TEXT = `format: ${EVENT_FORMATS.join(", ")}`;
/** What the query of `/events` says of the answer beside the subscription. */
const Answer = z.object({
  follow: z._default(z.enum(["0", "1"], FOLLOW_TEXT), "1"),
  format: z.optional(z.enum(EVENT_FORMATS, FORMAT_TEXT)),
});

/** Whether new events are waited for, and the format where one is named. Throws {@link BodyError} 400. */
export function answerOfRequest(
  { searchParams }: URL,
): { readonly follow: boolean; readonly format: EventFormatName | undefined } {
  const { follow, format } = checked(Answer, {
    follow: searchParams.get("follow") ?? undefined,
    format: searchParams.get("format") ?? undefined,
  });
  return { follow: follow === "1", format };
}

/** Starts a subscription on the context's log and on what is not kept; it ends when the signal aborts. */
export function subscribe(context: RpcContext, options: SubscribeOptions): AsyncIterableIterator<EventItem> {
  const logged = subscribeEvents(context.events, context.hints, options);
  // They are given to those only who name them: nobody else expects so many.
  const topics = (options.topics ?? []).filter((topic) => LIVE_TOPICS.includes(topic));
  if (context.live === undefined || topics.length === 0 || options.follow === false) return logged;
  return withLiveEvents(logged, context.live, topics, options.signal);
}

/**
 * Events as the body of an HTTP answer. A reader that fell too far behind gets the topic `slow` with its last id and then
 * the end.
 */
export function eventStream(
  context: RpcContext,
  options: Pick<SubscribeOptions, "topics" | "since" | "follow">,
  format: EventFormat,
  signal: AbortSignal,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const items = subscribe(context, { ...options, signal: controller.signal });
  let next: Promise<IteratorResult<EventItem>> | undefined;
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    stop();
    signal.removeEventListener("abort", stop);
    // Between two questions a subscription does not hear the signal.
    void items.return?.(undefined).catch(() => {});
    onEnd();
  };
  return new ReadableStream<Uint8Array>({
    async pull(stream) {
      next ??= items.next();
      next.catch(() => {});
      let cancel: () => void = () => {};
      const heartbeat = new Promise<undefined>((resolve) => {
        cancel = context.clock.after(HEARTBEAT_MS, () => resolve(undefined));
      });
      try {
        const result = await Promise.race([next, heartbeat]);
        if (result === undefined) {
          stream.enqueue(format.heartbeat);
          return;
        }
        next = undefined;
        if (!result.done) return stream.enqueue(format.item(result.value));
        end();
        stream.close();
      } catch (error) {
        end();
        const slow = error instanceof NodeError && error.code === "EVENTS_SLOW" ? error.data.lastId : undefined;
        if (slow === undefined) return stream.error(error);
        stream.enqueue(format.slow(Number(slow)));
        stream.close();
      } finally {
        cancel();
      }
    },
    cancel: end,
  }, { highWaterMark: 1 });
}

/**
 * Serves events on a WebSocket until either side ends it. The reader says once what it wants,
 * `{"subscribe": ["chia.*"], "since": 41200}`, unless `initial` (from the query) already says so; what that throws ends
 * the socket as a bad message does. Never rejects.
 */
export async function eventsOverSocket(
  socket: PeerSocket,
  context: RpcContext,
  options: { readonly initial?: () => Pick<SubscribeOptions, "topics" | "since">; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  void socket.closed.then(stop);
  try {
    const { readable, writable } = await socket.opened;
    const reader = readable.getReader();
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const wanted = options.initial?.() ?? await firstMessage(reader, context, controller.signal);
    // Whatever else the reader says is dropped; to want something else it connects again.
    void drain(reader).then(stop);
    let lastId = wanted.since ?? 0;
    for await (const item of subscribe(context, { ...wanted, signal: controller.signal })) {
      const sent = writer.write(JSON.stringify(eventEnvelope(item)));
      if (!await inTime(sent, context, STALL_MS)) {
        socket.close({ closeCode: CLOSE_SLOW, reason: `last id ${lastId}` });
        return;
      }
      if ("id" in item) lastId = item.id;
    }
    socket.close({ closeCode: 1001, reason: "the node stops" });
  } catch (error) {
    if (error instanceof BodyError) socket.close({ closeCode: 1008, reason: error.message.slice(0, 100) });
    else if (error instanceof NodeError && error.code === "EVENTS_SLOW") {
      socket.close({ closeCode: CLOSE_SLOW, reason: `last id ${Number(error.data.lastId)}` });
    } else socket.close({ closeCode: 1011, reason: "the events cannot be read" });
  } finally {
    stop();
    options.signal?.removeEventListener("abort", stop);
  }
}

async function firstMessage(
  reader: ReadableStreamDefaultReader<Uint8Array | string>,
  context: RpcContext,
  signal: AbortSignal,
): Promise<Pick<SubscribeOptions, "topics" | "since">> {
  const received = reader.read();
  if (!await inTime(received, context, SUBSCRIBE_MS)) throw new BodyError(408, "no subscription came");
  const { value } = await received;
  if (signal.aborted || value === undefined) throw new BodyError(400, "no subscription came");
  if (typeof value !== "string") throw new BodyError(400, "subscriptions are text");
  const message = parseRequest(value, 400);
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new BodyError(400, 'expected {"subscribe": [topics], "since": id}');
  }
  const { subscribe: topics, since } = message as { subscribe?: unknown; since?: unknown };
  return subscriptionOf(topics, since);
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array | string>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The socket failed; its `closed` tells.
  }
}

/** Whether `work` settles before the time is up. Rejects as `work` does. */
async function inTime(work: Promise<unknown>, context: RpcContext, ms: number): Promise<boolean> {
  let cancel: () => void = () => {};
  const late = new Promise<false>((resolve) => {
    cancel = context.clock.after(ms, () => resolve(false));
  });
  work.catch(() => {});
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    cancel();
  }
}
