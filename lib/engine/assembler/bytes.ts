/**
 * Bytes of WebAssembly on their way into a module: nested lists that are flattened once, and numbers of variable length.
 *
 * @see WebAssembly core specification 5.2.2 (LEB128)
 * @module
 */

/** Bytes, or lists of them: code is put together without copying what is inside. */
export type Code = number | Uint8Array | readonly Code[];

/** An unsigned number of variable length. @throws RangeError for what is no whole number from 0 up */
export function unsigned(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no unsigned number`);
  const bytes: number[] = [];
  let rest = value;
  do {
    const seven = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest === 0 ? seven : seven | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** A signed number of variable length. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const seven = Number(rest & 0x7fn);
    rest >>= 7n;
    const isLast = (rest === 0n && (seven & 0x40) === 0) || (rest === -1n && (seven & 0x40) !== 0);
    bytes.push(isLast ? seven : seven | 0x80);
    if (isLast) return bytes;
  }
}

/** A list: how many items, then the items. */
export const vector = (items: readonly Code[]): Code => [unsigned(items.length), items];

/** A name in UTF-8 with its length. */
export function name(text: string): Code {
  const bytes = new TextEncoder().encode(text);
  return [unsigned(bytes.length), bytes];
}

/** Code with its length before it. */
export function sized(code: Code): Code {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
}

const FIRST_BYTES = 4_096;

/** All bytes of a tree, in order. */
export function flatten(code: Code): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(FIRST_BYTES);
  let length = 0;
  const room = (more: number) => {
    if (length + more <= bytes.length) return;
    const grown = new Uint8Array(2 * (length + more));
    grown.set(bytes);
    bytes = grown;
  };
  const add = (part: Code): void => {
    if (typeof part === "number") {
      room(1);
      bytes[length++] = part;
    } else if (part instanceof Uint8Array) {
      room(part.length);
      bytes.set(part, length);
      length += part.length;
    } else for (const each of part) add(each);
  };
  add(code);
  return bytes.slice(0, length);
}
