/** What waits to be sent to a Chia peer is reported to the budget of all peers, byte for byte, until it is gone. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Outbox, type OutboxParts } from "../../../lib/chia/peers/outbox.ts";
import { ChiaPeer } from "../../../lib/chia/peers/peer.ts";
import { newPeak, NodeType, requestBlock, respondPeers } from "../../../lib/chia/protocol/mod.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { Account } from "../bitcoin-session/hand.ts";
import { simClock } from "../core/sim.ts";

const RATE = { perMinute: 10, bytesMax: 1_000, totalBytesMax: 100_000, aggregate: false };
/** The bytes of an envelope around data, without an id and with one. */
const ENVELOPE = 1 + 1 + 4;

function outbox(more: Partial<OutboxParts> = {}) {
  const clock = simClock();
  const memory = new Account();
  const traffic = new Traffic(clock);
  const ended = new AbortController();
  const taking: PromiseWithResolvers<void>[] = [];
  const writer = {
    write: () => {
      const one = Promise.withResolvers<void>();
      taking.push(one);
      return one.promise;
    },
  } as unknown as WritableStreamDefaultWriter<Uint8Array>;
  const box = new Outbox({
    clock,
    writer,
    nodeType: NodeType.FULL_NODE,
    rateOf: () => RATE,
    signal: ended.signal,
    isPaced: true,
    traffic,
    memory,
    ...more,
  });
  return { clock, memory, traffic, ended, taking, box };
}

describe("Outbox", () => {
  test("write() holds the whole frame until the socket took it", async () => {
    const { memory, traffic, taking, box } = outbox();
    const first = box.write(newPeak, new Uint8Array(100), null);
    assert.equal(memory.held.out, ENVELOPE + 100);
    const second = box.write(newPeak, new Uint8Array(50), 7);
    assert.equal(memory.held.out, 2 * ENVELOPE + 2 + 150);
    taking[0]!.resolve();
    await first;
    assert.equal(memory.held.out, ENVELOPE + 2 + 50);
    taking[1]!.resolve();
    await second;
    assert.equal(memory.held.out, 0);
    assert.equal(traffic.sent.bytes, 2 * ENVELOPE + 2 + 150);
  });

  test("write() holds nothing any more of what the socket refused, nor after the end", async () => {
    const { memory, ended, taking, box } = outbox();
    const sent = box.write(newPeak, new Uint8Array(100), null);
    taking[0]!.reject(new Error("reset"));
    await assert.rejects(sent, { code: "closed", fault: "network" });
    assert.equal(memory.held.out, 0);
    ended.abort();
    await assert.rejects(box.write(newPeak, new Uint8Array(100), null), { code: "stopped" });
    assert.deepEqual([memory.held.out, taking.length], [0, 1]);
  });

  test("admit() holds what waits for our own rate, three of ten a minute, and lets it go when its turn has come", async () => {
    const { clock, memory, box } = outbox();
    for (let i = 0; i < 3; i++) assert.equal(await box.admit(requestBlock, 100), true);
    const waiting = [box.admit(requestBlock, 100), box.admit(requestBlock, 200)];
    await clock.advance(0);
    assert.equal(memory.held.out, 300);
    await clock.advance(59_000);
    assert.equal(memory.held.out, 300);
    await clock.advance(1_000);
    assert.deepEqual(await Promise.all(waiting), [true, true]);
    assert.equal(memory.held.out, 0);
  });

  test("admit() lets go of what waits when the session ends", async () => {
    const { clock, memory, ended, box } = outbox();
    for (let i = 0; i < 3; i++) await box.admit(requestBlock, 100);
    const waiting = box.admit(requestBlock, 100);
    waiting.catch(() => {});
    await clock.advance(0);
    assert.equal(memory.held.out, 100);
    ended.abort(new Error("ended"));
    await assert.rejects(waiting, /ended/);
    assert.equal(memory.held.out, 0);
    assert.equal(clock.pending, 0);
  });

  test("admit() drops peer lists that come too often, and refuses what no rate would let through", async () => {
    const { box } = outbox();
    for (let i = 0; i < 3; i++) assert.equal(await box.admit(respondPeers, 100), true);
    assert.equal(await box.admit(respondPeers, 100), false);
    await assert.rejects(box.admit(requestBlock, 1_001), { code: "too_big", fault: "self" });
  });

  test("admit() lets a message of just as many bytes as may be wait for its turn", async () => {
    const { box, clock } = outbox();
    for (let i = 0; i < 3; i++) assert.equal(await box.admit(requestBlock, 1_000), true);
    assert.equal(await clock.until(box.admit(requestBlock, 1_000), 60_000), true);
  });

  test("admit() waits for nothing where the other side does not count, and twice as long a row of a wallet", async () => {
    const free = outbox({ isPaced: false });
    for (let i = 0; i < 50; i++) assert.equal(await free.box.admit(requestBlock, 5_000), true);
    const wallet = outbox({ nodeType: NodeType.WALLET });
    for (let i = 0; i < 6; i++) assert.equal(await wallet.box.admit(requestBlock, 100), true);
    wallet.box.admit(requestBlock, 100).catch(() => {});
    await wallet.clock.advance(0);
    assert.equal(wallet.memory.held.out, 100);
    wallet.ended.abort(new Error("ended"));
  });
});

describe("ChiaPeer.merits", () => {
  test("has the least ping, when blocks of it last became our tip, and whether it is a full node", () => {
    const socket: { minimumPingMs: number | undefined } = { minimumPingMs: undefined };
    const make = (nodeType: NodeType) =>
      new ChiaPeer({
        id: 1,
        kind: "inbound",
        since: 0,
        session: { socket, peer: { nodeType }, remote: { host: "10.0.0.1", port: 1 } } as never,
      });
    const peer = make(NodeType.FULL_NODE);
    assert.equal(peer.merits.pingMinMs, Infinity);
    socket.minimumPingMs = 17;
    peer.gaveHead(99);
    const { pingMinMs, lastHeadMs, isUseful } = peer.merits;
    assert.deepEqual([pingMinMs, lastHeadMs, isUseful], [17, 99, true]);
    assert.equal(make(NodeType.WALLET).merits.isUseful, false);
  });
});
