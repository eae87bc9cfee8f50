import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADDRESS, bitcoinNode } from "./support.ts";

/** Every method of the contract. */
const METHODS = `getblockchaininfo getnetworkinfo getpeerinfo getblock getblockheader getblockhash getbestblockhash
getblockcount getchaintips getdifficulty getrawtransaction decoderawtransaction decodescript validateaddress getnettotals
getconnectioncount addnode getaddednodeinfo disconnectnode dumptxoutset
estimatesmartfee loadtxoutset getchainstates setban listbanned clearbanned getnodeaddresses ping uptime stop
logging waitfornewblock waitforblock waitforblockheight gettxout gettxoutsetinfo gettxoutproof verifytxoutproof getblockfilter getblockstats scantxoutset scanblocks getindexinfo getrpcinfo submitblock
submitheader help generatetoaddress generateblock getblocktemplate setnetworkactive getaddrmaninfo getmemoryinfo getmininginfo
getnetworkhashps getchaintxstats pruneblockchain getblockfrompeer preciousblock verifychain getdeploymentinfo
getmempoolinfo getrawmempool getmempoolentry getmempoolancestors getmempooldescendants getmempoolcluster gettxspendingprevout
prioritisetransaction getprioritisedtransactions savemempool importmempool sendrawtransaction testmempoolaccept submitpackage generatetodescriptor getzmqnotifications createrawtransaction createpsbt decodepsbt combinepsbt combinerawtransaction`
  .split(
    /\s+/,
  );
/** Methods for tests, which help lists only when they are named. */
const HIDDEN = `estimaterawfee addconnection addpeeraddress sendmsgtopeer setmocktime mockscheduler echo echojson
syncwithvalidationinterfacequeue invalidateblock reconsiderblock getorphantxs getmempoolfeeratediagram`.split(/\s+/);

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
    for (const name of [...METHODS, ...HIDDEN]) {
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
      getprivatebroadcastinfo: /all peers alike/,
      finalizepsbt: /this version/,
      nonsense: /help lists/,
    };
    for (const [method, pattern] of Object.entries(said)) {
      const { code, message, data } = await failure(method) as { code: number; message: string; data?: string };
      assert.deepEqual([code, message], [-32601, "Method not found"], method);
      assert.match(String(data), pattern);
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

  // The addresses and answers of Bitcoin Core's test/functional/rpc_invalid_address_message.py.
  const bech32 = "Invalid Bech32 checksum";
  const neither = "Invalid or unsupported Segwit (Bech32) or Base58 encoding.";
  const base58 = "Invalid checksum or length of Base58 address (P2PKH or P2SH)";
  const core: readonly (readonly [string, string, (readonly number[])?])[] = [
    [
      "bcrt1s0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav25430mtr",
      "Invalid Bech32 address program size (41 bytes)",
    ],
    ["bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx", neither],
    [
      "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqdmchcc",
      "Version 1+ witness address must use Bech32m checksum",
    ],
    ["bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7k35mrzd", "Version 0 witness address must use Bech32 checksum"],
    [
      "bcrt130xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqynjegk",
      "Invalid Bech32 address witness version",
    ],
    [
      "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kqqq5k3my",
      "Invalid Bech32 v0 address program size (21 bytes), per BIP141",
    ],
    [
      "bcrt1q049edschfnwystcqnsvyfpj23mpsg3jcedq9xv049edschfnwystcqnsvyfpj23mpsg3jcedq9xv049edschfnwystcqnsvyfpj23m",
      "Bech32 string too long",
      Array.from({ length: 18 }, (_, i) => 90 + i),
    ],
    ["bcrt1q049edschfnwystcqnsvyfpj23mpsg3jcedq9xv", bech32, [9]],
    ["bcrt1qax9suht3qv95sw33xavx8crpxduefdrsvgsklu", bech32, [22, 43]],
    ["BCRT1QPLMTZKC2XHARPPZDLNPAQL78RSHJ68U32RAH7R", bech32, [38]],
    ["bcrtq049ldschfnwystcqnsvyfpj23mpsg3jcedq9xv", "Missing separator"],
    ["bcrt1q04oldschfnwystcqnsvyfpj23mpsg3jcedq9xv", "Invalid Base 32 character", [8]],
    ["bcrt1qdg3myrgvzw7ml8q0ejxhlkyxn7vl9r56yzkfgvzclrf4hkpx9yfqhpsuks", bech32, [19, 30]],
    ["bcrt1ptmp74ayg7p24uslctssvjm06q5phz4yrxucgnv", bech32, [5]],
    ["17VZNX1SN5NtKa8UQFxwQbFeFc3iqRYhem", "Invalid or unsupported Base58-encoded address."],
    ["mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJJfn", base58],
    ["2VKf7XKMrp4bVNVmuRbyCewkP8FhGLP2E54LHDPakr9Sq5mtU2", base58],
    ["asfah14i8fajz0123f", neither],
    ["1q049ldschfnwystcqnsvyfpj23mpsg3jcedq9xv", neither],
  ];
  for (const [address, error, locations = []] of core) {
    test(`says of ${address.slice(0, 24)}… what Core says`, async () => {
      const { call } = await bitcoinNode();
      assert.deepEqual(await call("validateaddress", address), { isvalid: false, error_locations: locations, error });
    });
  }

  test("finds one or two characters wherever they were mistyped, in both kinds of checksum", async () => {
    const { call } = await bitcoinNode();
    for (const [good, name] of [[ADDRESS, "Bech32"], ["bcrt1pamhqk96edn", "Bech32m"]] as const) {
      for (let at = 5; at < good.length; at++) {
        const wrong = good.slice(0, at) + (good[at] === "q" ? "p" : "q") + good.slice(at + 1);
        const { error, error_locations } = await call<Record<string, unknown>>("validateaddress", wrong);
        assert.deepEqual([error, error_locations], [`Invalid ${name} checksum`, [at]], wrong);
      }
    }
  });
});
