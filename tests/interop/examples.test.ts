/** The examples are whole programs: each is run as its header says, on both runtimes, against a node on loopback. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DEFAULTS, freezeConfig, pathsBelow, startNode, toHex } from "../../mod.ts";
import { goldenBlocks } from "../vectors/chia-data.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const RUNTIMES = [["bun"], ["deno", "run", "-A", "--no-check"]] as const;

function run(command: readonly string[], input = ""): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] ?? "", command.slice(1), { cwd: root });
    let out = "";
    let err = "";
    child.stdout.on("data", (bytes) => (out += bytes));
    child.stderr.on("data", (bytes) => (err += bytes));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

const blocks = [...goldenBlocks("chain-1200.bin.gz")].slice(0, 40);

describe("examples", () => {
  test("follow.ts prints each new tip of the node that it follows", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gemel-example-"));
    const server = await startNode(freezeConfig({
      chains: [{
        ...DEFAULTS.chia,
        chain: "chia",
        network: "simulator0",
        outbound: 0,
        listen: [{ host: "127.0.0.1", port: 0 }],
        replay: { blocks, atStart: 40, everyMs: 1_000 },
      }],
      paths: pathsBelow(folder),
      database: "memory",
      cacheBytesMax: DEFAULTS.cacheBytesMax,
      rpc: { ...DEFAULTS.rpc, listen: { host: "127.0.0.1", port: 0 } },
      log: { ...DEFAULTS.log, level: "error" },
      allowLoopbackExempt: true,
      shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
    }));
    try {
      const tip = server.chia?.state().peak;
      assert.equal(tip?.height, 39);
      for (const runtime of RUNTIMES) {
        const address = `127.0.0.1:${server.chains[0]?.listenAddress?.port}`;
        const { code, out, err } = await run([...runtime, "examples/follow.ts", address, "simulator0", "2"]);
        assert.equal(code, 0, err);
        assert.equal(out.trim().split("\n").at(-1), `39 0x${toHex(tip?.headerHash ?? new Uint8Array(0))}`);
      }
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("decode-block.ts prints a block, and one line for what is none", async () => {
    for (const runtime of RUNTIMES) {
      const good = await run([...runtime, "examples/decode-block.ts"], toHex(blocks[7] ?? new Uint8Array(0)));
      assert.equal(good.code, 0, good.err);
      assert.equal(JSON.parse(good.out).reward_chain_block.height, 7);
      const bad = await run([...runtime, "examples/decode-block.ts"], "00");
      assert.equal(bad.code, 65, bad.err);
      assert.match(bad.err, /^FullBlock.*short.*\n$/);
    }
  });
});
