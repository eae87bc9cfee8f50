import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import tls from "node:tls";
import { promisify } from "node:util";
import { clock, random, serveHttp, serveHttps } from "#platform";
import type { PeerSocket } from "../../../lib/core/ports.ts";
import type { HttpsOptions } from "../../../lib/platform/platform.ts";
import { connectWebSocket, upgradeWebSocket } from "../../../lib/transport/websocket/mod.ts";
import { dialer } from "#platform";
import { loadRpcIdentity } from "../../../lib/chia/identity/identity.ts";
import { makeAuthority } from "./certificates.ts";

const rpc = await loadRpcIdentity({
  folder: "/none",
  files: {
    readFile: () => Promise.resolve(undefined),
    writeFileAtomic: () => Promise.resolve(),
    makeDir: () => Promise.resolve(),
  },
  clock,
  random,
});
const stranger = await (await makeAuthority("gemel RPC CA")).issue();

const serve = (options: Partial<HttpsOptions> = {}) =>
  serveHttps({
    host: "127.0.0.1",
    port: 0,
    identity: rpc.server,
    clientAuthorities: [rpc.authority],
    fetch: async (request, info) => {
      const body = request.method === "POST" ? await request.text() : "";
      return Response.json({ path: new URL(request.url).pathname, body, ...info });
    },
    ...options,
  });

interface Answer {
  readonly path: string;
  readonly body: string;
  readonly authorized: boolean;
  readonly remote: { readonly host: string };
}

function ask(port: number, options: https.RequestOptions = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      { host: "127.0.0.1", port, path: "/x", ca: rpc.authority, agent: false, ...options },
      (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(JSON.parse(text) as Answer));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

describe("serveHttps()", () => {
  test("tells clients with our certificate from those without and with another's", async () => {
    const server = await serve();
    const { port } = server.address;
    const plain = await ask(port, { method: "POST" }, "hello");
    assert.deepEqual([plain.path, plain.body, plain.authorized], ["/x", "hello", false]);
    assert.equal(plain.remote.host, "127.0.0.1");
    const own = { cert: rpc.client.certificate, key: rpc.client.privateKey };
    assert.equal((await ask(port, own)).authorized, true);
    const other = { cert: stranger.certificate, key: stranger.privateKey };
    // A stranger's certificate is as good as none, or the connection is refused: both are fine, being let in is not.
    const answer = await ask(port, other).catch(() => ({ authorized: false }));
    assert.equal(answer.authorized, false);
    await server.close();
  });

  test("answers many requests on one connection, with bodies both ways", async () => {
    const server = await serve();
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const body = "x".repeat(700_000);
    for (let i = 0; i < 5; i++) {
      const answer = await ask(server.address.port, { method: "POST", agent, path: `/${i}` }, body);
      assert.equal(answer.path, `/${i}`);
      assert.equal(answer.body.length, body.length);
    }
    agent.destroy();
    await server.close();
  });

  test("cuts a body that does not come", async () => {
    const server = await serve({ requestTimeoutMs: 150 });
    const raw = tls.connect({ host: "127.0.0.1", port: server.address.port, ca: rpc.authority });
    raw.on("error", () => {});
    raw.resume();
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx");
    await new Promise<void>((resolve) => raw.once("close", () => resolve()));
    await server.close();
  });

  test("is accepted by curl, with nothing but our authority", async (context) => {
    const run = promisify(execFile);
    if (await run("curl", ["--version"]).then(() => false, () => true)) return context.skip("there is no curl");
    const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-https-"));
    const server = await serve();
    try {
      const ca = path.join(folder, "ca.crt");
      await writeFile(ca, rpc.authority);
      const url = `https://127.0.0.1:${server.address.port}/y`;
      const { stdout } = await run("curl", ["-sS", "--noproxy", "*", "--cacert", ca, "-d", "{}", url]);
      assert.deepEqual((({ path, body }) => ({ path, body }))(JSON.parse(stdout)), { path: "/y", body: "{}" });
    } finally {
      await server.close();
      await rm(folder, { recursive: true });
    }
  });

  test("hands an upgrade over as bytes, to our own WebSocket", async () => {
    const sockets: PeerSocket[] = [];
    const paths: [string, boolean][] = [];
    const options = { clock, random, path: "/events", messageBytesMax: 1_000_000 };
    const server = await serve({
      onUpgrade: (request, duplex, info) => {
        paths.push([request.target, info.authorized]);
        sockets.push(upgradeWebSocket(duplex, request, options));
      },
    });
    const duplex = await dialer.dial(server.address, {
      tls: { identity: rpc.client, authorities: [rpc.authority] },
    });
    const client = connectWebSocket(duplex, { ...options, path: "/events?since=1" });
    const { readable, writable } = await client.opened;
    const writer = writable.getWriter();
    await writer.write("hello");
    const bytes = new Uint8Array(300_000).fill(7);
    const theirs = sockets[0]!;
    const reader = theirs.readable.getReader();
    assert.equal((await reader.read()).value, "hello");
    void theirs.writable.getWriter().write(bytes);
    assert.deepEqual((await readable.getReader().read()).value, bytes);
    assert.deepEqual(paths, [["/events?since=1", true]]);
    client.close();
    assert.equal((await client.closed).closeCode, 1000);
    assert.equal((await theirs.closed).closeCode, 1000);
    await server.close();
  });

  test("close() ends idle, waiting and upgraded connections", async () => {
    const upgraded = Promise.withResolvers<void>();
    const server = await serve({ onUpgrade: () => upgraded.resolve() });
    const ends: Promise<void>[] = [];
    for (
      const text of [
        "",
        "GET / HTTP/1.1\r\nHo",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
      ]
    ) {
      const raw = tls.connect({ host: "127.0.0.1", port: server.address.port, ca: rpc.authority });
      raw.on("error", () => {});
      raw.resume();
      ends.push(new Promise((resolve) => raw.once("close", () => resolve())));
      await new Promise<void>((resolve) => raw.once("secureConnect", () => resolve()));
      if (text !== "") raw.write(text);
    }
    await upgraded.promise;
    await server.close();
    await Promise.all(ends);
    const again = await serve({ port: server.address.port });
    await again.close();
  });

  test("cuts who does not finish its first request in time", async () => {
    const server = await serve({ headersTimeoutMs: 150 });
    const silent = net.connect(server.address.port, "127.0.0.1");
    const slow = tls.connect({ host: "127.0.0.1", port: server.address.port, ca: rpc.authority });
    slow.once("secureConnect", () => void slow.write("GET / HTTP/1.1\r\n"));
    await Promise.all([silent, slow].map((socket) => {
      socket.on("error", () => {});
      socket.resume();
      return new Promise<void>((resolve) => socket.once("close", () => resolve()));
    }));
    await server.close();
  });

  /** A connection that ends when the server wants it to, and whether it has. */
  const watched = (socket: net.Socket) => {
    const state = { hasEnded: false, socket };
    socket.on("error", () => {});
    socket.on("close", () => (state.hasEnded = true));
    return state;
  };
  const connected = (port: number) =>
    new Promise<ReturnType<typeof watched>>((resolve) => {
      const socket = net.connect({ host: "127.0.0.1", port }, () => resolve(watched(socket)));
    });
  const soon = () => new Promise((resolve) => setTimeout(resolve, 50));

  // 256 idle connections without a token locked RPC out.
  test("at its limit lets the connection go that has shown least: no TLS, then no request, then no secret", async () => {
    const held = Promise.withResolvers<Response>();
    const server = await serve({
      connectionsMax: 6,
      fetch: (request, info) => {
        if (request.headers.get("authorization") === "secret") info.proved();
        // Those that ask by hand are kept: Deno ends a connection with the answer.
        return request.url.endsWith("/wait") ? held.promise : Response.json({});
      },
    });
    const { port } = server.address;
    const secure = async () => {
      const socket = tls.connect({ host: "127.0.0.1", port, ca: rpc.authority });
      await new Promise<void>((resolve) => socket.once("secureConnect", () => resolve()));
      return watched(socket);
    };
    const asking = async (headers: string) => {
      const state = await secure();
      state.socket.write(`GET /wait HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
      await soon();
      return state;
    };
    const proven = await asking("Authorization: secret\r\n");
    const asked = await asking("");
    const silent = await secure();
    const raw = await connected(port);
    await soon();
    assert.deepEqual([proven, asked, silent, raw].map(({ hasEnded }) => hasEnded), [false, false, false, false]);
    await ask(port);
    await soon();
    assert.deepEqual([proven, asked, silent, raw].map(({ hasEnded }) => hasEnded), [false, false, false, true]);
    // Three strangers at most: half of the places are for those who have shown a secret.
    const more = [await connected(port), await connected(port), await connected(port), await connected(port)];
    await soon();
    assert.deepEqual(more.map(({ hasEnded }) => hasEnded), [true, true, true, false]);
    assert.deepEqual([proven, asked, silent].map(({ hasEnded }) => hasEnded), [false, false, false]);
    for (let i = 0; i < 300; i++) more.push(await connected(port));
    await ask(port);
    assert.ok(!proven.hasEnded);
    held.resolve(new Response());
    for (const { socket } of [proven, asked, silent, raw, ...more]) socket.destroy();
    await server.close();
  });
});

describe("serveHttp()", () => {
  test("answers a request that would leave HTTP as any other where nothing else is spoken", async () => {
    const fetch = async (request: Request) => new Response(await request.text());
    const server = await serveHttp({ host: "127.0.0.1", port: 0, fetch });
    const raw = net.connect({ host: "127.0.0.1", port: server.address.port });
    let text = "";
    raw.on("error", () => {});
    raw.on("data", (chunk) => (text += chunk));
    raw.write(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi",
    );
    await new Promise<void>((resolve) => raw.once("close", () => resolve()));
    assert.match(text, /^HTTP\/1\.1 200 [^]*hi/);
    await server.close();
  });

  const answer = (request: Request) =>
    request.text().then((text) => new Response(`${request.method} ${new URL(request.url).pathname} ${text}`));

  test("answers on loopback, many requests on one connection", async () => {
    for (const host of ["127.0.0.1", "::1", "localhost"]) {
      const server = await serveHttp({ host, port: 0, fetch: answer });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < 3; i++) {
        const text = await new Promise<string>((resolve, reject) => {
          const request = http.request(
            { host, port: server.address.port, path: "/a", method: "POST", agent },
            (response) => {
              let body = "";
              response.on("data", (chunk) => (body += chunk));
              response.on("end", () => resolve(body));
            },
          );
          request.on("error", reject);
          request.end(`${i}`);
        });
        assert.equal(text, `POST /a ${i}`);
      }
      agent.destroy();
      await server.close();
    }
  });

  test("300 idle connections keep nobody out", async () => {
    const server = await serveHttp({ host: "127.0.0.1", port: 0, fetch: answer });
    const { port } = server.address;
    const idle = Array.from({ length: 300 }, () => net.connect({ host: "127.0.0.1", port }));
    for (const socket of idle) socket.on("error", () => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    const text = await new Promise<string>((resolve, reject) => {
      http.get({ host: "127.0.0.1", port, agent: false }, (response) => {
        response.on("data", () => {});
        response.on("end", () => resolve(`${response.statusCode}`));
      }).on("error", reject);
    });
    assert.equal(text, "200");
    for (const socket of idle) socket.destroy();
    await server.close();
  });

  test("refuses every other address, also names that look like loopback", async () => {
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "127.x.example", "example"]) {
      await assert.rejects(serveHttp({ host, port: 0, fetch: answer }), (error: Error & { code?: string }) => {
        assert.equal(error.code, "CONFIG_INVALID");
        return error.message.includes("loopback only") && error.message.includes(host);
      });
    }
  });

  test("cuts a head that does not come", async () => {
    const server = await serveHttp({ host: "127.0.0.1", port: 0, fetch: answer, headersTimeoutMs: 50 });
    const socket = net.connect(server.address.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("POST / HTTP/1.1\r\n");
    await new Promise((resolve) => socket.once("close", resolve));
    await server.close();
  });
});
