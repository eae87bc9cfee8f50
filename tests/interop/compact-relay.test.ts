/**
 * What a transaction goes through, with the compiled program in every place: one node hears of it from btcd, another from
 * that node; the first mines it, and the second puts the block together from its own mempool.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = 300_000;
const TRANSACTIONS = 40;
/** Trickling takes seconds at each step. */
const REACHED_MS = 60_000;
const ADDRESS = "bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t";

suite("blocks of relayed transactions between two nodes", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-compact-");
  let btcd: Btcd;
  let miner: Gemel;
  let follower: Gemel;

  /** The figures of compact blocks, by their names without what is before and after. */
  const figures = async (node: Gemel): Promise<Readonly<Record<string, number>>> => {
    const { text } = await node.send("metrics", "", "GET");
    const lines = text.matchAll(/^gemel_compact_(\w+)_total\{chain="bitcoin"\} (\d+)$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name!, Number(value)]));
  };
  const pooled = async (node: Gemel) => await node.btc("getrawmempool") as string[];
  const has = async (node: Gemel, txids: readonly string[]) =>
    await until("the transactions", REACHED_MS, async () => {
      const there = new Set(await pooled(node));
      return txids.every((txid) => there.has(txid)) ? true : undefined;
    });

  before(async () => {
    btcd = await Btcd.start({ blocks: 950 });
    await btcd.fill(1, 3 * TRANSACTIONS);
    const port = await freePort();
    miner = await Gemel.start({
      ...{ dir: join(folder.path, "miner"), chain: REGTEST, connect: [btcd.port] },
      args: ["--listen", `127.0.0.1:${port}`],
    });
    const { best } = await btcd.tip();
    await miner.reachesBlock(best);
    follower = await Gemel.start({ dir: join(folder.path, "follower"), chain: REGTEST, connect: [port] });
    await follower.reachesBlock(best);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await follower?.stop();
    await miner?.stop();
    await btcd?.stop();
    folder.remove();
  });

  test(
    "are put together from the mempool, and the giver is asked to send the next unasked",
    { timeout: TIMEOUT_MS },
    async () => {
      for (const round of [1, 2, 3]) {
        const sent = await btcd.send(TRANSACTIONS, 1);
        await has(follower, sent);
        const [hash] = await miner.btc("generatetoaddress", [1, ADDRESS]) as string[];
        await follower.reachesBlock(hash!);
        const { tx } = await follower.btc("getblock", [hash!]) as { tx: string[] };
        assert.ok(sent.every((txid) => tx.includes(txid)), `round ${round}`);
        await until(
          "an empty mempool",
          REACHED_MS,
          async () => (await pooled(follower)).length === 0 ? true : undefined,
        );
      }
      const { blocks_rebuilt, transactions_from_mempool, transactions_asked, block_bytes, wire_bytes } = await figures(
        follower,
      );
      assert.deepEqual([blocks_rebuilt, transactions_from_mempool, transactions_asked], [3, 3 * TRANSACTIONS, 0]);
      assert.ok(wire_bytes! < block_bytes! / 10, `${wire_bytes} of ${block_bytes}`);
      const [giver] = await follower.btc("getpeerinfo") as { bip152_hb_to: boolean }[];
      assert.equal(giver!.bip152_hb_to, true);
      const takers = await miner.btc("getpeerinfo") as { bip152_hb_from: boolean; inbound: boolean }[];
      assert.deepEqual(takers.map(({ inbound, bip152_hb_from }) => [inbound, bip152_hb_from]).sort(), [
        [false, false],
        [true, true],
      ]);
      // Once it was first with a block, all come by themselves.
      const { blocks_announced, blocks_answered } = await figures(miner);
      assert.equal(blocks_announced! + blocks_answered!, 3);
      assert.ok(blocks_announced! >= 2);
    },
  );

  test("tell of fees, and what was seen of them is kept", { timeout: TIMEOUT_MS }, async () => {
    const { errors, blocks } = await miner.btc("estimatesmartfee", [2]) as { errors: string[]; blocks: number };
    // Three blocks are too few for any target.
    assert.deepEqual([errors, blocks], [["Insufficient data or no feerate found"], 1]);
    await miner.stop();
    assert.ok(existsSync(join(folder.path, "miner", "regtest", "fee_estimates.dat")));
  });
});
