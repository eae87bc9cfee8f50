/**
 * Two btcd and the compiled program, each the peer of both others: transactions of every kind that are sent to each of the three are
 * in all mempools, each of the three mines them, and after a reorganisation of ten blocks the three agree again.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { effort } from "../support/effort.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = 1_200_000;
const WAIT_MS = 300_000;
const DEPTH = 10;
const RPCAUTH =
  "alice:7d9ba5ae63c3d4dc30583ff4fe65a67e$14b2e8d3de3f55bb1b168d2a317e9ca52e092653ec03a9703636da6162bfd92a";
const ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";
/** Transactions that are sent to each of the three. */
const EACH = Math.ceil(effort("transactions of the triangle", 120, 5_001) / 3);

suite("a triangle of two btcd and gemel", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-triangle-");
  let btcd: Btcd;
  let gemel: Gemel;
  let url = "";
  const own = async () => (await gemel.btc("getrawmempool") as string[]).toSorted();

  /** Resolves when all three have the same transactions: how many. */
  const agree = async (what: string) => {
    let pools: readonly (readonly string[])[] = [];
    await until(what, WAIT_MS, async () => {
      pools = [await own(), [...await btcd.mempool(1)].sort(), [...await btcd.mempool(2)].sort()];
      return pools.every((pool) => pool.join() === pools[0]!.join()) ? true : undefined;
    }).catch((thrown) => assert.fail(`${thrown}: ${pools.map(({ length }) => length).join(", ")} transactions`));
    return pools[0]!;
  };
  /** Resolves when all three are at one tip. */
  const meet = async (best: string) => {
    await gemel.reachesBlock(best, WAIT_MS);
    for (const on of [1, 2]) {
      await until(`node ${on} at the tip`, WAIT_MS, async () => (await btcd.tip(on)).best === best ? true : undefined);
    }
  };
  const send: Readonly<Record<string, () => Promise<readonly string[]>>> = {
    "the first btcd": () => btcd.send(EACH, 1),
    "the second btcd": () => btcd.send(EACH, 2),
    gemel: () => btcd.sendTo(url, EACH),
  };
  const mine: Readonly<Record<string, () => Promise<string>>> = {
    "the first btcd": async () => {
      await btcd.generate(1, 1);
      return (await btcd.tip(1)).best;
    },
    "the second btcd": async () => {
      await btcd.generate(1, 2);
      return (await btcd.tip(2)).best;
    },
    gemel: async () => (await gemel.btc("generatetoaddress", [1, ADDRESS]) as string[])[0]!,
  };

  before(async () => {
    // Witnesses and Taproot are voted for there.
    btcd = await Btcd.start({ blocks: 950 });
    const second = await btcd.second();
    // Coins of every kind for all that is sent, below the blocks that are taken back: what fans out to more than 63 coins
    // would come back as a cluster with all of them, which is more than gemel takes, as Core, and btcd knows no such limit.
    await btcd.send(3 * EACH);
    await btcd.generate(DEPTH + 2);
    const port = await freePort();
    url = `http://alice:secret@127.0.0.1:${port}`;
    gemel = await Gemel.start({
      ...{ dir: join(folder.path, "node"), chain: REGTEST, connect: [btcd.port, second.port] },
      args: ["--btc-rpc-http", `127.0.0.1:${port}`, "--rpcauth", RPCAUTH],
    });
    await meet((await btcd.tip()).best);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  for (const where of Object.keys(send)) {
    test(`what is sent to ${where} reaches the others, and is mined there`, { timeout: TIMEOUT_MS }, async () => {
      const sent = await send[where]!();
      assert.equal(new Set(sent).size, EACH);
      const began = performance.now();
      const pool = new Set(await agree("the transactions"));
      process.stdout.write(
        `${EACH} transactions of ${where}: everywhere after ${Math.round(performance.now() - began)} ms\n`,
      );
      assert.deepEqual(sent.filter((txid) => !pool.has(txid)), []);
      const best = await mine[where]!();
      await meet(best);
      const { tx } = await gemel.btc("getblock", [best]) as { tx: string[] };
      assert.ok(tx.length > 1, "the block has some of them");
      await agree("the mempools after the block");
    });
  }

  test("after ten blocks were taken back the three have the same again", { timeout: TIMEOUT_MS }, async () => {
    assert.deepEqual(await own(), [], "all of them are in blocks");
    const { best } = await btcd.reorg(DEPTH);
    await meet(best);
    const pool = await agree("the mempools after the reorganisation");
    process.stdout.write(`after the reorganisation: ${pool.length} transactions in each\n`);
    assert.equal(pool.length, 3 * EACH);
  });
});
