/**
 * Webhooks of the compiled program: a receiver fails, is slow, is busy, hangs, dies and comes back, and the program is
 * killed in the middle. Every event of the log arrives, in order, correctly signed.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { encodeSegwitAddress } from "../../lib/bitcoin/types/payment-address.ts";
import type { JsonObject } from "../../lib/codec/json.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { type Mood, WebhookReceiver } from "./webhook-receiver.ts";

const STOP_MS_MAX = 4_000;

suite("webhooks of the program", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-webhooks-");
  after(() => folder.remove());

  test("every event arrives at least once, in order and signed, whatever happens to either side", {
    timeout: 180_000,
  }, async () => {
    const secretFile = join(folder.path, "webhooks", "default.secret");
    const receiver = new WebhookReceiver(() => readFileSync(secretFile, "utf8"));
    await receiver.start();
    const start = () =>
      Gemel.start({ dir: folder.path, chain: REGTEST, args: ["--webhook", receiver.url, "--log-level", "debug"] });
    let blocks = 0;
    const mine = async (gemel: Gemel, count: number) => {
      const address = encodeSegwitAddress("bcrt", 0, new Uint8Array(20).fill(++blocks));
      await gemel.btc("generatetoaddress", [count, address]);
    };
    const idsOf = async (gemel: Gemel) => {
      const { text } = await gemel.send("events?format=ndjson&follow=0", "", "GET");
      return text.trimEnd().split("\n").map((line) => Number(JSON.parse(line).id));
    };
    const hookOf = async (gemel: Gemel) => ((await gemel.get("v1/webhooks")).webhooks as JsonObject[])[0]!;
    const caughtUp = (gemel: Gemel) =>
      until("the webhook to catch up", 60_000, async () => (await hookOf(gemel)).lag === 0 || undefined);

    let gemel = await start();
    assert.equal(statSync(secretFile).mode & 0o777, 0o600);
    await mine(gemel, 20);
    await caughtUp(gemel);

    for (const mood of ["failing", "busy", "slow", "hanging"] satisfies Mood[]) {
      receiver.mood = mood;
      await mine(gemel, 5);
      await until(
        `a delivery to a receiver that is ${mood}`,
        30_000,
        () => Promise.resolve((receiver.met.get(mood) ?? 0) > 0 || undefined),
      );
      if (mood !== "hanging") receiver.mood = "well";
      if (mood !== "hanging") await caughtUp(gemel);
    }

    // Killed while a delivery hangs, and while the receiver is away.
    await gemel.stop("SIGKILL");
    const before = receiver.newest;
    await receiver.die();
    gemel = await start();
    await mine(gemel, 30);
    const { last_error, failures } = await until("an attempt to fail", 30_000, async () => {
      const hook = await hookOf(gemel);
      return Number(hook.failures) > 0 ? hook : undefined;
    });
    assert.ok(String(last_error).length > 3 && Number(failures) > 0);
    assert.ok(Number((await hookOf(gemel)).lag) > 0);
    assert.equal(receiver.newest, before);
    receiver.mood = "well";
    await receiver.start();
    await caughtUp(gemel);

    // Killed at any moment of many deliveries.
    for (let kills = 0; kills < 3; kills++) {
      const working = mine(gemel, 60).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 60 + 90 * kills));
      await gemel.stop("SIGKILL");
      await working;
      gemel = await start();
    }
    await mine(gemel, 5);
    await caughtUp(gemel);

    // A receiver that hangs does not hold up an orderly stop.
    receiver.mood = "hanging";
    const hung = receiver.met.get("hanging") ?? 0;
    await mine(gemel, 1);
    await until(
      "a delivery that hangs",
      30_000,
      () => Promise.resolve((receiver.met.get("hanging") ?? 0) > hung || undefined),
    );
    const ids = await idsOf(gemel);
    const begun = performance.now();
    assert.equal(await gemel.stop(), 143, "stopped in order by the signal");
    assert.ok(performance.now() - begun < STOP_MS_MAX, `the stop took ${performance.now() - begun} ms`);
    receiver.mood = "well";
    gemel = await start();
    await caughtUp(gemel);
    const metrics = (await gemel.send("metrics", "", "GET")).text;
    assert.match(metrics, /^gemel_webhook_lag_events\{webhook="default"\} 0$/m);
    await gemel.stop();
    await receiver.die();

    assert.deepEqual(receiver.wrong, []);
    assert.deepEqual(ids, Array.from({ length: ids.length }, (_, i) => i + 1), "the log is whole");
    assert.ok(ids.length > 100, `${ids.length} events`);
    const arrived = new Set(receiver.accepted);
    assert.deepEqual(ids.filter((id) => !arrived.has(id)), []);
    const secret = readFileSync(secretFile, "utf8").trim();
    assert.ok(!gemel.process.stderr.includes(secret), "the secret is in no log");
  });

  test("a webhook that cannot be is refused in one line, without its password", { timeout: 60_000 }, async () => {
    const run = (...args: string[]) =>
      Gemel.start({ dir: join(folder.path, "refused"), chain: REGTEST, args }).then(async (gemel) => {
        await gemel.stop();
        return "it started";
      }, (thrown) => String(thrown));
    const twice = await run("--webhook", "http://u:hidden@127.0.0.1:1/a", "--webhook", "http://127.0.0.1:1/b");
    assert.match(twice, /ended with 78[\s\S]*each needs a name of its own/);
    assert.doesNotMatch(twice, /hidden/);
    const proxied = await run("--proxy", "127.0.0.1:1", "--webhook", "https://receiver.example/x");
    assert.match(proxied, /would not go through the proxy/);
    assert.match(await run("--webhook", "receiver"), /webhook: \[NAME=\]URL/);
  });
});
