/**
 * Messages by which chains are compared.
 *
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import { Writer } from "../../codec/writer.ts";
import { badValue, type Codec, hash, readCompactSize, struct, u32, vector, writeCompactSize } from "../codec/mod.ts";
import { type BlockHeader, decodeHeader, encodeHeader, HEADER_BYTES } from "../types/header.ts";
import { type AnyMessage, type Message, message } from "./message.ts";

/** Hashes of one locator (Core's MAX_LOCATOR_SZ). */
export const LOCATOR_MAX = 101;
/** Headers of one message (Core's MAX_HEADERS_RESULTS). */
export const HEADERS_MAX = 2_000;

/** `version` is ignored; `locator` from the tip back to genesis; `stop` is zeros for as many as there are. */
const Locator = struct("locator", { version: u32, locator: vector(hash, LOCATOR_MAX), stop: hash });
type Locator = { readonly version: number; readonly locator: readonly Uint8Array[]; readonly stop: Uint8Array };

/** A header with the count of transactions that follows it, which is read and ignored. */
const CountedHeader: Codec<BlockHeader> = {
  type: "header",
  minSize: HEADER_BYTES + 1,
  maxSize: HEADER_BYTES + 1,
  read(reader) {
    const header = decodeHeader(reader);
    readCompactSize(reader);
    return header;
  },
  write(writer, header) {
    encodeHeader(writer, header);
    writer.u8(0);
  },
};

/** As {@link vector}, but the limit is checked first, as Core does: a claim of 2,001 costs the peer whatever follows. */
const Headers: Codec<readonly BlockHeader[]> = {
  type: `headers<${HEADERS_MAX}>`,
  minSize: 1,
  maxSize: 3 + HEADERS_MAX * CountedHeader.maxSize,
  read(reader) {
    const start = reader.offset;
    const count = readCompactSize(reader);
    if (count > HEADERS_MAX) {
      throw new CodecError("limit", `${count} elements where ${HEADERS_MAX} are the most`, start);
    }
    if (count * CountedHeader.minSize > reader.left) {
      throw new CodecError("count", `${count} elements cannot be in ${reader.left} bytes`, start);
    }
    const headers: BlockHeader[] = [];
    try {
      for (let i = 0; i < count; i++) headers.push(CountedHeader.read(reader));
    } catch (thrown) {
      throw within(`[${headers.length}]`, thrown);
    }
    return headers;
  },
  write(writer, headers) {
    if (headers.length > HEADERS_MAX) throw badValue(Headers.type, `a list of ${headers.length}`);
    writeCompactSize(writer, headers.length);
    for (const header of headers) CountedHeader.write(writer, header);
  },
};

/** Asks for hashes of blocks after the last common one; the answer is an `inv` of up to 500. */
export const GetBlocks = message({
  type: "getblocks",
  shortId: 9,
  summary: "Asks for an inventory of blocks after a locator.",
  source: "Bitcoin Core net_processing.cpp",
  excess: "disconnect",
  body: Locator,
});

/** Asks for headers after the last common block. An empty locator asks for the one named by `stop`. */
export const GetHeaders: Message<"getheaders", Locator> = message({
  type: "getheaders",
  shortId: 12,
  summary: "Asks for headers after a locator.",
  source: "Bitcoin Core net_processing.cpp",
  excess: "disconnect",
  replies: (): readonly AnyMessage[] => [HeadersMessage],
  body: Locator,
});

/** Headers of one chain, lowest first. Fewer than {@link HEADERS_MAX} say that there are no more. */
export const HeadersMessage = message({
  type: "headers",
  shortId: 13,
  summary: "Delivers or announces headers.",
  source: "Bitcoin Core net_processing.cpp",
  excess: "discourage",
  body: struct("headers", { headers: Headers }),
});

/** The payload of `headers` from headers of 80 bytes, without objects between: what {@link HeadersMessage} makes of them. */
export function headersPayload(count: number, header: (index: number) => Uint8Array): Uint8Array {
  const writer = new Writer(9 + count * (HEADER_BYTES + 1));
  writeCompactSize(writer, count);
  for (let i = 0; i < count; i++) {
    writer.raw(header(i));
    // The count of transactions, of which there are none.
    writer.u8(0);
  }
  return writer.finish();
}

/** Wants new blocks announced by `headers`. */
export const SendHeaders = message({
  type: "sendheaders",
  summary: "Asks for announcement of blocks by headers.",
  source: "BIP130",
  phase: "early",
  sinceVersion: 70012,
  body: struct("sendheaders", {}),
});
