/** The coins of a chain with every kind of script, byte for byte as Core's own engine has them in its database. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { readVarInt, writeCompactSize, writeVarInt } from "../../lib/bitcoin/codec/mod.ts";
import { changesOf, outsideInputs } from "../../lib/bitcoin/coins/changes.ts";
import { decodeCoin, encodeCoin } from "../../lib/bitcoin/coins/coin.ts";
import { coinKey, outPointOf } from "../../lib/bitcoin/coins/key.ts";
import { SnapshotWriter } from "../../lib/bitcoin/coins/snapshot-writer.ts";
import { sha256d } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../lib/bitcoin/headers/header-chain.ts";
import { checkProofOfWork } from "../../lib/bitcoin/headers/pow.ts";
import { blockTemplate, coinbaseOf } from "../../lib/bitcoin/mining.ts";
import { networks, regtest } from "../../lib/bitcoin/networks/mod.ts";
import { merkleRoot } from "../../lib/bitcoin/types/merkle.ts";
import { Block, headerToBytes, Transaction, type TxOutput } from "../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { Writer } from "../../lib/codec/writer.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { bitcoinKernel } from "../support/bitcoin-kernel.ts";
import { seed } from "../support/effort.ts";
import { entryOf } from "../unit/bitcoin-coins/snapshot-support.ts";

const SCRIPT = fileURLToPath(new URL("core_coins.py", import.meta.url));

const kernel = bitcoinKernel();
if ("missing" in kernel) process.stdout.write(`skipped: ${kernel.missing}\n`);

/** Scripts of each form that coins have, of forms that they nearly have, and such that are no coins. */
function scriptOf(random: SeededRandom): Uint8Array {
  const key = (compressed: boolean) =>
    secp256k1.getPublicKey(new Uint8Array(32).fill(1 + random.below(200)), compressed);
  const forms: (() => Uint8Array)[] = [
    () => Uint8Array.of(0x76, 0xa9, 20, ...random.bytes(20), 0x88, 0xac),
    () => Uint8Array.of(0xa9, 20, ...random.bytes(20), 0x87),
    () => Uint8Array.of(33, ...key(true), 0xac),
    () => Uint8Array.of(33, 2 + random.below(2), ...random.bytes(32), 0xac),
    () => Uint8Array.of(65, ...key(false), 0xac),
    () => Uint8Array.of(65, 4, ...random.bytes(64), 0xac),
    () => Uint8Array.of(65, 6 + random.below(2), ...key(false).subarray(1), 0xac),
    () => Uint8Array.of(0, 20, ...random.bytes(20)),
    () => Uint8Array.of(0x51, 32, ...random.bytes(32)),
    () => Uint8Array.of(0x6a, 2, ...random.bytes(2)),
    () => random.bytes(random.below(400)),
    () => new Uint8Array(9_999 + random.below(3)).fill(0x51),
  ];
  return random.pick(forms)();
}

/** A chain that Core accepts, and its coins as Core names them: txid ‖ VARINT index. */
function chainOf(random: SeededRandom) {
  const headers = new HeaderChain(regtest);
  const coins = new Map<string, Uint8Array>();
  const raws: string[] = [];
  const coinbases: Transaction[] = [];
  const now = 1_750_000_000;
  let parent = 0;
  const mine = (spends: readonly Transaction[]) => {
    const template = { ...blockTemplate(headers, parent, now), segwit: false };
    const coinbase = coinbaseOf(template, Uint8Array.of(0x51));
    const transactions = [coinbase, ...spends];
    const { version, previousBlockHash: prevBlockHash, time, bits } = template;
    const { root } = merkleRoot(Transaction.computeTxids(transactions));
    let nonce = 0;
    const header = () => ({ version, prevBlockHash, merkleRoot: root, time, bits, nonce });
    while (!checkProofOfWork(sha256d(headerToBytes(header())), bits, regtest.pow)) nonce += 1;
    const block = Block.of(header(), transactions);
    parent = headers.accept(HeaderBatch.fromBytes(headerToBytes(header())), now).last;
    raws.push(toHex(block.raw));
    coinbases.push(coinbase);
    const spent = outsideInputs(block).map((outpoint) => decodeCoin(coins.get(toHex(coinKey(outpoint)))!));
    const changes = changesOf(block, template.height, spent);
    for (const { outpoint } of changes.spent) coins.delete(toHex(coinKey(outpoint)));
    for (const { outpoint, coin } of changes.created) coins.set(toHex(coinKey(outpoint)), encodeCoin(coin));
  };
  const spend = (of: Transaction, vout: number, outputs: readonly TxOutput[]) =>
    Transaction.of({
      version: 2,
      inputs: [{ prevout: { txid: of.txid, vout }, scriptSig: new Uint8Array(), sequence: 0xffff_ffff, witness: [] }],
      outputs,
      lockTime: 0,
    });
  for (let i = 0; i < 120; i++) mine([]);
  for (let i = 0; i < 15; i++) {
    const coinbase = coinbases[i]!;
    const outputs: TxOutput[] = Array.from({ length: i === 7 ? 600 : 60 }, () => ({
      // Round amounts and others.
      value: random.chance(0.3) ? BigInt(random.below(5)) * 1_000_000n : BigInt(random.below(8_000_000)),
      scriptPubKey: scriptOf(random),
    }));
    // So many that the order of Core's keys is another than that of the indices.
    if (i === 9) {
      outputs.push(...Array.from({ length: 17_000 }, () => ({ value: 1n, scriptPubKey: Uint8Array.of(0x51) })));
    }
    const left = outputs.reduce((rest, { value }) => rest - value, coinbase.outputs[0]!.value);
    const one = spend(coinbase, 0, [...outputs, { value: left, scriptPubKey: Uint8Array.of(0x51) }]);
    // One that is made and spent in the same block.
    const two = spend(one, outputs.length, [{ value: left, scriptPubKey: Uint8Array.of(0x52) }]);
    mine(i % 2 === 0 ? [one] : [one, two]);
  }
  const lines = [...coins].map(([key, bytes]) => {
    const { txid, vout } = outPointOf(fromHex(key));
    const writer = new Writer();
    writer.raw(txid);
    writeVarInt(writer, vout);
    return `${toHex(writer.finish())} ${toHex(bytes)}`;
  });
  return { raws, lines: lines.sort(), coins };
}

/** What follows the head of a snapshot, by Core's own keys and coins in the order of its database. */
function snapshotOfCore(lines: readonly string[]): string {
  const byTransaction = new Map<string, string[]>();
  for (const line of lines) {
    const [key, coin] = line.split(" ") as [string, string];
    const txid = key.slice(0, 64);
    const vout = new Writer(5);
    writeCompactSize(vout, readVarInt(new Reader(fromHex(key.slice(64)))));
    byTransaction.set(txid, [...byTransaction.get(txid) ?? [], toHex(vout.finish()) + coin]);
  }
  return [...byTransaction].map(([txid, outputs]) => {
    const count = new Writer(5);
    writeCompactSize(count, outputs.length);
    return txid + toHex(count.finish()) + outputs.join("");
  }).join("");
}

describe("coins beside Core's", () => {
  const skip = "missing" in kernel && kernel.missing;

  test("of snapshots that may be taken have the hashes that Core has in its program", { skip }, async () => {
    assert.ok("library" in kernel);
    const program = await readFile(kernel.library);
    for (const { name, assumedCoins } of Object.values(networks)) {
      assert.ok(assumedCoins.length >= 2, name);
      for (const { height, block, hash } of assumedCoins) {
        assert.ok(program.includes(block) && program.includes(hash), `${name}, height ${height}`);
      }
    }
  });

  test("are the same bytes under the same outpoints", { skip, timeout: 120_000 }, async () => {
    assert.ok("python" in kernel);
    const { raws, lines, coins } = chainOf(new SeededRandom(seed));
    const folder = await mkdtemp(join(tmpdir(), "gemel-core-coins-"));
    try {
      const input = `${raws.join("\n")}\n`;
      const core = spawnSync(kernel.python, [SCRIPT, folder], { encoding: "utf8", input, maxBuffer: 64 * 1024 * 1024 });
      const [height, ...theirs] = core.stdout.trim().split("\n");
      assert.equal(height, String(raws.length), core.stderr);
      assert.ok(lines.length > 1_000);
      assert.deepEqual(theirs.toSorted(), lines);
      const written: Uint8Array[] = [];
      const writer = new SnapshotWriter({ append: (parts) => Promise.resolve(written.push(...parts)) });
      for (const [key, bytes] of [...coins].sort(([a], [b]) => (a < b ? -1 : 1))) {
        await writer.take(entryOf(fromHex(key), bytes));
      }
      await writer.finish();
      assert.ok(written.map(toHex).join("") === snapshotOfCore(theirs), "a snapshot is another one");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
