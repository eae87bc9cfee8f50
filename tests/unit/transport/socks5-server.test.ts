/** The SOCKS5 dialler through a real proxy to real listeners, on loopback. */
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import type { ByteDuplex, PeerAddress } from "../../../lib/core/ports.ts";
import { clock, random } from "../../../lib/platform/node/clock.ts";
import { dialer } from "../../../lib/platform/node/dialer.ts";
import { listen } from "../../../lib/platform/node/listener.ts";
import { secureDuplex } from "../../../lib/platform/node/secure.ts";
import { socks5Dialer, type Socks5Options } from "../../../lib/transport/socks5.ts";
import { startSocks5Server } from "../../support/socks5-server.ts";
import { makeAuthority } from "../platform/certificates.ts";

const echo = (duplex: ByteDuplex) => void duplex.readable.pipeTo(duplex.writable).catch(() => {});
const dialBy = (proxy: PeerAddress, options: Partial<Socks5Options> = {}) =>
  socks5Dialer({ proxy, dialer, clock, random, secure: secureDuplex, ...options });

/** Sends `length` bytes and counts what comes back as it was sent. */
async function roundTrip(duplex: ByteDuplex, length: number): Promise<number> {
  const writer = duplex.writable.getWriter();
  const writing = writer.write(new Uint8Array(length).map((_, i) => i * 11));
  let read = 0;
  for await (const chunk of duplex.readable) {
    for (const byte of chunk) assert.equal(byte, (read++ * 11) & 0xff);
    if (read >= length) break;
  }
  await writing;
  duplex.destroy();
  await duplex.closed;
  return read;
}

/** A port of loopback on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return port;
}

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof NodeError, String(error));
  assert.deepEqual([error.code, error.fault], [code, "network"]);
  return true;
};

describe("socks5Dialer() through a real proxy", () => {
  test("reaches a listener by address and by a name that only the proxy knows", async () => {
    const proxy = await startSocks5Server({ names: { "seed.example": "127.0.0.1" } });
    const { address: { port }, close } = await listen({ host: "127.0.0.1", port: 0, onConnection: echo });
    for (const host of ["127.0.0.1", "seed.example"]) {
      const duplex = await dialBy(proxy.address).dial({ host, port });
      assert.deepEqual(duplex.remote, { host, port });
      assert.equal(await roundTrip(duplex, 200_000), 200_000);
    }
    assert.deepEqual(proxy.requests.map(({ host, type }) => [host, type]), [["127.0.0.1", 1], ["seed.example", 3]]);
    await close();
    await proxy.close();
  });

  test("a refused connection, a name that is not there, and a proxy that is not there", async () => {
    const proxy = await startSocks5Server();
    const port = await deadPort();
    await assert.rejects(dialBy(proxy.address).dial({ host: "127.0.0.1", port }), failsWith("connection_refused"));
    await assert.rejects(dialBy(proxy.address).dial({ host: "gone.example", port }), failsWith("unreachable"));
    await proxy.close();
    await assert.rejects(dialBy(proxy.address).dial({ host: "127.0.0.1", port }), failsWith("proxy_down"));
  });

  test("user and password, and a user of its own for each connection", async () => {
    const fixed = await startSocks5Server({ accepts: (user, password) => user === "mia" && password === "geheim" });
    const any = await startSocks5Server({ accepts: () => true });
    const { address, close } = await listen({ host: "127.0.0.1", port: 0, onConnection: echo });
    const good = dialBy(fixed.address, { credentials: { user: "mia", password: "geheim" } });
    assert.equal(await roundTrip(await good.dial(address), 10), 10);
    const wrong = dialBy(fixed.address, { credentials: { user: "mia", password: "falsch" } });
    await assert.rejects(wrong.dial(address), failsWith("proxy_auth_refused"));
    await assert.rejects(dialBy(fixed.address).dial(address), failsWith("proxy_auth_refused"));
    const isolated = dialBy(any.address, { credentials: "isolate" });
    for (let i = 0; i < 4; i++) (await isolated.dial(address)).destroy();
    assert.equal(new Set(any.requests.map(({ user }) => user)).size, 4);
    await close();
    await fixed.close();
    await any.close();
  });

  test("TLS with both certificates goes through, and a stranger's is refused", async () => {
    const authority = await makeAuthority("ours");
    const tls = { identity: await authority.issue(), authorities: [authority.pem] };
    const proxy = await startSocks5Server();
    const shown: (Uint8Array | undefined)[] = [];
    const listener = await listen({
      host: "127.0.0.1",
      port: 0,
      tls: { identity: await authority.issue(), authorities: [authority.pem] },
      onConnection: (duplex) => {
        shown.push(duplex.peerCertificate);
        echo(duplex);
      },
    });
    const duplex = await dialBy(proxy.address).dial(listener.address, { tls });
    assert.ok((duplex.peerCertificate?.length ?? 0) > 100);
    assert.equal(await roundTrip(duplex, 200_000), 200_000);
    assert.ok((shown[0]?.length ?? 0) > 100, "the server saw ours");
    const stranger = await makeAuthority("theirs");
    await assert.rejects(
      dialBy(proxy.address).dial(listener.address, { tls: { ...tls, authorities: [stranger.pem] } }),
      (error) => error instanceof NodeError && error.code === "certificate_refused" && error.fault === "peer",
    );
    await listener.close();
    await proxy.close();
  });
});
