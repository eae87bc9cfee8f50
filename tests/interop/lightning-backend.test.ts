/**
 * The client by which lnd follows a bitcoind, unchanged, against the compiled program: a wallet's transaction is handed in, seen in
 * the mempool, and seen in a block.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { scriptToAddress, Transaction } from "../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { KEYS } from "../support/script-keys.ts";
import { coinOf, keyScript, spend } from "../unit/bitcoin-mempool/pool-world.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { freePort } from "../support/free-port.ts";

const SOURCE = fileURLToPath(new URL("lightning-backend", import.meta.url));
const PROGRAM = join(homedir(), ".cache", "gemel-lightning-backend", "backend");
/** Building it fetches lnd's modules. */
const SETUP_TIMEOUT_MS = 600_000;
const WAIT_MS = 30_000;
const RPCAUTH =
  "alice:7d9ba5ae63c3d4dc30583ff4fe65a67e$14b2e8d3de3f55bb1b168d2a317e9ca52e092653ec03a9703636da6162bfd92a";
const ADDRESS = scriptToAddress(keyScript(KEYS[0]!), regtest)!;
const OTHER = scriptToAddress(keyScript(KEYS[1]!), regtest)!;

/** Why there can be no such client here, or undefined when there can; says `skipped: REASON`. */
function backendMissing(): string | undefined {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/local/go/bin` };
  mkdirSync(join(PROGRAM, ".."), { recursive: true });
  const built = spawnSync("go", ["build", "-o", PROGRAM, "."], {
    ...{ cwd: SOURCE, env, encoding: "utf8", timeout: SETUP_TIMEOUT_MS },
  });
  if (built.status === 0) return undefined;
  const missing = `lnd's client cannot be built: ${built.error?.message ?? built.stderr.trim().split("\n").at(-1)}`;
  process.stdout.write(`skipped: ${missing}\n`);
  return missing;
}

type Said = Record<string, unknown>;

/** The client, and what it has said. */
class Backend {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #said: Said[] = [];
  #wake = () => {};

  constructor(port: number) {
    this.#child = spawn(PROGRAM, [`127.0.0.1:${port}`, "alice", "secret", ADDRESS]);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#said.push(JSON.parse(line) as Said);
      this.#wake();
    });
  }

  tell(line: string): void {
    this.#child.stdin.write(line + "\n");
  }

  /** The first of what it says that is so; what came before it is passed over. */
  async hears(event: string, more: Said = {}): Promise<Said> {
    const late = performance.now() + WAIT_MS;
    for (;;) {
      const at = this.#said.findIndex((each) =>
        each.event === "failed" ||
        (each.event === event && Object.entries(more).every(([name, value]) => each[name] === value))
      );
      if (at >= 0) {
        const [found] = this.#said.splice(at, 1);
        assert.notEqual(found!.event, "failed", JSON.stringify(found));
        return found!;
      }
      assert.ok(performance.now() < late, `${event} ${JSON.stringify(more)}; heard ${JSON.stringify(this.#said)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  stop(): void {
    this.#child.kill();
  }
}

suite("lnd's client of bitcoind", binaryMissing() ?? backendMissing(), () => {
  const folder = temporaryFolder("gemel-lightning-");
  let gemel: Gemel;
  let backend: Backend;
  const mine = async (count: number, address = ADDRESS) =>
    await gemel.btc("generatetoaddress", [count, address]) as string[];

  before(async () => {
    const port = await freePort();
    const args = ["--btc-rpc-http", `127.0.0.1:${port}`, "--rpcauth", RPCAUTH];
    gemel = await Gemel.start({ dir: join(folder.path, "node"), chain: REGTEST, args });
    await mine(110);
    backend = new Backend(port);
  });
  after(async () => {
    backend?.stop();
    await gemel?.stop();
    folder.remove();
  });

  test("hands a wallet's transaction in, and hears of it in the mempool and in its block", async () => {
    const ready = await backend.hears("ready");
    assert.deepEqual([ready.height, ready.current, ready.backend], [110, true, "bitcoind"]);
    const first = await gemel.btc("getblockhash", [1]);
    const { tx: [coinbase] } = await gemel.btc("getblock", [first, 2]) as unknown as { tx: { hex: string }[] };
    const coin = coinOf(Transaction.decode(fromHex(coinbase!.hex)));
    const payment = spend([coin], 20_000);
    const txid = toHex(payment.txid.toReversed());
    backend.tell(`test ${toHex(payment.raw)}`);
    assert.equal((await backend.hears("tested")).allowed, true);
    backend.tell(`send ${toHex(payment.raw)}`);
    await backend.hears("sent", { txid });
    await backend.hears("transaction", { txid, block: "" });
    // Another that spends the same pays too little to take its place.
    const rival = spend([coin], 20_001);
    backend.tell(`test ${toHex(rival.raw)}`);
    assert.equal((await backend.hears("tested")).reason, "insufficient fee");
    backend.tell(`send ${toHex(rival.raw)}`);
    assert.match(String((await backend.hears("refused")).error), /insufficient fee/);
    const [block] = await mine(1);
    await backend.hears("connected", { hash: block });
    await backend.hears("transaction", { txid, block });
  });

  test("follows a reorganisation", async () => {
    const left = (await mine(1))[0]!;
    await backend.hears("connected", { hash: left });
    await gemel.btc("invalidateblock", [left]);
    const joined = await mine(2, OTHER);
    await backend.hears("disconnected", { hash: left });
    for (const hash of joined) await backend.hears("connected", { hash });
  });
});
