/** What a session does with messages: measured on chia-blockchain 2.7.5 (rows of session.md, spec sections b and e). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import {
  Capability,
  configureWindowSizes,
  decodeEnvelope,
  DEFAULT_CAPABILITIES,
  error as errorMessage,
  newPeak,
  NodeType,
  rejectBlock,
  requestBlock,
  respondBlock,
  respondPeers,
} from "../../../lib/chia/protocol/mod.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Turns } from "../../../lib/core/peers/turns.ts";
import { protocolFault } from "../../../lib/chia/peers/faults.ts";
import { decodeBody } from "../../../lib/chia/peers/decode-body.ts";
import { Handshake as HandshakeStruct } from "../../../lib/chia/types/mod.ts";
import { encodeHandshake } from "../../../lib/chia/peers/handshake.ts";
import type { PeerExit } from "../../../lib/core/peers/peer.ts";
import { PRICES } from "../../../lib/core/peers/reputation.ts";
import type { ChiaSession, IncomingHandler } from "../../../lib/chia/peers/session.ts";
import { recordedBlocks } from "../chia-chain/chain-1200.ts";
import { type Bench, bench, closing, countedSignal, frame, OWN } from "./pair.ts";

const block = recordedBlocks()[3] ?? assert.fail("no recording");
const ask = { height: 5, includeTransactionBlock: true };
const REQUEST = fromHex("1a010007000000050000000501");
const reject = (id: number | null) => frame(28, [0, 0, 0, 5], id);

/** Asks for a block; a test may look at the answer later than it comes. */
function asked(session: ChiaSession, timeoutMs: number, signal?: AbortSignal) {
  const answer = session.request(requestBlock, ask, timeoutMs, signal);
  answer.catch(() => {});
  return answer;
}

/** Parses what comes, as the node does, so that a bad body shows. */
const parsing: IncomingHandler = ({ message, data }) => {
  if (message.body !== null) decodeBody({ name: message.name, body: message.body }, data);
};

interface Row {
  readonly what: string;
  readonly send: Uint8Array | string;
  readonly from?: NodeType;
  readonly expected: string;
  readonly code: string;
  readonly banSeconds: number;
}

const banOf = ({ offence }: PeerExit) => (offence === undefined ? 0 : PRICES[offence].banSeconds);

const PROTOCOL = { expected: "1002 -4", code: "INVALID_PROTOCOL_MESSAGE", banSeconds: 10 };
const API = { expected: "1002 1", code: "UNKNOWN", banSeconds: 10 };
const UNASKED = { expected: "1000", code: "UNSOLICITED", banSeconds: 300 };
const RATE = { expected: "1000", code: "RATE_LIMIT", banSeconds: 300 };

const rows: readonly Row[] = [
  { what: "a length before the envelope", send: fromHex("0000000d1a010003000000050000000501"), ...PROTOCOL },
  { what: "an unknown type", send: fromHex("c80000000000"), ...PROTOCOL },
  { what: "an empty frame", send: new Uint8Array(), ...PROTOCOL },
  { what: "a byte after the message", send: Uint8Array.of(...REQUEST, 0), ...PROTOCOL },
  { what: "a text frame", send: "hello", expected: "1000", code: "TEXT_FRAME", banSeconds: 0 },
  { what: "a second handshake", send: encodeHandshake(OWN), ...API },
  { what: "a body that is too short", send: fromHex("1a0100090000000100"), ...API },
  { what: "a body with bytes left over", send: frame(26, [0, 0, 0, 5, 1, 0], 9), ...API },
  { what: "a wallet's request_block", send: REQUEST, from: NodeType.WALLET, ...API },
  { what: "a message for farmers", send: frame(8), ...API },
  { what: "none_response", send: frame(91), ...API },
  { what: "respond_block of nothing", send: fromHex("1b01001f00000000"), ...API },
  {
    what: "respond_block with an id that was not asked",
    send: frame(27, block as unknown as number[], 31),
    ...UNASKED,
  },
  { what: "respond_block without an id", send: frame(27, block as unknown as number[]), ...UNASKED },
  { what: "respond_block from a wallet", send: frame(27, block as unknown as number[]), from: NodeType.WALLET, ...API },
  // What it answers is not among what we ask; the reference blames that less than blocks.
  { what: "respond_compact_vdf unasked", send: frame(41, new Array<number>(183).fill(0)), ...PROTOCOL },
  { what: "respond_compact_vdf unasked, with an id", send: frame(41, new Array<number>(183).fill(0), 31), ...PROTOCOL },
  { what: "respond_blocks unasked", send: frame(30, [0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 0], 31), ...UNASKED },
  { what: "reject_block unasked", send: reject(31), ...UNASKED },
  { what: "reject_blocks unasked", send: frame(31, [0, 0, 0, 5, 0, 0, 0, 6], 31), ...UNASKED },
  { what: "a message larger than its kind may be", send: frame(26, new Array<number>(101).fill(0), 9), ...RATE },
];

for (const role of ["acceptor", "dialler"] as const) {
  describe(`ChiaSession.run() as ${role}`, () => {
    for (const { what, send, from = NodeType.FULL_NODE, expected, code, banSeconds } of rows) {
      test(`ends with ${expected} after ${what}`, async () => {
        const world = await bench(role, {}, parsing);
        const { exit } = await world.up({ nodeType: from });
        await world.hand.send(send);
        const end = await world.clock.until(exit);
        assert.deepEqual([end.code, end.fault, banOf(end)], [code, "peer", banSeconds], end.message);
        assert.equal(await closing(world), expected);
        assert.equal(world.clock.pending, 0);
      });
    }
  });
}

async function ended(world: Bench, exit: Promise<unknown>): Promise<void> {
  world.hand.close();
  await world.clock.until(exit);
  await closing(world);
  assert.equal(world.clock.pending, 0, "no timer is left");
}

describe("ChiaSession", () => {
  test("hands on what the peer may send, with its id, and lives on after unasked gossip", async () => {
    const world = await bench("acceptor", {}, parsing);
    const { exit } = await world.up();
    await world.hand.send(REQUEST);
    await world.hand.send(fromHex("2c000000000400000000"));
    await world.hand.send(frame(255, [0, 1, 0, 0, 0, 0, 0]));
    assert.deepEqual(world.received.map(({ message, id }) => `${message.name} ${id}`), [
      "request_block 7",
      "respond_peers null",
      "error null",
    ]);
    await ended(world, exit);
  });

  for (const [role, first] of [["dialler", 0], ["acceptor", 0x8000]] as const) {
    test(`request() as ${role} counts ids from ${first} and matches answers in any order`, async () => {
      const world = await bench(role);
      const { session, exit } = await world.up();
      const answers = [5, 6].map((height) => session.request(requestBlock, { ...ask, height }, 1_000));
      const ids = (await world.hand.take()).map((each) => decodeEnvelope(each as Uint8Array).id);
      assert.deepEqual(ids, [first, first + 1]);
      await world.hand.send(frame(28, [0, 0, 0, 6], first + 1));
      await world.hand.send(frame(28, [0, 0, 0, 5], first));
      assert.deepEqual((await Promise.all(answers)).map(({ message, data }) => [message.id, data[3]]), [
        [rejectBlock.id, 5],
        [rejectBlock.id, 6],
      ]);
      assert.deepEqual(world.received, []);
      await ended(world, exit);
    });
  }

  test("an answer of the wrong kind ends with -4, and whoever asked learns that it is over", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    const answer = asked(session, 1_000);
    await world.hand.take();
    await world.hand.send(frame(44, [0, 0, 0, 0], 0));
    await assert.rejects(answer, { code: "closed" });
    assert.equal((await world.clock.until(exit)).code, "INVALID_PROTOCOL_MESSAGE");
    assert.equal(await closing(world), "1002 -4");
    assert.equal(world.clock.pending, 0);
  });

  test("an empty answer is no answer whatever its kind, an error is a refusal; neither ends the session", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    const empty = asked(session, 1_000);
    await world.hand.send(frame(44, [], 0));
    await assert.rejects(empty, { code: "no_answer", fault: "peer" });
    const refused = asked(session, 1_000);
    await world.hand.send(frame(errorMessage.id, [0, 1, 0, 0, 0, 0, 0], 1));
    await assert.rejects(refused, { code: "refused", fault: "peer" });
    assert.equal(session.signal.aborted, false);
    await ended(world, exit);
  });

  test("what comes is counted by its kind, with the bytes of its frame", async () => {
    const world = await bench("acceptor");
    const { session, exit } = await world.up();
    for (let i = 0; i < 3; i++) await world.hand.send(REQUEST);
    const { messages, bytes } = session.traffic.received.byKind.get("request_block")!;
    assert.deepEqual([messages, bytes], [3, 3 * REQUEST.length]);
    await ended(world, exit);
  });

  test("how long each answer took is counted, and no other time", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    const counted = () =>
      [...session.traffic.sent.byKind.values()].flatMap(({ latency }) => latency.count > 0 ? [latency] : []);
    await world.clock.advance(500);
    const answer = asked(session, 1_000);
    await world.clock.advance(250);
    assert.deepEqual(counted(), []);
    await world.hand.send(reject(0));
    await answer;
    assert.deepEqual(counted(), [{ count: 1, sumMs: 250, maxMs: 250 }]);
    await ended(world, exit);
  });

  test("a late answer is excused once, a second one is unasked", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    const answer = asked(session, 1_000);
    await world.clock.advance(1_000);
    await assert.rejects(answer, { code: "timeout" });
    await world.hand.send(reject(0));
    assert.equal(session.signal.aborted, false);
    await world.hand.send(reject(0));
    assert.equal((await world.clock.until(exit)).code, "UNSOLICITED");
    await closing(world);
  });

  test("a request that is given up leaves no timer, and its answer is excused", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    const stop = new AbortController();
    const answer = asked(session, 60_000, stop.signal);
    await world.hand.take();
    assert.equal(world.clock.pending, 1);
    stop.abort();
    await assert.rejects(answer, { code: "stopped" });
    assert.equal(world.clock.pending, 0);
    await world.hand.send(reject(0));
    assert.equal(session.signal.aborted, false);
    await ended(world, exit);
  });

  test("too many messages of a kind end with 1000 and 300 s, but not for who is exempt", async () => {
    for (const enforceRates of [true, false]) {
      const world = await bench("acceptor", { enforceRates });
      const { session, exit } = await world.up();
      // new_peak: 200 a minute.
      for (let i = 0; i < 200; i++) await world.hand.send(frame(newPeak.id));
      assert.equal(session.signal.aborted, false);
      await world.hand.send(frame(newPeak.id));
      assert.equal(session.signal.aborted, enforceRates);
      if (!enforceRates) session.close();
      const end = await world.clock.until(exit);
      assert.deepEqual([end.code, banOf(end)], enforceRates ? ["RATE_LIMIT", 300] : ["stopped", 0]);
      assert.equal(await closing(world), "1000");
    }
  });

  for (const [nodeType, most] of [[NodeType.FULL_NODE, 60], [NodeType.WALLET, 120]] as const) {
    test(`node type ${nodeType} sends ${most} of 200 allowed requests a minute; the rest waits for the next`, async () => {
      const world = await bench("dialler", { own: { ...OWN, nodeType } });
      const { session, exit } = await world.up();
      const answers = Array.from({ length: 130 }, () => asked(session, 300_000));
      assert.equal((await world.hand.take()).length, most);
      await world.clock.advance(59_000);
      assert.equal((await world.hand.take()).length, 0);
      await world.clock.advance(1_000);
      assert.equal((await world.hand.take()).length, Math.min(most, 130 - most));
      await ended(world, exit);
      for (const answer of answers) await assert.rejects(answer);
    });
  }

  test("peer lists beyond our rate are dropped, other messages wait, and too large a one is our own error", async () => {
    const world = await bench("acceptor");
    const { session, exit } = await world.up();
    for (let i = 0; i < 10; i++) await session.send(respondPeers, { peerList: [] });
    const sent = (await world.hand.take()).length;
    assert.ok(sent > 0 && sent < 10, `${sent} of 10`);
    await assert.rejects(session.sendBytes(respondBlock, new Uint8Array(2 * 1024 * 1024 + 1)), {
      code: "too_big",
      fault: "self",
    });
    await ended(world, exit);
  });

  test("an exempt peer is sent what there is at once: it does not count, and we do not hold back", async () => {
    const world = await bench("acceptor", { enforceRates: false });
    const { session, exit } = await world.up();
    for (let i = 0; i < 40; i++) await session.send(respondPeers, { peerList: [] });
    assert.equal((await world.hand.take()).length, 40);
    await ended(world, exit);
  });

  test("a wallet's session: takes new_peak_wallet, and no block is unsolicited to it", async () => {
    const world = await bench("dialler", { own: { ...OWN, nodeType: NodeType.WALLET } }, parsing);
    const { session, exit } = await world.up();
    await world.hand.send(frame(50, new Array<number>(56).fill(0)));
    assert.deepEqual(world.received.map(({ message }) => message.name), ["new_peak_wallet"]);
    await world.hand.send(frame(30, [0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 0], 31));
    assert.equal(world.received.length, 2);
    await world.hand.send(frame(newPeak.id, new Array<number>(88).fill(0)));
    assert.equal((await world.clock.until(exit)).code, "UNKNOWN", "new_peak is not for wallets");
    assert.equal(session.signal.aborted, true);
    await closing(world);
  });

  test("stops reading while 16 handlers are at work, and goes on when one is done", async () => {
    const release = Promise.withResolvers<void>();
    const world = await bench("acceptor", {}, () => release.promise);
    const { exit } = await world.up();
    for (let i = 0; i < 20; i++) await world.hand.send(REQUEST);
    assert.equal(world.received.length, 16);
    release.resolve();
    await world.clock.advance(0);
    assert.equal(world.received.length, 20);
    await ended(world, exit);
  });

  test("counts handlers that are done no more: the 17th message waits for those that are at work", async () => {
    const releases: (() => void)[] = [];
    const world = await bench("acceptor", {}, () => new Promise<void>((resolve) => void releases.push(resolve)));
    const { exit } = await world.up();
    for (let i = 0; i < 15; i++) await world.hand.send(REQUEST);
    for (const release of releases.splice(0)) release();
    await world.clock.advance(0);
    for (let i = 0; i < 20; i++) await world.hand.send(REQUEST);
    assert.equal(releases.length, 16);
    releases.shift()!();
    await world.clock.advance(0);
    assert.equal(releases.length, 16, "one was done, one more is read");
    for (let i = 0; i < 4; i++) {
      for (const release of releases.splice(0)) release();
      await world.clock.advance(0);
    }
    await ended(world, exit);
  });

  test("handles nothing before its turn has come", async () => {
    const gate = Promise.withResolvers<void>();
    const turn = { next: () => gate.promise, work: <T>(task: () => T) => task() };
    const world = await bench("acceptor", { turns: { join: () => turn } as unknown as Turns });
    const { exit } = await world.up();
    await world.hand.send(REQUEST);
    await world.hand.send(REQUEST);
    assert.equal(world.received.length, 0);
    gate.resolve();
    await world.clock.advance(0);
    assert.equal(world.received.length, 2);
    await ended(world, exit);
  });

  test("isAwaited is so while a question is open, and at no other time", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    assert.equal(session.isAwaited, false);
    const answer = asked(session, 1_000);
    await world.hand.take();
    assert.equal(session.isAwaited, true);
    await world.hand.send(reject(0));
    await answer;
    assert.equal(session.isAwaited, false);
    await ended(world, exit);
  });

  test("request() sends nothing for a signal that has aborted, and leaves no listener on one that has not", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    await assert.rejects(asked(session, 1_000, AbortSignal.abort(new Error("not wanted"))), /not wanted/);
    assert.deepEqual(await world.hand.take(), []);
    const { signal, listening } = countedSignal();
    const answer = asked(session, 1_000, signal);
    await world.hand.take();
    assert.equal(listening(), 1);
    await world.hand.send(reject(0));
    await answer;
    assert.equal(listening(), 0);
    await ended(world, exit);
  });

  test("closes the socket once, for the first cause", async () => {
    const world = await bench("acceptor");
    const { session, exit } = await world.up();
    const causes: unknown[] = [];
    const close = session.socket.close.bind(session.socket);
    session.socket.close = (info) => (causes.push(info?.closeCode), close(info));
    session.fail(protocolFault("made up"));
    session.close();
    assert.equal((await world.clock.until(exit)).code, "INVALID_PROTOCOL_MESSAGE");
    assert.deepEqual(causes, [1002]);
    assert.equal(await closing(world), "1002 -4");
  });

  test("a handler that fails for a fault of our own ends the session, and the peer pays nothing", async () => {
    const fault = new NodeError("disk", "self", "the disk is full");
    const world = await bench("acceptor", {}, () => Promise.reject(fault));
    const { exit } = await world.up();
    await world.hand.send(REQUEST);
    const end = await world.clock.until(exit);
    assert.deepEqual([end.code, end.fault, banOf(end)], ["disk", "self", 0]);
    assert.equal(await closing(world), "1000");
  });

  test("a handler that fails for what is no fault of our own ends the session, and the peer pays", async () => {
    const fault = new NodeError("timeout", "peer", "no answer in time");
    const world = await bench("acceptor", {}, () => Promise.reject(fault));
    const { exit } = await world.up();
    await world.hand.send(REQUEST);
    const end = await world.clock.until(exit);
    assert.deepEqual([end.code, end.fault, banOf(end)], ["UNKNOWN", "peer", 10]);
    await closing(world);
  });

  test("a handler that fails after the end changes nothing about why it ended", async () => {
    const release = Promise.withResolvers<void>();
    const world = await bench("acceptor", {}, () => release.promise);
    const { session, exit } = await world.up();
    await world.hand.send(REQUEST);
    session.close();
    release.reject(new TypeError("broken"));
    const end = await world.clock.until(exit);
    assert.deepEqual([end.code, banOf(end), await closing(world)], ["stopped", 0, "1000"]);
  });

  test("the end waits for handlers that are still at work", async () => {
    const release = Promise.withResolvers<void>();
    const world = await bench("acceptor", {}, () => release.promise);
    const { session, exit } = await world.up();
    await world.hand.send(REQUEST);
    let over = false;
    exit.then(() => (over = true));
    session.close();
    await world.clock.advance(10_000);
    assert.equal(over, false);
    release.resolve();
    assert.equal((await world.clock.until(exit)).code, "stopped");
    assert.equal(world.clock.pending, 0);
  });

  test("a handler that fails ends the session with 1, ten seconds, and its own words", async () => {
    const world = await bench("acceptor", {}, () => Promise.reject(new TypeError("broken")));
    const { exit } = await world.up();
    await world.hand.send(REQUEST);
    const end = await world.clock.until(exit);
    assert.deepEqual([end.code, banOf(end)], ["UNKNOWN", 10]);
    assert.match(end.message, /broken/);
    assert.equal(await closing(world), "1002 1");
  });

  test("tells how the peer closed, which costs nothing", async () => {
    const world = await bench("acceptor");
    const { exit } = await world.up();
    world.hand.close({ closeCode: 1002, reason: "110" });
    assert.deepEqual(await world.clock.until(exit), {
      code: "closed",
      fault: "network",
      message: "closed by the peer with code 1002, reason 110",
    });
  });

  test("a peer that does not read holds a request no longer than its time", async () => {
    const world = await bench("dialler", {}, () => {}, true);
    const { session, exit } = await world.up();
    // Fills what the connection can hold, so that writing waits.
    const stuffed = Array.from({ length: 4 }, () => session.sendBytes(respondBlock, new Uint8Array(2_000_000)));
    for (const each of stuffed) each.catch(() => {});
    const answer = asked(session, 1_000);
    await assert.rejects(world.clock.until(answer), { code: "timeout" });
    session.close();
    await world.clock.until(exit);
    await world.clock.advance(10_000);
    assert.equal(world.clock.pending, 0);
  });

  test("sends the bytes of the reference's own frame", async () => {
    const world = await bench("dialler");
    const { session, exit } = await world.up();
    await session.send(requestBlock, ask, 7);
    assert.deepEqual((await world.hand.take()).map((each) => toHex(each as Uint8Array)), [toHex(REQUEST)]);
    await ended(world, exit);
    await assert.rejects(session.send(requestBlock, ask), { code: "stopped" });
  });
});

describe("rate limits of version 3", () => {
  const WINDOWS = configureWindowSizes.id;
  const CAPABILITIES = [...DEFAULT_CAPABILITIES[NodeType.FULL_NODE], [Capability.RATE_LIMITS_V3, "1"]] as const;
  const sizes = (...settings: [number, number][]) =>
    frame(WINDOWS, [...configureWindowSizes.body.encode({ settings })]);

  /** A session with a peer that announces version 3 and says its windows. */
  async function windowed(
    handle: IncomingHandler,
    settings: [number, number][] = [[requestBlock.id, 1], [rejectBlock.id, 0]],
  ) {
    const world = await bench("acceptor", {}, handle);
    await world.hand.send(encodeHandshake({ ...OWN, capabilities: CAPABILITIES }));
    await world.hand.send(sizes(...settings));
    const session = await world.clock.until(world.opening, 0);
    const exit = session.run(handle);
    const said = (await world.hand.take()).map((each) => decodeEnvelope(each as Uint8Array));
    return { world, session, exit, said };
  }

  test("who announces them is answered in kind, with our windows", async () => {
    const { world, exit, said } = await windowed(() => {});
    assert.deepEqual(said.map(({ type }) => type), [1, WINDOWS]);
    const { capabilities } = HandshakeStruct.decode(said[0]!.data);
    assert.ok(capabilities.some(([capability, value]) => capability === Capability.RATE_LIMITS_V3 && value === "1"));
    const { settings } = configureWindowSizes.body.decode(said[1]!.data);
    assert.equal(settings.find(([id]) => id === requestBlock.id)?.[1], 2);
    assert.equal(settings.find(([id]) => id === rejectBlock.id)?.[1], 0);
    await ended(world, exit);
  });

  test("two requests may be handled at a time, the third costs 300 s; one after the other as many as one likes", async () => {
    const open: (() => void)[] = [];
    const { world, exit } = await windowed(() => new Promise<void>((resolve) => void open.push(resolve)));
    for (let i = 0; i < 1_000; i++) {
      await world.hand.send(REQUEST);
      open.shift()?.();
      await world.clock.advance(0);
    }
    await world.hand.send(REQUEST);
    await world.hand.send(REQUEST);
    assert.equal(open.length, 2);
    await world.hand.send(REQUEST);
    for (const end of open) end();
    const end = await world.clock.until(exit);
    assert.deepEqual([end.code, banOf(end)], ["RATE_LIMIT", 300]);
  });

  test("a request that is handled at once takes no place in its window", async () => {
    const { world, session, exit } = await windowed(() => {});
    for (let i = 0; i < 10; i++) await world.hand.send(REQUEST);
    assert.equal(session.signal.aborted, false);
    await ended(world, exit);
  });

  test("as many window sizes as may be are read", async () => {
    const { world, exit, session } = await windowed(
      () => {},
      Array.from({ length: 256 }, (_, i): [number, number] => [requestBlock.id, i + 1]),
    );
    const answers = Array.from({ length: 5 }, () => asked(session, 1_000));
    assert.equal((await world.hand.take()).length, 5);
    await ended(world, exit);
    for (const answer of answers) await assert.rejects(answer);
  });

  test("a request waits for the peer's window", async () => {
    const { world, session, exit } = await windowed(() => {});
    const answers = [5, 6].map((height) => session.request(requestBlock, { ...ask, height }, 60_000));
    await world.clock.advance(0);
    const first = (await world.hand.take()).map((each) => decodeEnvelope(each as Uint8Array));
    assert.deepEqual(first.map(({ data }) => data[3]), [5]);
    await world.hand.send(frame(28, [0, 0, 0, 5], first[0]!.id));
    await world.clock.advance(1_000);
    const second = (await world.hand.take()).map((each) => decodeEnvelope(each as Uint8Array));
    assert.deepEqual(second.map(({ data }) => data[3]), [6]);
    await world.hand.send(frame(28, [0, 0, 0, 6], second[0]!.id));
    assert.equal((await Promise.all(answers)).length, 2);
    await ended(world, exit);
  });

  for (
    const [what, message] of [
      ["nothing", sizes()],
      ["a window on answers", sizes([rejectBlock.id, 1])],
      ["another message", REQUEST],
      ["a frame that is none", Uint8Array.of(WINDOWS)],
      ["window sizes cut short", frame(WINDOWS, [0, 0, 0, 1, 26])],
      ["too many", sizes(...Array.from({ length: 257 }, (): [number, number] => [requestBlock.id, 2]))],
    ] as const
  ) {
    test(`${what} in the place of window sizes breaks the handshake`, async () => {
      const world = await bench("acceptor");
      await world.hand.send(encodeHandshake({ ...OWN, capabilities: CAPABILITIES }));
      await world.hand.send(message);
      await assert.rejects(world.clock.until(world.opening), { code: "INVALID_HANDSHAKE", fault: "peer" });
      assert.equal(await closing(world), "1002 -6");
    });
  }
});
