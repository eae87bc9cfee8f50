/**
 * Messages that came and wait for the application, as a stream. It counts what it holds at every moment, which the
 * runtime's own queue tells only when it has room again.
 *
 * @module
 */
type Message = Uint8Array | string;

/** What a queue tells. */
export interface InboundQueueParts {
  /** The application took a message, or gave up. */
  readonly onTaken: () => void;
  /** The application reads no more. */
  readonly onCancel: () => void;
}

/** One reader's queue; its bound is kept by who fills it. */
export class InboundQueue {
  readonly readable: ReadableStream<Message>;
  /** Bytes that wait. */
  bytes = 0;
  readonly #parts: InboundQueueParts;
  #controller!: ReadableStreamDefaultController<Message>;
  #messages: Message[] = [];
  #at = 0;
  #wanted: (() => void) | undefined;
  #state: "open" | "closing" | "over" = "open";

  constructor(parts: InboundQueueParts) {
    this.#parts = parts;
    this.readable = new ReadableStream<Message>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => {
        this.#end();
        parts.onCancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Adds a message. */
  put(message: Message): void {
    if (this.#state !== "open") return;
    const wanted = this.#wanted;
    if (wanted === undefined) {
      this.#messages.push(message);
      this.bytes += message.length + 1;
      return;
    }
    this.#wanted = undefined;
    this.#controller.enqueue(message);
    wanted();
  }

  /** Nothing more comes: what waits is still read, unless there is a `failure`. */
  close(failure?: unknown): void {
    if (this.#state === "over") return;
    if (failure === undefined && this.#at < this.#messages.length) {
      // The last read ends it.
      this.#state = "closing";
      return;
    }
    const wanted = this.#wanted;
    this.#end();
    if (failure === undefined) this.#controller.close();
    else this.#controller.error(failure);
    wanted?.();
  }

  #end(): void {
    this.#state = "over";
    this.#messages = [];
    this.#at = this.bytes = 0;
    this.#wanted = undefined;
    this.#parts.onTaken();
  }

  #pull(): void | Promise<void> {
    const message = this.#messages[this.#at];
    if (message === undefined) {
      return new Promise((resolve) => (this.#wanted = resolve));
    }
    this.#at += 1;
    this.bytes -= message.length + 1;
    if (this.#at === this.#messages.length) {
      this.#messages = [];
      this.#at = 0;
    }
    this.#controller.enqueue(message);
    if (this.#state === "closing" && this.#messages.length === 0) this.close();
    else this.#parts.onTaken();
  }
}
