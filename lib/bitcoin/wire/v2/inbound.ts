/**
 * A connection that a peer made: v1 or v2, which its first bytes tell.
 *
 * @module
 */
import { NodeError } from "../../../core/errors.ts";
import type { Random } from "../../../core/ports.ts";
import type { Frame, NegotiatedTransport, Transport, TransportKind } from "../transport.ts";
import { type V2Options, V2Transport } from "./transport.ts";

/** How a v1 connection begins after the magic: its first message is `version`. */
const V1_BEGIN = new TextEncoder().encode("version\0\0\0\0\0");
const NOTHING = new Uint8Array();

/** The answering side's transport, which becomes v1 or v2 by what comes. A key is made only for v2. */
export class InboundTransport implements NegotiatedTransport {
  readonly #options: Omit<V2Options, "initiator">;
  readonly #random: Random;
  readonly #createV1: () => Transport;
  readonly #v1Prefix: Uint8Array;
  #matched = 0;
  #v1: Transport | undefined;
  #v2: V2Transport | undefined;

  /** @param dependencies `createV1` makes the transport that gets every byte, from the first on, of a v1 connection */
  constructor(
    options: Omit<V2Options, "initiator">,
    dependencies: { readonly random: Random; readonly createV1: () => Transport },
  ) {
    this.#options = options;
    this.#random = dependencies.random;
    this.#createV1 = dependencies.createV1;
    this.#v1Prefix = new Uint8Array(options.magic.length + V1_BEGIN.length);
    this.#v1Prefix.set(options.magic);
    this.#v1Prefix.set(V1_BEGIN, options.magic.length);
  }

  get kind(): TransportKind {
    return this.#v2 !== undefined ? "v2" : this.#v1 !== undefined ? "v1" : "detecting";
  }

  get sessionId(): Uint8Array | undefined {
    return this.#v2?.sessionId;
  }

  /** The v2 side of it, once it is known to be v2. */
  get v2(): V2Transport | undefined {
    return this.#v2;
  }

  get droppedBytes(): number {
    return (this.#v2 ?? this.#v1)?.droppedBytes ?? 0;
  }

  get heldBytes(): number {
    // Of what was compared only the count is kept.
    return (this.#v2 ?? this.#v1)?.heldBytes ?? 0;
  }

  drain(): Uint8Array {
    return this.#v2?.drain() ?? NOTHING;
  }

  /** Throws a `NodeError` (fault `self`) while it is open how to pack: the answering side never speaks first. */
  pack(type: string, payload: Uint8Array): Uint8Array {
    const transport = this.#v2 ?? this.#v1;
    if (transport === undefined) throw new NodeError("transport_not_ready", "self", `${type} before the peer spoke`);
    return transport.pack(type, payload);
  }

  push(chunk: Uint8Array): Iterable<Frame> {
    if (this.kind !== "detecting") return this.#decided().push(chunk);
    const before = this.#matched;
    let at = 0;
    while (at < chunk.length && this.#matched < this.#v1Prefix.length) {
      if (chunk[at] !== this.#v1Prefix[this.#matched]) break;
      at++;
      this.#matched++;
    }
    if (this.#matched === this.#v1Prefix.length) this.#v1 = this.#createV1();
    else if (at === chunk.length) return [];
    else this.#v2 = new V2Transport({ ...this.#options, initiator: false }, { random: this.#random });
    if (before === 0) return this.#decided().push(chunk);
    // What came in earlier chunks equals the prefix, so it need not have been kept.
    const whole = new Uint8Array(before + chunk.length);
    whole.set(this.#v1Prefix.subarray(0, before));
    whole.set(chunk, before);
    return this.#decided().push(whole);
  }

  #decided(): Transport {
    return (this.#v2 ?? this.#v1)!;
  }
}
