/** bitcoin-cli's own options, as its users type them, and the options of the RPC server that go with them. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";

suite("gemel btc with bitcoin-cli's options", binaryMissing(), () => {
  const folder = temporaryFolder();
  const dir = join(folder.path, "data");
  after(() => folder.remove());
  const node = (args: readonly string[] = []) =>
    Gemel.start({ dir, chain: REGTEST, args: ["--connect", "127.0.0.1:1", ...args] });

  async function btc(...words: string[]) {
    const launched = new Launched(["btc", "--data-dir", dir, ...words]);
    const code = await launched.end(30_000);
    return { code, out: launched.stdout, err: launched.stderr };
  }

  test("-rpcwait waits for a node that is not there yet, -rpcwaittimeout=N no longer than that", async () => {
    const began = performance.now();
    const late = await btc("-rpcwait", "-rpcwaittimeout=3", "getblockcount");
    const took = performance.now() - began;
    assert.equal(late.code, 69, late.err);
    assert.ok(took > 1_500 && took < 4_500, `${took} ms`);
    const patient = btc("-rpcwait", "getblockcount");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const gemel = await node();
    try {
      assert.deepEqual(await patient, { code: 0, out: "0\n", err: "" });
    } finally {
      await gemel.stop();
    }
  });

  test("-rpcwaittimeout=N holds for a node that takes the call and says nothing, and not for the call itself", async () => {
    const gemel = await node();
    try {
      process.kill(gemel.process.pid, "SIGSTOP");
      const began = performance.now();
      const late = await btc("-rpcwait", "-rpcwaittimeout=2", "getblockcount");
      assert.deepEqual([late.code, performance.now() - began < 4_000], [69, true], late.err);
      process.kill(gemel.process.pid, "SIGCONT");
      const long = await btc("-rpcwait", "-rpcwaittimeout=1", "waitfornewblock", "2500");
      assert.equal(long.code, 0, long.err);
    } finally {
      process.kill(gemel.process.pid, "SIGCONT");
      await gemel.stop();
    }
  });

  test("-rpcclienttimeout=N is the time for an answer, 0 none", async () => {
    const gemel = await node();
    try {
      process.kill(gemel.process.pid, "SIGSTOP");
      const late = await btc("-rpcclienttimeout=1", "getblockcount");
      assert.deepEqual([late.code, /no answer in 1 s/.test(late.err)], [69, true]);
      const patient = btc("-rpcclienttimeout=0", "getblockcount");
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      process.kill(gemel.process.pid, "SIGCONT");
      assert.equal((await patient).code, 0);
    } finally {
      process.kill(gemel.process.pid, "SIGCONT");
      await gemel.stop();
    }
  });

  test("-getinfo and -netinfo [level] show the node", async () => {
    const gemel = await node(["--listen", "127.0.0.2:0"]);
    try {
      const info = await btc("-getinfo");
      assert.equal(info.code, 0, info.err);
      assert.match(
        info.out,
        /^Chain: regtest\nBlocks: 0\nHeaders: 0\nVerification progress: \d+\.\d{4}%\nDifficulty: \S+\n\nNetwork: in 0, out 0, total 0\n/,
      );
      const json = JSON.parse((await btc("-getinfo", "--json")).out) as { chain: string };
      assert.equal(json.chain, "regtest");
      for (const words of [["-netinfo"], ["-netinfo", "4"], ["--netinfo", "0"]]) {
        const { code, out, err } = await btc(...words);
        assert.equal(code, 0, err);
        assert.match(out, /^in +0 +0 +0 +0 +0$/m);
      }
      for (const words of [["-netinfo", "x"], ["-getinfo", "1"], ["-rpcport=1", "uptime"]]) {
        assert.equal((await btc(...words)).code, 2, words.join(" "));
      }
      assert.equal((await btc("getblockhash", "-1")).code, 1, "an argument that looks like an option stays one");
    } finally {
      await gemel.stop();
    }
  });

  test("--cookie-perms says who may read the cookie", async () => {
    for (const [perms, mode] of [["owner", 0o600], ["group", 0o640], ["all", 0o644]] as const) {
      const gemel = await node(["--cookie-perms", perms]);
      try {
        assert.equal(statSync(join(dir, ".cookie")).mode & 0o777, mode, perms);
      } finally {
        await gemel.stop();
      }
    }
    const wrong = new Launched(["config", "check", "--cookie-perms", "0777"]);
    assert.equal(await wrong.end(10_000), 78);
  });
});
