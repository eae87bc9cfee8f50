/**
 * Transactions of Bitcoin Core's and other projects' tests: bytes, ids, sizes, and the parts against Core's JSON.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RawOldTx, RawTx } from "@scure/btc-signer/script.js";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { fromDisplayHex, sha256d, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { mainnet } from "../../lib/bitcoin/networks/mod.ts";
import { scriptAsm, scriptTemplate, scriptToAddress, Transaction, TxOutputCodec } from "../../lib/bitcoin/types/mod.ts";
import { bitcoinBytes, bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";

type Row = [prevouts: [txid: string, vout: number, script: string, amount?: number][], hex: string, flags: string];

/** What must hold of any transaction that decodes, however odd. */
function checkWhole(hex: string): Transaction {
  const bytes = fromHex(hex);
  const tx = Transaction.decode(bytes);
  assert.equal(toHex(tx.raw), hex);
  const rebuilt = Transaction.of(tx);
  assert.equal(toHex(rebuilt.raw), hex, "its parts are all there is to it");
  // Another implementation's reading of the same bytes.
  const other = RawTx.decode(bytes);
  assert.equal(toHex(tx.txid), toHex(sha256d(RawOldTx.encode(other))));
  assert.equal(tx.version, other.version >>> 0);
  assert.equal(tx.lockTime, other.lockTime);
  assert.deepEqual(
    tx.inputs.map((
      { prevout, scriptSig, sequence },
    ) => [toDisplayHex(prevout.txid), prevout.vout, toHex(scriptSig), sequence]),
    other.inputs.map((
      { txid, index, finalScriptSig, sequence },
    ) => [toHex(txid), index, toHex(finalScriptSig), sequence]),
  );
  assert.deepEqual(
    tx.outputs.map(({ value, scriptPubKey }) => [value, toHex(scriptPubKey)]),
    other.outputs.map(({ amount, script }) => [BigInt.asIntN(64, amount), toHex(script)]),
  );
  const witnesses = tx.inputs.map(({ witness }) => witness.map(toHex));
  assert.deepEqual(witnesses, other.witnesses?.map((items) => items.map(toHex)) ?? witnesses.map(() => []));
  assert.equal(tx.weight, 3 * tx.stripped.length + bytes.length);
  assert.equal(tx.vsize, Math.ceil(tx.weight / 4));
  assert.deepEqual([tx.inputCount, tx.outputCount], [tx.inputs.length, tx.outputs.length]);
  return tx;
}

describe("Core's tx_valid.json and tx_invalid.json", () => {
  for (const name of ["core/tx_valid.json", "core/tx_invalid.json"]) {
    test(`${name}: all decode, whatever their scripts do`, { skip: bitcoinDataMissing(name) }, () => {
      const rows = bitcoinJson<unknown[]>(name).filter((row): row is Row => Array.isArray(row) && row.length === 3);
      let spent = 0;
      let withoutInputs = 0;
      for (const [prevouts, hex] of rows) {
        const bytes = fromHex(hex);
        if (bytes[4] === 0 && bytes[5] !== 1) {
          // A transaction of no inputs in the old form, which the extended one would misread.
          const tx = Transaction.decode(bytes, { witness: false });
          assert.deepEqual(Transaction.of(tx).raw, bytes);
          assert.equal(tx.inputs.length, 0);
          withoutInputs++;
          continue;
        }
        const tx = checkWhole(hex);
        const known = new Set(prevouts.map(([txid, vout]) => `${txid}:${vout >>> 0}`));
        for (const { prevout } of tx.inputs) if (known.has(`${toDisplayHex(prevout.txid)}:${prevout.vout}`)) spent++;
      }
      assert.ok(rows.length >= 80, `${rows.length} rows`);
      assert.ok(spent >= rows.length - withoutInputs - 5, `${spent} inputs spend what the rows list`);
    });
  }
});

describe("other transactions", () => {
  const file = "core/sighash_part1.json";
  test("the random ones of sighash.json", { skip: bitcoinDataMissing(file) }, () => {
    const rows = bitcoinJson<unknown[][]>(file).filter((row) => row.length === 5);
    for (const [hex] of rows) checkWhole(String(hex));
    assert.ok(rows.length >= 200);
  });

  test("those of btcd's taproot set, with the outputs they spend", {
    skip: bitcoinDataMissing("taproot/script_assets_part1.ndjson"),
  }, () => {
    interface Asset {
      readonly tx: string;
      readonly prevouts: string[];
    }
    const lines = bitcoinText("taproot/script_assets_part1.ndjson").trim().split("\n").slice(0, 300);
    for (const line of lines) {
      const { tx: hex, prevouts } = JSON.parse(line) as Asset;
      const tx = Transaction.decode(fromHex(hex));
      assert.equal(toHex(Transaction.of(tx).raw), hex);
      assert.equal(prevouts.length, tx.inputCount);
      for (const prevout of prevouts) {
        const reader = new Reader(fromHex(prevout));
        TxOutputCodec.read(reader);
        reader.finish();
      }
    }
    assert.ok(lines.length >= 300);
  });

  for (const name of ["tx1", "tx2", "tx3", "tx5", "tx6", "tx8"]) {
    const raw = `tx/bcoin-${name}.raw`;
    test(raw, { skip: bitcoinDataMissing(raw) }, () => {
      checkWhole(toHex(bitcoinBytes(raw)));
    });
  }

  test(
    "one of many inputs, with what it spends behind it",
    { skip: bitcoinDataMissing("btcd/many_inputs_tx.hex") },
    () => {
      const reader = new Reader(fromHex(bitcoinText("btcd/many_inputs_tx.hex").trim()));
      const tx = Transaction.read(reader);
      assert.deepEqual([tx.inputCount, tx.outputCount, reader.offset], [89, 2, 3682]);
      checkWhole(toHex(tx.raw));
    },
  );
});

describe("Core's bitcoin-tx output", () => {
  interface Output {
    readonly txid: string;
    readonly hash: string;
    readonly version: number;
    readonly size: number;
    readonly vsize: number;
    readonly weight: number;
    readonly locktime: number;
    readonly vin: { txid?: string; vout?: number; sequence: number; scriptSig?: { asm: string; hex: string } }[];
    readonly vout: {
      value: number;
      n: number;
      scriptPubKey: { asm: string; hex: string; type: string; address?: string };
    }[];
    readonly hex: string;
  }
  const names = [
    "blanktxv1",
    "blanktxv2",
    "txcreate1",
    "txcreate2",
    "txcreatedata1",
    "txcreatedata2",
    "txcreatedata_seq0",
    "txcreatedata_seq1",
    "txcreatemultisig1",
    "txcreatemultisig2",
    "txcreatemultisig3",
    "txcreatemultisig4",
    "txcreatemultisig5",
    "txcreateoutpubkey1",
    "txcreateoutpubkey2",
    "txcreateoutpubkey3",
  ];
  for (const name of names) {
    const file = `core/util/${name}.json`;
    test(file, { skip: bitcoinDataMissing(file) }, () => {
      const json = bitcoinJson<Output>(file);
      const bytes = fromHex(json.hex);
      const tx = Transaction.decode(bytes, { witness: bytes[4] !== 0 });
      const shown = {
        txid: toDisplayHex(tx.txid),
        hash: toDisplayHex(tx.wtxid),
        version: tx.version,
        size: tx.size,
        vsize: tx.vsize,
        weight: tx.weight,
        locktime: tx.lockTime,
        vin: tx.inputs.map(({ prevout, scriptSig, sequence }) => ({
          txid: toDisplayHex(prevout.txid),
          vout: prevout.vout,
          scriptSig: { asm: scriptAsm(scriptSig, { sighash: true }), hex: toHex(scriptSig) },
          sequence,
        })),
        vout: tx.outputs.map(({ value, scriptPubKey }, n) => ({
          value: Number(value) / 1e8,
          n,
          scriptPubKey: {
            asm: scriptAsm(scriptPubKey),
            hex: toHex(scriptPubKey),
            address: scriptToAddress(scriptPubKey, mainnet),
            type: scriptTemplate(scriptPubKey).type,
          },
        })),
      };
      const expected = {
        txid: json.txid,
        hash: json.hash,
        version: json.version,
        size: json.size,
        vsize: json.vsize,
        weight: json.weight,
        locktime: json.locktime,
        vin: json.vin.map(({ txid, vout, scriptSig, sequence }) => ({ txid, vout, scriptSig, sequence })),
        vout: json.vout.map(({ value, n, scriptPubKey: { asm, hex, address, type } }) => ({
          value,
          n,
          scriptPubKey: { asm, hex, address, type },
        })),
      };
      assert.deepEqual(shown, expected);
      assert.equal(toHex(tx.raw), json.hex);
    });
  }

  test("the hex files decode", { skip: bitcoinDataMissing("core/util/tx394b54bb.hex") }, () => {
    for (const name of ["tx394b54bb", "txreplace1", "txreplaceomittedn", "txreplacesingleinput"]) {
      const tx = checkWhole(bitcoinText(`core/util/${name}.hex`).trim());
      assert.equal(toHex(fromDisplayHex(toDisplayHex(tx.txid))), toHex(tx.txid));
    }
  });
});
