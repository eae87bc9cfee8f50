import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import type { ByteDuplex, PeerSocket } from "../../../lib/core/ports.ts";
import { duplexPair, type DuplexPairOptions } from "../../../lib/transport/memory.ts";
import { encodeClose, encodeFrame, OPCODE } from "../../../lib/transport/websocket/frames.ts";
import {
  type AcceptOptions,
  acceptWebSocket,
  type ConnectOptions,
  connectWebSocket,
  upgradeWebSocket,
} from "../../../lib/transport/websocket/mod.ts";
import { HeadReader } from "../../../lib/transport/websocket/handshake.ts";
import { keepAlive } from "../../../lib/transport/websocket/keep-alive.ts";
import { FakeClock, fakeRandom, settle } from "./fake-clock.ts";

const code = (expected: string) => (thrown: unknown) => thrown instanceof NodeError && thrown.code === expected;
const utf8 = (text: string) => new TextEncoder().encode(text);
const REQUEST = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

function pair(
  options: { client?: Partial<ConnectOptions>; server?: Partial<AcceptOptions>; wire?: DuplexPairOptions } = {},
) {
  const clock = new FakeClock();
  const [near, far] = duplexPair(options.wire);
  const shared = { clock, random: fakeRandom, path: "/ws", messageBytesMax: 1_000_000 };
  const client = connectWebSocket(near, { ...shared, ...options.client });
  const server = acceptWebSocket(far, { ...shared, ...options.server });
  return { clock, client, server, near, far };
}

/** A server of ours with nothing but bytes on the other side. */
function rawClient(options: Partial<AcceptOptions> = {}) {
  const clock = new FakeClock();
  const [near, far] = duplexPair();
  const server = acceptWebSocket(far, { clock, random: fakeRandom, path: "/ws", messageBytesMax: 1_000, ...options });
  const writer = near.writable.getWriter();
  return { clock, near, server, write: (bytes: Uint8Array | string) => writer.write(bytesOf(bytes)), writer };
}

/** A client of ours with nothing but bytes on the other side. */
function rawServer(options: Partial<ConnectOptions> = {}) {
  const clock = new FakeClock();
  const [near, far] = duplexPair();
  const client = connectWebSocket(near, { clock, random: fakeRandom, path: "/ws", messageBytesMax: 1_000, ...options });
  const writer = far.writable.getWriter();
  return { clock, far, client, write: (bytes: Uint8Array | string) => writer.write(bytesOf(bytes)), writer };
}

const bytesOf = (bytes: Uint8Array | string) => typeof bytes === "string" ? utf8(bytes) : bytes;

async function send(socket: PeerSocket, message: Uint8Array | string): Promise<void> {
  const writer = socket.writable.getWriter();
  await writer.write(message);
  writer.releaseLock();
}

async function receive(socket: PeerSocket): Promise<Uint8Array | string | undefined> {
  const reader = socket.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return value;
}

/** Reads until `enough` says so, or the end. */
async function readText(duplex: ByteDuplex, enough: (text: string) => boolean = () => false): Promise<string> {
  const reader = duplex.readable.getReader();
  let text = "";
  while (!enough(text)) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done) break;
    for (const byte of value!) text += String.fromCharCode(byte);
  }
  reader.releaseLock();
  return text;
}

describe("a WebSocket between two of ours", () => {
  for (const segmentBytes of [1, 7, Infinity]) {
    test(`carries text and bytes both ways in segments of ${segmentBytes}`, async () => {
      const { client, server } = pair({ wire: { segmentBytes } });
      const long = Uint8Array.from({ length: 70_000 }, (_, i) => i);
      const writer = client.writable.getWriter();
      void writer.write("ahoi ☂");
      void writer.write(long);
      await send(server, new Uint8Array());
      assert.equal(await receive(server), "ahoi ☂");
      assert.deepEqual(await receive(server), long);
      assert.deepEqual(await receive(client), new Uint8Array());
      assert.ok(server.traffic.bytesRead > 70_000);
      assert.equal(server.traffic.bytesRead, client.traffic.bytesWritten);
      client.close();
      await Promise.all([client.closed, server.closed]);
    });
  }

  test("closes in order, with code and reason told to both, and leaves no timer", async () => {
    const { client, server, clock } = pair({ client: { pingIntervalMs: 1_000, idleTimeoutMs: 9_000 } });
    await client.opened;
    await send(client, "last words");
    client.close({ closeCode: 4_000, reason: "done" });
    assert.equal(await receive(server), "last words");
    assert.deepEqual(await server.closed, { closeCode: 4_000, reason: "done" });
    // The answer to a close repeats the code alone.
    assert.deepEqual(await client.closed, { closeCode: 4_000, reason: "" });
    assert.equal(await receive(server), undefined);
    await assert.rejects(send(client, "more"), code("closed"));
    await assert.rejects(send(server, "more"), code("closed"));
    assert.equal(clock.pending, 0);
  });

  test("both may close at once", async () => {
    const { client, server } = pair();
    await Promise.all([client.opened, server.opened]);
    client.close({ closeCode: 3_001 });
    server.close({ closeCode: 3_002 });
    assert.equal((await client.closed).closeCode, 3_002);
    assert.equal((await server.closed).closeCode, 3_001);
  });

  test("a reader that does not read stops the writer, and loses nothing", async () => {
    const { client, server } = pair();
    await Promise.all([client.opened, server.opened]);
    const writer = client.writable.getWriter();
    let written = 0;
    const writing = (async () => {
      for (; written < 500; written++) await writer.write(new Uint8Array(10_000).fill(written));
    })();
    await settle();
    assert.ok(written < 60, `${written} messages of 10 kB were taken with nobody reading`);
    for (let i = 0; i < 500; i++) assert.deepEqual(await receive(server), new Uint8Array(10_000).fill(i));
    await writing;
    client.close();
    await server.closed;
  });

  test("an abort closes with 1001", async () => {
    const controller = new AbortController();
    const { client, server } = pair({ client: { signal: controller.signal } });
    await client.opened;
    controller.abort();
    assert.equal((await server.closed).closeCode, 1001);
    await client.closed;
  });

  test("close() refuses codes and reasons that may not travel", async () => {
    const { client, server } = pair();
    await client.opened;
    assert.throws(() => client.close({ closeCode: 1006 }), RangeError);
    assert.throws(() => client.close({ closeCode: 1000, reason: "☂".repeat(42) }), RangeError);
    client.close({ closeCode: 1000, reason: "☂".repeat(41) });
    assert.equal((await server.closed).reason.length, 41);
    await client.closed;
  });

  test("the remote's certificate is handed on", async () => {
    const certificates = [Uint8Array.of(1), Uint8Array.of(2)] as const;
    const { client, server } = pair({ wire: { certificates } });
    assert.deepEqual(client.peerCertificate, Uint8Array.of(2));
    assert.deepEqual(server.peerCertificate, Uint8Array.of(1));
    client.close();
    await Promise.all([client.closed, server.closed]);
  });
});

describe("acceptWebSocket()", () => {
  test("answers the example of RFC 6455 section 1.3", async () => {
    const { near, server, write } = rawClient();
    await write(REQUEST.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"));
    await server.opened;
    const answer = await readText(near, (text) => text.endsWith("\r\n\r\n"));
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    assert.doesNotMatch(answer, /extensions/i);
    near.destroy();
    assert.equal((await server.closed).closeCode, 1006);
  });

  test("takes frames that came with the request", async () => {
    const { near, server, write } = rawClient();
    const frame = encodeFrame(OPCODE.text, utf8("early"), Uint8Array.of(1, 2, 3, 4));
    await write(Uint8Array.from([...utf8(REQUEST), ...frame]));
    assert.equal(await receive(server), "early");
    near.destroy();
    await server.closed;
  });

  const refusals: readonly [string, string, number][] = [
    ["another path", REQUEST.replace("/ws", "/"), 404],
    ["another method", REQUEST.replace("GET", "POST"), 405],
    ["no Upgrade", REQUEST.replace("Upgrade: websocket\r\n", ""), 426],
    ["no Connection: Upgrade", REQUEST.replace("keep-alive, Upgrade", "keep-alive"), 426],
    ["version 8", REQUEST.replace("Version: 13", "Version: 8"), 426],
    ["a key of 15 bytes", REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"), 400],
    ["two keys", REQUEST.replace("Host", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost"), 400],
    ["no Host", REQUEST.replace("Host: a\r\n", ""), 400],
    ["HTTP/1.0", REQUEST.replace("HTTP/1.1", "HTTP/1.0"), 400],
    ["a header that is none", REQUEST.replace("Host: a", "Host: a\r\nwhat is this"), 400],
    ["a bare line feed", REQUEST.replace("Host: a", "Host: a\nX: y"), 400],
    ["garbage", "\u0001\u0002\r\n\r\n", 400],
    ["a head above 8 KiB", REQUEST.replace("Host: a", `Host: ${"a".repeat(9_000)}`), 431],
  ];
  for (const [what, request, status] of refusals) {
    test(`refuses ${what} with ${status} and ends the connection`, async () => {
      const { near, server, write, writer, clock } = rawClient();
      await write(request);
      const answer = await readText(near);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(answer.includes("Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"), status === 426);
      await writer.close();
      await assert.rejects(server.opened, code("websocket_handshake"));
      await server.closed;
      assert.equal(clock.pending, 0);
    });
  }

  test("refuse() answers with the status and reason that it gives", async () => {
    const { near, server, write, clock } = rawClient({ refuse: () => ({ status: 403, reason: "banned" }) });
    await write(REQUEST);
    assert.match(await readText(near), /^HTTP\/1\.1 403 banned\r\n/);
    await assert.rejects(server.opened, code("websocket_handshake"));
    // The other side does not end: it is cut after the closing timeout.
    await clock.advance(5_000);
    await server.closed;
  });

  test("a request that trickles is cut at the deadline from the start", async () => {
    const { clock, server, write } = rawClient({ handshakeTimeoutMs: 10_000 });
    for (const byte of utf8(REQUEST.slice(0, 9))) {
      await write(Uint8Array.of(byte));
      await clock.advance(1_000);
    }
    await clock.advance(1_000);
    await assert.rejects(server.opened, code("timeout"));
    assert.equal((await server.closed).closeCode, 1006);
    assert.equal(clock.pending, 0);
  });

  test("a request that ends half-way gets no answer", async () => {
    const { near, server, write, writer } = rawClient();
    await write(REQUEST.slice(0, 9));
    await writer.close();
    await assert.rejects(
      server.opened,
      (thrown) => thrown instanceof NodeError && thrown.code !== "websocket_handshake",
    );
    const { value } = await near.readable.getReader().read().catch(() => ({ value: undefined }));
    assert.equal(value, undefined);
  });

  test("a head of anything but printable ASCII is refused", () => {
    for (const byte of [0, 1, 8, 11, 31, 127, 128, 255]) {
      const head = utf8("GET / HTTP/1.1\r\nX: y\r\n\r\n");
      head[14 + 5] = byte;
      assert.throws(() => new HeadReader().push(head), code("websocket_handshake"), `byte ${byte}`);
    }
    const tab = utf8("GET / HTTP/1.1\r\nX:\ty\r\n\r\n");
    assert.deepEqual(new HeadReader().push(tab)?.lines, ["GET / HTTP/1.1", "X:\ty"]);
  });

  test("a head ends at its blank line, and at nothing that is like one", () => {
    for (const like of ["\r\n\rX: y", "\r\nX\n", "\r\n\r\r\n"]) {
      assert.equal(new HeadReader().push(utf8(`GET / HTTP/1.1${like}`)), undefined, JSON.stringify(like));
    }
  });

  test("answers pings, in order and once", async () => {
    const { near, server, write } = rawClient();
    await write(REQUEST);
    await server.opened;
    await readText(near, (text) => text.endsWith("\r\n\r\n"));
    await write(encodeFrame(OPCODE.ping, utf8("one"), fakeRandom.bytes(4)));
    await write(encodeFrame(OPCODE.ping, utf8("two"), fakeRandom.bytes(4)));
    assert.equal(await readText(near, (text) => text.length >= 10), "\x8a\x03one\x8a\x03two");
    near.destroy();
    await server.closed;
  });

  test("a peer that pings and does not read stops being read", async () => {
    const { near, server, writer, write } = rawClient();
    await write(REQUEST);
    await server.opened;
    const ping = encodeFrame(OPCODE.ping, new Uint8Array(100), fakeRandom.bytes(4));
    let sent = 0;
    const flood = (async () => {
      for (; sent < 100_000; sent++) await writer.write(ping);
    })().catch(() => {});
    await settle();
    await settle();
    assert.ok(sent < 100_000, "the flood never stopped");
    near.destroy();
    await Promise.all([flood, server.closed]);
  });

  const wrong: readonly [string, Uint8Array, number, string][] = [
    ["a frame that is not masked", encodeFrame(OPCODE.text, utf8("x")), 1002, "websocket_protocol"],
    ["bad text", encodeFrame(OPCODE.text, Uint8Array.of(255), fakeRandom.bytes(4)), 1007, "websocket_protocol"],
    ["too much", encodeFrame(OPCODE.text, new Uint8Array(1_001), fakeRandom.bytes(4)), 1009, "websocket_too_big"],
  ];
  for (const [what, frame, closeCode, name] of wrong) {
    test(`tells a peer that sends ${what} so with ${closeCode}`, async () => {
      const { near, server, write, writer } = rawClient();
      await write(REQUEST);
      await server.opened;
      await readText(near, (text) => text.endsWith("\r\n\r\n"));
      await write(frame);
      const answer = await readText(near);
      assert.equal(answer, String.fromCharCode(0x88, 2, closeCode >> 8, closeCode & 255));
      await writer.close().catch(() => {});
      assert.equal((await server.closed).closeCode, closeCode);
      await assert.rejects(receive(server), code(name));
    });
  }

  test("a closing peer that never ends its bytes is cut", async () => {
    const { server, write, clock } = rawClient({ closeTimeoutMs: 2_000 });
    await write(REQUEST);
    await server.opened;
    await write(encodeFrame(OPCODE.close, encodeClose(1000), fakeRandom.bytes(4)));
    let over = false;
    void server.closed.then(() => (over = true));
    await clock.advance(1_999);
    assert.equal(over, false);
    await clock.advance(1);
    assert.deepEqual(await server.closed, { closeCode: 1000, reason: "" });
  });

  test("a peer that does not answer a close is cut", async () => {
    const { server, write, clock } = rawClient({ closeTimeoutMs: 2_000 });
    await write(REQUEST);
    await server.opened;
    server.close();
    await clock.advance(2_000);
    assert.equal((await server.closed).closeCode, 1006);
  });

  test("a close is finished although the application reads no more", async () => {
    const { server, write, writer } = rawClient({ queueBytes: 10 });
    await write(REQUEST);
    await server.opened;
    const message = encodeFrame(OPCODE.text, new Uint8Array(100), fakeRandom.bytes(4));
    for (let i = 0; i < 5; i++) await write(message);
    await settle();
    server.close();
    await write(encodeFrame(OPCODE.close, encodeClose(1000), fakeRandom.bytes(4)));
    await writer.close();
    assert.equal((await server.closed).closeCode, 1000);
  });

  test("bytes that end without a close frame are 1006 and an error to the reader", async () => {
    const { server, write, writer } = rawClient();
    await write(REQUEST);
    await server.opened;
    await writer.close();
    assert.equal((await server.closed).closeCode, 1006);
    await assert.rejects(receive(server), code("closed"));
  });

  test("the idle timeout counts from the last byte", async () => {
    const { server, write, clock } = rawClient({ idleTimeoutMs: 1_000 });
    await write(REQUEST);
    await server.opened;
    await clock.advance(900);
    await write(encodeFrame(OPCODE.pong, new Uint8Array(), fakeRandom.bytes(4)));
    await clock.advance(900);
    let over = false;
    void server.closed.then(() => (over = true));
    await settle();
    assert.equal(over, false);
    await clock.advance(100);
    await assert.rejects(receive(server), code("timeout"));
    await server.closed;
  });
});

describe("upgradeWebSocket()", () => {
  test("takes over after a request that was read elsewhere", async () => {
    const clock = new FakeClock();
    const [near, far] = duplexPair();
    const headers = new Map(
      REQUEST.split("\r\n").slice(1, -2).map((line) => line.split(": ")).map(([k, v]) => [k!.toLowerCase(), v!]),
    );
    const options = { clock, random: fakeRandom, path: "/ws", messageBytesMax: 100 };
    const server = upgradeWebSocket(far, { method: "GET", target: "/ws?x=1", headers }, options);
    await server.opened;
    assert.match(await readText(near, (text) => text.endsWith("\r\n\r\n")), /s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
    near.destroy();
    await server.closed;
  });
});

describe("connectWebSocket()", () => {
  const ACCEPT = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Accept: KEY\r\n\r\n";
  /** What a right answer to the request of `fakeRandom` says. */
  const acceptFor = async (far: ByteDuplex): Promise<string> => {
    const request = await readText(far, (text) => text.endsWith("\r\n\r\n"));
    assert.match(request, /^GET \/ws HTTP\/1\.1\r\nHost: 127\.0\.0\.1:8444\r\n/);
    assert.doesNotMatch(request, /extensions/i);
    const { acceptKey } = await import("../../../lib/transport/websocket/handshake.ts");
    return acceptKey(/Sec-WebSocket-Key: (\S+)/.exec(request)![1]!);
  };

  const answers: readonly [string, (right: string) => string][] = [
    ["the wrong key", () => ACCEPT.replace("KEY", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
    ["no Upgrade", (right) => ACCEPT.replace("KEY", right).replace("Upgrade: websocket\r\n", "")],
    ["no Connection", (right) => ACCEPT.replace("KEY", right).replace("Connection: Upgrade\r\n", "")],
    ["an extension", (right) => ACCEPT.replace("KEY", `${right}\r\nSec-WebSocket-Extensions: permessage-deflate`)],
    ["a subprotocol", (right) => ACCEPT.replace("KEY", `${right}\r\nSec-WebSocket-Protocol: chat`)],
    ["garbage", () => "SSH-2.0-OpenSSH\r\n\r\n"],
    ["an endless head", () => `HTTP/1.1 101 x\r\nX: ${"y".repeat(9_000)}`],
  ];
  for (const [what, answer] of answers) {
    test(`refuses an answer with ${what}`, async () => {
      const { far, client, write } = rawServer();
      await write(answer(await acceptFor(far))).catch(() => {});
      await assert.rejects(client.opened, (thrown: unknown) => {
        assert.ok(code("websocket_handshake")(thrown));
        assert.equal((thrown as NodeError).fault, "peer");
        return true;
      });
      await client.closed;
    });
  }

  test("tells the status of a refusal, which is no fault of the peer", async () => {
    const { far, client, write } = rawServer();
    await acceptFor(far);
    await write("HTTP/1.1 403 banned\r\nContent-Length: 0\r\n\r\n");
    await assert.rejects(client.opened, (thrown: unknown) => {
      assert.ok(thrown instanceof NodeError);
      assert.deepEqual([thrown.code, thrown.fault, thrown.data["status"]], ["websocket_handshake", "network", 403]);
      return true;
    });
  });

  test("refuses a masked frame", async () => {
    const { far, client, write } = rawServer();
    await write(ACCEPT.replace("KEY", await acceptFor(far)));
    await write(encodeFrame(OPCODE.text, utf8("x"), fakeRandom.bytes(4)));
    await assert.rejects(receive(client), code("websocket_protocol"));
    far.destroy();
    assert.equal((await client.closed).closeCode, 1002);
  });

  test("masks what it sends, with a key of its own for each frame", async () => {
    const { far, client, write } = rawServer();
    await write(ACCEPT.replace("KEY", await acceptFor(far)));
    await send(client, "hi");
    const frame = await readText(far, (text) => text.length >= 8);
    assert.equal(frame.charCodeAt(1), 0x82);
    assert.notEqual(frame.slice(6), "hi");
    far.destroy();
    await client.closed;
  });

  test("pings, is content with any byte, and gives up without one", async () => {
    const { far, client, write, clock } = rawServer({ pingIntervalMs: 60_000 });
    await write(ACCEPT.replace("KEY", await acceptFor(far)));
    await client.opened;
    await clock.advance(60_000);
    assert.match(await readText(far, (text) => text.length >= 6), /^\x89\x80/);
    await write(encodeFrame(OPCODE.pong, new Uint8Array()));
    await clock.advance(60_000);
    assert.match(await readText(far, (text) => text.length >= 6), /^\x89\x80/);
    await clock.advance(29_999);
    const ended = client.closed;
    await clock.advance(1);
    assert.equal((await ended).closeCode, 1006);
    await assert.rejects(receive(client), code("timeout"));
    assert.equal(clock.pending, 0);
  });

  test("minimumPingMs is the least round trip of a ping; a pong that nobody asked for measures nothing", async () => {
    const { far, client, write, clock } = rawServer({ pingIntervalMs: 60_000, pongTimeoutMs: 30_000 });
    await write(ACCEPT.replace("KEY", await acceptFor(far)));
    await client.opened;
    const pong = async () => {
      await write(encodeFrame(OPCODE.pong, new Uint8Array()));
      await settle();
    };
    await pong();
    assert.equal(client.minimumPingMs, undefined);
    let at = clock.monotonic();
    for (const [ms, least] of [[200, 200], [50, 50], [900, 50]] as const) {
      await clock.advance(at + 60_000 + ms - clock.monotonic());
      at += 60_000;
      await pong();
      assert.equal(client.minimumPingMs, least);
      // A second answer to the same ping is no shorter way.
      await pong();
      assert.equal(client.minimumPingMs, least);
    }
    client.close();
  });

  test("a connection that dies fails whoever writes, and tells what it holds only when that changes", async () => {
    const held: number[] = [];
    const { client, server, near } = pair({ server: { onHeld: (bytes) => void held.push(bytes) } });
    await Promise.all([client.opened, server.opened]);
    const writer = server.writable.getWriter();
    const failed = assert.rejects(writer.closed, NodeError);
    await send(client, new Uint8Array(1_000));
    await send(client, new Uint8Array(10));
    await settle();
    assert.ok(held.some((bytes) => bytes >= 1_010), `${held}`);
    assert.equal(await receive(server).then((message) => message?.length), 1_000);
    assert.equal(await receive(server).then((message) => message?.length), 10);
    near.destroy();
    await failed;
    await settle();
    assert.equal(held.at(-1), 0);
    for (const [i, bytes] of held.entries()) assert.notEqual(bytes, held[i - 1], `${held}`);
  });

  test("an abort while it opens rejects with the signal's reason", async () => {
    const controller = new AbortController();
    const { client } = rawServer({ signal: controller.signal });
    const reason = new Error("stopping");
    controller.abort(reason);
    await assert.rejects(client.opened, reason);
    await client.closed;
  });

  test("a signal that was aborted before sends nothing", async () => {
    const reason = new Error("stopping");
    const { client } = rawServer({ signal: AbortSignal.abort(reason) });
    await assert.rejects(client.opened, reason);
    await client.closed;
  });
});

describe("keepAlive()", () => {
  test("sends no ping once the connection is not open any more, and sets no other timer", () => {
    let isOpen = true;
    const [pings, timers]: [number[], (() => void)[]] = [[], []];
    keepAlive({
      clock: new FakeClock(),
      pingIntervalMs: 1_000,
      isOpen: () => isOpen,
      isStalled: () => false,
      bytesRead: () => 0,
      lastReadMs: () => 0,
      ping: () => void pings.push(1),
      timedOut: () => assert.fail("nobody waits for an answer"),
      after: (_, callback) => void timers.push(callback),
    });
    isOpen = false;
    timers.shift()!();
    assert.deepEqual([pings.length, timers.length], [0, 0]);
  });
});
