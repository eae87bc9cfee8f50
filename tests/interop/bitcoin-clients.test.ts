/** Clients that others wrote for Bitcoin Core and btcd, unchanged, against the compiled program. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { btcctl, btcctlMissing, pythonClient, pythonClientsMissing } from "./bitcoin-clients.ts";
import { freePort } from "../support/free-port.ts";

const ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";
const GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
/** `alice` with the password `secret`, as Core's share/rpcauth makes it. */
const RPCAUTH =
  "alice:7d9ba5ae63c3d4dc30583ff4fe65a67e$14b2e8d3de3f55bb1b168d2a317e9ca52e092653ec03a9703636da6162bfd92a";

/** A POST without TLS; status and text. */
function post(port: number, body: string, headers: Record<string, string>, path = "/") {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

suite("clients of Bitcoin's JSON-RPC", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-clients-");
  const dir = join(folder.path, "node");
  const cookieFile = join(dir, ".cookie");
  let gemel: Gemel;
  let port = 0;
  let cookie = "";

  before(async () => {
    port = await freePort();
    const args = ["--btc-rpc-http", `127.0.0.1:${port}`, "--rpcauth", RPCAUTH];
    gemel = await Gemel.start({ dir, chain: REGTEST, args });
    cookie = readFileSync(cookieFile, "utf8").trim();
  });
  after(async () => {
    await gemel?.stop();
    folder.remove();
  });

  test("the cookie is its owner's alone", () => {
    assert.match(cookie, /^__cookie__:[0-9a-f]{64}$/);
    assert.equal(statSync(cookieFile).mode & 0o777, 0o600);
  });

  test("the plain port wants a secret and serves nothing else", async () => {
    const call = '{"method":"getblockcount","id":1}';
    const as = (secret: string) => ({ authorization: `Basic ${btoa(secret)}` });
    assert.deepEqual(await post(port, call, as(cookie)), { status: 200, text: '{"result":0,"error":null,"id":1}\n' });
    assert.equal((await post(port, call, as("alice:secret"))).status, 200);
    assert.equal((await post(port, call, as("alice:Secret"))).status, 401);
    assert.equal((await post(port, call, {})).status, 401);
    assert.equal((await post(port, call, as(cookie), "/v1/status")).status, 404);
    assert.equal((await post(port, call, { ...as(cookie), host: "evil.example" })).status, 421);
  });

  test("btcctl, without TLS and with it", { skip: btcctlMissing() ?? false }, async () => {
    const [user = "", password = ""] = cookie.split(":");
    const secrets = ["-u", user, "-P", password];
    const plain = ["--notls", "-s", `127.0.0.1:${port}`, ...secrets];
    const secure = ["-s", `localhost:${gemel.rpcPort}`, "-c", join(dir, "ssl", "ca.crt"), ...secrets];
    for (const how of [plain, secure]) {
      const call = (...args: string[]) => btcctl([...how, ...args]);
      const [hash] = JSON.parse(call("generatetoaddress", "1", ADDRESS).stdout) as [string];
      const count = Number(call("getblockcount").stdout);
      assert.equal(await gemel.btc("getblockhash", [count]), hash);
      assert.equal(call("getbestblockhash").stdout, hash);
      assert.equal(call("getblockhash", "0").stdout, GENESIS);
      assert.deepEqual(JSON.parse(call("getblock", hash, "1").stdout), await gemel.btc("getblock", [hash, 1]));
      assert.equal(call("getblock", hash, "0").stdout, await gemel.btc("getblock", [hash, 0]));
      assert.deepEqual(JSON.parse(call("getblockheader", hash).stdout), await gemel.btc("getblockheader", [hash]));
      const info = JSON.parse(call("getblockchaininfo").stdout) as Record<string, unknown>;
      assert.deepEqual([info.chain, info.blocks, info.bestblockhash], ["regtest", count, hash]);
      assert.equal(call("getconnectioncount").stdout, "0");
      assert.equal(call("getdifficulty").stdout, "4.656542373906925e-10");
      const missing = call("getblockhash", "9999");
      assert.notEqual(missing.status, 0);
      assert.match(missing.stderr, /"code":-8,"message":"Block height out of range"/);
    }
    assert.notEqual(
      btcctl(["--notls", "-s", `127.0.0.1:${port}`, "-u", user, "-P", "wrong", "getblockcount"]).status,
      0,
    );
  });

  test("python-bitcoinrpc", { skip: pythonClientsMissing() ?? false }, async () => {
    const seen = pythonClient("bitcoinrpc", `http://${cookie}@127.0.0.1:${port}`);
    const mined = seen.mined as string[];
    assert.equal(seen.best, mined[2]);
    assert.equal(await gemel.btc("getbestblockhash"), mined[2]);
    assert.equal(seen.value, "50.00000000");
    assert.equal(seen.batch, "'error'", "a reply of version 2.0 has no error of null");
    assert.deepEqual(seen.error, [-8, "Block height out of range"]);
    assert.equal(seen.wallet, -32601);
    assert.equal(seen.proven, true);
    assert.equal((seen.info as { chain: string }).chain, "regtest");
  });

  test("python-bitcoinlib", { skip: pythonClientsMissing() ?? false }, async () => {
    const seen = pythonClient("bitcoinlib", `http://alice:secret@127.0.0.1:${port}`);
    const mined = seen.mined as string[];
    assert.deepEqual([seen.best, seen.hash], [mined[1], mined[1]]);
    const { tx } = await gemel.btc("getblock", [mined[1]!, 1]) as { tx: string[] };
    assert.deepEqual([seen.coinbase, seen.raw], [tx[0], tx[0]]);
    assert.deepEqual([seen.merkle, seen.valid], [true, true]);
    assert.deepEqual([seen.error, seen.address], [-8, -5]);
    assert.match(String(seen.missing), /Block not found/);
  });

  test("gemel btc, as bitcoin-cli", async () => {
    const run = async (...args: string[]) => {
      const launched = new Launched(["btc", "--data-dir", dir, ...args]);
      const exit = await launched.end(20_000);
      return { exit, stdout: launched.stdout, stderr: launched.stderr };
    };
    const best = await gemel.btc("getbestblockhash") as string;
    assert.deepEqual(await run("getbestblockhash"), { exit: 0, stdout: `${best}\n`, stderr: "" });
    const named = await run("-named", "getblock", `blockhash=${GENESIS}`, "verbosity=2");
    assert.match(named.stdout, /^\{\n {2}"hash": "0f9188f1/);
    assert.match(named.stdout, /"value": 50\.00000000,/);
    assert.match((await run("help", "getblock")).stdout, /^getblock "blockhash" \( verbosity \)\n/);
    assert.deepEqual(await run("ping"), { exit: 0, stdout: "", stderr: "" });
    const refused = await run("getblockhash", "-1");
    assert.deepEqual([refused.exit, refused.stderr], [1, "error -8: Block height out of range\n"]);
    assert.equal((await run("getblockhash", "ten")).exit, 2);
  });

  test("gemel block, by height and by hash, as JSON and as bytes", async () => {
    const run = async (...args: string[]) => {
      const launched = new Launched(["block", ...args, "--data-dir", dir]);
      assert.equal(await launched.end(20_000), 0, launched.stderr);
      return launched.stdout;
    };
    const best = await gemel.btc("getbestblockhash") as string;
    assert.equal((JSON.parse(await run("header", best)) as { hash: string }).hash, best);
    assert.equal((JSON.parse(await run("get", "0")) as { hash: string }).hash, GENESIS);
    assert.equal((await run("get", "0", "--raw", "hex")).trim(), await gemel.btc("getblock", [GENESIS, 0]));
    const range = (await run("range", "0", "1")).trim().split("\n").map((line) =>
      JSON.parse(line) as { height: number }
    );
    assert.deepEqual(range.map(({ height }) => height), [0, 1]);
  });

  test("an address from which others can be reached is refused", async () => {
    const other = join(folder.path, "other");
    const launched = new Launched(["run", ...REGTEST, "--data-dir", other, "--btc-rpc-http", "0.0.0.0:0"]);
    assert.equal(await launched.end(20_000), 78);
    assert.match(launched.stderr, /127\.0\.0\.1 or ::1 only/);
  });

  test("stop by RPC; the cookie goes with the node and a new start makes a new one", async () => {
    const headers = { authorization: `Basic ${btoa(cookie)}` };
    const { text } = await post(port, '{"method":"stop","id":1}', headers);
    assert.equal(text, '{"result":"gemel stopping","error":null,"id":1}\n');
    assert.equal(await gemel.process.end(20_000), 0);
    assert.equal(existsSync(cookieFile), false);
    gemel = await Gemel.start({ dir, chain: REGTEST, args: ["--btc-rpc-http", `127.0.0.1:${port}`] });
    const renewed = readFileSync(cookieFile, "utf8").trim();
    assert.notEqual(renewed, cookie);
    assert.equal((await post(port, '{"method":"uptime"}', { authorization: `Basic ${btoa(renewed)}` })).status, 200);
  });
});

interface DecodedTransaction {
  readonly vin: readonly Record<string, unknown>[];
  readonly vout: readonly { readonly scriptPubKey: Record<string, unknown>; readonly [name: string]: unknown }[];
  readonly [name: string]: unknown;
}
type DecodedBlock = Readonly<Record<string, unknown>> & {
  readonly tx: readonly DecodedTransaction[];
  /** Where btcd has them. */
  readonly rawtx: readonly DecodedTransaction[];
};

/** What Core and btcd print alike of a transaction. btcd names no hash types and has no descriptors. */
function common({ txid, hash, size, vsize, weight, version, locktime, hex, vin, vout }: DecodedTransaction) {
  return {
    ...{ txid, hash, size, vsize, weight, version, locktime, hex },
    vin: vin.map(({ txid, vout, coinbase, sequence, txinwitness, witness, scriptSig }) => ({
      ...{ txid, vout, coinbase, sequence },
      // btcd calls a coinbase's by another name.
      witness: txinwitness ?? witness,
      scriptSig: (scriptSig as { hex: string } | undefined)?.hex,
    })),
    vout: vout.map(({ value, n, scriptPubKey: { asm, hex, type, address, addresses } }) => ({
      ...{ value, n, asm, hex, type },
      address: address ?? (addresses as string[] | undefined)?.[0],
    })),
  };
}

suite("decoded blocks", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-decoded-");
  after(() => folder.remove());

  test("every kind of payment is decoded as btcd decodes it", { timeout: 300_000 }, async () => {
    const btcd = await Btcd.start({ blocks: 120 });
    let gemel: Gemel | undefined;
    try {
      await btcd.fill(2, 14);
      const { best, height } = await btcd.tip();
      gemel = await Gemel.start({ dir: join(folder.path, "node"), chain: REGTEST, connect: [btcd.port] });
      await gemel.reachesBlock(best);
      let payments = 0;
      for (let at = height - 3; at <= height; at++) {
        const hash = await gemel.btc("getblockhash", [at]) as string;
        const ours = await gemel.btc("getblock", [hash, 2]) as unknown as DecodedBlock;
        const theirs = await btcd.rpc("getblock", [hash, 2]) as DecodedBlock;
        payments += ours.tx.length - 1;
        assert.deepEqual(ours.tx.map(common), theirs.rawtx.map(common));
        for (const key of ["height", "size", "strippedsize", "weight", "merkleroot", "versionHex", "bits"] as const) {
          assert.equal(ours[key], theirs[key], key);
        }
      }
      assert.ok(payments >= 14, `${payments} payments`);
    } finally {
      await gemel?.stop();
      await btcd.stop();
    }
  });
});
