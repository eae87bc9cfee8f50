import assert from "node:assert/strict";
import net from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import tls from "node:tls";
import { dialer, listen } from "#platform";
import { NodeError } from "../../../lib/core/errors.ts";
import type { ByteDuplex, DialOptions, Listener, ListenOptions } from "../../../lib/core/ports.ts";
import { derOf, makeAuthority } from "./certificates.ts";

const authority = await makeAuthority("Test CA");
const stranger = await makeAuthority("Test CA");
const server = await authority.issue();
const client = await authority.issue();
const authorities = [authority.pem];
const refused: readonly [string, DialOptions][] = [
  ["signed by somebody else", { tls: { identity: await stranger.issue(), authorities } }],
  ["expired", { tls: { identity: await authority.issue({ fromDays: -3, toDays: -1 }), authorities } }],
  ["not valid yet", { tls: { identity: await authority.issue({ fromDays: 1, toDays: 2 }), authorities } }],
];

/** A listener whose connections and failures can be awaited one by one. */
async function open(options: Partial<ListenOptions> = {}) {
  const connections: ByteDuplex[] = [];
  const failures: Error[] = [];
  const waiting: (() => void)[] = [];
  const wake = () => waiting.splice(0).forEach((resolve) => resolve());
  const next = async <T>(list: T[]): Promise<T> => {
    while (list.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return list.shift()!;
  };
  const listener: Listener = await listen({
    host: "127.0.0.1",
    port: 0,
    onConnection: (duplex) => void (connections.push(duplex), wake()),
    onFailure: (error) => void (failures.push(error), wake()),
    ...options,
  });
  return { listener, connection: () => next(connections), failure: () => next(failures), connections };
}

const secure = { tls: { identity: server, authorities } };
const dialing: DialOptions = { tls: { identity: client, authorities } };

async function readAll(duplex: ByteDuplex): Promise<number> {
  let bytes = 0;
  for await (const chunk of duplex.readable) bytes += chunk.length;
  return bytes;
}

async function send(duplex: ByteDuplex, bytes: Uint8Array): Promise<void> {
  const writer = duplex.writable.getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}

async function firstText(duplex: ByteDuplex): Promise<string> {
  const reader = duplex.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

const code = (expected: string) => (thrown: unknown) => thrown instanceof NodeError && thrown.code === expected;
const utf8 = (text: string) => new TextEncoder().encode(text);

describe("dial() and listen() over TCP", () => {
  test("carry bytes both ways and end in order", async () => {
    const { listener, connection } = await open();
    const near = await dialer.dial(listener.address);
    const far = await connection();
    assert.deepEqual(near.local, far.remote);
    assert.deepEqual(near.remote, listener.address);
    assert.equal(near.peerCertificate, undefined);
    await send(near, utf8("ping"));
    assert.equal(await firstText(far), "ping");
    await send(far, utf8("pong"));
    assert.equal(await firstText(near), "pong");
    await near.writable.close();
    assert.equal(await readAll(far), 0);
    assert.equal(await readAll(near), 0);
    await Promise.all([near.closed, far.closed]);
    await listener.close();
  });

  test("come from the address that localHost names", async () => {
    const { listener, connection } = await open();
    const near = await dialer.dial(listener.address, { localHost: "127.0.0.9" });
    assert.equal((await connection()).remote.host, "127.0.0.9");
    near.destroy();
    await listener.close();
  });

  test("a write after the connection was destroyed rejects, on both sides", async () => {
    const { listener, connection } = await open();
    const near = await dialer.dial(listener.address);
    const far = await connection();
    near.destroy();
    await near.closed;
    await assert.rejects(send(near, utf8("x")), code("closed"));
    await readAll(far).catch(() => {});
    await far.closed;
    await assert.rejects(send(far, utf8("x")));
    await listener.close();
  });

  test("a reset reaches the reader as an error, not the process", async () => {
    const { listener, connection } = await open();
    const raw = net.connect(listener.address.port, "127.0.0.1");
    raw.on("error", () => {});
    await new Promise<void>((resolve) => raw.once("connect", resolve));
    const far = await connection();
    raw.resetAndDestroy();
    await assert.rejects(readAll(far), code("connection_reset"));
    await far.closed;
    await listener.close();
  });

  test("nobody there is connection_refused", async () => {
    const { listener } = await open();
    await listener.close();
    await assert.rejects(dialer.dial(listener.address), code("connection_refused"));
  });

  test("an abort ends the dialling with its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("stopping");
    const { listener } = await open();
    const dial = dialer.dial(listener.address, { ...dialing, signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(dial, reason);
    await listener.close();
  });

  test("a port that is taken is PORT_IN_USE and names the port", async () => {
    const { listener } = await open();
    const again = listen({ ...listener.address, onConnection: () => {} });
    await assert.rejects(again, (thrown: unknown) => {
      assert.ok(code("PORT_IN_USE")(thrown));
      assert.match(String(thrown), new RegExp(`127\\.0\\.0\\.1:${listener.address.port}`));
      return true;
    });
    await listener.close();
  });

  test("close() frees the port while connections stay open", async () => {
    const { listener, connection } = await open();
    const near = await dialer.dial(listener.address);
    const far = await connection();
    await listener.close();
    const again = await listen({ ...listener.address, onConnection: () => {} });
    await send(near, utf8("still here"));
    assert.equal(await firstText(far), "still here");
    near.destroy();
    far.destroy();
    await again.close();
  });

  test("connections above connectionsMax are cut at accept", async () => {
    const { listener, connection, failure } = await open({ connectionsMax: 1 });
    const first = await dialer.dial(listener.address);
    await connection();
    const second = await dialer.dial(listener.address);
    assert.ok(code("connections_full")(await failure()));
    assert.equal(await readAll(second).catch(() => 0), 0);
    first.destroy();
    second.destroy();
    await listener.close();
  });
});

describe("dial() and listen() over TLS", () => {
  test("each side sees the other's certificate", async () => {
    const { listener, connection } = await open(secure);
    const near = await dialer.dial(listener.address, dialing);
    const far = await connection();
    assert.deepEqual(near.peerCertificate, derOf(server.certificate));
    assert.deepEqual(far.peerCertificate, derOf(client.certificate));
    await send(near, utf8("ping"));
    assert.equal(await firstText(far), "ping");
    near.destroy();
    await far.closed;
    await listener.close();
  });

  for (const who of ["server", "client"] as const) {
    test(`the ${who} that does not read stops the other that writes`, async () => {
      const total = 64 * 1024 * 1024;
      const { listener, connection } = await open(secure);
      const near = await dialer.dial(listener.address, dialing);
      const far = await connection();
      const [reader, writer] = who === "server" ? [far, near] : [near, far];
      let written = 0;
      const writing = (async () => {
        const out = writer.writable.getWriter();
        const piece = new Uint8Array(64 * 1024);
        for (; written < total; written += piece.length) await out.write(piece);
        await out.close();
      })();
      let before = -1;
      while (before !== written) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      assert.ok(written < total / 4, `${written} bytes were taken with nobody reading`);
      assert.equal(await readAll(reader), total);
      await writing;
      await Promise.all([near.closed, far.closed]);
      await listener.close();
    });
  }

  for (const [what, options] of refused) {
    test(`a client certificate that is ${what} never becomes a connection`, async () => {
      const { listener, failure, connections } = await open(secure);
      // In TLS 1.3 the client may be done before the server has judged its certificate.
      const near = await dialer.dial(listener.address, options).catch(() => undefined);
      await failure();
      if (near !== undefined) {
        await readAll(near).catch(() => {});
        near.destroy();
      }
      assert.deepEqual(connections, []);
      await listener.close();
    });
  }

  test("a client without a certificate never becomes a connection", async () => {
    const { listener, failure, connections } = await open(secure);
    const raw = tls.connect({ ...listener.address, ca: authorities, checkServerIdentity: () => undefined });
    raw.on("error", () => {});
    await failure();
    assert.deepEqual(connections, []);
    raw.destroy();
    await listener.close();
  });

  test("a client of TLS 1.2 is refused", async () => {
    const { listener, failure, connections } = await open(secure);
    const raw = tls.connect({
      ...listener.address,
      ca: authorities,
      cert: client.certificate,
      key: client.privateKey,
      maxVersion: "TLSv1.2",
      checkServerIdentity: () => undefined,
    });
    raw.on("error", () => {});
    await failure();
    assert.deepEqual(connections, []);
    raw.destroy();
    await listener.close();
  });

  test("garbage instead of TLS is refused and the port goes on", async () => {
    const { listener, failure, connection } = await open(secure);
    const raw = net.connect(listener.address.port, "127.0.0.1", () => void raw.write("GET / HTTP/1.1\r\n\r\n"));
    raw.on("error", () => {});
    raw.resume();
    await failure();
    const near = await dialer.dial(listener.address, dialing);
    await connection();
    near.destroy();
    raw.destroy();
    await listener.close();
  });

  test("silence instead of TLS is cut at the handshake's deadline", async () => {
    const { listener, failure } = await open({ ...secure, handshakeTimeoutMs: 100 });
    const raw = net.connect(listener.address.port, "127.0.0.1");
    raw.on("error", () => {});
    raw.resume();
    const ended = new Promise<void>((resolve) => raw.once("close", () => resolve()));
    assert.ok(code("timeout")(await failure()));
    await ended;
    await listener.close();
  });

  test("the client refuses a server that somebody else signed", async () => {
    const { listener } = await open({ tls: { identity: await stranger.issue(), authorities } });
    await assert.rejects(dialer.dial(listener.address, dialing), (thrown: unknown) => {
      assert.ok(thrown instanceof NodeError);
      assert.equal(thrown.code, "certificate_refused");
      assert.equal(thrown.fault, "peer");
      return true;
    });
    await listener.close();
  });

  test("a server that says nothing is a timeout", async () => {
    const { listener } = await open();
    await assert.rejects(dialer.dial(listener.address, { ...dialing, timeoutMs: 100 }), code("timeout"));
    await listener.close();
  });

  test("switched-off certificate checks are refused before anything is opened", async () => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      await assert.rejects(open(secure), code("TLS_CHECKS_DISABLED"));
      await assert.rejects(dialer.dial({ host: "127.0.0.1", port: 9 }, dialing), code("TLS_CHECKS_DISABLED"));
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
  });
});
