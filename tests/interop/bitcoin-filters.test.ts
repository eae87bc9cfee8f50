/** The compiled program in mode `filters` beside btcd, which serves the filters and says what is true. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../lib/codec/json.ts";
import { binaryMissing, type EventEnvelope, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { objectOf, send, until } from "./call.ts";

const TIMEOUT_MS = 300_000;

/** What btcd tells of a transaction, as far as it matters here. */
interface Told {
  readonly txid: string;
  readonly vin: readonly { readonly txid?: string; readonly vout?: number }[];
  readonly vout: readonly {
    readonly n: number;
    readonly value: number;
    readonly scriptPubKey: { readonly hex: string; readonly addresses?: readonly string[]; readonly address?: string };
  }[];
}

suite("gemel with block filters beside btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-filters-");
  const dir = join(folder.path, "node");
  let btcd: Btcd;
  let gemel: Gemel;

  before(async () => {
    btcd = await Btcd.start({ blocks: 120 });
    await btcd.fill(60, 14);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  const start = (ports: readonly number[] = [btcd.port]) =>
    Gemel.start({ dir, chain: [...REGTEST, "--mode", "filters"], connect: ports });

  /** A call of btcd's, without a process for each. */
  const ask = async (method: string, params: readonly (string | number)[]) => {
    const { rpc_port, rpc_user, rpc_pass, rpc_cert } = btcd.node;
    const headers = { "content-type": "application/json" };
    const auth = `${rpc_user}:${rpc_pass}`;
    const to = {
      host: "127.0.0.1",
      port: rpc_port,
      path: "/",
      method: "POST",
      headers,
      auth,
      ca: readFileSync(rpc_cert),
    };
    return objectOf(await send(to, JSON.stringify({ jsonrpc: "1.0", id: 1, method, params }))).result;
  };
  const blocks = new Map<string, readonly Told[]>();
  /** btcd's transactions by height. */
  const chainOf = async (): Promise<(readonly Told[])[]> => {
    const { height } = await btcd.tip();
    const chain: (readonly Told[])[] = [];
    for (let at = 0; at <= height; at++) {
      const hash = String(await ask("getblockhash", [at]));
      let transactions = blocks.get(hash);
      if (transactions === undefined) {
        const block = await ask("getblock", [hash, 2]) as JsonObject;
        transactions = (block.tx ?? block.rawtx) as unknown as readonly Told[];
        blocks.set(hash, transactions);
      }
      chain.push(transactions);
    }
    return chain;
  };
  /** Every payment to scripts and every spend of one, by btcd's word. */
  const truth = (chain: readonly (readonly Told[])[], scripts: ReadonlySet<string>): string[] => {
    const coins = new Map<string, number>();
    const lines: string[] = [];
    for (const [height, transactions] of chain.entries()) {
      for (const { txid, vin, vout } of transactions) {
        for (const [index, input] of vin.entries()) {
          const value = coins.get(`${input.txid}:${input.vout}`);
          if (value !== undefined) lines.push(`${height} out ${txid} ${index} ${value}`);
        }
        for (const { n, value, scriptPubKey } of vout) {
          if (!scripts.has(scriptPubKey.hex)) continue;
          const satoshi = Math.round(value * 1e8);
          coins.set(`${txid}:${n}`, satoshi);
          lines.push(`${height} in ${txid} ${n} ${satoshi}`);
        }
      }
    }
    return lines.sort();
  };
  /** What gemel found, all pages of it. */
  const found = async (): Promise<string[]> => {
    const lines: string[] = [];
    for (let since = 0;;) {
      const { matches } = await gemel.get(`v1/bitcoin/matches?since=${since}&limit=1000`) as { matches: JsonObject[] };
      if (matches.length === 0) return lines.sort();
      for (const { height, direction, txid, vin, vout, value } of matches) {
        lines.push(`${height} ${direction} ${txid} ${direction === "out" ? vin : vout} ${value}`);
      }
      since = Number(matches.at(-1)!.id);
    }
  };
  const synced = async (timeoutMs = 60_000) => {
    const { best } = await btcd.tip();
    await gemel.reachesBlock(best, timeoutMs);
    return await until("the end of the search", timeoutMs, async () => {
      const { progress } = await gemel.get("v1/bitcoin/watch") as { progress: JsonObject };
      return progress.synced === true ? progress : undefined;
    });
  };

  /** Every script that any output has, but those that no filter contains. */
  let scripts = new Set<string>();

  test("every payment of a chain with transactions of all kinds is found, and everything that spends one", {
    timeout: TIMEOUT_MS,
  }, async () => {
    gemel = await start();
    const chain = await chainOf();
    assert.ok(chain.length > 180);
    const outputs = chain.flat().flatMap(({ vout }) => vout.map(({ scriptPubKey }) => scriptPubKey));
    scripts = new Set(outputs.map(({ hex }) => hex).filter((hex) => hex !== "" && !hex.startsWith("6a")));
    const addressOf = new Map(outputs.map(({ hex, addresses, address }) => [hex, addresses?.[0] ?? address]));
    // Some as addresses, some as scripts.
    const [named, bare] = [new Set<string>(), new Set<string>()];
    for (const [i, hex] of [...scripts].entries()) {
      const address = addressOf.get(hex);
      if (i % 2 === 0 && address !== undefined && outputs.filter((each) => each.hex === hex).length > 1) {
        named.add(address);
      } else bare.add(hex);
    }
    const body = JSON.stringify({ addresses: [...named], scripts: [...bare], from: 0 });
    const { status, text } = await gemel.send("v1/bitcoin/watch", body);
    assert.equal(status, 201, text);
    await synced();
    const expected = truth(chain, scripts);
    assert.ok(expected.length > 800, `${expected.length} payments and spends`);
    assert.deepEqual(await found(), expected);
    const { best, height } = await btcd.tip();
    // Headers may come in several steps, each of which may be searched to its end before the next comes.
    const isLast = ({ topic, data }: EventEnvelope) => topic === "bitcoin.filters_synced" && data.height === height;
    const events = await gemel.events(0, isLast);
    assert.equal(events.at(-1)?.data.filter_header, await ask("getcfilterheader", [best, 0]));
    assert.equal((await gemel.status("bitcoin")).validation, "headers");
  });

  test("new transactions are found as they are mined, each told in an event", { timeout: TIMEOUT_MS }, async () => {
    await btcd.fill(3, 10);
    await synced();
    const expected = truth(await chainOf(), scripts);
    assert.deepEqual(await found(), expected);
    const told: string[] = [];
    await gemel.events(0, ({ topic, data }) => {
      if (topic !== "bitcoin.match") return false;
      const { height, direction, txid, vin, vout, value } = data;
      return told.push(`${height} ${direction} ${txid} ${direction === "out" ? vin : vout} ${value}`) ===
        expected.length;
    });
    assert.deepEqual(told.sort(), expected);
  });

  test("a reorganisation takes back what is gone", { timeout: TIMEOUT_MS }, async () => {
    const before = await found();
    await btcd.reorg(4);
    await synced();
    const expected = truth(await chainOf(), scripts);
    assert.notDeepEqual(expected, before);
    assert.deepEqual(await found(), expected);
  });

  test("killed and started again beside two nodes, it knows what it knew and finds what came meanwhile", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await gemel.stop("SIGKILL");
    await btcd.fill(2, 7);
    const second = await btcd.second();
    gemel = await start([btcd.port, second.port]);
    const progress = await synced();
    assert.deepEqual(await found(), truth(await chainOf(), scripts));
    await until("both peers' word", 30_000, async () => {
      const { progress: { peers } } = await gemel.get("v1/bitcoin/watch") as { progress: { peers: JsonObject } };
      return peers.agreeing === 2 ? true : undefined;
    });
    assert.equal(progress.filter_headers, (await btcd.tip()).height);
  });

  test("`gemel watch` adds, lists, tells and removes", { timeout: TIMEOUT_MS }, async () => {
    const run = async (...args: string[]) => {
      const launched = new Launched(["watch", ...args, "--data-dir", dir]);
      assert.equal(await launched.end(20_000), 0, launched.stderr);
      return launched.stdout;
    };
    const fresh = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    assert.match(await run("add", fresh, "--from", "3"), /is watched from height 3/);
    await synced();
    assert.match(await run("list"), new RegExp(`${fresh} +3 +\\d+`));
    const { matches } = JSON.parse(await run("matches", "--limit", "5", "--json")) as { matches: unknown[] };
    assert.equal(matches.length, 5);
    assert.match(await run("remove", fresh), /1 are no longer watched/);
    assert.doesNotMatch(await run("list"), new RegExp(fresh));
  });
});
