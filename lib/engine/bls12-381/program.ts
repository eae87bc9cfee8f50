/**
 * The module: what of BLS12-381 JavaScript calls, and where it puts numbers.
 *
 * @module
 */
import { I32, Module, Pointer, procedure, question } from "../assembler/mod.ts";
import { sha256Functions } from "../sha256/functions.ts";
import { NUMBER_BYTES } from "./field.ts";
import { fields } from "./fields.ts";
import { G1_GENERATOR, type GroupFunctions, groups, POINT } from "./groups.ts";
import { type HashFunctions, hashing, TAG, TAG_LENGTH } from "./hash.ts";
import { AFFINE_BYTES, lineFunctions } from "./lines.ts";
import { montgomeryNumbers } from "./numbers.ts";
import { pairing } from "./pairing.ts";
import { tower } from "./tower.ts";

/** A message of a batch: its address, its length as it lies there, and the number of its sum; three numbers of 32 bits. */
export const MESSAGE = { address: 0, length: 4, sum: 8, bytes: 12 };

/** What a group exports, under its name and these. */
export interface GroupExports {
  decompress(point: number, bytes: number): number;
  fromBytes(point: number, bytes: number): number;
  toBytes(bytes: number, point: number): void;
  add(sum: number, a: number, b: number): void;
  negate(point: number, a: number): void;
  multiply(point: number, a: number, scalar: number, bytes: number): void;
  toAffine(affine: number, point: number): void;
  isInfinite(point: number): number;
  hash(point: number, message: number, length: number): void;
}

/** What the module exports. */
export interface ProgramExports {
  readonly memory: WebAssembly.Memory;
  readonly g1: GroupExports;
  readonly g2: GroupExports;
  /** Affine points of so many compressed keys: 1 when all are points of G1's curve other than infinity. */
  keys(points: number, bytes: number, count: number): number;
  /** Adds the hash of each message, with its cofactor, to its sum. */
  hashes(sums: number, messages: number, count: number): void;
  fewLines(out: number, stride: number, points: number, count: number, work: number): number;
  manyLines(out: number, stride: number, points: number, count: number, work: number): number;
  prepare(out: number, points: number, products: number, count: number): void;
  miller(out: number, lines: number, stride: number, points: number, count: number): void;
  /** SHA-256: digest, message, bytes. What follows the message is overwritten, see `PADDING_MAX`. */
  sha256(digest: number, message: number, bytes: number): void;
  /** product = a · b. */
  multiply(product: number, a: number, b: number): void;
  /** Whether the pairing's value is 1. */
  isOne(value: number): number;
}

/** The module's bytes, and where a caller finds what. */
export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Addresses of the domain separation tag and of its length. */
  readonly tag: number;
  readonly tagLength: number;
  /** The generator of G1, as a Jacobian point. */
  readonly generator: number;
  /** From here on memory is the caller's. */
  readonly free: number;
}

/** Emits it. */
export function emitProgram(wide: boolean): Program {
  const module = new Module(wide);
  const { fp, fp2 } = fields(module);
  const values = tower(module, fp, fp2);
  const { g1, g2 } = groups(module, fp, fp2);
  const sha256 = sha256Functions(module);
  const hash = hashing(module, { fp, fp2, g1, g2, sha256 });
  const lines = lineFunctions(module, fp, g1);
  const pairings = pairing(module, { fp, fp2, g2, tower: values });
  exportGroup(module, "g1", g1, hash.g1);
  exportGroup(module, "g2", g2, hash.g2);
  question(module, 3, (f, points, bytes, count) => {
    const point = module.scratch(g1.bytes);
    f.for(0, count.address, (i) => {
      f.if(g1.decompress(point, bytes.element(i, NUMBER_BYTES)).ne(POINT), () => f.return(I32.of(0)));
      f.copy(new Pointer(f.let32(points.element(i, AFFINE_BYTES).address)), point, AFFINE_BYTES);
    });
    return I32.of(1);
  }, "keys");
  procedure(module, 3, (f, sums, messages, count) => {
    const point = module.scratch(g2.bytes);
    f.for(0, count.address, (i) => {
      const message = new Pointer(f.let32(messages.element(i, MESSAGE.bytes).address));
      const sum = f.let32(sums.element(f.let32(message.at(MESSAGE.sum).int), g2.bytes).address);
      f.put(hash.g2.raw(point, message.at(MESSAGE.address).int, message.at(MESSAGE.length).int));
      f.put(g2.add(sum, sum, point));
    });
  }, "hashes");
  const five = { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] } as const;
  module.fn({ ...five, exportAs: "fewLines" }, (_, ...places) => lines.few(...places));
  module.fn({ ...five, exportAs: "manyLines" }, (_, ...places) => lines.many(...places));
  procedure(module, 4, (f, ...places) => f.put(pairings.prepare(...places)), "prepare");
  procedure(module, 5, (f, ...places) => f.put(pairings.miller(...places)), "miller");
  procedure(module, 3, (f, ...places) => f.put(sha256.digest(...places)), "sha256");
  procedure(module, 3, (f, ...places) => f.put(values.mul(...places)), "multiply");
  question(module, 1, (f, value) => {
    f.put(pairings.exponentiate(value, value));
    return values.isOne(value);
  }, "isOne");
  const generator = module.literal(montgomeryNumbers([...G1_GENERATOR, 1n]));
  return {
    bytes: module.build(),
    tag: module.addressOf(TAG),
    tagLength: module.addressOf(TAG_LENGTH),
    generator: generator.base as number,
    free: module.memoryBytes,
  };
}

function exportGroup(module: Module, name: "g1" | "g2", group: GroupFunctions, { hash }: HashFunctions): void {
  const named = (of: string) => `${name}.${of}`;
  question(module, 2, (_, point, bytes) => group.decompress(point, bytes), named("decompress"));
  question(module, 2, (_, point, bytes) => group.fromBytes(point, bytes), named("fromBytes"));
  procedure(module, 2, (f, bytes, point) => f.put(group.toBytes(bytes, point)), named("toBytes"));
  procedure(module, 3, (f, sum, a, b) => f.put(group.add(sum, a, b)), named("add"));
  procedure(module, 2, (f, point, a) => f.put(group.negate(point, a)), named("negate"));
  procedure(module, 4, (f, ...places) => f.put(group.multiply(...places)), named("multiply"));
  procedure(module, 2, (f, affine, point) => f.put(group.toAffine(affine, point)), named("toAffine"));
  question(module, 1, (_, point) => group.isInfinite(point), named("isInfinite"));
  procedure(module, 3, (f, point, message, length) => f.put(hash(point, message, length)), named("hash"));
}

/** The exports of an instance, those of the groups together. */
export function exportsOf({ exports }: WebAssembly.Instance): ProgramExports {
  const group = (name: string) =>
    Object.fromEntries(
      Object.entries(exports).filter(([key]) => key.startsWith(`${name}.`)).map(([key, value]) => [
        key.slice(name.length + 1),
        value,
      ]),
    ) as unknown as GroupExports;
  return { ...(exports as unknown as Omit<ProgramExports, "g1" | "g2">), g1: group("g1"), g2: group("g2") };
}
