/** The search for unspent outputs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BitcoinService } from "../../../lib/bitcoin/service.ts";
import type { CoinReading } from "../../../lib/bitcoin/store.ts";
import { coinKey } from "../../../lib/bitcoin/coins/key.ts";
import { encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { Descriptor } from "../../../lib/rpc/bitcoin/descriptor-scripts.ts";
import { pay } from "../bitcoin-chain/ledger.ts";
import { shown, spendingNode, twoPayments } from "./spending-node.ts";
import { bitcoinNode } from "./support.ts";

const ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";

const COIN = 100_000_000n;

interface Told {
  readonly success: boolean;
  readonly txouts: number;
  readonly height: number;
  readonly bestblock: string;
  readonly unspents: readonly Record<string, unknown>[];
  readonly total_amount: number;
}

describe("scantxoutset", () => {
  test("finds every output of the scripts, in the order of their outpoints, with Core's fields", async () => {
    const { call, add, coins } = await spendingNode();
    const [first, second] = twoPayments(coins);
    const made = await add([first]);
    const told = await call<Told>("scantxoutset", "start", [`addr(${ADDRESS})`]);
    assert.deepEqual(Object.keys(told), ["success", "txouts", "height", "bestblock", "unspents", "total_amount"]);
    const hash = shown(made.hash);
    // 110 coinbases, of which one is spent, and what it pays; the newest block's coinbase.
    assert.deepEqual([told.success, told.txouts, told.height, told.bestblock], [true, 112, 111, hash]);
    assert.deepEqual(told.unspents.map((each) => Object.entries(each)), [[
      ["txid", shown(first.txid)],
      ["vout", 0],
      ["scriptPubKey", "00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260"],
      ["desc", `addr(${ADDRESS})#vch92e55`],
      ["amount", 30],
      ["coinbase", false],
      ["height", 111],
      ["blockhash", hash],
      ["confirmations", 1],
    ]]);
    assert.equal(told.total_amount, 30);
    await add([second]);
    assert.deepEqual((await call<Told>("scantxoutset", "start", [`addr(${ADDRESS})`])).unspents, []);

    const all = await call<Told>("scantxoutset", "start", [{ desc: "raw(51)", range: 5 }, "raw(51)", "raw(52)"]);
    assert.equal(all.unspents.length, 108 + 2 + 2);
    const { txid, height, coinbase, confirmations } = all.unspents.find((each) => each.height === 50)!;
    assert.deepEqual([txid, height, coinbase, confirmations], [shown(coins[49]!.txid), 50, true, 63]);
    const order = all.unspents.map(({ txid }) => String(txid).match(/../g)!.toReversed().join(""));
    assert.deepEqual(order, order.toSorted());
    assert.equal(all.total_amount, 50 * 110 + 50 + 50 - 0.0012);
    const none = await call<Told>("scantxoutset", "start", []);
    assert.deepEqual([none.success, none.unspents, none.total_amount, none.txouts], [true, [], 0, all.txouts]);
  });

  test("looks for the outputs of a range of keys", async () => {
    const { call, add, coins } = await spendingNode();
    const root =
      "tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B";
    const scripts = [0, 150, 1_001].map((index) =>
      new Descriptor(`wpkh(${root}/*)`, regtest).scripts(index)[0]!.script
    );
    await add([
      pay([coins[0]!], 0n, {
        outputs: scripts.map((scriptPubKey, i) => ({ value: BigInt(i + 1) * COIN, scriptPubKey })),
      }),
    ]);
    const found = async (...objects: unknown[]) => {
      const { unspents } = await call<Told>("scantxoutset", "start", objects);
      return unspents.map(({ vout, desc }) => `${vout} ${/\[.*\]/.exec(String(desc))}`);
    };
    const at = (vout: number, index: number) => `${vout} [0c5f9a1e/${index}]`;
    assert.deepEqual(await found(`wpkh(${root}/*)`), [at(0, 0), at(1, 150)]);
    assert.deepEqual(await found({ desc: `wpkh(${root}/*)`, range: [100, 1_001] }), [at(1, 150), at(2, 1_001)]);
    assert.deepEqual(await found({ desc: `wpkh(${root}/150)`, range: [1, 2] }), [at(1, 150)]);
  });

  test("has Core's errors", async () => {
    const { call, failure } = await spendingNode();
    const cases: readonly (readonly [params: unknown[], code: number, message: string])[] = [
      [["begin"], -8, "Invalid action 'begin'"],
      [["start"], -1, "scanobjects argument is required for the start action"],
      [["start", [5]], -8, "Scan object needs to be either a string or an object"],
      [["start", [{}]], -8, "Descriptor needs to be provided in scan object"],
      [["start", ["raw(5)"]], -5, "Raw script is not hex"],
      [["start", [{ desc: "raw(51)", range: -1 }]], -8, "End of range is too high"],
      [
        ["start", [{ desc: "raw(51)", range: [2, 1] }]],
        -8,
        "Range specified as [begin,end] must not have begin after end",
      ],
      [["start", [{ desc: "raw(51)", range: [-1, 2] }]], -8, "Range should be greater or equal than 0"],
      [["start", [{ desc: "raw(51)", range: [0, 2 ** 31] }]], -8, "End of range is too high"],
      [["start", [{ desc: "raw(51)", range: [0, 1_000_000] }]], -8, "Range is too large"],
      [["start", [{ desc: "raw(51)", range: [1] }]], -8, "Range must be specified as end or as [begin,end]"],
      [["start", [{ desc: "raw(51)", range: "1" }]], -8, "Range must be specified as end or as [begin,end]"],
    ];
    for (const [params, code, message] of cases) {
      assert.deepEqual(await failure("scantxoutset", ...params), { code, message }, JSON.stringify(params));
    }
    assert.equal(await call("scantxoutset", "status"), null);
    assert.equal(await call("scantxoutset", "abort"), false);
    const light = await bitcoinNode({ mode: "headers" });
    assert.match((await light.failure("scantxoutset", "start", [])).message, /headers only; --mode full/);
  });

  test("what fails on the way fails the scan, and leaves none running", async () => {
    const failed = new NodeError("DATABASE_DAMAGED", "self", "a file of coins is damaged");
    const reading: CoinReading = { at: 0, transactions: undefined, all: () => Promise.reject(failed) };
    const readCoins: BitcoinService["readCoins"] = (use) => use(reading);
    const { call, failure } = await bitcoinNode({ overrides: { readCoins } });
    assert.deepEqual(await failure("scantxoutset", "start", ["raw(51)"]), {
      code: -1,
      message: "DATABASE_DAMAGED: a file of coins is damaged",
    });
    assert.equal(await call("scantxoutset", "status"), null);
  });

  test("one runs at a time; it tells how far it is, and ends when it is told to, with what it has found", async () => {
    const [reached, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const entries = Array.from({ length: 1_024 }, (_, i) => {
      const txid = new Uint8Array(32);
      txid[0] = i >> 2;
      txid[1] = i << 6;
      return coinKey({ txid, vout: 0 });
    });
    const coin = encodeCoin({ value: 1n, scriptPubKey: Uint8Array.of(0x51), height: 0, isCoinbase: false });
    const reading: CoinReading = {
      at: 0,
      transactions: undefined,
      all: async (take, signal) => {
        for (const [i, key] of entries.entries()) {
          if (i === 600) {
            reached.resolve();
            await going.promise;
          }
          signal?.throwIfAborted();
          await take({ key, keyLength: key.length, bytes: coin, valueAt: 0, valueLength: coin.length });
        }
      },
    };
    const readCoins: BitcoinService["readCoins"] = (use) => use(reading);
    const { call, failure } = await bitcoinNode({ overrides: { readCoins } });
    const running = call<Told>("scantxoutset", "start", ["raw(51)"]);
    await reached.promise;
    assert.deepEqual(await call("scantxoutset", "status"), { progress: 50 });
    assert.deepEqual(await failure("scantxoutset", "start", ["raw(51)"]), {
      code: -8,
      message: 'Scan already in progress, use action "abort" or "status"',
    });
    assert.equal(await call("scantxoutset", "abort"), true);
    going.resolve();
    const { success, txouts, unspents } = await running;
    assert.deepEqual([success, txouts, unspents.length], [false, 600, 600]);
    assert.equal(await call("scantxoutset", "status"), null);
    assert.equal((await call<Told>("scantxoutset", "start", ["raw(51)"])).txouts, 1_024);
  });
});
