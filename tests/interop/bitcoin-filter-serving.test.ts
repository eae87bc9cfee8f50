/** The compiled program as a full node with block filters: held against btcd's, and serving a light client of our own. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../lib/codec/json.ts";
import { binaryMissing, type EventEnvelope, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = 300_000;
const INDEX = "basic block filter index";

suite("gemel with an index of block filters beside btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-filter-serving-");
  let btcd: Btcd;
  let port: number;
  let gemel: Gemel;

  before(async () => {
    btcd = await Btcd.start({ blocks: 120 });
    await btcd.fill(40, 14);
    port = await freePort();
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  const start = (...args: readonly string[]) =>
    Gemel.start({
      dir: join(folder.path, "full"),
      chain: REGTEST,
      connect: [btcd.port],
      args: ["--listen", `127.0.0.2:${port}`, ...args],
    });

  /** Waits for the index to be at btcd's tip, and compares all filters and headers of the chain. */
  const compare = async () => {
    const { best, height } = await btcd.tip();
    await gemel.reachesBlock(best, 60_000);
    await until("the index at the tip", 60_000, async () => {
      const { [INDEX]: index } = await gemel.btc("getindexinfo") as Record<string, JsonObject>;
      return index?.synced === true && index.best_block_height === height ? true : undefined;
    });
    const heights = Array.from({ length: height + 1 }, (_, at) => at);
    const hashes = await btcd.batch(heights.map((at) => ["getblockhash", [at]]));
    const filters = await btcd.batch(hashes.map((hash) => ["getcfilter", [hash, 0]]));
    const headers = await btcd.batch(hashes.map((hash) => ["getcfilterheader", [hash, 0]]));
    const found = await gemel.btcMany("getblockfilter", hashes.map((hash) => [hash as string]));
    assert.deepEqual(found, heights.map((at) => ({ filter: filters[at], header: headers[at] })));
    return { best, height, header: headers.at(-1) };
  };

  test("every filter and filter header is btcd's, for spends of every kind", { timeout: TIMEOUT_MS }, async () => {
    gemel = await start();
    await compare();
    const { localservicesnames } = await gemel.btc("getnetworkinfo") as { localservicesnames: string[] };
    assert.ok(localservicesnames.includes("COMPACT_FILTERS"));
  });

  test(
    "so they are after new blocks, a reorganisation and the death of the program",
    { timeout: TIMEOUT_MS },
    async () => {
      await btcd.fill(3, 10);
      await compare();
      await btcd.reorg(5);
      await compare();
      await btcd.fill(2, 7);
      await gemel.reachesBlock((await btcd.tip()).best, 60_000);
      await gemel.stop("SIGKILL");
      gemel = await start();
      await compare();
    },
  );

  test("switched off they are not kept; switched on again they are made from our own disk", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await gemel.stop();
    gemel = await start("--blockfilterindex", "off");
    await btcd.fill(4, 10);
    await gemel.reachesBlock((await btcd.tip()).best, 60_000);
    assert.deepEqual(await gemel.btc("getindexinfo"), {});
    await gemel.stop();
    gemel = await start();
    await compare();
  });

  test("--reindex makes them anew with the rest, and so does a start without their file or with a damaged one", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const file = join(folder.path, "full", "regtest", "filters.sqlite");
    await gemel.stop();
    gemel = await start("--reindex");
    await compare();
    await gemel.stop();
    assert.ok(existsSync(file));
    for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
    gemel = await start();
    await compare();
    await gemel.stop();
    writeFileSync(file, "this is no database".repeat(1_000));
    for (const end of ["-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
    gemel = await start();
    assert.match(gemel.process.stderr, /filters.sqlite is damaged .*; filters are made anew/);
    await compare();
  });

  test("a light client of ours finds with them what another finds with btcd's", { timeout: TIMEOUT_MS }, async () => {
    const { best, height, header } = await compare();
    const last = await gemel.btcMany("getblockhash", Array.from({ length: 80 }, (_, i) => [height - i]));
    const blocks = await gemel.btcMany("getblock", last.map((hash) => [hash, 2])) as unknown as {
      tx: { vout: { scriptPubKey: { hex: string } }[] }[];
    }[];
    const scripts = [
      ...new Set(blocks.flatMap(({ tx }) => tx.flatMap(({ vout }) => vout)).map((out) => out.scriptPubKey.hex)),
    ]
      .filter((hex) => hex !== "" && !hex.startsWith("6a"));
    assert.ok(scripts.length >= 5, `${scripts.length} scripts`);
    const findings: string[][] = [];
    for (const [name, peer] of [["of-gemel", `127.0.0.2:${port}`], ["of-btcd", `127.0.0.1:${btcd.port}`]] as const) {
      const light = await Gemel.start({
        dir: join(folder.path, name),
        chain: [...REGTEST, "--mode", "filters", "--connect", peer],
      });
      try {
        const { status, text } = await light.send("v1/bitcoin/watch", JSON.stringify({ scripts, from: 0 }));
        assert.equal(status, 201, text);
        await light.reachesBlock(best, 60_000);
        await until("the end of the search", 60_000, async () => {
          const { progress } = await light.get("v1/bitcoin/watch") as { progress: JsonObject };
          return progress.synced === true ? true : undefined;
        });
        // Headers may come in several steps, each of which may be searched to its end before the next comes.
        const isLast = ({ topic, data }: EventEnvelope) => topic === "bitcoin.filters_synced" && data.height === height;
        const events = await light.events(0, isLast);
        assert.equal(events.at(-1)?.data.filter_header, header);
        const { matches } = await light.get("v1/bitcoin/matches?since=0&limit=1000") as { matches: JsonObject[] };
        findings.push(
          matches.map(({ height, direction, txid, vin, vout, value }) =>
            `${height} ${direction} ${txid} ${vin} ${vout} ${value}`
          ),
        );
      } finally {
        await light.stop();
      }
    }
    assert.ok(findings[0]!.length > 100, `${findings[0]!.length} matches`);
    assert.deepEqual(findings[0], findings[1]);
  });
});
