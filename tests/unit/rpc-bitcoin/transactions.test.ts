import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import type { Block } from "../../../lib/bitcoin/types/mod.ts";
import { bitcoinNode } from "./support.ts";

const GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
const coinbaseOf = (block: Block) => toDisplayHex(block.transactions[0]!.txid);

describe("getrawtransaction", () => {
  test("with a block hash", async () => {
    const { call, failure, mine } = await bitcoinNode();
    const [first, second] = await mine(2);
    const txid = coinbaseOf(first!);
    const hash = toDisplayHex(first!.hash);
    const raw = await call<string>("getrawtransaction", txid, 0, hash);
    assert.equal(raw, toHex(first!.transactions[0]!.raw));
    const decoded = await call<Record<string, unknown>>("getrawtransaction", txid, 1, hash);
    assert.equal(Object.keys(decoded)[0], "in_active_chain");
    assert.deepEqual(
      [decoded.in_active_chain, decoded.txid, decoded.hex, decoded.blockhash, decoded.confirmations],
      [true, txid, raw, hash, 2],
    );
    assert.deepEqual([decoded.time, decoded.blocktime], [first!.header.time, first!.header.time]);
    assert.deepEqual(await call("getrawtransaction", txid, true, hash), decoded);
    assert.deepEqual(await call("getrawtransaction", txid, 2, hash), decoded);
    assert.equal((await failure("getrawtransaction", coinbaseOf(second!), 0, hash)).code, -5);
    assert.deepEqual(await failure("getrawtransaction", txid, 0, "11".repeat(32)), {
      code: -5,
      message: "Block hash not found",
    });
  });

  test("without index and block hash it is told what is missing", async () => {
    const { failure, mine } = await bitcoinNode();
    const [block] = await mine(1);
    const { code, message } = await failure("getrawtransaction", coinbaseOf(block!));
    assert.equal(code, -5);
    assert.match(message, /^No such mempool transaction\. Use -txindex or provide a block hash/);
  });

  test("with the index", async () => {
    const { call, failure, mine } = await bitcoinNode({ transactionIndex: true });
    const [block] = await mine(3);
    const decoded = await call<Record<string, unknown>>("getrawtransaction", coinbaseOf(block!), 1);
    assert.deepEqual([decoded.blockhash, decoded.confirmations], [toDisplayHex(block!.hash), 3]);
    assert.equal(Object.hasOwn(decoded, "in_active_chain"), false);
    assert.equal((await failure("getrawtransaction", "11".repeat(32))).code, -5);
    assert.deepEqual(await call("getindexinfo"), { txindex: { synced: true, best_block_height: 3 } });
    assert.deepEqual(await call("getindexinfo", "coinstatsindex"), {});
  });

  test("a block that is not on the chain: in_active_chain is false", async () => {
    const { call, mine, bitcoin } = await bitcoinNode();
    const [other] = await (await bitcoinNode()).mine(1, Uint8Array.of(0x52));
    await mine(2);
    await bitcoin.submitBlock(other!.raw);
    const decoded = await call<Record<string, unknown>>(
      "getrawtransaction",
      coinbaseOf(other!),
      1,
      toDisplayHex(other!.hash),
    );
    assert.deepEqual([decoded.in_active_chain, decoded.confirmations, decoded.time], [false, 0, undefined]);
  });

  test("the coinbase of genesis is none", async () => {
    const { failure } = await bitcoinNode({ transactionIndex: true });
    const { merkleroot } = await (await bitcoinNode()).call<{ merkleroot: string }>("getblockheader", GENESIS);
    assert.match((await failure("getrawtransaction", merkleroot, 0, GENESIS)).message, /genesis block coinbase/);
  });
});

describe("decoderawtransaction", () => {
  test("amounts keep their decimals", async () => {
    const { post, mine } = await bitcoinNode();
    const [block] = await mine(1);
    const body = JSON.stringify({
      method: "decoderawtransaction",
      params: [toHex(block!.transactions[0]!.raw)],
      id: 1,
    });
    const text = await (await post(body)).text();
    assert.match(text, /"value":50\.00000000,"n":0/);
    assert.match(text, /"value":0\.00000000,"n":1/);
    assert.match(text, /"txinwitness":\["0{64}"\],"sequence":4294967295/);
    assert.ok(!text.includes('"hex":"02000000'), "the whole transaction is not repeated");
  });

  test("iswitness chooses the form; what is no transaction is −22", async () => {
    const { call, failure, mine } = await bitcoinNode();
    const [block] = await mine(1);
    const [coinbase] = block!.transactions;
    const raw = toHex(coinbase!.raw);
    const auto = await call<Record<string, unknown>>("decoderawtransaction", raw);
    assert.equal(auto.txid, toDisplayHex(coinbase!.txid));
    assert.equal(auto.hash, toDisplayHex(coinbase!.wtxid));
    assert.deepEqual(await call("decoderawtransaction", raw, true), auto);
    for (const bad of [[raw, false], [raw.slice(2)], [raw + "00"], ["zz"], [""], ["0"]]) {
      assert.deepEqual(await failure("decoderawtransaction", ...bad), { code: -22, message: "TX decode failed" });
    }
    // No inputs and one output: the marker of the other form. Only without witness does it make sense.
    const noInputs = "0100000000010100000000000000015100000000";
    const decoded = await call<{ vin: unknown[]; vout: unknown[] }>("decoderawtransaction", noInputs, false);
    assert.deepEqual([decoded.vin.length, decoded.vout.length], [0, 1]);
    assert.deepEqual(await call("decoderawtransaction", noInputs), decoded);
  });
});

describe("proofs", () => {
  test("what gettxoutproof makes, verifytxoutproof accepts", async () => {
    const { call, mine } = await bitcoinNode();
    const [block] = await mine(2);
    const txid = coinbaseOf(block!);
    const proof = await call<string>("gettxoutproof", [txid], toDisplayHex(block!.hash));
    assert.equal(proof.slice(0, 160), toHex(block!.raw.slice(0, 80)));
    assert.equal(proof.slice(160), `01000000${"01"}${toHex(block!.transactions[0]!.txid)}0101`);
    assert.deepEqual(await call("verifytxoutproof", proof), [txid]);
  });

  test("a proof that was tampered with proves nothing", async () => {
    const { call, failure, mine } = await bitcoinNode();
    const [block] = await mine(1);
    const bytes = fromHex(await call<string>("gettxoutproof", [coinbaseOf(block!)], toDisplayHex(block!.hash)));
    const changed = (at: number) => {
      const copy = bytes.slice();
      copy[at]! ^= 1;
      return toHex(copy);
    };
    assert.deepEqual(await call("verifytxoutproof", changed(90)), [], "another txid");
    assert.deepEqual(await call("verifytxoutproof", changed(80)), [], "no transactions");
    assert.deepEqual(await failure("verifytxoutproof", changed(76)), { code: -5, message: "Block not found in chain" });
    assert.equal((await failure("verifytxoutproof", toHex(bytes.slice(0, 100)))).code, -1);
    assert.equal((await failure("verifytxoutproof", "xyz")).code, -8);
  });

  test("with the index no block hash is needed", async () => {
    const { call, failure, mine } = await bitcoinNode({ transactionIndex: true });
    const [block] = await mine(2);
    const proof = await call<string>("gettxoutproof", [coinbaseOf(block!)]);
    assert.deepEqual(await call("verifytxoutproof", proof), [coinbaseOf(block!)]);
    assert.deepEqual(await failure("gettxoutproof", ["11".repeat(32)]), {
      code: -5,
      message: "Transaction not yet in block",
    });
  });

  test("txids that do not fit together", async () => {
    const { failure, mine } = await bitcoinNode();
    const [one, two] = await mine(2);
    const hash = toDisplayHex(one!.hash);
    assert.equal((await failure("gettxoutproof", [], hash)).code, -8);
    assert.equal((await failure("gettxoutproof", [coinbaseOf(one!), coinbaseOf(one!)], hash)).code, -8);
    assert.equal((await failure("gettxoutproof", [coinbaseOf(one!), coinbaseOf(two!)], hash)).code, -5);
    assert.equal((await failure("gettxoutproof", [5], hash)).code, -3);
    assert.equal((await failure("gettxoutproof", [coinbaseOf(one!)])).code, -5);
  });
});

describe("decodescript", () => {
  test("of nothing", async () => {
    const { call } = await bitcoinNode();
    const script = await call<Record<string, unknown>>("decodescript", "");
    assert.deepEqual([script.asm, script.desc, script.type], ["", "raw()#58lrscpx", "nonstandard"]);
  });

  test("a multisig is described with its keys, also inside of its witness output", async () => {
    const { call } = await bitcoinNode();
    const key = "02a5613bd857b7048924264d1e70e08fb2a7e6527d32b7ab1bb993ac59964ff397";
    const script = await call<{ desc: string; segwit: { desc: string; type: string } }>(
      "decodescript",
      `5121${key}51ae`,
    );
    assert.match(script.desc, new RegExp(`^multi\\(1,${key}\\)#`));
    assert.match(script.segwit.desc, new RegExp(`^wsh\\(multi\\(1,${key}\\)\\)#`));
    assert.equal(script.segwit.type, "witness_v0_scripthash");
  });

  test("an uncompressed key has no witness output", async () => {
    const { call } = await bitcoinNode();
    const script = await call<Record<string, unknown>>("decodescript", `41${"04" + "11".repeat(64)}ac`);
    assert.equal(script.type, "pubkey");
    assert.equal(Object.hasOwn(script, "segwit"), false);
    assert.equal(typeof script.p2sh, "string");
  });
});
