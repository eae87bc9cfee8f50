/**
 * Transactions through the compiled program: two btcd that know nothing of one another are its peers, and what is sent to one
 * of them is in the other's mempool soon, since the program has taken it and told of it.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { Block, scriptToAddress } from "../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { coinsOf, openOutput, spendOpen } from "../../lib/sim/bitcoin/wallet.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";

const TIMEOUT_MS = 300_000;
/** Of every kind that there is. */
const TRANSACTIONS = 40;
/** Trickling takes seconds, and btcd itself waits as long again. */
const REACHED_MS = 60_000;

suite("transactions between btcd and btcd through gemel", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-relay-");
  let btcd: Btcd;
  let gemel: Gemel;

  before(async () => {
    // Witnesses and Taproot are voted for there.
    btcd = await Btcd.start({ blocks: 950 });
    const second = await btcd.second();
    // What each is to have for its transactions is mined while they are one net.
    await btcd.fill(2, TRANSACTIONS);
    await btcd.partition();
    gemel = await Gemel.start({ dir: join(folder.path, "node"), chain: REGTEST, connect: [btcd.port, second.port] });
    await gemel.reachesBlock((await btcd.tip()).best);
    await until("two peers", 30_000, async () => {
      const peers = await gemel.btc("getpeerinfo") as unknown[];
      return peers.length === 2 ? true : undefined;
    });
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  for (const [from, to] of [[1, 2], [2, 1]] as const) {
    test(`what is sent to node ${from} is in the mempool of node ${to}`, { timeout: TIMEOUT_MS }, async () => {
      const before = new Set(await btcd.mempool(to));
      const sent = await btcd.send(TRANSACTIONS, from);
      assert.deepEqual([sent.length, sent.filter((txid) => before.has(txid))], [TRANSACTIONS, []]);
      let missing: readonly string[] = sent;
      await until("the transactions", REACHED_MS, async () => {
        const there = new Set(await btcd.mempool(to));
        missing = sent.filter((txid) => !there.has(txid));
        return missing.length === 0 ? true : undefined;
      }).catch((thrown) => assert.fail(`${thrown}: ${missing.length} of ${sent.length} are missing`));
      const own = new Set(await gemel.btc("getrawmempool") as string[]);
      assert.deepEqual(sent.filter((txid) => !own.has(txid)), []);
    });
  }

  test("what is sent to gemel is in the mempools of both", { timeout: TIMEOUT_MS }, async () => {
    const output = openOutput("interop");
    const [hash = ""] = await gemel.btc("generatetoaddress", [101, scriptToAddress(output, regtest) ?? ""]) as string[];
    const best = String(await gemel.btc("getbestblockhash"));
    await until("the blocks", REACHED_MS, async () => ((await btcd.tip(1)).best === best ? true : undefined));
    await until("the blocks", REACHED_MS, async () => ((await btcd.tip(2)).best === best ? true : undefined));
    const block = Block.decode(fromHex(String(await gemel.btc("getblock", [hash, 0]))));
    const transaction = spendOpen(coinsOf(block.transactions[0]!), 10_000, 3);
    const txid = toDisplayHex(transaction.txid);
    assert.equal(await gemel.btc("sendrawtransaction", [toHex(transaction.raw)]), txid);
    for (const on of [1, 2]) {
      const isThere = async () => ((await btcd.mempool(on)).includes(txid) ? true : undefined);
      await until(`${txid} at node ${on}`, REACHED_MS, isThere);
    }
    // Somebody has asked for it.
    const entry = await gemel.btc("getmempoolentry", [txid]) as { readonly unbroadcast: boolean };
    assert.equal(entry.unbroadcast, false);
  });

  test("its peers are told of transactions, and count as who gives them", async () => {
    const peers = await gemel.btc("getpeerinfo") as Record<string, unknown>[];
    for (const { relaytxes, last_transaction, last_inv_sequence } of peers) {
      assert.equal(relaytxes, true);
      assert.ok(Number(last_transaction) > 0);
      assert.ok(Number(last_inv_sequence) > TRANSACTIONS);
    }
    const { localrelay, tx_send_rate } = await gemel.btc("getnetworkinfo") as Record<string, unknown>;
    assert.deepEqual([localrelay, tx_send_rate], [true, 14]);
  });
});
