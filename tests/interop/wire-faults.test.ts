/**
 * What a hostile peer may put on the wire, against the compiled program over TLS. Each fault comes from a loopback address
 * of its own, so that its ban can be told from the others'.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { clock, dialer, makeDir, random, readFile, writeFileAtomic } from "#platform";
import { fromHex } from "../../lib/codec/hex.ts";
import type { ByteDuplex } from "../../lib/core/ports.ts";
import { encodeHandshake } from "../../lib/chia/peers/handshake.ts";
import { loadNodeIdentity, publicAuthorities } from "../../lib/chia/identity/identity.ts";
import { encodeEnvelope, NodeType } from "../../lib/chia/protocol/mod.ts";
import { connectWebSocket } from "../../lib/transport/websocket/mod.ts";
import { goldenBlocks } from "../vectors/chia-data.ts";
import { binaryMissing, Gemel, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const RESPOND_BLOCK = 27;
const RESPOND_PEERS = 44;
const [block = new Uint8Array()] = goldenBlocks("chain-1200.bin.gz");
const frame = (type: number, data: Uint8Array | number[], id: number | null = null) =>
  encodeEnvelope({ type, id, data: Uint8Array.from(data) });
const encoder = new TextEncoder();

interface Row {
  readonly what: string;
  readonly send: Uint8Array;
  /** The ban, or 0 for none. */
  readonly seconds: number;
  /** What the ban's reason says. */
  readonly says: RegExp;
}

const rows: readonly Row[] = [
  {
    what: "a length prefix that lies",
    send: fromHex("1a0100097fffffff0000000501"),
    seconds: 10,
    says: /not a message/,
  },
  { what: "a frame that ends early", send: fromHex("1a01000900"), seconds: 10, says: /not a message/ },
  { what: "a body that ends early", send: fromHex("1a0100090000000100"), seconds: 10, says: /short/ },
  { what: "an unknown type", send: fromHex("c80000000000"), seconds: 10, says: /unknown message type 200/ },
  {
    what: "a reply that nobody asked for",
    send: frame(RESPOND_BLOCK, block, 31),
    seconds: 300,
    says: /respond_block that was not asked for/,
  },
  {
    what: "a list of four thousand million",
    send: frame(RESPOND_PEERS, [0xff, 0xff, 0xff, 0xff]),
    seconds: 10,
    says: /4294967295/,
  },
  {
    what: "text that is not UTF-8",
    send: frame(RESPOND_PEERS, [0, 0, 0, 1, 0, 0, 0, 2, 0xc3, 0x28, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0]),
    seconds: 10,
    says: /UTF-8/,
  },
];

suite("the compiled program and a hostile peer", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-wire-");
  let gemel: Gemel;
  let port = 0;
  before(async () => {
    port = await freePort();
    gemel = await Gemel.start({ dir: join(folder.path, "data"), args: ["--listen", `0.0.0.0:${port}`] });
  });
  after(async () => {
    // Never the process: it still stops in order, and no stack trace was printed.
    assert.equal(await gemel.stop(), 143);
    assert.doesNotMatch(gemel.process.stderr, /\n\s+at /);
    folder.remove();
  });

  const hello = encodeHandshake({
    networkId: "simulator0",
    nodeType: NodeType.FULL_NODE,
    softwareVersion: "hostile",
    serverPort: 1,
  });
  const dial = async (localHost: string): Promise<ByteDuplex> => {
    const files = { readFile, writeFileAtomic, makeDir };
    const identity = await loadNodeIdentity({ folder: join(folder.path, "peer"), files, clock, random });
    return await dialer.dial({ host: "127.0.0.1", port }, {
      localHost,
      timeoutMs: 10_000,
      tls: { identity, authorities: publicAuthorities },
    });
  };
  const bans = async () =>
    ((await gemel.get("v1/bans")).bans as { host: string; until: string; reason: string }[]).map((ban) => ({
      ...ban,
      seconds: (Date.parse(ban.until) - Date.now()) / 1000,
    }));
  const banOf = (host: string) =>
    until(`the ban of ${host}`, 10_000, async () => (await bans()).find((ban) => ban.host === host));

  for (const [i, { what, send, seconds, says }] of rows.entries()) {
    test(`${what}: ${seconds} s`, async () => {
      const localHost = `127.0.0.${20 + i}`;
      const duplex = await dial(localHost);
      const socket = connectWebSocket(duplex, { path: "/ws", clock, random, messageBytesMax: 1 << 20 });
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      writer.closed.catch(() => {});
      await writer.write(hello);
      await writer.write(send);
      const ban = await banOf(localHost);
      assert.match(ban.reason, says);
      assert.ok(ban.seconds > seconds - 10 && ban.seconds <= seconds, `${ban.seconds} s`);
      await socket.closed;
      assert.ok(await gemel.call("healthz"));
    });
  }

  /** A masked WebSocket frame of up to 125 bytes; a mask of zeros leaves them as they are. */
  const masked = (payload: Uint8Array) => Uint8Array.of(0x82, 0x80 | payload.length, 0, 0, 0, 0, ...payload);
  /** The header of a masked binary frame of 2^40 bytes. */
  const endless = Uint8Array.of(0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  for (
    const [i, [when, before]] of [...[["before the handshake", []], ["after it", [masked(hello)]]] as const].entries()
  ) {
    test(`a frame that announces more than a message may have, ${when}: 300 s, by its header alone`, async () => {
      const localHost = `127.0.0.${40 + i}`;
      const duplex = await dial(localHost);
      const writer = duplex.writable.getWriter();
      writer.closed.catch(() => {});
      const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n";
      await writer.write(
        encoder.encode(`GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}\r\n`),
      );
      for (const each of [...before, endless]) await writer.write(each);
      const ban = await banOf(localHost);
      assert.ok(ban.seconds > 290 && ban.seconds <= 300, `${ban.seconds} s, ${ban.reason}`);
      duplex.destroy();
      await duplex.closed;
      assert.ok(await gemel.call("healthz"));
    });
  }

  const UPGRADE = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  /** Sends `parts`, one after each answer, and gives what was answered until the end. */
  const conversation = async (localHost: string, parts: readonly Uint8Array[]): Promise<string> => {
    const duplex = await dial(localHost);
    const writer = duplex.writable.getWriter();
    writer.closed.catch(() => {});
    const reader = duplex.readable.getReader();
    let said = "";
    for (const part of parts) {
      await writer.write(part);
      const { value } = await reader.read();
      said += new TextDecoder("latin1").decode(value);
    }
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) break;
      said += new TextDecoder("latin1").decode(value);
    }
    duplex.destroy();
    await duplex.closed;
    return said;
  };
  const harmless: readonly (readonly [string, readonly Uint8Array[], RegExp])[] = [
    ["GET /", [encoder.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")], /^HTTP\/1\.1 404 /],
    ["GET /ws without an upgrade", [encoder.encode("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")], /^HTTP\/1\.1 426 /],
    ["WebSocket version 12", [encoder.encode(UPGRADE.replace("13", "12"))], /^HTTP\/1\.1 426 /],
    ["a head of 9,000 bytes", [encoder.encode(UPGRADE.replace("x", "x".repeat(9_000)))], /^HTTP\/1\.1 431 /],
    ["what is no HTTP", [encoder.encode("\u0001\u0002\r\n\r\n")], /^HTTP\/1\.1 400 /],
    [
      "a reserved opcode after the handshake",
      [encoder.encode(UPGRADE), masked(hello), Uint8Array.of(0x83, 0x80, 0, 0, 0, 0)],
      /^HTTP\/1\.1 101 /,
    ],
    [
      "a reserved bit after the handshake",
      [encoder.encode(UPGRADE), masked(hello), Uint8Array.of(0xc2, 0x80, 0, 0, 0, 0)],
      /^HTTP\/1\.1 101 /,
    ],
  ];
  for (const [i, [what, parts, answer]] of harmless.entries()) {
    test(`${what}: the connection ends, and nobody is banned`, async () => {
      const localHost = `127.0.0.${60 + i}`;
      assert.match(await conversation(localHost, parts), answer);
      assert.equal((await bans()).find(({ host }) => host === localHost), undefined);
      assert.match(await conversation(localHost, [encoder.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]), /404/);
    });
  }

  test("a handshake above 10 KiB: 300 s", async () => {
    const long = encodeHandshake({
      networkId: "x".repeat(10 * 1024),
      nodeType: NodeType.FULL_NODE,
      softwareVersion: "hostile",
      serverPort: 1,
    });
    const head = Uint8Array.of(0x82, 0x80 | 126, long.length >> 8, long.length & 0xff, 0, 0, 0, 0);
    await conversation("127.0.0.90", [encoder.encode(UPGRADE), Uint8Array.of(...head, ...long)]);
    const ban = await banOf("127.0.0.90");
    assert.ok(ban.seconds > 290 && ban.seconds <= 300, `${ban.seconds} s, ${ban.reason}`);
  });

  test("bans are still there after a restart", async () => {
    const before = (await bans()).map(({ host }) => host).sort();
    assert.ok(before.length >= 2, before.join());
    await gemel.stop();
    gemel = await Gemel.start({ dir: join(folder.path, "data"), args: ["--listen", `0.0.0.0:${port}`] });
    const left = (await bans()).map(({ host }) => host);
    for (const host of ["127.0.0.24", "127.0.0.40"]) assert.ok(left.includes(host), left.join());
  });
});
