/** Stories of connections: who replaces whom, who is let in, and who is not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { World } from "./world.ts";

const PORT = 8444;

describe("connections", () => {
  test("a second one of the same node replaces the first, on both sides", async () => {
    const world = new World();
    const [a, b] = [await world.node("10.0.0.1"), await world.node("10.0.0.2", { connect: ["10.9.9.9"] })];
    const first = await world.clock.until(a.service.connect(b.host, PORT));
    // To the same place nothing is dialled twice: the second one comes from the other side.
    const second = await world.clock.until(b.service.connect(a.host, PORT));
    await world.clock.advance(0);
    assert.deepEqual(b.service.peers().map(({ id }) => id), [second.id]);
    assert.equal(a.service.peers().length, 1);
    assert.notEqual(a.service.peers()[0]?.id, first.id);
    assert.deepEqual([...a.service.bans(), ...b.service.bans()], []);
    await world.end();
  });

  test("a banned host is refused at the door with 403, and let in when the ban has run out", async () => {
    const world = new World();
    const [a, b] = [await world.node("10.0.0.1"), await world.node("10.0.0.2")];
    await world.clock.until(a.service.connect(b.host, PORT));
    b.service.ban(a.host, 60, "told so");
    await world.until(() => a.service.peers().length === 0 && b.service.peers().length === 0, 1_000);
    await assert.rejects(
      world.clock.until(a.service.connect(b.host, PORT)),
      (thrown: Error & { data?: { status?: number } }) => {
        assert.equal(thrown.data?.status, 403);
        return true;
      },
    );
    await world.clock.advance(60_000);
    await world.clock.until(a.service.connect(b.host, PORT));
    assert.equal(b.service.peers().length, 1);
    await world.end();
  });

  test("a banned host is not dialled either", async () => {
    const world = new World();
    const [a, b] = [await world.node("10.0.0.1"), await world.node("10.0.0.2")];
    a.service.ban(b.host, 60, "told so");
    await assert.rejects(world.clock.until(a.service.connect(b.host, PORT)), { code: "banned" });
    await world.end();
  });

  test("a node that dials itself ends it without a ban", async () => {
    const world = new World();
    const a = await world.node("10.0.0.1");
    await assert.rejects(world.clock.until(a.service.connect(a.host, PORT)), { code: "SELF_CONNECTION" });
    await world.clock.advance(1_000);
    assert.deepEqual([a.service.peers(), a.service.bans()], [[], []]);
    await world.end();
  });

  test("eight inbound slots take eight nodes; the ninth shakes hands and is closed", async () => {
    const world = new World();
    const host = await world.node("10.0.0.1");
    const members = [];
    for (let i = 2; i < 11; i++) members.push(await world.node(`10.0.0.${i}`));
    for (const member of members) await world.clock.until(member.service.connect(host.host, PORT));
    await world.clock.advance(1_000);
    assert.equal(host.service.peers().length, 8);
    assert.equal(members.filter(({ service }) => service.peers().length === 0).length, 1);
    assert.deepEqual(host.service.bans(), []);
    await members[0]?.stop();
    await world.clock.until(members[8]?.service.connect(host.host, PORT) ?? Promise.reject(new Error("none")));
    await world.clock.advance(1_000);
    assert.equal(host.service.peers().length, 8, "a slot is free again");
    await world.end();
  });

  test("disconnect() ends a connection by its node id", async () => {
    const world = new World();
    const [a, b] = [await world.node("10.0.0.1"), await world.node("10.0.0.2")];
    await world.clock.until(a.service.connect(b.host, PORT));
    assert.equal(await a.service.disconnect(new Uint8Array(32)), false);
    assert.equal(await a.service.disconnect(b.service.nodeId), true);
    await world.clock.advance(0);
    assert.deepEqual([a.service.peers(), b.service.peers()], [[], []]);
    await world.end();
  });
});
