/** Settings that decide how far blocks are connected and whether coins are made anew, on the executable. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Json } from "../../mod.ts";
import { binaryMissing, Gemel, REGTEST, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";

const skip = binaryMissing();
const ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

describe("gemel run", { skip }, () => {
  const folder = temporaryFolder("coin-settings-");
  after(() => folder.remove());
  const start = (...args: string[]) => Gemel.start({ dir: folder.path, chain: REGTEST, args });
  const call = async (gemel: Gemel, method: string, ...params: Json[]) =>
    (await gemel.btc(method, params)) as Record<string, Json>;

  test(
    "--stop-at-height connects no block above it and ends in order; so does the next start",
    { timeout: 60_000 },
    async () => {
      const gemel = await start("--stop-at-height", "5");
      const made = call(gemel, "generatetoaddress", 9, ADDRESS).catch(() => undefined);
      assert.equal(await gemel.process.ended, 0);
      await made;
      const again = await start("--stop-at-height", "5");
      assert.equal(await again.process.ended, 0);
      const free = await start();
      // A block that came meanwhile is connected now.
      assert.ok([5, 6].includes(Number(await free.btc("getblockcount"))));
      await free.stop();
    },
  );

  test("--reindex-chainstate makes the same coins of the stored blocks", { timeout: 60_000 }, async () => {
    const gemel = await start();
    await call(gemel, "generatetoaddress", 30, ADDRESS);
    const before = await call(gemel, "gettxoutsetinfo", "hash_serialized_3");
    const gemelBlock = gemel.btc("getblock", [await gemel.btc("getbestblockhash")]);
    await gemelBlock;
    await gemel.stop();
    const block = (await gemelBlock) as Record<string, Json>;
    const again = await start("--reindex-chainstate");
    // What cannot be known yet is not said not to be there.
    const answers = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const found = await again.btc("gettxout", [(block.tx as string[])[0]!, 0]).then(
        (coin) => coin === null ? "gone" : "there",
        (thrown: Error) => /-28/.test(thrown.message) ? "later" : thrown.message,
      );
      answers.add(found);
    }
    assert.deepEqual([...answers].filter((each) => each !== "later" && each !== "there"), []);
    const info = await until("its coins", 20_000, async () => {
      const found = await call(again, "gettxoutsetinfo", "hash_serialized_3");
      return found.height === before.height ? found : undefined;
    });
    assert.equal(info.hash_serialized_3, before.hash_serialized_3);
    const metrics = await again.send("metrics", "", "GET");
    assert.match(metrics.text, /^gemel_connected_blocks_total\{chain="bitcoin"\} 3[56]$/m);
    await again.stop();
  });
});
