/**
 * SHA-256, with a backend that the composition root may exchange.
 *
 * @module
 */
import { sha256 as noble } from "@noble/hashes/sha2.js";
import type { Bytes32 } from "./sized.ts";

/** A message that is hashed piece by piece. */
export interface Sha256Stream {
  update(bytes: Uint8Array): void;
  /** The message so far, which goes on by itself. */
  copy(): Sha256Stream;
  /** Ends the message: the stream is of no use then. */
  digest(): Uint8Array;
}

/** Hashes the concatenation of `parts` into 32 new bytes. */
export interface Sha256Backend {
  (parts: readonly Uint8Array[]): Uint8Array;
  /** Hashes `input` into the first 32 bytes of `output`, another array, where that is quicker than a new one. */
  into?: (input: Uint8Array, output: Uint8Array) => void;
  /** SHA-256 of SHA-256 of each message, where many at once are quicker than one after another; undefined if they are not. */
  doubleMany?: (messages: readonly Message[]) => Uint8Array[] | undefined;
  /** As {@link sha256Each}, where that is quicker than {@link into} again and again; false where it is not done. */
  each?: (inputs: Uint8Array, size: number, output: Uint8Array) => boolean;
  /** Begins a message, where there is a quicker way than the portable one. */
  stream?: () => Sha256Stream;
}

/** Parts that are hashed as one. */
type Message = readonly Uint8Array[];

const portable: Sha256Backend = (parts) => {
  if (parts.length === 1) return noble(parts[0]!);
  const state = noble.create();
  for (const part of parts) state.update(part);
  return state.digest();
};

type NobleState = ReturnType<typeof noble.create>;

class PortableStream implements Sha256Stream {
  readonly #state: NobleState;

  constructor(state: NobleState) {
    this.#state = state;
  }

  update(bytes: Uint8Array): void {
    this.#state.update(bytes);
  }

  copy(): Sha256Stream {
    return new PortableStream(this.#state.clone());
  }

  digest(): Uint8Array {
    return this.#state.digest();
  }
}

/** The way of {@link sha256Into} with a backend that has none of its own. */
const intoWith = (hash: Sha256Backend) => (input: Uint8Array, output: Uint8Array): void => output.set(hash([input]));

let backend: Sha256Backend = portable;
let backendInto = intoWith(portable);

/** SHA-256 (FIPS 180-4) of the concatenation of `parts`. */
export function sha256(...parts: Uint8Array[]): Bytes32 {
  return backend(parts);
}

/**
 * SHA-256 (FIPS 180-4) of `input`, written to the first 32 bytes of `output`, which must not overlap `input`. For loops
 * over many short inputs: no digest is allocated where the backend can do without.
 */
export function sha256Into(input: Uint8Array, output: Uint8Array): void {
  backendInto(input, output);
}

/** Begins a message that is hashed piece by piece: for messages that begin alike. A short one is quicker at once. */
export function sha256Stream(): Sha256Stream {
  return backend.stream?.() ?? new PortableStream(noble.create());
}

/** Fewer messages than this are hashed one after another: a batch has its price too. */
const MANY = 4;

/** SHA-256 of SHA-256 of each message, a message being the concatenation of its parts. For many messages at once. */
export function sha256dMany(messages: readonly (readonly Uint8Array[])[]): Bytes32[] {
  const digests = messages.length < MANY ? undefined : backend.doubleMany?.(messages);
  return digests ?? messages.map((parts) => backend([backend(parts)]));
}

/**
 * SHA-256 of every `size` bytes of `inputs`, one digest behind the other: one level of a tree, whose nodes have 64 bytes, or 65
 * with what tells a node from a leaf. `output` has 32 bytes for each and must not overlap `inputs`.
 *
 * @throws RangeError when either has another length
 * @see docs/decisions/tree-hashes.md
 */
export function sha256Each(inputs: Uint8Array, size: number, output: Uint8Array): void {
  const count = inputs.length / size;
  if (!Number.isInteger(count) || output.length !== 32 * count) throw new RangeError("lengths do not fit together");
  if (count >= MANY && backend.each?.(inputs, size, output)) return;
  for (let i = 0; i < count; i++) {
    backendInto(inputs.subarray(size * i, size * i + size), output.subarray(32 * i, 32 * i + 32));
  }
}

/** Whether {@link sha256dMany} does better than {@link sha256Into} twice for each message. */
export function prefersMany(): boolean {
  return backend.doubleMany !== undefined;
}

/**
 * Takes `implementation` for every later {@link sha256}, {@link sha256Into}, {@link sha256dMany} and {@link sha256Each};
 * without an argument, the portable one again.
 */
export function useSha256(implementation: Sha256Backend = portable): void {
  backend = implementation;
  backendInto = implementation.into ?? intoWith(implementation);
}
