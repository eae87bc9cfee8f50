/**
 * Reads modules back by the specification, sharing no line with the assembler: what the assembler writes is compared with
 * what this reads. Knows the instructions that are used and refuses all others.
 */

/** One instruction: its opcode, and its immediates in order. */
export interface Instruction {
  readonly opcode: number;
  readonly immediates: readonly bigint[];
}

/** One function as the module has it. */
export interface ReadFunction {
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly locals: readonly number[];
  readonly code: readonly Instruction[];
}

/** A module as it was read. */
export interface ReadModule {
  readonly functions: readonly ReadFunction[];
  readonly exports: ReadonlyMap<string, { readonly kind: number; readonly index: number }>;
  readonly pages: number;
  readonly data: readonly { readonly at: bigint; readonly bytes: Uint8Array }[];
}

/** What comes after an opcode: `u` an unsigned number, `s` a signed one, `b` one byte. */
const IMMEDIATES: Readonly<Record<number, string>> = {
  0x02: "b",
  0x03: "b",
  0x04: "b",
  0x0c: "u",
  0x0d: "u",
  0x10: "u",
  0x20: "u",
  0x21: "u",
  0x28: "uu",
  0x29: "uu",
  0x2d: "uu",
  0x2e: "uu",
  0x35: "uu",
  0x36: "uu",
  0x37: "uu",
  0x3a: "uu",
  0x3b: "uu",
  0x41: "s",
  0x42: "s",
};
const PLAIN = new Set([0x00, 0x05, 0x0b, 0x0f, 0x1a, 0x1b]);
const isNumeric = (opcode: number) => opcode >= 0x45 && opcode <= 0xad;
const WIDE_FIRST = 19;
const WIDE_LAST = 22;

class Cursor {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError("the module ends too soon");
    return byte;
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new RangeError("the module ends too soon");
    return this.#bytes.subarray(this.#at, this.#at += count);
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  signed(): bigint {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(Number(shift) + 7, value);
    }
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.unsigned() }, read);
  }
}

function instruction(cursor: Cursor): Instruction {
  const opcode = cursor.byte();
  if (opcode === 0xfc) {
    const second = cursor.unsigned();
    if (second < WIDE_FIRST || second > WIDE_LAST) throw new RangeError(`0xfc ${second} is not known here`);
    return { opcode, immediates: [BigInt(second)] };
  }
  const kinds = IMMEDIATES[opcode];
  if (kinds === undefined && !PLAIN.has(opcode) && !isNumeric(opcode)) {
    throw new RangeError(`0x${opcode.toString(16)} is not known here`);
  }
  const immediates = [...kinds ?? ""].map((kind) =>
    kind === "s" ? cursor.signed() : BigInt(kind === "u" ? cursor.unsigned() : cursor.byte())
  );
  return { opcode, immediates };
}

/** Reads a module. @throws RangeError for what the assembler should never write */
export function disassemble(bytes: Uint8Array): ReadModule {
  const file = new Cursor(bytes);
  const head = [...file.take(8)].join();
  if (head !== "0,97,115,109,1,0,0,0") throw new RangeError(`a module does not begin with ${head}`);
  let types: { params: number[]; results: number[] }[] = [];
  let indices: number[] = [];
  let bodies: { locals: number[]; code: Instruction[] }[] = [];
  const exports = new Map<string, { kind: number; index: number }>();
  const data: { at: bigint; bytes: Uint8Array }[] = [];
  let pages = 0;
  let last = 0;
  while (!file.isAtEnd) {
    const id = file.byte();
    if (id <= last) throw new RangeError("sections are out of order");
    last = id;
    const section = new Cursor(file.take(file.unsigned()));
    if (id === 1) {
      types = section.list(() => {
        if (section.byte() !== 0x60) throw new RangeError("not a type of functions");
        return { params: section.list(() => section.byte()), results: section.list(() => section.byte()) };
      });
    } else if (id === 3) indices = section.list(() => section.unsigned());
    else if (id === 5) {
      [pages = 0] = section.list(() => {
        section.byte();
        return section.unsigned();
      });
    } else if (id === 7) {
      section.list(() => {
        const name = new TextDecoder().decode(section.take(section.unsigned()));
        exports.set(name, { kind: section.byte(), index: section.unsigned() });
      });
    } else if (id === 10) {
      bodies = section.list(() => {
        const body = new Cursor(section.take(section.unsigned()));
        const locals = body.list(() => [body.unsigned(), body.byte()] as const)
          .flatMap(([count, type]) => Array<number>(count).fill(type));
        const code: Instruction[] = [];
        while (!body.isAtEnd) code.push(instruction(body));
        return { locals, code };
      });
    } else if (id === 11) {
      data.push(...section.list(() => {
        if (section.unsigned() !== 0) throw new RangeError("data of another memory");
        const { opcode, immediates: [at = 0n] } = instruction(section);
        if (opcode !== 0x41 || section.byte() !== 0x0b) throw new RangeError("data lies at no constant");
        return { at, bytes: section.take(section.unsigned()) };
      }));
    } else throw new RangeError(`section ${id} is not known here`);
    if (!section.isAtEnd) throw new RangeError(`section ${id} is longer than what it holds`);
  }
  const functions = bodies.map((body, i) => ({ ...types[indices[i]!]!, ...body }));
  return { functions, exports, pages, data };
}
