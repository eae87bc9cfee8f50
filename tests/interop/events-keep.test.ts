/** `--events-keep` of the compiled program: old events go while it runs, and readers are told. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { encodeSegwitAddress } from "../../lib/bitcoin/types/payment-address.ts";
import { openDatabase } from "../../lib/platform/node/sqlite.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";

const KEPT = 20;

suite("how much of the event log the program keeps", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-keep-");
  after(() => folder.remove());

  test("the newest stay, the others go, and readers are told of the gap", { timeout: 120_000 }, async () => {
    const start = () => Gemel.start({ dir: folder.path, chain: REGTEST, args: ["--events-keep", `7d,${KEPT}`] });
    let gemel = await start();
    await gemel.btc("generatetoaddress", [60, encodeSegwitAddress("bcrt", 0, new Uint8Array(20))]);
    await gemel.stop();
    // The log is measured at the start, and twice a minute.
    gemel = await start();
    const stored = async (query: string) => (await gemel.send(`events?follow=0&${query}`, "", "GET")).text;
    const linesOf = async (query: string) =>
      (await stored(`format=ndjson&${query}`)).trimEnd().split("\n").map((line) => JSON.parse(line));
    const ids = await until("the old events to go", 60_000, async () => {
      const ids = (await linesOf("since=0")).flatMap(({ id }) => id === undefined ? [] : [Number(id)]);
      // What the program has told since it looked is there beside them.
      return ids.length < 2 * KEPT ? ids : undefined;
    });
    const [oldest = 0] = ids;
    assert.ok(oldest > 30);
    assert.ok(ids.length >= KEPT);
    assert.deepEqual(ids, Array.from({ length: ids.length }, (_, i) => oldest + i));
    const gap = { topic: "gap", data: { since: 3, oldest } };
    assert.deepEqual((await linesOf("since=3"))[0], gap);
    assert.deepEqual(JSON.parse(/^data: (.*)$/m.exec(await stored("since=3"))![1]!), gap);
    await gemel.stop();

    const database = await openDatabase(join(folder.path, "events.sqlite"));
    assert.equal((await database.get("PRAGMA auto_vacuum"))?.auto_vacuum, 2, "the file can shrink");
    await database.close();
  });
});
