/** Headers for tests: mined on the spot where the target is easy, and packed as a peer sends them. */
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { checkProofOfWork } from "../../../lib/bitcoin/headers/pow.ts";
import { type BitcoinNetwork, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { type BlockHeader, headerHash, headerToBytes } from "../../../lib/bitcoin/types/header.ts";

/** The bytes of all parts in a row. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The batch of these headers. */
export function batchOf(headers: readonly BlockHeader[]): HeaderBatch {
  return HeaderBatch.fromBytes(concat(...headers.map(headerToBytes)));
}

/** The payload of a `headers` message: at most 2,000 headers of 80 bytes. */
export function headersPayload(headers: readonly Uint8Array[]): Uint8Array {
  const { length } = headers;
  const count = length < 0xfd ? Uint8Array.of(length) : Uint8Array.of(0xfd, length & 0xff, length >> 8);
  return concat(count, ...headers.flatMap((header) => [header, Uint8Array.of(0)]));
}

/** Finds a nonce under which the header satisfies (or, on request, misses) its bits. */
export function solve(header: BlockHeader, network: BitcoinNetwork, wanted = true): BlockHeader {
  for (let nonce = header.nonce;; nonce++) {
    const tried = { ...header, nonce };
    if (checkProofOfWork(headerHash(tried), tried.bits, network.pow) === wanted) return tried;
  }
}

/** What a mined chain is like. */
export interface MineOptions {
  readonly network?: BitcoinNetwork;
  readonly spacing?: number;
  /** Makes branches differ. */
  readonly salt?: number;
  readonly version?: number;
  /** The bits of all headers; the parent's unless told. */
  readonly bits?: number;
}

/** `count` headers above `parent`. */
export function mine(parent: BlockHeader, count: number, options: MineOptions = {}): BlockHeader[] {
  const { network = regtest, spacing = 600, salt = 0, version = 4, bits = parent.bits } = options;
  const chain: BlockHeader[] = [];
  let prev = parent;
  for (let i = 0; i < count; i++) {
    const merkleRoot = new Uint8Array(32).fill(salt & 0xff);
    merkleRoot[0] = i & 0xff;
    merkleRoot[1] = i >> 8;
    prev = solve(
      { version, prevBlockHash: headerHash(prev), merkleRoot, time: prev.time + spacing, bits, nonce: 0 },
      network,
    );
    chain.push(prev);
  }
  return chain;
}
