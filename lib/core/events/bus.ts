/**
 * Typed topics inside one process. A listener is called at once and synchronously; one that throws is reported and does
 * not disturb the others. The bus carries hints only: what must not be lost is in the store.
 *
 * @module
 */

/** Topics and what each carries. */
export type TopicMap = { readonly [topic: string]: unknown };

/** A bus over the topics of `T`. */
export class Bus<T extends TopicMap> {
  readonly #listeners = new Map<keyof T, Set<(value: never) => void>>();
  readonly #onError: (error: unknown, topic: keyof T) => void;

  /** `onError` hears of a listener that threw; without it such an error is dropped. */
  constructor(onError: (error: unknown, topic: keyof T) => void = () => {}) {
    this.#onError = onError;
  }

  /** Listens until the returned function is called or the signal aborts. */
  on<K extends keyof T>(topic: K, listener: (value: T[K]) => void, signal?: AbortSignal): () => void {
    if (signal?.aborted) return () => {};
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) this.#listeners.set(topic, listeners = new Set());
    // The same function may be given twice; each time is a registration of its own.
    const registered = (value: T[K]) => listener(value);
    listeners.add(registered);
    const off = () => {
      listeners.delete(registered);
      signal?.removeEventListener("abort", off);
    };
    signal?.addEventListener("abort", off, { once: true });
    return off;
  }

  /** Calls every listener of the topic. Never throws. */
  emit<K extends keyof T>(topic: K, value: T[K]): void {
    // A copy: listeners may come and go while they are called.
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
      try {
        (listener as (value: T[K]) => void)(value);
      } catch (error) {
        this.#onError(error, topic);
      }
    }
  }

  /** How many listen to a topic. */
  count(topic: keyof T): number {
    return this.#listeners.get(topic)?.size ?? 0;
  }
}
