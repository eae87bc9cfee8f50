import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { buildConfig } from "../../../cli/config-build.ts";
import { xdgPaths } from "../../../cli/paths.ts";
import { environmentName, nearest, resolveSettings, type Sources } from "../../../cli/settings.ts";
import { addressText } from "../../../mod.ts";
import { parseAddress, parseLogLevel, parsePlace, parseSize, parseTime } from "../../../cli/values.ts";

const around = {
  environment: {},
  homeDir: () => "/home/u",
  readText: (path: string) => path === "/c.json" ? Promise.resolve('{"A":1}') : Promise.reject(new Error("no")),
  color: false,
};
const resolve = (sources: Partial<Sources>) => resolveSettings({ flags: {}, environment: {}, ...sources });
const build = (flags: Record<string, unknown>, more: Partial<Sources> = {}) =>
  buildConfig(resolve({ flags, ...more }), around);

describe("resolveSettings()", () => {
  const file = {
    path: "config.toml",
    content: { network: "testnet11", chia: { "max-peers": 5, connect: ["a:1", "b:2"] } },
  };

  test("flag over environment over file", () => {
    const environment = { GEMEL_RUN_NETWORK: "simulator0", PATH: "/bin" };
    assert.deepEqual(resolve({ file }).get("network"), { value: "testnet11", origin: "file" });
    assert.deepEqual(resolve({ file, environment }).get("network"), { value: "simulator0", origin: "environment" });
    assert.deepEqual(resolve({ file, environment, flags: { network: "mainnet" } }).get("network"), {
      value: "mainnet",
      origin: "flag",
    });
    assert.deepEqual(resolve({ file }).get("chia.connect")?.value, ["a:1", "b:2"]);
    assert.equal(resolve({ file }).get("chia.max-peers")?.value, "5");
    assert.equal(resolve({ file }).get("listen"), undefined);
  });

  test("an unknown key names the nearest one", () => {
    const wrong = { path: "config.toml", content: { chia: { netwrok: "mainnet" } } };
    assert.throws(() => resolve({ file: wrong }), {
      code: "CONFIG_INVALID",
      message: "config.toml: there is no setting chia.netwrok; did you mean chia.network?",
    });
    assert.throws(() => resolve({ environment: { GEMEL_RUN_NETWROK: "x" } }), {
      message: /did you mean GEMEL_RUN_NETWORK\?/,
    });
    assert.throws(() => resolve({ file: { path: "f", content: { quite_something: 1 } } }), {
      message: /no setting quite_something$/,
    });
  });

  test("an empty value is as if unset in the environment, and refused elsewhere", () => {
    for (const value of ["", " "]) {
      const environment = { GEMEL_RUN_CONNECT: value, GEMEL_RUN_DATA_DIR: value };
      assert.equal(resolve({ environment }).size, 0);
      for (
        const content of [{ "data-dir": value }, { connect: value }, { connect: [value] }, { chia: { seed: value } }]
      ) {
        assert.throws(() => resolve({ file: { path: "f", content } }), { message: /a value is needed$/ });
      }
    }
    assert.throws(() => resolve({ flags: { connect: [","] } }), { message: "--connect: a value is needed" });
  });

  test("values of the wrong kind are refused", () => {
    assert.throws(() => resolve({ file: { path: "f", content: { network: ["a", "b"] } } }), { code: "CONFIG_INVALID" });
    assert.throws(() => resolve({ file: { path: "f", content: { "exempt-loopback": "maybe" } } }), {
      code: "CONFIG_INVALID",
    });
    assert.throws(() => resolve({ file: { path: "f", content: { network: {}, chia: { connect: [{}] } } } }), {
      code: "CONFIG_INVALID",
    });
  });

  test("environmentName() and nearest()", () => {
    assert.equal(environmentName("chia.max-peers"), "GEMEL_RUN_CHIA_MAX_PEERS");
    assert.equal(nearest("conect", ["connect", "listen"]), "connect");
    assert.equal(nearest("xyz", ["connect", "listen"]), undefined);
  });
});

describe("buildConfig()", () => {
  test("defaults are what the documentation says, and frozen", async () => {
    const config = await build({});
    assert.equal(config.chains[0]?.network, "mainnet");
    assert.deepEqual(config.rpc?.listen, { host: "127.0.0.1", port: 8555 });
    assert.equal(config.paths.data, "/home/u/.local/share/gemel");
    assert.equal(config.paths.token, "/home/u/.config/gemel/token");
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.chains[0]) && Object.isFrozen(config.rpc?.listen));
  });

  test("a chain's own form wins over the bare one of the same origin, and a flag over a file", async () => {
    const file = { path: "f", content: { chia: { network: "testnet11" } } };
    assert.equal((await build({ network: "simulator0", "chia.network": "mainnet" })).chains[0]?.network, "mainnet");
    assert.equal((await build({ network: "simulator0" }, { file })).chains[0]?.network, "simulator0");
    assert.equal((await build({}, { file })).chains[0]?.network, "testnet11");
  });

  test("addresses take the network's port where none is given", async () => {
    const { chains } = await build({ network: "simulator0", connect: ["127.0.0.1", "[::1]:5"], listen: "0.0.0.0" });
    assert.deepEqual(chains[0]?.connect, [{ host: "127.0.0.1", port: 38444 }, { host: "::1", port: 5 }]);
    assert.deepEqual(chains[0]?.listen, [{ host: "0.0.0.0", port: 38444 }]);
  });

  test("several addresses to listen on, whom never to ban, and bounds of memory and upload", async () => {
    const config = await build({
      chain: ["chia", "bitcoin"],
      "chia.listen": ["0.0.0.0:1", "[::]:2"],
      "bitcoin.whitelist": "10.0.0.0/8, 2001:db8::1",
      "chia.introducer": ["127.0.0.1:8445"],
      "bitcoin.asmap": "/maps/asmap.dat",
      "peer-memory": "64M",
      "max-upload": "2G",
      workers: "3",
    });
    const [chia, bitcoin] = config.chains;
    assert.deepEqual(chia?.listen, [{ host: "0.0.0.0", port: 1 }, { host: "::", port: 2 }]);
    assert.deepEqual(chia?.chain === "chia" && chia.introducers, [{ host: "127.0.0.1", port: 8445 }]);
    assert.deepEqual(bitcoin?.whitelist, ["10.0.0.0/8", "2001:db8::1"]);
    assert.equal(bitcoin?.chain === "bitcoin" && bitcoin.asMapFile, "/maps/asmap.dat");
    assert.deepEqual([config.peerMemoryBytesMax, config.uploadBytesPerDay], [64 * 1024 ** 2, 2 * 1024 ** 3]);
    assert.equal(config.workers, 3);
    assert.equal("workers" in await build({}), false, "as many as the machine has cores for");
    assert.equal((await build({ workers: "0" })).workers, 0);
    await assert.rejects(
      build({ chain: ["chia"], whitelist: "10.0.0.0/8,everybody" }),
      /whitelist: everybody is neither/,
    );
  });

  test("how much of the event log is kept: a time, a number, both, or all", async () => {
    const keep = async (text?: string) => (await build(text === undefined ? {} : { "events-keep": text })).eventsKeep;
    assert.deepEqual(await keep(), { eventsMax: 1_000_000, ageMsMax: 30 * 86_400_000 });
    assert.deepEqual(await keep("12h"), { ageMsMax: 12 * 3_600_000 });
    assert.deepEqual(await keep("5000"), { eventsMax: 5_000 });
    assert.deepEqual(await keep("5000, 7d"), { eventsMax: 5_000, ageMsMax: 7 * 86_400_000 });
    assert.deepEqual(await keep("all"), {});
  });

  test("receivers of events, each in one text, and the folder of their secrets", async () => {
    const webhook = ["https://a.example/hook chia.*, p2p.ban", "other=http://127.0.0.1:9000"];
    const config = await build({ webhook, "webhook-secrets": "/run/secrets" });
    assert.deepEqual(config.webhooks, [
      { name: "default", url: "https://a.example/hook", topics: ["chia.*", "p2p.ban"] },
      { name: "other", url: "http://127.0.0.1:9000/", topics: [] },
    ]);
    assert.equal(config.webhookSecrets, "/run/secrets");
  });

  test("permissions of hosts, comments, nodes to ask first, and how peers are waited for", async () => {
    const config = await build({
      chain: ["chia", "bitcoin"],
      "bitcoin.whitelist": ["noban,in@10.0.0.0/8,2001:db8::1", "all@192.0.2.7"],
      "bitcoin.ua-comment": ["first, of two", "second"],
      "bitcoin.seed-node": ["192.0.2.9", "192.0.2.9:5"],
      "bitcoin.peer-timeout": "90s",
      "bitcoin.blocks-only": true,
      "bitcoin.network-active": "off",
      "chia.ua-comment": ["x"],
      "chia.seed-node": "127.0.0.1",
      "chia.peer-timeout": "5s",
      "chia.whitelist": "addr@10.0.0.1",
    });
    const [chia, bitcoin] = config.chains;
    assert.deepEqual(bitcoin?.whitelist, ["noban,in@10.0.0.0/8", "2001:db8::1", "all@192.0.2.7"]);
    assert.deepEqual(bitcoin?.userAgentComments, ["first, of two", "second"]);
    assert.deepEqual(bitcoin?.seedNodes, [{ host: "192.0.2.9", port: 8333 }, { host: "192.0.2.9", port: 5 }]);
    assert.deepEqual([bitcoin?.peerTimeoutMs, bitcoin?.networkActive], [90_000, false]);
    assert.equal(bitcoin?.chain === "bitcoin" && bitcoin.blocksOnly, true);
    assert.deepEqual(chia?.seedNodes, [{ host: "127.0.0.1", port: 8444 }]);
    assert.deepEqual([chia?.peerTimeoutMs, chia?.networkActive, chia?.whitelist], [5_000, undefined, [
      "addr@10.0.0.1",
    ]]);
    const wrong: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{ whitelist: "noban" }, /whitelist: noban names no subnet/],
      [{ whitelist: "sleep@10.0.0.1" }, /whitelist: sleep is none of/],
      [{ whitelist: "in@10.0.0.1" }, /direction and no permission/],
      [{ whitelist: "noban@" }, /neither an address nor a subnet/],
      [{ "ua-comment": ["a/b"] }, /unsafe characters/],
      [{ "ua-comment": ["x".repeat(256)] }, /characters where 256 are the most/],
      [{ "peer-timeout": "10ms" }, /peer-timeout: at least 1s/],
      [{ "network-active": "perhaps" }, /network-active: on or off/],
    ];
    for (const [flags, pattern] of wrong) await assert.rejects(build({ chain: ["bitcoin"], ...flags }), pattern);
    await assert.rejects(build({ chain: ["chia"], "ua-comment": ["x".repeat(128)] }), /where 128 are the most/);
    await assert.rejects(build({ chain: ["chia"], "blocks-only": true }), /blocks-only: only bitcoin has it/);
  });

  test("the mempool's policy, a value a setting, in Core's units", async () => {
    const flags = {
      maxmempool: "50",
      mempoolexpiry: "24",
      minrelaytxfee: "0.00001",
      incrementalrelayfee: "0.000005",
      dustrelayfee: "0.00006",
      datacarriersize: "83",
      permitbaremultisig: "off",
      limitclustercount: "25",
      limitclustersize: "50",
      bytespersigop: "40",
      acceptnonstdtxn: true,
      persistmempool: "off",
      persistmempoolv1: true,
    };
    const { chains: [chain] } = await build({ chain: ["bitcoin"], network: "regtest", ...flags });
    assert.ok(chain?.chain === "bitcoin");
    assert.deepEqual(chain.mempool, {
      bytesMax: 50_000_000,
      expirySeconds: 86_400,
      minRelayFeeRate: 1_000,
      incrementalRelayFeeRate: 500,
      dustRelayFeeRate: 6_000,
      dataCarrierBytesMax: 83,
      permitsBareMultisig: false,
      clusterCountMax: 25,
      clusterVbytesMax: 50_000,
      bytesPerSigOp: 40,
      requiresStandard: false,
    });
    assert.deepEqual([chain.persistMempool, chain.persistMempoolVersion1], [false, true]);
    const wrong: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{ maxmempool: "4" }, /maxmempool: a whole number from 5 to/],
      [{ limitclustercount: "65" }, /limitclustercount: a whole number from 1 to 64/],
      [{ minrelaytxfee: "-1" }, /minrelaytxfee: "-1" is no amount like/],
      [{ minrelaytxfee: "0.000000001" }, /is no amount like/],
      [{ acceptnonstdtxn: true, network: "mainnet" }, /acceptnonstdtxn: not for mainnet/],
      [{ persistmempool: "maybe" }, /persistmempool: on or off/],
    ];
    for (const [each, pattern] of wrong) await assert.rejects(build({ chain: ["bitcoin"], ...each }), pattern);
  });

  test("snapshots that the operator states, hashes as people see them", async () => {
    const stated = [`7:${"0a".repeat(31)}01:${"0b".repeat(31)}02`, `110:${"0c".repeat(32)}:${"0D".repeat(32)}`];
    const { chains: [chain] } = await build({ chain: ["bitcoin"], "assume-utxo": stated });
    assert.ok(chain?.chain === "bitcoin");
    const told = chain.assumedCoins?.map(({ height, block, hash }) => [height, [...block], [...hash]]);
    const bytes = (byte: number, first = byte) => [first, ...new Array<number>(31).fill(byte)];
    assert.deepEqual(told, [[7, bytes(10, 1), bytes(11, 2)], [110, bytes(12), bytes(13)]]);
  });

  test("without a chain those run that have the network; both without any", async () => {
    const named = async (flags: Record<string, unknown>) =>
      (await build(flags)).chains.map(({ chain, network }) => `${chain} ${network}`);
    assert.deepEqual(await named({}), ["chia mainnet", "bitcoin mainnet"]);
    assert.deepEqual(await named({ network: "simulator0" }), ["chia simulator0"]);
    assert.deepEqual(await named({ network: "regtest" }), ["bitcoin regtest"]);
    assert.deepEqual(await named({ chain: ["bitcoin", "chia"], "chia.network": "simulator0" }), [
      "bitcoin mainnet",
      "chia simulator0",
    ]);
  });

  test("--data-dir puts everything below one folder", async () => {
    const { paths } = await build({ "data-dir": "/d" });
    assert.deepEqual(paths, { data: "/d", ssl: "/d/ssl", token: "/d/token", state: "/d/log" });
  });

  test("XDG folders are taken from the environment when they are absolute", () => {
    const environment = { XDG_DATA_HOME: "/data", XDG_CONFIG_HOME: "relative" };
    const paths = xdgPaths({ environment, homeDir: () => "/home/u" });
    assert.equal(paths.data, "/data/gemel");
    assert.equal(paths.ssl, "/home/u/.config/gemel/ssl");
  });

  test("what cannot be is refused with the name of the setting", async () => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ network: "mainet" }, /mainet/],
      [{ chain: ["bitcoin"], network: "simulator0" }, /no Bitcoin network is called simulator0/],
      [{ connect: ["127.0.0.1"] }, /connect: which chain's\? Name it: chia\.connect/],
      [{ chain: ["chia"], txindex: true }, /txindex: only bitcoin has it/],
      [{ chain: ["bitcoin"], mode: "light" }, /mode: headers, filters, full/],
      [
        { chain: ["bitcoin"], seed: "http://seed.example/" },
        /seed: http:\/\/seed.example\/ is not the name of a DNS seed/,
      ],
      [{ chain: ["bitcoin"], "external-ip": "example.com" }, /external-ip: example.com is not an IP address/],
      [
        { chain: ["chia"], connect: ["127.0.0.1"], "add-peer": ["127.0.0.2"] },
        /add-peer: with connect there are no other/,
      ],
      [{ proxy: "http://127.0.0.1:9050" }, /proxy: socks5:/],
      [{ onlynet: "ipv5" }, /onlynet: ipv5 is none of/],
      [{ "dns-server": "dns.example" }, /dns-server: dns.example is a name/],
      [{ chain: ["bitcoin"], prune: "1M" }, /prune: at least 550M/],
      [{ webhook: ["https://a.example Chia"] }, /webhook: "Chia" is no topic/],
      [{ "events-keep": "30d,12h" }, /events-keep: one time and one number of events at most/],
      [{ "events-keep": "many" }, /events-keep: "many" is no time/],
      [{ "events-keep": "0" }, /events-keep: a whole number from 1/],
      [{ "events-keep": "0d" }, /events-keep: a time above 0/],
      [{ "peer-memory": "1M" }, /peer-memory: at least 16M/],
      [{ workers: "-1" }, /workers: a whole number from 0 to 256/],
      [{ chain: ["bitcoin"], prune: "1G", txindex: true }, /txindex: an index needs all blocks/],
      [
        { chain: ["bitcoin"], blockfilterindex: "off", peerblockfilters: "on" },
        /Cannot set peerblockfilters without blockfilterindex\./,
      ],
      [
        { chain: ["bitcoin"], prune: "1G", peerblockfilters: "on" },
        /Cannot set peerblockfilters without blockfilterindex\./,
      ],
      [{ chain: ["bitcoin"], mode: "headers", blockfilterindex: "on" }, /blockfilterindex: needs --mode full/],
      [{ chain: ["bitcoin"], blockfilterindex: "yes" }, /blockfilterindex: on or off/],
      [{ chain: ["bitcoin"], rest: true }, /rest: needs btc-rpc-http/],
      [{ chain: ["bitcoin"], "min-work": "much" }, /min-work: a hexadecimal number/],
      [{ chain: ["bitcoin"], "assume-utxo": ["7:aa:bb"] }, /assume-utxo: HEIGHT:BLOCK:HASH/],
      [{ chain: ["chai"] }, /did you mean chia\?/],
      [{ chain: ["chia", "chia"] }, /once/],
      [{ network: "simulator0", constants: "/none.json" }, /^constants: \/none\.json cannot be used/],
      [{ network: "simulator0", connect: ["127.0.0.1:99999"] }, /connect: "127\.0\.0\.1:99999" is no HOST:PORT/],
      [{ rpc: "127.0.0.1" }, /rpc: .* is no HOST:PORT/],
      [{ memory: "lots" }, /memory/],
      [{ network: "simulator0", "max-peers": "0" }, /max-peers: a whole number from 1/],
      [{ db: "postgres" }, /db/],
      [{ "log-level": "loud" }, /log-level/],
      [{ "log-format": "xml" }, /log-format/],
    ];
    for (const [flags, message] of wrong) await assert.rejects(build(flags), { name: "NodeError", message });
  });

  test("filters of blocks are kept and given to peers, but by a pruned node only when it is asked to", async () => {
    const filtersOf = async (flags: Record<string, unknown>) => {
      const [chain] = (await build({ chain: ["bitcoin"], ...flags })).chains;
      assert.ok(chain?.chain === "bitcoin");
      return [chain.filterIndex, chain.peerFilters];
    };
    assert.deepEqual(await filtersOf({}), [true, true]);
    assert.deepEqual(await filtersOf({ peerblockfilters: "off" }), [true, false]);
    assert.deepEqual(await filtersOf({ blockfilterindex: "off" }), [false, false]);
    assert.deepEqual(await filtersOf({ prune: "1G" }), [false, false]);
    assert.deepEqual(await filtersOf({ prune: "1G", blockfilterindex: "on" }), [true, true]);
    assert.deepEqual(await filtersOf({ mode: "filters" }), [false, false]);
  });

  test("whom a chain connects to", async () => {
    const [bitcoin, chia] = (await build({
      "bitcoin.add-peer": ["192.0.2.1"],
      "bitcoin.seed": "a.example, b.example",
      "bitcoin.external-ip": "2001:db8::1",
      "chia.no-dns": true,
    })).chains.toSorted((a, b) => a.chain.localeCompare(b.chain));
    assert.deepEqual(bitcoin?.added, [{ host: "192.0.2.1", port: 8333 }]);
    assert.deepEqual(bitcoin?.seeds, ["a.example", "b.example"]);
    assert.deepEqual([bitcoin?.externalHost, bitcoin?.dns, chia?.dns], ["2001:db8::1", true, false]);
  });

  test("how peers are reached", async () => {
    assert.equal((await build({})).egress, undefined);
    const { egress } = await build({
      proxy: "socks5://me:s%40y@127.0.0.1:9050",
      onlynet: "onion,ipv4",
      "dns-server": "192.0.2.53",
    });
    assert.deepEqual(egress, {
      proxy: { host: "127.0.0.1", port: 9050, credentials: { user: "me", password: "s@y" } },
      only: ["onion", "ipv4"],
      dnsServer: { host: "192.0.2.53", port: 53 },
    });
    assert.deepEqual((await build({ proxy: "[::1]:9050" })).egress?.proxy, { host: "::1", port: 9050 });
  });

  test("the constants file is read", async () => {
    const [chain] = (await build({ network: "simulator0", constants: "/c.json" })).chains;
    assert.ok(chain?.chain === "chia");
    assert.equal(chain.constantsJson, '{"A":1}');
  });
});

describe("values", () => {
  test("parseAddress() and addressText() are inverse", () => {
    for (const text of ["127.0.0.1:8444", "[2001:db8::7]:8444", "node.example:1"]) {
      assert.equal(addressText(parseAddress(text, "x")), text);
    }
    assert.deepEqual(parseAddress("node.example", "x", 8444), { host: "node.example", port: 8444 });
    for (const bad of ["", ":8444", "a:b", "a:1:2x", "http://a:1", "a b:1", "2001:db8::7"]) {
      assert.throws(() => parseAddress(bad, "x", 1), { code: "CONFIG_INVALID" }, bad);
    }
  });

  test("parsePlace() refuses port 0, parseAddress() takes it", () => {
    assert.deepEqual(parseAddress("127.0.0.1:0", "x"), { host: "127.0.0.1", port: 0 });
    assert.throws(() => parsePlace("127.0.0.1:0", "x"), { message: "x: port 0 is no port to call" });
  });

  test("sizes and times", () => {
    assert.equal(parseSize("64M", "x"), 64 * 1024 * 1024);
    assert.equal(parseSize("100", "x"), 100);
    assert.equal(parseTime("8s", "x"), 8_000);
    assert.equal(parseTime("500ms", "x"), 500);
    assert.equal(parseTime("2", "x"), 2_000);
    assert.throws(() => parseTime("-1s", "x"));
  });

  test("log levels by area", () => {
    assert.deepEqual(parseLogLevel("warn,p2p.chia=debug", "x"), { level: "warning", areas: { "p2p.chia": "debug" } });
    assert.throws(() => parseLogLevel("info,__proto__ =debug", "x"));
  });
});
