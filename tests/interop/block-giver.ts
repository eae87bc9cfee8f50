/** A peer that gives the blocks of one branch, from an address of its own, and does nothing else. */
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import type { Block } from "../../lib/bitcoin/types/mod.ts";
import { ENVELOPE_BYTES, GetData, packV1, Pong } from "../../lib/bitcoin/wire/mod.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { headersPayload } from "../unit/bitcoin-chain/mining.ts";
import { bitcoinHello, Chance } from "./attackers-bytes.ts";
import { newMeter, type Target, Wire } from "./attackers-wire.ts";

const COMMAND_AT = 4;
const COMMAND_CHARS = 12;
const LENGTH_AT = 16;

const pack = (type: string, payload: Uint8Array) => packV1(regtest.magic, type, payload);

/** Connects from `source`, tells the headers of a branch and gives its blocks when it is asked, until it is sent away. */
export async function giveBlocks(target: Target, source: string, branch: readonly Block[]): Promise<void> {
  const wire = await Wire.open(target, source, newMeter());
  const blocks = new Map(branch.map((block) => [toHex(block.hash), block.raw]));
  const { version, verack } = bitcoinHello(new Chance(branch[0]!.header.nonce + 1));
  let rest = new Uint8Array();
  const answer = async (type: string, payload: Uint8Array) => {
    if (type === "version") await wire.write(verack);
    if (type === "verack") {
      await wire.write(pack("headers", headersPayload(branch.map(({ raw }) => raw.slice(0, 80)))));
    }
    if (type === "ping") await wire.write(pack(Pong.type, payload));
    if (type !== "getdata") return;
    for (const { hash } of GetData.decode(payload).inventory) {
      const raw = blocks.get(toHex(hash));
      if (raw !== undefined) await wire.write(pack("block", raw));
    }
  };
  wire.hear = (bytes) => {
    rest = Uint8Array.of(...rest, ...bytes);
    for (;;) {
      if (rest.length < ENVELOPE_BYTES) return;
      const end = ENVELOPE_BYTES + new DataView(rest.buffer).getUint32(LENGTH_AT, true);
      if (rest.length < end) return;
      const name = new TextDecoder().decode(rest.subarray(COMMAND_AT, COMMAND_AT + COMMAND_CHARS)).replaceAll("\0", "");
      // It may be sent away while it writes.
      answer(name, rest.slice(ENVELOPE_BYTES, end)).catch(() => {});
      rest = rest.slice(end);
    }
  };
  await wire.write(version);
  await wire.end();
}
