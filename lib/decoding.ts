/**
 * Messages and structures of both protocols by name, from their bytes to JSON: for people who look at what a peer said, and for
 * tests of other programs.
 *
 * @module
 */
import { messageByType, messages as bitcoinMessages } from "./bitcoin/wire/mod.ts";
import * as bitcoinTypes from "./bitcoin/types/mod.ts";
import { headerCodec } from "./bitcoin/types/header-codec.ts";
import { type PaymentAddressPrefixes, Transaction } from "./bitcoin/types/mod.ts";
import { toDisplayHex } from "./bitcoin/hash.ts";
import * as chiaProtocol from "./chia/protocol/mod.ts";
import * as chiaTypes from "./chia/types/mod.ts";
import { type Codec as ChiaCodec, snakeCase } from "./chia/streamable/mod.ts";
import type { Codec } from "./codec/codec.ts";
import { toHex } from "./codec/hex.ts";
import { type Json, type JsonObject, parseJson } from "./codec/json.ts";
import { Reader } from "./codec/reader.ts";
import { NodeError } from "./core/errors.ts";
import { rpcText } from "./rpc/bitcoin/json.ts";
import { transactionJson } from "./rpc/bitcoin/transaction-json.ts";

/** Something that can be decoded. */
export interface WireType {
  /** By which it is asked for: the reference's name, such as `FullBlock`, `request_block`, `getheaders`, `tx`. */
  readonly name: string;
  readonly chain: "chia" | "bitcoin";
  readonly kind: "message" | "structure";
}

interface Known extends WireType {
  readonly decode: (bytes: Uint8Array, prefixes: PaymentAddressPrefixes) => Json;
}

/** Whether an export is a codec that is known by a name. */
const isNamed = (each: unknown): each is Codec<unknown> & { readonly type: string } =>
  typeof each === "object" && each !== null && "read" in each && "type" in each;

/** All of `bytes`, as one value. @throws CodecError when something is missing, wrong or left over */
function whole<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

/** Whether an export is a struct of Chia. The envelope is decoded with its body instead. */
const isChiaStruct = (each: unknown): each is ChiaCodec<unknown> =>
  isNamed(each) && "toJson" in each && each !== chiaTypes.Message;

const chiaStructures: readonly Known[] = Object.values<unknown>(chiaTypes).filter(isChiaStruct).map((struct) => ({
  ...{ name: struct.type, chain: "chia", kind: "structure" },
  decode: (bytes) => struct.toJson(whole(struct, bytes)),
}));

const chiaMessages: readonly Known[] = chiaProtocol.messages.map(({ name, body }) => ({
  ...{ name, chain: "chia", kind: "message" },
  decode: (bytes) => chiaBody(body, bytes),
}));

/** A body; null for a message that the protocol names and gives none. */
function chiaBody(body: chiaProtocol.Message["body"], bytes: Uint8Array): Json {
  if (body !== null) return body.toJson(body.decode(bytes));
  new Reader(bytes).finish();
  return null;
}

/** The envelope, with the body of a message that is known. */
const chiaEnvelope: Known = {
  ...{ name: "Message", chain: "chia", kind: "structure" },
  decode(bytes) {
    const { type, id, data } = chiaProtocol.decodeEnvelope(bytes);
    const message = chiaProtocol.messageById(type);
    if (message === undefined) return { type, id, data: "0x" + toHex(data) };
    return { type: message.name, id, data: chiaBody(message.body, data) };
  },
};

const bitcoinStructures: readonly Known[] = Object.values<unknown>(bitcoinTypes).filter(isNamed)
  .filter(({ type }) => messageByType(type) === undefined)
  .map((codec): Known => ({
    ...{ name: codec.type, chain: "bitcoin", kind: "structure" },
    decode: (bytes, prefixes) => bitcoinJson(whole(codec, bytes), prefixes),
  }));

const header: Known = {
  ...{ name: "header", chain: "bitcoin", kind: "structure" },
  decode: (bytes) => headerJson(whole(headerCodec, bytes)),
};

const bitcoinWire: readonly Known[] = bitcoinMessages.map(({ type, body }) => ({
  ...{ name: type, chain: "bitcoin", kind: "message" },
  decode: (bytes, prefixes) => bitcoinJson(whole(body, bytes), prefixes),
}));

const known: readonly Known[] = [
  ...[...bitcoinWire, ...bitcoinStructures, header],
  ...[...chiaMessages, ...chiaStructures, chiaEnvelope],
];

/** All that can be decoded. */
export const wireTypes: readonly WireType[] = known.map(({ name, chain, kind }) => ({ name, chain, kind }));

/**
 * The value that the bytes of a type are, as JSON. Integers that a number cannot hold are bigint; bytes are hexadecimal, hashes of
 * Bitcoin in the order in which people write them.
 *
 * @param name as in {@link wireTypes}, with `chia.` or `bitcoin.` before it where both chains have one of the name
 * @param prefixes of the addresses that outputs of Bitcoin are shown with
 * @throws NodeError `TYPE_UNKNOWN`; CodecError when the bytes are not one value of the type
 *
 * @example
 * ```ts
 * import { decodeWire, fromHex, networks } from "gemel";
 *
 * assert.deepEqual(decodeWire("ping", fromHex("0100000000000000"), networks.mainnet), { nonce: 1 });
 * ```
 */
export function decodeWire(name: string, bytes: Uint8Array, prefixes: PaymentAddressPrefixes): Json {
  const [, chain, plain = name] = /^(?:(chia|bitcoin)\.)?(.*)$/.exec(name) ?? [];
  const found = known.filter((each) => each.name === plain && (chain === undefined || each.chain === chain));
  const [first, second] = found;
  if (first === undefined) {
    throw new NodeError("TYPE_UNKNOWN", "self", `there is no ${name}; gemel decode without a type lists all`);
  }
  if (second !== undefined) {
    const names = found.map((each) => `${each.chain}.${each.name}`).join(" or ");
    throw new NodeError("TYPE_UNKNOWN", "self", `${name} is of both chains: ${names}?`);
  }
  return first.decode(bytes, prefixes);
}

/** Fields whose 32 bytes are no hash. */
const NO_HASHES: ReadonlySet<string> = new Set(["filter", "data", "address", "scriptPubKey", "flags"]);

/** A value of Bitcoin's wire. */
function bitcoinJson(value: unknown, prefixes: PaymentAddressPrefixes, field = ""): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string" || typeof value === "number") {
    return value;
  }
  if (typeof value === "bigint") return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  if (value instanceof Uint8Array) {
    return value.length === 32 && !NO_HASHES.has(field) ? toDisplayHex(value) : toHex(value);
  }
  if (value instanceof Transaction) return parseJson(rpcText(transactionJson(value, prefixes, { hex: false })));
  if (value instanceof bitcoinTypes.Block) {
    const { header, transactions, raw } = value;
    return {
      ...headerJson(header),
      size: raw.length,
      tx: transactions.map((each) => bitcoinJson(each, prefixes)),
    };
  }
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    return Array.from(value as ArrayLike<unknown>, (each) => bitcoinJson(each, prefixes, field));
  }
  if (isHeader(value)) return headerJson(value);
  const entries = Object.entries(value as object);
  return Object.fromEntries(entries.map(([name, each]) => [snakeCase(name), bitcoinJson(each, prefixes, name)]));
}

const isHeader = (value: unknown): value is bitcoinTypes.BlockHeader =>
  typeof value === "object" && value !== null && "prevBlockHash" in value && "nonce" in value;

function headerJson(header: bitcoinTypes.BlockHeader): JsonObject {
  return {
    hash: toDisplayHex(bitcoinTypes.headerHash(header)),
    version: header.version,
    previousblockhash: toDisplayHex(header.prevBlockHash),
    merkleroot: toDisplayHex(header.merkleRoot),
    time: header.time,
    bits: (header.bits >>> 0).toString(16).padStart(8, "0"),
    nonce: header.nonce,
  };
}
