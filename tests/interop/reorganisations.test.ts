/**
 * Reorganisations by seed beside btcd, up to 100 blocks deep, with spends of every kind in the blocks: at each tip the program has
 * btcd's tip, and the coins that an account of the test's own has from the blocks alone. Branches that break a rule in their
 * middle are left, and cost their givers.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { Block } from "../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { Branches } from "../support/branches.ts";
import { effort, isLong, seed } from "../support/effort.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { giveBlocks } from "./block-giver.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = isLong ? 3_600_000 : 300_000;
/** What btcd mines itself: enough for the votes that activate witnesses and Taproot there. */
const FIRST_BLOCKS = 950;
/** Blocks above them before the first reorganisation: coinbases that may be spent on either side of it. */
const OWN_BLOCKS = 220;
const DEPTH_MAX = 100;
const PAGE = 50;

suite("reorganisations beside btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-reorganisations-");
  const random = new SeededRandom(seed);
  let btcd: Btcd;
  let gemel: Gemel;
  let branches: Branches;
  let port = 0;

  before(async () => {
    btcd = await Btcd.start({ blocks: FIRST_BLOCKS });
    const heights = Array.from({ length: FIRST_BLOCKS + 1 }, (_, height) => height);
    const hashes = await btcd.batch(heights.map((height) => ["getblockhash", [height]] as const));
    const raws = await btcd.batch(hashes.map((hash) => ["getblock", [hash, 0]] as const));
    branches = new Branches(random, raws.map((raw) => Block.decode(fromHex(String(raw)))));
    port = await freePort();
    gemel = await Gemel.start({
      dir: join(folder.path, "node"),
      chain: REGTEST,
      connect: [btcd.port],
      args: ["--listen", `127.0.0.1:${port}`, "--coins-cache", "4"],
    });
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  /** Gives btcd blocks, which have to be good. */
  const give = async (blocks: readonly Block[]) => {
    for (let from = 0; from < blocks.length; from += PAGE) {
      const calls = blocks.slice(from, from + PAGE).map(({ raw }) => ["submitblock", [toHex(raw)]] as const);
      assert.deepEqual((await btcd.batch(calls)).filter((answer) => answer !== null), []);
    }
    assert.equal(await btcd.rpc("getbestblockhash"), toDisplayHex(branches.tip.hash));
  };

  /** Waits for the tip, and holds the coins against our account of them. */
  const assertCoins = async () => {
    const best = toDisplayHex(branches.tip.hash);
    await gemel.reachesBlock(best);
    const { txouts, hash } = branches.account.digest();
    // After a branch that was tried in vain the coins are on their way back, while the tip has never moved.
    const told = await until(`the coins of ${best}`, 30_000, async () => {
      const found = await gemel.btc("gettxoutsetinfo") as Record<string, unknown>;
      return found.bestblock === best ? found : undefined;
    });
    assert.deepEqual([told.txouts, told.hash_serialized_3], [txouts, hash]);
  };

  test("at each tip the coins are those that the blocks make, whatever was taken back", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const count = effort("reorganisations beside btcd", 20, 500);
    await give(Array.from({ length: OWN_BLOCKS }, () => branches.grow()));
    await assertCoins();
    let deepest = 0;
    for (let i = 0; i < count; i++) {
      const depth = 1 + random.below(random.chance(0.2) ? DEPTH_MAX : 10);
      deepest = Math.max(deepest, depth);
      await give(branches.reorganise(depth));
      await assertCoins();
    }
    assert.ok(deepest > DEPTH_MAX / 2, `${deepest}`);
  });

  test("a heavier branch with a block in its middle that breaks a rule is left, and its giver is sent away", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const count = effort("heavier branches that break a rule beside btcd", 4, 40);
    await give(Array.from({ length: OWN_BLOCKS }, () => branches.grow()));
    const bans = async () => (await gemel.get("v1/bans")).bans as { host: string; reason: string }[];
    for (let i = 0; i < count; i++) {
      const source = `127.0.1.${2 + i}`;
      const { branch, bad, reason } = branches.broken(1 + random.below(20), i);
      await giveBlocks({ chain: "bitcoin", host: "127.0.0.1", port }, source, branch);
      const ban = await until(
        `the end of ${source}`,
        30_000,
        async () => (await bans()).find(({ host }) => host === `${source}/32`),
      );
      assert.match(ban.reason, new RegExp(reason));
      await assertCoins();
      const tips = await gemel.btc("getchaintips") as { hash: string; status: string }[];
      const end = tips.find(({ hash }) => hash === toDisplayHex(branch.at(-1)!.hash));
      assert.equal(end?.status, "invalid");
      const info = await gemel.btc("getblockheader", [toDisplayHex(bad.hash)]) as { confirmations: number };
      assert.equal(info.confirmations, -1);
      await give(branches.reorganise(1 + random.below(5)));
      await assertCoins();
    }
  });
});
