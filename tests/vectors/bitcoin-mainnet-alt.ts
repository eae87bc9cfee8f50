/**
 * Rebuilds Bitcoin Core's alternate main chain: 2,016 blocks above genesis, the last of the second retarget period, from
 * the times and nonces in `mainnet_alt.json`. All else about the blocks is fixed (Core's `mining_mainnet.py`).
 */
import { fromHex } from "../../lib/codec/hex.ts";
import { concat } from "../unit/bitcoin-chain/mining.ts";
import { sha256d } from "../../lib/bitcoin/hash.ts";
import { mainnet } from "../../lib/bitcoin/networks/mod.ts";
import { headerHash, headerToBytes } from "../../lib/bitcoin/types/header.ts";
import { bitcoinJson } from "./bitcoin-data.ts";

/** The file's name below the shared data. */
export const MAINNET_ALT = "core/mainnet_alt.json";

const PAY_TO = fromHex("76a914eadbac7f36c37e39361168b7aaee3cb24a25312d88ac");
/** The target after the first period, which was mined in a quarter of its time. */
const BITS_AFTER_RETARGET = 0x1c3fffc0;

/** The height's push as BIP34 wants it, with the filler that Core's test framework puts behind a single opcode. */
function heightScript(height: number): Uint8Array {
  if (height <= 16) return Uint8Array.of(0x50 + height, 0);
  if (height < 0x80) return Uint8Array.of(1, height);
  return Uint8Array.of(2, height & 0xff, height >> 8);
}

/** The coinbase of a height, without witness. */
export function altCoinbase(height: number): Uint8Array {
  const script = heightScript(height);
  return concat(
    fromHex("0200000001"),
    new Uint8Array(32),
    fromHex("ffffffff"),
    Uint8Array.of(script.length),
    script,
    fromHex("ffffffff01"),
    fromHex("00f2052a01000000"),
    Uint8Array.of(PAY_TO.length),
    PAY_TO,
    fromHex("00000000"),
  );
}

/** The headers of heights 1 to 2016, each of 80 bytes. */
export function altHeaders(): Uint8Array[] {
  const { timestamps, nonces } = bitcoinJson<{ timestamps: number[]; nonces: number[] }>(MAINNET_ALT);
  let prevBlockHash = mainnet.genesis.hash;
  return timestamps.map((time, i) => {
    const height = i + 1;
    const header = {
      version: 0x2000_0000,
      prevBlockHash,
      merkleRoot: sha256d(altCoinbase(height)),
      time,
      bits: height < 2016 ? 0x1d00ffff : BITS_AFTER_RETARGET,
      nonce: nonces[i]!,
    };
    prevBlockHash = headerHash(header);
    return headerToBytes(header);
  });
}
