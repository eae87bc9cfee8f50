/**
 * Arbitrary values of every codec, derived from its declaration: what is registered is tested.
 */
import fc from "fast-check";
import type { Codec, Fields, Struct } from "../../lib/chia/streamable/mod.ts";
import * as types from "../../lib/chia/types/mod.ts";

/** All declared structs by name. */
export const structs: ReadonlyMap<string, Struct<Fields>> = new Map(
  Object.entries(types as unknown as Record<string, Struct<Fields>>),
);

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const big = (bits: bigint) => fc.bigInt({ min: 0n, max: (1n << bits) - 1n });
const text = fc.string({ unit: "grapheme", maxLength: 6 });

/** The point at infinity, or bytes with the flags of a compressed point. */
const point = (length: number) =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant(Uint8Array.of(0xc0, ...new Uint8Array(length - 1))) },
    {
      weight: 5,
      arbitrary: fc.tuple(fc.integer({ min: 0x81, max: 0xbf }), fixed(length - 1)).map(([first, rest]) =>
        Uint8Array.of(first, ...rest)
      ),
    },
  );

/** A well-formed program, with references and lengths that are longer than needed among its nodes. */
export const program: fc.Arbitrary<Uint8Array> = fc.letrec<{ node: readonly number[] }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.integer({ min: 0, max: 0x80 }).map((byte) => [byte]),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => [0x80 + bytes.length, ...bytes]),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => [0xf8, 0, 0, 0, bytes.length, ...bytes]),
    // Path 1 is the whole stack of nodes, which is always there.
    fc.constant([0xfe, 0x01]),
    fc.tuple(tie("node"), tie("node")).map(([left, right]) => [0xff, ...left, ...right]),
  ),
})).node.map((bytes) => Uint8Array.from(bytes));

const PLAIN: Record<string, fc.Arbitrary<unknown>> = {
  u8: fc.integer({ min: 0, max: 0xff }),
  u16: fc.integer({ min: 0, max: 0xffff }),
  u32: fc.integer({ min: 0, max: 0xffff_ffff }),
  u64: big(64n),
  u128: big(128n),
  i8: fc.integer({ min: -0x80, max: 0x7f }),
  i16: fc.integer({ min: -0x8000, max: 0x7fff }),
  i32: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  i64: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  bool: fc.boolean(),
  bytes32: fixed(32),
  bytes100: fixed(100),
  G1: point(48),
  G2: point(96),
  bytes: fc.uint8Array({ maxLength: 40 }),
  str: text,
  Program: program,
};

const made = new Map<string, fc.Arbitrary<unknown>>();

/** Arbitrary values of a type in the grammar of {@link Codec.type}. */
export function arbitraryOf(type: string): fc.Arbitrary<unknown> {
  let arbitrary = made.get(type);
  if (arbitrary === undefined) made.set(type, arbitrary = build(type));
  return arbitrary;
}

function build(type: string): fc.Arbitrary<unknown> {
  if (PLAIN[type] !== undefined) return PLAIN[type];
  const open = type.indexOf("<");
  if (open > 0) {
    const parts = split(type.slice(open + 1, -1));
    const of = arbitraryOf(parts[0]!);
    if (type.startsWith("opt<")) return fc.option(of, { nil: null });
    if (type.startsWith("list<")) return fc.array(of, { maxLength: 3 });
    if (type.startsWith("array<")) return fc.array(of, { minLength: Number(parts[1]), maxLength: Number(parts[1]) });
    return fc.tuple(...parts.map(arbitraryOf));
  }
  const struct = structs.get(type);
  if (struct === undefined) throw new TypeError(`no arbitrary for ${type}`);
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, codec] of Object.entries<Codec<unknown>>(struct.fields)) fields[key] = arbitraryOf(codec.type);
  return fc.record(fields, { noNullPrototype: true }).map((value) => consistent(type, value));
}

/** The parts of `a,b<c,d>` at the commas outside of brackets. */
function split(inner: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const char of inner) {
    depth += char === "<" ? 1 : char === ">" ? -1 : 0;
    if (char === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts;
}

/** Takes away what a versioned struct does not write, so that its value can come back whole. */
function consistent(type: string, value: Record<string, unknown>): Record<string, unknown> {
  if (type === "ProofOfSpace") {
    const version = (value.version as number) & 1;
    if (version === 0) return { ...value, version, plotIndex: 0, metaGroup: 0, strength: 0 };
    const contract = value.poolPublicKey === null ? new Uint8Array(32).fill(7) : null;
    return { ...value, version, size: 0, poolContractPuzzleHash: contract };
  }
  if (type === "FullBlock" || type === "UnfinishedBlock") {
    const version = (value.version as number) & 1;
    return version === 0
      ? { ...value, version, transactionsGeneratorBuffer: null }
      : { ...value, version, transactionsGenerator: null, transactionsGeneratorRefList: [] };
  }
  return value;
}
