/**
 * SHA-256 of four messages at a time, for runtimes whose native hash costs microseconds a call: WebAssembly with 128-bit
 * vectors, one message in each 32-bit lane. The module is assembled here, so that there is no binary to trust.
 *
 * @see FIPS 180-4, section 6.2; WebAssembly Core 2.0, section 5.4 (opcodes)
 * @module
 */

/** Where the module's memory holds what: state 8 × 4 lanes, constants 64 words, then messages. */
const STATE_AT = 0;
const CONSTANTS_AT = 128;
/** Messages start here; each lies at a multiple of 64. */
export const MESSAGES_AT = 512;

const PAGE_BYTES = 65_536;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const K = Uint32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));
/** The same of the square roots of the first eight: the state before the first block. */
export const INITIAL_STATE: Uint32Array = Uint32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

// A double has 52 bits of fraction and the roots at most 5 bits of integer part: 32 bits are exact.
function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32);
}

/** The instance: its memory, and the step over `blocks` blocks of 64 bytes from four addresses on. */
export interface Lanes {
  readonly memory: WebAssembly.Memory;
  /** Word `i` of lane `l` is at `4 * i + l`. */
  readonly state: () => Uint32Array;
  readonly compress: (p0: number, p1: number, p2: number, p3: number, blocks: number) => void;
}

/** Makes an instance with room for `bytes` of messages, or undefined where vectors are not supported. */
export function createLanes(bytes: number): Lanes | undefined {
  const code = assemble(Math.ceil((MESSAGES_AT + bytes) / PAGE_BYTES));
  if (!WebAssembly.validate(code)) return undefined;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const memory = exports.memory as WebAssembly.Memory;
  new Uint32Array(memory.buffer, CONSTANTS_AT, K.length).set(K);
  const state = new Uint32Array(memory.buffer, STATE_AT, 32);
  return { memory, state: () => state, compress: exports.compress as Lanes["compress"] };
}

// The assembler. Locals: 0–3 the addresses, 4 the blocks left, 5 the offset into the constants, then vectors: 6–13 the
// working variables a … h, 14–29 the sixteen words of the schedule, 30 and 31 for intermediate sums.
const BLOCKS = 4;
const OFFSET = 5;
const VARIABLES = 6;
const WORDS = 14;
const SUM = 30;
const OTHER = 31;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const i32 = (value: number): number[] => [0x41, ...signed(value)];
const vector = (opcode: number, ...immediate: number[]): number[] => [0xfd, ...unsigned(opcode), ...immediate];
const ADD = vector(0xae);
const XOR = vector(0x51);
const OR = vector(0x50);
const SELECT = vector(0x52);
/** Reverses the bytes of each lane. */
const SWAP = vector(0x0d, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
const load = (offset: number): number[] => vector(0x00, 4, ...unsigned(offset));
const store = (offset: number): number[] => vector(0x0b, 4, ...unsigned(offset));
const splat = (offset: number): number[] => vector(0x09, 2, ...unsigned(offset));

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  return (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40) ? [low] : [low | 0x80, ...signed(rest)];
}

const right = (local: number, bits: number): number[] => [...get(local), ...i32(bits), ...vector(0xad)];
const rotate = (local: number, bits: number): number[] => [
  ...right(local, bits),
  ...get(local),
  ...i32(32 - bits),
  ...vector(0xab),
  ...OR,
];
/** The Σ functions: three rotations. */
const big = (local: number, a: number, b: number, c: number): number[] => [
  ...rotate(local, a),
  ...rotate(local, b),
  ...XOR,
  ...rotate(local, c),
  ...XOR,
];
/** The σ functions: two rotations and a shift. */
const small = (local: number, a: number, b: number, shift: number): number[] => [
  ...rotate(local, a),
  ...rotate(local, b),
  ...XOR,
  ...right(local, shift),
  ...XOR,
];

/** Round `t` of sixteen. The variables keep their locals; which is which moves by one each round. */
function round(t: number): number[] {
  const at = (name: number) => VARIABLES + ((name - t) & 7);
  const [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(at) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return [
    // SUM = h + Σ1(e) + Ch(e, f, g) + K + W
    ...[...get(h), ...big(e, 6, 11, 25), ...ADD],
    ...[...get(f), ...get(g), ...get(e), ...SELECT, ...ADD],
    ...[...get(OFFSET), ...splat(CONSTANTS_AT + 4 * t), ...get(WORDS + t), ...ADD, ...ADD, ...set(SUM)],
    // d += SUM
    ...[...get(d), ...get(SUM), ...ADD, ...set(d)],
    // h = SUM + Σ0(a) + Maj(a, b, c); where a and b differ c decides, elsewhere b does
    ...[...get(SUM), ...big(a, 2, 13, 22), ...ADD],
    ...[...get(c), ...get(b), ...get(a), ...get(b), ...XOR, ...SELECT, ...ADD, ...set(h)],
  ];
}

/** The next sixteen words of the schedule, each in the place of the one sixteen before. */
function schedule(t: number): number[] {
  const word = (n: number) => WORDS + ((t + n) & 15);
  return [
    ...[...get(word(0)), ...small(word(1), 7, 18, 3), ...ADD, ...get(word(9)), ...ADD],
    ...[...small(word(14), 17, 19, 10), ...ADD, ...set(word(0))],
  ];
}

const sixteen = Array.from({ length: 16 }, (_, t) => t);
const eight = sixteen.slice(0, 8);

/** The function's body: for each block, the words from the four addresses, 64 rounds, and the sums into the state. */
function body(): number[] {
  const lane = (
    t: number,
    l: number,
  ) => [...get(l), ...get(OTHER), ...vector(0x56, 2, ...unsigned(4 * t), l), ...set(OTHER)];
  return [
    // 1 local i32, 26 vectors
    ...[2, 1, 0x7f, 26, 0x7b],
    ...[0x03, 0x40],
    ...eight.flatMap((i) => [...i32(STATE_AT), ...load(16 * i), ...set(VARIABLES + i)]),
    ...sixteen.flatMap((t) => [
      ...[...get(0), ...vector(0x5c, 2, ...unsigned(4 * t)), ...set(OTHER)],
      ...[1, 2, 3].flatMap((l) => lane(t, l)),
      ...[...get(OTHER), ...get(OTHER), ...SWAP, ...set(WORDS + t)],
    ]),
    ...[...i32(0), ...set(OFFSET)],
    ...sixteen.flatMap(round),
    // Three times sixteen rounds more; the constants' offset counts them.
    ...[0x03, 0x40],
    ...[...get(OFFSET), ...i32(64), 0x6a, ...set(OFFSET)],
    ...sixteen.flatMap((t) => [...schedule(t), ...round(t)]),
    ...[...get(OFFSET), ...i32(192), 0x47, 0x0d, 0x00],
    0x0b,
    ...eight.flatMap((i) => [
      ...i32(STATE_AT),
      ...[...i32(STATE_AT), ...load(16 * i), ...get(VARIABLES + i), ...ADD, ...store(16 * i)],
    ]),
    ...[0, 1, 2, 3].flatMap((l) => [...get(l), ...i32(64), 0x6a, ...set(l)]),
    ...[...get(BLOCKS), ...i32(1), 0x6b, 0x22, BLOCKS, 0x0d, 0x00],
    0x0b,
    0x0b,
  ];
}

function assemble(pages: number): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: number[]) => [id, ...unsigned(content.length), ...content];
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  const code = body();
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0x01, ...unsigned(pages), ...unsigned(pages)]),
    ...section(7, [2, ...name("memory"), 2, 0, ...name("compress"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}
