/**
 * Decodes a FullBlock from hex on standard input and prints it as chia-blockchain's RPC would.
 *
 *     printf '%s' "$HEX" | bun examples/decode-block.ts
 *
 * @module
 */
import process from "node:process";
import { chiaTypes, CodecError, fromHex, stringifyJson, toHex } from "../mod.ts";

let text = "";
for await (const chunk of process.stdin) text += chunk;
try {
  const block = chiaTypes.FullBlock.decode(fromHex(text.trim()));
  const headerHash = toHex(chiaTypes.Foliage.hash(block.foliage));
  process.stdout.write(`${stringifyJson({ header_hash: `0x${headerHash}`, ...chiaTypes.FullBlock.toJson(block) })}\n`);
} catch (thrown) {
  if (!(thrown instanceof CodecError)) throw thrown;
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = 65;
}
