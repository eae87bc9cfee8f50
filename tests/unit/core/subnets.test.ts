import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Subnets } from "../../../lib/core/subnets.ts";

describe("Subnets", () => {
  test("has() what is in one of them, however it is written", () => {
    const subnets = new Subnets();
    for (const text of ["203.0.113.9/24", "2001:db8::/32", "198.51.100.7"]) assert.ok(subnets.add(text));
    for (const host of ["203.0.113.255", "::ffff:203.0.113.1", "2001:db8:1::", "198.51.100.7"]) {
      assert.ok(subnets.has(host), host);
    }
    for (const host of ["203.0.114.1", "2001:db9::", "198.51.100.8", "example.com", "", "abc.onion"]) {
      assert.ok(!subnets.has(host), host);
    }
  });

  test("takes in nothing that is no subnet", () => {
    const subnets = new Subnets();
    for (const text of ["", "example.com", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/x", "fe80::1%eth0"]) {
      assert.equal(subnets.add(text), false, text);
    }
    assert.equal(subnets.size, 0);
  });
});
