/** What a connection holds is reported to the budget of all peers: no less, or it could not be shed, and no more. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Inv, Ping } from "../../../lib/bitcoin/wire/mod.ts";
import { OTHER_KINDS, Traffic } from "../../../lib/core/peers/traffic.ts";
import { Link } from "../../../lib/bitcoin/peers/link.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { V1Transport } from "../../../lib/bitcoin/wire/mod.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { simClock } from "../core/sim.ts";
import { end } from "../bitcoin-v2/peers.ts";
import { Account, hand } from "./hand.ts";

const many = (count: number) => ({
  inventory: Array.from({ length: count }, (_, i) => ({ type: 2, hash: new Uint8Array(32).fill(i) })),
});

function linked(bufferBytes = 1 << 20) {
  const clock = simClock();
  const memory = new Account();
  const traffic = new Traffic(clock);
  const [near, far] = duplexPair({ bufferBytes });
  const link = new Link(near, new V1Transport(regtest.magic), { traffic, memory });
  const writer = far.writable.getWriter();
  writer.closed.catch(() => {});
  const transport = new V1Transport(regtest.magic);
  const put = async (bytes: Uint8Array) => {
    writer.write(bytes).catch(() => {});
    await clock.advance(0);
  };
  return { clock, memory, traffic, link, far, put, transport };
}

describe("Link reports to the memory budget", () => {
  test("half a message, from its first bytes to the answer that it is worked on, and nothing after that", async () => {
    const { clock, memory, link, put, transport } = linked();
    link.welcome();
    const bytes = transport.pack(Inv.type, Inv.encode(many(3_000)));
    const next = link.next();
    await put(bytes.subarray(0, 60_000));
    assert.ok(memory.held.in >= 60_000 && memory.held.in <= 60_000 + 65_536, `${memory.held.in}`);
    await put(bytes.subarray(60_000));
    assert.equal((await next)?.type, "inv");
    assert.ok(memory.held.in >= bytes.length, `in work: ${memory.held.in}`);
    const after = link.next();
    await clock.advance(0);
    assert.equal(memory.held.in, 0);
    link.destroy();
    await assert.rejects(after, { code: "closed" });
  });

  test("what came in one chunk and was not given to the transport yet", async () => {
    const { memory, link, put, transport } = linked(1 << 22);
    link.welcome();
    const long = transport.pack(Inv.type, Inv.encode(many(30_000)));
    const next = link.next();
    await put(long);
    await next;
    // Of a stranger's chunk four kilobytes are read at a time; the rest is held, and counted, all the same.
    const stranger = linked();
    const one = transport.pack(Ping.type, Ping.encode({ nonce: 1n })).slice();
    const all = new Uint8Array(one.length * 500);
    for (let i = 0; i < 500; i++) all.set(one, i * one.length);
    const first = stranger.link.next();
    await stranger.put(all);
    await first;
    assert.ok(stranger.memory.held.in >= all.length - one.length, `${stranger.memory.held.in} of ${all.length}`);
    assert.ok(stranger.memory.most.in >= all.length, `${stranger.memory.most.in}`);
    assert.ok(memory.most.in >= long.length);
    link.destroy();
    stranger.link.destroy();
  });

  test("messages that came together and wait, each until the next is asked for", async () => {
    const { clock, memory, link, put, transport } = linked();
    link.welcome();
    const one = transport.pack(Ping.type, Ping.encode({ nonce: 1n })).slice();
    const all = new Uint8Array(one.length * 5);
    for (let i = 0; i < 5; i++) all.set(one, i * one.length);
    const first = link.next();
    await put(all);
    await first;
    for (let left = 5; left > 1; left--) {
      assert.equal(memory.held.in, left * one.length);
      await link.next();
    }
    assert.equal(memory.held.in, one.length);
    const none = link.next();
    await clock.advance(0);
    assert.equal(memory.held.in, 0);
    link.destroy();
    await assert.rejects(none, { code: "closed" });
  });

  test("of a connection that is destroyed only what is in work", async () => {
    const { memory, link, put, transport } = linked();
    link.welcome();
    const bytes = transport.pack(Inv.type, Inv.encode(many(100))).slice();
    const both = new Uint8Array(bytes.length * 2);
    both.set(bytes);
    both.set(bytes, bytes.length);
    const first = link.next();
    await put(both);
    await first;
    assert.equal(memory.held.in, both.length);
    link.destroy();
    assert.equal(memory.held.in, bytes.length);
    assert.equal(await link.next(), undefined);
    assert.equal(memory.held.in, 0);
  });

  test("what waits for a peer that does not read, with what it costs beside its bytes, until the peer has read it", async () => {
    const { clock, memory, link, far } = linked(1_024);
    const payload = Inv.encode(many(2_000));
    const sent = link.send(Inv.type, payload);
    const bytes = payload.length + 24;
    await clock.advance(0);
    assert.equal(memory.held.out, bytes + 512);
    assert.equal(link.pendingBytes, bytes + 512);
    const reader = far.readable.getReader();
    for (let read = 0; read < bytes;) read += (await reader.read()).value?.length ?? assert.fail("ended");
    await sent;
    assert.deepEqual([memory.held.out, link.pendingBytes, link.bytesWritten], [0, 0, bytes]);
    link.destroy();
  });

  test("nothing of what came in the moment in which it was destroyed", async () => {
    const memory = new Account();
    const traffic = new Traffic(simClock());
    const [near] = duplexPair();
    let arrive = (_: Uint8Array) => {};
    const readable = new ReadableStream<Uint8Array>({ start: (to) => void (arrive = (bytes) => to.enqueue(bytes)) });
    const duplex = { ...near, readable, writable: near.writable, destroy: () => {} };
    const link = new Link(duplex, new V1Transport(regtest.magic), { traffic, memory });
    const next = link.next();
    arrive(new Uint8Array(500));
    link.destroy();
    assert.equal(await next, undefined);
    assert.deepEqual([memory.held.in, traffic.received.bytes], [0, 0]);
  });

  test("nothing any more of what could not be sent", async () => {
    const { memory, link } = linked(1_024);
    const sent = link.send(Inv.type, Inv.encode(many(2_000)));
    link.destroy();
    await assert.rejects(sent, { code: "closed", fault: "network" });
    assert.equal(memory.held.out, 0);
    assert.equal(link.bytesWritten, 0);
  });
});

describe("Link", () => {
  test("gives no room while more than a megabyte waits, and sends nothing when it is sixteen", async () => {
    const { link, far, clock } = linked(65_536);
    const payload = new Uint8Array(1_000_000 - 24 - 512);
    const first = link.send("block", payload);
    first.catch(() => {});
    assert.equal(link.pendingBytes, 1_000_000);
    assert.equal(link.room(), undefined, "a megabyte is not more than a megabyte");
    link.send("ping", new Uint8Array(8)).catch(() => {});
    let isFree = false;
    link.room()!.then(() => (isFree = true));
    await clock.advance(0);
    assert.equal(isFree, false);
    for (let i = 1; i < 16; i++) link.send("block", payload).catch(() => {});
    assert.equal(link.overflow(), undefined);
    for (let i = 0; i < 2; i++) link.send("block", payload).catch(() => {});
    assert.equal(link.overflow()?.code, "send_queue_full");
    await assert.rejects(link.send("ping", new Uint8Array(8)), { code: "send_queue_full", fault: "peer" });
    const reader = far.readable.getReader();
    for (let read = 0; read < 17 * (1_000_000 - 512) + 32;) {
      read += (await reader.read()).value?.length ?? assert.fail("ended");
    }
    await clock.advance(0);
    assert.ok(isFree);
    link.destroy();
  });

  test("gives room again as soon as no more than a megabyte waits", async () => {
    const { link, far, clock } = linked(1_024);
    // The first is with the socket as soon as it is sent, and is done when the peer has read it.
    link.send("tx", new Uint8Array(10_000)).catch(() => {});
    link.send("block", new Uint8Array(1_000_000 - 24 - 512)).catch(() => {});
    let isFree = false;
    link.room()!.then(() => (isFree = true));
    const reader = far.readable.getReader();
    for (let read = 0; read < 10_024;) read += (await reader.read()).value?.length ?? assert.fail("ended");
    await clock.advance(0);
    assert.deepEqual([link.pendingBytes, isFree], [1_000_000, true]);
    link.destroy();
  });

  test("takes no long message of a stranger, and takes it once hands are shaken", async () => {
    const { link, put, transport } = linked();
    const bytes = transport.pack(Inv.type, Inv.encode(many(4_000)));
    const refused = link.next();
    refused.catch(() => {});
    await put(bytes);
    await assert.rejects(refused, { code: "too_long_for_stranger", fault: "peer" });
    const friend = linked();
    friend.link.welcome();
    const taken = friend.link.next();
    await friend.put(bytes);
    assert.equal((await taken)?.type, "inv");
  });

  test("counts what a session received and sent, in all and by kind", async () => {
    const world = hand();
    world.read();
    const { session } = await world.up();
    const before = world.traffic.received.bytes;
    await world.send(Ping, { nonce: 9n });
    assert.equal(world.traffic.received.bytes - before, 32);
    assert.equal(world.traffic.received.byKind.has(OTHER_KINDS), false, "nothing was dropped");
    await world.raw(world.transport.pack("madeup", new Uint8Array(10)));
    assert.equal(world.traffic.received.bytes - before, 32 + 34);
    session.close();
  });

  test("counts a message of the encrypted transport with all that is around it", async () => {
    const clock = simClock();
    const memory = new Account();
    const traffic = new Traffic(clock);
    const [near, far] = duplexPair({ bufferBytes: 1 << 20 });
    const link = new Link(near, end(true, 10), { traffic, memory });
    link.welcome();
    const theirs = end(false, 20);
    const writer = far.writable.getWriter();
    writer.closed.catch(() => {});
    const reader = far.readable.getReader();
    const meet = link.next();
    // Keys, garbage and version packets go both ways before a message does.
    while (!theirs.established) {
      [...theirs.push((await reader.read()).value!)];
      await writer.write(theirs.drain());
      await clock.advance(0);
    }
    assert.ok(link.bytesWritten > 64);
    assert.equal(traffic.sent.bytes, link.bytesWritten, "what is said before the first message is traffic as well");
    for (const [type, payload] of [["ping", 8], ["inv", 100], ["madeup", 50]] as const) {
      const before = traffic.received.bytes;
      const packet = theirs.pack(type, new Uint8Array(payload));
      const next = type === "ping" ? meet : link.next();
      await writer.write(packet);
      assert.equal((await next)?.type, type);
      assert.equal(memory.held.in, packet.length, type);
      assert.equal(traffic.received.bytes - before, packet.length, type);
    }
    link.destroy();
  });
});
