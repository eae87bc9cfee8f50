/**
 * The rules that the scripts of a block are held to.
 *
 * @see Bitcoin Core `validation.cpp` (GetBlockScriptFlags)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { ScriptFlag } from "../script/flags.ts";

/** What every block is held to, those before the rules were made included: the exceptions are few. */
const ALWAYS = ["P2SH", "WITNESS", "TAPROOT"] as const;

/** The flags of a block, as in `ScriptFlag`. @param hash in wire order */
export function blockScriptFlags(
  { heights, scriptFlagExceptions }: BitcoinNetwork,
  height: number,
  hash: Uint8Array,
): number {
  const name = toHex(hash);
  const exception = scriptFlagExceptions.find((each) => toHex(each.hash) === name);
  let flags = 0;
  for (const flag of exception?.flags ?? ALWAYS) flags |= ScriptFlag[flag];
  if (height >= heights.bip66) flags |= ScriptFlag.DERSIG;
  if (height >= heights.bip65) flags |= ScriptFlag.CHECKLOCKTIMEVERIFY;
  if (height >= heights.csv) flags |= ScriptFlag.CHECKSEQUENCEVERIFY;
  if (height >= heights.segwit) flags |= ScriptFlag.NULLDUMMY;
  return flags;
}
