/**
 * Nodes that read what another writes to a PostgreSQL server: they have the same blocks and the same events under the same
 * ids, without peers, and one that stands by becomes the writer when that one is killed.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Json, JsonObject } from "../../lib/codec/json.ts";
import { postgresMissing, PostgresServer } from "../support/postgres-server.ts";
import { binaryMissing, Gemel, suite, temporaryFolder } from "./binary.ts";
import { bothChains, eventsToBothTips, reachBothTips } from "./both-peers.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { objectOf, until } from "./call.ts";
import { freePort } from "../support/free-port.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

const TIMEOUT_MS = 300_000;
/** Another takes over within this, and serves again. */
const TAKE_OVER_MS = 15_000;

const absent = binaryMissing() ?? postgresMissing() ?? btcdMissing() ?? simulatorMissing();
suite("nodes that read from one PostgreSQL server", absent, () => {
  const folder = temporaryFolder("gemel-readers-");
  let server: PostgresServer;
  let simulator: Simulator;
  let btcd: Btcd;
  let writer: Gemel;
  let readers: Gemel[] = [];
  let standby: Gemel;

  const start = async (name: string, ...args: readonly string[]) =>
    await Gemel.start({
      dir: join(folder.path, name),
      chain: [...bothChains({ simulator, btcd }), "--bitcoin.txindex", "--bitcoin.blockfilterindex", "on"],
      args,
      env: { GEMEL_RUN_DB: server.tcpUrl() },
    });
  const everybody = () => [writer, ...readers, standby];

  before(async () => {
    server = await PostgresServer.start({ fsync: true });
    [simulator, btcd] = await Promise.all([Simulator.start(), Btcd.start({ blocks: 120 })]);
    await simulator.farm(20);
    await btcd.fill(10, 14);
    // These two are there before there is anything to read.
    const early = [start("early", "--role", "reader")];
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    writer = await start("writer");
    readers = await Promise.all([...early, start("late", "--role", "reader")]);
    standby = await start("standby", "--rpc", `127.0.0.1:${await freePort()}`);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    for (const gemel of everybody()) await gemel?.process.kill("SIGKILL");
    await btcd?.stop();
    await simulator?.stop();
    await server?.stop();
    folder.remove();
  });

  const reachTips = (nodes: readonly Gemel[]) => reachBothTips({ simulator, btcd }, nodes);
  const eventsOf = (gemel: Gemel) => eventsToBothTips({ simulator, btcd }, gemel);
  /** What a node says of its chains. */
  const answersOf = async (gemel: Gemel): Promise<Json> => {
    const info = await gemel.btc("getblockchaininfo") as JsonObject;
    const height = Number(info.blocks);
    const heights = Array.from({ length: height + 1 }, (_, i) => [i]);
    const hashes = await gemel.btcMany("getblockhash", heights);
    const blocks = await gemel.btcMany("getblock", hashes.slice(-15).map((hash) => [hash, 2]));
    const { best_peer_height: _, ...chain } = { ...info, warnings: null, time: null } as JsonObject;
    const { blockchain_state } = await gemel.call("get_blockchain_state");
    const { peak, difficulty, space } = blockchain_state as JsonObject;
    const tips = await gemel.btc("getchaintips");
    const records = await gemel.hashes(0);
    const end = records.length;
    const chia = await gemel.call("get_blocks", { start: Math.max(0, end - 15), end });
    return { chain, hashes, blocks, tips, peak, difficulty, space, records, chia } as unknown as Json;
  };
  /** Everybody has the same blocks, and the same events under the same ids. */
  const compare = async () => {
    await reachTips(everybody());
    const [told, answers] = [await eventsOf(writer), await answersOf(writer)];
    assert.deepEqual(told.map(({ id }) => id), Array.from(told, (_, i) => i + 1), "ids rise by one");
    for (const gemel of [...readers, standby]) {
      assert.deepEqual(await eventsOf(gemel), told);
      assert.deepEqual(await answersOf(gemel), answers);
    }
  };
  const refusal = async (gemel: Gemel, method: string, params: Json): Promise<string> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    return JSON.stringify(objectOf(await gemel.send("", body)).error);
  };

  test("a reader that was there first has waited for the writer, and told so", () => {
    const [early] = readers;
    const told = early!.process.stderr.match(/its writer is waited for/g) ?? [];
    assert.ok(told.length >= 1 && told.length <= 3, early!.process.stderr);
  });

  test(
    "all have the same blocks and events, through reorganisations of 5 and 10",
    { timeout: TIMEOUT_MS },
    async () => {
      await compare();
      await Promise.all([simulator.farm(6), btcd.fill(4, 10)]);
      await compare();
      for (const depth of [5, 10]) {
        await btcd.reorg(depth);
        await simulator.reorg(depth, depth + 2);
        await compare();
      }
    },
  );

  test("events come live, and a call that waits for a block ends with it", { timeout: TIMEOUT_MS }, async () => {
    const [reader] = readers;
    const newest = (await eventsOf(reader!)).at(-1)!.id;
    const waiting = reader!.btc("waitfornewblock", [20_000]) as Promise<{ hash: string }>;
    const live = reader!.events(newest, ({ topic }) => topic === "bitcoin.block");
    await btcd.generate(1);
    const { best } = await btcd.tip();
    assert.equal((await live).at(-1)!.data.hash, best);
    assert.equal((await waiting).hash, best);
  });

  test(
    "a reader has no peers, says whom it reads from, and refuses what it cannot do",
    { timeout: TIMEOUT_MS },
    async () => {
      await reachTips(everybody());
      const [reader] = readers;
      assert.deepEqual((await reader!.get("v1/peers")).peers, []);
      for (const chain of ["bitcoin", "chia"]) {
        const { reading, synced, validation } = await reader!.status(chain);
        const { writer: name, commits_behind, heard_s } = reading as JsonObject;
        assert.match(String(name), new RegExp(`:${writer.process.pid}$`));
        assert.deepEqual([commits_behind, synced, Number(heard_s) <= 2], [0, true, true]);
        assert.equal(validation, (await writer.status(chain)).validation);
        assert.equal((await writer.status(chain)).reading, undefined);
      }
      const metrics = (await reader!.send("metrics", "", "GET")).text;
      assert.match(metrics, /^gemel_reader_commits_behind\{chain="bitcoin"\} 0$/m);
      const named = new RegExp(`ONLY_READS: this node only reads bitcoin regtest: .*:${writer.process.pid} writes`);
      const { best } = await btcd.tip();
      for (
        const [method, params] of [
          ["sendrawtransaction", ["00"]],
          ["submitblock", ["00"]],
          ["generatetoaddress", [1, "x"]],
          ["invalidateblock", [best]],
          ["addnode", ["127.0.0.1:1", "add"]],
          ["setban", ["203.0.113.1", "add"]],
          ["pruneblockchain", [1]],
          ["getrawmempool", []],
        ] as const
      ) assert.match(await refusal(reader!, method, params), named, method);
      const chia = objectOf(await reader!.send("open_connection", JSON.stringify({ host: "127.0.0.1", port: 1 })));
      assert.match(String(chia.error), /only reads chia simulator0: .* writes/);
      const own = await reader!.send("v1/bans", JSON.stringify({ chain: "chia", host: "203.0.113.1" }));
      assert.match(own.text, /only reads chia simulator0/);
    },
  );

  test("coins are those of the block that the answer names, near the tip", { timeout: TIMEOUT_MS }, async () => {
    const [reader] = readers;
    const { best } = await btcd.tip();
    await until("the coins of the tip", 30_000, async () => {
      const set = await reader!.btc("gettxoutsetinfo", ["hash_serialized_3"]) as JsonObject;
      return set.bestblock === best || undefined;
    });
    const [own, theirs] = await Promise.all(
      [reader!, writer].map((gemel) => gemel.btc("gettxoutsetinfo", ["hash_serialized_3"])),
    );
    assert.equal((own as JsonObject).hash_serialized_3, (theirs as JsonObject).hash_serialized_3);
    const { tx: [coinbase] } = await reader!.btc("getblock", [best]) as { tx: [string] };
    const coin = await reader!.btc("gettxout", [coinbase, 0, false]) as JsonObject;
    assert.equal(coin.bestblock, best);
    assert.deepEqual(coin, await writer.btc("gettxout", [coinbase, 0, false]));
    const filter = await until(
      "the filter",
      10_000,
      () => reader!.btc("getblockfilter", [best]).then((found) => found, () => undefined),
    );
    assert.deepEqual(filter, await writer.btc("getblockfilter", [best]));
  });

  test("a server that is away leaves a reader its answers, and it goes on when that is back", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const [reader] = readers;
    server.kill9();
    const warned = await until("the trouble", 20_000, async () => {
      const { warnings, reading } = await reader!.status("bitcoin");
      const isLong = Number((reading as JsonObject).heard_s) >= 2;
      return isLong && /nothing was heard of the database for \d+ s/.test(String(warnings))
        ? String(warnings)
        : undefined;
    });
    assert.match(warned, /is away/);
    assert.equal((await reader!.btc("getblockcount") as number) > 100, true);
    await server.restart();
    await btcd.generate(2);
    await simulator.farm(2);
    await compare();
  });

  test("a standby that served reads takes over from a writer that is killed, and the others follow it", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await writer.process.kill("SIGKILL");
    const killed = performance.now();
    const farming = Promise.all([simulator.farm(3), btcd.fill(2, 5)]);
    await until("the new writer", TAKE_OVER_MS, async () => {
      const status = await standby.status("bitcoin").catch(() => undefined);
      return (status !== undefined && status.reading === undefined) || undefined;
    });
    assert.ok(performance.now() - killed < TAKE_OVER_MS);
    await farming;
    const old = writer;
    writer = standby;
    await btcd.reorg(5);
    await simulator.reorg(5, 7);
    await compare();
    assert.notEqual(old, writer);
    for (const reader of readers) assert.equal(await reader.stop(), 143);
    assert.equal(await writer.stop(), 143);
  });
});
