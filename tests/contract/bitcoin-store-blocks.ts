/**
 * Headers and blocks for the tests of Bitcoin stores: well-formed, told apart by a number, without proof of work.
 *
 * @module
 */
import { Writer } from "../../lib/codec/writer.ts";
import { fromHex } from "../../lib/codec/hex.ts";
import type { BitcoinStore, NewBlock, StagedCoins } from "../../lib/bitcoin/store.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { HEADER_BYTES } from "../../lib/bitcoin/types/header.ts";
import { sha256d } from "../../lib/bitcoin/hash.ts";
import type { NewEvent } from "../../lib/storage/events.ts";
import { entriesOf } from "../../lib/storage/runs/entries.ts";

const headers = new Map<number, Uint8Array>();

/** The header of a number; its parent is that of the number below, the first has none. */
export function headerOf(number: number): Uint8Array {
  const known = headers.get(number);
  if (known !== undefined) return known;
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, 4, true);
  if (number > 0) header.set(sha256d(headerOf(number - 1)), 4);
  view.setUint32(68, number, true);
  headers.set(number, header);
  return header;
}

/** The headers `from … to − 1`. */
export function headersOf(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array((to - from) * HEADER_BYTES);
  // Rising, so that none is made by a recursion that is as deep as the chain is long.
  for (let i = 0; i < from; i++) headerOf(i);
  for (let i = from; i < to; i++) bytes.set(headerOf(i), (i - from) * HEADER_BYTES);
  return bytes;
}

/** A transaction that `tag` tells apart, with an output script of so many bytes. */
function transaction(tag: number, scriptBytes: number): Uint8Array {
  const writer = new Writer();
  writer.u32Le(2);
  writer.u8(1);
  writer.raw(new Uint8Array(32).fill(tag));
  writer.u32Le(tag);
  writer.u8(0);
  writer.u32Le(0xffff_ffff);
  writer.u8(1);
  writer.u64Le(BigInt(tag));
  // A length has its shortest form.
  if (scriptBytes < 0xfd) writer.u8(scriptBytes);
  else {
    writer.u8(0xfe);
    writer.u32Le(scriptBytes);
  }
  writer.raw(new Uint8Array(scriptBytes).map((_, i) => (i * 31 + tag) & 0xff));
  writer.u32Le(tag);
  return writer.finish();
}

/** So many bytes, or fewer than 253, can a script of {@link transaction} have. */
const SCRIPT_BYTES = 0x1_0000;

/** The block of a header, with `transactions` transactions; each has some 65 kB, or `scriptBytes`. */
export function rawBlockOf(number: number, transactions = 2, scriptBytes = SCRIPT_BYTES): Uint8Array {
  const writer = new Writer();
  writer.raw(headerOf(number));
  writer.u8(transactions);
  for (let i = 0; i < transactions; i++) writer.raw(transaction(number * 100 + i, scriptBytes));
  return writer.finish();
}

/** A block as the store takes it: row and height are its number. */
export function newBlockOf(number: number, transactions = 2, scriptBytes?: number): NewBlock {
  const raw = rawBlockOf(number, transactions, scriptBytes);
  return { row: number, height: number, hash: sha256d(raw.subarray(0, HEADER_BYTES)), raw };
}

/** The txids of a block. */
export const txidsOf = (block: NewBlock): Uint8Array[] => Block.decode(block.raw).txids();

/** An event that tells its number. */
export const eventOf = (number: number): NewEvent => ({
  topic: "bitcoin.block",
  time: 1_763_721_064_120 + number,
  chain: "bitcoin",
  network: "regtest",
  data: { height: number },
});

/** Lays changes of coins ready, by key in hexadecimal. */
export function staged(
  store: Pick<BitcoinStore, "stageCoins">,
  changed: ReadonlyMap<string, Uint8Array | undefined>,
): Promise<StagedCoins> {
  const sorted = [...changed].sort(([a], [b]) => (a < b ? -1 : 1));
  return store.stageCoins(entriesOf(sorted.map(([key, coin]) => [fromHex(key), coin])));
}
