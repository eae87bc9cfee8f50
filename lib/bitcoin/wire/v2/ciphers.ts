/**
 * The two ciphers of BIP324, which change their key as they go: a thief of a key cannot read what was
 * sent before the last change.
 *
 * @see BIP324, "Rekeying wrappers: FSChaCha20Poly1305 and FSChaCha20"
 * @module
 */
import { chacha20, chacha20poly1305 } from "@noble/ciphers/chacha.js";

/** How many uses a key has before it changes. */
export const REKEY_INTERVAL = 224;
/** The length of the authentication tag that follows every packet. */
export const TAG_BYTES = 16;
/** The length of the encrypted length field before every packet. */
export const LENGTH_BYTES = 3;

const CIPHER_KEY_BYTES = 32;
/** All that one key gives: the length fields and, after them, the next key. Eleven blocks of ChaCha20 to the byte. */
const EPOCH_STREAM_BYTES = REKEY_INTERVAL * LENGTH_BYTES + CIPHER_KEY_BYTES;

/** A nonce of RFC 8439: a u32 and the epoch as u64, both little-endian. */
class Nonce {
  readonly bytes = new Uint8Array(12);
  readonly #view = new DataView(this.bytes.buffer);

  set(counter: number, epoch: number): Uint8Array {
    this.#view.setUint32(0, counter, true);
    // An epoch is 224 packets: the count stays far below 2^53.
    this.#view.setUint32(4, epoch % 2 ** 32, true);
    this.#view.setUint32(8, Math.floor(epoch / 2 ** 32), true);
    return this.bytes;
  }
}

/** FSChaCha20 for fields of {@link LENGTH_BYTES} bytes. Encrypting and decrypting are the same operation. */
export class LengthCipher {
  #stream: Uint8Array;
  #epoch = 0;
  #used = 0;
  readonly #nonce = new Nonce();

  constructor(key: Uint8Array) {
    this.#stream = this.#streamOf(key);
  }

  /** Encrypts or decrypts the next field where it lies: `bytes[at]` and the two after it. */
  apply(bytes: Uint8Array, at: number): void {
    const from = this.#used * LENGTH_BYTES;
    for (let i = 0; i < LENGTH_BYTES; i++) bytes[at + i]! ^= this.#stream[from + i]!;
    if (++this.#used < REKEY_INTERVAL) return;
    const spent = this.#stream;
    this.#used = 0;
    this.#epoch++;
    this.#stream = this.#streamOf(spent.subarray(REKEY_INTERVAL * LENGTH_BYTES));
    spent.fill(0);
  }

  #streamOf(key: Uint8Array): Uint8Array {
    return chacha20(key, this.#nonce.set(0, this.#epoch), new Uint8Array(EPOCH_STREAM_BYTES));
  }
}

/** FSChaCha20Poly1305: ChaCha20-Poly1305 of RFC 8439 with a counted nonce. One object for one direction. */
export class PacketAead {
  readonly #key: Uint8Array;
  #epoch = 0;
  #used = 0;
  readonly #nonce = new Nonce();

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  /** Encrypts all of `packet` but its last {@link TAG_BYTES} bytes in place, and puts the tag into those. */
  seal(packet: Uint8Array, aad?: Uint8Array): void {
    this.#cipher(aad).encrypt(packet.subarray(0, packet.length - TAG_BYTES), packet);
    this.#advance();
  }

  /**
   * Decrypts a packet with its tag into `output`, which is {@link TAG_BYTES} shorter and may be the packet's own front.
   * Returns false, and leaves `output` as it was, when the packet is not what the other side sealed next.
   */
  open(packet: Uint8Array, output: Uint8Array, aad?: Uint8Array): boolean {
    if (packet.length !== output.length + TAG_BYTES) throw new RangeError(`${output.length} of ${packet.length} bytes`);
    try {
      this.#cipher(aad).decrypt(packet, output);
    } catch {
      return false;
    }
    this.#advance();
    return true;
  }

  #cipher(aad: Uint8Array | undefined) {
    const nonce = this.#nonce.set(this.#used, this.#epoch);
    return aad === undefined || aad.length === 0
      ? chacha20poly1305(this.#key, nonce)
      : chacha20poly1305(this.#key, nonce, aad);
  }

  #advance(): void {
    if (++this.#used < REKEY_INTERVAL) return;
    // The next key is the ciphertext of 32 zero bytes under a nonce that no packet has. The plaintext of an AEAD starts
    // at block 1 of the key stream.
    const next = chacha20(this.#key, this.#nonce.set(0xffffffff, this.#epoch), new Uint8Array(32), undefined, 1);
    this.#key.set(next);
    next.fill(0);
    this.#used = 0;
    this.#epoch++;
  }
}
