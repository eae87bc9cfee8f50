/**
 * What does the index of block filters cost while blocks are connected?
 *
 * The blocks of the shared vectors whose spent outputs are known. Each is judged by the full validator, scripts included, on
 * one thread, and its filter is made and written, in rounds of one run. Told is the time of the filter as a share of the
 * block's, and its bytes as a share of the block's: median, and from which to which the middle half of the rounds goes.
 *
 * Run: `bun bench/filter-index.ts` or `deno run -A bench/filter-index.ts`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openDatabase, sha256 } from "#platform";
import { fullValidator } from "../lib/bitcoin/chain/full-validator.ts";
import { outsideInputs } from "../lib/bitcoin/coins/changes.ts";
import type { Coin } from "../lib/bitcoin/coins/coin.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../lib/bitcoin/filters/mod.ts";
import { openSqlFilterStore } from "../lib/bitcoin/indexes/sql-filter-store.ts";
import { Block, type OutPoint } from "../lib/bitcoin/types/mod.ts";
import { toHex } from "../lib/codec/hex.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { InlineWorkers } from "../lib/core/work/inline-workers.ts";
import { useRandomBytes } from "../lib/engine/random-bytes.ts";
import { BLOCKS, blockSpending } from "../tests/vectors/bitcoin-blocks-spent.ts";
import { bitcoinDataMissing } from "../tests/vectors/bitcoin-data.ts";
import { spread } from "./spread.ts";

const ROUNDS = 11;

const print = (line: string) => process.stdout.write(line + "\n");

useSha256(sha256);
useRandomBytes((length) => crypto.getRandomValues(new Uint8Array(length)));
const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });
const folder = mkdtempSync(join(tmpdir(), "gemel-bench-"));
print("Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno}`);

for (const [name, network, height] of BLOCKS) {
  const missing = bitcoinDataMissing(`${name}.raw`);
  if (missing !== false) {
    print(missing);
    continue;
  }
  const database = await openDatabase(join(folder, `${height}.sqlite`), { synchronous: "normal" });
  const store = await openSqlFilterStore(database, { network });
  const { block: { raw }, spending } = blockSpending(name);
  const place = ({ txid, vout }: OutPoint) => `${toHex(txid)}:${vout}`;
  const coins = new Map<string, Coin>();
  for (const { transaction, spent } of spending) {
    for (const [i, { prevout }] of transaction.inputs.entries()) {
      coins.set(place(prevout), { ...spent[i]!, height: 1, isCoinbase: false });
    }
  }
  /** Milliseconds for the block, and for its filter. */
  const run = async (): Promise<readonly [number, number]> => {
    const began = performance.now();
    const block = Block.decode(raw);
    const outside = outsideInputs(block);
    const verdict = await validator.connect(
      {
        view: { network, height, parentMedianTimePast: block.header.time },
        ancestry: { hash: () => network.bip34Hash ?? new Uint8Array(32), medianTimePast: () => 0 },
        hash: block.hash,
        hasAssumedScripts: false,
        load: () => Promise.resolve(block),
      },
      { getMany: (asked) => Promise.resolve(asked.map((each) => coins.get(place(each)))) },
      new AbortController().signal,
    );
    if (!verdict.ok) throw new Error(`${verdict.reason}: ${verdict.detail}, ${outside.length} inputs`);
    const connected = performance.now();
    const { bytes: filter } = buildBasicFilter(block, verdict.changes!.spent.map(({ coin }) => coin.scriptPubKey));
    const hash = filterHash(filter);
    const header = filterHeader(hash, hash);
    await store.put([{ blockHash: block.hash, filter, filterHash: hash, filterHeader: header }]);
    filterBytes = filter.length;
    return [connected - began, performance.now() - connected];
  };
  let filterBytes = 0;
  const shares: number[] = [];
  const times: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const [connecting, filtering] = await run();
    if (round < 0) continue;
    shares.push(100 * filtering / connecting);
    times.push(filtering);
  }
  const bytes = (100 * filterBytes / raw.length).toFixed(2);
  print(
    `${name.split("/")[1]}: filter ${spread(times)} ms, ${spread(shares)} % of connecting; ${bytes} % of its bytes`,
  );
  await database.close();
}
rmSync(folder, { recursive: true });
