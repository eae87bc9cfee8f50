/** How the compiled program waits, and how it ends: deadlines, signals, process 1 of a container, output that goes nowhere. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import process from "node:process";
import { binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";

const node = (dir: string, options: Partial<Parameters<typeof Gemel.start>[0]> = {}) =>
  Gemel.start({ dir, chain: REGTEST, args: ["--connect", "127.0.0.1:1"], ...options });

/** Runs a command through a shell that has its output or its errors go somewhere else. */
const redirected = (redirection: string) => ["sh", "-c", `exec "$0" "$@" ${redirection}`];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the program has taken the signals: from then on they are in its mask of caught ones. */
async function catching(pid: number): Promise<void> {
  await until("the signals are taken", 20_000, () => {
    const [, mask = "0"] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Promise.resolve((BigInt(`0x${mask}`) & (1n << 14n)) !== 0n ? true : undefined);
  });
}

suite("deadlines of the client", binaryMissing(), () => {
  const folder = temporaryFolder();
  const dir = join(folder.path, "data");
  after(() => folder.remove());

  async function stopped(body: (gemel: Gemel) => Promise<void>): Promise<void> {
    const gemel = await node(dir);
    try {
      process.kill(gemel.process.pid, "SIGSTOP");
      await body(gemel);
    } finally {
      process.kill(gemel.process.pid, "SIGCONT");
      await gemel.stop();
    }
  }

  test("a node that is stopped: 69 when the time is up, from the first byte of the attempt", async () => {
    await stopped(async () => {
      const began = performance.now();
      const launched = new Launched(["status", "--timeout", "2s", "--data-dir", dir]);
      assert.equal(await launched.end(10_000), 69);
      const took = performance.now() - began;
      assert.ok(took > 1_900 && took < 3_500, `${took} ms`);
      assert.match(launched.stderr, /^error no node answers at \S+ \(no answer in 2 s\); start it with: gemel run\n$/);
    });
  });

  test("a signal ends every wait at once", async () => {
    await stopped(async () => {
      const commands = [["status"], ["status", "--watch"], ["events"], ["btc", "waitfornewblock"], ["peers"], [
        "block",
        "watch",
      ]];
      for (const command of commands) {
        for (const [signal, exit] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
          const launched = new Launched([...command, "--data-dir", dir]);
          await catching(launched.pid);
          await sleep(50);
          const began = performance.now();
          assert.equal(await launched.kill(signal), exit, command.join(" "));
          assert.ok(performance.now() - began < 500, command.join(" "));
        }
      }
    });
  });

  test("an answer that begins and does not end: 69 as well", async () => {
    const { createServer } = await import("node:https");
    await (await node(dir)).stop();
    const own = (name: string) => readFileSync(join(dir, "ssl", name), "utf8");
    const half = createServer({ cert: own("rpc.crt"), key: own("rpc.key") }, (_request, response) => {
      response.writeHead(200);
      response.write('{"version": "');
    });
    await new Promise<void>((resolve) => half.listen(0, "127.0.0.1", resolve));
    const rpc = ["--rpc", `127.0.0.1:${(half.address() as net.AddressInfo).port}`, "--data-dir", dir];
    const launched = new Launched(["status", "--timeout", "1s", ...rpc]);
    assert.equal(await launched.end(10_000), 69);
    assert.match(launched.stderr, /\(no answer in 1 s\)/);
    half.closeAllConnections();
    half.close();
  });

  test("a call that waits for a block has no deadline of its own, and the one that is asked for", async () => {
    const gemel = await node(dir);
    try {
      const asked = new Launched(["btc", "waitfornewblock", "--timeout", "1s", "--data-dir", dir]);
      assert.equal(await asked.end(10_000), 69);
      const patient = new Launched(["btc", "waitfornewblock", "--data-dir", dir]);
      await sleep(1_500);
      await gemel.btc("generatetoaddress", [1, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"]);
      assert.equal(await patient.end(10_000), 0, patient.stderr);
      assert.match(patient.stdout, /"height": 1/);
    } finally {
      await gemel.stop();
    }
  });
});

suite("signals of a running node", binaryMissing(), () => {
  const folder = temporaryFolder();
  const dir = join(folder.path, "data");
  after(() => folder.remove());

  for (const [signal, exit] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    test(`${signal} stops it in order`, async () => {
      const gemel = await node(dir);
      assert.equal(await gemel.stop(signal), exit, gemel.process.stderr);
      assert.equal(existsSync(join(dir, "rpc.url")), false);
      assert.equal(existsSync(join(dir, ".cookie")), false);
      assert.match(gemel.process.stderr, /stopping \(once more to force\)\n/);
    });
  }

  test("signals within half a second are one wish", async () => {
    for (const [first, second, exit] of [["SIGINT", "SIGTERM", 130], ["SIGHUP", "SIGHUP", 129]] as const) {
      const gemel = await node(dir);
      process.kill(gemel.process.pid, first);
      await sleep(5);
      assert.equal(await gemel.stop(second), exit, gemel.process.stderr);
      assert.equal(/stopped at once/.test(gemel.process.stderr), false);
      assert.equal(existsSync(join(dir, "rpc.url")), false, "it was stopped in order");
    }
  });

  test("a log that nobody reads any more changes nothing", async () => {
    const { path } = folder;
    const through = [
      "sh",
      "-c",
      `"$0" "$@" 2>&1 > ${path}/out & echo $! > ${path}/pid; wait $!; echo $? > ${path}/code`,
    ];
    const args = ["run", ...REGTEST, "--connect", "127.0.0.1:1", "--data-dir", dir, "--rpc", "127.0.0.1:0", "--json"];
    const launched = new Launched([...args, "--log-level", "debug"], {
      through: ["sh", "-c", '"$@" | head -n 1', "sh", ...through],
    });
    await until("it is ready", 20_000, () => Promise.resolve(existsSync(join(dir, "rpc.url")) ? true : undefined));
    const pid = Number(readFileSync(join(path, "pid"), "utf8"));
    // The dialler's failures are logged, so that there is something to write into the closed pipe.
    for (let i = 0; i < 3; i++) {
      await sleep(500);
      const status = new Launched(["status", "--data-dir", dir]);
      assert.equal(await status.end(10_000), 0, status.stderr);
    }
    process.kill(pid, "SIGTERM");
    await until("its end", 10_000, () => Promise.resolve(existsSync(join(path, "code")) ? true : undefined));
    assert.equal(readFileSync(join(path, "code"), "utf8"), "143\n");
    await launched.end(10_000);
    assert.equal(existsSync(join(dir, "rpc.url")), false, "it was stopped in order");
  });

  test("nohup keeps it from ending with its terminal", async () => {
    const gemel = await node(dir, { through: ["sh", "-c", 'trap "" HUP; exec "$0" "$@"'] });
    process.kill(gemel.process.pid, "SIGHUP");
    await sleep(700);
    assert.equal((await gemel.status("bitcoin")).network, "regtest");
    assert.equal(await gemel.stop(), 143);
  });
});

suite("output that cannot be written", binaryMissing(), () => {
  const folder = temporaryFolder();
  const dir = join(folder.path, "data");
  after(() => folder.remove());
  const full = "error standard output cannot be written: ENOSPC: no space left on device, write\n";

  test("is an error with its own exit code and one line", async () => {
    for (const args of [["version"], ["help", "run"], ["config", "show"], ["config", "show", "--json"]]) {
      const launched = new Launched(args, { through: redirected("> /dev/full") });
      assert.equal(await launched.end(10_000), 74, args.join(" "));
      const { stderr } = launched;
      assert.equal(
        args.includes("--json") ? (JSON.parse(stderr) as { code: string }).code : stderr,
        args.includes("--json") ? "OUTPUT_FAILED" : full,
      );
    }
    const gemel = new Launched(
      ["run", ...REGTEST, "--connect", "127.0.0.1:1", "--data-dir", dir, "--rpc", "127.0.0.1:0", "--json"],
      { through: redirected("> /dev/full") },
    );
    assert.equal(await gemel.end(20_000), 74);
    assert.ok(gemel.stderr.includes('"OUTPUT_FAILED"'), gemel.stderr);
    assert.equal(existsSync(join(dir, "rpc.url")), false, "a node is stopped in order");
  });

  test("does not matter where it is talk, or where the reader has had enough", async () => {
    const noTalk = new Launched(["status", "--data-dir", "/nonexistent"], { through: redirected("2> /dev/full") });
    assert.equal(await noTalk.end(10_000), 69);
    const script = '"$0" "$@" | head -c 10 > /dev/null; echo "${PIPESTATUS[0]}"';
    const enough = new Launched(["config", "show"], { through: ["bash", "-c", script] });
    assert.equal(await enough.end(10_000), 0);
    assert.equal(enough.stdout, "0\n");
    assert.equal(enough.stderr, "");
  });
});

function namespaceMissing(): string | undefined {
  const program = binaryMissing();
  if (program !== undefined) return program;
  const tried = spawnSync("unshare", ["--pid", "--fork", "--kill-child", "true"], { encoding: "utf8" });
  if (tried.status === 0) return undefined;
  const reason = `no process namespace can be made here: ${tried.stderr.trim()}`;
  process.stdout.write(`skipped: ${reason}\n`);
  return reason;
}

suite("as process 1 of a container", namespaceMissing(), () => {
  const folder = temporaryFolder();
  const dir = join(folder.path, "data");
  after(() => folder.remove());
  const through = ["unshare", "--pid", "--fork", "--kill-child"];

  const crawl = join(folder.path, "crawl.json");
  const commands: readonly (readonly string[])[] = [
    ["run", ...REGTEST, "--connect", "127.0.0.1:1", "--data-dir", join(folder.path, "one"), "--rpc", "127.0.0.1:0"],
    ["demo"],
    ["simulate", "--chain", "bitcoin", "--nodes", "30", "--hours", "50"],
    ["status", "--watch", "--data-dir", dir],
    ["events", "--data-dir", dir],
    ["block", "watch", "--data-dir", dir],
    ["btc", "waitfornewblock", "--data-dir", dir],
    ["crawl", "--chain", "chia", "--seed", "127.0.0.1:SILENT", "--out", crawl, "--timeout", "60s"],
    ["dns", "query", "seed.example", "--server", "127.0.0.1:SILENT"],
  ];

  test("every command that waits ends by SIGTERM", { timeout: 120_000 }, async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as net.AddressInfo;
    const gemel = await node(dir);
    const temporary = mkdtempSync(join(folder.path, "tmp-"));
    try {
      for (const command of commands) {
        const args = command.map((word) => word.replace("SILENT", `${port}`));
        const launched = new Launched(args, { through, env: { TMPDIR: temporary } });
        const inner = await until("process 1", 10_000, () => {
          const { stdout } = spawnSync("pgrep", ["-P", `${launched.pid}`], { encoding: "utf8" });
          return Promise.resolve(Number(stdout) || undefined);
        });
        await catching(inner);
        await sleep(300);
        const began = performance.now();
        process.kill(inner, "SIGTERM");
        assert.equal(await launched.end(10_000), 143, `${args.join(" ")}: ${launched.stderr}`);
        assert.ok(performance.now() - began < 3_000, args.join(" "));
      }
    } finally {
      await gemel.stop();
      silent.close();
      rmSync(temporary, { recursive: true });
    }
  });
});
