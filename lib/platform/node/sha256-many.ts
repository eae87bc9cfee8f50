/**
 * SHA-256d of many messages at once: txids, Merkle nodes, headers.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createLanes, INITIAL_STATE, type Lanes, MESSAGES_AT } from "./sha256-lanes.ts";

/** Bytes of messages, padding included, that are worked on at a time. */
const ROOM_BYTES = 1024 * 1024;
/** A longer message is left to the native hash, which is quicker once its call is paid for. */
const NATIVE_FROM_BYTES = 16 * 1024;
/** Where second blocks lie, those of the digests: behind the messages. */
const DIGESTS_AT = MESSAGES_AT + ROOM_BYTES;
/** Messages that are worked on at a time. */
const MESSAGES_MAX = 8_192;

/** The state before the first block, in every lane. */
const INITIAL_LANES = Uint32Array.from({ length: 32 }, (_, i) => INITIAL_STATE[i >> 2]!);

/** Made when first needed; null where there are no vectors. */
let lanes: Lanes | null | undefined;

/**
 * SHA-256 of SHA-256 of each message, a message being the concatenation of its parts. Undefined where the runtime has no
 * vectors in WebAssembly. Not re-entrant, which it need not be: nothing in it waits.
 */
export function sha256dMany(messages: readonly (readonly Uint8Array[])[]): Uint8Array[] | undefined {
  if (lanes === undefined) lanes = prepare();
  if (lanes === null) return undefined;
  const batch = new Batch(lanes);
  const digests: Uint8Array[] = new Array<Uint8Array>(messages.length);
  for (let i = 0; i < messages.length; i++) {
    const parts = messages[i]!;
    let length = 0;
    for (const part of parts) length += part.length;
    if (length >= NATIVE_FROM_BYTES) {
      digests[i] = native([native(parts)]);
      continue;
    }
    if (!batch.fits(length)) batch.run(digests);
    batch.add(i, parts, length);
  }
  batch.run(digests);
  return digests;
}

function prepare(): Lanes | null {
  const made = createLanes(ROOM_BYTES + 64 * MESSAGES_MAX);
  if (made === undefined) return null;
  // The padding of a digest is always the same: a bit, zeros, and a length of 256 bits.
  const bytes = new Uint8Array(made.memory.buffer);
  for (let at = DIGESTS_AT; at < DIGESTS_AT + 64 * MESSAGES_MAX; at += 64) {
    bytes[at + 32] = 0x80;
    bytes[at + 62] = 1;
  }
  return made;
}

function native(parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash("sha256");
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}

/** Messages in the module's memory, padded as SHA-256 wants them. */
class Batch {
  readonly #lanes: Lanes;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Which message of the caller's; where it starts; how many blocks it has. */
  readonly #index: number[] = [];
  readonly #at: number[] = [];
  readonly #blocks: number[] = [];
  #end = MESSAGES_AT;

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
    this.#bytes = new Uint8Array(lanes.memory.buffer);
    this.#view = new DataView(lanes.memory.buffer);
  }

  fits(length: number): boolean {
    return this.#index.length < MESSAGES_MAX && this.#end + 64 * blocksOf(length) <= DIGESTS_AT;
  }

  add(index: number, parts: readonly Uint8Array[], length: number): void {
    const bytes = this.#bytes;
    let at = this.#end;
    const end = at + 64 * blocksOf(length);
    this.#index.push(index);
    this.#at.push(at);
    this.#blocks.push((end - at) / 64);
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    bytes[at] = 0x80;
    bytes.fill(0, at + 1, end - 4);
    this.#view.setUint32(end - 4, 8 * length);
    this.#end = end;
  }

  /** Hashes what was added into `digests`, and is empty then. */
  run(digests: Uint8Array[]): void {
    const count = this.#index.length;
    if (count === 0) return;
    this.#first();
    this.#second(digests);
    this.#index.length = this.#at.length = this.#blocks.length = 0;
    this.#end = MESSAGES_AT;
  }

  /** Every message's digest to its second block. A lane that ends its message takes the next, whatever the others do. */
  #first(): void {
    const { compress } = this.#lanes;
    const state = this.#lanes.state();
    const count = this.#index.length;
    const job = [-1, -1, -1, -1];
    const at = [MESSAGES_AT, MESSAGES_AT, MESSAGES_AT, MESSAGES_AT];
    const left = [0, 0, 0, 0];
    let next = 0;
    let open = 0;
    const take = (lane: number) => {
      if (next === count) {
        job[lane] = -1;
        return;
      }
      job[lane] = next;
      at[lane] = this.#at[next]!;
      left[lane] = this.#blocks[next]!;
      for (let i = 0; i < 8; i++) state[4 * i + lane] = INITIAL_STATE[i]!;
      next++;
      open++;
    };
    for (let lane = 0; lane < 4; lane++) take(lane);
    while (open > 0) {
      let steps = Infinity;
      for (let lane = 0; lane < 4; lane++) if (job[lane]! >= 0 && left[lane]! < steps) steps = left[lane]!;
      // An idle lane runs along over the start of the room, which is long enough for any message.
      for (let lane = 0; lane < 4; lane++) if (job[lane]! < 0) at[lane] = MESSAGES_AT;
      compress(at[0]!, at[1]!, at[2]!, at[3]!, steps);
      for (let lane = 0; lane < 4; lane++) {
        const done = job[lane]!;
        if (done < 0) continue;
        at[lane]! += 64 * steps;
        left[lane]! -= steps;
        if (left[lane]! > 0) continue;
        const to = DIGESTS_AT + 64 * done;
        for (let i = 0; i < 8; i++) this.#view.setUint32(to + 4 * i, state[4 * i + lane]!);
        open--;
        take(lane);
      }
    }
  }

  /** The digests' digests, four at a time: each is one block. */
  #second(digests: Uint8Array[]): void {
    const count = this.#index.length;
    const { compress } = this.#lanes;
    const state = this.#lanes.state();
    for (let k = 0; k < count; k += 4) {
      const at = DIGESTS_AT + 64 * k;
      const last = DIGESTS_AT + 64 * (count - 1);
      state.set(INITIAL_LANES);
      compress(at, Math.min(at + 64, last), Math.min(at + 128, last), Math.min(at + 192, last), 1);
      for (let lane = 0; lane < 4 && k + lane < count; lane++) {
        const digest = new Uint8Array(32);
        for (let i = 0; i < 8; i++) {
          const word = state[4 * i + lane]!;
          digest[4 * i] = word >>> 24;
          digest[4 * i + 1] = word >>> 16;
          digest[4 * i + 2] = word >>> 8;
          digest[4 * i + 3] = word;
        }
        digests[this.#index[k + lane]!] = digest;
      }
    }
  }
}

/** Blocks of a message with its padding: a byte, zeros, and eight bytes of length. */
function blocksOf(length: number): number {
  return Math.ceil((length + 9) / 64);
}
