import assert from "node:assert/strict";
import { describe, test } from "node:test";
import ipaddr from "ipaddr.js";
import { inSubnets, ipv4Bytes, ipv4Text, parseIpv4 } from "../../../lib/core/ipv4.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

describe("parseIpv4()", () => {
  test("reads what ipaddr.js reads as four decimal parts, and back", () => {
    const random = new SeededRandom(1);
    for (let i = 0; i < 2_000; i++) {
      const text = Array.from({ length: 4 }, () => random.below(i % 2 === 0 ? 256 : 300)).join(".");
      const bits = parseIpv4(text);
      assert.equal(bits >= 0, ipaddr.IPv4.isValidFourPartDecimal(text), text);
      if (bits >= 0) assert.equal(ipv4Text(ipv4Bytes(bits)), text);
    }
    assert.equal(parseIpv4("255.255.255.255"), 2 ** 32 - 1);
    assert.equal(parseIpv4("0.0.0.0"), 0);
  });

  for (
    const text of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "1.2.3.00",
      "1..2.3",
      "1.2.3.",
      ".1.2.3",
      "1.2.3.-4",
      "::1",
      "1.2.3.4 ",
      "1.2.3.256",
      "1.2.3.4000000000",
      "0x1.2.3.4",
      "１.2.3.4",
    ]
  ) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseIpv4(text), -1));
  }
});

test("inSubnets() knows the borders of a subnet, and refuses what is none", () => {
  const isIn = inSubnets(["172.16.0.0/12", "192.0.0.170/31", "255.255.255.255/32", "240.0.0.0/4"]);
  const of = (text: string) => isIn(parseIpv4(text));
  assert.deepEqual(["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"].map(of), [
    false,
    true,
    true,
    false,
  ]);
  assert.deepEqual(["192.0.0.169", "192.0.0.170", "192.0.0.171", "192.0.0.172"].map(of), [false, true, true, false]);
  assert.ok(of("255.255.255.255"));
  assert.ok(of("250.1.2.3"));
  assert.throws(() => inSubnets(["1.2.3.4"]), TypeError);
});
