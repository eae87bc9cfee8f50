/** Stories of the first messages between two Bitcoin nodes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Addr,
  type BodyOf,
  GetAddr,
  GetHeaders,
  Ping,
  Pong,
  SendAddrV2,
  SendHeaders,
  Verack,
  Version,
  WtxidRelay,
} from "../../lib/bitcoin/wire/mod.ts";
import { NO_ADDRESS } from "../../lib/bitcoin/types/mod.ts";
import { type Actor, BitcoinWorld } from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const PEER = "10.0.0.66";

const version = (more: Partial<BodyOf<typeof Version>> = {}): BodyOf<typeof Version> => ({
  version: 70_016,
  services: 9n,
  timestamp: 1_750_000_000n,
  addrRecv: NO_ADDRESS,
  addrFrom: NO_ADDRESS,
  nonce: 5n,
  userAgent: "/by hand/",
  startHeight: 0,
  relay: true,
  ...more,
});
const names = (actor: Actor) => actor.received.map(({ message }) => message.type);

describe("the handshake", () => {
  test("the accepting side says nothing before the other's version, then everything in its order", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const actor = await world.dialIn(PEER, NODE, () => {}, false);
    await actor.send(Ping, { nonce: 1n });
    await actor.send(Verack, {});
    await world.clock.advance(1_000);
    assert.deepEqual(names(actor), []);
    await actor.send(Version, version());
    assert.deepEqual(names(actor), [Version, WtxidRelay, SendAddrV2, Verack].map(({ type }) => type));
    assert.equal(node.node.service.peers().length, 0);
    await actor.send(Ping, { nonce: 2n });
    assert.ok(!names(actor).includes(Pong.type), "no answer before verack");
    await actor.send(Version, version({ userAgent: "/another/" }));
    await actor.send(Verack, {});
    await world.until(() => node.node.service.peers().length === 1);
    assert.equal(node.node.service.peers()[0]?.userAgent, "/by hand/");
    assert.ok(names(actor).includes(SendHeaders.type));
    await actor.send(Ping, { nonce: 3n });
    await world.until(() => names(actor).includes(Pong.type));
    await world.end();
  });

  test("the dialling side speaks first, and asks for addresses and headers", async () => {
    const world = new BitcoinWorld();
    const { connections } = await world.actor(PEER);
    await world.node(NODE, { connect: [PEER] });
    await world.until(() => connections[0] !== undefined && names(connections[0]).includes(GetHeaders.type));
    const [first] = connections[0]?.received ?? [];
    assert.equal(first?.message, Version);
    const said = first?.body as BodyOf<typeof Version>;
    assert.deepEqual([said.version, said.userAgent, said.relay], [70_017, "/gemel:test/", false]);
    assert.ok(names(connections[0]!).includes(GetAddr.type));
    await world.end();
  });

  test("a version with nothing after the address is enough, and features are negotiated from 70016 on only", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const actor = await world.dialIn(PEER, NODE, () => {}, false);
    const absent = { addrFrom: null, nonce: null, userAgent: null, startHeight: null, relay: null };
    await actor.send(Version, version({ ...absent, version: 70_001 }));
    assert.deepEqual(names(actor), [Version.type, Verack.type]);
    await actor.send(Verack, {});
    await world.until(() => node.node.service.peers().length === 1);
    assert.deepEqual(
      node.node.service.peers().map(({ userAgent, startHeight, relayTransactions }) => [
        userAgent,
        startHeight,
        relayTransactions,
      ]),
      [["", 0, true]],
    );
    assert.ok(!names(actor).includes(SendHeaders.type));
    await world.end();
  });

  for (
    const [what, more] of [
      ["too old a version", { version: 31_799 }],
      ["times at the ends of what they can be", { timestamp: -(2n ** 63n) }],
    ] as const
  ) {
    test(`${what}`, async () => {
      const world = new BitcoinWorld();
      const node = await world.node(NODE);
      const actor = await world.dialIn(PEER, NODE, () => {}, false);
      await actor.send(Version, version(more));
      await actor.send(Verack, {});
      await world.clock.advance(1_000);
      const isOld = "version" in more;
      assert.equal(node.node.service.peers().length, isOld ? 0 : 1);
      assert.equal(actor.isClosed(), isOld);
      assert.deepEqual(node.bans(), []);
      await world.end();
    });
  }

  test("a node that dials itself notices, and keeps no connection", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { connect: [NODE] });
    await world.clock.advance(10_000);
    assert.deepEqual(node.node.service.peers(), []);
    // Both ends know: who accepted sees the nonce, who dialled that it came back.
    assert.ok(node.notices.some((line) => line.includes("in ") && line.includes("the peer is this node")));
    assert.ok(node.notices.some((line) => line.includes("cannot connect") && line.includes("the peer is this node")));
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("a peer that knows only the old transport is dialled again with it, at once", async () => {
    const world = new BitcoinWorld();
    const old = await world.node(PEER, { v2: false });
    const node = await world.node(NODE, { connect: [PEER], v2: true });
    await world.until(() => node.node.service.peers().length === 1, 2_000);
    assert.equal(node.node.service.peers()[0]?.transport, "v1");
    assert.deepEqual(old.bans(), []);
    await world.end();
  });

  test("a peer of the old transport is taken by a node that knows both", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { v2: true });
    await world.node(PEER, { connect: [NODE], v2: false });
    await world.until(() => node.node.service.peers()[0]?.transport === "v1");
    await world.end();
  });

  test("who asks for addresses is told them once, and nothing where none are known", async () => {
    const world = new BitcoinWorld();
    await world.node(NODE);
    const actor = await world.dialIn(PEER, NODE);
    await actor.send(GetAddr, {});
    await world.clock.advance(1_000);
    assert.ok(!names(actor).some((name) => name.startsWith("addr")), "btcd ends a connection for an empty list");
    const addresses = Array.from({ length: 40 }, (_, i) => ({
      time: world.now - 600,
      services: 9n,
      ip: Uint8Array.of(...new Array<number>(10).fill(0), 0xff, 0xff, 20 + i, 1, 0, 1),
      port: 18_444,
    }));
    await world.actor("10.0.0.5", (teller, message) => {
      if (message === GetAddr) void teller.send(Addr, { addresses });
    });
    const other = await world.node("10.0.0.1", { connect: ["10.0.0.5"] });
    await world.until(() => other.node.service.knownAddresses(0).length > 0);
    const asking = await world.dialIn("10.0.0.2", "10.0.0.1");
    await asking.send(GetAddr, {});
    await asking.send(GetAddr, {});
    await world.clock.advance(1_000);
    const told = asking.received.filter(({ message }) => message === Addr);
    assert.equal(told.length, 1);
    const count = (told[0]?.body as BodyOf<typeof Addr>).addresses.length;
    assert.ok(count >= 5 && count <= 10, `${count}: at most 23 % of what is known`);
    await world.end();
  });

  test("an inbound connection too many is refused", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    for (let i = 0; i < 8; i++) await world.dialIn(`10.0.1.${i}`, NODE);
    await world.until(() => node.node.service.peers().length === 8);
    const late = await world.dialIn("10.0.2.1", NODE);
    await world.until(() => late.isClosed());
    assert.equal(node.node.service.peers().length, 8);
    await world.end();
  });
});
