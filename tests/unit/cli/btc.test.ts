import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { indentJson, parseBitcoinCall, resultText, takeCliOptions } from "../../../cli/btc.ts";
import { infoText, levelOf, netinfoText } from "../../../cli/btc-info.ts";

const io = { readInput: () => Promise.resolve("00ff\n") };
const HASH = "11".repeat(32);

describe("parseBitcoinCall()", () => {
  test("words become what the method wants", async () => {
    assert.deepEqual(await parseBitcoinCall(["getblockhash", "1000"], io), { method: "getblockhash", params: [1000] });
    assert.deepEqual(await parseBitcoinCall(["getblock", HASH, "2"], io), { method: "getblock", params: [HASH, 2] });
    assert.deepEqual(await parseBitcoinCall(["getblock", HASH, "false"], io), {
      method: "getblock",
      params: [HASH, false],
    });
    assert.deepEqual(
      await parseBitcoinCall(["gettxoutproof", `["${HASH}"]`], io),
      { method: "gettxoutproof", params: [[HASH]] },
    );
    assert.deepEqual((await parseBitcoinCall(["decodescript", "00"], io)).params, ["00"], "hex is no number");
    assert.deepEqual((await parseBitcoinCall(["getblockhash", "-1"], io)).params, [-1]);
    assert.deepEqual((await parseBitcoinCall(["submitblock", "-"], io)).params, ["00ff"]);
    assert.deepEqual((await parseBitcoinCall(["unknown", "5", "x"], io)).params, [5, "x"]);
  });

  test("-named, wherever it stands", async () => {
    const expected = { method: "getblock", params: { blockhash: HASH, verbosity: 2 } };
    assert.deepEqual(await parseBitcoinCall(["-named", "getblock", `blockhash=${HASH}`, "verbosity=2"], io), expected);
    assert.deepEqual(await parseBitcoinCall(["getblock", `blockhash=${HASH}`, "verbosity=2", "-named"], io), expected);
    assert.deepEqual((await parseBitcoinCall(["-named", "getblock", HASH, "verbose=true"], io)).params, {
      verbose: true,
      args: [HASH],
    });
  });

  test("what is no JSON where JSON is wanted, and no method", async () => {
    await assert.rejects(parseBitcoinCall(["getblockhash", "ten"], io), /wants JSON of type number/);
    await assert.rejects(parseBitcoinCall(["gettxoutproof", "ab".repeat(32)], io), /of type array/);
    await assert.rejects(parseBitcoinCall([], io), /which method/);
  });
});

describe("resultText()", () => {
  test("prints as bitcoin-cli does", () => {
    assert.equal(resultText("null"), "");
    assert.equal(resultText('"a\\"b\\n"'), 'a"b\n\n');
    assert.equal(resultText("12"), "12\n");
    assert.equal(
      resultText('{"a":0.18000000,"b":[1,{"c":"x,{y"}],"d":[],"e":{},"f":4.656542373906925e-10}'),
      `{
  "a": 0.18000000,
  "b": [
    1,
    {
      "c": "x,{y"
    }
  ],
  "d": [],
  "e": {},
  "f": 4.656542373906925e-10
}
`,
    );
  });

  test("keeps every character of what it indents", () => {
    const value = { a: ["", " ", "\n", "[", "]", "\\", '"', ": "], b: [[], [[]], {}], c: [null, true, -1.5e-7] };
    assert.deepEqual(JSON.parse(indentJson(JSON.stringify(value))), value);
    assert.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, null, 2));
  });
});

describe("takeCliOptions()", () => {
  test("takes bitcoin-cli's options from before the method, with one dash or two", () => {
    assert.deepEqual(takeCliOptions(["-rpcwait", "-rpcwaittimeout=5", "--rpcclienttimeout=0", "getblockhash", "-1"]), {
      options: { waitMs: 5_000, timeoutMs: 0 },
      rest: ["getblockhash", "-1"],
    });
    assert.deepEqual(takeCliOptions(["-getinfo"]), { options: { page: "getinfo" }, rest: [] });
    assert.deepEqual(takeCliOptions(["-netinfo", "4"]), { options: { page: "netinfo" }, rest: ["4"] });
    assert.deepEqual(takeCliOptions(["-rpcwait=0", "uptime"]), { options: {}, rest: ["uptime"] });
    assert.deepEqual(takeCliOptions(["-named", "getblock", "-rpcwait"]), {
      options: {},
      rest: ["-named", "getblock", "-rpcwait"],
    });
    assert.deepEqual(
      takeCliOptions(["-rpcwaittimeout=5", "uptime"]),
      { options: {}, rest: ["uptime"] },
      "waits for nothing",
    );
  });

  test("refuses values that are none, and options that it does not know", () => {
    for (
      const words of [["-rpcwait=maybe"], ["-rpcclienttimeout"], ["-rpcwaittimeout=1.5"], ["-rpcport=1"], [
        "-getinfo=x",
      ]]
    ) {
      assert.throws(() => takeCliOptions(words), { name: "UsageError" }, words.join(" "));
    }
  });
});

describe("bitcoin-cli's pages", () => {
  const network = {
    version: 290000,
    subversion: "/gemel:0.1.0/",
    protocolversion: 70016,
    timeoffset: -2,
    connections: 3,
    connections_in: 1,
    connections_out: 2,
    networks: [{ name: "ipv4", proxy: "127.0.0.1:9050" }, { name: "ipv6", proxy: "127.0.0.1:9050" }],
    relayfee: 0.00001,
    localaddresses: [{ address: "192.0.2.1", port: 8333, score: 1 }],
    warnings: ["a warning"],
  };

  test("infoText() has the lines of -getinfo", () => {
    const chain = { chain: "main", blocks: 7, headers: 8, verificationprogress: 0.5, difficulty: 1 };
    assert.equal(
      infoText(chain, network),
      "Chain: main\nBlocks: 7\nHeaders: 8\nVerification progress: 50.0000%\nDifficulty: 1\n\n" +
        "Network: in 1, out 2, total 3\nVersion: 290000\nTime offset (s): -2\nProxies: 127.0.0.1:9050\n" +
        "Min tx relay fee rate (BTC/kvB): 0.00001\n\nWarnings: a warning\n",
    );
  });

  test("netinfoText() counts peers by network and direction, and lists them from level 1 on", () => {
    const peer = {
      id: 1,
      inbound: false,
      network: "ipv4",
      connection_type: "manual",
      addr: "192.0.2.7:8333",
      conntime: 40,
    };
    const peers = [
      { ...peer, version: 70016, subver: "/x\u001b[31m/", minping: 0.0123 },
      { ...peer, id: 2, network: "onion", connection_type: "block-relay-only" },
      { ...peer, id: 3, inbound: true, network: "ipv6", connection_type: "inbound" },
    ];
    const plain = netinfoText(peers, network, { level: 0, nowS: 100 });
    assert.match(plain, /^gemel client 290000 - server 70016\/gemel:0\.1\.0\/\n/);
    assert.match(plain, / +ipv4 +ipv6 +onion +total +block +manual\n/);
    assert.match(plain, /^in +0 +1 +0 +1 +0 +0$/m);
    assert.match(plain, /^out +1 +0 +1 +2 +1 +1$/m);
    assert.match(plain, /^total +1 +1 +1 +3 +1 +1$/m);
    assert.match(plain, /192\.0\.2\.1 port 8333 score 1/);
    assert.doesNotMatch(plain, /192\.0\.2\.7/);
    assert.doesNotMatch(netinfoText(peers, network, { level: 1, nowS: 100 }), /192\.0\.2\.7|70016\/x/);
    assert.match(
      netinfoText(peers, network, { level: 2, nowS: 100 }),
      /^out +manual +ipv4 +12 +1 +1 +192\.0\.2\.7:8333$/m,
    );
    const full = netinfoText(peers, network, { level: 4, nowS: 100 });
    assert.match(full, /192\.0\.2\.7:8333 +70016\/x\?\[31m\/$/m, "no escape codes of a peer");
    assert.ok(full.indexOf("\nin ") < full.indexOf("\nout "));
  });

  test("levelOf() takes whole numbers", () => {
    assert.deepEqual([undefined, "0", "3", "9", "x", "-1"].map(levelOf), [0, 0, 3, 4, undefined, undefined]);
  });
});
