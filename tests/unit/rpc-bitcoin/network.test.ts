import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mainnet } from "../../../lib/bitcoin/networks/mod.ts";
import { versionNumber } from "../../../lib/rpc/bitcoin/network.ts";
import { networkOf, parseSubnet } from "../../../lib/rpc/bitcoin/network-json.ts";
import { bitcoinNode, peerView } from "./support.ts";

describe("getpeerinfo", () => {
  test("has Core's fields", async () => {
    const { post, peers } = await bitcoinNode();
    peers.push(peerView(3));
    const text = await (await post('{"method":"getpeerinfo","id":1}')).text();
    assert.match(text, /"minfeefilter":0\.00000100,/);
    const { result: [peer] } = JSON.parse(text) as { result: [Record<string, unknown>] };
    assert.deepEqual(peer, {
      id: 3,
      addr: "203.0.113.3:18444",
      addrbind: "10.0.0.2:40003",
      network: "not_publicly_routable",
      services: "0000000000000409",
      servicesnames: ["NETWORK", "WITNESS", "NETWORK_LIMITED"],
      relaytxes: true,
      last_inv_sequence: 0,
      inv_to_send: 0,
      lastsend: 1763721000,
      lastrecv: 1763721001,
      last_transaction: 0,
      last_block: 0,
      bytessent: 500,
      bytesrecv: 1000,
      conntime: 1763720000,
      timeoffset: -1,
      pingtime: 0.041,
      minping: 0.04,
      version: 70016,
      subver: "/Satoshi:29.0.0/",
      inbound: false,
      bip152_hb_to: false,
      bip152_hb_from: false,
      startingheight: 7,
      presynced_headers: -1,
      synced_headers: 7,
      synced_blocks: -1,
      inflight: [8, 9],
      addr_relay_enabled: true,
      addr_processed: 0,
      addr_rate_limited: 0,
      permissions: [],
      minfeefilter: 0.000001,
      bytessent_per_msg: { ping: 32, version: 126 },
      bytesrecv_per_msg: { version: 126 },
      connection_type: "outbound-full-relay",
      transport_protocol_type: "v1",
      session_id: "",
    });
  });

  test("an IPv6 peer over BIP324, before its first pong", async () => {
    const { call, peers } = await bitcoinNode();
    peers.push(peerView(1, {
      host: "2a01:4f8::1",
      direction: "in",
      transport: "v2",
      sessionId: new Uint8Array(32).fill(0xab),
      pingTime: undefined,
      minimumPing: undefined,
      pingWait: 1.5,
    }));
    const [peer] = await call<[Record<string, unknown>]>("getpeerinfo");
    assert.deepEqual(
      [peer.addr, peer.network, peer.inbound, peer.transport_protocol_type, peer.session_id, peer.pingwait],
      ["[2a01:4f8::1]:18444", "ipv6", true, "v2", "ab".repeat(32), 1.5],
    );
    assert.equal(Object.hasOwn(peer, "pingtime"), false);
  });
});

describe("the node itself", () => {
  test("getnetworkinfo", async () => {
    const { call, peers } = await bitcoinNode();
    peers.push(peerView(1), peerView(2, { direction: "in" }), peerView(3));
    const info = await call<Record<string, unknown>>("getnetworkinfo");
    assert.deepEqual(
      [info.version, info.subversion, info.connections, info.connections_in, info.connections_out, info.localrelay],
      [310000, "/Satoshi:31.0.0/gemel:0.1.0/", 3, 1, 2, false],
    );
    assert.match(String(info.localservices), /^[0-9a-f]{16}$/);
    assert.ok((info.localservicesnames as string[]).includes("WITNESS"));
    assert.deepEqual(
      (info.networks as { name: string; reachable: boolean }[]).map((each) => [each.name, each.reachable]),
      [
        ["ipv4", true],
        ["ipv6", true],
        ["onion", false],
        ["i2p", false],
        ["cjdns", false],
      ],
    );
    assert.deepEqual(info.warnings, []);
    assert.equal(await call("getconnectioncount"), 3);
  });

  test("getnettotals and uptime", async () => {
    const { call, clock } = await bitcoinNode();
    const totals = await call<Record<string, unknown>>("getnettotals");
    assert.deepEqual([totals.totalbytesrecv, totals.totalbytessent, totals.timemillis], [0, 0, clock.now()]);
    clock.advance(90_500);
    assert.equal(await call("uptime"), 90);
  });

  test("getnodeaddresses", async () => {
    const knownAddresses = (count: number) =>
      [
        { host: "8.8.8.8", port: 8333, time: 5, services: 9n },
        { host: "2a01:4f8::1", port: 8333, time: 6, services: 9n },
        { host: "9.9.9.9", port: 8333, time: 7, services: 9n },
      ].slice(0, count === 0 ? undefined : count);
    const { call, failure } = await bitcoinNode({ overrides: { knownAddresses } });
    assert.deepEqual(await call("getnodeaddresses"), [
      { time: 5, services: 9, address: "8.8.8.8", port: 8333, network: "ipv4" },
    ]);
    assert.equal((await call<unknown[]>("getnodeaddresses", 0)).length, 3);
    assert.deepEqual((await call<{ address: string }[]>("getnodeaddresses", 1, "ipv6")).map(({ address }) => address), [
      "2a01:4f8::1",
    ]);
    assert.equal((await failure("getnodeaddresses", -1)).code, -8);
    assert.equal((await failure("getnodeaddresses", 1, "ipx")).code, -8);
  });

  test("versions are numbers in Core's form", () => {
    assert.equal(versionNumber("0.1.0"), 100);
    assert.equal(versionNumber("31.2.7"), 310207);
    assert.equal(versionNumber("1.2.3-rc1"), 10203);
  });
});

describe("addnode and its kin", () => {
  test("add, list, remove", async () => {
    const { call, failure } = await bitcoinNode();
    assert.equal(await call("addnode", "127.0.0.1:1", "add"), null);
    assert.equal((await failure("addnode", "127.0.0.1:1", "add")).code, -23);
    assert.deepEqual(await call("getaddednodeinfo"), [{ addednode: "127.0.0.1:1", connected: false, addresses: [] }]);
    assert.equal((await failure("getaddednodeinfo", "127.0.0.1:2")).code, -24);
    assert.equal(await call("addnode", "127.0.0.1:1", "remove"), null);
    assert.equal((await failure("addnode", "127.0.0.1:1", "remove")).code, -24);
    assert.deepEqual(await call("getaddednodeinfo"), []);
    assert.equal((await failure("addnode", "127.0.0.1:1", "sometimes")).code, -1);
  });

  test("onetry answers at once, whatever comes of it", async () => {
    const dialled: string[] = [];
    const connect = (host: string, port: number) => {
      dialled.push(`${host} ${port}`);
      return Promise.reject(new Error("refused"));
    };
    const { call } = await bitcoinNode({ overrides: { connect } });
    assert.equal(await call("addnode", "[2a01:4f8::1]:9999", "onetry"), null);
    assert.equal(await call("addnode", "192.0.2.1", "onetry"), null);
    assert.deepEqual(dialled, ["2a01:4f8::1 9999", "192.0.2.1 18444"]);
  });

  test("the third argument of addnode: the transport, -8 where the encrypted one is off", async () => {
    const choices: unknown[] = [];
    const connect = (_host: string, _port: number, choice: unknown) => {
      choices.push(choice);
      return Promise.reject(new Error("refused"));
    };
    const v1 = await bitcoinNode({ overrides: { connect } });
    for (const command of ["add", "onetry"]) {
      assert.deepEqual(await v1.failure("addnode", "192.0.2.1", command, true), {
        code: -8,
        message: "Error: v2transport requested but not enabled (see -v2transport)",
      });
      assert.equal(await v1.call("addnode", "192.0.2.1", command, false), null);
    }
    const v2 = await bitcoinNode({ overrides: { connect, services: 0xc09n } });
    await v2.call("addnode", "192.0.2.1", "onetry");
    await v2.call("addnode", "192.0.2.1", "onetry", true);
    await v2.call("addnode", "192.0.2.1", "onetry", false);
    assert.deepEqual(choices, [{ v1Only: true }, { v1Only: false }, { v1Only: false }, { v1Only: true }]);
  });

  test("connections that shake hands are listed, counted and disconnected like others", async () => {
    const ended: (number | string)[] = [];
    const opening = [peerView(2, { version: 0, userAgent: "", transport: "detecting" })];
    const disconnect = (peer: number | string) => (ended.push(peer), true);
    const { call, peers } = await bitcoinNode({ overrides: { opening: () => opening, disconnect } });
    peers.push(peerView(3), peerView(1, { permissions: ["noban", "download"] }));
    const listed = await call<Record<string, unknown>[]>("getpeerinfo");
    assert.deepEqual(listed.map(({ id, version, transport_protocol_type }) => [id, version, transport_protocol_type]), [
      [1, 70016, "v1"],
      [2, 0, "detecting"],
      [3, 70016, "v1"],
    ]);
    assert.deepEqual(listed[0]?.permissions, ["noban", "download"]);
    assert.equal(await call("getconnectioncount"), 3);
    assert.equal((await call<{ connections: number }>("getnetworkinfo")).connections, 3);
    assert.equal(await call("disconnectnode", "203.0.113.2:18444"), null);
    assert.deepEqual(ended, [2]);
  });

  test("setnetworkactive", async () => {
    const { call, failure } = await bitcoinNode();
    const isActive = async () => (await call<{ networkactive: boolean }>("getnetworkinfo")).networkactive;
    assert.deepEqual([await call("setnetworkactive", false), await isActive()], [false, false]);
    assert.deepEqual([await call("setnetworkactive", true), await isActive()], [true, true]);
    assert.equal((await failure("setnetworkactive", "no")).code, -3);
    assert.equal((await failure("setnetworkactive")).code, -1);
  });

  test("addpeeraddress and getaddrmaninfo", async () => {
    const { call, failure } = await bitcoinNode();
    assert.deepEqual(await call("addpeeraddress", "1.2.3.4", 8333), { success: true });
    assert.deepEqual(await call("addpeeraddress", "1.2.3.5", 8333, true), { success: true });
    assert.deepEqual(await call("addpeeraddress", "2a01:4f8::1", 8333), { success: true });
    assert.deepEqual(await call("addpeeraddress", "1.2.3.4", 8333), { error: "failed-adding-to-new", success: false });
    const none = { new: 0, tried: 0, total: 0 };
    const info = await call<Record<string, unknown>>("getaddrmaninfo");
    assert.deepEqual(Object.entries(info), [
      ["ipv4", { new: 1, tried: 1, total: 2 }],
      ["ipv6", { new: 1, tried: 0, total: 1 }],
      ["onion", none],
      ["i2p", none],
      ["cjdns", none],
      ["all_networks", { new: 2, tried: 1, total: 3 }],
    ]);
    assert.deepEqual(await failure("addpeeraddress", "seed.example", 8333), {
      code: -30,
      message: "Invalid IP address",
    });
    assert.deepEqual(await failure("addpeeraddress", "1.2.3.4", 65_536), {
      code: -1,
      message: "JSON integer out of range",
    });
  });

  test("addconnection", async () => {
    const made: unknown[] = [];
    const addConnection = (place: unknown, type: string, choice: unknown) => {
      made.push([place, type, choice]);
      return type !== "block-relay-only";
    };
    const { call, failure } = await bitcoinNode({ overrides: { addConnection } });
    const wanted = { address: "192.0.2.6:5", connection_type: "outbound-full-relay" };
    assert.deepEqual(await call("addconnection", wanted.address, wanted.connection_type, false), wanted);
    assert.deepEqual(made, [[{ host: "192.0.2.6", port: 5 }, "outbound-full-relay", { v1Only: true }]]);
    assert.deepEqual(await failure("addconnection", "192.0.2.6:5", "block-relay-only", false), {
      code: -34,
      message: "Error: Already at capacity for specified connection type.",
    });
    assert.equal((await failure("addconnection", "192.0.2.6:5", "manual", false)).code, -8);
    assert.deepEqual(await failure("addconnection", "192.0.2.6:5", "feeler", true), {
      code: -8,
      message: "Error: Adding v2transport connections requires -v2transport init flag to be set.",
    });
    const open = await bitcoinNode({ network: mainnet });
    assert.deepEqual(await open.failure("addconnection", "192.0.2.6:5", "feeler", false), {
      code: -1,
      message: "addconnection is for regression testing (-regtest mode) only.",
    });
  });

  test("sendmsgtopeer", async () => {
    const sent: unknown[] = [];
    const sendTo = (id: number, type: string, payload: Uint8Array) => {
      sent.push([id, type, [...payload]]);
      return id === 1;
    };
    const { call, failure } = await bitcoinNode({ overrides: { sendTo } });
    assert.deepEqual(await call("sendmsgtopeer", 1, "addr", "ff00"), {});
    assert.deepEqual(sent, [[1, "addr", [255, 0]]]);
    assert.deepEqual(await failure("sendmsgtopeer", 2, "addr", ""), {
      code: -1,
      message: "Error: Could not send message to peer",
    });
    assert.deepEqual(await failure("sendmsgtopeer", 1, "a".repeat(13), ""), {
      code: -8,
      message: "Error: msg_type too long, max length is 12",
    });
    assert.deepEqual(await failure("sendmsgtopeer", 1, "addr", "0"), {
      code: -8,
      message: "Error parsing input for msg",
    });
  });

  test("disconnectnode by address or id", async () => {
    const { call, failure, peers } = await bitcoinNode();
    peers.push(peerView(1), peerView(2), peerView(3, { host: "2a01:4f8::1" }));
    assert.equal(await call("disconnectnode", "203.0.113.1:18444"), null);
    assert.equal(await call("disconnectnode", "[2a01:4f8::1]:18444"), null);
    assert.equal(await call("disconnectnode", "", 2), null);
    assert.deepEqual(peers, []);
    assert.equal((await failure("disconnectnode", "203.0.113.1:18444")).code, -29);
    assert.equal((await failure("disconnectnode", null, 9)).code, -29);
    assert.equal((await failure("disconnectnode")).code, -32602);
    assert.equal((await failure("disconnectnode", "203.0.113.1:18444", 1)).code, -32602);
  });

  test("ping", async () => {
    let pings = 0;
    const { call } = await bitcoinNode({ overrides: { pingAll: () => void pings++ } });
    assert.equal(await call("ping"), null);
    assert.equal(pings, 1);
  });
});

describe("bans", () => {
  test("of a name of Tor, which is no subnet", async () => {
    const { call, failure } = await bitcoinNode();
    const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
    assert.equal(await call("setban", onion, "add", 60), null);
    assert.equal((await call<{ address: string }[]>("listbanned"))[0]?.address, onion);
    assert.equal((await failure("setban", onion.toUpperCase().replace("ONION", "onion"), "add")).code, -23);
    assert.equal((await failure("setban", `a${onion.slice(1)}`, "add")).code, -30, "its checksum is wrong");
    assert.equal((await failure("setban", `${onion}/32`, "add")).code, -30);
    assert.equal(await call("setban", onion, "remove"), null);
    assert.deepEqual(await call("listbanned"), []);
  });

  test("are made, listed, lifted and cleared", async () => {
    const { call, failure, clock } = await bitcoinNode();
    const now = Math.floor(clock.now() / 1000);
    assert.equal(await call("setban", "203.0.113.9", "add", 3600), null);
    assert.equal(await call("setban", "198.51.100.7/24", "add"), null);
    assert.equal(await call("setban", "2a01:4f8::/32", "add", now + 60, true), null);
    clock.advance(10_000);
    const bans = await call<Record<string, unknown>[]>("listbanned");
    assert.deepEqual(bans[0], {
      address: "203.0.113.9/32",
      ban_created: now,
      banned_until: now + 3600,
      ban_duration: 3600,
      time_remaining: 3590,
    });
    assert.deepEqual(bans.map(({ address, ban_duration }) => [address, ban_duration]), [
      ["203.0.113.9/32", 3600],
      ["198.51.100.0/24", 86_400],
      ["2a01:4f8::/32", 60],
    ]);
    assert.equal((await failure("setban", "203.0.113.9/32", "add")).code, -23);
    const within = { code: -23, message: "Error: IP/Subnet already banned" };
    assert.deepEqual(await failure("setban", "198.51.100.200", "add"), within, "within a banned subnet");
    assert.deepEqual(await failure("setban", "2a01:4f8:1::5", "add"), within);
    assert.equal(await call("setban", "198.51.100.128/25", "add"), null, "a subnet is one of its own");
    assert.equal(await call("setban", "198.51.100.128/25", "remove"), null);
    assert.equal(await call("setban", "203.0.113.9", "remove"), null);
    assert.equal((await failure("setban", "203.0.113.9", "remove")).code, -30);
    assert.equal(await call("clearbanned"), null);
    assert.deepEqual(await call("listbanned"), []);
  });

  test("what cannot be one", async () => {
    const { failure, clock } = await bitcoinNode();
    for (const subnet of ["", "host.example", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4/24/8"]) {
      assert.deepEqual(await failure("setban", subnet, "add"), { code: -30, message: "Error: Invalid IP/Subnet" });
    }
    assert.equal((await failure("setban", "203.0.113.9", "add", Math.floor(clock.now() / 1000) - 1, true)).code, -8);
    assert.equal((await failure("setban", "203.0.113.9", "forget")).code, -1);
    assert.match((await failure("setban", "127.0.0.1", "add")).message, /exempt/);
  });

  test("parseSubnet()", () => {
    assert.equal(parseSubnet("1.2.3.4"), "1.2.3.4/32");
    assert.equal(parseSubnet("1.2.3.4/255.255.0.0"), "1.2.0.0/16");
    assert.equal(parseSubnet("2A01:4F8:0::1"), "2a01:4f8::1/128");
    assert.equal(parseSubnet("1.2.3.4/x"), undefined);
  });
});

test("networkOf() tells the networks apart", () => {
  assert.equal(networkOf("8.8.8.8"), "ipv4");
  assert.equal(networkOf("2a01:4f8::1"), "ipv6");
  for (const host of ["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "fe80::1", "somewhere.example"]) {
    assert.equal(networkOf(host), "not_publicly_routable", host);
  }
  assert.equal(networkOf("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"), "onion");
});
