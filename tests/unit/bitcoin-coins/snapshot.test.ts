/** The bytes of snapshots, by Core's rules. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { coinKey } from "../../../lib/bitcoin/coins/key.ts";
import { decodeSnapshotHead, encodeSnapshotHead, SNAPSHOT_HEAD_BYTES } from "../../../lib/bitcoin/coins/snapshot.ts";
import { SnapshotWriter } from "../../../lib/bitcoin/coins/snapshot-writer.ts";
import { networks, regtest, signet } from "../../../lib/bitcoin/networks/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { entryOf } from "./snapshot-support.ts";

const HEAD = `7574786fff0200fabfb5da${"0a".repeat(32)}2a00000000000000`;
const KNOWN = Object.values(networks);
const decoded = (hex: string) => decodeSnapshotHead(fromHex(hex), regtest, KNOWN);

describe("encodeSnapshotHead()", () => {
  test("writes magic, version, network, block and count, and decodeSnapshotHead() reads them", () => {
    const head = { base: new Uint8Array(32).fill(10), coins: 42n };
    assert.equal(toHex(encodeSnapshotHead(regtest.magic, head)), HEAD);
    assert.equal(HEAD.length, 2 * SNAPSHOT_HEAD_BYTES);
    assert.deepEqual(decoded(`${HEAD}00`), head);
  });
});

describe("decodeSnapshotHead()", () => {
  test("refuses what is of another kind, version or network in Core's words", () => {
    const code = "SNAPSHOT_HEAD_INVALID";
    const refused = (hex: string, message: string | RegExp) => assert.throws(() => decoded(hex), { code, message });
    refused(HEAD.slice(2) + "00", /^Invalid UTXO set snapshot magic bytes\. Please check/);
    for (const version of [0, 1, 3]) {
      refused(
        HEAD.replace("ff0200", `ff0${version}00`),
        `Version of snapshot ${version} does not match any of the supported versions.`,
      );
    }
    const other = `The network of the snapshot (signet) does not match the network of this node (regtest).`;
    refused(HEAD.replace("fabfb5da", toHex(signet.magic)), other);
    refused(HEAD.replace("fabfb5da", "00000000"), /^This snapshot has been created for an unrecognized network\./);
    refused(HEAD.slice(0, -2), "AutoFile::read: end of file");
  });
});

describe("SnapshotWriter", () => {
  test("writes the id of a transaction once, and its outputs in the order of Core's keys", async () => {
    const coin = { value: 5_000_000_000n, scriptPubKey: Uint8Array.of(0x51), height: 3, isCoinbase: false };
    // As VARINTs 16,512 is 808000 and lies between 255, 807f, and 256, 8100; 65,536 is 82ff00, before 16,511, ff7f.
    const outputs = [0, 127, 128, 255, 256, 16_511, 16_512, 65_536];
    const parts: Uint8Array[] = [];
    const file = { append: (bytes: readonly Uint8Array[]) => Promise.resolve(parts.push(...bytes)) };
    const writer = new SnapshotWriter(file);
    for (const [txid, vouts] of [["aa", outputs], ["bb", [7]]] as const) {
      for (const vout of vouts) {
        await writer.take(entryOf(coinKey({ txid: fromHex(txid.repeat(32)), vout }), encodeCoin(coin)));
      }
    }
    await writer.finish();
    assert.equal(writer.coins, 9);
    const bytes = toHex(encodeCoin(coin));
    const sizes = ["00", "7f", "80", "fdff00", "fd8040", "fd0001", "fe00000100", "fd7f40"];
    const first = `${"aa".repeat(32)}08${sizes.map((size) => size + bytes).join("")}`;
    assert.equal(parts.map(toHex).join(""), `${first}${"bb".repeat(32)}0107${bytes}`);
  });
});
