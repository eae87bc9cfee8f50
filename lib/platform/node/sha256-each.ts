/**
 * SHA-256 of many inputs of one size: the nodes of a level of a tree.
 *
 * @module
 */
import { createLanes, INITIAL_STATE, type Lanes, MESSAGES_AT } from "./sha256-lanes.ts";

/** Longer ones are few in any tree. */
export const SIZE_MAX = 1_015;
const BLOCK_BYTES = 64;
/** A byte and eight of length. */
const PADDING_MIN = 9;
/** The state before the first block, in every lane. */
const INITIAL_LANES = Uint32Array.from({ length: 32 }, (_, i) => INITIAL_STATE[i >> 2]!);

/** Made when first needed; null where there are no vectors. */
let lanes: Lanes | null | undefined;

/** As `sha256Each` of the codec; false where the runtime has no vectors in WebAssembly, and for long inputs. */
export function sha256Each(inputs: Uint8Array, size: number, output: Uint8Array): boolean {
  lanes ??= createLanes(4 * (SIZE_MAX + PADDING_MIN)) ?? null;
  if (lanes === null || size > SIZE_MAX) return false;
  const { compress, memory } = lanes;
  const [bytes, view, state] = [new Uint8Array(memory.buffer), new DataView(memory.buffer), lanes.state()];
  const digests = new DataView(output.buffer, output.byteOffset, output.length);
  const blocks = Math.ceil((size + PADDING_MIN) / BLOCK_BYTES);
  const slot = BLOCK_BYTES * blocks;
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => MESSAGES_AT + slot * lane) as [number, number, number, number];
  // Inputs of one size have one padding.
  for (const at of [a, b, c, d]) {
    bytes.fill(0, at, at + slot);
    bytes[at + size] = 0x80;
    view.setUint32(at + slot - 4, 8 * size);
  }
  const count = output.length / 32;
  for (let first = 0; first < count; first += 4) {
    const open = Math.min(4, count - first);
    for (let lane = 0; lane < open; lane++) {
      const from = size * (first + lane);
      bytes.set(inputs.subarray(from, from + size), a + slot * lane);
    }
    state.set(INITIAL_LANES);
    compress(a, b, c, d, blocks);
    for (let lane = 0; lane < open; lane++) {
      const to = 32 * (first + lane);
      for (let i = 0; i < 8; i++) digests.setUint32(to + 4 * i, state[4 * i + lane]!);
    }
  }
  return true;
}
