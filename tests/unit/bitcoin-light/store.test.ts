/** One suite for each store of the light client. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type LightStore, MemoryLightStore, type NewMatch, SqlLightStore } from "../../../lib/bitcoin/light/mod.ts";
import { BITCOIN_MIGRATIONS } from "../../../lib/bitcoin/store/schema.ts";
import { MemoryEventLog, SqlEventLog } from "../../../lib/storage/event-log.ts";
import type { EventLog, NewEvent } from "../../../lib/storage/events.ts";
import { migrate } from "../../../lib/storage/migrate.ts";
import { everyDriver } from "../../contract/every-database.ts";

interface Opened {
  readonly store: LightStore;
  readonly events: EventLog;
  /** The same store, after a restart where there is such a thing. */
  again(): Promise<LightStore>;
  close(): Promise<void>;
}

const kinds: { readonly name: string; open(): Promise<Opened> }[] = [{
  name: "memory",
  open: () => {
    const events = new MemoryEventLog();
    const store = new MemoryLightStore((added) => events.append(added));
    return Promise.resolve({ store, events, again: () => Promise.resolve(store), close: () => Promise.resolve() });
  },
}];
for (const driver of everyDriver) {
  kinds.push({
    name: driver.name,
    open: async () => {
      const folder = mkdtempSync(join(tmpdir(), "gemel-light-"));
      const path = join(folder, "light.sqlite");
      let database = await driver.open(path);
      await migrate(database, BITCOIN_MIGRATIONS, { chain: "bitcoin", network: "regtest", genesis: "00" });
      return {
        store: new SqlLightStore(database),
        events: new SqlEventLog(database),
        again: async () => {
          await database.close();
          database = await driver.open(path);
          return new SqlLightStore(database);
        },
        close: async () => {
          await database.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  });
}

const bytes = (n: number, length = 32) => new Uint8Array(length).fill(n);
const headers = (from: number, count: number) =>
  Uint8Array.from(Array.from({ length: count }, (_, i) => [...bytes((from + i) % 251)]).flat());
const match = (height: number, more: Partial<NewMatch> = {}): NewMatch => ({
  height,
  hash: bytes(height),
  txid: bytes(100 + height),
  script: Uint8Array.of(1),
  direction: "in",
  value: 2_100_000_000_000_000n,
  vout: 0xffff_fffe,
  spend: undefined,
  ...more,
});
const event = (topic: string): NewEvent => ({ topic, time: 1, chain: "bitcoin", network: "regtest", data: {} });

async function allHeaders(store: LightStore): Promise<Uint8Array> {
  const parts: number[] = [];
  for await (const page of store.filterHeaders()) parts.push(...page);
  return Uint8Array.from(parts);
}

for (const { name, open } of kinds) {
  describe(`LightStore in ${name}`, () => {
    const story = (title: string, body: (opened: Opened) => Promise<void>) =>
      test(title, async () => {
        const opened = await open();
        try {
          await body(opened);
        } finally {
          await opened.close();
        }
      });

    story("keeps filter headers over pages, cut and written anew at any height", async ({ store, again }) => {
      assert.equal(await store.tipHash(), undefined);
      await store.commit({ filterHeaders: { startHeight: 0, bytes: headers(0, 1), tipHash: bytes(1) } });
      await store.commit({ filterHeaders: { startHeight: 1, bytes: headers(1, 2_500), tipHash: bytes(2) } });
      assert.deepEqual(await allHeaders(store), headers(0, 2_501));
      for (const [startHeight, count] of [[2_048, 1], [1_500, 0], [1_024, 3], [1_027, 1_100]] as const) {
        await store.commit({ filterHeaders: { startHeight, bytes: headers(startHeight, count), tipHash: bytes(3) } });
        assert.deepEqual(await allHeaders(store), headers(0, startHeight + count));
      }
      const later = await again();
      assert.deepEqual(await allHeaders(later), headers(0, 2_127));
      assert.deepEqual(await later.tipHash(), bytes(3));
      await assert.rejects(
        later.commit({ filterHeaders: { startHeight: 3_000, bytes: headers(0, 1), tipHash: bytes(4) }, watch: [] }),
        RangeError,
      );
      assert.deepEqual(await later.tipHash(), bytes(3));
    });

    story("knows how far each script was searched", async ({ store, again }) => {
      const [a, b] = [Uint8Array.of(1), Uint8Array.of(2, 2)];
      await store.commit({
        watch: [{ script: a, from: 0, scanned: -1 }, { script: b, from: 50, scanned: 49 }],
      });
      await store.commit({ scanned: 20 });
      const scanned = async () => (await store.watched()).map((each) => each.scanned);
      assert.deepEqual(await scanned(), [20, 49]);
      await store.commit({ scanned: 70 });
      assert.deepEqual(await scanned(), [70, 70]);
      await store.commit({ rewind: 30 });
      assert.deepEqual(await scanned(), [30, 49], "a script is not searched below its birth");
      await store.commit({ watch: [{ script: a, from: 5, scanned: 4 }] });
      assert.deepEqual(await (await again()).watched(), [
        { script: a, from: 5, scanned: 4 },
        { script: b, from: 50, scanned: 49 },
      ]);
    });

    story("gives matches ids that rise and never come twice, and takes them back by height", async (opened) => {
      const { store, events, again } = opened;
      const spend = { txid: bytes(105), vin: 3 };
      await store.commit({
        matches: [match(5), match(6), match(6, { direction: "out", spend, vout: 7 })],
        events: [event("first")],
      });
      const all = await store.matches(0, 10);
      assert.deepEqual(all.map(({ id }) => id), [1, 2, 3]);
      assert.deepEqual(all[0], { id: 1, ...match(5) });
      assert.deepEqual(all[2], { id: 3, ...match(6, { direction: "out", spend, vout: 7 }) });
      assert.deepEqual((await store.matches(1, 1)).map(({ id }) => id), [2]);
      assert.deepEqual((await store.matchesIn(bytes(6))).map(({ id }) => id), [2, 3]);
      assert.deepEqual((await store.payments([bytes(106), bytes(9)])).map(({ id }) => id), [2]);
      await store.commit({
        undone: { above: 5, event: ({ id }) => event(`gone.${id}`) },
        events: [event("last")],
      });
      assert.deepEqual((await store.matches(0, 10)).map(({ id }) => id), [1]);
      const later = await again();
      await later.commit({ matches: [match(8)] });
      assert.deepEqual((await later.matches(0, 10)).map(({ id }) => id), [1, 4]);
      if (later === store) {
        const told = (await events.read(0, 10)).map(({ topic }) => topic);
        assert.deepEqual(told, ["first", "gone.2", "gone.3", "last"]);
      }
    });

    story("forgets a script with its matches", async ({ store }) => {
      const other = Uint8Array.of(9);
      await store.commit({
        watch: [{ script: other, from: 0, scanned: -1 }],
        matches: [match(1), match(2, { script: other })],
      });
      await store.commit({ unwatch: [other] });
      assert.deepEqual(await store.watched(), []);
      assert.deepEqual((await store.matches(0, 10)).map(({ height }) => height), [1]);
    });

    story("finds payments among more transactions than one statement takes", async ({ store }) => {
      await store.commit({ matches: [match(1), match(50)] });
      const txids = Array.from({ length: 1_000 }, (_, i) => {
        const txid = new Uint8Array(32);
        new DataView(txid.buffer).setUint32(0, i);
        return txid;
      });
      assert.deepEqual((await store.payments([...txids, bytes(150)])).map(({ height }) => height), [50]);
    });
  });
}
