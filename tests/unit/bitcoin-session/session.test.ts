import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OwnNonces } from "../../../lib/bitcoin/peers/handshake.ts";
import { CodecError } from "../../../lib/codec/error.ts";
import { decodeFault } from "../../../lib/bitcoin/peers/faults.ts";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import {
  type BodyOf,
  GetData,
  Inv,
  NotFound,
  Ping,
  Pong,
  SendAddrV2,
  SendCmpct,
  SendHeaders,
  Verack,
  Version,
  WtxidRelay,
} from "../../../lib/bitcoin/wire/mod.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { PeerExit } from "../../../lib/core/peers/peer.ts";
import { hand, VERSION } from "./hand.ts";

const MINUTE = 60_000;
const pingsOf = ({ received }: ReturnType<typeof hand>) =>
  received.filter(({ message }) => message === Ping).map(({ body }) => (body as BodyOf<typeof Ping>).nonce);

/** Lets time pass, with a word of the peer each minute. */
async function pass(world: ReturnType<typeof hand>, minutes: number): Promise<void> {
  for (let i = 0; i < minutes; i++) {
    await world.clock.advance(MINUTE);
    await world.send(Inv, { inventory: [] });
  }
}

describe("BitcoinSession", () => {
  test("pings every two minutes a peer that answers, and one that does not only once", async () => {
    for (const [answers, expected] of [[true, 6], [false, 1]] as const) {
      const world = hand();
      world.read();
      const { session } = await world.up();
      for (let i = 0, done = 0; i < 11; i++) {
        const pings = pingsOf(world);
        if (answers && pings.length > done) await world.send(Pong, { nonce: pings[done++]! });
        await pass(world, 1);
      }
      assert.equal(pingsOf(world).length, expected);
      session.close();
    }
  });

  test("a peer that talks and never answers a ping is let go after twenty minutes, and not before", async () => {
    const world = hand();
    world.read();
    const { session, exit } = await world.up();
    await pass(world, 19);
    assert.equal(session.signal.aborted, false);
    assert.equal(session.pingWaitMs, 19 * MINUTE);
    await pass(world, 2);
    const { code, offence, message } = await exit as PeerExit;
    assert.deepEqual([code, offence], ["silent", "timeout"]);
    assert.match(message, /left a ping unanswered for 20 minutes/);
    assert.equal(world.clock.pending, 0);
  });

  test("a wrong nonce is no answer; none, or zero, or a pong that is cut off ends the waiting and measures nothing", async () => {
    for (
      const [type, payload, waits] of [
        [Pong.type, Pong.encode({ nonce: 1n << 60n }), true],
        [Pong.type, Pong.encode({ nonce: 0n }), false],
        [Pong.type, Uint8Array.of(1, 2), false],
        // It cannot be read either, and says nothing of the ping.
        [Inv.type, Uint8Array.of(0xfd, 0x51, 0xc3), true],
      ] as const
    ) {
      const world = hand();
      world.read();
      const { session } = await world.up();
      await world.clock.advance(250);
      await world.raw(world.transport.pack(type, payload));
      assert.deepEqual([session.pingWaitMs !== undefined, session.minimumPingMs], [waits, undefined]);
      session.close();
    }
  });

  test("a peer that says nothing is let go after twenty minutes", async () => {
    const world = hand();
    world.read();
    const { exit, session } = await world.up();
    const [nonce] = pingsOf(world);
    await world.send(Pong, { nonce: nonce! });
    for (let i = 0; i < 4; i++) {
      await world.clock.advance(4 * MINUTE);
      // It would answer pings if it were there, so that this is not what ends it.
      assert.equal(session.signal.aborted, false);
    }
    await world.clock.advance(4 * MINUTE);
    assert.equal(session.signal.aborted, false, "twenty minutes are not more than twenty minutes");
    await world.clock.advance(5_000);
    const { code, message } = await exit;
    assert.equal(code, "silent");
    assert.match(message, /sent nothing for 20 minutes/);
  });

  for (
    const [version, reason] of [
      [70_016, /left a ping unanswered/],
      // A peer of before 60,001 answers no pings, and a ping that is sent is not one that was taken.
      [60_000, /took nothing for 20 minutes/],
    ] as const
  ) {
    test(`a peer of version ${version} that talks and reads nothing is let go after twenty minutes`, async () => {
      const world = hand({}, 4_096);
      const { exit, session } = await world.up(() => {}, { version });
      session.post(Inv, { inventory: Array.from({ length: 1_000 }, () => ({ type: 2, hash: new Uint8Array(32) })) });
      assert.ok(session.link.pendingBytes > 30_000);
      await pass(world, 19);
      assert.equal(session.signal.aborted, false);
      await pass(world, 6);
      assert.equal(session.signal.aborted, true);
      assert.equal((await exit).code, "silent");
      assert.match((await exit).message, reason);
      assert.equal(world.clock.pending, 0);
    });
  }

  test("a peer of an old version that reads, however slowly, stays", async () => {
    const world = hand({}, 4_096);
    const { session } = await world.up(() => {}, { version: 60_000 });
    const big = { inventory: Array.from({ length: 1_000 }, () => ({ type: 2, hash: new Uint8Array(32) })) };
    for (let i = 0; i < 6; i++) session.post(Inv, big);
    for (let i = 0; i < 5; i++) {
      await pass(world, 15);
      assert.ok(session.link.pendingBytes > 0);
      const wanted = session.link.bytesWritten + 36_000;
      while (session.link.bytesWritten < wanted) {
        assert.ok(await world.readOnce());
        await world.clock.advance(0);
      }
    }
    assert.equal(session.signal.aborted, false);
    session.close();
  });

  test("nobody is judged for silence before the time of the handshake has passed", async () => {
    const world = hand({ handshakeMs: 60 * MINUTE });
    world.read();
    await world.clock.advance(20 * MINUTE);
    const { exit, session } = await world.up();
    await world.clock.advance(60 * MINUTE);
    assert.equal(session.signal.aborted, false);
    await world.clock.advance(5_000);
    assert.equal((await exit).code, "silent");
  });

  test("the least of all pings is what counts when slots are scarce", async () => {
    const world = hand();
    world.read();
    const { session } = await world.up();
    const peer = new BitcoinPeer({ id: 1, kind: "inbound", since: 0, session });
    assert.equal(peer.merits.pingMinMs, Infinity);
    for (const [ms, least] of [[300, 300], [120, 120], [700, 120]] as const) {
      const count = pingsOf(world).length;
      await world.clock.advance(ms);
      await world.send(Pong, { nonce: pingsOf(world)[count - 1]! });
      assert.deepEqual([session.pingMs, peer.merits.pingMinMs], [ms, least]);
      session.ping();
      await world.clock.advance(0);
    }
    session.close();
  });

  test("answers pings with their nonce", async () => {
    const world = hand();
    world.read();
    const { session } = await world.up();
    await world.send(Ping, { nonce: 77n });
    assert.deepEqual(world.received.at(-1), { message: Pong, body: { nonce: 77n } });
    session.close();
  });

  test("a peer for whom more than sixteen megabytes wait is let go", async () => {
    const world = hand({}, 4_096);
    const { exit, session } = await world.up();
    const big = { inventory: Array.from({ length: 50_000 }, () => ({ type: 2, hash: new Uint8Array(32) })) };
    let sent = 0;
    for (; !session.signal.aborted && sent < 100; sent++) session.post(Inv, big);
    // Each is 1.8 MB; the tenth finds more waiting than may.
    assert.equal(sent, 11);
    assert.equal((await exit).code, "send_queue_full");
    assert.equal(world.memory.held.out, 0);
  });

  test("is awaited from when data was asked of it until data comes, or as long as more is asked for", async () => {
    const world = hand();
    world.read();
    const { session } = await world.up();
    assert.equal(session.isAwaited, false);
    await world.clock.advance(1_000);
    session.post(GetData, { inventory: [{ type: 2, hash: new Uint8Array(32) }] });
    assert.equal(session.isAwaited, true);
    await world.clock.advance(400);
    await world.send(Ping, { nonce: 1n });
    assert.equal(session.isAwaited, true, "a ping answers nothing");
    await world.send(NotFound, { inventory: [{ type: 2, hash: new Uint8Array(32) }] });
    assert.equal(session.isAwaited, false);
    assert.deepEqual(world.traffic.sent.byKind.get("getdata")?.latency, { count: 1, sumMs: 400, maxMs: 400 });
    session.awaitsMore = () => true;
    assert.equal(session.isAwaited, true);
    session.close();
  });

  test("is not awaited for what it announced itself", async () => {
    const world = hand();
    world.read();
    const { session } = await world.up();
    session.post(GetData, { inventory: [{ type: 5, hash: new Uint8Array(32) }] }, false);
    assert.equal(session.isAwaited, false);
    session.close();
  });

  test("ends for a message that cannot be read, and for one that comes too late; not for a pong that is short", async () => {
    const bytes = (type: string, payload: readonly number[]) => (world: ReturnType<typeof hand>) =>
      world.raw(world.transport.pack(type, Uint8Array.from(payload)));
    for (
      const [say, ends] of [
        // 50,001 entries, and a count of as many with nothing behind it, which is passed over.
        [bytes("inv", [0xfd, 0x51, 0xc3, ...new Uint8Array(50_001 * 36)]), true],
        [bytes("inv", [0xfd, 0x51, 0xc3]), false],
        [bytes("wtxidrelay", []), true],
        [bytes("pong", [1, 2]), false],
        [bytes("verack", []), false],
        [bytes("sendtxrcncl", []), false],
        [bytes("madeup", [1]), false],
      ] as const
    ) {
      const world = hand();
      world.read();
      const { session } = await world.up();
      await say(world);
      assert.equal(session.signal.aborted, ends);
      session.close();
    }
  });

  test("what a handler throws ends the session: as our own fault, unless it says whose it is", async () => {
    for (
      const [thrown, code, fault] of [
        [new Error("no such row"), "internal", "self"],
        [new NodeError("bad_block", "peer", "bad"), "bad_block", "peer"],
      ] as const
    ) {
      const world = hand();
      world.read();
      const { exit } = await world.up(() => Promise.reject(thrown));
      await world.send(Inv, { inventory: [] });
      const ended = await exit;
      assert.deepEqual([ended.code, ended.fault], [code, fault]);
    }
  });

  test("ends for the reason that was found while a message was in work, and handles nothing after it", async () => {
    const world = hand();
    world.read();
    const working = Promise.withResolvers<void>();
    const { session, exit } = await world.up(() => working.promise);
    for (let i = 0; i < 3; i++) await world.send(Inv, { inventory: [] });
    session.fail(new NodeError("memory_full", "peer", "holds too much"));
    working.resolve();
    const { code, fault, message } = await exit;
    assert.deepEqual([code, fault, message, world.handled.length], ["memory_full", "peer", "holds too much", 1]);
  });

  test("nothing more is handled of a peer that leaves a megabyte unread, until it reads", async () => {
    const world = hand({}, 65_536);
    const { session } = await world.up();
    const big = { inventory: Array.from({ length: 30_000 }, () => ({ type: 2, hash: new Uint8Array(32) })) };
    session.post(Inv, big);
    for (let i = 0; i < 3; i++) await world.send(Inv, { inventory: [] });
    // The one that was being waited for may be handled; those behind it are not.
    const handled = world.handled.length;
    assert.ok(handled <= 1, `${handled}`);
    await world.clock.advance(10_000);
    assert.equal(world.handled.length, handled);
    world.read();
    await world.clock.advance(1_000);
    assert.equal(world.handled.length, 3);
    session.close();
  });

  test("a peer that hangs up during the handshake is the network's fault", async () => {
    const world = hand();
    world.read();
    await world.send(Version, VERSION);
    world.end();
    await assert.rejects(world.opening, { code: "closed", fault: "network" });
  });

  test("a handshake that takes too long fails, and leaves nothing", async () => {
    const world = hand({ handshakeMs: 5_000 });
    world.read();
    await world.clock.advance(4_999);
    await world.clock.advance(1);
    await assert.rejects(world.opening, { code: "handshake_timeout" });
    await world.far.closed;
    assert.equal(world.clock.pending, 0);
  });

  test("a signal ends the handshake, and a session that runs", async () => {
    const early = new AbortController();
    const shaking = hand({ signal: early.signal });
    shaking.read();
    early.abort();
    await assert.rejects(shaking.opening, { code: "stopped" });
    await assert.rejects(hand({ signal: AbortSignal.abort() }).opening, { code: "stopped" });
    const late = new AbortController();
    const running = hand({ signal: late.signal });
    running.read();
    const { exit, session } = await running.up();
    late.abort();
    assert.equal((await exit).code, "stopped");
    await assert.rejects(session.send(Ping, { nonce: 1n }), { code: "stopped" });
    assert.equal(running.clock.pending, 0);
  });
});

describe("decodeFault()", () => {
  test("blames nobody for what is no fault of the bytes", () => {
    const bug = new Error("a bug of ours");
    assert.throws(() => decodeFault(Inv, bug), bug);
    assert.equal(decodeFault(Inv, new CodecError("limit", "too many"))?.offence, "oversized_list");
  });
});

describe("OwnNonces", () => {
  test("knows a nonce that comes back until its connection is open or has failed, and tells then whether it came", () => {
    const nonces = new OwnNonces();
    const [met, other] = [nonces.draw(new SeededRandom(1)), nonces.draw(new SeededRandom(2))];
    assert.equal(nonces.meet(met.nonce), true);
    assert.deepEqual([met.forget(), other.forget()], [true, false]);
    assert.deepEqual([nonces.meet(met.nonce), nonces.meet(other.nonce)], [false, false]);
  });
});

describe("the handshake by kind of connection", () => {
  for (
    const [connectionType, relay, asks] of [
      ["outbound-full-relay", true, true],
      ["manual", true, true],
      ["addr-fetch", true, true],
      ["block-relay-only", false, false],
      ["feeler", false, false],
      ["inbound", true, false],
    ] as const
  ) {
    test(`${connectionType}: transactions ${relay ? "may be told" : "are not wanted"}, addresses ${asks ? "are asked for" : "are not"}`, async () => {
      const world = hand({ connectionType });
      world.read();
      const { session } = await world.up();
      const said = world.received[0];
      assert.equal(said?.message, Version);
      assert.equal((said?.body as BodyOf<typeof Version>).relay, relay);
      assert.equal(world.names().includes("getaddr"), asks);
      session.close();
    });
  }

  test("tells the peer where it is, and what we are", async () => {
    const world = hand();
    world.read();
    const { session } = await world.up();
    const said = world.received[0]?.body as BodyOf<typeof Version>;
    const ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1);
    assert.deepEqual(said.addrRecv, { services: 0n, ip, port: 8_444 });
    assert.deepEqual([said.services, said.userAgent, said.startHeight, said.version], [9n, "/under test/", 7, 70_017]);
    assert.equal(said.timestamp, 1_750_000_000n);
    assert.deepEqual([session.peer.userAgent, session.peer.version, session.peer.commonVersion], [
      "/by hand/",
      70_016,
      70_016,
    ]);
    assert.equal(session.peer.timeOffset, 0);
    session.close();
  });

  test("keeps where a peer that we dialled sees us, and not what one says that came to us", async () => {
    const ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 20, 1, 2, 3);
    for (
      const [connectionType, addrRecv, seenAs] of [
        ["manual", { services: 0n, ip, port: 5 }, { host: "20.1.2.3", port: 5 }],
        ["inbound", { services: 0n, ip, port: 5 }, undefined],
      ] as const
    ) {
      const world = hand({ connectionType });
      world.read();
      const { session } = await world.up(() => {}, { addrRecv });
      assert.deepEqual(session.seenAs, seenAs);
      session.close();
    }
  });

  test("a node that wants no transactions says so on every kind of connection", async () => {
    for (const connectionType of ["outbound-full-relay", "manual", "inbound"] as const) {
      const world = hand({ connectionType, own: { services: 9n, userAgent: "/x/", startHeight: 0, relay: false } });
      world.read();
      const { session } = await world.up();
      assert.equal((world.received[0]?.body as BodyOf<typeof Version>).relay, false);
      session.close();
    }
  });

  test("what is agreed on between version and verack is what the peer offered", async () => {
    const agreed = async (say: (world: ReturnType<typeof hand>) => Promise<void>) => {
      const world = hand();
      world.read();
      await world.send(Version, VERSION);
      await say(world);
      await world.send(Verack, {});
      const { peer } = await world.clock.until(world.opening, 0);
      return [peer.compactBlocks, peer.prefersHeaders, peer.wtxidRelay, peer.addrV2];
    };
    assert.deepEqual(await agreed(() => Promise.resolve()), [false, false, false, false]);
    assert.deepEqual(await agreed((world) => world.send(SendCmpct, { announce: 1, version: 2n })), [
      true,
      false,
      false,
      false,
    ]);
    assert.deepEqual(await agreed((world) => world.send(SendCmpct, { announce: 0, version: 1n })), [
      false,
      false,
      false,
      false,
    ]);
    assert.deepEqual(await agreed((world) => world.send(SendHeaders, {})), [false, true, false, false]);
    assert.deepEqual(await agreed((world) => world.send(WtxidRelay, {})), [false, false, true, false]);
    assert.deepEqual(await agreed((world) => world.send(SendAddrV2, {})), [false, false, false, true]);
    const wrong = hand();
    wrong.read();
    await wrong.send(Version, VERSION);
    await wrong.send(SendCmpct, { announce: 2, version: 2n });
    await assert.rejects(wrong.opening, { code: "bad_sendcmpct" });
  });

  test("a version that is too old, offers too little, or is our own ends the handshake", async () => {
    const nonces = new OwnNonces();
    const { nonce } = nonces.draw(new SeededRandom(9));
    for (
      const [more, said, code] of [
        [{}, { version: 31_799 }, "obsolete_version"],
        [{ requiredServices: 9n }, { services: 8n }, "missing_services"],
        [{ connectionType: "inbound", nonces }, { nonce }, "SELF_CONNECTION"],
      ] as const
    ) {
      const world = hand(more);
      world.read();
      await world.send(Version, { ...VERSION, ...said });
      await assert.rejects(world.opening, { code });
    }
    for (
      const [more, said] of [
        [{}, { version: 31_800 }],
        [{ requiredServices: 9n }, { services: 0x449n }],
        [{ connectionType: "inbound", nonces }, { nonce: nonce + 1n }],
        [{ connectionType: "inbound", nonces }, { nonce: null, userAgent: null, startHeight: null, relay: null }],
      ] as const
    ) {
      const world = hand(more);
      world.read();
      const { session } = await world.up(() => {}, said);
      session.close();
    }
  });
});
