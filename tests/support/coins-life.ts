/**
 * A process that takes a story of blocks in, with coins, on real files: `bun tests/support/coins-life.ts FOLDER SEED
 * BLOCKS BYTES`. It says `begun` when the story is made, and at the end the hash of its coins and that of the tree. It may
 * be killed at any moment, and begins again where it stood.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { clock, openDatabase, openFileFolder, random, sha256 } from "#platform";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { useSha256 } from "../../lib/codec/sha256.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { CoinTree, treeValidator } from "./coin-tree.ts";

useSha256(sha256);
const [folder = "", seed = "1", count = "60", bytes = "0"] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(line + "\n");
const wrong = (text: string) => say(`wrong ${text}`);

const tree = new CoinTree(regtest, new SeededRandom(Number(seed)), 1_750_000_000_000);
const blocks = tree.story(Number(count));
say("begun");

const database = await openDatabase(join(folder, "bitcoin.sqlite"));
const files = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: regtest.magic });
const openCoins = () => openFileFolder(join(folder, "coins"));
const store = await openSqlBitcoinStore(database, { network: regtest, blocks: files, openCoins });
const chain = await BitcoinChain.load({
  network: regtest,
  store,
  validator: treeValidator(tree, wrong),
  clock,
  headersOnly: false,
  coins: { random, bytesMax: Number(bytes) },
  onActivation: (level, text) => void (level === "info" || wrong(text)),
  onStorage: (_level, text) => wrong(text),
});
chain.start();
for (const [i, { block }] of blocks.entries()) {
  const { last } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
  chain.addBlock(last, block);
  if (i % 3 === 2) await clock.sleep(1);
  if (i % 11 === 10) chain.flushCoins();
}
while (chain.headers.hasMoreWork(chain.headers.best, chain.tip) || chain.connected !== chain.tip) await clock.sleep(1);
const found = (await chain.coinStatistics("hash_serialized_3"))!;
const row = tree.headers.find(chain.headers.hash(found.at));
say(`end ${toDisplayHex(found.hash!)} ${await tree.hashAfter(row)} ${tree.headers.height(row)}`);
await chain.close();
await store.close();
await database.close();
