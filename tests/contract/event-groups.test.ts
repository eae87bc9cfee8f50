/** Consumers that share the log: each event goes to one of them, on every database. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { NodeError } from "../../lib/core/errors.ts";
import type { Database } from "../../lib/core/ports.ts";
import { SimClock } from "../../lib/sim/clock.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { CLAIMS_MAX, type EventClaim, EventGroups, GROUPS_MAX } from "../../lib/storage/event-groups.ts";
import { migrate } from "../../lib/storage/migrate.ts";
import { MemoryNodeLog, NODE_LOG_MIGRATIONS, type NodeLog, SqlNodeLog } from "../../lib/storage/node-log.ts";
import { turn } from "../unit/core/sim.ts";
import { type DatabaseDriver, databaseDrivers } from "./databases.ts";
import { everyDriver } from "./every-database.ts";

const LEASE_MS = 60_000;

const upTo = (last: number, first = 1) => Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
/** Ids of a claim's events; a gap as it is. */
const idsOf = (claim: EventClaim | undefined) =>
  claim?.items.map((item) => "id" in item ? item.id : "gap" in item ? item.gap : 0);
const code = (expected: string) => (thrown: unknown) => thrown instanceof NodeError && thrown.code === expected;

async function migrated(database: Database): Promise<Database> {
  await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
  return database;
}

interface World {
  readonly log: NodeLog;
  readonly clock: SimClock;
  readonly groups: EventGroups;
  /** The same groups for another program: on a server over a connection of its own. A file is one program's. */
  readonly another: () => Promise<EventGroups>;
  readonly append: (count: number, topic?: string) => Promise<unknown>;
}

async function withWorld(driver: DatabaseDriver, isMemory: boolean, work: (world: World) => Promise<void>) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-groups-"));
  const opened: Database[] = [];
  const clock = new SimClock({ turn });
  // Giving way to others costs no time here.
  const impatient = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: () => () => {},
    sleep: () => Promise.resolve(),
  };
  let programs = 0;
  const open = async () => {
    const database = await driver.open(path.join(folder, "events.sqlite"));
    opened.push(database);
    return database;
  };
  try {
    const first = await migrated(await open());
    const log = isMemory ? new MemoryNodeLog() : new SqlNodeLog(first, () => {});
    const groupsOn = (database: Database) => {
      const read = isMemory ? log : new SqlNodeLog(database, () => {});
      return new EventGroups({ database, log: read, clock: impatient, random: new SeededRandom(++programs) });
    };
    const append = (count: number, topic = "t") =>
      log.append(Array.from({ length: count }, () => ({ topic, time: 0, chain: null, network: null, data: {} })));
    const another = async () => groupsOn(driver.dialect === "postgresql" ? await open() : first);
    await work({ log, clock, append, groups: groupsOn(first), another });
  } finally {
    for (const database of opened) await database.close();
    await rm(folder, { recursive: true });
  }
}

const worlds = [
  ["a log in memory", (work: (world: World) => Promise<void>) => withWorld(databaseDrivers[0]!, true, work)] as const,
  ...everyDriver.map((driver) =>
    [driver.name, (work: (world: World) => Promise<void>) => withWorld(driver, false, work)] as const
  ),
];

for (const [name, within] of worlds) {
  describe(`EventGroups on ${name}`, () => {
    test("gives each event once to many consumers of several programs, and loses none", () =>
      within(async ({ append, groups, another }) => {
        await append(1_000);
        await groups.make("g", [], 0);
        const programs = [groups, await another(), await another()];
        const got: number[] = [];
        const consumer = async (program: EventGroups, limit: number) => {
          for (;;) {
            const claim = await program.next("g", limit, LEASE_MS);
            if (claim === undefined) return;
            assert.equal(claim.attempt, 1);
            got.push(...idsOf(claim) as number[]);
            assert.equal(await program.acknowledge("g", claim.claim), true);
          }
        };
        await Promise.all(programs.flatMap((program) => [7, 13, 40].map((limit) => consumer(program, limit))));
        assert.deepEqual(got.toSorted((a, b) => a - b), upTo(1_000));
        const [group] = await groups.list();
        assert.deepEqual(group, { name: "g", topics: [], position: 1_000, claims: 0 });
      }));

    test("events that nobody acknowledges in time go to one other, and the first has lost them", () =>
      within(async ({ append, clock, groups, another }) => {
        await append(10);
        await groups.make("g", [], 0);
        const first = await groups.next("g", 4, LEASE_MS);
        assert.deepEqual(idsOf(first), [1, 2, 3, 4]);
        assert.equal(first!.deadline, clock.now() + LEASE_MS);
        await clock.advance(LEASE_MS - 1);
        const second = await groups.next("g", 4, LEASE_MS);
        assert.deepEqual(idsOf(second), [5, 6, 7, 8]);
        await clock.advance(1);
        const programs = [groups, await another()];
        const claims = await Promise.all(programs.map((program) => program.next("g", 4, LEASE_MS)));
        assert.deepEqual(claims.map(idsOf).toSorted(), [[1, 2, 3, 4], [9, 10]]);
        const again = claims.find((claim) => claim?.attempt === 2);
        assert.deepEqual(idsOf(again), [1, 2, 3, 4]);
        assert.equal(await groups.acknowledge("g", first!.claim), false, "it has come too late");
        assert.equal(await groups.extend("g", first!.claim, LEASE_MS), false);
        assert.equal(await groups.acknowledge("g", again!.claim), true);
        assert.equal(await groups.acknowledge("g", again!.claim), false, "once");
        assert.equal(await groups.acknowledge("g", second!.claim), true);
        assert.equal((await groups.list())[0]?.claims, 1);
      }));

    test("a consumer may take longer, or give its events back", () =>
      within(async ({ append, clock, groups }) => {
        await append(2);
        await groups.make("g", [], 0);
        const claim = await groups.next("g", 2, LEASE_MS);
        await clock.advance(LEASE_MS - 1);
        assert.equal(await groups.extend("g", claim!.claim, LEASE_MS), true);
        await clock.advance(LEASE_MS - 1);
        assert.equal(await groups.next("g", 2, LEASE_MS), undefined);
        assert.equal(await groups.extend("g", claim!.claim, 0), true);
        const again = await groups.next("g", 2, LEASE_MS);
        assert.deepEqual([idsOf(again), again!.attempt], [[1, 2], 2]);
      }));

    test("gives only its topics, at most so many, and passes over the others", () =>
      within(async ({ append, groups }) => {
        await append(1_500, "p2p.connect");
        await append(3, "chia.peak");
        await append(2, "p2p.connect");
        await groups.make("g", ["chia.*"], 0);
        assert.deepEqual(idsOf(await groups.next("g", 2, LEASE_MS)), [1_501, 1_502]);
        const claim = await groups.next("g", 2, LEASE_MS);
        assert.deepEqual(idsOf(claim), [1_503]);
        assert.equal(await groups.next("g", 2, LEASE_MS), undefined);
        assert.equal((await groups.list())[0]?.position, 1_505);
        await groups.extend("g", claim!.claim, 0);
        assert.deepEqual(idsOf(await groups.next("g", 2, LEASE_MS)), [1_503], "and so the second time");
      }));

    test("what was trimmed before it was taken, or while somebody had it, is told as a gap", () =>
      within(async ({ append, groups, log }) => {
        await append(20);
        await groups.make("g", [], 2);
        const claim = await groups.next("g", 5, LEASE_MS);
        assert.deepEqual(idsOf(claim), upTo(7, 3));
        await log.trim(5);
        await groups.extend("g", claim!.claim, 0);
        const part = await groups.next("g", 5, LEASE_MS);
        assert.deepEqual(idsOf(part), [{ since: 2, oldest: 6 }, 6, 7]);
        await log.trim(10);
        await groups.extend("g", part!.claim, 0);
        assert.deepEqual(idsOf(await groups.next("g", 5, LEASE_MS)), [{ since: 2, oldest: 11 }]);
        assert.deepEqual(idsOf(await groups.next("g", 5, LEASE_MS)), [{ since: 7, oldest: 11 }, ...upTo(15, 11)]);
      }));

    test("groups are apart, are made once, and go with their claims", () =>
      within(async ({ append, groups }) => {
        await append(3);
        assert.equal(await groups.make("new", []), true);
        assert.equal(await groups.next("new", 5, LEASE_MS), undefined, "it begins with what comes");
        assert.equal(await groups.make("old", ["t", "u.*"], 0), true);
        assert.equal(await groups.make("old", ["t", "u.*"], 2), false, "it is there");
        await assert.rejects(groups.make("old", ["t"]), code("GROUP_DIFFERS"));
        await append(1);
        assert.deepEqual(idsOf(await groups.next("new", 5, LEASE_MS)), [4]);
        assert.deepEqual(idsOf(await groups.next("old", 5, LEASE_MS)), [1, 2, 3, 4]);
        assert.deepEqual((await groups.list()).map(({ name, claims }) => [name, claims]), [["new", 1], ["old", 1]]);
        assert.equal(await groups.remove("old"), true);
        assert.equal(await groups.remove("old"), false);
        await assert.rejects(groups.next("old", 5, LEASE_MS), code("GROUP_UNKNOWN"));
        assert.equal(await groups.make("old", [], 0), true);
        assert.deepEqual(idsOf(await groups.next("old", 5, LEASE_MS)), [1, 2, 3, 4]);
        assert.equal(await groups.make("beyond", [], 1_000), true);
        await append(1);
        assert.deepEqual(idsOf(await groups.next("beyond", 5, LEASE_MS)), [5], "no place beyond the log");
      }));

    test(
      "there are bounds of groups and of open claims",
      { timeout: 60_000 },
      () =>
        within(async ({ append, groups, log }) => {
          for (let i = 0; i < GROUPS_MAX; i++) await groups.make(`g${i}`, [], 0);
          await assert.rejects(groups.make("more", []), code("GROUPS_FULL"));
          await append(CLAIMS_MAX + 1);
          let last: EventClaim | undefined;
          for (let i = 0; i < CLAIMS_MAX; i++) last = await groups.next("g0", 1, LEASE_MS);
          await assert.rejects(groups.next("g0", 1, LEASE_MS), code("GROUP_BUSY"));
          await groups.acknowledge("g0", last!.claim);
          assert.deepEqual(idsOf(await groups.next("g0", 1, LEASE_MS)), [CLAIMS_MAX + 1]);
          assert.equal((await log.bounds()).newest, CLAIMS_MAX + 1);
        }),
    );
  });
}
