/** What RPC tells of blocks by the outputs that they spend: fees, prevouts, figures, proofs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { shown, spendingNode, twoPayments } from "./spending-node.ts";
import { bitcoinNode } from "./support.ts";

interface Told {
  readonly fee?: number;
  readonly vin: readonly Record<string, unknown>[];
}

const GENESIS = shown(regtest.genesis.hash);
const OP_TRUE_JSON = { asm: "1", desc: "raw(51)#8lvh9jxk", hex: "51", type: "nonstandard" };

describe("getblock and getrawtransaction with what is spent", () => {
  test("verbosity 2 has fees, 3 the outputs as well, those of the same block too, in Core's places", async () => {
    const { call, add, coins } = await spendingNode();
    const payments = twoPayments(coins);
    const hash = shown((await add(payments)).hash);
    await add();
    const { tx: brief } = await call<{ tx: Told[] }>("getblock", hash, 2);
    const { tx } = await call<{ tx: Told[] }>("getblock", hash, 3);
    for (const each of [brief, tx]) assert.deepEqual(each.map(({ fee }) => fee), [undefined, 0.001, 0.0002]);
    assert.deepEqual(Object.keys(tx[1]!).slice(-3), ["vout", "fee", "hex"]);
    assert.ok(brief.every(({ vin }) => vin.every((input) => !("prevout" in input))));
    assert.ok(!("prevout" in tx[0]!.vin[0]!));
    assert.deepEqual(Object.keys(tx[2]!.vin[0]!), ["txid", "vout", "scriptSig", "txinwitness", "prevout", "sequence"]);
    assert.deepEqual(tx[1]!.vin[0]!.prevout, {
      generated: true,
      height: 1,
      value: 50,
      scriptPubKey: OP_TRUE_JSON,
    });
    const [inside, outside] = tx[2]!.vin.map(({ prevout }) => prevout as Record<string, unknown>);
    assert.deepEqual(Object.keys(inside!), ["generated", "height", "value", "scriptPubKey"]);
    assert.deepEqual([inside!.generated, inside!.height, inside!.value], [false, 111, 30]);
    assert.equal((inside!.scriptPubKey as { type: string }).type, "witness_v0_scripthash");
    assert.deepEqual([outside!.generated, outside!.height, outside!.value], [true, 2, 50]);
    assert.deepEqual(await call("getblock", hash, 9), await call("getblock", hash, 3));

    const txid = shown(payments[1].txid);
    const one = await call<Told & Record<string, unknown>>("getrawtransaction", txid, 1, hash);
    const two = await call<Told & Record<string, unknown>>("getrawtransaction", txid, 2, hash);
    assert.ok(!("fee" in one) && !("prevout" in one.vin[0]!));
    assert.deepEqual([two.vin, two.fee], [tx[2]!.vin, 0.0002]);
    assert.deepEqual(Object.keys(two).slice(-6), ["fee", "hex", "blockhash", "confirmations", "time", "blocktime"]);
    const coinbase = await call<Told>(
      "getrawtransaction",
      shown((await add()).transactions[0]!.txid),
      2,
      await call("getbestblockhash"),
    );
    assert.equal(coinbase.fee, undefined);
  });

  test("without what was spent there are neither fees nor outputs", async () => {
    const { call, mine } = await bitcoinNode();
    const [block] = await mine(1);
    const { tx } = await call<{ tx: Told[] }>("getblock", shown(block!.hash), 3);
    assert.ok(!("fee" in tx[0]!));
    assert.equal((await call<{ tx: unknown[] }>("getblock", GENESIS, 3)).tx.length, 1);
  });
});

describe("getblockstats", () => {
  /** By hand: sizes of 104 and 118 bytes, weights of 416 and 454, 961 and 176 satoshi a vbyte. */
  const expected = (hash: string, mediantime: number, time: number) => ({
    avgfee: 60_000,
    avgfeerate: 551,
    avgtxsize: 111,
    blockhash: hash,
    feerate_percentiles: [176, 176, 176, 961, 961],
    height: 111,
    ins: 3,
    maxfee: 100_000,
    maxfeerate: 961,
    maxtxsize: 118,
    medianfee: 60_000,
    mediantime,
    mediantxsize: 111,
    minfee: 20_000,
    minfeerate: 176,
    mintxsize: 104,
    outs: 6,
    subsidy: 5_000_000_000,
    swtotal_size: 118,
    swtotal_weight: 454,
    swtxs: 1,
    time,
    total_out: 12_999_880_000,
    total_size: 222,
    total_weight: 870,
    totalfee: 120_000,
    txs: 3,
    utxo_increase: 3,
    utxo_size_inc: 190,
    utxo_increase_actual: 1,
    utxo_size_inc_actual: 51,
  });

  test("has Core's figures in Core's order, by hash or height, all or some", async () => {
    const { call, add, coins, failure } = await spendingNode();
    const block = await add(twoPayments(coins));
    const hash = shown(block.hash);
    const { mediantime } = await call<{ mediantime: number }>("getblockheader", hash);
    const told = await call<Record<string, unknown>>("getblockstats", hash);
    const wanted = expected(hash, mediantime, block.header.time);
    assert.deepEqual(told, wanted);
    assert.deepEqual(Object.keys(told), Object.keys(wanted));
    assert.deepEqual(await call("getblockstats", 111), told);
    const some = await call<Record<string, unknown>>("getblockstats", 111, ["txs", "avgfee", "txs", "height"]);
    assert.deepEqual(Object.entries(some), [["avgfee", 60_000], ["height", 111], ["txs", 3]]);
    assert.deepEqual(await call("getblockstats", 111, []), told);

    const errors: readonly (readonly [unknown[], number, string | RegExp])[] = [
      [[-1], -8, "Target block height -1 is negative"],
      [[112], -8, "Target block height 112 after current tip 111"],
      [["11".repeat(32)], -5, "Block not found"],
      [["aa"], -8, "hash_or_height must be of length 64 (not 2, for 'aa')"],
      [[1.5], -1, "JSON integer out of range"],
      [[111, ["avgfee", "aaa"]], -8, "Invalid selected statistic 'aaa'"],
      [[111, ["toString"]], -8, "Invalid selected statistic 'toString'"],
      [[111, [5]], -3, /JSON value of type number is not of expected type string/],
      [[true], -3, /not of expected type string/],
    ];
    for (const [params, code, message] of errors) {
      const error = await failure("getblockstats", ...params);
      assert.equal(error.code, code, JSON.stringify(params));
      assert.match(
        error.message,
        message instanceof RegExp ? message : new RegExp(`^${message.replaceAll(/[()]/g, "\\$&")}$`),
      );
    }
  });

  test("an empty block and genesis, whose output is no coin", async () => {
    const { call } = await spendingNode();
    const empty = await call<Record<string, unknown>>("getblockstats", 5);
    assert.deepEqual(
      [empty.avgfee, empty.avgfeerate, empty.minfee, empty.mintxsize, empty.medianfee, empty.feerate_percentiles],
      [0, 0, 0, 0, 0, [0, 0, 0, 0, 0]],
    );
    // OP_TRUE and the commitment to witnesses; the second is no coin.
    assert.deepEqual(
      [empty.outs, empty.utxo_increase, empty.utxo_size_inc, empty.utxo_increase_actual, empty.utxo_size_inc_actual],
      [2, 2, 139, 1, 51],
    );
    const genesis = await call<Record<string, unknown>>("getblockstats", 0);
    assert.deepEqual(
      [genesis.outs, genesis.utxo_increase, genesis.utxo_size_inc, genesis.utxo_increase_actual],
      [1, 1, 117, 0],
    );
    assert.equal(genesis.utxo_size_inc_actual, 0);
  });

  test("a node that does not know what was spent says so", async () => {
    const { failure, mine } = await bitcoinNode();
    await mine(1);
    assert.deepEqual(await failure("getblockstats", 1), { code: -1, message: "Can't read undo data from disk" });
  });
});

describe("gettxoutproof without a block hash", () => {
  test("finds the block by an output that is not spent, whichever it is", async () => {
    const { call, failure, add, coins } = await spendingNode();
    const [first, second] = twoPayments(coins);
    const block = await add([first, second]);
    await add();
    for (const txids of [[first], [second], [first, second], [second, block.transactions[0]!]]) {
      const ids = txids.map(({ txid }) => shown(txid));
      const proof = await call<string>("gettxoutproof", ids);
      assert.deepEqual((await call<string[]>("verifytxoutproof", proof)).toSorted(), ids.toSorted());
      assert.equal(proof, await call("gettxoutproof", ids, shown(block.hash)));
    }
    // All its outputs are spent, or none was ever a coin.
    const spent = shown(block.transactions[1]!.inputs[0]!.prevout.txid);
    for (const txid of [spent, "11".repeat(32)]) {
      const error = await failure("gettxoutproof", [txid]);
      assert.equal(error.code, -5);
      assert.match(error.message, /^Transaction not yet in block/);
    }
    assert.deepEqual(await failure("gettxoutproof", [shown(first.txid), "11".repeat(32)]), {
      code: -5,
      message: "Not all transactions found in specified or retrieved block",
    });
    // One of them is enough.
    assert.equal(typeof await failure("gettxoutproof", [spent, shown(first.txid)]), "object");
  });
});

describe("gettxout", () => {
  test("refuses an index that no output can have, as Core does", async () => {
    const { failure, call, coins } = await spendingNode();
    const txid = shown(coins[0]!.txid);
    for (const n of [-1, 2 ** 32, 1.5]) {
      assert.deepEqual(await failure("gettxout", txid, n), { code: -1, message: "JSON integer out of range" });
    }
    assert.equal(await call("gettxout", txid, 2 ** 32 - 1), null);
    assert.equal((await call<{ value: number }>("gettxout", txid, 0)).value, 50);
  });
});
