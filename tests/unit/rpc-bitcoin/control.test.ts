import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinNode } from "./support.ts";

/** Every method of the contract. */
const METHODS = `getblockchaininfo getnetworkinfo getpeerinfo getblock getblockheader getblockhash getbestblockhash
getblockcount getchaintips getdifficulty getrawtransaction decoderawtransaction decodescript validateaddress getnettotals
getconnectioncount addnode getaddednodeinfo disconnectnode setban listbanned clearbanned getnodeaddresses ping uptime stop
logging waitfornewblock waitforblock waitforblockheight gettxoutproof verifytxoutproof getindexinfo getrpcinfo submitblock
submitheader help generatetoaddress generateblock getblocktemplate`.split(/\s+/);

describe("help", () => {
  test("lists all methods by group", async () => {
    const { call } = await bitcoinNode();
    const text = await call<string>("help");
    assert.deepEqual(text.split("\n").filter((line) => line.startsWith("==")), [
      "== Blockchain ==",
      "== Control ==",
      "== Mining ==",
      "== Network ==",
      "== Rawtransactions ==",
      "== Util ==",
    ]);
    const listed = text.split("\n").filter((line) => line !== "" && !line.startsWith("==")).map((line) =>
      line.split(" ")[0]!
    );
    assert.deepEqual(listed.toSorted(), METHODS.toSorted());
  });

  test("tells of each method what it takes and gives", async () => {
    const { call } = await bitcoinNode();
    for (const name of METHODS) {
      const text = await call<string>("help", name);
      assert.ok(text.startsWith(name), name);
      assert.match(text, /\nResult:\n.+/, name);
      assert.match(text, new RegExp(`\n> gemel btc (-named )?${name}`), name);
    }
    assert.match(await call<string>("help", "getblock"), /^getblock "blockhash" \( verbosity \)\n/);
    assert.equal(await call("help", "nonsense"), "help: unknown command: nonsense\n");
  });
});

describe("methods that are not there", () => {
  test("say what they would need", async () => {
    const { failure } = await bitcoinNode();
    const said: Record<string, RegExp> = {
      getbalance: /no wallet/,
      sendtoaddress: /no wallet/,
      getmempoolinfo: /no mempool/,
      sendrawtransaction: /no mempool/,
      gettxout: /unspent outputs/,
      getblockfilter: /filters/,
      nonsense: /help lists/,
    };
    for (const [method, pattern] of Object.entries(said)) {
      const { code, message } = await failure(method);
      assert.equal(code, -32601, method);
      assert.match(message, /^Method not found/);
      assert.match(message, pattern);
    }
    for (const method of ["__proto__", "constructor", "toString"]) {
      assert.equal((await failure(method)).code, -32601, method);
    }
  });
});

describe("stop, logging, getrpcinfo", () => {
  test("stop asks the node to", async () => {
    const { call, stops } = await bitcoinNode();
    assert.equal(await call("stop"), "gemel stopping");
    assert.equal(stops.length, 1);
  });

  test("logging turns debug messages on and off", async () => {
    const { call, failure, level } = await bitcoinNode();
    assert.equal((await call<Record<string, boolean>>("logging")).net, false);
    assert.equal((await call<Record<string, boolean>>("logging", ["net"])).net, true);
    assert.equal(level(), "debug");
    assert.equal((await call<Record<string, boolean>>("logging", ["all"], ["net"])).net, false, "exclude wins");
    assert.equal(level(), "info");
    assert.deepEqual(await failure("logging", ["nonsense"]), {
      code: -8,
      message: "unknown logging category nonsense",
    });
    assert.equal((await failure("logging", "net")).code, -3);
  });

  test("getrpcinfo lists the calls that run, itself among them", async () => {
    const { call } = await bitcoinNode();
    const info = await call<{ active_commands: unknown[] }>("getrpcinfo");
    assert.deepEqual(info.active_commands, [{ method: "getrpcinfo", duration: 0 }]);
  });
});

describe("validateaddress", () => {
  test("of this network", async () => {
    const { call } = await bitcoinNode();
    assert.deepEqual(
      await call("validateaddress", "bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t"),
      {
        isvalid: true,
        address: "bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t",
        scriptPubKey: "0020" + "ee".repeat(32),
        isscript: true,
        iswitness: true,
        witness_version: 0,
        witness_program: "ee".repeat(32),
      },
    );
    assert.deepEqual(await call("validateaddress", "2NF2b3KS8xXb9XHvbRMXdZh8s5g92rUZHtp"), {
      isvalid: true,
      address: "2NF2b3KS8xXb9XHvbRMXdZh8s5g92rUZHtp",
      scriptPubKey: "a914" + "ee".repeat(20) + "87",
      isscript: true,
      iswitness: false,
    });
    const future = await call<Record<string, unknown>>("validateaddress", "bcrt1pamhqk96edn");
    assert.equal(Object.hasOwn(future, "isscript"), false);
    assert.deepEqual([future.witness_version, future.witness_program], [1, "eeee"]);
  });

  test("of another network, mistyped, or nothing of the kind", async () => {
    const { call } = await bitcoinNode();
    const bad = [
      "13tuJJDR2RgArmgfv6JScSdreahzgc4T6o",
      "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
      "bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98q",
      "",
      "hello world",
      "x".repeat(10_000),
    ];
    for (const address of bad) {
      const answer = await call<Record<string, unknown>>("validateaddress", address);
      assert.deepEqual([answer.isvalid, answer.error_locations], [false, []], address);
      assert.ok(String(answer.error).length > 10);
    }
  });
});
