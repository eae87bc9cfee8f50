/** The SOCKS5 dialler through pproxy, a proxy that others wrote. Skipped where it cannot be had from PyPI. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { NodeError } from "../../lib/core/errors.ts";
import type { ByteDuplex, PeerAddress } from "../../lib/core/ports.ts";
import { clock, random } from "../../lib/platform/node/clock.ts";
import { dialer } from "../../lib/platform/node/dialer.ts";
import { listen } from "../../lib/platform/node/listener.ts";
import { secureDuplex } from "../../lib/platform/node/secure.ts";
import { socks5Dialer, type Socks5Options } from "../../lib/transport/socks5.ts";
import { makeAuthority } from "../unit/platform/certificates.ts";
import { freePort } from "../support/free-port.ts";

const PACKAGE = "pproxy==2.7.9";
const SETUP_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 15_000;
const cache = join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/tmp", ".cache"), "gemel-socks5");
const python = join(cache, "venv", "bin", "python");

/** Why there can be no pproxy here, or undefined. Installs it the first time. */
function missing(): string | undefined {
  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, { encoding: "utf8", timeout: SETUP_TIMEOUT_MS });
  const reasonOf = ({ stderr }: { stderr: string | null }) => (stderr ?? "").trim().split("\n").at(-1) ?? "";
  if (existsSync(python) && run(python, "-c", "import pproxy").status === 0) return undefined;
  mkdirSync(cache, { recursive: true });
  const made = run("python3", "-m", "venv", join(cache, "venv"));
  if (made.status !== 0) return `no Python environment: ${reasonOf(made)}`;
  const installed = run(python, "-m", "pip", "install", "--quiet", PACKAGE);
  return installed.status === 0 ? undefined : `pproxy cannot be had: ${reasonOf(installed)}`;
}

const reason = missing();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);

/** Starts pproxy; `login` is `user:password`. */
async function startProxy(login?: string) {
  const address: PeerAddress = { host: "127.0.0.1", port: await freePort() };
  const place = `socks5://127.0.0.1:${address.port}${login === undefined ? "" : `/#${login}`}`;
  const child = spawn(python, ["-m", "pproxy", "-l", place], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  // A test that fails must not leave it behind.
  const kill = () => void child.kill("SIGTERM");
  process.once("exit", kill);
  const end = clock.monotonic() + START_TIMEOUT_MS;
  while (true) {
    try {
      (await dialer.dial(address)).destroy();
      break;
    } catch (error) {
      if (clock.monotonic() > end) {
        kill();
        throw error;
      }
      await clock.sleep(50);
    }
  }
  return { address, close: () => (process.off("exit", kill), kill(), ended) };
}

const dialBy = (proxy: PeerAddress, options: Partial<Socks5Options> = {}) =>
  socks5Dialer({ proxy, dialer, clock, random, secure: secureDuplex, ...options });

async function roundTrip(duplex: ByteDuplex, length: number): Promise<void> {
  const writer = duplex.writable.getWriter();
  const writing = writer.write(new Uint8Array(length).map((_, i) => i * 11));
  let read = 0;
  for await (const chunk of duplex.readable) {
    for (const byte of chunk) assert.equal(byte, (read++ * 11) & 0xff);
    if (read === length) break;
  }
  await writing;
  assert.equal(read, length);
  duplex.destroy();
}

const echo = (duplex: ByteDuplex) => void duplex.readable.pipeTo(duplex.writable).catch(() => {});

test("pproxy carries plain and TLS connections, by address and by name", { skip: reason !== undefined }, async () => {
  const authority = await makeAuthority("ours");
  const tls = { identity: await authority.issue(), authorities: [authority.pem] };
  const proxy = await startProxy();
  const plain = await listen({ host: "127.0.0.1", port: 0, onConnection: echo });
  const secure = await listen({ host: "127.0.0.1", port: 0, onConnection: echo, tls });
  for (const host of ["127.0.0.1", "localhost"]) {
    await roundTrip(await dialBy(proxy.address).dial({ host, port: plain.address.port }), 100_000);
    await roundTrip(await dialBy(proxy.address).dial({ host, port: secure.address.port }, { tls }), 100_000);
  }
  await plain.close();
  await secure.close();
  await proxy.close();
});

test("pproxy lets in who knows user and password, and nobody else", { skip: reason !== undefined }, async () => {
  const { address, close } = await listen({ host: "127.0.0.1", port: 0, onConnection: echo });
  const good = { user: "mia", password: "geheim" };
  for (const credentials of [good, { user: "mia", password: "falsch" }, "isolate", undefined] as const) {
    // Each has a proxy of its own: pproxy remembers for days from which host somebody came in.
    const proxy = await startProxy("mia:geheim");
    const dial = dialBy(proxy.address, credentials === undefined ? {} : { credentials }).dial(address);
    if (credentials === good) await roundTrip(await dial, 10);
    else await assert.rejects(dial, (error) => error instanceof NodeError && error.fault === "network");
    await proxy.close();
  }
  await close();
});
