/** One compiled node writes a snapshot; another begins with it, is killed, and ends with the same coins. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Json } from "../../lib/codec/json.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const ADDRESS = "mqaXGiAZw1M7Eua9ZLgoMncoihemppjdNd";

interface States {
  readonly chainstates: readonly { readonly blocks: number; readonly validated: boolean }[];
}

suite("a snapshot between two nodes", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-snapshot-");
  after(() => folder.remove());

  test(
    "loadtxoutset takes what dumptxoutset wrote, over kills, and all blocks are validated",
    { timeout: 120_000 },
    async () => {
      const port = await freePort();
      const old = await Gemel.start({
        dir: join(folder.path, "old"),
        chain: REGTEST,
        args: ["--listen", `127.0.0.2:${port}`],
      });
      const dir = join(folder.path, "young");
      const networkFolder = join(dir, "regtest");
      const stated: string[] = [];
      const start = (...more: string[]) =>
        Gemel.start({ dir, chain: REGTEST, args: [...stated.flatMap((text) => ["--assume-utxo", text]), ...more] });
      let young: Gemel | undefined;
      try {
        await old.btc("generatetoaddress", [150, ADDRESS]);
        const dumped = await old.btc("dumptxoutset", ["utxo.dat", "latest"]) as Record<string, Json>;
        assert.deepEqual([dumped.coins_written, dumped.base_height, dumped.nchaintx], [150, 150, 151]);
        const set = await old.btc("gettxoutsetinfo") as Record<string, Json>;
        assert.equal(dumped.txoutset_hash, set.hash_serialized_3);
        await old.btc("generatetoaddress", [30, ADDRESS]);
        const path = String(dumped.path);
        assert.equal(path, join(folder.path, "old", "regtest", "utxo.dat"));

        stated.push(`150:${dumped.base_hash}:${dumped.txoutset_hash}`);
        young = await start();
        const heights = Array.from({ length: 180 }, (_, i) => i + 1);
        const hashes = await old.btcMany("getblockhash", heights.map((height) => [height]));
        const headers = await old.btcMany("getblockheader", hashes.map((hash) => [hash, false]));
        await young.btcMany("submitheader", headers.map((header) => [header]));
        const loaded = await young.btc("loadtxoutset", [path]) as Record<string, Json>;
        assert.deepEqual(loaded, { coins_loaded: 150, tip_hash: dumped.base_hash, base_height: 150, path });
        await young.stop("SIGKILL");

        stated.length = 0;
        young = await start();
        const states = async () => (await young!.btc("getchainstates") as unknown as States).chainstates;
        assert.deepEqual((await states()).map(({ blocks, validated }) => [blocks, validated]), [[0, true], [
          150,
          false,
        ]]);
        await young.stop("SIGKILL");
        young = await start("--connect", `127.0.0.2:${port}`);
        await until("all blocks are validated", 60_000, async () => {
          const [only, ...more] = await states();
          return more.length === 0 && only!.blocks === 180 ? true : undefined;
        });
        const sets = async (node: Gemel) =>
          await Promise.all(
            ["hash_serialized_3", "muhash"].map((kind) => node.btc("gettxoutsetinfo", [kind])),
          ) as Record<
            string,
            Json
          >[];
        const hashOf = async (node: Gemel) =>
          (await sets(node)).map((
            { height, txouts, hash_serialized_3, muhash },
          ) => [height, txouts, hash_serialized_3 ?? muhash]);
        assert.deepEqual(await hashOf(young), await hashOf(old));
        await young.btc("dumptxoutset", ["again.dat", "latest"]);
        const again = await old.btc("dumptxoutset", ["again.dat", "latest"]) as Record<string, Json>;
        assert.deepEqual(readFileSync(join(networkFolder, "again.dat")), readFileSync(String(again.path)));
        await young.stop();
        assert.deepEqual(readdirSync(join(networkFolder, "coins")), [], "the coins behind the snapshot are gone");
      } finally {
        await young?.stop();
        await old.stop();
      }
    },
  );
});
