/** Addresses go round: with the time and the services that they were told with, to few, and our own among them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Addr, AddrV2, type BodyOf, GetAddr } from "../../lib/bitcoin/wire/mod.ts";
import { type Actor, BitcoinWorld } from "./bitcoin-world.ts";

const NODE = "10.0.0.1";

/** What an actor was told, as text. */
function told(actor: Actor): { readonly host: string; readonly time: number; readonly services: bigint }[] {
  return actor.received.filter(({ message }) => message === Addr).flatMap(({ body }) =>
    (body as BodyOf<typeof Addr>).addresses.map(({ ip, time, services }) => ({
      host: ip.subarray(12).join("."),
      time,
      services,
    }))
  );
}

function address(host: string, time: number, services = 9n) {
  const ip = new Uint8Array(16);
  ip.set([0xff, 0xff, ...host.split(".").map(Number)], 10);
  return { ip, port: 18_444, time, services };
}

/** A node with ten inbound peers that have asked for addresses, and so take part. */
async function listening() {
  const world = new BitcoinWorld();
  const node = await world.node(NODE, { inboundMax: 20 });
  const actors: Actor[] = [];
  for (let i = 1; i <= 10; i++) {
    const actor = await world.dialIn(`10.${i}.0.1`, NODE);
    await actor.send(GetAddr, {});
    actors.push(actor);
  }
  await world.clock.advance(1_000);
  return { world, node, actors };
}

describe("gossip of addresses", () => {
  test("a fresh one goes on to two peers with its time and its services, within minutes", async () => {
    const { world, node, actors } = await listening();
    const time = world.now - 60;
    await actors[0]!.send(Addr, { addresses: [address("10.77.0.1", time, 0x409n)] });
    await world.clock.advance(600_000);
    const heard = actors.slice(1).flatMap(told).filter(({ host }) => host === "10.77.0.1");
    assert.deepEqual(heard, [1, 2].map(() => ({ host: "10.77.0.1", time, services: 0x409n })));
    const [known] = node.node.service.knownAddresses(0);
    assert.deepEqual([known?.host, known?.services], ["10.77.0.1", 0x409n]);
    await world.end();
  });

  test("one that nobody could use does not go on and is not kept", async () => {
    const { world, node, actors } = await listening();
    await actors[0]!.send(Addr, { addresses: [address("10.77.0.1", world.now, 0n)] });
    await world.clock.advance(600_000);
    assert.deepEqual(actors.slice(1).flatMap(told).filter(({ host }) => host === "10.77.0.1"), []);
    assert.deepEqual(node.node.service.knownAddresses(0), []);
    await world.end();
  });

  test("who tells too many at once is not believed, and RPC counts it", async () => {
    const { world, node, actors } = await listening();
    const addresses = Array.from({ length: 500 }, (_, n) => address(`10.${n % 250}.7.${n >> 8}`, world.now));
    await actors[0]!.send(Addr, { addresses });
    await world.clock.advance(1_000);
    const [peer] = node.node.service.peers();
    assert.ok(peer !== undefined && peer.addressesLimited >= 490, `${peer?.addressesLimited}`);
    assert.equal(peer.addressesLimited + peer.addressesProcessed, 500);
    assert.ok(node.node.service.knownAddresses(0).length <= 10);
    await world.end();
  });

  test("who asks from one side hears the same for a day, whatever has been learned since", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(1);
    await world.node(NODE, { inboundMax: 20, blocks: chain.blocks });
    const teacher = await world.dialIn("10.1.0.1", NODE);
    const learn = async (from: number) => {
      for (let n = 0; n < 30; n++) {
        await teacher.send(Addr, { addresses: [address(`10.${from + n}.8.8`, world.now)] });
        await world.clock.advance(10_000);
      }
    };
    await learn(1);
    const ask = async (from: string) => {
      const actor = await world.dialIn(from, NODE);
      await actor.send(GetAddr, {});
      await world.clock.advance(1_000);
      return told(actor).map(({ host }) => host).filter((host) => host.endsWith(".8.8")).sort();
    };
    const first = await ask("10.50.0.1");
    assert.ok(first.length >= 5, `${first.length}`);
    await learn(100);
    assert.deepEqual(await ask("10.51.0.1"), first);
    await world.end();
  });

  test("our own address goes to peers, with what we offer, once we are synced", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(3);
    const node = await world.node(NODE, { inboundMax: 20, blocks: chain.blocks });
    await world.until(() => !node.node.service.state().initialBlockDownload);
    const actor = await world.dialIn("10.1.0.1", NODE);
    await actor.send(GetAddr, {});
    await world.clock.advance(120_000);
    const own = told(actor).filter(({ host }) => host === NODE);
    assert.equal(own.length, 1);
    assert.equal(own[0]?.services, node.node.service.services);
    assert.ok(actor.received.every(({ message }) => message !== AddrV2));
    await world.end();
  });
});
