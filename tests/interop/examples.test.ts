/** The examples are whole programs: each is run as its header says, on both runtimes, against nodes on loopback. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bitcoinTypes, DEFAULTS, networks, type RunningNode, standardConfig, startNode, toHex } from "../../mod.ts";
import { goldenBlocks } from "../vectors/chia-data.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { scriptToAddress } = bitcoinTypes;
const { regtest } = networks;
/** Of regtest, with programs that nobody knows a key of. */
const addressOf = (byte: number) => scriptToAddress(Uint8Array.of(0, 20, ...new Uint8Array(20).fill(byte)), regtest!)!;
const ADDRESS = addressOf(7);
/** What npm calls deno starts the program and keeps signals to itself. */
const packed = join(root, "node_modules/deno/deno");
const RUNTIMES = [["bun"], [existsSync(packed) ? packed : "deno", "run", "-A", "--no-check"]] as const;
const nameOf = ([path]: readonly string[]) => basename(path!);

/** A program that runs. */
class Program {
  out = "";
  err = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command[0] ?? "", command.slice(1), { cwd: root, env: { ...process.env, ...env } });
    this.#child.stdout.on("data", (bytes) => (this.out += bytes));
    this.#child.stderr.on("data", (bytes) => (this.err += bytes));
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", resolve);
    });
  }

  /** Resolves when it has printed what is looked for. */
  async prints(wanted: RegExp): Promise<void> {
    await until(String(wanted), 30_000, () => Promise.resolve(wanted.test(this.out) || undefined)).catch((thrown) => {
      throw new Error(`${thrown.message}\n${this.out}\n${this.err}`);
    });
  }

  /** Ends it as Ctrl-C does, and sees that it ends well. */
  async interrupt(): Promise<void> {
    this.#child.kill("SIGINT");
    const late = setTimeout(() => {
      this.err += "it did not end within 20 s";
      this.#child.kill("SIGKILL");
    }, 20_000);
    assert.equal(await this.ended, 0, `${this.out}\n${this.err}`);
    clearTimeout(late);
  }

  input(text: string): this {
    this.#child.stdin.end(text);
    return this;
  }
}

async function run(command: readonly string[], input = "", env: Readonly<Record<string, string>> = {}) {
  const program = new Program(command, env).input(input);
  return { code: await program.ended, out: program.out, err: program.err };
}

const blocks = [...goldenBlocks("chain-1200.bin.gz")].slice(0, 40);
const loopback = { outbound: 0, listen: [{ host: "127.0.0.1", port: 0 }] } as const;

describe("examples", () => {
  const base = mkdtempSync(join(tmpdir(), "gemel-example-"));
  let chia: RunningNode;
  let bitcoin: RunningNode;
  const placeOf = (node: RunningNode) => `127.0.0.1:${node.chains[0]?.listenAddress?.port}`;
  const rpc = { ...DEFAULTS.rpc, listen: { host: "127.0.0.1", port: 0 } };
  /** Calls Bitcoin's RPC as a program on this machine does. */
  const call = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
    const cookie = readFileSync(join(base, "bitcoin", ".cookie"), "utf8").trim();
    const answer = await fetch(`http://127.0.0.1:${plain}/`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(cookie)}` },
      body: JSON.stringify({ method, params, id: 1 }),
    });
    const { result, error } = await answer.json() as { result: unknown; error: unknown };
    assert.equal(error ?? null, null);
    return result;
  };
  let plain = 0;
  before(async () => {
    const replay = { blocks, atStart: 40, everyMs: 1_000 };
    chia = await startNode(standardConfig(
      join(base, "chia"),
      [{ ...DEFAULTS.chia, chain: "chia", network: "simulator0", ...loopback, replay }],
      { database: "memory" },
    ));
    plain = await freePort();
    bitcoin = await startNode(standardConfig(
      join(base, "bitcoin"),
      [{ ...DEFAULTS.bitcoin, chain: "bitcoin", network: "regtest", ...loopback }],
      { rpc: { ...rpc, bitcoinHttp: { host: "127.0.0.1", port: plain } } },
    ));
    await call("generatetoaddress", 5, ADDRESS);
  });
  after(async () => {
    await chia.stop();
    await bitcoin.stop();
    rmSync(base, { recursive: true, force: true });
  });

  test("follow.ts prints each new tip of the node that it follows", async () => {
    const tip = chia.chia?.state().peak;
    assert.equal(tip?.height, 39);
    for (const runtime of RUNTIMES) {
      const { code, out, err } = await run([...runtime, "examples/follow.ts", placeOf(chia), "simulator0", "1"]);
      assert.equal(code, 0, err);
      assert.match(out.trim().split("\n").at(-1)!, /^\d+ 0x[0-9a-f]{64}$/);
    }
  });

  test("chia-blocks.ts tells of each block, and goes on where it stood", async () => {
    for (const runtime of RUNTIMES) {
      const folder = join(base, `blocks-${nameOf(runtime)}`);
      const line = [...runtime, "examples/chia-blocks.ts", folder, "simulator0", placeOf(chia)];
      const first = new Program(line);
      await first.prints(new RegExp(`block 39 0x${toHex(chia.chia!.state().peak!.headerHash)}, \\d+ bytes`));
      assert.match(first.out, /p2p\.handshake 127\.0\.0\.1/);
      await first.interrupt();
      const second = new Program(line);
      await second.prints(/block 39 /);
      await second.interrupt();
    }
  });

  test("header-sync.ts tells where the chain ends", async () => {
    for (const runtime of RUNTIMES) {
      const folder = join(base, `headers-${nameOf(runtime)}`);
      const { code, out, err } = await run([
        ...runtime,
        "examples/header-sync.ts",
        folder,
        "regtest",
        placeOf(bitcoin),
      ]);
      assert.equal(code, 0, err);
      assert.match(out, new RegExp(`^tip 5 ${await call("getbestblockhash")}$`, "m"));
    }
  });

  test("full-node.ts follows and serves either chain", async () => {
    for (const [name, network, source] of [["bitcoin", "regtest", bitcoin], ["chia", "simulator0", chia]] as const) {
      for (const runtime of RUNTIMES) {
        const folder = join(base, `full-${name}-${nameOf(runtime)}`);
        const place = `127.0.0.1:${await freePort()}`;
        const line = [...runtime, "examples/full-node.ts", folder, name, network, place, placeOf(source)];
        const program = new Program(line, { RPC_PORT: String(await freePort()) });
        await program.prints(name === "bitcoin" ? /bitcoin\.block 5 / : /chia\.peak 39 /);
        assert.match(program.out, /^RPC on 127\.0\.0\.1:\d+, the token in /m);
        await program.interrupt();
      }
    }
  });

  test("monitor.ts counts the nodes that can be reached, and keeps a page of them", async () => {
    for (const runtime of RUNTIMES) {
      const folder = join(base, `monitor-${nameOf(runtime)}`);
      const line = [...runtime, "examples/monitor.ts", "bitcoin", "regtest", placeOf(bitcoin), folder];
      const { code, out, err } = await run(line, "", { TIMES: "1" });
      assert.equal(code, 0, err);
      assert.match(out, /reachable 1 of \d+ █\n {2}most of them: \/.*gemel/);
      assert.match(readFileSync(join(folder, "network.html"), "utf8"), /^<!doctype html>/i);
    }
  });

  test("payments.ts tells of payments, of those that are final, and of those that are taken back", async () => {
    for (const [i, runtime] of RUNTIMES.entries()) {
      const folder = join(base, `payments-${nameOf(runtime)}`);
      const line = [...runtime, "examples/payments.ts", folder, "regtest", "0", ADDRESS, placeOf(bitcoin)];
      const program = new Program(line, { DEPTH: "3" });
      await program.prints(/paid {6}5000000000 satoshi [0-9a-f]{64}:0 at 5\n/);
      await program.prints(/final {5}5000000000 satoshi/);
      const last = await call("getbestblockhash");
      await call("invalidateblock", last);
      // Blocks of the same second to the same address would be the same, and those before are invalid.
      await call("generatetoaddress", 2, addressOf(8 + i));
      await program.prints(/taken back 5000000000 satoshi/);
      await program.interrupt();
      // As it was, for the next runtime.
      await call("invalidateblock", await call("getblockhash", 5));
      await call("reconsiderblock", last);
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
