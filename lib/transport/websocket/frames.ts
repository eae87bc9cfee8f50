/**
 * What both directions of the WebSocket wire share: opcodes, close codes, masking, and the writing of frames.
 *
 * @see RFC 6455 section 5
 * @module
 */

/** Frame opcodes (RFC 6455 section 5.2); all others are reserved. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** A defined opcode. */
export type Opcode = (typeof OPCODE)[keyof typeof OPCODE];

/** Payload bytes of a control frame, at most. */
export const CONTROL_BYTES_MAX = 125;
/** UTF-8 bytes of a close reason, at most: a control frame's payload less the code. */
export const REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2;

/** Close codes of RFC 6455 section 7.4.1 that we use. The last three never travel. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  invalidData: 1007,
  tooBig: 1009,
  noStatus: 1005,
  abnormal: 1006,
} as const;

/** Whether a close frame may carry `code`: the registered ones, 3000-3999 (libraries) and 4000-4999 (applications). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== CLOSE.noStatus && code !== CLOSE.abnormal;
}

/** Below this a view of words costs more than it saves. */
const WORDWISE_BYTES_MIN = 512;

/**
 * Exclusive-ors `bytes` from `start` to `end` in place with the repeated 4-byte `key`, whose first byte in use is
 * `key[phase % 4]`.
 */
export function applyMask(bytes: Uint8Array, key: Uint8Array, phase = 0, start = 0, end = bytes.length): void {
  let at = start;
  const turn = phase - start;
  if (end - start >= WORDWISE_BYTES_MIN) {
    // Byte by byte to a word border, word by word from there: four times the speed on a large message.
    const border = start + ((4 - ((bytes.byteOffset + start) & 3)) & 3);
    for (; at < border; at++) bytes[at]! ^= key[(turn + at) & 3]!;
    const words = (end - at) >>> 2;
    const turned = new Uint8Array(4);
    for (let i = 0; i < 4; i++) turned[i] = key[(turn + at + i) & 3]!;
    const word = new Uint32Array(turned.buffer)[0]!;
    const view = new Uint32Array(bytes.buffer, bytes.byteOffset + at, words);
    for (let i = 0; i < words; i++) view[i]! ^= word;
    at += words * 4;
  }
  for (; at < end; at++) bytes[at]! ^= key[(turn + at) & 3]!;
}

/**
 * One frame as bytes: FIN and opcode ‖ MASK and length (7, 7+16 or 7+64 bits, big endian) ‖ mask key ‖ payload.
 * A client gives the 4 unpredictable bytes of `maskKey`, a server none.
 */
export function encodeFrame(opcode: Opcode, payload: Uint8Array, maskKey?: Uint8Array, final = true): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + lengthBytes + (maskKey === undefined ? 0 : 4);
  const frame = new Uint8Array(start + length);
  frame[0] = (final ? 0x80 : 0) | opcode;
  frame[1] = (maskKey === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  // Nothing here makes a view of the frame: for a short one that would cost more than all the rest.
  for (let i = 1 + lengthBytes, left = length; i > 1; i--, left = Math.floor(left / 256)) frame[i] = left & 0xff;
  frame.set(payload, start);
  if (maskKey !== undefined) {
    frame.set(maskKey, start - 4);
    applyMask(frame, maskKey, 0, start);
  }
  return frame;
}

/** The payload of a close frame: code as u16 big endian ‖ reason in UTF-8; empty without a code. */
export function encodeClose(closeCode: number | undefined, reason = ""): Uint8Array {
  if (closeCode === undefined) return new Uint8Array();
  const text = new TextEncoder().encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload[0] = closeCode >>> 8;
  payload[1] = closeCode & 0xff;
  payload.set(text, 2);
  return payload;
}
