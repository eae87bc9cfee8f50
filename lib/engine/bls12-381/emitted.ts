/**
 * The module that we emit, as its callers see it: points, messages and lines go into its memory, verdicts come out.
 *
 * @module
 */
import { DIGEST_BYTES } from "../sha256/functions.ts";
import { NUMBER_BYTES } from "./field.ts";
import { PAIR_BYTES } from "./fp2.ts";
import { BAD, INFINITE, POINT } from "./groups.ts";
import { DST_MAX, MESSAGE_HEAD_BYTES, MESSAGE_TAIL_BYTES } from "./hash.ts";
import { AFFINE_BYTES, FEW_BYTES, FEW_MAX, LINE_BYTES, LINES, MANY_BYTES } from "./lines.ts";
import { inverse, ORDER, X } from "./numbers.ts";
import { TWIST_BYTES } from "./pairing.ts";
import { programOf } from "../programs.ts";
import { emitProgram, exportsOf, MESSAGE, type Program, type ProgramExports } from "./program.ts";
import { TWELVE_BYTES } from "./tower.ts";

/** Names of the groups. */
export type Group = "g1" | "g2";
/** A key, 48 bytes, and a message. */
export type SignedMessage = readonly [key: Uint8Array, message: Uint8Array];

/** Bytes of compressed points. */
export const COMPRESSED_BYTES = { g1: NUMBER_BYTES, g2: PAIR_BYTES } as const;
const POINT_BYTES = { g1: 3 * NUMBER_BYTES, g2: 3 * PAIR_BYTES } as const;

/** The domain separation tag of Chia's augmented scheme. */
export const AUGMENTED_DST = new TextEncoder().encode("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_AUG_");
/** RFC 9380 section 5.3.3. */
const OVERSIZE_PREFIX = new TextEncoder().encode("H2C-OVERSIZE-DST-");

/** Points whose Miller functions are multiplied in one pass: their lines take 13 KiB each. */
const PASS_MAX = 256;
/** From so many points on lines are made in lock step. */
const LOCK_STEP_MIN = 48;
/** Messages are hashed together as long as they take no more memory than this; a longer one by itself. */
const HASH_BYTES_MAX = 1 << 20;
/** Bytes that hashing one message yields, before they are numbers of the field. */
const EXPANDED_BYTES = { g1: 128, g2: 256 } as const;
const PAGE_BYTES = 65_536;

/** BLS12-381 by a module of its own. One call at a time. */
export class EmittedBls {
  /** Whether the module uses wide instructions. */
  readonly wide: boolean;
  readonly #program: Program;
  readonly #exports: ProgramExports;
  #memory: Uint8Array;
  #view: DataView;
  /** Where memory is free during a call. */
  #used = 0;
  #tag: Uint8Array | undefined;
  /** Lines of the generator times −1/k, where k is what clearing cofactors multiplies points of G2 by. */
  #generatorLines: Uint8Array | undefined;

  /** @param wide whether wide instructions may be used */
  constructor(wide: boolean) {
    this.wide = wide;
    this.#program = programOf("bls12-381", wide, emitProgram);
    this.#exports = exportsOf(new WebAssembly.Instance(new WebAssembly.Module(this.#program.bytes)));
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#view = new DataView(this.#exports.memory.buffer);
  }

  /** Bytes of memory that the module has; it grows with the largest call. */
  get memoryBytes(): number {
    return this.#memory.length;
  }

  /** Whether the signature (96 bytes) is that of all messages together, by Chia's augmented scheme. */
  aggregateVerify(signed: readonly SignedMessage[], signature: Uint8Array): boolean {
    this.#begin();
    if (signature.length !== COMPRESSED_BYTES.g2) return false;
    const point = this.#take(POINT_BYTES.g2);
    const what = this.#exports.g2.fromBytes(point, this.#put(signature));
    // No messages have no signature.
    if (what === BAD || signed.length === 0) return what === INFINITE;
    const product = this.#product(signed, what === POINT ? point : undefined);
    return product !== undefined && this.#exports.isOne(product) === 1;
  }

  /**
   * The product of the messages' Miller functions, 576 bytes, for {@link EmittedBls.isSigned}; undefined when a key is no
   * good. It may come from another instance.
   */
  product(signed: readonly SignedMessage[]): Uint8Array | undefined {
    this.#begin();
    const product = this.#product(signed, undefined);
    return product === undefined ? undefined : this.#memory.slice(product, product + TWELVE_BYTES);
  }

  /** Whether the signature is that of the messages of which these are the products. */
  isSigned(products: readonly Uint8Array[], signature: Uint8Array): boolean {
    this.#begin();
    if (signature.length !== COMPRESSED_BYTES.g2) return false;
    const point = this.#take(POINT_BYTES.g2);
    const what = this.#exports.g2.fromBytes(point, this.#put(signature));
    if (what === BAD || products.length === 0) return what === INFINITE;
    const whole = this.#take(TWELVE_BYTES);
    const part = this.#take(TWELVE_BYTES);
    if (what === POINT) this.#miller(whole, [], [], point);
    else this.#memory.set(products[0]!, whole);
    for (const product of what === POINT ? products : products.slice(1)) {
      this.#memory.set(product, part);
      this.#exports.multiply(whole, whole, part);
    }
    return this.#exports.isOne(whole) === 1;
  }

  /** Whether bytes are a point of the group. */
  isValid(group: Group, bytes: Uint8Array): boolean {
    this.#begin();
    return this.#point(group, bytes) !== undefined;
  }

  /** The sum of points, the first less the others with `subtracts`; undefined when one is none. */
  add(group: Group, points: readonly Uint8Array[], subtracts = false): Uint8Array | undefined {
    this.#begin();
    const of = this.#exports[group];
    const sum = this.#take(POINT_BYTES[group]);
    this.#memory.fill(0, sum, sum + POINT_BYTES[group]);
    const rest = this.#used;
    for (const [i, bytes] of points.entries()) {
      this.#used = rest;
      const point = this.#point(group, bytes);
      if (point === undefined) return undefined;
      if (subtracts && i > 0) of.negate(point, point);
      of.add(sum, sum, point);
    }
    return this.#bytes(group, sum);
  }

  /** A multiple of a point; the scalar is unsigned, the highest byte first. Undefined when the point is none. */
  multiply(group: Group, bytes: Uint8Array, scalar: Uint8Array): Uint8Array | undefined {
    this.#begin();
    const point = this.#point(group, bytes);
    if (point === undefined) return undefined;
    this.#exports[group].multiply(point, point, this.#put(scalar), scalar.length);
    return this.#bytes(group, point);
  }

  /** The negative of a point; undefined when it is none. */
  negate(group: Group, bytes: Uint8Array): Uint8Array | undefined {
    this.#begin();
    const point = this.#point(group, bytes);
    if (point === undefined) return undefined;
    this.#exports[group].negate(point, point);
    return this.#bytes(group, point);
  }

  /** A message hashed to the group, with a domain separation tag. */
  hash(group: Group, message: Uint8Array, tag: Uint8Array): Uint8Array {
    this.#begin();
    this.#setTag(tag);
    const point = this.#take(POINT_BYTES[group]);
    const [address, length] = this.#message([message], EXPANDED_BYTES[group]);
    this.#exports[group].hash(point, address, length);
    return this.#bytes(group, point);
  }

  /** Whether the product of the pairings is 1; undefined when a point is no good. */
  isPairingOne(pairs: readonly (readonly [g1: Uint8Array, g2: Uint8Array])[]): boolean | undefined {
    this.#begin();
    const whole = this.#take(TWELVE_BYTES);
    const part = this.#take(TWELVE_BYTES);
    const rest = this.#used;
    for (let from = 0; from === 0 || from < pairs.length; from += PASS_MAX) {
      this.#used = rest;
      const [keys, points]: [number[], number[]] = [[], []];
      for (const [g1, g2] of pairs.slice(from, from + PASS_MAX)) {
        const [key, point] = [this.#point("g1", g1), this.#point("g2", g2)];
        if (key === undefined || point === undefined) return undefined;
        // Infinity pairs to 1 with everything.
        if (this.#exports.g1.isInfinite(key) === 1 || this.#exports.g2.isInfinite(point) === 1) continue;
        keys.push(key);
        points.push(point);
      }
      this.#miller(from === 0 ? whole : part, keys, points, undefined);
      if (from > 0) this.#exports.multiply(whole, whole, part);
    }
    return this.#exports.isOne(whole) === 1;
  }

  /** The product of all messages' Miller functions and of the signature's. */
  #product(signed: readonly SignedMessage[], signature: number | undefined): number | undefined {
    const indices = new Map<string, number>();
    const keys: Uint8Array[] = [];
    const sumOf: number[] = [];
    for (const [key] of signed) {
      if (key.length !== COMPRESSED_BYTES.g1) return undefined;
      const name = String.fromCharCode(...key);
      let index = indices.get(name);
      if (index === undefined) {
        indices.set(name, index = keys.length);
        keys.push(key);
      }
      sumOf.push(index);
    }
    const points = this.#take(AFFINE_BYTES * keys.length);
    const sums = this.#take(POINT_BYTES.g2 * keys.length);
    if (!this.#decode(keys, points)) return undefined;
    this.#memory.fill(0, sums, sums + POINT_BYTES.g2 * keys.length);
    this.#hash(signed, sumOf, sums);
    const all = keys.map((_, i) => [points + AFFINE_BYTES * i, sums + POINT_BYTES.g2 * i] as const);
    const whole = this.#take(TWELVE_BYTES);
    const part = this.#take(TWELVE_BYTES);
    const rest = this.#used;
    for (let from = 0; from === 0 || from < all.length; from += PASS_MAX) {
      this.#used = rest;
      const pass = all.slice(from, from + PASS_MAX);
      const isGood = this.#miller(
        from === 0 ? whole : part,
        pass.map(([point]) => point),
        pass.map(([, sum]) => sum),
        from === 0 ? signature : undefined,
      );
      if (!isGood) return undefined;
      if (from > 0) this.#exports.multiply(whole, whole, part);
    }
    return whole;
  }

  /** Keys to affine points; false when one is no point of the curve, or infinity. */
  #decode(keys: readonly Uint8Array[], points: number): boolean {
    const rest = this.#used;
    const bytes = this.#take(COMPRESSED_BYTES.g1 * keys.length);
    keys.forEach((key, i) => this.#memory.set(key, bytes + COMPRESSED_BYTES.g1 * i));
    const isGood = this.#exports.keys(points, bytes, keys.length) === 1;
    this.#used = rest;
    return isGood;
  }

  /** Adds each message's hash to the sum of its key. */
  #hash(signed: readonly SignedMessage[], sumOf: readonly number[], sums: number): void {
    this.#setTag(AUGMENTED_DST);
    const rest = this.#used;
    for (let next = 0; next < signed.length;) {
      this.#used = rest;
      const first = next;
      const slots: (readonly [number, number])[] = [];
      while (next < signed.length && (next === first || this.#used - rest < HASH_BYTES_MAX)) {
        slots.push(this.#message(signed[next]!, EXPANDED_BYTES.g2));
        next += 1;
      }
      const table = this.#take(MESSAGE.bytes * slots.length);
      for (const [i, [address, length]] of slots.entries()) {
        const at = table + MESSAGE.bytes * i;
        this.#view.setUint32(at + MESSAGE.address, address, true);
        this.#view.setUint32(at + MESSAGE.length, length, true);
        this.#view.setUint32(at + MESSAGE.sum, sumOf[first + i]!, true);
      }
      this.#exports.hashes(sums, table, slots.length);
    }
    this.#used = rest;
  }

  /**
   * The product of the Miller functions of affine points of G1's curve and Jacobian points of the twist, and of the
   * signature's with the generator. False when a point of the former is not in G1; of at most {@link PASS_MAX} points.
   */
  #miller(out: number, keys: readonly number[], twists: readonly number[], signature: number | undefined): boolean {
    const { g2 } = this.#exports;
    // A sum that is infinity pairs to 1; its key must be good all the same.
    const isPaired = twists.map((twist) => g2.isInfinite(twist) === 0);
    const unpaired = keys.filter((_, i) => !isPaired[i]);
    if (unpaired.length > 0 && this.#lines(unpaired, unpaired.length) === undefined) return false;
    const paired = keys.filter((_, i) => isPaired[i]);
    const count = paired.length + Number(signature !== undefined);
    const lines = this.#lines(paired, count);
    if (lines === undefined) return false;
    const points = [...twists.filter((_, i) => isPaired[i]), ...(signature === undefined ? [] : [signature])];
    if (signature !== undefined) this.#putGeneratorLines(lines, count);
    const [row, prepared, products] = [
      this.#take(POINT_BYTES.g2 * count),
      this.#take(TWIST_BYTES * count),
      this.#take(PAIR_BYTES * count),
    ];
    points.forEach((point, i) => {
      this.#memory.copyWithin(row + POINT_BYTES.g2 * i, point, point + POINT_BYTES.g2);
    });
    this.#exports.prepare(prepared, row, products, count);
    this.#exports.miller(out, lines, LINE_BYTES * count, prepared, count);
    return true;
  }

  /** Lines of affine points with room for those of `count`; undefined when one is not in G1. */
  #lines(points: readonly number[], count: number): number | undefined {
    const stride = LINE_BYTES * count;
    const lines = this.#take(stride * LINES);
    const row = this.#take(AFFINE_BYTES * points.length);
    points.forEach((point, i) => {
      this.#memory.copyWithin(row + AFFINE_BYTES * i, point, point + AFFINE_BYTES);
    });
    const isLockStep = points.length >= LOCK_STEP_MIN;
    const work = this.#take(isLockStep ? MANY_BYTES * points.length : FEW_BYTES);
    if (isLockStep) return this.#exports.manyLines(lines, stride, row, points.length, work) === 1 ? lines : undefined;
    for (let i = 0; i < points.length; i += FEW_MAX) {
      const few = Math.min(FEW_MAX, points.length - i);
      const isGood = this.#exports.fewLines(lines + LINE_BYTES * i, stride, row + AFFINE_BYTES * i, few, work);
      if (isGood !== 1) return undefined;
    }
    return lines;
  }

  /** The signature is paired with the generator, whose lines are the last of `count`. */
  #putGeneratorLines(lines: number, count: number): void {
    const stride = LINE_BYTES * count;
    const own = this.#generatorLines ??= this.#makeGeneratorLines();
    for (let step = 0; step < LINES; step++) {
      const at = lines + stride * step + LINE_BYTES * (count - 1);
      this.#memory.set(own.subarray(LINE_BYTES * step, LINE_BYTES * (step + 1)), at);
    }
  }

  #makeGeneratorLines(): Uint8Array {
    // Messages are paired with cofactors on: k times as much as that is what is compared with the signature.
    const k = 4n * X * X + 2n * X - 1n;
    const scalar = ORDER - inverse(k, ORDER);
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number(scalar >> BigInt(8 * (31 - i)) & 0xffn));
    const point = this.#take(POINT_BYTES.g1);
    const affine = this.#take(POINT_BYTES.g1);
    this.#exports.g1.multiply(point, this.#program.generator, this.#put(bytes), bytes.length);
    this.#exports.g1.toAffine(affine, point);
    const lines = this.#lines([affine], 1)!;
    return this.#memory.slice(lines, lines + LINE_BYTES * LINES);
  }

  /** Writes a message down as hashing needs it: its address and length. */
  #message(parts: readonly Uint8Array[], expandedBytes: number): readonly [number, number] {
    const tag = this.#tag!;
    const length = parts.reduce((sum, part) => sum + part.length, MESSAGE_HEAD_BYTES) + 3 + tag.length + 1;
    const at = this.#take(length - 3 - tag.length - 1 + MESSAGE_TAIL_BYTES);
    this.#memory.fill(0, at, at + MESSAGE_HEAD_BYTES);
    let to = at + MESSAGE_HEAD_BYTES;
    for (const part of parts) {
      this.#memory.set(part, to);
      to += part.length;
    }
    this.#view.setUint16(to, expandedBytes);
    this.#memory[to + 2] = 0;
    this.#memory.set(tag, to + 3);
    this.#memory[to + 3 + tag.length] = tag.length;
    return [at, length];
  }

  #setTag(tag: Uint8Array): void {
    if (tag === this.#tag) return;
    this.#tag = tag.length <= DST_MAX ? tag : this.#shortTag(tag);
    const { tag: at, tagLength } = this.#program;
    this.#memory.set(this.#tag, at);
    this.#memory[at + this.#tag.length] = this.#tag.length;
    this.#view.setUint32(tagLength, this.#tag.length + 1, true);
  }

  #shortTag(tag: Uint8Array): Uint8Array {
    const digest = this.#take(DIGEST_BYTES);
    const bytes = OVERSIZE_PREFIX.length + tag.length;
    const at = this.#take(bytes + MESSAGE_TAIL_BYTES);
    this.#memory.set(OVERSIZE_PREFIX, at);
    this.#memory.set(tag, at + OVERSIZE_PREFIX.length);
    this.#exports.sha256(digest, at, bytes);
    return this.#memory.slice(digest, digest + DIGEST_BYTES);
  }

  /** A point of compressed bytes; undefined when they are none of the group. */
  #point(group: Group, bytes: Uint8Array): number | undefined {
    if (bytes.length !== COMPRESSED_BYTES[group]) return undefined;
    const point = this.#take(POINT_BYTES[group]);
    return this.#exports[group].fromBytes(point, this.#put(bytes)) === BAD ? undefined : point;
  }

  #bytes(group: Group, point: number): Uint8Array {
    const at = this.#take(COMPRESSED_BYTES[group]);
    this.#exports[group].toBytes(at, point);
    return this.#memory.slice(at, at + COMPRESSED_BYTES[group]);
  }

  #begin(): void {
    this.#used = this.#program.free;
  }

  /** So many bytes of memory for this call. */
  #take(bytes: number): number {
    const at = this.#used;
    this.#used += Math.ceil(bytes / 8) * 8;
    const pages = Math.ceil(this.#used / PAGE_BYTES) - this.#memory.length / PAGE_BYTES;
    if (pages > 0) {
      this.#exports.memory.grow(pages);
      this.#memory = new Uint8Array(this.#exports.memory.buffer);
      this.#view = new DataView(this.#exports.memory.buffer);
    }
    return at;
  }

  #put(bytes: Uint8Array): number {
    const at = this.#take(bytes.length);
    this.#memory.set(bytes, at);
    return at;
  }
}
