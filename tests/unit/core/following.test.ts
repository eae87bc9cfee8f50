/** A node that only reads, against one that writes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { Following, type FollowingParts, refuseCommands } from "../../../lib/core/following.ts";
import { simClock } from "./sim.ts";

/** What is followed, as a test sets it. */
function scene(parts: Partial<FollowingParts> = {}) {
  const clock = simClock();
  const world = { commits: 7, writer: "one:1" as string | undefined, away: false, replaced: false, taken: 0 };
  const said: string[] = [];
  const again: NodeError[] = [];
  const following = new Following({
    clock,
    subject: "bitcoin regtest",
    writer: () => Promise.resolve(world.writer),
    startAgain: (why) => void again.push(why),
    standsBy: false,
    notice: (level, text) => void said.push(`${level} ${text}`),
    ...parts,
  }, "one:1");
  const followed = {
    commits: () => world.away ? Promise.reject(new Error("it is away")) : Promise.resolve(world.commits),
    follow: () => {
      if (world.replaced) return Promise.reject(new NodeError("STORE_REPLACED", "self", "begun anew"));
      world.taken += 1;
      return Promise.resolve(world.commits);
    },
  };
  return { clock, world, said, again, following, followed, look: () => following.look(followed) };
}

describe("Following", () => {
  test("takes over what is new, once, and says that it is not behind", async () => {
    const { world, following, look } = scene();
    await look();
    await look();
    assert.equal(world.taken, 1);
    assert.deepEqual(following.state, { writer: "one:1", commitsBehind: 0, heardMs: 0, trouble: undefined });
    assert.ok(following.isCurrent);
    world.commits = 9;
    await look();
    assert.equal(world.taken, 2);
  });

  test("says how far it is behind while it cannot take over what is there", async () => {
    const { world, following, followed } = scene();
    await following.look(followed);
    world.commits = 12;
    await following.look({ ...followed, follow: () => Promise.reject(new Error("too slow")) });
    assert.equal(following.state.commitsBehind, 5);
    assert.equal(following.isCurrent, false);
    await following.look(followed);
    assert.equal(following.state.commitsBehind, 0);
  });

  test("goes on by itself when the database was away, tells so once, and for how long", async () => {
    const { clock, world, said, following, followed } = scene();
    const stop = new AbortController();
    const running = following.run(followed, stop.signal);
    await clock.advance(600);
    world.away = true;
    await clock.advance(10_000);
    assert.deepEqual(said, ["warning bitcoin regtest: it is away; it is asked again"]);
    assert.equal(following.isCurrent, false);
    assert.match(following.warnings[0]!, /^nothing was heard of the database for 10 s: it is away$/);
    world.away = false;
    world.commits = 8;
    await clock.advance(600);
    assert.deepEqual(said.slice(1), ["info the database of bitcoin regtest answers again"]);
    assert.deepEqual([following.isCurrent, following.warnings], [true, []]);
    stop.abort();
    await clock.until(running);
  });

  test("begins anew where it would write and nobody does, and only there", async () => {
    for (const standsBy of [true, false]) {
      const { world, again, following, look } = scene({ standsBy });
      world.writer = undefined;
      await look();
      assert.deepEqual(again.map(({ code }) => code), standsBy ? ["WRITER_WANTED"] : []);
      assert.equal(following.isCurrent, false);
      assert.deepEqual(following.warnings, ["nobody writes to the database: no block comes"]);
    }
  });

  test("begins anew when what it reads was begun anew", async () => {
    const { world, again, look } = scene();
    world.replaced = true;
    await look();
    assert.deepEqual(again.map(({ code }) => code), ["STORE_REPLACED"]);
  });

  test("makes commands of a service refuse, with who writes", async () => {
    const { world, following, look } = scene();
    class Service {
      readonly #own = 3;
      change(): number {
        return this.#own;
      }
      read(): number {
        return this.#own;
      }
    }
    const service = new Service();
    refuseCommands(service, ["change"], following);
    assert.throws(() => service.change(), {
      code: "ONLY_READS",
      message: "this node only reads bitcoin regtest: one:1 writes; ask that node",
    });
    assert.equal(service.read(), 3);
    world.writer = undefined;
    await look();
    assert.throws(() => service.change(), { message: "this node only reads bitcoin regtest: nobody writes now" });
  });
});
