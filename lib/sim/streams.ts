/**
 * The two ends of a simulated connection as web streams, made of plain promises. The runtimes' own streams take different
 * numbers of microtasks for the same work; these take the same on all, and a tenth of the time.
 *
 * Of the streams' interface there is what a socket's user needs: one reader, one writer. Nothing here pipes.
 *
 * @module
 */
import type { Tail } from "./tail.ts";

type Result = ReadableStreamReadResult<Uint8Array>;

/** The runtimes' types do not agree whether the value may be named here. */
const DONE = { done: true, value: undefined } as unknown as Result;

/** Chunks that came and were not read. */
export class Inbox {
  /** Bytes that wait for the reader. */
  bytes = 0;
  /** Bytes that the reader took. */
  taken = 0;
  /** What is left over of the messages that the reader took, where somebody wants to know. */
  tail: Tail | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting: PromiseWithResolvers<Result>[] = [];
  readonly #taken: () => void;
  readonly #closed = Promise.withResolvers<undefined>();
  /** Undefined while open; null when it ended in order. */
  #end: Error | null | undefined;
  #cancelled = false;

  /** @param taken hears when the reader made room */
  constructor(taken: () => void) {
    this.#taken = taken;
    this.#closed.promise.catch(() => {});
  }

  /** The reader's stream. */
  get stream(): ReadableStream<Uint8Array> {
    const reader = {
      closed: this.#closed.promise,
      read: () => this.#read(),
      cancel: () => this.#cancel(),
      releaseLock: () => {},
    };
    const stream = { locked: false, getReader: () => reader, cancel: () => this.#cancel() };
    return stream as unknown as ReadableStream<Uint8Array>;
  }

  /** A chunk arrives. */
  push(chunk: Uint8Array): void {
    if (this.#end !== undefined || this.#cancelled) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      this.#took(chunk);
      reader.resolve({ done: false, value: chunk });
      return;
    }
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** Nothing more comes: in order, or for a reason, for which what waits is lost. */
  end(reason: Error | null): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    if (reason !== null) this.#drop();
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (reason === null) resolve(DONE);
      else reject(reason);
    }
    if (reason === null) this.#closed.resolve(undefined);
    else this.#closed.reject(reason);
  }

  #read(): Promise<Result> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.bytes -= chunk.length;
      this.#took(chunk);
      this.#taken();
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#cancelled || this.#end === null) return Promise.resolve(DONE);
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const waiting = Promise.withResolvers<Result>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #took(chunk: Uint8Array): void {
    this.taken += chunk.length;
    this.tail?.push(chunk);
  }

  #cancel(): Promise<void> {
    this.#cancelled = true;
    this.#drop();
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE);
    this.#taken();
    return Promise.resolve();
  }

  #drop(): void {
    this.#chunks.length = 0;
    this.bytes = 0;
  }
}

/** What takes chunks from a writer. */
export interface Sink {
  /** Whether a chunk may go now. */
  hasRoom(): boolean;
  take(chunk: Uint8Array): void;
  /** So many bytes wait now. */
  waits(bytes: number): void;
  /** The writer is done. */
  finish(): void;
  /** The writer gave up. */
  abort(): void;
}

/** Chunks that were written and not taken. */
export class Outbox {
  /** Bytes that wait for room. */
  bytes = 0;
  readonly #sink: Sink;
  readonly #waiting: { readonly chunk: Uint8Array; readonly taken: PromiseWithResolvers<void> }[] = [];
  readonly #closed = Promise.withResolvers<undefined>();
  #failure: Error | undefined;
  #closing = false;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#closed.promise.catch(() => {});
  }

  /** The writer's stream. */
  get stream(): WritableStream<Uint8Array> {
    const writer = {
      closed: this.#closed.promise,
      ready: Promise.resolve(undefined),
      desiredSize: 1,
      write: (chunk: Uint8Array) => this.#write(chunk),
      close: () => this.#close(),
      abort: () => this.#abort(),
      releaseLock: () => {},
    };
    const stream = { locked: false, getWriter: () => writer, close: () => this.#close(), abort: () => this.#abort() };
    return stream as unknown as WritableStream<Uint8Array>;
  }

  /** There may be room again. */
  wake(): void {
    while (this.#waiting.length > 0 && this.#sink.hasRoom()) {
      const { chunk, taken } = this.#waiting.shift()!;
      this.bytes -= chunk.length;
      this.#sink.take(chunk);
      taken.resolve();
    }
    if (this.#closing && this.#failure === undefined && this.#waiting.length === 0) this.#finish();
  }

  /** The connection broke: whatever waits or is written from now on fails. */
  fail(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.bytes = 0;
    for (const { taken } of this.#waiting.splice(0)) taken.reject(reason);
    this.#closed.reject(reason);
  }

  #write(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closing) return Promise.reject(new TypeError("the writer was closed"));
    // A copy, as the kernel would make: the writer may reuse its buffer.
    const copy = chunk.slice();
    if (this.#waiting.length === 0 && this.#sink.hasRoom()) {
      this.#sink.take(copy);
      return Promise.resolve();
    }
    const taken = Promise.withResolvers<void>();
    this.#waiting.push({ chunk: copy, taken });
    this.bytes += copy.length;
    this.#sink.waits(this.bytes);
    return taken.promise;
  }

  #close(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closing) return Promise.reject(new TypeError("the writer was closed"));
    this.#closing = true;
    if (this.#waiting.length === 0) this.#finish();
    return this.#closed.promise.then(() => {});
  }

  #finish(): void {
    this.#closing = true;
    this.#failure = new TypeError("the writer was closed");
    this.#sink.finish();
    this.#closed.resolve(undefined);
  }

  #abort(): Promise<void> {
    this.#sink.abort();
    return Promise.resolve();
  }
}
