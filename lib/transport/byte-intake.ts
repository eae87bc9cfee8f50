/**
 * Reads a few bytes off the front of a stream and gives the rest of it on: for protocols that begin before the one that
 * the connection is for.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";

/** Owns the stream until {@link ByteIntake.release} or {@link ByteIntake.abandon}. */
export class ByteIntake {
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #isReleased = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream;
    this.#reader = stream.getReader();
  }

  /** Bytes that have come and were not taken. */
  get buffered(): number {
    return this.#chunk.length;
  }

  /**
   * The next `length` bytes; the caller bounds it. At most one chunk of the stream is held beside them.
   *
   * @throws NodeError `closed`, fault `network`, when the stream ends before; what the stream failed with
   */
  async take(length: number): Promise<Uint8Array> {
    const taken = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (this.#chunk.length === 0) {
        const { value, done } = await this.#reader.read();
        if (done) throw new NodeError("closed", "network", "the connection ended before the answer was complete");
        this.#chunk = value;
        continue;
      }
      const part = this.#chunk.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return taken;
  }

  /** The rest of the stream: first what has come already. No bytes are read ahead of its reader. */
  release(): ReadableStream<Uint8Array> {
    this.#isReleased = true;
    const head = this.#chunk;
    if (head.length === 0) {
      this.#reader.releaseLock();
      return this.#stream;
    }
    let isFirst = true;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (isFirst) {
          isFirst = false;
          controller.enqueue(head);
          return;
        }
        const { value, done } = await this.#reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => this.#reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** Lets the stream go, unless it was released. */
  abandon(): void {
    if (!this.#isReleased) this.#reader.releaseLock();
  }
}
