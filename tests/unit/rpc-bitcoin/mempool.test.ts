/** What RPC tells of the mempool, and how transactions are handed in. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { toHex } from "../../../lib/codec/hex.ts";
import { Transaction, wrapInWitnessScriptHash } from "../../../lib/bitcoin/types/mod.ts";
import { input, OP_TRUE, output, pay, type Spendable } from "../bitcoin-chain/ledger.ts";
import { shown, spendingNode } from "./spending-node.ts";

const COIN = 100_000_000n;
const TRUE_HASH = wrapInWitnessScriptHash(OP_TRUE);
const hex = ({ raw }: Transaction) => toHex(raw);
const id = ({ txid }: Transaction) => shown(txid);
const wid = ({ wtxid }: Transaction) => shown(wtxid);

/** Spends a coin of OP_TRUE, or one of the witness program of it, to such programs; the rest of the value is the fee. */
function to(coin: Spendable, values: readonly bigint[], isWitness = false, version = 2): Transaction {
  return Transaction.of({
    version,
    inputs: [input(coin, isWitness ? { witness: [OP_TRUE] } : {})],
    outputs: values.map((value) => ({ value, scriptPubKey: TRUE_HASH })),
    lockTime: 0,
  });
}

type Told = Record<string, unknown>;
const open = () => spendingNode({ mempool: { requiresStandard: false }, transactionIndex: true, rest: true });

describe("sendrawtransaction", () => {
  test("takes a transaction, which is told of as Core tells of it, and is gone from the mempool when a block has it", async () => {
    const { call, coins, add, failure } = await open();
    const parent = to(coins[0]!, [30n * COIN, 20n * COIN - 20_000n]);
    const child = to(output(parent), [30n * COIN - 10_000n], true);
    for (const transaction of [parent, child]) {
      assert.equal(await call("sendrawtransaction", hex(transaction)), id(transaction));
    }
    // Once more is no error: peers are told again.
    assert.equal(await call("sendrawtransaction", hex(parent)), id(parent));

    const info = await call<Told>("getmempoolinfo");
    assert.deepEqual(Object.keys(info), [
      ...["loaded", "size", "bytes", "usage", "total_fee", "maxmempool", "mempoolminfee", "minrelaytxfee"],
      ...["incrementalrelayfee", "unbroadcastcount", "permitbaremultisig", "maxdatacarriersize"],
      ...["limitclustercount", "limitclustersize", "optimal"],
    ]);
    assert.deepEqual(
      [info.loaded, info.size, info.bytes, info.total_fee, info.maxmempool, info.mempoolminfee],
      [true, 2, parent.vsize + child.vsize, 0.0003, 300_000_000, 0.000001],
    );
    assert.equal(info.optimal, false, "nobody has asked for the order");
    assert.deepEqual(new Set(await call<string[]>("getrawmempool")), new Set([id(parent), id(child)]));
    assert.equal((await call<Told>("getmempoolinfo")).optimal, true);
    assert.deepEqual(await call("getrawmempool", false, true), { txids: [id(parent), id(child)], mempool_sequence: 3 });
    const words = "Verbose results cannot contain mempool sequence values.";
    assert.deepEqual(await failure("getrawmempool", true, true), { code: -8, message: words });

    const entry = await call<Told>("getmempoolentry", id(child));
    assert.deepEqual(Object.keys(entry), [
      ...["vsize", "vsize_bip141", "vsize_adjusted", "weight", "time", "height", "descendantcount", "descendantsize"],
      ...["ancestorcount", "ancestorsize", "chunkweight", "wtxid", "fees", "depends", "spentby", "unbroadcast"],
    ]);
    assert.deepEqual(
      [entry.vsize, entry.ancestorcount, entry.ancestorsize, entry.descendantcount, entry.wtxid, entry.depends],
      [child.vsize, 2, parent.vsize + child.vsize, 1, wid(child), [id(parent)]],
    );
    assert.deepEqual(entry.fees, {
      base: 0.0001,
      modified: 0.0001,
      ancestor: 0.0003,
      descendant: 0.0001,
      chunk: 0.0001,
    });
    assert.deepEqual(Object.keys(await call<Told>("getrawmempool", true)).sort(), [id(parent), id(child)].sort());
    assert.deepEqual(await call("getmempoolancestors", id(child)), [id(parent)]);
    assert.deepEqual(Object.keys(await call<Told>("getmempooldescendants", id(parent), true)), [id(child)]);
    assert.deepEqual(await failure("getmempoolentry", "11".repeat(32)), {
      code: -5,
      message: "Transaction not in mempool",
    });

    const cluster = await call<Told>("getmempoolcluster", id(child));
    assert.deepEqual(cluster, {
      clusterweight: parent.weight + child.weight,
      txcount: 2,
      chunks: [
        { chunkfee: 0.0002, chunkweight: parent.weight, txs: [id(parent)] },
        { chunkfee: 0.0001, chunkweight: child.weight, txs: [id(child)] },
      ],
    });
    assert.deepEqual(await call("getmempoolfeeratediagram"), [
      { weight: 0, fee: 0 },
      { weight: parent.weight, fee: 0.0002 },
      { weight: parent.weight + child.weight, fee: 0.0003 },
    ]);

    await add([parent, child]);
    assert.deepEqual(await call("getrawmempool"), []);
    assert.equal((await failure("sendrawtransaction", hex(parent))).message, "Transaction outputs already in utxo set");

    // When the block is taken back they are there again at once.
    await call("invalidateblock", await call("getbestblockhash"));
    assert.deepEqual(await call("getrawmempool"), [id(parent), id(child)]);
  });

  test("refuses with Core's numbers and words", async () => {
    const { failure, call, coins } = await open();
    const told = async (...args: unknown[]) => {
      const { code, message } = await failure("sendrawtransaction", ...args);
      return `${code} ${message}`;
    };
    assert.equal(await told("00"), "-22 TX decode failed. Make sure the tx has at least one input.");
    const missing = to({ txid: new Uint8Array(32).fill(7), vout: 0, value: 0n }, [1_000n]);
    assert.equal(await told(hex(missing)), "-25 bad-txns-inputs-missingorspent");
    const cheap = to(coins[0]!, [50n * COIN]);
    assert.match(await told(hex(cheap)), /^-26 min relay fee not met, 0 < \d+$/);
    const dear = to(coins[0]!, [49n * COIN]);
    const most = "-25 Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
    assert.equal(await told(hex(dear)), most);
    assert.equal(await told(hex(dear), "0.2"), most);
    assert.equal(
      await told(hex(dear), 1),
      "-8 Fee rates larger than or equal to 1BTC/kvB are not accepted",
    );
    assert.equal(await told(hex(dear), true), "-3 Amount is not a number or string");
    assert.equal(await told(hex(dear), "0.123456789"), "-3 Invalid amount");
    assert.equal(await told(hex(dear), -1), "-3 Amount out of range");
    assert.equal(await call("sendrawtransaction", hex(dear), 0), id(dear));
    const burning = pay([coins[1]!], 0n, {
      outputs: [{ value: 1_000n, scriptPubKey: Uint8Array.of(0x6a) }, { value: 49n * COIN, scriptPubKey: OP_TRUE }],
    });
    assert.equal(
      await told(hex(burning), 0),
      "-25 Unspendable output exceeds maximum configured by user (maxburnamount)",
    );
    assert.equal(await call("sendrawtransaction", hex(burning), 0, "1e-5"), id(burning));
  });
});

describe("testmempoolaccept", () => {
  test("judges as if transactions were handed in, alone or together, and takes none", async () => {
    const { call, coins, failure } = await open();
    const parent = to(coins[0]!, [50n * COIN - 20_000n]);
    const child = to(output(parent), [50n * COIN - 30_000n], true);
    const [alone] = await call<Told[]>("testmempoolaccept", [hex(parent)]);
    assert.deepEqual(Object.keys(alone!), [
      "txid",
      "wtxid",
      "allowed",
      "vsize",
      "vsize_bip141",
      "vsize_adjusted",
      "fees",
    ]);
    const rate = Math.floor(20_000 * 1_000 / parent.vsize) / 1e8;
    assert.deepEqual([alone!.allowed, alone!.fees], [true, {
      base: 0.0002,
      "effective-feerate": rate,
      "effective-includes": [wid(parent)],
    }]);
    const [orphan] = await call<Told[]>("testmempoolaccept", [hex(child)]);
    assert.deepEqual(orphan, { txid: id(child), wtxid: wid(child), allowed: false, "reject-reason": "missing-inputs" });
    const both = await call<Told[]>("testmempoolaccept", [hex(parent), hex(child)]);
    assert.deepEqual(both.map(({ allowed }) => allowed), [true, true]);
    const wrong = await call<Told[]>("testmempoolaccept", [hex(child), hex(parent)]);
    assert.equal(wrong[0]!["package-error"], "package-not-sorted");
    const [cheap] = await call<Told[]>("testmempoolaccept", [hex(to(coins[1]!, [50n * COIN]))]);
    assert.equal(cheap!["reject-reason"], "min relay fee not met");
    assert.match(String(cheap!["reject-details"]), /^min relay fee not met, 0 < \d+$/);
    const dear = await call<Told[]>("testmempoolaccept", [hex(parent), hex(child)], 0.00000001);
    assert.deepEqual(dear.map((told) => told["reject-reason"]), ["max-fee-exceeded", undefined]);
    assert.deepEqual(await call("getrawmempool"), []);
    const none = "Array must contain between 1 and 25 transactions.";
    assert.deepEqual(await failure("testmempoolaccept", []), { code: -8, message: none });
    await call("sendrawtransaction", hex(parent));
    const [again] = await call<Told[]>("testmempoolaccept", [hex(parent)]);
    assert.equal(again!["reject-reason"], "txn-already-in-mempool");
  });
});

describe("submitpackage", () => {
  test("has a child pay for its parent, and tells what became of each", async () => {
    const { call, coins, failure } = await open();
    // Only a parent of version 3 may pay nothing.
    const parent = to(coins[0]!, [50n * COIN], false, 3);
    const child = to(output(parent), [50n * COIN - 50_000n], true, 3);
    const told = await call<Told>("submitpackage", [hex(parent), hex(child)]);
    assert.deepEqual(Object.keys(told), ["package_msg", "tx-results", "replaced-transactions"]);
    assert.deepEqual([told.package_msg, told["replaced-transactions"]], ["success", []]);
    const results = told["tx-results"] as Record<string, Told>;
    const rate = Math.floor(50_000 * 1_000 / (parent.vsize + child.vsize)) / 1e8;
    const includes = [wid(parent), wid(child)];
    assert.deepEqual(results[wid(parent)], {
      txid: id(parent),
      vsize: parent.vsize,
      fees: { base: 0, "effective-feerate": rate, "effective-includes": includes },
    });
    assert.deepEqual(results[wid(child)]!.txid, id(child));
    const loose = "package topology disallowed. not child-with-parents or parents depend on each other.";
    const other = to(coins[1]!, [COIN]);
    assert.deepEqual(await failure("submitpackage", [hex(parent), hex(other)]), { code: -25, message: loose });
  });
});

describe("the mempool for callers of other methods", () => {
  test("getrawtransaction, gettxout and REST know what waits for a block", async () => {
    const { call, coins, failure, rest } = await open();
    const parent = to(coins[0]!, [30n * COIN, 20n * COIN - 20_000n]);
    await call("sendrawtransaction", hex(parent));
    assert.equal(await call("getrawtransaction", id(parent)), hex(parent));
    const told = await call<Told>("getrawtransaction", id(parent), 2);
    assert.deepEqual([told.fee, told.hex, "blockhash" in told], [0.0002, hex(parent), false]);
    const coin = shown(coins[0]!.txid);
    assert.equal(await call("gettxout", coin, 0), null);
    assert.equal((await call<Told>("gettxout", coin, 0, false)).value, 50);
    const made = await call<Told>("gettxout", id(parent), 1);
    assert.deepEqual([made.confirmations, made.value, made.coinbase], [0, 19.9998, false]);
    assert.equal(await call("gettxout", id(parent), 1, false), null);
    assert.deepEqual(await call("gettxspendingprevout", [{ txid: coin, vout: 0 }, { txid: coin, vout: 1 }]), [
      { txid: coin, vout: 0, spendingtxid: id(parent) },
      { txid: coin, vout: 1 },
    ]);
    const spent = { txid: coin, vout: 0 };
    const shownSpend = await call("gettxspendingprevout", [spent], { mempool_only: false, return_spending_tx: true });
    assert.deepEqual(shownSpend, [{ ...spent, spendingtxid: id(parent), spendingtx: hex(parent) }]);
    const unspent = { txid: coin, vout: 1 };
    for (
      const [options, expected] of [
        [{ mempool_only: false }, "-1 Mempool lacks a relevant spend, and txospenderindex is unavailable."],
        [{ other: true }, "-3 Unexpected key other"],
      ]
    ) {
      const { code, message } = await failure("gettxspendingprevout", [spent, unspent], options);
      assert.equal(`${code} ${message}`, expected);
    }
    const json = async (path: string) => await (await rest(path)).json() as Told;
    assert.equal((await json("mempool/info.json")).size, 1);
    assert.deepEqual(Object.keys(await json("mempool/contents.json")), [id(parent)]);
    assert.deepEqual(await json("mempool/contents.json?verbose=false"), [id(parent)]);
    assert.equal((await json(`tx/${id(parent)}.json`)).txid, id(parent));
    const utxos = await json(`getutxos/checkmempool/${coin}-0/${id(parent)}-0.json`);
    assert.deepEqual([utxos.bitmap, (utxos.utxos as Told[])[0]!.height], ["01", 0x7fff_ffff]);
  });

  test("prioritisetransaction adds to what a transaction counts as having paid, here or not", async () => {
    const { call, coins, failure } = await open();
    const one = to(coins[0]!, [50n * COIN - 20_000n]);
    const absent = "22".repeat(32);
    await call("sendrawtransaction", hex(one));
    assert.equal(await call("prioritisetransaction", id(one), 0, 5_000), true);
    assert.equal(await call("prioritisetransaction", absent, null, -7), true);
    assert.equal((await failure("prioritisetransaction", absent, 1, 1)).code, -8);
    assert.deepEqual(await call("getprioritisedtransactions"), {
      [id(one)]: { fee_delta: 5_000, in_mempool: true, modified_fee: 25_000 },
      [absent]: { fee_delta: -7, in_mempool: false },
    });
    assert.equal((await call<Record<string, Told>>("getmempoolentry", id(one))).fees!.modified, 0.00025);
  });

  test("prioritisetransaction takes every number of 64 bits, as Core does, and adds no more than all the money", async () => {
    const { call, coins, failure } = await open();
    const transaction = to(coins[0]!, [50n * COIN - 10_000n]);
    await call("sendrawtransaction", hex(transaction));
    for (const delta of [-9_007_199_254_740_992n, 2n ** 63n - 1n, 2n ** 63n - 1n, 1n]) {
      assert.equal(await call("prioritisetransaction", id(transaction), 0, delta), true);
    }
    const told = await call<Record<string, Told>>("getprioritisedtransactions");
    assert.equal(told[id(transaction)]?.fee_delta, 2_100_000_000_000_000);
    const words = "JSON integer out of range";
    assert.deepEqual(await failure("prioritisetransaction", id(transaction), 0, 2n ** 63n), {
      code: -1,
      message: words,
    });
    assert.deepEqual(await failure("prioritisetransaction", id(transaction), 0, 0.5), { code: -1, message: words });
  });

  test("savemempool writes what importmempool takes", async () => {
    const { call, coins, failure } = await open();
    const one = to(coins[0]!, [50n * COIN - 20_000n]);
    await call("sendrawtransaction", hex(one));
    const { filename } = await call<{ filename: string }>("savemempool");
    assert.match(filename, /mempool\.dat$/);
    assert.deepEqual((await failure("importmempool", filename)).code, -10, "blocks are behind the clock");
  });
});

describe("a node without a mempool", () => {
  let failure: Awaited<ReturnType<typeof spendingNode>>["failure"];
  before(async () => ({ failure } = await spendingNode()));

  for (
    const [method, ...args] of [["getmempoolinfo"], ["getrawmempool"], ["savemempool"], ["testmempoolaccept", ["00"]]]
  ) {
    test(`${method as string} says so`, async () => {
      const { code, message } = await failure(
        method as string,
        ...args.slice(0, method === "testmempoolaccept" ? 0 : 1),
      );
      assert.match(`${code} ${message}`, /^-33 Mempool disabled|^-1 testmempoolaccept/);
    });
  }
});
