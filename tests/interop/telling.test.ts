/** What the compiled program says and writes: logs, checks of a configuration, files, exit codes. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import https from "node:https";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { BINARY, binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

async function run(args: readonly string[], options: ConstructorParameters<typeof Launched>[1] = {}) {
  const launched = new Launched(args, options);
  const code = await launched.end(20_000);
  return { code, out: launched.stdout, err: launched.stderr };
}

suite("what is told", binaryMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const dir = join(folder.path, "data");
  const node = (args: readonly string[] = []) =>
    Gemel.start({ dir, chain: REGTEST, args: ["--connect", "127.0.0.1:1", ...args] });

  test("--log-format json: every line is an object, from the first to the last", async () => {
    const args = ["run", ...REGTEST, "--connect", "127.0.0.1:1", "--data-dir", dir, "--rpc", "127.0.0.1:0"];
    const launched = new Launched([...args, "--log-format", "json"]);
    while (!launched.stderr.includes("cannot connect")) await new Promise((resolve) => setTimeout(resolve, 25));
    assert.equal(await launched.kill(), 143);
    const lines = launched.stderr.trim().split("\n").map((line) => JSON.parse(line) as { msg?: string });
    assert.ok(
      lines.some(({ msg }) => msg?.startsWith("gemel ")) && lines.some(({ msg }) => msg?.startsWith("stopping")),
    );
    const taken = await run(["run", ...REGTEST, "--data-dir", "/proc/nothing", "--log-format=json"]);
    assert.deepEqual([taken.code, (JSON.parse(taken.err) as { code: string }).code], [73, "FILE_FAILED"]);
    writeFileSync(join(folder.path, "json.toml"), 'log-format = "json"\n');
    const config = ["--config", join(folder.path, "json.toml")];
    const failed = await run(["run", ...REGTEST, "--data-dir", "/proc/nothing", ...config]);
    assert.deepEqual([failed.code, (JSON.parse(failed.err) as { code: string }).code], [73, "FILE_FAILED"]);
  });

  test("the age of a tip is no news: a synced node at rest is silent", { timeout: 60_000 }, async () => {
    const port = await freePort();
    const served = await Gemel.start({
      dir: join(folder.path, "served"),
      chain: REGTEST,
      args: ["--no-dns", "--listen", `127.0.0.2:${port}`],
    });
    await served.btc("generatetoaddress", [1, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"]);
    const place = ["--data-dir", dir, "--rpc", "127.0.0.1:0"];
    const gemel = new Launched(["run", ...REGTEST, "--connect", `127.0.0.2:${port}`, ...place]);
    try {
      await until("its first line of progress", 20_000, () => {
        return Promise.resolve(/^bitcoin +blocks .* synced/m.test(gemel.stderr) ? true : undefined);
      });
      await new Promise((resolve) => setTimeout(resolve, 25_000));
      const lines = gemel.stderr.split("\n").filter((line) => /^bitcoin +blocks/.test(line));
      assert.equal(lines.length, 1, lines.join("\n"));
    } finally {
      await gemel.kill();
      await served.stop();
    }
  });

  test("databases are their owner's alone", async () => {
    const fresh = join(folder.path, "fresh");
    mkdirSync(fresh);
    chmodSync(fresh, 0o755);
    const gemel = await Gemel.start({ dir: fresh, chain: REGTEST, args: ["--connect", "127.0.0.1:1"] });
    try {
      const files = readdirSync(fresh, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name)).filter((path) => !path.endsWith(".crt"));
      assert.ok(files.some((path) => path.endsWith("events.sqlite-wal")), files.join(" "));
      for (const path of files) assert.equal(statSync(path).mode & 0o077, 0, path);
    } finally {
      await gemel.stop();
    }
  });

  test("config check looks into what is named", async () => {
    const file = (name: string, text: string) => {
      writeFileSync(join(folder.path, name), text);
      return join(folder.path, name);
    };
    const bad: readonly (readonly [readonly string[], RegExp])[] = [
      [["--rpcauth", "user:password"], /^error rpcauth: user:salt\$hash/],
      [["--bitcoin.asmap", file("asmap", "\xff\xff nonsense")], /^error asmap: /],
      [["--bitcoin.asmap", join(folder.path, "none")], /^error asmap: \S+none is not there/],
      [["--chia.constants", file("constants.json", '{"NO_SUCH_THING": []')], /constants|JSON/i],
      [["--chia.import-peers", file("peers.dat", "nonsense")], /^error import-peers: /],
      [["--bitcoin.import-peers", join(folder.path, "none")], /^error import-peers: \S+none is not there/],
    ];
    for (const [args, told] of bad) {
      const { code, err } = await run(["config", "check", "--data-dir", dir, ...args]);
      assert.equal(code, 78, `${args.join(" ")}: ${err}`);
      assert.match(err, told);
    }
  });

  test("a mistake in config.toml is told with its line", async () => {
    const path = join(folder.path, "bad.toml");
    writeFileSync(path, 'network = "regtest"\n\n[bitcoin]\nlisten = [1, \n');
    const { code, err } = await run(["config", "check", "--config", path]);
    assert.equal(code, 78);
    assert.match(err, /^error \S+bad\.toml:[45]:\d+: [^\n]+\n$/);
  });

  test("a path that is not UTF-8 is refused and no other folder is made", async () => {
    const through = ["bash", "-c", `exec "$0" "$@" --data-dir $'${folder.path}/caf\\xe9'`];
    const { code } = await run(["certs", "init"], { through });
    assert.equal(code, 2);
    const env = ["bash", "-c", `GEMEL_RUN_DATA_DIR=$'${folder.path}/caf\\xe9' exec "$0" "$@"`];
    assert.equal((await run(["certs", "init"], { through: env })).code, 78);
    assert.deepEqual(readdirSync(folder.path).filter((name) => name.startsWith("caf")), []);
  });

  test("events and block watch end with 69 when the node ends the stream", async () => {
    const gemel = await node();
    const watching = [["events"], ["block", "watch"]].map((command) => new Launched([...command, "--data-dir", dir]));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await gemel.stop();
    for (const each of watching) {
      assert.equal(await each.end(10_000), 69);
      assert.match(each.stderr, /^error (the node ended the stream|no node answers .*)\n$/);
    }
  });

  test("a connection is kept as long as it was said: 30 s, or what --rpc-server-timeout says", async () => {
    for (const [args, seconds] of [[[], "30"], [["--rpc-server-timeout", "7s"], "7"]] as const) {
      const gemel = await node(args);
      try {
        const ca = readFileSync(join(dir, "ssl/ca.crt"), "utf8");
        const agent = new https.Agent({ keepAlive: true, ca });
        const told = await new Promise((resolve, reject) => {
          const options = { host: "127.0.0.1", port: gemel.rpcPort, path: "/v1/status", agent };
          https.get(options, (answer) => resolve(answer.resume().headers["keep-alive"])).on("error", reject);
        });
        agent.destroy();
        assert.equal(told, `timeout=${seconds}`);
      } finally {
        await gemel.stop();
      }
    }
  });
});

function terminalMissing(): string | undefined {
  const program = binaryMissing();
  if (program !== undefined) return program;
  if (spawnSync("script", ["--version"]).status === 0) return undefined;
  process.stdout.write("skipped: there is no script, which gives a terminal\n");
  return "there is no script, which gives a terminal";
}

suite("a terminal", terminalMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  test("gets escape codes where it heeds them, and none where TERM is dumb", { timeout: 60_000 }, () => {
    for (const [term, escapes] of [["xterm", true], ["dumb", false]] as const) {
      const command = `timeout -s INT 3 ${BINARY} run ${REGTEST.join(" ")} --connect 127.0.0.1:1 --rpc 127.0.0.1:0 ` +
        `--log-level warning --data-dir ${folder.path}/${term}`;
      const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
        encoding: "utf8",
        env: { PATH: process.env.PATH ?? "", TERM: term, HOME: "/nonexistent" },
      });
      assert.equal(stdout.includes("\x1b["), escapes, `${term}: ${JSON.stringify(stdout)}`);
    }
  });
});

function npmMissing(): string | undefined {
  if (spawnSync("npm", ["--version"]).status === 0) return undefined;
  process.stdout.write("skipped: there is no npm\n");
  return "there is no npm";
}

suite("./compile.sh", npmMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  test("says what is wrong, and soon, where npm reaches no registry", { timeout: 60_000 }, () => {
    const root = fileURLToPath(new URL("../../", import.meta.url));
    mkdirSync(join(folder.path, "tests"));
    for (const name of ["compile.sh", "tests/setup.sh", "package.json"]) {
      copyFileSync(join(root, name), join(folder.path, name));
    }
    // Of the programs only what the script needs: a Bun of this machine must not be found.
    const bin = join(folder.path, "bin");
    mkdirSync(bin);
    for (const name of ["bash", "sed", "mkdir", "dirname", "npm", "node", "env", "ln", "sh"]) {
      const { stdout } = spawnSync("bash", ["-c", `command -v ${name}`], { encoding: "utf8" });
      symlinkSync(stdout.trim(), join(bin, name));
    }
    const began = performance.now();
    const { status, stderr } = spawnSync("bash", ["./compile.sh"], {
      cwd: folder.path,
      encoding: "utf8",
      env: { PATH: bin, HOME: folder.path, npm_config_registry: "http://127.0.0.1:9/" },
    });
    assert.equal(status, 1);
    assert.match(stderr, /npm could not get Bun [0-9.]+ from http:\/\/127\.0\.0\.1:9\/; is it reachable from here\?/);
    assert.ok(performance.now() - began < 40_000);
  });
});
