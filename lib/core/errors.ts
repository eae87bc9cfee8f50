/**
 * The one error class of the node. The party at fault decides what happens next: a peer's fault costs that peer, the
 * network's is retried, our own is reported.
 *
 * @module
 */

/** The party at fault. Only `peer` costs reputation. */
export type Fault = "peer" | "network" | "self";

/**
 * An error with a code that programs compare and a one-line message that people read.
 *
 * @example
 * ```ts
 * import { NodeError } from "gemel";
 *
 * const error = new NodeError("PORT_IN_USE", "self", "port 8444 is in use");
 * assert.deepEqual([error.code, error.fault], ["PORT_IN_USE", "self"]);
 * ```
 */
export class NodeError<Code extends string = string> extends Error {
  override readonly name = "NodeError";
  readonly code: Code;
  readonly fault: Fault;
  /** What a log line should carry beside the message. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: Code,
    fault: Fault,
    message: string,
    options: { readonly data?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fault = fault;
    this.data = options.data ?? {};
  }
}

/**
 * The message of whatever was thrown, on one line.
 *
 * @example
 * ```ts
 * import { messageOf } from "gemel";
 *
 * assert.equal(messageOf(new Error("gone")), "gone");
 * ```
 */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replaceAll(/\s*\n\s*/g, " ");
}
