/**
 * The compiled program is killed while it is told by RPC to make blocks and to take them back. What it answered is so after
 * the next start, which takes no time, and its coins are those of its blocks.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { after, test } from "node:test";
import { encodeSegwitAddress } from "../../lib/bitcoin/types/payment-address.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { effort, seed } from "../support/effort.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";

const START_MS_MAX = 5_000;
const WITHIN_MS = 700;

suite("the program is killed", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-killed-");
  after(() => folder.remove());

  test(
    "what it answered is so after the next start, below 5 s, and its coins are right",
    { timeout: 3_000_000 },
    async () => {
      const random = new SeededRandom(seed);
      const count = effort("kills of the program while it is told to make blocks and to take them back", 4, 100);
      const start = () => Gemel.start({ dir: folder.path, chain: REGTEST });
      // Each block is another one, also where one was taken back.
      const address = () => encodeSegwitAddress("bcrt", 0, random.bytes(20));
      let slowest = 0;
      /** The last tip that was answered, and those that it may be if the last call was carried out. */
      let tip = "";
      let next: (string | undefined)[] = [];
      for (let kills = 0; kills < count; kills++) {
        const begun = performance.now();
        const gemel = await start();
        slowest = Math.max(slowest, performance.now() - begun);
        const best = async () => String(await gemel.btc("getbestblockhash"));
        const parentOf = async (hash: string) =>
          (await gemel.btc("getblockheader", [hash]) as { previousblockhash?: string }).previousblockhash;
        const now = await best();
        if (tip !== "" && now !== tip) {
          assert.ok(next.includes(now) || next.includes(await parentOf(now)), `the tip was ${tip} and is ${now}`);
        }
        tip = now;
        next = [tip];
        let isKilled = false;
        const timer = setTimeout(() => {
          isKilled = true;
          void gemel.process.kill("SIGKILL");
        }, random.below(WITHIN_MS));
        try {
          for (;;) {
            // Two steps forwards and one back.
            const isBack = random.chance(1 / 3) && await gemel.btc("getblockcount") !== 0;
            next = [isBack ? await parentOf(tip) : tip, tip];
            if (isBack) await gemel.btc("invalidateblock", [tip]);
            else await gemel.btc("generatetoaddress", [1, address()]);
            const young = await best();
            [tip, next] = [young, [young]];
          }
        } catch (thrown) {
          assert.ok(isKilled, String(thrown));
          await gemel.process.ended;
        }
        clearTimeout(timer);
      }
      const gemel = await start();
      try {
        assert.equal(await gemel.btc("verifychain", [4, 0]), true);
        const { txouts, height } = await gemel.btc("gettxoutsetinfo") as { txouts: number; height: number };
        assert.equal(txouts, height);
        assert.ok(height > count, `height ${height}`);
      } finally {
        await gemel.stop();
      }
      process.stdout.write(`counted: slowest start of the program: ${Math.ceil(slowest)} ms\n`);
      assert.ok(slowest < START_MS_MAX, `a start took ${slowest} ms`);
    },
  );
});
