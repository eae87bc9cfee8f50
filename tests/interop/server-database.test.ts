/**
 * Nodes that share a PostgreSQL server: one writes both chains, others stand by and read. The one that writes is killed, stopped and
 * woken, and the server is killed: every block and event is there once, in order, and no two wrote at a time.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { POSTGRES_PASSWORD, postgresMissing, PostgresServer } from "../support/postgres-server.ts";
import { binaryMissing, type EventEnvelope, Gemel, Launched, suite, temporaryFolder } from "./binary.ts";
import { freePort } from "../support/free-port.ts";
import { bothChains, eventsToBothTips, reachBothTips } from "./both-peers.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

const TIMEOUT_MS = 300_000;
/** Another takes over within ten seconds, on a machine that has little else to do. */
const TAKE_OVER_MS = 15_000;

const absent = binaryMissing() ?? postgresMissing() ?? btcdMissing() ?? simulatorMissing();
suite("nodes on one PostgreSQL server", absent, () => {
  const folder = temporaryFolder("gemel-server-");
  let server: PostgresServer;
  let simulator: Simulator;
  let btcd: Btcd;
  const running = new Set<Gemel>();

  before(async () => {
    server = await PostgresServer.start({ fsync: true });
    [simulator, btcd] = await Promise.all([Simulator.start(), Btcd.start({ blocks: 120 })]);
    await simulator.farm(20);
    await btcd.fill(10, 14);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    for (const gemel of running) await gemel.process.kill("SIGKILL");
    await btcd?.stop();
    await simulator?.stop();
    await server?.stop();
    folder.remove();
  });

  /** The options of a node, which has a folder of its own for what is its own. */
  const optionsOf = (name: string, ...args: readonly string[]) => ({
    dir: join(folder.path, name),
    chain: bothChains({ simulator, btcd }),
    args,
    env: { GEMEL_RUN_DB: server.tcpUrl() },
  });
  const start = async (name: string, ...args: readonly string[]) => {
    const gemel = await Gemel.start(optionsOf(name, "--rpc", `127.0.0.1:${await freePort()}`, ...args));
    running.add(gemel);
    return gemel;
  };
  /** Waits until a node that served what another wrote writes both chains itself; it is at the same port then. */
  const writes = (gemel: Gemel) =>
    until("the new writer", 20_000, async () => {
      const [bitcoin, chia] = [await gemel.status("bitcoin"), await gemel.status("chia")];
      return (bitcoin.reading === undefined && chia.reading === undefined) || undefined;
    });
  const reachTips = (gemel: Gemel) => reachBothTips({ simulator, btcd }, [gemel]);
  const eventsOf = (gemel: Gemel) => eventsToBothTips({ simulator, btcd }, gemel);
  /** Every block of the chain is told of once, from below to above; what was taken back is told of as well. */
  const checkEvents = (events: readonly EventEnvelope[]) => {
    assert.deepEqual(events.map(({ id }) => id), Array.from(events, (_, i) => i + 1), "ids rise by one");
    const chains = new Map<string, string[]>();
    for (const { topic, data } of events) {
      const [chain = ""] = topic.split(".");
      const blocks = chains.get(chain) ?? [];
      chains.set(chain, blocks);
      const height = Number(data.height);
      if (topic === "bitcoin.reorg" || topic === "chia.reorg") blocks.length = Number(data.fork_height) + 1;
      if (topic !== "bitcoin.block" && topic !== "chia.block") continue;
      // Both begin above or at their first block.
      while (blocks.length === 0 && height > 0) blocks.push("");
      assert.equal(height, blocks.length, `${topic} ${height} after ${blocks.length - 1}`);
      blocks.push(String(data.hash ?? data.header_hash));
    }
    const epochs = new Map<unknown, number[]>();
    for (const { topic, data, ...rest } of events) {
      if (topic !== "node.writer") continue;
      const { chain } = rest as unknown as { chain: string };
      epochs.set(chain, [...epochs.get(chain) ?? [], Number(data.epoch)]);
    }
    for (const [chain, each] of epochs) {
      assert.deepEqual(each, Array.from(each, (_, i) => i + 1), `${chain}: each epoch has one writer`);
    }
    return chains;
  };

  test("a writer that is killed is followed by one that stood by, and neither a block nor an event is lost", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const first = await start("one");
    await reachTips(first);
    const second = await start("two");
    // In the middle of new blocks of both.
    const farming = Promise.all([simulator.farm(6), btcd.fill(4, 10)]);
    await first.process.kill("SIGKILL");
    running.delete(first);
    const killed = performance.now();
    await writes(second);
    const tookMs = performance.now() - killed;
    assert.ok(tookMs < TAKE_OVER_MS, `another took over after ${tookMs} ms`);
    assert.match(second.process.stderr, /:\d+ writes chia simulator0 to postgres:\/\/gemel@.*; this node stands by/);
    assert.doesNotMatch(second.process.stderr, /horse/, "no password in the log");
    await farming;
    await reachTips(second);
    await btcd.reorg(5);
    await simulator.reorg(5, 7);
    await reachTips(second);
    checkEvents(await eventsOf(second));
    assert.equal(await second.stop(), 143);
    running.delete(second);
  });

  test("a writer that is stopped and woken writes nothing any more, stands by, and takes over in its turn", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const first = await start("one");
    await reachTips(first);
    const second = await start("two");
    process.kill(first.process.pid, "SIGSTOP");
    await writes(second);
    await btcd.reorg(10);
    await simulator.reorg(10, 12);
    await reachTips(second);
    process.kill(first.process.pid, "SIGCONT");
    await until(
      "the news",
      20_000,
      () => Promise.resolve(/has another writer now .*; this node stands by/.test(first.process.stderr) || undefined),
    );
    // It has the same blocks to give.
    await btcd.fill(2, 3);
    await simulator.farm(2);
    await reachTips(second);
    checkEvents(await eventsOf(second));
    await second.process.kill("SIGKILL");
    running.delete(second);
    await writes(first);
    await first.process.kill("SIGTERM");
    running.delete(first);
    const last = await start("three");
    await reachTips(last);
    checkEvents(await eventsOf(last));
    assert.equal(await last.stop(), 143);
    running.delete(last);
  });

  test("a server that is killed and comes back loses nothing, and the node keeps its peers meanwhile", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const gemel = await start("one");
    await reachTips(gemel);
    server.kill9();
    await btcd.generate(3);
    await simulator.farm(3);
    await until("the trouble", 30_000, async () => {
      const { warnings } = await gemel.btc("getnetworkinfo") as { warnings: string[] };
      return /is away; see that the server runs/.test(String(warnings)) || undefined;
    });
    const { peers } = await gemel.get("v1/peers") as { peers: { chain: string }[] };
    assert.deepEqual(peers.map(({ chain }) => chain).sort(), ["bitcoin", "chia"]);
    await server.restart();
    await reachTips(gemel);
    checkEvents(await eventsOf(gemel));
    assert.equal(await gemel.stop(), 143);
    running.delete(gemel);
  });

  test("with --role writer a node ends when another takes over from it", { timeout: TIMEOUT_MS }, async () => {
    const first = await start("one", "--role", "writer");
    process.kill(first.process.pid, "SIGSTOP");
    const second = await start("two");
    await writes(second);
    process.kill(first.process.pid, "SIGCONT");
    assert.equal(await first.process.end(20_000), 75);
    assert.match(first.process.stderr, /has another writer now/);
    running.delete(first);
    await reachTips(second);
    await second.stop();
    running.delete(second);
  });

  test("a URL that is none, a server that is not there and one that refuses the login are told in one line", async () => {
    const run = async (db: string, ...args: readonly string[]) => {
      const options = optionsOf("bad");
      const launched = new Launched(["run", ...options.chain, "--data-dir", options.dir, "--db", db, ...args], options);
      return { exit: await launched.end(30_000), text: launched.stderr };
    };
    const none = await run("postgre://x:secret@y/z");
    assert.deepEqual([none.exit, none.text.includes("secret")], [78, false]);
    const away = await run("postgres://gemel@127.0.0.1:1/gemel");
    assert.equal(away.exit, 69);
    assert.match(away.text, /^error postgres:\/\/gemel@127\.0\.0\.1:1\/gemel is away/m);
    const refused = await run(server.tcpUrl().replace("horse", "cow"));
    assert.equal(refused.exit, 77);
    assert.deepEqual([/refuses the login/.test(refused.text), refused.text.includes("cow")], [true, false]);
    const shown = new Launched(["config", "show", "--db", server.tcpUrl()]);
    assert.equal(await shown.end(10_000), 0);
    assert.match(shown.stdout, /^db +postgres:\/\/gemel:\*\*\*@127\.0\.0\.1/m);
  });

  test("docs/database.md works as it says, word for word but for the ports", { timeout: TIMEOUT_MS }, async () => {
    const text = readFileSync(new URL("../../docs/database.md", import.meta.url), "utf8");
    const blocksOf = (language: string) =>
      [...text.matchAll(new RegExp("```" + language + "\\n([^`]*)```", "g"))].flatMap(([, block]) =>
        block!.trim().split("\n")
      );
    const [one, two, three, status, events, ...more] = blocksOf("sh");
    assert.ok(one && two && three && status && events && more.length === 0);
    // A database of its own, as the document begins with an empty one.
    server.sql("CREATE DATABASE walk", "postgres");
    const ports = [await freePort(), await freePort(), await freePort()];
    const adapted = (command: string) =>
      command.replace("18444", `${btcd.port}`).replace("5432/gemel", `${server.port}/walk`)
        .replace("8555", `${ports[0]}`).replace("8556", `${ports[1]}`).replace("8557", `${ports[2]}`).split(" ").slice(
          1,
        );
    const cwd = join(folder.path, "walk");
    mkdirSync(cwd);
    const launch = (command: string) => new Launched(adapted(command), { cwd, env: { PGPASSWORD: POSTGRES_PASSWORD } });
    const asked = async (command: string) => {
      const launched = launch(command);
      assert.equal(await launched.end(30_000), 0, launched.stderr);
      return launched.stdout;
    };
    const { height } = await btcd.tip();
    const isThere = (dir: string) => async () =>
      (await asked(status!.replace("two", dir))).includes(` ${height} `) || undefined;
    const first = launch(one);
    await until("the tip", 60_000, isThere("one"));
    const [second, third] = [launch(two), launch(three)];
    for (const dir of ["two", "three"]) await until(`the tip of ${dir}`, 60_000, isThere(dir));
    await first.kill("SIGKILL");
    const [who, ...questions] = blocksOf("sql");
    const isSecond = new RegExp(`:${second.pid}\\D+2\\D`);
    await until(
      "the take-over, in epoch 2",
      20_000,
      () => Promise.resolve(isSecond.test(server.sql(who!, "walk")) || undefined),
    );
    await until("the tip of its own", 60_000, isThere("two"));
    const lines = (await asked(events!)).trim().split("\n").map((line) => JSON.parse(line) as EventEnvelope);
    assert.deepEqual(lines.map(({ id }) => id), Array.from({ length: 20 }, (_, i) => i + 1));
    assert.equal(questions.length, 3);
    const answers = questions.map((question) => server.sql(question, "walk"));
    assert.match(answers[0]!, new RegExp(`^${height}\\D`));
    assert.match(answers[1]!, /bitcoin\.block\D+\d+/);
    assert.match(answers[2]!, new RegExp(`\\d+\\D+${height + 1}\\b`));
    for (const each of [third, second]) assert.equal(await each.kill("SIGTERM"), 143);
  });
});
