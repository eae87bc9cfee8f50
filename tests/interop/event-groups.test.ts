/**
 * The event log of the compiled program on a PostgreSQL server, read by a group of consumers while the program is killed and
 * the server goes away: each event is done with once, except those that a consumer held when it died.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { encodeSegwitAddress } from "../../lib/bitcoin/types/payment-address.ts";
import type { JsonObject } from "../../lib/codec/json.ts";
import { openPostgres } from "../../lib/platform/node/postgres.ts";
import { postgresMissing, PostgresServer } from "../support/postgres-server.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";

const CONSUMERS = 4;

suite("groups of consumers, the log on a server", binaryMissing() ?? postgresMissing(), () => {
  const folder = temporaryFolder("gemel-groups-");
  after(() => folder.remove());

  test("each event is done with once, over kills of the program", { timeout: 180_000 }, async () => {
    const server = await PostgresServer.start();
    after(() => server.stop());
    const start = (dir: string) =>
      Gemel.start({ dir: join(folder.path, dir), chain: REGTEST, args: ["--db", server.url, "--role", "writer"] });
    let gemel = await start("one");
    let blocks = 0;
    const mine = (count: number) =>
      gemel.btc("generatetoaddress", [count, encodeSegwitAddress("bcrt", 0, new Uint8Array(20).fill(++blocks))]);
    const group = (rest: string, method = "POST") => gemel.send(`v1/events/groups/work${rest}`, "", method);
    assert.equal((await group("?since=0", "PUT")).status, 201);

    const done = new Map<number, number>();
    /** Events of acknowledgements whose answer was lost with the program: they may be done with. */
    const unsure = new Set<number>();
    let isOver = false;
    let again = 0;
    const consumer = async () => {
      while (!isOver) {
        try {
          const { status, text } = await group("/next?limit=3&seconds=2&wait=1");
          if (status !== 200) throw new Error(text);
          const { claim, attempt, events } = JSON.parse(text) as {
            claim: string | null;
            attempt: number;
            events: { id: number }[];
          };
          if (claim === null) continue;
          if (attempt > 1) again++;
          // Only what is acknowledged is done: the answer may be lost with the program, and then it comes again.
          for (const { id } of events) unsure.add(id);
          const { status: acknowledged } = await group(`/ack?claim=${claim}`);
          for (const { id } of events) unsure.delete(id);
          if (acknowledged !== 204) continue;
          for (const { id } of events) done.set(id, (done.get(id) ?? 0) + 1);
        } catch {
          // The program was killed; the test starts it again.
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    const consumers = Array.from({ length: CONSUMERS }, consumer);
    try {
      await mine(40);
      for (let kills = 0; kills < 3; kills++) {
        const working = mine(20).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 150));
        await gemel.stop("SIGKILL");
        await working;
        gemel = await start("one");
      }
      server.kill9();
      await assert.rejects(mine(7), /DATABASE_AWAY/);
      await server.restart();
      await until("blocks again", 30_000, () => mine(1).then(() => true, () => undefined));
      await until("the events of all blocks", 30_000, async () => {
        const { text } = await gemel.send("events?format=ndjson&follow=0&topics=bitcoin.block", "", "GET");
        const heights = text.trimEnd().split("\n").map((line) => Number(JSON.parse(line).data.height));
        const height = Number(await gemel.btc("getblockcount"));
        if (heights.at(-1) !== height) return undefined;
        assert.deepEqual(heights, Array.from({ length: height }, (_, i) => i + 1));
        return true;
      });
      await until("the group to have done all", 60_000, async () => {
        const { groups } = await gemel.get("v1/events/groups");
        const [{ lag, claims } = {}] = groups as JsonObject[];
        return (lag === 0 && claims === 0) || undefined;
      });
    } finally {
      isOver = true;
      await Promise.all(consumers);
    }

    const { text } = await gemel.send("events?format=ndjson&follow=0", "", "GET");
    const ids = text.trimEnd().split("\n").map((line) => Number(JSON.parse(line).id));
    assert.deepEqual(ids, Array.from({ length: ids.length }, (_, i) => i + 1));
    assert.ok(ids.length > 60, `${ids.length} events`);
    assert.deepEqual(ids.filter((id) => !done.has(id) && !unsure.has(id)), [], "all are done with");
    assert.deepEqual([...done].filter(([, times]) => times !== 1), [], `twice; ${again} claims came again`);

    const database = await openPostgres(server.url, { part: "events" });
    const counted = await database.get("SELECT COUNT(*) AS n, MAX(id) AS newest FROM events");
    assert.deepEqual([Number(counted?.n), Number(counted?.newest)], [ids.length, ids.length], "they are on the server");
    await database.close();

    await gemel.stop();
  });
});
