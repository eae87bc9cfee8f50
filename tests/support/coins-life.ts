/**
 * A process that takes a story of blocks in, with coins, on real files: `bun tests/support/coins-life.ts FOLDER SEED BLOCKS
 * BYTES MODE`. It may be killed at any moment, and begins again where it stood. Modes:
 *
 * - `full`: blocks are validated as they come.
 * - `structure`: as an earlier release did it, without coins; a process in mode `full` validates them again afterwards.
 * - `snapshot`: begins with a snapshot from the middle of the story, and validates the blocks before it behind it.
 *
 * It says `begun` when the story is made, `open MS` when the chain is loaded, `told HASH` and `stored HASH` of each tip and
 * block that anybody would be told of, and at the end `end` with the hash of its coins, that of the tree, and the height.
 * What earlier lives said is in the file `said` of the folder: what of it is lost, it tells as `wrong`.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { clock, namedFiles, openDatabase, openFileFolder, random, sha256, writeFileAtomic } from "#platform";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { Snapshots } from "../../lib/bitcoin/chain/snapshots.ts";
import { structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { fromDisplayHex, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { useSha256 } from "../../lib/codec/sha256.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { snapshotOf } from "./coin-snapshot.ts";
import { CoinTree, treeValidator } from "./coin-tree.ts";

useSha256(sha256);
const [folder = "", seed = "1", count = "60", bytes = "0", mode = "full"] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(line + "\n");
const wrong = (text: string) => say(`wrong ${text}`);

const tree = new CoinTree(regtest, new SeededRandom(Number(seed)), 1_750_000_000_000);
const blocks = tree.story(Number(count));
say("begun");

const startedAt = performance.now();
const database = await openDatabase(join(folder, "bitcoin.sqlite"));
const files = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: regtest.magic });
const openCoins = (place: number) => openFileFolder(join(folder, `coins-${place}`));
const store = await openSqlBitcoinStore(database, { network: regtest, blocks: files, openCoins });
const isFull = mode !== "structure";
const chain = await BitcoinChain.load({
  ...{ network: regtest, store, clock, headersOnly: false },
  validator: isFull ? treeValidator(tree, wrong) : structureValidator,
  coins: { random, bytesMax: Number(bytes) },
  // Genesis is there before the chain is.
  onMove: ({ tip }) => void (tip > 0 && say(`told ${toDisplayHex(chain.headers.hash(tip))}`)),
  onActivation: (level, text) => void (level === "info" || wrong(text)),
  onStorage: (_level, text) => wrong(text),
});
const { headers } = chain;
say(`open ${Math.ceil(performance.now() - startedAt)}`);
await holdAgainst(join(folder, "said"));

chain.start();
for (const { block } of blocks) chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
if (mode === "snapshot") await takeSnapshot();
for (const [i, { block }] of blocks.entries()) {
  const row = headers.find(block.hash);
  const { stored } = chain.addBlock(row, block);
  stored.then(() => say(`stored ${toDisplayHex(block.hash)}`), (thrown) => wrong(String(thrown)));
  if (i % 3 === 2) await clock.sleep(1);
  if (i % 11 === 10) chain.flushCoins();
}
const isDone = () =>
  !headers.hasMoreWork(headers.best, chain.tip) && chain.connected === chain.tip &&
  chain.states.background === undefined;
while (!isDone()) await clock.sleep(1);
if (isFull) {
  const found = (await chain.coinStatistics("hash_serialized_3"))!;
  const row = tree.headers.find(headers.hash(found.at));
  say(`end ${toDisplayHex(found.hash!)} ${await tree.hashAfter(row)} ${tree.headers.height(row)}`);
}
await chain.close();
await store.close();
await database.close();

/** Whether all that was said before is still so: blocks are stored, and the tip is no worse than any that was told of. */
async function holdAgainst(path: string): Promise<void> {
  for (const line of existsSync(path) ? readFileSync(path, "utf8").split("\n") : []) {
    const [what, hash = ""] = line.split(" ");
    if (what !== "told" && what !== "stored") continue;
    const row = headers.find(fromDisplayHex(hash));
    if (row < 0) wrong(`the header of ${hash} is lost, and it was ${what}`);
    else if (what === "told" && headers.hasMoreWork(row, chain.tip)) wrong(`the tip ${hash} is lost`);
    else if (what === "stored" && await store.block(row) === undefined) wrong(`the block ${hash} is lost`);
  }
}

/** Begins with the coins of a block in the middle of the best branch, unless the chain is beyond it. */
async function takeSnapshot(): Promise<void> {
  const base = tree.headers.ancestor(tree.headers.best, tree.headers.height(tree.headers.best) >> 1);
  if (headers.height(chain.tip) >= tree.headers.height(base)) return;
  const snapshot = await snapshotOf(tree, base, regtest);
  await writeFileAtomic(join(folder, "utxo.dat"), snapshot.bytes);
  const parts = { chain, store, clock, files: namedFiles(folder), assumedCoins: [snapshot.assumed] };
  await new Snapshots(parts).load("utxo.dat", new AbortController().signal);
}
