/** The compiled program beside btcd: what each says of the same chain, through reorganisations, partitions and deaths. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = 300_000;
/** Calls in one request. */
const PAGE = 500;

suite("gemel beside btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-bitcoin-");
  let btcd: Btcd;
  let gemel: Gemel;

  before(async () => {
    btcd = await Btcd.start({ blocks: 950 });
    await btcd.fill(60, 14);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  const dir = join(folder.path, "node");
  const start = () => Gemel.start({ dir, chain: REGTEST, connect: [btcd.port] });
  /** gemel's hash at every height, and btcd's. */
  const assertSameChain = async (node: Gemel) => {
    const { height } = await btcd.tip();
    for (let from = 0; from <= height; from += PAGE) {
      const heights = Array.from({ length: Math.min(PAGE, height + 1 - from) }, (_, i) => from + i);
      const theirs = await btcd.batch(heights.map((at) => ["getblockhash", [at]] as const));
      assert.deepEqual(await node.btcMany("getblockhash", heights.map((at) => [at])), theirs);
    }
  };

  test("a new node syncs over 1,000 blocks with real transactions: the same hash at every height", {
    timeout: TIMEOUT_MS,
  }, async () => {
    gemel = await start();
    const { best, height } = await btcd.tip();
    assert.ok(height > 1_000);
    await gemel.reachesBlock(best);
    await assertSameChain(gemel);
    const block = await gemel.btc("getblock", [best, 1]) as { nTx: number; tx: string[] };
    const theirs = await btcd.rpc("getblock", [best, 1]) as { tx: string[] };
    assert.deepEqual(block.tx, theirs.tx);
    assert.ok(block.nTx > 5);
  });

  test("it says how far it checks, and when it is synced", { timeout: TIMEOUT_MS }, async () => {
    const status = await until("the word that it is synced", 30_000, async () => {
      const each = await gemel.status("bitcoin");
      return each.synced === true ? each : undefined;
    });
    assert.deepEqual([status.validation, status.agree], ["full", "1/1"]);
    const { events } = { events: await gemel.events(0, ({ topic }) => topic === "bitcoin.sync") };
    for (const topic of ["bitcoin.headers_synced", "bitcoin.block", "bitcoin.sync"]) {
      assert.ok(events.some((event) => event.topic === topic), topic);
    }
  });

  test("new blocks are followed as they are mined", { timeout: TIMEOUT_MS }, async () => {
    for (let i = 0; i < 5; i++) {
      await btcd.generate(1);
      await gemel.reachesBlock((await btcd.tip()).best, 5_000);
    }
  });

  test("a reorganisation of 10 is one event before its blocks", { timeout: TIMEOUT_MS }, async () => {
    const newest = (await gemel.events(0, ({ topic }) => topic === "bitcoin.sync")).at(-1)?.id ?? 0;
    const { best, height, old_best } = await btcd.reorg(10);
    await gemel.reachesBlock(best, 20_000);
    await assertSameChain(gemel);
    const events = await gemel.events(newest, ({ topic, data }) => topic === "bitcoin.block" && data.hash === best);
    const reorg = events.findIndex(({ topic }) => topic === "bitcoin.reorg");
    assert.deepEqual([events[reorg]?.data.depth, events[reorg]?.data.fork_height], [10, height - 11]);
    assert.equal((events[reorg]?.data.old as string[]).at(-1), old_best);
    const [next] = events.slice(reorg + 1);
    assert.deepEqual([next?.topic, next?.data.height, next?.data.reorg], ["bitcoin.block", height - 10, true]);
    const tips = await gemel.btc("getchaintips") as { status: string; branchlen: number }[];
    assert.ok(tips.some(({ status, branchlen }) => status === "valid-fork" && branchlen === 10));
  });

  test("of two nodes that were cut apart it follows the one with more work, before and after they are joined", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const second = await btcd.second();
    const other = await Gemel.start({
      dir: join(folder.path, "two"),
      chain: REGTEST,
      connect: [btcd.port, second.port],
    });
    try {
      await btcd.partition();
      await btcd.generate(3);
      await btcd.generate(5, 2);
      await other.reachesBlock((await btcd.tip(2)).best, 20_000);
      await gemel.reachesBlock((await btcd.tip(1)).best, 20_000);
      await btcd.heal();
      await btcd.generate(1, 2);
      const { best } = await btcd.tip(2);
      await until(
        "the first node's reorganisation",
        60_000,
        async () => (await btcd.tip(1)).best === best ? true : undefined,
      );
      await gemel.reachesBlock(best, 20_000);
      await other.reachesBlock(best, 20_000);
    } finally {
      await other.stop();
    }
  });

  test("killed in mid-sync, and again, it goes on where it stood", { timeout: TIMEOUT_MS }, async () => {
    await btcd.generate(1_500);
    const { best, height } = await btcd.tip();
    const place = join(folder.path, "killed");
    let last = -1;
    let kills = 0;
    while (kills < 3) {
      const node = await Gemel.start({ dir: place, chain: REGTEST, connect: [btcd.port] });
      const begun = Number((await node.status("bitcoin")).height ?? 0);
      assert.ok(begun >= last, `begins at ${begun}, was at ${last}`);
      const reached = await until("some progress", 30_000, async () => {
        const at = Number((await node.status("bitcoin")).height ?? 0);
        return at > begun ? at : undefined;
      });
      last = reached;
      await node.stop("SIGKILL");
      kills += 1;
      if (reached === height) break;
    }
    assert.ok(kills >= 1);
    const node = await Gemel.start({ dir: place, chain: REGTEST, connect: [btcd.port] });
    try {
      await node.reachesBlock(best);
      await assertSameChain(node);
      for (const at of [0, 1, 500, height]) {
        const hash = await btcd.rpc("getblockhash", [at]) as string;
        assert.equal(await node.btc("getblock", [hash, 0]), await btcd.rpc("getblock", [hash, 0]), `block ${at}`);
      }
    } finally {
      await node.stop();
    }
  });

  test("a btcd that knows only gemel syncs the whole chain from it, and follows 20 blocks mined in gemel", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await gemel.stop();
    const port = await freePort();
    gemel = await Gemel.start({
      dir,
      chain: REGTEST,
      args: ["--listen", `127.0.0.1:${port}`, "--connect", `127.0.0.1:${btcd.port}`],
    });
    await gemel.reachesBlock((await btcd.tip()).best, 60_000);
    const fresh = await Btcd.start({ extra: [`--connect=127.0.0.1:${port}`] });
    try {
      const { best } = await btcd.tip();
      await until("the fresh node's tip", 120_000, async () => (await fresh.tip()).best === best ? true : undefined);
      for (let i = 0; i < 20; i++) {
        const [hash] = await gemel.btc("generatetoaddress", [1, "mqaXGiAZw1M7Eua9ZLgoMncoihemppjdNd"]) as string[];
        const began = performance.now();
        await until("the mined block", 2_000, async () => (await fresh.tip()).best === hash ? true : undefined);
        assert.ok(performance.now() - began < 2_000);
      }
    } finally {
      await fresh.stop();
    }
  });
});
