/** Introducers: gemel asks chia-blockchain's own, and chia-blockchain's full node dials gemel's. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { clock, dialer, listen, random } from "#platform";
import { loadNodeIdentity, type NodeIdentity, publicAuthorities } from "../../lib/chia/identity/identity.ts";
import { askIntroducer, Introducer } from "../../lib/chia/addresses/introducer.ts";
import { networkNamed } from "../../lib/chia/networks/mod.ts";
import { NodeType } from "../../lib/chia/protocol/mod.ts";
import { chiaPython } from "../support/chia-python.ts";
import { suite } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

const TIMEOUT_MS = 180_000;
const SCRIPT = fileURLToPath(new URL("chia_introducer.py", import.meta.url));

suite("introducers beside chia-blockchain", simulatorMissing(), () => {
  const peers = ["51.1.1.1:58444", "52.1.1.1:58444", "53.1.1.1:58444"];
  let simulator: Simulator;
  let identity: NodeIdentity;
  const running: ChildProcess[] = [];
  const network = networkNamed("simulator0");

  before(async () => {
    simulator = await Simulator.start({ blocks: 1 });
    const files = new Map<string, Uint8Array>();
    identity = await loadNodeIdentity({
      folder: "ssl",
      clock,
      random,
      files: {
        readFile: (path) => Promise.resolve(files.get(path)),
        writeFileAtomic: (path, bytes) => Promise.resolve(void files.set(path, bytes)),
        makeDir: () => Promise.resolve(),
      },
    });
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    for (const child of running) child.kill("SIGKILL");
    await simulator?.stop();
  });
  const parts = () => ({ network, clock, random, dialer, identity, softwareVersion: "gemel/test" });

  test("askIntroducer() gets what chia-blockchain's introducer has vetted", { timeout: TIMEOUT_MS }, async () => {
    const port = await freePort();
    const child = spawn(
      chiaPython() ?? "python3",
      [SCRIPT, "serve", join(simulator.dir, "root"), `${port}`, ...peers],
      {
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    running.push(child);
    let [out, err] = ["", ""];
    child.stdout?.on("data", (part) => (out += part));
    child.stderr?.on("data", (part) => (err += part));
    await until("the introducer", 60_000, () => Promise.resolve(out.includes("ready") ? true : undefined))
      .catch((thrown) => {
        throw new Error(`${thrown}: ${err}`);
      });
    const told = await askIntroducer({ host: "127.0.0.1", port }, parts(), new AbortController().signal);
    assert.deepEqual(told.map((each) => `${each.host}:${each.port}`).sort(), peers);
    child.stdin?.end();
  });

  test("chia-blockchain's full node takes an Introducer for one, and its structs read the answer", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const notices: string[] = [];
    const port = await freePort();
    const server = new Introducer({
      ...parts(),
      serverPort: port,
      vetted: () => peers.map((each) => ({ host: each.split(":")[0]!, port: Number(each.split(":")[1]) })),
      notice: (text) => notices.push(text),
    });
    const listener = await listen({
      host: "127.0.0.1",
      port,
      tls: { identity, authorities: publicAuthorities },
      onConnection: (duplex) => server.accept(duplex),
    });
    try {
      await simulator.connect(port);
      const { connections } = await simulator.call("get_connections");
      const listed = (connections as { type: number; peer_port: number }[]).find((each) => each.peer_port === port);
      assert.equal(listed?.type, NodeType.INTRODUCER, JSON.stringify(connections));
      assert.deepEqual(notices, []);
      const { stdout, stderr } = await promisify(execFile)(chiaPython() ?? "python3", [
        SCRIPT,
        "ask",
        join(simulator.dir, "root"),
        `${port}`,
      ]);
      const told = JSON.parse(stdout || stderr) as { type: number; peers: string[] };
      assert.deepEqual([told.type, told.peers.sort()], [NodeType.INTRODUCER, peers.map((each) => `${each} 0`)]);
    } finally {
      await server.close();
      await listener.close();
    }
  });
});
