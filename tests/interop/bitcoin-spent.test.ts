/** The compiled program tells of spent and unspent outputs what btcd tells of the same chain, by JSON-RPC and by REST. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Json } from "../../lib/codec/json.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = 300_000;

interface Output {
  readonly n: number;
  readonly value: number;
  readonly scriptPubKey: { readonly hex: string };
}
interface Told {
  readonly txid: string;
  readonly fee?: number;
  readonly vin: readonly {
    readonly txid?: string;
    readonly vout?: number;
    readonly prevout?: {
      readonly generated: boolean;
      readonly height: number;
      readonly value: number;
      readonly scriptPubKey: { readonly hex: string };
    };
  }[];
  readonly vout: readonly Output[];
}

const satoshi = (value: number) => Math.round(value * 1e8);

suite("spent and unspent outputs beside btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-spent-");
  let btcd: Btcd;
  let gemel: Gemel;
  let port: number;
  let hashes: string[] = [];
  /** btcd's blocks by height. */
  let blocks: (readonly Told[])[] = [];

  before(async () => {
    btcd = await Btcd.start({ blocks: 120 });
    await btcd.fill(40, 14);
    const { best, height } = await btcd.tip();
    const heights = Array.from({ length: height + 1 }, (_, at) => at);
    hashes = await btcd.batch(heights.map((at) => ["getblockhash", [at]])) as string[];
    const told = await btcd.batch(hashes.map((hash) => ["getblock", [hash, 2]])) as { tx?: Told[]; rawtx?: Told[] }[];
    blocks = told.map(({ tx, rawtx }) => (tx ?? rawtx)!);
    port = await freePort();
    gemel = await Gemel.start({
      dir: join(folder.path, "node"),
      chain: REGTEST,
      connect: [btcd.port],
      args: ["--txindex", "--rest", "--btc-rpc-http", `127.0.0.1:${port}`],
    });
    await gemel.reachesBlock(best, 60_000);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  test("prevouts and fees of every block follow from btcd's transactions, and so do the figures", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const made = new Map<string, { readonly output: Output; readonly height: number; readonly generated: boolean }>();
    let spends = 0;
    for (const [height, transactions] of blocks.entries()) {
      const { tx } = await gemel.btc("getblock", [hashes[height]!, 3]) as unknown as { tx: Told[] };
      let fees = 0;
      for (const [i, { txid, vin, vout }] of transactions.entries()) {
        for (const output of vout) made.set(`${txid}:${output.n}`, { output, height, generated: i === 0 });
        if (i === 0) continue;
        let sum = 0;
        for (const [at, input] of vin.entries()) {
          const { output, height, generated } = made.get(`${input.txid}:${input.vout}`)!;
          const { prevout } = tx[i]!.vin[at]!;
          assert.deepEqual(
            [prevout!.value, prevout!.scriptPubKey.hex, prevout!.height, prevout!.generated],
            [output.value, output.scriptPubKey.hex, height, generated],
          );
          sum += satoshi(output.value);
          spends += 1;
        }
        for (const { value } of vout) sum -= satoshi(value);
        assert.equal(satoshi(tx[i]!.fee!), sum);
        fees += sum;
        const one = await gemel.btc("getrawtransaction", [txid, 2]) as unknown as Told;
        assert.deepEqual([one.vin, one.fee], [tx[i]!.vin, tx[i]!.fee]);
      }
      const stats = await gemel.btc("getblockstats", [height]) as Record<string, Json>;
      const inputs = transactions.slice(1).reduce((sum, { vin }) => sum + vin.length, 0);
      const outputs = transactions.reduce((sum, { vout }) => sum + vout.length, 0);
      assert.deepEqual(
        [stats.totalfee, stats.ins, stats.outs, stats.txs, stats.blockhash],
        [fees, inputs, outputs, transactions.length, hashes[height]],
      );
    }
    assert.ok(spends > 500, `${spends} spends`);
  });

  test("scantxoutset finds what gettxout of btcd has, and all of it; proofs are found by it", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const all = blocks.flatMap((transactions) =>
      transactions.flatMap(({ txid, vout }) => vout.map((out) => ({ txid, ...out })))
    );
    const unspent = await btcd.batch(
      all.map(({ txid, n }) => ["gettxout", [txid, n, false]]),
    ) as ({ coinbase: boolean; confirmations: number } | null)[];
    const scripts = [...new Set(all.map(({ scriptPubKey }) => scriptPubKey.hex))].filter((hex) =>
      !hex.startsWith("6a")
    );
    const told = await gemel.btc("scantxoutset", ["start", scripts.map((hex) => `raw(${hex})`)]) as unknown as {
      unspents: {
        txid: string;
        vout: number;
        amount: number;
        coinbase: boolean;
        confirmations: number;
        scriptPubKey: string;
        height: number;
      }[];
    };
    const expected = all.flatMap(({ txid, n, value, scriptPubKey: { hex } }, i) => {
      const found = unspent[i];
      return found === null || found === undefined || hex.startsWith("6a")
        ? []
        : [`${txid} ${n} ${value} ${hex} ${found.coinbase} ${found.confirmations}`];
    });
    const found = told.unspents.map(({ txid, vout, amount, scriptPubKey, coinbase, confirmations }) =>
      `${txid} ${vout} ${amount} ${scriptPubKey} ${coinbase} ${confirmations}`
    );
    assert.ok(found.length > 150, `${found.length} outputs`);
    assert.deepEqual(found.toSorted(), expected.toSorted());
    const { txid, height } = told.unspents[0]!;
    const proof = await gemel.btc("gettxoutproof", [[txid]]);
    assert.equal(proof, await gemel.btc("gettxoutproof", [[txid], hashes[height]!]));
    assert.deepEqual(await gemel.btc("verifytxoutproof", [proof]), [txid]);
  });

  test("REST gives the same, to anybody on this machine", { timeout: TIMEOUT_MS }, async () => {
    const rest = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}/rest/${path}`);
      assert.equal(response.status, 200, path);
      return (await response.text()).trim();
    };
    const at = blocks.length - 10;
    const [raw, filter, header] = await btcd.batch([
      ["getblock", [hashes[at], 0]],
      ["getcfilter", [hashes[at], 0]],
      ["getcfilterheader", [hashes[at], 0]],
    ]) as string[];
    assert.equal(await rest(`block/${hashes[at]}.hex`), raw);
    assert.equal(await rest(`blockpart/${hashes[at]}.hex?offset=0&size=80`), raw!.slice(0, 160));
    assert.equal(await rest(`blockhashbyheight/${at}.hex`), hashes[at]);
    assert.deepEqual(JSON.parse(await rest(`blockfilter/basic/${hashes[at]}.json`)), { filter });
    assert.deepEqual(JSON.parse(await rest(`blockfilterheaders/basic/${hashes[at]}.json?count=1`)), [header]);
    assert.deepEqual(
      JSON.parse(await rest(`block/${hashes[at]}.json`)),
      await gemel.btc("getblock", [hashes[at]!, 3]),
    );
    const { txid } = blocks[at]![1]!;
    assert.equal(await rest(`tx/${txid}.hex`), await btcd.rpc("getrawtransaction", [txid, 0]));
    const { utxos } = JSON.parse(await rest(`getutxos/${blocks[at]![0]!.txid}-0.json`)) as {
      utxos: { value: number }[];
    };
    assert.deepEqual(utxos.map(({ value }) => value), [blocks[at]![0]!.vout[0]!.value]);
    const foreign = await fetch(`http://127.0.0.1:${port}/rest/chaininfo.json`, {
      headers: { origin: "http://evil.example" },
    });
    assert.equal(foreign.status, 403);
  });
});
