/** Whole nodes through a SOCKS5 proxy: both chains dial by a name that only the proxy knows. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { useSha256 } from "../../lib/codec/sha256.ts";
import { composeNode } from "../../lib/compose/compose.ts";
import type { EgressConfig, NodeConfig } from "../../lib/config.ts";
import * as platform from "../../lib/platform/node/mod.ts";
import { DEFAULTS, freezeConfig, pathsBelow } from "../../mod.ts";
import { startSocks5Server } from "../support/socks5-server.ts";
import { goldenBlocks } from "../vectors/chia-data.ts";

const PEER = "peer.example";
const WAIT_MS = 20_000;

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = platform.clock.monotonic() + WAIT_MS;
  while (!condition()) {
    assert.ok(platform.clock.monotonic() < end, `${what} within ${WAIT_MS} ms`);
    await platform.clock.sleep(50);
  }
}

const configOf = (folder: string, chains: NodeConfig["chains"], egress: EgressConfig = {}): NodeConfig =>
  freezeConfig({
    chains,
    egress,
    paths: pathsBelow(folder),
    database: "memory",
    cacheBytesMax: DEFAULTS.cacheBytesMax,
    rpc: { ...DEFAULTS.rpc, listen: { host: "127.0.0.1", port: 0 } },
    log: { ...DEFAULTS.log, level: "error" },
    allowLoopbackExempt: true,
    shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
  });

test("Chia over TLS and Bitcoin over its own encryption follow a peer through the proxy", async () => {
  useSha256(platform.sha256);
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "gemel-socks5-")));
  const proxy = await startSocks5Server({ names: { [PEER]: "127.0.0.1" }, accepts: () => true });
  const blocks = [...goldenBlocks("chain-1200.bin.gz")].slice(0, 40);
  const local = { host: "127.0.0.1", port: 0 };
  const server = await composeNode(
    configOf(folders[0] ?? "", [
      {
        ...DEFAULTS.chia,
        ...{ chain: "chia", network: "simulator0", outbound: 0, listen: [local] },
        replay: { blocks, atStart: 40, everyMs: 1_000 },
      },
      { ...DEFAULTS.bitcoin, chain: "bitcoin", network: "regtest", outbound: 0, listen: [local] },
    ]),
    platform,
  );
  const ports = new Map(server.chains.map(({ chain, listenAddress }) => [chain, listenAddress?.port ?? 0]));
  const connect = (chain: "chia" | "bitcoin") => [{ host: PEER, port: ports.get(chain) ?? 0 }];
  const client = await composeNode(
    configOf(folders[1] ?? "", [
      { ...DEFAULTS.chia, chain: "chia", network: "simulator0", outbound: 1, connect: connect("chia") },
      { ...DEFAULTS.bitcoin, chain: "bitcoin", network: "regtest", outbound: 1, connect: connect("bitcoin") },
    ], { proxy: proxy.address }),
    platform,
  );
  try {
    await until(() => client.chia?.state().peak?.height === 39, "the tip of the chain");
    await until(() => (client.bitcoin?.peers().length ?? 0) === 1, "a Bitcoin peer");
    assert.deepEqual([...new Set(proxy.requests.map(({ host }) => host))], [PEER], "by name, and nothing else");
    assert.equal(
      new Set(proxy.requests.map(({ user }) => user)).size,
      proxy.requests.length,
      "each on its own circuit",
    );
  } finally {
    await client.stop();
    await server.stop();
    await proxy.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
});
