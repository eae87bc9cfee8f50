/** Which networks may be dialled, and by which way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { hostKindOf, NETWORK_KINDS, parseNetworkKinds, Reachability } from "../../../lib/core/reachability.ts";

const onion = `${"a".repeat(55)}d.onion`;
const HOSTS = { ipv4: "1.2.3.4", ipv6: "2a00::1", onion, i2p: `${"a".repeat(52)}.b32.i2p`, cjdns: "fc12::1" } as const;
const isConfigInvalid = (error: unknown) =>
  error instanceof NodeError && error.code === "CONFIG_INVALID" && error.fault === "self";

describe("hostKindOf()", () => {
  test("knows each network, and names", () => {
    for (const [kind, host] of Object.entries(HOSTS)) assert.equal(hostKindOf(host), kind);
    assert.equal(hostKindOf("::ffff:1.2.3.4"), "ipv4");
    assert.equal(hostKindOf("fd00::1"), "ipv6");
    assert.equal(hostKindOf("peer.i2p"), "i2p");
    assert.equal(hostKindOf(onion.toUpperCase()), "onion");
    for (const name of ["localhost", "x9.seed.example", "seed.example.", "a_b.example", "xn--mnchen-3ya.de"]) {
      assert.equal(hostKindOf(name), "name", name);
    }
  });

  test("takes nothing that could be read in two ways", () => {
    const wrong = [
      ...["", ".", "a..b", "-a.example", "a-.example", "a b", "a\0b", "é.example", "1.2.3", "1.2.3.4:80"],
      ...["[::1]", "fe80::1%eth0", "expyuzz4wqqyqhjn.onion", `${"a".repeat(56)}.onion`, `www.${onion}`, `${onion}.`],
      ...["a".repeat(64) + ".example", `${"a.".repeat(130)}a`],
    ];
    for (const host of wrong) assert.equal(hostKindOf(host), undefined, JSON.stringify(host));
  });
});

describe("parseNetworkKinds()", () => {
  test("reads a list, each once, and Core's other word", () => {
    assert.deepEqual(parseNetworkKinds(" ipv4, Onion,tor,,ipv4"), ["ipv4", "onion"]);
    assert.deepEqual(parseNetworkKinds(""), []);
    assert.throws(() => parseNetworkKinds("ipv4,ipv5"), isConfigInvalid);
  });
});

describe("Reachability", () => {
  test("without settings: IPv4 and IPv6, straight", () => {
    const all = new Reachability();
    assert.deepEqual(all.networks, ["ipv4", "ipv6"]);
    assert.deepEqual(all.route(HOSTS.ipv4), { by: "direct" });
    assert.deepEqual(all.route(HOSTS.onion), { by: "none", why: "needs_proxy" });
    assert.deepEqual(all.route(HOSTS.i2p), { by: "none", why: "needs_proxy" });
    assert.deepEqual(all.route(HOSTS.cjdns), { by: "none", why: "not_selected" });
    assert.equal(all.seeds, "lookup");
  });

  test("with a proxy everything goes through it, onion names too, and no name is looked up", () => {
    const proxied = new Reachability({ hasProxy: true });
    assert.deepEqual(proxied.networks, ["ipv4", "ipv6", "onion"]);
    for (const host of [HOSTS.ipv4, HOSTS.ipv6, HOSTS.onion]) assert.deepEqual(proxied.route(host), { by: "proxy" });
    assert.deepEqual(proxied.route("seed.example", { manual: true }), { by: "proxy" });
    assert.equal(proxied.needsLookup("seed.example"), false);
    assert.equal(new Reachability().needsLookup("seed.example"), true);
    assert.equal(new Reachability().needsLookup("1.2.3.4"), false);
    assert.equal(proxied.seeds, "dial");
  });

  test("the list decides for what is dialled of our own accord, not for peers that were named", () => {
    const only = new Reachability({ only: ["onion"], hasProxy: true });
    assert.deepEqual(only.networks, ["onion"]);
    assert.deepEqual(only.route(HOSTS.ipv4), { by: "none", why: "not_selected" });
    assert.deepEqual(only.route(HOSTS.ipv4, { manual: true }), { by: "proxy" });
    assert.equal(only.seeds, "none", "they give IPv4 and IPv6");
    assert.equal(only.isReachable("nonsense"), false);
    const named = new Reachability({ only: ["ipv6", "i2p", "cjdns"], hasProxy: true });
    assert.deepEqual(named.networks, ["ipv6", "i2p", "cjdns"]);
    assert.equal(named.seeds, "dial");
    assert.deepEqual(new Reachability({ only: ["cjdns"] }).route(HOSTS.cjdns), { by: "direct" });
  });

  test("a name comes from the operator only, and a malformed host has no way", () => {
    const all = new Reachability();
    assert.deepEqual(all.route("seed.example"), { by: "none", why: "malformed" });
    assert.deepEqual(all.route("seed.example", { manual: true }), { by: "direct" });
    assert.deepEqual(all.route("a b", { manual: true }), { by: "none", why: "malformed" });
    assert.deepEqual(all.route(HOSTS.onion, { manual: true }), { by: "none", why: "needs_proxy" });
  });

  test("a selection that leaves nothing is a mistake, not a node without peers", () => {
    assert.throws(() => new Reachability({ only: ["onion"] }), isConfigInvalid);
    assert.throws(() => new Reachability({ only: ["onion", "i2p"] }), isConfigInvalid);
    for (const kind of NETWORK_KINDS) {
      assert.equal(new Reachability({ only: [kind], hasProxy: true }).isReachable(kind), true);
    }
  });
});
