/**
 * SHA-256 piece by piece, with copies on the way.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";

/** See `Sha256Stream` in `lib/codec/sha256.ts`. */
class Stream {
  readonly #hash: Hash;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  copy(): Stream {
    return new Stream(this.#hash.copy());
  }

  digest(): Uint8Array {
    return new Uint8Array(this.#hash.digest());
  }
}

/** Begins a message. */
export function sha256Stream(): Stream {
  return new Stream(createHash("sha256"));
}
