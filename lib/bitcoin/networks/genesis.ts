/**
 * The first block of a network, built from the few numbers in which networks differ.
 *
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { fromDisplayHex, sha256d, toDisplayHex } from "../hash.ts";
import { type BlockHeader, encodeHeader, HEADER_BYTES } from "../types/header.ts";

/** The first block of a network. */
export interface GenesisBlock {
  readonly header: Readonly<BlockHeader>;
  /** Wire order. */
  readonly hash: Bytes32;
  /** The 80 bytes of the header. */
  readonly headerBytes: Uint8Array;
  /** The whole block: header, a count of 1 and the coinbase transaction, whose output cannot be spent. */
  readonly blockBytes: Uint8Array;
}

/** In what genesis blocks differ. */
export interface GenesisSpec {
  /** Text in the coinbase's input. */
  readonly message: string;
  /** Public key that the coinbase pays to. */
  readonly outputKey: Uint8Array;
  readonly time: number;
  readonly bits: number;
  readonly nonce: number;
  /** What the built block must hash to, in display order. */
  readonly hash: string;
}

/** The text of all genesis blocks but testnet4's. */
export const SATOSHI_MESSAGE = "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks";
/** The key that all genesis blocks but testnet4's pay to. */
export const SATOSHI_KEY = fromHex(
  "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6" +
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f",
);

const SUBSIDY = 5_000_000_000n;
const OP_PUSHDATA1 = 0x4c;
const OP_CHECKSIG = 0xac;

function push(writer: Writer, data: Uint8Array): void {
  if (data.length >= OP_PUSHDATA1) writer.u8(OP_PUSHDATA1);
  writer.u8(data.length);
  writer.raw(data);
}

function coinbase(message: string, outputKey: Uint8Array): Uint8Array {
  const script = new Writer(128);
  push(script, fromHex("ffff001d")); // 486604799, the bits of the main network, in every network
  push(script, Uint8Array.of(4));
  push(script, Writer.utf8(message));
  const payTo = new Writer(80);
  push(payTo, outputKey);
  payTo.u8(OP_CHECKSIG);

  const tx = new Writer(256);
  tx.u32Le(1);
  tx.u8(1);
  tx.raw(new Uint8Array(32));
  tx.u32Le(0xffff_ffff);
  tx.u8(script.length);
  tx.raw(script.view());
  tx.u32Le(0xffff_ffff);
  tx.u8(1);
  tx.u64Le(SUBSIDY);
  tx.u8(payTo.length);
  tx.raw(payTo.view());
  tx.u32Le(0);
  return tx.finish();
}

/**
 * Builds a genesis block.
 * @throws Error when it does not hash to what is expected: a wrong parameter must not start a chain of its own
 * @see Bitcoin Core `kernel/chainparams.cpp`, CreateGenesisBlock
 */
export function genesisBlock(spec: GenesisSpec): GenesisBlock {
  const transaction = coinbase(spec.message, spec.outputKey);
  const header: BlockHeader = {
    version: 1,
    prevBlockHash: new Uint8Array(32),
    merkleRoot: sha256d(transaction), // of a single transaction the root is its txid
    time: spec.time,
    bits: spec.bits,
    nonce: spec.nonce,
  };
  const writer = new Writer(512);
  encodeHeader(writer, header);
  writer.u8(1);
  writer.raw(transaction);
  const blockBytes = writer.finish();
  const headerBytes = blockBytes.subarray(0, HEADER_BYTES);
  const hash = sha256d(headerBytes);
  if (toDisplayHex(hash) !== spec.hash) throw new Error(`genesis hashes to ${toDisplayHex(hash)}, not ${spec.hash}`);
  return { header, hash: fromDisplayHex(spec.hash), headerBytes, blockBytes };
}
