/** Coins over reorganisations as deep as nobody sees them, with undo data from memory and from disk. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openDatabase } from "#platform";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { MemoryFolder } from "../contract/memory-folder.ts";
import { CoinTree, type TreeBlock, treeValidator } from "../support/coin-tree.ts";
import { seed } from "../support/effort.ts";
import { simClock } from "../unit/core/sim.ts";

const START_MS = 1_750_000_000_000;
const COMMON = 5;
const DEPTH = 120;

describe("coins over a reorganisation 120 blocks deep", () => {
  const random = new SeededRandom(seed);
  const tree = new CoinTree(regtest, random, START_MS);
  const branch = (parent: number, count: number): TreeBlock[] => {
    const made: TreeBlock[] = [];
    for (let i = 0; i < count; i++) made.push(tree.mine(made.at(-1)?.row ?? parent));
    return made;
  };
  const common = branch(0, COMMON);
  const fork = common.at(-1)!.row;
  const one = branch(fork, DEPTH);
  const other = branch(fork, DEPTH + 1);
  const back = branch(one.at(-1)!.row, 2);

  for (const [name, bytesMax] of Object.entries({ "at once": 0, "at the end": 64 * 1024 * 1024 })) {
    test(`are those of the new branch, and of the old one again, written ${name}, over restarts`, async () => {
      const clock = simClock(START_MS);
      const wrong: string[] = [];
      const database = await openDatabase(":memory:");
      const [blockFolder, coinFolder] = [new MemoryFolder(), new MemoryFolder()];
      /** Takes blocks in; the coins then, as the node and as the tree have them. */
      const take = async (blocks: readonly TreeBlock[]) => {
        const files = new BlockFiles(blockFolder.view(), { magic: regtest.magic });
        const openCoins = () => Promise.resolve(coinFolder.view());
        const store = await openSqlBitcoinStore(database, { network: regtest, blocks: files, openCoins });
        const chain = await clock.until(BitcoinChain.load({
          network: regtest,
          store,
          validator: treeValidator(tree, (text) => wrong.push(text)),
          clock,
          headersOnly: false,
          coins: { random: new SeededRandom(1), bytesMax },
          onActivation: (level, text) => void (level === "info" || wrong.push(text)),
        }));
        chain.start();
        for (const { block } of blocks) {
          const { last } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
          chain.addBlock(last, block);
        }
        await clock.advance(5_000);
        const found = (await clock.until(chain.coinStatistics("hash_serialized_3")))!;
        assert.equal(found.at, chain.tip);
        assert.deepEqual(chain.headers.hash(chain.tip), blocks.at(-1)!.block.hash);
        await clock.until(chain.close());
        await store.close();
        assert.deepEqual(wrong, []);
        assert.equal(toDisplayHex(found.hash!), await tree.hashAfter(blocks.at(-1)!.row));
      };
      await take([...common, ...one]);
      await take(other);
      await take(back);
      await database.close();
    });
  }
});
