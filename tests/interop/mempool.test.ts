/**
 * The mempool of the compiled program beside btcd's: what it takes, what a restart leaves of it, and what it has after a
 * reorganisation of ten blocks that took transactions back.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";

const TIMEOUT_MS = 300_000;
const WAIT_MS = 90_000;
const TRANSACTIONS = 60;
const DEPTH = 10;

suite("the mempool beside btcd's", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-mempool-");
  const dir = join(folder.path, "node");
  let btcd: Btcd;
  let gemel: Gemel;
  const start = () => Gemel.start({ dir, chain: REGTEST, connect: [btcd.port] });
  const own = async () => (await gemel.btc("getrawmempool") as string[]).toSorted();
  const theirs = async () => [...await btcd.mempool()].sort();

  /** Resolves when both have the same transactions: how many. */
  const agree = async (what: string) => {
    let [ours, others]: [readonly string[], readonly string[]] = [[], []];
    await until(what, WAIT_MS, async () => {
      [ours, others] = [await own(), await theirs()];
      return ours.length === others.length && ours.every((id, i) => id === others[i]) ? true : undefined;
    }).catch((thrown) => {
      const missing = others.filter((id) => !ours.includes(id)).length;
      const more = ours.filter((id) => !others.includes(id)).length;
      assert.fail(`${thrown}: ${missing} are missing, and ${more} too many`);
    });
    return ours.length;
  };

  before(async () => {
    // Witnesses and Taproot are voted for there.
    btcd = await Btcd.start({ blocks: 950 });
    await btcd.fill(DEPTH + 2, 8);
    gemel = await start();
    await gemel.reachesBlock((await btcd.tip()).best);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  test("transactions of every kind that btcd takes are taken", { timeout: TIMEOUT_MS }, async () => {
    await btcd.send(TRANSACTIONS);
    assert.equal(await agree("the transactions"), TRANSACTIONS);
  });

  test("a restart leaves them where they were", { timeout: TIMEOUT_MS }, async () => {
    const before = await own();
    await gemel.stop();
    assert.ok(existsSync(join(dir, "regtest", "mempool.dat")), "it is in the network's folder");
    gemel = await start();
    await until("the transactions of the last run", WAIT_MS, async () => {
      return (await own()).length === before.length ? true : undefined;
    });
    assert.deepEqual(await own(), before);
    const { loaded, size } = await gemel.btc("getmempoolinfo") as Record<string, unknown>;
    assert.deepEqual([loaded, size], [true, TRANSACTIONS]);
  });

  test("ten blocks that are taken back give their transactions back", { timeout: TIMEOUT_MS }, async () => {
    const { best } = await btcd.reorg(DEPTH);
    await gemel.reachesBlock(best);
    const count = await agree("the mempools after the reorganisation");
    assert.ok(count > TRANSACTIONS, `${count} transactions`);
  });

  test("a block has what both had", { timeout: TIMEOUT_MS }, async () => {
    await btcd.generate(1);
    const { best } = await btcd.tip();
    await gemel.reachesBlock(best);
    await agree("the mempools after a block");
  });
});
