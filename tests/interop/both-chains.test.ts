/** One process, both networks: the compiled program beside chia-blockchain's simulator and btcd at once. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { binaryMissing, Gemel, suite, temporaryFolder } from "./binary.ts";
import { bothChains } from "./both-peers.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

suite("both chains in one process", binaryMissing() ?? btcdMissing() ?? simulatorMissing(), () => {
  const folder = temporaryFolder("gemel-both-");
  after(() => folder.remove());

  test("simulator0 and regtest are followed side by side, with one event log", { timeout: 300_000 }, async () => {
    const simulator = await Simulator.start();
    const btcd = await Btcd.start({ blocks: 120 });
    await simulator.farm(5);
    const dir = join(folder.path, "node");
    const start = () =>
      Gemel.start({
        dir,
        chain: bothChains({ simulator, btcd }),
      });
    let gemel = await start();
    try {
      await gemel.reaches((await simulator.peak()).header_hash);
      await gemel.reachesBlock((await btcd.tip()).best);
      await simulator.farm(3);
      await btcd.generate(3);
      await gemel.reaches((await simulator.peak()).header_hash);
      await gemel.reachesBlock((await btcd.tip()).best);
      assert.equal(await gemel.btc("getblockcount"), 123);
      const { peers } = await gemel.get("v1/peers") as { peers: { chain: string }[] };
      assert.deepEqual(peers.map(({ chain }) => chain).sort(), ["bitcoin", "chia"]);

      await gemel.stop("SIGKILL");
      gemel = await start();
      await btcd.generate(1);
      await simulator.farm(1);
      const { best } = await btcd.tip();
      const { header_hash } = await simulator.peak();
      await gemel.reachesBlock(best);
      await gemel.reaches(header_hash);
      const seen = new Set<string>();
      const events = await gemel.events(0, ({ topic, data }) => {
        if (topic.endsWith(".block")) seen.add(String(data.hash ?? data.header_hash));
        return seen.has(best) && seen.has(header_hash);
      });
      assert.deepEqual(events.map(({ id }) => id), Array.from(events, (_, i) => i + 1), "ids rise by one");
      const heights = (topic: string) => events.filter((each) => each.topic === topic).map(({ data }) => data.height);
      assert.deepEqual(heights("bitcoin.block"), Array.from({ length: 124 }, (_, i) => i + 1));
      assert.deepEqual(heights("chia.block"), [...heights("chia.block")].sort((a, b) => Number(a) - Number(b)));
      assert.equal(new Set(heights("chia.block")).size, heights("chia.block").length, "none twice");
    } finally {
      await gemel.stop();
      await btcd.stop();
      await simulator.stop();
    }
  });
});
