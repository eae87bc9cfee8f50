/**
 * Decoded scripts, transactions, addresses and blocks, held against what Bitcoin Core printed of them.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { mainnet, networks, regtest } from "../../lib/bitcoin/networks/mod.ts";
import type { BitcoinNetwork } from "../../lib/bitcoin/networks/network.ts";
import { Block, Transaction } from "../../lib/bitcoin/types/mod.ts";
import { descriptorChecksum } from "../../lib/rpc/bitcoin/descriptor.ts";
import { rpcText } from "../../lib/rpc/bitcoin/json.ts";
import { decodedScript } from "../../lib/rpc/bitcoin/script-json.ts";
import { transactionFromHex, transactionJson } from "../../lib/rpc/bitcoin/transaction-json.ts";
import { bitcoinNode } from "../unit/rpc-bitcoin/support.ts";
import { bitcoinBytes, bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";

const withoutSpaces = (json: string) => json.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");

describe("decodescript", () => {
  const file = "core/rpc_decodescript.json";
  test("as Core's functional test has it", { skip: bitcoinDataMissing(file) }, () => {
    const cases = bitcoinJson<[string, unknown][]>(file);
    assert.ok(cases.length >= 10);
    for (const [hex, expected] of cases) {
      assert.deepEqual(JSON.parse(rpcText(decodedScript(fromHex(hex), regtest))), expected, hex);
    }
  });
});

describe("decoded transactions", () => {
  const folder = "core/util";
  test("character for character as bitcoin-tx -json prints them", { skip: bitcoinDataMissing(folder) }, () => {
    const names = readdirSync(new URL(`../../../shared/vectors/bitcoin/${folder}/`, import.meta.url))
      .filter((name) => /^(?:tx|blanktx).*\.json$/.test(name));
    assert.ok(names.length >= 12, `${names.length} files`);
    for (const name of names) {
      const expected = bitcoinText(`${folder}/${name}`);
      const { hex } = JSON.parse(expected) as { hex: string };
      // What has no inputs was read back by bitcoin-tx in the form that it was written in.
      const transaction = transactionFromHex(hex);
      assert.ok(transaction !== undefined, name);
      assert.equal(
        rpcText(transactionJson(transaction, mainnet, { hex: true })),
        withoutSpaces(expected),
        name,
      );
    }
  });
});

describe("validateaddress", () => {
  const file = "core/key_io_valid.json";
  test(
    "knows the addresses of every network, and takes none for another's",
    { skip: bitcoinDataMissing(file) },
    async () => {
      const cases = bitcoinJson<[string, string, { chain: string; isPrivkey: boolean }][]>(file)
        .filter(([, , { isPrivkey }]) => !isPrivkey);
      assert.ok(cases.length > 40);
      for (const network of Object.values<BitcoinNetwork>(networks)) {
        const { call } = await bitcoinNode({ network });
        for (const [address, script, { chain }] of cases) {
          const answer = await call<Record<string, unknown>>("validateaddress", address);
          if (chain === network.chain) {
            assert.deepEqual([answer.isvalid, answer.scriptPubKey, answer.address], [true, script, address]);
          } else if (chain === "main" || network.chain === "main") assert.equal(answer.isvalid, false, address);
        }
        assert.equal((await call<{ isvalid: boolean }>("validateaddress", "invalid")).isvalid, false);
      }
    },
  );
});

/** A packed file, or why it cannot be read. */
const packedMissing = (name: string) =>
  bitcoinDataMissing(name) || (spawnSync("bzip2", ["--help"]).status === 0 ? false : "no bzip2 on this machine");

describe("a real chain", () => {
  const file = "btcd/blocks1-256.bz2";
  test("mainnet blocks 1 to 170 by getblock, getrawtransaction and proofs", { skip: packedMissing(file) }, async () => {
    const bytes = new Uint8Array(execFileSync("bzip2", ["-dc"], { input: bitcoinBytes(file), maxBuffer: 1 << 26 }));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const { call, bitcoin } = await bitcoinNode({ network: mainnet, transactionIndex: true });
    for (let at = 0, height = 1; height <= 170; height++) {
      const length = view.getUint32(at + 4, true);
      assert.equal((await bitcoin.submitBlock(bytes.slice(at + 8, at + 8 + length))).kind, "accepted");
      at += 8 + length;
    }
    // The block of the first payment, from Satoshi to Hal Finney.
    const hash = "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee";
    const txid = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16";
    const coinbase = "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082";
    const { mediantime, coinbase_tx: _coinbase, ...block } = await call<Record<string, unknown>>("getblock", hash, 1);
    assert.deepEqual(block, {
      hash,
      confirmations: 1,
      height: 170,
      version: 1,
      versionHex: "00000001",
      merkleroot: "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff",
      time: 1231731025,
      nonce: 1889418792,
      bits: "1d00ffff",
      target: "00000000ffff" + "00".repeat(26),
      difficulty: 1,
      chainwork: "ab00ab00ab".padStart(64, "0"),
      nTx: 2,
      previousblockhash: "000000002a22cfee1f2c846adbd12b3e183d4f97683f85dad08a79780a84bd55",
      strippedsize: 490,
      size: 490,
      weight: 1960,
      tx: [coinbase, txid],
    });
    assert.ok((mediantime as number) < 1231731025);
    type Decoded = { vin: { scriptSig: { asm: string } }[]; vout: { value: number; scriptPubKey: { type: string } }[] };
    const payment = await call<Decoded & Record<string, unknown>>("getrawtransaction", txid, 1);
    assert.deepEqual([payment.blockhash, payment.confirmations, payment.size], [hash, 1, 275]);
    assert.match(payment.vin[0]!.scriptSig.asm, /^304402[0-9a-f]+\[ALL\]$/);
    assert.deepEqual(payment.vout.map(({ value, scriptPubKey }) => [value, scriptPubKey.type]), [
      [10, "pubkey"],
      [40, "pubkey"],
    ]);
    const proof = await call<string>("gettxoutproof", [txid]);
    assert.deepEqual(await call("verifytxoutproof", proof), [txid]);
    assert.deepEqual(await call("verifytxoutproof", await call("gettxoutproof", [txid, coinbase], hash)), [
      coinbase,
      txid,
    ]);
  });

  const large = "blocks/rust-mainnet-c835b2ad.raw";
  test("every transaction of a block of today decodes, with the amounts of its bytes", {
    skip: bitcoinDataMissing(large),
  }, () => {
    const { transactions } = Block.decode(bitcoinBytes(large));
    assert.ok(transactions.length > 1_000);
    for (const transaction of transactions) {
      const text = rpcText(transactionJson(transaction, mainnet, { hex: true }));
      const decoded = JSON.parse(text) as { txid: string; hex: string; vout: { scriptPubKey: { desc: string } }[] };
      assert.equal(decoded.txid, toDisplayHex(transaction.txid));
      assert.equal(decoded.hex, toHex(transaction.raw));
      const amounts = [...text.matchAll(/"value":([0-9]+)\.([0-9]{8}),/g)].map(([, whole, part]) =>
        BigInt(whole! + part!)
      );
      assert.deepEqual(amounts, transaction.outputs.map(({ value }) => value));
      for (const { scriptPubKey: { desc } } of decoded.vout) {
        assert.equal(desc.slice(-8), descriptorChecksum(desc.slice(0, -9)));
      }
      const again = transactionFromHex(decoded.hex);
      assert.equal(toHex(again!.txid), toHex(Transaction.decode(transaction.raw).txid));
    }
  });
});
