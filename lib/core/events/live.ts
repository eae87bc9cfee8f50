/**
 * Events that are told to those who ask for them now and are kept nowhere: there are too many of them, and later they are of
 * no worth. They have no ids; what a slow reader misses is counted, and told in its place.
 *
 * @module
 */
import type { EventGap, EventSubscription, ReadableEvent } from "./reader.ts";

/** What is told of an event. */
export interface LiveEvent {
  readonly topic: string;
  /** Bytes that it takes, about. */
  readonly bytes: number;
}

/** In the place of events that a reader was too slow for. */
export interface LiveGap {
  readonly gap: { readonly topics: readonly string[]; readonly missed: number };
}

/** Events that may wait for a reader, and their bytes together. */
export const LIVE_LAG_MAX = 1_000;
const LIVE_BYTES_MAX = 8 * 1024 * 1024;

/** The events of all topics that are not kept. */
export class LiveEvents<E extends LiveEvent = LiveEvent> {
  readonly #listeners = new Map<string, Set<(event: E) => void>>();

  /** Whether anybody wants a topic: an event need not be made for nobody. */
  wants(topic: string): boolean {
    return this.#listeners.has(topic);
  }

  /** Tells those who want its topic. */
  emit(event: E): void {
    for (const listener of [...this.#listeners.get(event.topic) ?? []]) listener(event);
  }

  /** Hears of topics, by their whole names, until the function that it gives is called. */
  listen(topics: readonly string[], listener: (event: E) => void): () => void {
    for (const topic of topics) {
      const all = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, all.add(listener));
    }
    return () => {
      for (const topic of topics) {
        const all = this.#listeners.get(topic);
        all?.delete(listener);
        if (all?.size === 0) this.#listeners.delete(topic);
      }
    };
  }
}

/** What waits for one reader. */
class Waiting<E extends LiveEvent> {
  readonly #events: E[] = [];
  #bytes = 0;
  #missed = 0;

  offer(event: E): void {
    // From the first that is missed on all are, until the reader has taken what came before.
    if (this.#missed > 0 || this.#events.length >= LIVE_LAG_MAX || this.#bytes + event.bytes > LIVE_BYTES_MAX) {
      this.#missed += 1;
      return;
    }
    this.#events.push(event);
    this.#bytes += event.bytes;
  }

  take(topics: readonly string[]): E | LiveGap | undefined {
    const event = this.#events.shift();
    if (event !== undefined) {
      this.#bytes -= event.bytes;
      return event;
    }
    if (this.#missed === 0) return undefined;
    const gap = { topics, missed: this.#missed };
    this.#missed = 0;
    return { gap };
  }
}

/**
 * Events of a log together with live ones of some topics. A live event comes no later than what is logged after it was told, as long
 * as the reader keeps up.
 * @param topics the whole names of what is wanted of the live ones; without any, the log's subscription is all
 */
export async function* withLiveEvents<E extends ReadableEvent, L extends LiveEvent>(
  logged: EventSubscription<E>,
  live: LiveEvents<L>,
  topics: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<E | L | EventGap | LiveGap, void, undefined> {
  const waiting = new Waiting<L>();
  let wake = () => {};
  const off = live.listen(topics, (event) => {
    waiting.offer(event);
    wake();
  });
  const onAbort = () => wake();
  signal?.addEventListener("abort", onAbort, { once: true });
  let next: Promise<IteratorResult<E | EventGap>> | undefined;
  let isThere = false;
  try {
    while (!signal?.aborted) {
      const item = waiting.take(topics);
      if (item !== undefined) {
        yield item;
        continue;
      }
      if (next === undefined) {
        isThere = false;
        next = logged.next();
        const here = () => {
          isThere = true;
          wake();
        };
        next.then(here, here);
      }
      if (isThere) {
        const { done, value } = await next;
        next = undefined;
        if (done) return;
        yield value;
        continue;
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    off();
    signal?.removeEventListener("abort", onAbort);
    next?.catch(() => {});
    // It ends when the signal aborts; a reader that goes by itself ends it here.
    void logged.return?.(undefined).catch(() => {});
  }
}
