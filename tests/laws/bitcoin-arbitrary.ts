/**
 * Arbitrary values of every codec of Bitcoin's wire, derived from its declaration: what is registered is tested.
 */
import fc from "fast-check";
import type { Codec, Fields } from "../../lib/bitcoin/codec/mod.ts";
import { Block, Inventory, NetAddress, TimedNetAddress, Transaction } from "../../lib/bitcoin/types/mod.ts";

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const i64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const bytes = fc.uint8Array({ maxLength: 40 });
const script = fc.oneof({ weight: 9, arbitrary: bytes }, { weight: 1, arbitrary: fixed(300) });

const input = (withWitness: boolean) =>
  fc.record({
    prevout: fc.record({ txid: fixed(32), vout: u32 }, { noNullPrototype: true }),
    scriptSig: script,
    sequence: u32,
    witness: withWitness ? fc.array(bytes, { minLength: 1, maxLength: 3 }) : fc.constant([]),
  }, { noNullPrototype: true });

/** Transactions of both forms. One of no inputs but with outputs has no form on the wire, and is left out. */
export const transactionArbitrary: fc.Arbitrary<Transaction> = fc.record({
  version: u32,
  inputs: fc.array(fc.oneof(input(false), input(true)), { minLength: 1, maxLength: 3 }),
  outputs: fc.array(fc.record({ value: i64, scriptPubKey: script }), { maxLength: 3 }),
  lockTime: u32,
}).map((parts) => Transaction.of(parts));

const header = fc.record({
  version: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  prevBlockHash: fixed(32),
  merkleRoot: fixed(32),
  time: u32,
  bits: u32,
  nonce: u32,
}, { noNullPrototype: true });

/** Distinct places, rising. */
const places = (max: number) => fc.uniqueArray(u16, { maxLength: max }).map((list) => list.sort((a, b) => a - b));

const ADDRESS_BYTES: Record<number, number> = { 1: 4, 2: 16, 4: 32, 5: 32, 6: 16 };
const addressV2 = fc.oneof(
  fc.constantFrom(1, 2, 4, 5, 6).chain((network) => fc.tuple(fc.constant(network), fixed(ADDRESS_BYTES[network]!))),
  fc.tuple(fc.constantFrom(3, 7, 0, 255), bytes),
).chain(([network, address]) =>
  fc.record({
    time: u32,
    services: u64,
    network: fc.constant(network),
    address: fc.constant(address),
    port: u16,
  }, { noNullPrototype: true })
);

const PLAIN: Record<string, fc.Arbitrary<unknown>> = {
  u8,
  u16be: u16,
  u32,
  i32: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  u48: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  u64,
  i64,
  bool: fc.boolean(),
  hash: fixed(32),
  varbytes: bytes,
  rest: bytes,
  tx: transactionArbitrary,
  block: fc.tuple(header, fc.array(transactionArbitrary, { maxLength: 3 })).map(([head, list]) => Block.of(head, list)),
  header,
  "headers<2000>": fc.array(header, { maxLength: 4 }),
  net_address_v2: addressV2,
  indexes: places(6),
  "vector<prefilled>": fc.tuple(places(3), fc.array(transactionArbitrary, { minLength: 3, maxLength: 3 })).map((
    [list, transactions],
  ) => list.map((index, i) => ({ index, transaction: transactions[i]! }))),
};

const STRUCTS: Record<string, Codec<unknown>> = {
  inventory: Inventory,
  net_address: NetAddress,
  timed_net_address: TimedNetAddress,
};

/** Arbitrary values of a codec. */
export function arbitraryOf(codec: Codec<unknown>): fc.Arbitrary<unknown> {
  const fields = (codec as Partial<{ fields: Fields }>).fields;
  if (fields === undefined) return arbitraryOfType(codec.type);
  const entries = Object.entries(fields);
  const all = fc.record(
    Object.fromEntries(entries.map(([key, field]) => [key, arbitraryOf(field)])),
    { noNullPrototype: true },
  );
  const optional = entries.filter(([, { type }]) => type.startsWith("tail<")).map(([key]) => key);
  if (optional.length === 0) return all;
  // What is left off is left off from some field to the end.
  return fc.tuple(all, fc.integer({ min: 0, max: optional.length })).map(([value, kept]) => ({
    ...value,
    ...Object.fromEntries(optional.slice(kept).map((key) => [key, null])),
  }));
}

function arbitraryOfType(type: string): fc.Arbitrary<unknown> {
  if (PLAIN[type] !== undefined) return PLAIN[type];
  if (STRUCTS[type] !== undefined) return arbitraryOf(STRUCTS[type]);
  const open = type.indexOf("<");
  const name = type.slice(0, open);
  const inner = type.slice(open + 1, -1);
  const comma = inner.lastIndexOf(",");
  switch (name) {
    case "tail":
      return arbitraryOfType(inner);
    case "u32":
      return fc.integer({ min: 0, max: Number(inner) });
    case "bytes":
      return fixed(Number(inner));
    case "varbytes":
      return fc.uint8Array({ maxLength: Math.min(40, Number(inner)) });
    case "varstr": {
      const [max, min = 0] = inner.split(",").map(Number);
      return fc.uint8Array({ minLength: min, maxLength: Math.min(max!, min + 20) }).map((codes) =>
        String.fromCharCode(...codes)
      );
    }
    case "vector":
      return fc.array(arbitraryOfType(comma < 0 ? inner : inner.slice(0, comma)), { maxLength: 3 });
    default:
      throw new TypeError(`no arbitrary for ${type}`);
  }
}
