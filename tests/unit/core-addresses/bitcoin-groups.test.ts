import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AsMap } from "../../../lib/bitcoin/addresses/asmap.ts";
import { addressOf, groupOf, isRoutable, sourceGroupOf } from "../../../lib/bitcoin/addresses/groups.ts";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { NetworkId } from "../../../lib/bitcoin/types/net-address.ts";
import { hostText } from "../../../lib/bitcoin/types/net-address-text.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { toHex } from "../../../lib/codec/hex.ts";

const group = (host: string) => toHex(groupOf(addressOf(host)!));

describe("groupOf()", () => {
  // Class byte and prefix, by the table of Core's netgroup.cpp and netbase_tests.cpp (netbase_getgroup).
  const cases: readonly (readonly [host: string, expected: string])[] = [
    ["127.0.0.1", "00"],
    ["10.0.0.1", "00"],
    ["169.254.1.1", "00"],
    ["100.64.1.1", "00"],
    ["203.0.113.7", "00"],
    ["2001:db8::1", "00"],
    ["fe80::1", "00"],
    ["fd00::1", "00"],
    ["1.2.3.4", "010102"],
    // What IPv6 carries: SIIT, NAT64, 6to4, Teredo.
    ["::ffff:0:102:304", "010102"],
    ["64:ff9b::102:304", "010102"],
    ["2002:102:304:9999:9999:9999:9999:9999", "010102"],
    ["2001:0:9999:9999:9999:9999:fefd:fcfb", "010102"],
    // Hurricane Electric gives each of its customers a /48 of one /32.
    ["2001:470:abcd:9999:9999:9999:9999:9999", "0220010470af"],
    ["2001:2001:9999:9999:9999:9999:9999:9999", "0220012001"],
    ["fc12:3456::1", "05fc1f"],
  ];
  for (const [host, expected] of cases) test(`${host} is of ${expected}`, () => assert.equal(group(host), expected));

  test("Tor and I2P have sixteen groups each, CJDNS the bits after its prefix", () => {
    const bytes = new Uint8Array(32).fill(0x37);
    assert.equal(group(hostText(NetworkId.TORV3, bytes)!), "033f");
    assert.equal(group(hostText(NetworkId.I2P, bytes)!), "043f");
  });

  test("bitcoinAddressRules() takes each of these networks under its own name", () => {
    const bytes = new Uint8Array(32).fill(0x37);
    const networkOf = (host: string) => bitcoinAddressRules().locate({ host, port: 8333 })?.network;
    assert.equal(networkOf(hostText(NetworkId.TORV3, bytes)!), "onion");
    assert.equal(networkOf(hostText(NetworkId.I2P, bytes)!), "i2p");
    assert.deepEqual(["1.2.3.4", "2001:2001::1", "fc12::1", "fd00::1"].map(networkOf), [
      ...["ipv4", "ipv6", "cjdns", undefined],
    ]);
    assert.equal(isRoutable(addressOf("fc12::1")!), true);
  });

  test("a seed is a source by its name, also in the form that Core keeps", () => {
    const name = sha256(new TextEncoder().encode("seed.example.org")).subarray(0, 10);
    assert.equal(toHex(sourceGroupOf("seed.example.org")), `06${toHex(name)}`);
    const kept = hostText(NetworkId.IPV6, Uint8Array.of(0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24, ...name))!;
    assert.equal(toHex(sourceGroupOf(kept)), `06${toHex(name)}`);
  });
});

describe("AsMap", () => {
  /** A map from its bits, the first of each byte lowest. */
  const mapOf = (bits: string) => {
    const bytes = new Uint8Array(Math.ceil(bits.length / 8));
    for (const [i, bit] of [...bits].entries()) if (bit === "1") bytes[i >> 3]! |= 1 << (i & 7);
    return new AsMap(bytes);
  };
  const number = (system: number) => "0" + (system - 1).toString(2).padStart(15, "0");

  test("an address that no match fits belongs to the default system", () => {
    // Default 5; the first byte must be 0x20; then 7.
    const map = mapOf(`111${number(5)}110${"1".repeat(7)}00100000${"0"}${number(7)}`);
    const systemOf = (host: string) => map.lookup(addressOf(host)!);
    assert.equal(systemOf("2010::1"), 7);
    assert.equal(systemOf("3010::1"), 5);
    assert.equal(systemOf("1.2.3.4"), 5);
    assert.equal(map.lookup(addressOf("fc12::1")!), 0, "CJDNS is on no map");
    const rules = bitcoinAddressRules({ asMap: map });
    assert.equal(toHex(rules.locate({ host: "2010::1", port: 1 })!.group), "0207000000");
    assert.match(rules.grouping, /asmap/);
  });
});
