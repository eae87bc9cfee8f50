/** TLS over a connection that is not a socket. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import type { ByteDuplex } from "../../../lib/core/ports.ts";
import { dialer } from "../../../lib/platform/node/dialer.ts";
import { listen } from "../../../lib/platform/node/listener.ts";
import { secureDuplex } from "../../../lib/platform/node/secure.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { derOf, makeAuthority } from "./certificates.ts";

/** A TLS server, and a plain connection to it that is none of Node's sockets. */
async function server(
  onConnection: (duplex: ByteDuplex) => void,
  options: { toDays?: number; stranger?: boolean } = {},
) {
  const authority = await makeAuthority("ours");
  const issuer = options.stranger === true ? await makeAuthority("theirs") : authority;
  const identity = await issuer.issue(options.toDays === undefined ? {} : { fromDays: -5, toDays: options.toDays });
  const failures: Error[] = [];
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: { identity, authorities: [authority.pem] },
    onConnection,
    onFailure: (error) => failures.push(error),
  });
  const plain = await dialer.dial(listener.address);
  return {
    plain,
    tls: { identity: await authority.issue(), authorities: [authority.pem] },
    shown: derOf(identity.certificate),
    failures,
    close: () => listener.close(),
  };
}

const never = new AbortController().signal;

async function readAll(stream: ReadableStream<Uint8Array>, bytes: number): Promise<number> {
  let read = 0;
  for await (const chunk of stream) {
    read += chunk.length;
    if (read >= bytes) break;
  }
  return read;
}

describe("secureDuplex()", () => {
  test("speaks TLS with both certificates, and moves bytes both ways", async () => {
    const accepted: ByteDuplex[] = [];
    const world = await server((duplex) => {
      accepted.push(duplex);
      void duplex.readable.pipeTo(duplex.writable).catch(() => {});
    });
    const secured = await secureDuplex(world.plain, world.tls, never);
    assert.deepEqual(secured.peerCertificate, world.shown);
    assert.equal(secured.remote.port, world.plain.remote.port);
    const bytes = new Uint8Array(300_000).map((_, i) => i * 7);
    const writer = secured.writable.getWriter();
    const writing = writer.write(bytes);
    let read = 0;
    const reader = secured.readable.getReader();
    while (read < bytes.length) {
      for (const byte of (await reader.read()).value ?? assert.fail(`only ${read} bytes`)) {
        assert.equal(byte, (read++ * 7) & 0xff);
      }
    }
    await writing;
    // An end in order goes both ways.
    await writer.close();
    assert.equal((await reader.read()).done, true);
    assert.deepEqual(accepted[0]?.peerCertificate, derOf(world.tls.identity.certificate));
    await secured.closed;
    await world.plain.closed;
    await world.close();
  });

  for (const [name, options] of [["of a stranger", { stranger: true }], ["that is over", { toDays: -1 }]] as const) {
    test(`refuses a certificate ${name}, and ends the connection below`, async () => {
      const world = await server((duplex) => duplex.destroy(), options);
      await assert.rejects(
        secureDuplex(world.plain, world.tls, never),
        (error) => error instanceof NodeError && error.code === "certificate_refused" && error.fault === "peer",
      );
      await world.plain.closed;
      await world.close();
    });
  }

  test("an answer that is no TLS is a failure of the network", async () => {
    const [near, far] = duplexPair();
    const writer = far.writable.getWriter();
    void writer.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(() => {});
    const { tls } = await materials();
    await assert.rejects(
      secureDuplex(near, tls, never),
      (error) => error instanceof NodeError && error.fault === "network",
    );
    await far.closed;
  });

  test("an end, and an abort, in the midst of the handshake", async () => {
    const { tls } = await materials();
    const [near, far] = duplexPair();
    far.destroy();
    await assert.rejects(secureDuplex(near, tls, never), (error) => error instanceof NodeError);
    const stop = new AbortController();
    const [silent, other] = duplexPair();
    const securing = secureDuplex(silent, tls, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(securing, /enough/);
    await other.closed;
    const [unused, end] = duplexPair();
    await assert.rejects(secureDuplex(unused, tls, stop.signal), /enough/);
    await end.closed;
  });

  test("a reader that does not read stops the sender", async () => {
    let sent = 0;
    const stop = new AbortController();
    const world = await server(async (duplex) => {
      const writer = duplex.writable.getWriter();
      const chunk = new Uint8Array(64 * 1024);
      try {
        while (!stop.signal.aborted) {
          await writer.write(chunk);
          sent += chunk.length;
        }
      } catch {
        // The connection ended.
      }
    });
    const secured = await secureDuplex(world.plain, world.tls, never);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes are on the way to nobody`);
    const wanted = sent + 4 * 1024 * 1024;
    assert.ok(await readAll(secured.readable, wanted) >= wanted, "and goes on when it reads");
    stop.abort();
    secured.destroy();
    await world.plain.closed;
    await world.close();
  });
});

async function materials() {
  const authority = await makeAuthority("ours");
  return { tls: { identity: await authority.issue(), authorities: [authority.pem] } };
}
