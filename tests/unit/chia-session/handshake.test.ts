/** What a full node does with handshakes: measured on chia-blockchain 2.7.5 (rows of session.md, spec section c). */
import assert from "node:assert/strict";
import { printable } from "../../../lib/core/printable.ts";
import { readFileSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { encodeHandshake, judgeHandshake, judgeWindows, requireVersion } from "../../../lib/chia/peers/handshake.ts";
import { decodeBody } from "../../../lib/chia/peers/decode-body.ts";
import { shakeHands } from "../../../lib/chia/peers/opening.ts";
import { ChiaSession } from "../../../lib/chia/peers/session.ts";
import type { PeerSocket } from "../../../lib/core/ports.ts";
import { PRICES } from "../../../lib/core/peers/reputation.ts";
import { PeerFault } from "../../../lib/chia/peers/faults.ts";
import {
  configureWindowSizes,
  decodeEnvelope,
  encodeEnvelope,
  NodeType,
  requestBlock,
} from "../../../lib/chia/protocol/mod.ts";
import { Handshake } from "../../../lib/chia/types/mod.ts";
import { simClock } from "../core/sim.ts";
import { bench, closing, countedSignal, frame, OWN, sessionOptions } from "./pair.ts";

interface Golden {
  readonly name: string;
  readonly nodeType: NodeType;
  readonly json: { readonly network_id: string; readonly software_version: string; readonly server_port: number };
  readonly message: string;
}
const text = readFileSync(new URL("../../data/chia/handshake.json", import.meta.url), "utf8");
const { handshakes } = JSON.parse(text) as { handshakes: readonly Golden[] };

const said = (more: Partial<Handshake> = {}) =>
  frame(1, Handshake.encode({ ...Handshake.decode(decodeEnvelope(encodeHandshake(OWN)).data), ...more }));

describe("encodeHandshake()", () => {
  for (const { name, nodeType, json, message } of handshakes) {
    test(`gives the reference's bytes for a ${name}`, () => {
      const own = {
        networkId: json.network_id,
        nodeType,
        softwareVersion: json.software_version,
        serverPort: json.server_port,
      };
      assert.equal(toHex(encodeHandshake(own)), message);
      assert.equal(judgeHandshake(fromHex(message), json.network_id).nodeType, nodeType);
    });
  }

  test("an answer has the version of the other side's node type", () => {
    const version = (answerTo?: NodeType) =>
      Handshake.decode(decodeEnvelope(encodeHandshake(OWN, answerTo)).data).protocolVersion;
    assert.deepEqual([version(), version(NodeType.WALLET), version(NodeType.SOLVER)], ["0.0.36", "0.0.38", "0.0.37"]);
  });
});

describe("requireVersion()", () => {
  const judged = (protocolVersion: string) => {
    try {
      requireVersion({ protocolVersion } as Handshake);
      return true;
    } catch (thrown) {
      assert.ok(thrown instanceof PeerFault && thrown.code === "UNKNOWN");
      return false;
    }
  };
  // PEP 440, as Python's packaging.version reads it.
  const good = [
    "0.0.36",
    "1",
    "v1.2",
    "1!2.0",
    "1.0a1",
    "1.0.rc2",
    "1.0-1",
    "1.0.post3",
    "1.0.dev0",
    "1.0+local.7",
    " 1.0 ",
  ];
  const bad = ["", "abc", "1..2", "1.0.x", "1.0+", "-1", "1.0 0", "0.0.36;"];
  for (const version of good) test(`takes ${JSON.stringify(version)}`, () => assert.ok(judged(version)));
  for (const version of bad) test(`refuses ${JSON.stringify(version)}`, () => assert.ok(!judged(version)));
});

test("printable() leaves nothing in a peer's words that could forge a log line", () => {
  assert.equal(printable("a\n\u001b[31mb\u202ec\u0000"), "a31mbc");
  assert.equal(printable("/Satoshi:29.0.0(a_b; x@y-z?)/, ok"), "/Satoshi:29.0.0(a_b; x@y-z?)/, ok");
  assert.equal(printable('<script src="x">\u00e4&$`|'), "script srcx");
  assert.equal(printable("x".repeat(500)).length, 256);
});

interface Row {
  readonly what: string;
  readonly send: Uint8Array | string;
  readonly expected: string;
  readonly code: string;
  readonly banSeconds: number;
  /** Whether the acceptor answers before it closes. */
  readonly answered?: boolean;
}

const ten = { banSeconds: 10 };
const rows: readonly Row[] = [
  {
    what: "another network",
    send: said({ networkId: "mainnet" }),
    expected: "1002 110",
    code: "INCOMPATIBLE_NETWORK_ID",
    ...ten,
  },
  {
    what: "a length before the envelope",
    send: Uint8Array.of(0, 0, 0, 51, ...said()),
    expected: "1002 -4",
    code: "INVALID_PROTOCOL_MESSAGE",
    ...ten,
  },
  { what: "an unknown type", send: frame(200), expected: "1002 -4", code: "INVALID_PROTOCOL_MESSAGE", ...ten },
  {
    what: "another message in which a handshake lies",
    send: frame(26, decodeEnvelope(said()).data),
    expected: "1002 -6",
    code: "INVALID_HANDSHAKE",
    ...ten,
  },
  { what: "an empty frame", send: new Uint8Array(), expected: "1002 -4", code: "INVALID_PROTOCOL_MESSAGE", ...ten },
  {
    what: "another message first",
    send: fromHex("1a010001000000050000000501"),
    expected: "1002 -6",
    code: "INVALID_HANDSHAKE",
    ...ten,
  },
  {
    what: "a byte after the handshake",
    send: frame(1, [...decodeEnvelope(said()).data, 0]),
    expected: "1002 -6",
    code: "INVALID_HANDSHAKE",
    ...ten,
  },
  {
    what: "a handshake cut short",
    send: frame(1, decodeEnvelope(said()).data.slice(0, -1)),
    expected: "1002 -6",
    code: "INVALID_HANDSHAKE",
    ...ten,
  },
  {
    what: "a version of 129 bytes",
    send: said({ softwareVersion: "v".repeat(129) }),
    expected: "1002 -6",
    code: "INVALID_HANDSHAKE",
    ...ten,
  },
  {
    what: "a version of 65 letters of two bytes",
    send: said({ softwareVersion: "ä".repeat(65) }),
    expected: "1002 -6",
    code: "INVALID_HANDSHAKE",
    ...ten,
  },
  { what: "node type 9", send: said({ nodeType: 9 }), expected: "1002 1", code: "UNKNOWN", ...ten },
  { what: "node type 0", send: said({ nodeType: 0 }), expected: "1002 1", code: "UNKNOWN", ...ten },
  {
    what: "a protocol version that is none",
    send: said({ protocolVersion: "abc" }),
    expected: "1002 1",
    code: "UNKNOWN",
    answered: true,
    ...ten,
  },
  {
    what: "another network and a long version",
    send: said({ networkId: "x", softwareVersion: "v".repeat(200) }),
    expected: "1002 110",
    code: "INCOMPATIBLE_NETWORK_ID",
    ...ten,
  },
  {
    what: "a handshake above 10 KiB",
    send: said({ networkId: "x".repeat(10 * 1024) }),
    expected: "1000",
    code: "RATE_LIMIT",
    banSeconds: 300,
  },
  { what: "a text frame", send: "hello", expected: "1000", code: "TEXT_FRAME", ...ten },
];

for (const role of ["acceptor", "dialler"] as const) {
  describe(`ChiaSession.open() as ${role}`, () => {
    for (const { what, send, expected, code, banSeconds, answered = false } of rows) {
      test(`ends with ${expected} after ${what}`, async () => {
        const world = await bench(role);
        const before = await world.hand.take();
        assert.equal(before.length, role === "dialler" ? 1 : 0, "the dialler speaks first");
        await world.hand.send(send);
        await assert.rejects(world.opening, (thrown) => {
          assert.ok(thrown instanceof PeerFault);
          assert.deepEqual([thrown.code, PRICES[thrown.offence].banSeconds], [code, banSeconds]);
          return true;
        });
        assert.equal((await world.hand.take()).length, answered && role === "acceptor" ? 1 : 0);
        assert.equal(await closing(world), expected);
        assert.equal(world.clock.pending, 0);
      });
    }

    for (const id of [null, 7]) {
      test(`takes a handshake of 10 KiB and none that is larger, ${id === null ? "without" : "with"} an id`, async () => {
        for (const [bytes, code] of [[10 * 1024, "INCOMPATIBLE_NETWORK_ID"], [10 * 1024 + 1, "RATE_LIMIT"]] as const) {
          const { data } = decodeEnvelope(said({ networkId: "" }));
          const { data: full } = decodeEnvelope(said({ networkId: "x".repeat(bytes - data.length) }));
          assert.equal(full.length, bytes);
          const world = await bench(role);
          await world.hand.send(encodeEnvelope({ type: 1, id, data: full }));
          await assert.rejects(world.opening, { code });
          await closing(world);
        }
      });
    }

    test("takes a handshake above 10 KiB from a host that is exempt", async () => {
      const world = await bench(role, { enforceRates: false });
      await world.hand.send(said({ networkId: "x".repeat(10 * 1024) }));
      await assert.rejects(world.opening, { code: "INCOMPATIBLE_NETWORK_ID" });
    });

    test("ends with -6 when nothing is said in time, and not before", async () => {
      const world = await bench(role);
      await world.clock.advance(29_999);
      assert.equal(world.clock.pending, 1);
      await world.clock.advance(1);
      await assert.rejects(world.opening, { code: "INVALID_HANDSHAKE" });
      assert.equal(await closing(world), "1002 -6");
      assert.equal(world.clock.pending, 0);
    });

    test("ends with 1000 when the peer shows our own certificate, before a word is said", async () => {
      const world = await bench(role, { peerNodeId: new Uint8Array(32).fill(1) });
      await assert.rejects(world.opening, { code: "SELF_CONNECTION" });
      assert.deepEqual(await world.hand.take(), []);
      assert.equal(await closing(world), "1000");
    });

    test("is the network's fault when the peer goes away", async () => {
      const world = await bench(role);
      world.hand.close();
      await world.clock.advance(0);
      await assert.rejects(world.opening, { code: "closed", fault: "network" });
      await closing(world);
      assert.equal(world.clock.pending, 0);
    });

    test("stops when the signal aborts, and lets go of it", async () => {
      const stop = new AbortController();
      const world = await bench(role, { signal: stop.signal });
      stop.abort();
      await world.clock.advance(0);
      await assert.rejects(world.opening, { code: "stopped", fault: "self" });
      assert.equal(await closing(world), "1000");
      assert.equal(world.clock.pending, 0);
    });

    test("leaves no listener on the signal, however it goes", async () => {
      for (const send of [said(), said({ nodeType: 9 })]) {
        const { signal, listening } = countedSignal();
        const world = await bench(role, { signal });
        await world.hand.send(send);
        const session = await world.opening.catch(() => undefined);
        if (session !== undefined) {
          const exit = session.run(() => {});
          session.close();
          await world.clock.until(exit);
        }
        assert.equal(listening(), 0);
        await closing(world);
      }
    });

    test("does not even begin when the signal was aborted before", async () => {
      await assert.rejects(bench(role, { signal: AbortSignal.abort() }), { code: "connection_reset" });
    });

    test("takes a peer without capabilities, and one of another node type", async () => {
      for (const more of [{ capabilities: [] }, { nodeType: NodeType.WALLET }, { softwareVersion: "v".repeat(128) }]) {
        const world = await bench(role);
        await world.hand.send(said(more));
        const session = await world.opening;
        assert.equal(session.peer.nodeType, more.nodeType ?? NodeType.FULL_NODE);
        const exit = session.run(() => {});
        session.close();
        assert.equal((await world.clock.until(exit)).code, "stopped");
        await closing(world);
        assert.equal(world.clock.pending, 0);
      }
    });
  });
}

test("an acceptor answers with the version of the peer's node type", async () => {
  const world = await bench("acceptor");
  await world.hand.send(said({ nodeType: NodeType.WALLET }));
  const [answer] = await world.hand.take();
  assert.ok(answer instanceof Uint8Array);
  assert.equal(Handshake.decode(decodeEnvelope(answer).data).protocolVersion, "0.0.38");
  (await world.opening).close();
});

test("what the handshake costs is counted: a message each way, with its bytes", async () => {
  for (const role of ["dialler", "acceptor"] as const) {
    const world = await bench(role);
    const theirs = said();
    await world.hand.send(theirs);
    const { traffic } = await world.opening;
    const [ours] = await world.hand.take();
    assert.ok(ours instanceof Uint8Array);
    for (const [side, bytes] of [[traffic.received, theirs.length], [traffic.sent, ours.length]] as const) {
      assert.deepEqual([side.bytes, side.messages], [bytes, 1], role);
      assert.equal(side.byKind.get("handshake")?.messages, 1);
    }
    (await world.opening).close();
  }
});

test("what fails of our own while a peer's bytes are read is not the peer's fault", () => {
  const failing = () => {
    throw new TypeError("a fault of our own");
  };
  const right = said();
  const { decode } = Handshake;
  Handshake.decode = failing;
  try {
    assert.throws(() => judgeHandshake(right, "simulator0"), TypeError);
  } finally {
    Handshake.decode = decode;
  }
  assert.throws(() => judgeWindows(undefined as unknown as Uint8Array), TypeError);
  assert.throws(() => decodeBody({ name: "made_up", body: { decode: failing } }, new Uint8Array()), TypeError);
});

test("judgeWindows() says what is wrong with window sizes that do not parse", () => {
  const { id } = configureWindowSizes;
  assert.throws(() => judgeWindows(frame(id, [0, 0])), { code: "INVALID_HANDSHAKE", message: /short/ });
  assert.throws(() => judgeWindows(frame(id + 1, [0, 0])), { code: "INVALID_HANDSHAKE", message: /no window sizes/ });
});

test("a request that cannot be written is waited for no longer", async () => {
  const clock = simClock();
  let writes = 0;
  const readable = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(said()) });
  const writable = new WritableStream<Uint8Array | string>({
    write: () => (writes += 1) > 1 ? Promise.reject(new Error("broken")) : Promise.resolve(),
  });
  const socket = { opened: Promise.resolve({ readable, writable }) } as unknown as PeerSocket;
  const session = await ChiaSession.open(socket, sessionOptions("dialler", clock));
  const body = { height: 5, includeTransactionBlock: true };
  await assert.rejects(session.request(requestBlock, body, 60_000), { code: "closed", fault: "network" });
  assert.deepEqual([session.isAwaited, clock.pending], [false, 0]);
});

test("a connection that breaks during the handshake rejects nothing but the opening", async () => {
  const writing = Promise.withResolvers<WritableStreamDefaultController>();
  const readable = new ReadableStream<Uint8Array>();
  const writable = new WritableStream<Uint8Array | string>({ start: (controller) => writing.resolve(controller) });
  const closed = Promise.withResolvers<{ closeCode: number; reason: string }>();
  const socket = {
    opened: Promise.resolve({ readable, writable }),
    closed: closed.promise,
    close: () => closed.resolve({ closeCode: 1000, reason: "" }),
  } as unknown as PeerSocket;
  const stop = new AbortController();
  const clock = simClock();
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const opening = assert.rejects(
    shakeHands(socket, { ...sessionOptions("acceptor", clock), signal: stop.signal }),
    { code: "stopped" },
  );
  (await writing.promise).error(new Error("the connection is gone"));
  await clock.advance(0);
  await clock.advance(0);
  stop.abort();
  await opening;
  process.off("unhandledRejection", note);
  assert.deepEqual([unhandled, clock.pending], [[], 0]);
});
