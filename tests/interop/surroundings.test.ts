/** What the compiled program takes from its surroundings: the current folder, the environment, the user, the settings. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import process from "node:process";
import { HOSTILE_FILES, makeHostile } from "../support/hostile-folder.ts";
import { makeAuthority } from "../unit/platform/certificates.ts";
import { binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { send, until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

/** A command that ends by itself, run to its end. */
async function run(args: readonly string[], options: ConstructorParameters<typeof Launched>[1] = {}) {
  const launched = new Launched(args, options);
  const code = await launched.end(20_000);
  return { code, out: launched.stdout, err: launched.stderr };
}

/** A node that talks to nobody. */
const node = (dir: string, options: Partial<Parameters<typeof Gemel.start>[0]> = {}) =>
  Gemel.start({ dir, chain: REGTEST, ...options, args: ["--connect", "127.0.0.1:1", ...(options.args ?? [])] });

function straceMissing(): string | undefined {
  const program = binaryMissing();
  if (program !== undefined) return program;
  const tried = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (tried.status === 0) return undefined;
  const reason = `no system calls can be traced: ${tried.error?.message ?? tried.stderr.trim()}`;
  process.stdout.write(`skipped: ${reason}\n`);
  return reason;
}

suite("files of the current folder", straceMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const here = join(folder.path, "here");
  mkdirSync(here);
  const hasRun = makeHostile(here);

  /** Names of hostile files in the system calls of one command. */
  async function touched(args: readonly string[], stop: boolean): Promise<string[]> {
    const trace = join(folder.path, "trace");
    const calls = "trace=open,openat,stat,lstat,newfstatat,statx,access,faccessat,faccessat2,readlink,readlinkat";
    const through = ["strace", "-f", "-qq", "-e", calls, "-e", "signal=none", "-o", trace];
    const launched = new Launched(args, { through, cwd: here });
    if (stop) {
      await until("the first line", 30_000, () => Promise.resolve(/^rpc /m.test(launched.stderr) ? true : undefined));
      process.kill(Number(spawnSync("pgrep", ["-P", `${launched.pid}`], { encoding: "utf8" }).stdout), "SIGTERM");
    }
    await launched.end(30_000);
    const lines = readFileSync(trace, "utf8").split("\n");
    assert.ok(lines.length > 3, "the trace is one");
    return HOSTILE_FILES.filter((name) =>
      lines.some((line) => line.includes(`/${name}"`) || line.includes(`"${name}"`))
    );
  }

  test("gemel version opens none of them", async () => {
    assert.deepEqual(await touched(["version"], false), []);
    assert.equal(hasRun(), false);
  });

  test("gemel config show opens none of them", async () => {
    assert.deepEqual(await touched(["config", "show"], false), []);
    assert.equal(hasRun(), false);
  });

  test("gemel run opens none of them, before and after it has bounded its heap", { timeout: 90_000 }, async () => {
    const args = ["run", ...REGTEST, "--connect", "127.0.0.1:1", "--data-dir", join(folder.path, "data")];
    assert.deepEqual(await touched([...args, "--rpc", "127.0.0.1:0"], true), []);
    assert.equal(hasRun(), false);
  });
});

suite("the environment of the program", binaryMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const here = join(folder.path, "here");
  mkdirSync(here);
  const hasRun = makeHostile(here);

  test("settings of a .env file move nothing", async () => {
    const { code, out } = await run(["config", "show", "--json"], { cwd: here });
    assert.equal(code, 0);
    assert.equal((JSON.parse(out) as { rpc: string }).rpc, "127.0.0.1:8555");
    assert.equal(hasRun(), false);
  });

  test("NODE_OPTIONS, NODE_PATH and a bunfig.toml in the home run no code", async () => {
    const env = {
      HOME: here,
      XDG_CONFIG_HOME: here,
      NODE_OPTIONS: `--import=${join(here, "evil.ts")}`,
      NODE_PATH: here,
      BUN_INSPECT_PRELOAD: join(here, "evil.ts"),
    };
    assert.equal((await run(["version"], { env })).code, 0);
    assert.equal(hasRun(), false);
  });

  test("BUN_INSPECT and BUN_OPTIONS open no debugger", async () => {
    for (const variable of ["BUN_INSPECT", "BUN_OPTIONS"]) {
      const port = await freePort();
      const value = variable === "BUN_INSPECT" ? `ws://127.0.0.1:${port}/x` : `--inspect=127.0.0.1:${port}/x`;
      const gemel = await node(join(folder.path, variable), { env: { [variable]: value } });
      try {
        assert.equal(await isOpen(port), false, variable);
        const environment = readFileSync(`/proc/${gemel.process.pid}/environ`, "utf8");
        assert.equal(environment.includes(`${variable}=`), false, "whatever it starts has it no more");
      } finally {
        assert.equal(await gemel.stop(), 143);
      }
    }
  });

  test("an empty variable is as if unset", async () => {
    writeFileSync(join(folder.path, "config.toml"), 'network = "nowhere"\n');
    const env = {
      HOME: join(folder.path, "home"),
      GEMEL_RUN_DATA_DIR: "",
      GEMEL_RUN_CONNECT: "",
      GEMEL_RUN_RPC: "",
      GEMEL_RUN_LOG_LEVEL: "",
      GEMEL_RUN_MAX_PEERS: "",
      GEMEL_RUN_EXEMPT_LOOPBACK: "",
      XDG_CONFIG_HOME: "",
      NO_COLOR: "",
    };
    const { out } = await run(["config", "path"], { env, cwd: folder.path });
    assert.equal(out, `${folder.path}/home/.config/gemel/config.toml\n`);
    assert.deepEqual(await run(["config", "check"], { env, cwd: folder.path }), {
      code: 0,
      out: "ok (no file)\n",
      err: "",
    });
  });

  function isOpen(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = net.connect({ host: "127.0.0.1", port }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
  }
});

suite("certificate checks", binaryMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const dir = join(folder.path, "data");

  /** What the environment may say, given the file of another authority. */
  const wishes = (authority: string): readonly Record<string, string>[] => [
    {},
    { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    { NODE_EXTRA_CA_CERTS: authority },
    { SSL_CERT_FILE: authority, NODE_USE_SYSTEM_CA: "1" },
    { BUN_OPTIONS: "--use-system-ca", SSL_CERT_FILE: authority },
    { BUN_OPTIONS: "--use-openssl-ca", SSL_CERT_FILE: authority },
  ];

  test("a client gives its token to no impostor, whatever the environment says", async () => {
    assert.equal((await run(["certs", "init", "--data-dir", dir])).code, 0);
    writeFileSync(join(dir, "token"), "0123456789".repeat(4));
    const authority = await makeAuthority("impostor");
    const file = join(folder.path, "impostor.pem");
    writeFileSync(file, authority.pem);
    const { certificate, privateKey } = await authority.issue();
    const seen: (string | undefined)[] = [];
    const impostor = https.createServer({ cert: certificate, key: privateKey }, (request, response) => {
      seen.push(request.headers.authorization);
      response.end('{"version": "x", "chains": []}');
    });
    await new Promise<void>((resolve) => impostor.listen(0, "127.0.0.1", resolve));
    const { port } = impostor.address() as net.AddressInfo;
    try {
      for (const env of wishes(file)) {
        const { code, err } = await run(["status", "--data-dir", dir, "--rpc", `127.0.0.1:${port}`], { env });
        assert.equal(code, 69, JSON.stringify(env));
        assert.match(err, /^error no node answers at https:\/\/127\.0\.0\.1:\d+ \(.*\); start it with: gemel run\n$/);
      }
      assert.deepEqual(seen, []);
    } finally {
      impostor.close();
    }
  });

  test("no variable of the runtime makes a client print its token", async () => {
    const gemel = await node(dir);
    try {
      const token = readFileSync(join(dir, "token"), "utf8").trim();
      const wishes = [
        { BUN_CONFIG_VERBOSE_FETCH: "curl" },
        { NODE_DEBUG: "http,https,net,tls,stream" },
        { BUN_DEBUG_QUIET_LOGS: "0", BUN_DEBUG_ALL: "1" },
      ];
      for (const env of wishes) {
        const { code, out, err } = await run(["status", "--data-dir", dir], { env: env as Record<string, string> });
        assert.equal(code, 0, err);
        assert.equal((out + err).includes(token), false, JSON.stringify(env));
      }
    } finally {
      await gemel.stop();
    }
  });

  test("a client goes through no proxy of the environment", async () => {
    const gemel = await node(dir);
    try {
      const proxy = net.createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      let calls = 0;
      proxy.on("connection", () => calls++);
      const at = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
      const env = { HTTPS_PROXY: at, https_proxy: at, ALL_PROXY: at, HTTP_PROXY: at, NODE_USE_ENV_PROXY: "1" };
      assert.equal((await run(["status", "--data-dir", dir], { env })).code, 0);
      assert.equal(calls, 0);
      proxy.close();
    } finally {
      await gemel.stop();
    }
  });

  test("a server lets in no stranger's certificate, whatever the environment says", { timeout: 120_000 }, async () => {
    const authority = await makeAuthority("gemel RPC CA");
    const file = join(folder.path, "stranger.pem");
    writeFileSync(file, authority.pem);
    const { certificate: cert, privateKey: key } = await authority.issue();
    for (const env of wishes(file)) {
      const gemel = await node(dir, { env });
      try {
        const ca = readFileSync(join(dir, "ssl", "ca.crt"), "utf8");
        const to = { host: "127.0.0.1", port: gemel.rpcPort, path: "/v1/status", method: "GET", ca };
        const status = await send({ ...to, cert, key }, undefined).then((answer) => answer.status, () => "refused");
        assert.ok(status === 401 || status === "refused", `${status} with ${JSON.stringify(env)}`);
        const own = (name: string) => readFileSync(join(dir, "ssl", name), "utf8");
        const good = await send({ ...to, cert: own("client.crt"), key: own("client.key") }, undefined);
        assert.equal(good.status, 200, JSON.stringify(env));
      } finally {
        await gemel.stop();
      }
    }
  });
});

function strangerMissing(): string | undefined {
  const program = binaryMissing();
  if (program !== undefined) return program;
  const tried = spawnSync("setpriv", ["--reuid", "54321", "--regid", "54321", "--clear-groups", "true"]);
  if (tried.status === 0) return undefined;
  const reason = "no other user can be become here (setpriv, as root)";
  process.stdout.write(`skipped: ${reason}\n`);
  return reason;
}

suite("a user whom the system does not know", strangerMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  spawnSync("chown", ["54321:54321", folder.path]);
  const through = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", "env", "-u", "HOME"];
  const stranger = (...args: string[]) => run(args, { through, cwd: "/" });

  test("runs every command that needs no home", async () => {
    const dir = join(folder.path, "data");
    const kept = ["--data-dir", dir];
    const commands = [["version"], ["help"], ["config", "show"], ["config", "check", ...kept], [
      "certs",
      "init",
      ...kept,
    ]];
    for (const args of commands) {
      const { code, err } = await stranger(...args);
      assert.equal(code, 0, `${args.join(" ")}: ${err}`);
    }
    const gemel = await node(dir, { through, cwd: "/" });
    try {
      assert.equal((await stranger("status", "--data-dir", dir)).code, 0);
      const named = ["--cacert", join(dir, "ssl/ca.crt"), "--token-file", join(dir, "token")];
      const rpc = ["--rpc", `127.0.0.1:${gemel.rpcPort}`];
      assert.equal((await stranger("status", ...named, ...rpc)).code, 0, "with every path named, no folder is needed");
    } finally {
      assert.equal(await gemel.stop(), 143);
    }
  });

  test("is told in one line where there is no place for temporary files", async () => {
    const { code, err } = await run(["demo"], { through, cwd: "/", env: { TMPDIR: join(folder.path, "none") } });
    assert.equal(code, 73);
    assert.match(err, /^error no folder can be made in \S+none; choose a folder .*\n$/);
  });

  test("is told in one line where a home would be needed", async () => {
    for (
      const args of [["run"], ["status"], ["config", "path"], ["config", "init"], ["certs"], ["btc", "getblockcount"]]
    ) {
      const { code, err } = await stranger(...args);
      assert.deepEqual([code, err], [
        73,
        "error this user has no home folder; name a folder with --data-dir, or set HOME\n",
      ], args.join(" "));
    }
  });
});

suite("values of flags", binaryMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  test("an empty one is a mistake of the command line, for every flag of every command", async () => {
    const commands = [
      "run",
      "config check",
      "crawl",
      "dns serve",
      "dns query",
      "peers list",
      "peers ban",
      "events",
      "simulate",
    ];
    for (const command of commands) {
      const { out } = await run([...command.split(" "), "--help"]);
      const flags = [...out.matchAll(/^ +(--[a-z-]+) <[a-z]/gm)].map(([, flag]) => flag!);
      assert.ok(flags.length > 3, command);
      const needed: Record<string, string[]> = {
        crawl: ["--chain", "chia", "--out", join(folder.path, "o.json")],
        "dns serve": ["--listen", "127.0.0.1:0", "--zone", "a.b", "--from", "/nonexistent"],
        "dns query": ["a.b"],
        "peers ban": ["192.0.2.1"],
        simulate: ["--chain", "chia"],
      };
      const tried = command === "run" || command === "config check" ? flags : flags.slice(0, 4);
      const ends = await Promise.all(tried.map(async (flag) => {
        const { code, err } = await run([...command.split(" "), ...(needed[command] ?? []), flag, ""], {
          cwd: folder.path,
        });
        return [flag, code, err.split("\n")[0]];
      }));
      for (const [flag, code, err] of ends) {
        assert.equal(code, 2, `${command} ${flag}: ${err}`);
        assert.match(
          String(err),
          /^error:? (--[a-z-]+: a value is needed|option .* is invalid\..*)$/,
          `${command} ${flag}`,
        );
      }
    }
  });

  test("a host that is none is refused with what was meant, for every flag that takes one", async () => {
    const listens = ["--listen", "--chia.listen", "--bitcoin.listen", "--rpc", "--btc-rpc-http"];
    const calls = ["--connect", "--chia.connect", "--bitcoin.add-peer", "--introducer", "--proxy", "--dns-server"];
    for (const flag of [...listens, ...calls]) {
      const chain = /bitcoin|introducer|chia/.test(flag) ? [] : ["--chain", "chia"];
      for (const value of ["0", "8444", "127.1:8444", "0x7f.1:8444", "::1", "256.1.1.1:1"]) {
        const { code, err } = await run(["config", "check", ...chain, flag, value], { cwd: folder.path });
        assert.equal(code, 78, `${flag} ${value}: ${err}`);
        assert.match(err, /is no HOST:PORT: .*(127\.0\.0\.1|\[::1\])/, `${flag} ${value}`);
      }
    }
  });
});

function curlMissing(): string | undefined {
  const program = binaryMissing();
  if (program !== undefined) return program;
  if (spawnSync("curl", ["--version"]).status === 0) return undefined;
  process.stdout.write("skipped: there is no curl\n");
  return "there is no curl";
}

suite("the names of the RPC certificate", curlMissing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  test("follow --rpc and --rpc-host: the line that is printed works", { timeout: 60_000 }, async () => {
    const dir = join(folder.path, "data");
    const authority = () => readFileSync(join(dir, "ssl/ca.crt"), "utf8");
    let before: string | undefined;
    for (const host of ["127.0.0.1", "127.0.0.2", "127.0.0.3", "[::1]"]) {
      const port = await freePort();
      const args = ["run", ...REGTEST, "--connect", "127.0.0.1:1", "--data-dir", dir, "--rpc", `${host}:${port}`];
      const launched = new Launched([...args, "--rpc-host", "node.example"], { cwd: folder.path });
      try {
        const [, line] = await until(
          "the line to try",
          20_000,
          () => Promise.resolve(/^try +(curl .*)$/m.exec(launched.stderr) ?? undefined),
        );
        assert.equal(before ?? authority(), authority(), "the authority stays");
        before = authority();
        const answer = spawnSync("bash", ["-c", line!], { encoding: "utf8" });
        assert.match(answer.stdout, /"chain":"regtest"/, `${host}: ${answer.stderr}`);
        const named = line!.replace(
          `https://${host}:${port}`,
          `--resolve node.example:${port}:${host} https://node.example:${port}`,
        );
        assert.match(spawnSync("bash", ["-c", named], { encoding: "utf8" }).stdout, /"chain":"regtest"/);
        const status = await run(["status", "--data-dir", dir]);
        assert.equal(status.code, 0, status.err);
      } finally {
        await launched.kill();
      }
    }
  });

  test("are those of the settings after gemel certs init too", async () => {
    const dir = join(folder.path, "certs");
    assert.equal((await run(["certs", "init", "--data-dir", dir, "--rpc", "192.0.2.7:8555"])).code, 0);
    const pem = readFileSync(join(dir, "ssl/rpc.crt"), "utf8");
    const { X509Certificate } = await import("node:crypto");
    assert.equal(new X509Certificate(pem).checkIP("192.0.2.7"), "192.0.2.7");
  });
});
