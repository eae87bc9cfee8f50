/** What is said of files that cannot be used. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { makeDir, readFile as readBytes, writeFileAtomic } from "#platform";
import { connectClient } from "../../../cli/connection.ts";
import { failureOf } from "../../../cli/failures.ts";
import type { CliIo } from "../../../cli/io.ts";
import { runProgram } from "../../../cli/program.ts";
import { checkConfigWith } from "../../../lib/config-check.ts";
import { DEFAULTS, freezeConfig, type NodeConfig, pathsBelow } from "../../../lib/config.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { fileTrouble } from "../../../lib/core/file-trouble.ts";
import { makeCookie } from "../../../lib/rpc/basic-auth.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-files-"));
after(() => rm(folder, { recursive: true }));
const aFolder = path.join(folder, "folder");
await mkdir(aFolder);
const aFile = path.join(folder, "file");
await writeFile(aFile, "");

/** Runs a command line that needs no node. */
async function gemel(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io: CliIo = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    environment: {},
    homeDir: () => folder,
    isTerminal: false,
    columns: () => 80,
    readText: (file) => readFile(file, "utf8"),
    readInput: () => Promise.resolve(""),
    connect: connectClient,
    onSignal: () => () => {},
    exit: (code) => assert.fail(`exit ${code}`),
  };
  const exit = await runProgram(args, io);
  return { exit, out: out.join(""), err: err.join("") };
}

describe("a file that a setting names", () => {
  const settings = [
    "bitcoin.asmap",
    "bitcoin.import-peers",
    "chia.import-peers",
    "chia.constants",
    "cookie-file",
    "config",
  ];
  for (const setting of settings) {
    const name = setting.replace(/^.*\./, "");
    test(`${setting} that is a folder is named and told as such, with 78`, async () => {
      const { exit, err } = await gemel("config", "check", "--data-dir", folder, `--${setting}`, aFolder);
      assert.equal(exit, 78);
      assert.equal(err.split(";")[0]!.trim(), `error ${name}: ${aFolder} is a folder, not a file`);
    });
  }

  const read = settings.filter((setting) => setting !== "cookie-file");
  for (const setting of read) {
    const name = setting.replace(/^.*\./, "");
    test(`${setting} that is below a file, or not there, is told with 78`, async () => {
      const below = path.join(aFile, "x");
      const { exit, err } = await gemel("config", "check", "--data-dir", folder, `--${setting}`, below);
      assert.deepEqual([exit, err], [
        78,
        `error ${name}: ${below} is not there: a part of its path is a file, not a folder\n`,
      ]);
      const none = path.join(folder, "none");
      const absent = await gemel("config", "check", "--data-dir", folder, `--${setting}`, none);
      assert.deepEqual([absent.exit, absent.err], [78, `error ${name}: ${none} is not there\n`]);
    });
  }

  test("that this user may not read is told as such", async () => {
    const denied = new NodeError("DATA_FOLDER_UNWRITABLE", "self", "no", { data: { systemCode: "EACCES" } });
    const config = freezeConfig<NodeConfig>({
      chains: [{ ...DEFAULTS.bitcoin, chain: "bitcoin", network: "regtest", asMapFile: "/map" }],
      paths: pathsBelow(folder),
      database: "memory",
      cacheBytesMax: DEFAULTS.cacheBytesMax,
      log: DEFAULTS.log,
      allowLoopbackExempt: false,
      shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
    });
    await assert.rejects(checkConfigWith(config, { readFile: () => Promise.reject(denied) }), {
      code: "ASMAP_INVALID",
      message: "asmap: /map may not be used by this user",
    });
  });

  test("what webhooks must be, and their secrets, are checked without a start", async () => {
    const check = (more: Partial<NodeConfig>, secret?: string) =>
      checkConfigWith(
        freezeConfig<NodeConfig>({
          chains: [],
          paths: pathsBelow("/data"),
          database: "memory",
          cacheBytesMax: 0,
          log: DEFAULTS.log,
          allowLoopbackExempt: false,
          shutdownTimeoutMs: 0,
          ...more,
        }),
        {
          readFile: (file) =>
            Promise.resolve(
              file === "/data/webhooks/a.secret" && secret ? new TextEncoder().encode(secret) : undefined,
            ),
        },
      );
    const hook = (url: string) => ({ name: "a", url, topics: [] });
    const webhooks = [hook("https://a.example/")];
    await check({ webhooks });
    await check({ webhooks }, `whsec_${btoa("x".repeat(32))}`);
    await assert.rejects(check({ webhooks }, "password"), (thrown) => {
      assert.deepEqual([(thrown as NodeError).code, failureOf(thrown).exit], ["WEBHOOK_SECRET_INVALID", 78]);
      return true;
    });
    await assert.rejects(check({ webhooks: [...webhooks, ...webhooks] }), /each needs a name of its own/);
    const egress = { proxy: { host: "127.0.0.1", port: 9_050 } };
    await assert.rejects(check({ webhooks, egress }), /a would not go through the proxy/);
    await check({ webhooks: [hook("http://[::1]:9000/"), { ...hook("http://localhost/"), name: "b" }], egress });
  });

  test("the cookie's is told when it is written", async () => {
    const files = {
      read: () => Promise.resolve(undefined),
      write: (file: string, text: string) => writeFileAtomic(file, new TextEncoder().encode(text)),
      remove: () => Promise.resolve(),
    };
    const making = makeCookie(aFolder, files, { bytes: (length) => new Uint8Array(length), below: () => 0 });
    await assert.rejects(making, (thrown: unknown) => {
      const { message, exit } = failureOf(thrown);
      assert.deepEqual([message, exit], [`cookie-file: ${aFolder} is a folder, not a file`, 78]);
      return true;
    });
  });

  const secrets = { tokenFile: "token-file", caFile: "cacert", certFile: "cert" };
  for (const [option, flag] of Object.entries(secrets)) {
    test(`a client's --${flag} that is a folder is named and told as such`, async () => {
      const files = { caFile: aFile, keyFile: aFile, [option]: aFolder };
      await assert.rejects(connectClient({ url: "https://127.0.0.1:1", ...files }), {
        code: "CONFIG_INVALID",
        message: `${flag}: ${aFolder} is a folder, not a file`,
      });
    });
  }
});

describe("gemel config", () => {
  test("init writes the file that --config names, and its folder; not over one that is there", async () => {
    const file = path.join(folder, "new", "new.toml");
    const made = await gemel("config", "init", "--config", file);
    assert.deepEqual([made.exit, made.err], [0, `wrote ${file}\n`]);
    assert.match(await readFile(file, "utf8"), /^# gemel; precedence/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const again = await gemel("config", "init", "--config", file);
    assert.deepEqual([again.exit, again.err], [78, `error config: ${file} is there already\n`]);
    assert.equal((await gemel("config", "check", "--config", file, "--data-dir", folder)).exit, 0);
  });

  test("init says what is in the way", async () => {
    await writeFile(path.join(folder, "broken.toml"), "= [");
    const broken = await gemel("config", "init", "--config", path.join(folder, "broken.toml"));
    assert.deepEqual([broken.exit, broken.err.includes("is there already")], [78, true]);
    const below = await gemel("config", "init", "--config", path.join(aFile, "x.toml"));
    assert.equal(below.exit, 78);
    assert.match(below.err, /^error config: \S+x\.toml is /);
  });

  test("path tells of a file that is not there", async () => {
    const file = path.join(folder, "none.toml");
    assert.deepEqual(await gemel("config", "path", "--config", file), { exit: 0, out: `${file}\n`, err: "" });
    const { out } = await gemel("config", "path", "--data-dir", folder);
    assert.match(out, new RegExp(`^${folder}/`));
  });
});

test("readFile(), writeFileAtomic() and makeDir() say in words what is wrong with a path", async () => {
  await assert.rejects(makeDir(aFile), {
    code: "DATA_FOLDER_UNWRITABLE",
    message: `${aFile} is a file, not a folder`,
  });
  await assert.rejects(readBytes(aFolder), { code: "FILE_FAILED", message: `${aFolder} is a folder, not a file` });
  const nowhere = path.join(folder, "no", "x");
  await assert.rejects(writeFileAtomic(nowhere, new Uint8Array()), {
    code: "FILE_FAILED",
    message: `${nowhere} cannot be written: its folder is not there`,
  });
});

test("failureOf() puts an error of the system into words", async () => {
  const thrown = await writeFile(aFolder, "").then(() => undefined, (cause: unknown) => cause);
  const { message, exit, code } = failureOf(thrown);
  assert.deepEqual([message, exit, code], [`${aFolder} is a folder, not a file`, 73, "FILE_FAILED"]);
});

test("fileTrouble() says the code of what it does not know, and no more of an error without one", () => {
  assert.equal(fileTrouble({ code: "EXDEV" }), "cannot be used (EXDEV)");
  assert.equal(fileTrouble(new Error("/secret")), "cannot be used");
  assert.equal(fileTrouble(undefined), "cannot be used");
});
