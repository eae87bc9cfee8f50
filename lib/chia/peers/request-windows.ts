/**
 * Rate limits of version 3: in the place of rates, how many requests of a kind may be in flight at a time. Each side says
 * its own in `configure_window_sizes`, right after the handshakes.
 *
 * @see spec section e; chia-blockchain 2.7.5 `chia/server/rate_limits_v3.py`
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import { handshakeFault } from "./faults.ts";
import { Capability, type CapabilityEntry, type Message, messageById, messages } from "../protocol/mod.ts";
import type { ConfigureWindowSizes } from "../types/mod.ts";

/** Entries of one `configure_window_sizes`. */
const ENTRIES_MAX = 256;
const RETRY_MS = 1_000;

/** How many requests of each kind, by message number, may be in flight; null for as many as one likes. */
export type WindowSizes = ReadonlyMap<number, number | null>;

/** The kinds that version 3 covers, with our own windows. */
const OWN: WindowSizes = new Map(
  messages.flatMap(({ id, limits: { v3Window } }) => (v3Window === undefined ? [] : [[id, v3Window]])),
);

/** What we say of our windows; 0 for as many as one likes. */
export function ownWindows(): ConfigureWindowSizes {
  return { settings: [...OWN].map(([id, size]) => [id, size ?? 0] as const) };
}

/**
 * What a peer says of its own. Numbers of unknown messages are passed over.
 *
 * @throws PeerFault `INVALID_HANDSHAKE` for none, for too many, and for a window on answers
 */
export function readWindows({ settings }: ConfigureWindowSizes): WindowSizes {
  if (settings.length === 0 || settings.length > ENTRIES_MAX) {
    throw handshakeFault("INVALID_HANDSHAKE", `${settings.length} window sizes`);
  }
  const sizes = new Map<number, number | null>();
  for (const [id, size] of settings) {
    if (messageById(id) === undefined) continue;
    if (OWN.get(id) === null && size !== 0) {
      throw handshakeFault("INVALID_HANDSHAKE", `a window of ${size} on answers of type ${id}`);
    }
    sizes.set(id, size === 0 ? null : size);
  }
  return sizes;
}

/** What we announce to a peer that announces version 3: the accepting side mirrors it, as the reference does. */
export function answerWithWindows(
  own: readonly CapabilityEntry[],
  theirs: readonly CapabilityEntry[],
): readonly CapabilityEntry[] {
  return hasWindows(theirs) && !hasWindows(own) ? [...own, [Capability.RATE_LIMITS_V3, "1"]] : own;
}

/** Whether capabilities announce version 3. */
export function hasWindows(capabilities: readonly CapabilityEntry[]): boolean {
  return capabilities.some(([capability, value]) => capability === Capability.RATE_LIMITS_V3 && value === "1");
}

/** What is in flight on one connection, both ways. */
export class RequestWindows {
  readonly #clock: Clock;
  readonly #theirs: WindowSizes;
  readonly #received = new Map<number, number>();
  readonly #sent = new Map<number, number>();

  /** @param theirs what the peer said of its windows */
  constructor(clock: Clock, theirs: WindowSizes) {
    this.#clock = clock;
    this.#theirs = theirs;
  }

  /** Whether version 3 takes the place of rates for what comes. */
  covers({ id }: Message): boolean {
    return OWN.has(id);
  }

  /** Begins to handle a request; false when as many as its window allows are being handled. */
  enter({ id }: Message): boolean {
    const size = OWN.get(id);
    if (size === undefined || size === null) return true;
    const count = this.#received.get(id) ?? 0;
    this.#received.set(id, count + 1);
    return count < size;
  }

  /** A request is handled. */
  leave({ id }: Message): void {
    const count = this.#received.get(id);
    if (count !== undefined) this.#received.set(id, count - 1);
  }

  /** Whether an answer to the peer needs no rate: it is of a kind that the peer does not limit. */
  freesAnswer({ id }: Message, to: number | null): boolean {
    return to !== null && this.#theirs.get(id) === null;
  }

  /** Whether a request to the peer waits for the peer's window in the place of our rate. */
  tracks({ id }: Message): boolean {
    return this.#theirs.has(id);
  }

  /** Waits until a request fits into the peer's window, and takes a place there. Rejects when the signal aborts. */
  async take(message: Message, signal: AbortSignal): Promise<void> {
    const size = this.#theirs.get(message.id);
    if (size === undefined || size === null) return;
    while ((this.#sent.get(message.id) ?? 0) >= size) await this.#clock.sleep(RETRY_MS, signal);
    this.#sent.set(message.id, (this.#sent.get(message.id) ?? 0) + 1);
  }

  /** A request was answered, or is waited for no more. */
  give({ id }: Message): void {
    const count = this.#sent.get(id);
    if (count !== undefined) this.#sent.set(id, count - 1);
  }
}
