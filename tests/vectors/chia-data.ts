/** Reads the golden data of tests/data/chia. How each file was made is told in its own header. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const folder = new URL("../data/chia/", import.meta.url);

/** The bytes of a gzip file. */
export function goldenBytes(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(new URL(name, folder))));
}

/** The JSON of a gzip file. */
export function goldenJson<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(goldenBytes(name))) as T;
}

/** Splits a `*.bin.gz` of blocks: a u32 length in big-endian before each. */
export function goldenBlocks(name: string): Generator<Uint8Array> {
  return blocksIn(goldenBytes(name));
}

/** Splits bytes in the same form. */
export function* blocksIn(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at);
    yield bytes.subarray(at + 4, end);
    at = end;
  }
}
