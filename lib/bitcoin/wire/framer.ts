/**
 * The v1 transport: a 24-byte envelope around each message, in clear.
 *
 * @see Bitcoin Core `net.cpp`, V1Transport
 * @module
 */
import { sha256Into } from "../../codec/sha256.ts";
import { NodeError } from "../../core/errors.ts";
import { Gather } from "../../core/gather.ts";
import { type Frame, type NegotiatedTransport, PAYLOAD_BYTES_MAX, TYPE_BYTES } from "./transport.ts";

/** magic 4 ‖ type 12 ‖ length u32 LE ‖ checksum 4. */
export const ENVELOPE_BYTES = 24;

const NOTHING = new Uint8Array();
/** Payloads shorter than this are copied. */
const COPIED_BYTES_MAX = 512;

/** How many messages a {@link V1Transport} passed over, and why. */
export interface DroppedCounts {
  /** The checksum was not that of the payload. */
  checksum: number;
  /** The type was not ASCII padded with zeros. */
  type: number;
}

/**
 * Reads and writes the v1 envelope. Pure: no socket, no clock, no promise; linear in the bytes whatever their cuts.
 *
 * `push` throws `bad_magic` or `oversize` (fault `peer`), after it gave the messages before; nothing follows then. A
 * message with a bad checksum or a malformed type is passed over and counted: that is how Core treats them.
 */
export class V1Transport implements NegotiatedTransport {
  readonly kind = "v1";
  readonly sessionId = undefined;
  /** Messages passed over. */
  readonly dropped: DroppedCounts = { checksum: 0, type: 0 };
  readonly #magic: Uint8Array;
  readonly #header = new Uint8Array(ENVELOPE_BYTES);
  #headerHave = 0;
  /** Length of the payload that is being gathered. */
  #length = 0;
  readonly #payload = new Gather();
  #failure: NodeError | undefined;
  droppedBytes = 0;

  /** `magic`: the network's four bytes in wire order. */
  constructor(magic: Uint8Array) {
    if (magic.length !== 4) throw new RangeError("a magic has 4 bytes");
    this.#magic = magic;
  }

  /** Bytes held of a message that is not complete. */
  get pendingBytes(): number {
    return this.#headerHave + this.#payload.length;
  }

  get heldBytes(): number {
    return this.#headerHave + this.#payload.capacity;
  }

  /** v1 has no handshake of its own: nothing. */
  drain(): Uint8Array {
    return NOTHING;
  }

  push(bytes: Uint8Array): Iterable<Frame> {
    if (this.#failure !== undefined) throw this.#failure;
    // Sockets give Buffers, whose slices would be Buffers: slow, and a surprise to code that compares.
    const isPlain = bytes.constructor === Uint8Array;
    const chunk = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    for (let at = 0; at < chunk.length && this.#failure === undefined;) at = this.#take(chunk, at, frames);
    return this.#failure === undefined ? frames : thenFail(frames, this.#failure);
  }

  /** Takes the rest of a header or of a payload from `at` on; returns where it ends. */
  #take(chunk: Uint8Array, at: number, frames: Frame[]): number {
    if (this.#headerHave < ENVELOPE_BYTES) {
      const to = Math.min(chunk.length, at + ENVELOPE_BYTES - this.#headerHave);
      for (let i = at; i < to; i++) this.#header[this.#headerHave++] = chunk[i]!;
      this.#judgeHeader();
      // An empty payload is complete with its header.
      if (this.#headerHave === ENVELOPE_BYTES && this.#length === 0) this.#finish(new Uint8Array(), frames);
      return to;
    }
    const missing = this.#length - this.#payload.length;
    const to = Math.min(chunk.length, at + missing);
    if (this.#payload.length === 0 && to - at === missing) {
      // The whole payload lies in this chunk: no copy, unless that is cheaper than a view, or the view would keep alive
      // much more than it shows.
      const isCopied = missing < COPIED_BYTES_MAX || 2 * missing < chunk.buffer.byteLength;
      this.#finish(isCopied ? chunk.slice(at, to) : chunk.subarray(at, to), frames);
      return to;
    }
    this.#payload.append(chunk.subarray(at, to), missing);
    if (this.#payload.length === this.#length) this.#finish(this.#payload.take(), frames);
    return to;
  }

  /** Fails as soon as the bytes that are here cannot be right. */
  #judgeHeader(): void {
    const header = this.#header;
    const have = this.#headerHave;
    for (let i = 0; i < Math.min(have, 4); i++) {
      if (header[i] !== this.#magic[i]) return this.#fail("bad_magic", "bytes of another network or protocol");
    }
    if (have < ENVELOPE_BYTES) return;
    this.#length = (header[16]! | (header[17]! << 8) | (header[18]! << 16) | (header[19]! << 24)) >>> 0;
    if (this.#length > PAYLOAD_BYTES_MAX) {
      this.#fail("oversize", `a payload of ${this.#length} bytes where ${PAYLOAD_BYTES_MAX} are the most`);
    }
  }

  #fail(code: "bad_magic" | "oversize", message: string): void {
    this.#failure = new NodeError(code, "peer", message);
  }

  #finish(payload: Uint8Array, frames: Frame[]): void {
    this.#headerHave = 0;
    const header = this.#header;
    const digest = checksumOf(payload);
    for (let i = 0; i < 4; i++) {
      if (digest[i] !== header[20 + i]) {
        this.dropped.checksum++;
        this.droppedBytes += ENVELOPE_BYTES + payload.length;
        return;
      }
    }
    const type = typeOf(header, 4);
    if (type !== undefined) return void frames.push({ type, payload });
    this.dropped.type++;
    this.droppedBytes += ENVELOPE_BYTES + payload.length;
  }

  pack(type: string, payload: Uint8Array): Uint8Array {
    return packV1(this.#magic, type, payload);
  }
}

/** The frames, then the error: what came before a fault is still to be handled. */
function* thenFail(frames: readonly Frame[], failure: NodeError): Generator<Frame> {
  yield* frames;
  throw failure;
}

const once = new Uint8Array(32);
const twice = new Uint8Array(32);

/** SHA-256d of a payload, of which the first four bytes count. Valid until the next call. */
function checksumOf(payload: Uint8Array): Uint8Array {
  sha256Into(payload, once);
  sha256Into(once, twice);
  return twice;
}

/** The envelope and the payload. Throws RangeError when the type is not 1 … 12 printable ASCII or the payload too long. */
export function packV1(magic: Uint8Array, type: string, payload: Uint8Array): Uint8Array {
  const name = typeBytes(type);
  if (payload.length > PAYLOAD_BYTES_MAX) throw new RangeError(`a payload of ${payload.length} bytes`);
  const bytes = new Uint8Array(ENVELOPE_BYTES + payload.length);
  bytes.set(magic);
  for (let i = 0; i < TYPE_BYTES; i++) bytes[4 + i] = name[i]!;
  const { length } = payload;
  for (let i = 0; i < 4; i++) bytes[16 + i] = (length >>> (8 * i)) & 0xff;
  const digest = checksumOf(payload);
  for (let i = 0; i < 4; i++) bytes[20 + i] = digest[i]!;
  bytes.set(payload, ENVELOPE_BYTES);
  return bytes;
}

/** Types that were written before, padded. */
const written = new Map<string, Uint8Array>();

/** @throws RangeError when the type is not 1 … 12 printable ASCII */
function typeBytes(type: string): Uint8Array {
  let bytes = written.get(type);
  if (bytes === undefined) {
    if (!/^[\x20-\x7e]{1,12}$/.test(type)) throw new RangeError(`no message type: ${type}`);
    bytes = Uint8Array.from({ length: TYPE_BYTES }, (_, i) => type.charCodeAt(i) || 0);
    if (written.size < KNOWN_MAX) written.set(type, bytes);
  }
  return bytes;
}

/** Types that were read before, by a hash of their bytes: a text is not built anew for each of a million messages. */
const known = new Map<number, { readonly bytes: Uint8Array; readonly type: string }>();
const KNOWN_MAX = 256;

/**
 * The text of a type, twelve bytes padded with zeros from `start` on; undefined when a byte is not printable ASCII or
 * follows a zero without being one.
 */
export function typeOf(bytes: Uint8Array, start = 0): string | undefined {
  let hash = 0;
  for (let i = 0; i < TYPE_BYTES; i++) hash = (Math.imul(hash, 31) + bytes[start + i]!) | 0;
  const found = known.get(hash);
  if (found !== undefined && hasAt(bytes, start, found.bytes)) return found.type;
  const type = readType(bytes, start);
  if (type !== undefined && found === undefined && known.size < KNOWN_MAX) {
    known.set(hash, { bytes: bytes.slice(start, start + TYPE_BYTES), type });
  }
  return type;
}

function hasAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}

function readType(bytes: Uint8Array, start: number): string | undefined {
  const end = start + TYPE_BYTES;
  let type = "";
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 0) {
      for (let k = i; k < end; k++) if (bytes[k] !== 0) return undefined;
      return type;
    }
    if (byte < 0x20 || byte > 0x7e) return undefined;
    type += String.fromCharCode(byte);
  }
  return type;
}
