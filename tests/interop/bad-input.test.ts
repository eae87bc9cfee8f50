/**
 * What goes wrong around the compiled program, and what it says: one line that tells what to do, the exit code that the
 * documents promise, never a stack trace or a hang.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { clock, makeDir, random, readFile, writeFileAtomic } from "#platform";
import { loadRpcIdentity } from "../../lib/chia/identity/identity.ts";
import { binaryMissing, Gemel, Launched, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const missing = binaryMissing();
const END_MS = 15_000;
const isRoot = process.getuid?.() === 0;
/** The user that containers run as. */
const NOBODY = 65534;

const runArgs = (dir: string, rpc = "127.0.0.1:0") => [
  ...["run", "--chain", "chia", "--network", "simulator0", "--connect", "127.0.0.1:1"],
  ...["--data-dir", dir, "--rpc", rpc, "--log-level", "error"],
];

/** Ends with `code`, and says on one line what `line` matches. */
async function refuses(launched: Launched, code: number, line: RegExp): Promise<void> {
  assert.equal(await launched.end(END_MS), code, launched.stderr);
  assert.match(launched.stderr, line);
  assert.equal(launched.stderr.trim().split("\n").length, 1, `one line: ${launched.stderr}`);
  assert.doesNotMatch(launched.stderr, /\n\s+at /);
  assert.equal(launched.stdout, "");
}

/** Waits for a line of the log; no stack may be in it. */
async function says(gemel: Gemel, line: RegExp): Promise<void> {
  await until(`${line} on stderr`, END_MS, () => {
    return Promise.resolve(line.test(gemel.process.stderr) ? true : undefined);
  }).catch((thrown) => {
    throw new Error(`${thrown instanceof Error ? thrown.message : thrown}:\n${gemel.process.stderr}`);
  });
  assert.doesNotMatch(gemel.process.stderr, /\n\s+at /);
}

suite("gemel run with bad surroundings", missing, () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  let count = 0;
  const newFolder = () => {
    const path = join(folder.path, `data-${count++}`);
    mkdirSync(path, { mode: 0o700 });
    return path;
  };

  test("a data folder that another gemel uses: 75", async () => {
    const dir = newFolder();
    const gemel = await Gemel.start({ dir });
    try {
      await refuses(new Launched(runArgs(dir)), 75, /^error .*in use.*--data-dir/);
      assert.ok(await gemel.call("healthz"), "the first goes on");
    } finally {
      await gemel.stop();
    }
    const again = await Gemel.start({ dir });
    assert.equal(await again.stop(), 143, "free again after an orderly stop");
  });

  test("a data folder left locked by a killed gemel is taken over", async () => {
    const dir = newFolder();
    await (await Gemel.start({ dir })).stop("SIGKILL");
    const again = await Gemel.start({ dir });
    assert.equal(await again.stop(), 143);
  });

  test("a data folder that may not be written: 73", async () => {
    const dir = newFolder();
    chmodSync(folder.path, 0o755);
    chmodSync(dir, 0o555);
    const through = isRoot ? ["setpriv", "--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups", "--"] : [];
    await refuses(new Launched(runArgs(join(dir, "deeper")), { through }), 73, /^error .*--data-dir/);
    await refuses(new Launched(runArgs(dir), { through }), 73, /^error .*--data-dir/);
  });

  test("an RPC port that is taken: 75", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      await refuses(new Launched(runArgs(newFolder(), `127.0.0.1:${port}`)), 75, /^error .*in use.*--rpc/);
      const args = [...runArgs(newFolder()), "--listen", `127.0.0.1:${port}`];
      await refuses(new Launched(args), 75, /^error .*in use.*--listen/);
    } finally {
      server.close();
    }
  });

  test("a database that is none, or whose pages are damaged: 65", async () => {
    for (const damage of ["other", "pages"] as const) {
      const dir = newFolder();
      await (await Gemel.start({ dir })).stop();
      const file = join(dir, "simulator0", "chia.sqlite");
      const bytes = readFileSync(file);
      if (damage === "other") writeFileSync(file, "this is no database, whatever its name says\n".repeat(100));
      else writeFileSync(file, bytes.fill(0xa5, 100));
      for (const name of readdirSync(join(dir, "simulator0"))) {
        if (/-(wal|shm)$/.test(name)) writeFileSync(join(dir, "simulator0", name), "");
      }
      await refuses(new Launched(runArgs(dir)), 65, /^error .*chia\.sqlite.*move/);
    }
  });

  test("mistakes in the command line and the configuration: 2 and 78", async () => {
    await refuses(new Launched(["run", "--no-such-option"]), 2, /no-such-option/);
    await refuses(new Launched([...runArgs(newFolder()), "--constants", "/nonexistent/constants.json"]), 78, /^error /);
    await refuses(new Launched(["run", "--network", "nosuch", "--data-dir", newFolder()]), 78, /^error .*nosuch/);
  });
});

suite("gemel run with bad peers", missing, () => {
  test("garbage instead of TLS, and silence, on the peer port: the connection ends, the node goes on", async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const gemel = await Gemel.start({ dir: folder.path, args: ["--listen", `127.0.0.1:${port}`] });
    try {
      for (
        const garbage of [
          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
          "\x16\x03\x01\xff\xff" + "\0".repeat(600),
          "\xff".repeat(9_000),
        ]
      ) {
        await new Promise<void>((resolve, reject) => {
          const socket = connectTcp(port, "127.0.0.1", () => void socket.write(garbage, "latin1"));
          socket.setTimeout(END_MS, () => reject(new Error("the node keeps a connection that is no TLS")));
          socket.on("error", () => {});
          socket.on("data", () => {});
          socket.on("close", () => resolve());
        });
      }
      assert.deepEqual((await gemel.call("get_connections")).connections, []);
      assert.doesNotMatch(gemel.process.stderr, /\n\s+at /);
    } finally {
      assert.equal(await gemel.stop(), 143);
      folder.remove();
    }
  });

  test("a client without certificate, or with one of another authority, gets no WebSocket", async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const gemel = await Gemel.start({ dir: folder.path, args: ["--listen", `127.0.0.1:${port}`] });
    const parts = {
      folder: join(folder.path, "foreign"),
      files: { readFile, writeFileAtomic, makeDir },
      clock,
      random,
    };
    const { client } = await loadRpcIdentity(parts);
    try {
      for (const identity of [{}, { cert: client.certificate, key: client.privateKey }]) {
        const answer = await new Promise<string>((resolve) => {
          const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...identity }, () => {
            socket.write(
              "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            );
          });
          let got = "";
          socket.on("data", (part: Uint8Array) => (got += new TextDecoder().decode(part)));
          socket.on("error", () => {});
          socket.on("close", () => resolve(got));
        });
        assert.doesNotMatch(answer, /101/);
      }
      assert.deepEqual((await gemel.call("get_connections")).connections, []);
    } finally {
      await gemel.stop();
      folder.remove();
    }
  });

  test("a peer with a certificate of another authority: one warning that names it", async () => {
    const folder = temporaryFolder();
    const parts = {
      folder: join(folder.path, "foreign"),
      files: { readFile, writeFileAtomic, makeDir },
      clock,
      random,
    };
    const { server: identity } = await loadRpcIdentity(parts);
    const server = createTlsServer({ cert: identity.certificate, key: identity.privateKey });
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const gemel = await Gemel.start({ dir: join(folder.path, "data"), connect: [port] });
    try {
      await says(gemel, new RegExp(`cannot connect to 127.0.0.1:${port}: .*certificate refused`));
    } finally {
      await gemel.stop();
      server.close();
      folder.remove();
    }
  });

  test("a peer that speaks something else than TLS: one warning that names it", async () => {
    const server = createServer((socket) => void socket.on("error", () => {}).end("220 mail.example ESMTP\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const folder = temporaryFolder();
    const gemel = await Gemel.start({ dir: folder.path, connect: [port] });
    try {
      await says(gemel, new RegExp(`cannot connect to 127.0.0.1:${port}: `));
      assert.ok(await gemel.call("healthz"));
    } finally {
      await gemel.stop();
      server.close();
      folder.remove();
    }
  });

  test("a peer of another network is refused, and the side that knows names both networks", async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const gemel = await Gemel.start({ dir: join(folder.path, "a"), args: ["--listen", `127.0.0.1:${port}`] });
    const other = new Launched([
      ...["run", "--chain", "chia", "--network", "testnet11", "--connect", `127.0.0.1:${port}`],
      ...["--data-dir", join(folder.path, "b"), "--rpc", "127.0.0.1:0", "--json"],
    ]);
    try {
      await says(gemel, /banned 127\.0\.0\.1 .*testnet11.*simulator0/);
      await until("the dialler's warning", END_MS, () => {
        return Promise.resolve(/cannot connect to 127.0.0.1:\d+: ./.test(other.stderr) ? true : undefined);
      });
      assert.doesNotMatch(other.stderr, /\n\s+at /);
      assert.deepEqual((await gemel.call("get_connections")).connections, []);
    } finally {
      await other.kill();
      await gemel.stop();
      folder.remove();
    }
  });
});
