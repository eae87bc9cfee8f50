import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightService, Match } from "../../../lib/bitcoin/light/mod.ts";
import { MemoryLightStore } from "../../../lib/bitcoin/light/mod.ts";
import { WatchList } from "../../../lib/bitcoin/light/watch-list.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import type { BitcoinService } from "../../../lib/bitcoin/service.ts";
import { watchRoutes } from "../../../lib/rpc/v1/watch.ts";
import type { RpcContext } from "../../../lib/rpc/context.ts";
import { RPC_LIMITS } from "../../../lib/rpc/limits.ts";
import { FakeClock } from "../rpc/support.ts";

const ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const SCRIPT = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
const HEIGHT = 120;

const match = (id: number, more: Partial<Match> = {}): Match => ({
  id,
  height: 7,
  hash: Uint8Array.of(1, ...new Uint8Array(31)),
  txid: Uint8Array.of(2, ...new Uint8Array(31)),
  script: Uint8Array.of(0x51),
  direction: "in",
  value: 5_000_000_000n,
  vout: 1,
  spend: undefined,
  ...more,
});

/** The routes of a node at height {@link HEIGHT}, with a watch list and some matches, or with none of it. */
async function routes({ light = true } = {}) {
  const list = await WatchList.load(new MemoryLightStore(() => Promise.resolve()));
  const spend = { txid: Uint8Array.of(3, ...new Uint8Array(31)), vin: 4 };
  const matches = [match(1), match(3, { direction: "out", spend })];
  const service: LightService = {
    watch: (scripts, from) => list.add(scripts, from),
    unwatch: (scripts) => list.remove(scripts),
    watched: () => list.list(),
    matches: (since, limit) => Promise.resolve(matches.filter(({ id }) => id > since).slice(0, limit)),
    progress: () => ({
      headers: HEIGHT,
      filterHeaders: 119,
      scanned: 118,
      synced: false,
      peers: { offering: 2, agreeing: 1 },
    }),
  };
  const bitcoin = {
    network: regtest,
    headers: { height: () => HEIGHT },
    state: () => ({ tip: 9 }),
    light: light ? service : undefined,
  } as unknown as BitcoinService;
  const context = { bitcoin, clock: new FakeClock() } as unknown as RpcContext & { readonly bitcoin: BitcoinService };
  const app = watchRoutes(context, RPC_LIMITS);
  return async (method: string, path: string, body?: unknown) => {
    const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const answer = await app.request(`/v1/bitcoin/${path}`, init);
    return { status: answer.status, body: await answer.json() as Record<string, unknown> };
  };
}

describe("/v1/bitcoin/watch", () => {
  test("watches addresses and scripts from a height, lists and forgets them", async () => {
    const call = await routes();
    const added = await call("POST", "watch", { addresses: [ADDRESS], scripts: ["51"], from: 3 });
    assert.deepEqual([added.status, added.body], [201, {
      watched: [
        { script: SCRIPT, address: ADDRESS, from: 3, scanned: 2 },
        { script: "51", address: null, from: 3, scanned: 2 },
      ],
    }]);
    const listed = await call("GET", "watch");
    assert.equal((listed.body.watched as unknown[]).length, 2);
    assert.deepEqual(listed.body.progress, {
      headers: HEIGHT,
      filter_headers: 119,
      scanned: 118,
      synced: false,
      peers: { offering: 2, agreeing: 1 },
    });
    assert.deepEqual((await call("DELETE", `watch?address=${ADDRESS}&script=51`)).body, { removed: 2 });
    assert.equal((await call("DELETE", "watch?script=51")).status, 404);
  });

  test("without a height it begins with the next block", async () => {
    const call = await routes();
    const { body } = await call("POST", "watch", { scripts: ["51"] });
    assert.deepEqual(body.watched, [{ script: "51", address: null, from: HEIGHT + 1, scanned: HEIGHT }]);
  });

  for (
    const [what, body] of [
      ["nothing at all", {}],
      ["an address of another network", { addresses: ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"] }],
      ["no address", { addresses: ["x"] }],
      ["half a byte", { scripts: ["515"] }],
      ["a script that is in no filter", { scripts: ["6a00"] }],
      ["a number for a script", { scripts: [51] }],
      ["text for a list", { scripts: "51" }],
      ["a height below 0", { scripts: ["51"], from: -1 }],
      ["a field that there is not", { scripts: ["51"], form: 1 }],
      ["too many", { scripts: Array.from({ length: 1_001 }, () => "51") }],
    ] as const
  ) {
    test(`refuses ${what}`, async () => {
      const call = await routes();
      assert.equal((await call("POST", "watch", body)).status, 400);
      assert.deepEqual((await call("GET", "watch")).body.watched, []);
    });
  }

  test("a node without filters says so", async () => {
    const call = await routes({ light: false });
    for (const [method, path] of [["GET", "watch"], ["GET", "matches"], ["DELETE", "watch?script=51"]] as const) {
      const { status, body } = await call(method, path);
      assert.equal(status, 400);
      assert.match(String(body.title), /--mode filters/);
    }
  });
});

describe("/v1/bitcoin/matches", () => {
  test("gives what comes after an id, a page at a time", async () => {
    const call = await routes();
    const all = (await call("GET", "matches")).body.matches as Record<string, unknown>[];
    assert.deepEqual(all.map(({ id }) => id), [1, 3]);
    assert.deepEqual(all[1], {
      id: 3,
      height: 7,
      hash: `${"00".repeat(31)}01`,
      txid: `${"00".repeat(31)}02`,
      script: "51",
      address: null,
      direction: "out",
      value: 5_000_000_000,
      vout: 1,
      spent_txid: `${"00".repeat(31)}03`,
      vin: 4,
    });
    const page = (await call("GET", "matches?since=1&limit=1")).body.matches as Record<string, unknown>[];
    assert.deepEqual(page.map(({ id }) => id), [3]);
    for (const query of ["limit=0", "limit=1001", "since=x"]) {
      assert.equal((await call("GET", `matches?${query}`)).status, 400);
    }
  });
});
