import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { isHost, parseHostPort } from "../../../lib/core/host-port.ts";

describe("parseHostPort()", () => {
  test("reads dotted quads, IPv6 in brackets and names, with their ports", () => {
    const good: readonly (readonly [string, string, number])[] = [
      ["127.0.0.1:8444", "127.0.0.1", 8444],
      ["0.0.0.0:0", "0.0.0.0", 0],
      ["255.255.255.255", "255.255.255.255", 1],
      ["[::]:8444", "::", 8444],
      ["[2001:db8::7]", "2001:db8::7", 1],
      ["[::ffff:192.0.2.1]:9", "::ffff:192.0.2.1", 9],
      ["localhost:65535", "localhost", 65_535],
      ["node-1.example.:1", "node-1.example.", 1],
      ["3com.example", "3com.example", 1],
      ["_dnsseed.example", "_dnsseed.example", 1],
      [
        "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion:8333",
        "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion",
        8_333,
      ],
    ];
    for (const [text, host, port] of good) assert.deepEqual(parseHostPort(text, 1), { host, port }, text);
  });

  test("refuses the rest with what was probably meant", () => {
    const bad: readonly (readonly [string, RegExp])[] = [
      ["0", /a port needs a host, as in 127\.0\.0\.1:0, or 0\.0\.0\.0:0/],
      ["8444", /127\.0\.0\.1:8444/],
      [":8444", /127\.0\.0\.1:8444/],
      ["0:8444", /four decimal parts/],
      ["127.1:1", /four decimal parts/],
      ["127.0.0.1.1", /four decimal parts/],
      ["256.0.0.1", /four decimal parts/],
      ["0127.0.0.1", /four decimal parts/],
      ["0x7f000001:1", /four decimal parts/],
      ["0x7f.0.0.1", /four decimal parts/],
      ["2130706433:1", /four decimal parts/],
      ["::1", /in brackets, as in \[::1\]:1/],
      ["2001:db8::7:8444", /in brackets/],
      ["http://a:1", /without http:\/\//],
      ["a:65536", /ports end at 65535/],
      ["[127.0.0.1]:1", /a dotted quad, \[IPv6\] or a name/],
      ["[fe80::1%eth0]:1", /a dotted quad/],
      ["[::1", /a dotted quad/],
      ["a b", /a dotted quad/],
      ["a..b", /a dotted quad/],
      ["-a.b", /a dotted quad/],
      ["a/b", /a dotted quad/],
      ["", /a dotted quad/],
      ["a:", /a dotted quad/],
      ["é.example", /a dotted quad/],
      [`${"a".repeat(64)}.example`, /a dotted quad/],
      ["example.1", /a dotted quad/],
    ];
    for (const [text, meant] of bad) {
      assert.throws(() => parseHostPort(text, 1), { name: "RangeError", message: meant }, text);
    }
    assert.throws(() => parseHostPort("node.example"), {
      message: '"node.example" is no HOST:PORT: the port is missing',
    });
  });
});

describe("isHost()", () => {
  test("takes an IPv6 address without brackets, and no port", () => {
    for (const host of ["::1", "192.0.2.1", "node.example", "localhost"]) assert.ok(isHost(host), host);
    for (const text of ["[::1]", "localhost:1", "1", "127.1", "", "*", "a,b"]) assert.ok(!isHost(text), text);
  });
});
