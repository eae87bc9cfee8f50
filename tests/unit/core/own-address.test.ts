import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { OwnAddress } from "../../../lib/core/addresses/own-address.ts";

const rules = bitcoinAddressRules({});
const anywhere = { host: "0.0.0.0", port: 8333 };
const make = (parts: { external?: string; listening?: typeof anywhere } = { listening: anywhere }) =>
  new OwnAddress({ rules, external: parts.external, listening: () => parts.listening });
const peer = (host: string) => ({ host, port: 8333 });

describe("our own address", () => {
  test("is not told while nobody can come", () => {
    const own = make({ external: "8.8.4.4" });
    own.seenFrom(peer("1.1.1.1"), "8.8.8.8");
    own.seenFrom(peer("2.2.2.2"), "8.8.8.8");
    assert.equal(own.get(), undefined);
  });

  test("is what the operator said, before anything else", () => {
    const own = make({ external: "8.8.4.4", listening: anywhere });
    own.seenFrom(peer("1.1.1.1"), "8.8.8.8");
    own.seenFrom(peer("2.2.2.2"), "8.8.8.8");
    assert.deepEqual(own.get(), { host: "8.8.4.4", port: 8333 });
  });

  test("is where we listen, when that is public", () => {
    assert.deepEqual(make({ listening: { host: "8.8.4.4", port: 9 } }).get(), { host: "8.8.4.4", port: 9 });
    assert.equal(make({ listening: { host: "192.168.0.5", port: 9 } }).get(), undefined);
  });

  test("is what peers of two groups see; one group has one vote", () => {
    const own = make();
    own.seenFrom(peer("1.1.1.1"), "8.8.8.8");
    own.seenFrom(peer("1.1.2.2"), "8.8.8.8");
    assert.equal(own.get(), undefined);
    own.seenFrom(peer("2.2.2.2"), "8.8.8.8");
    assert.deepEqual(own.get(), { host: "8.8.8.8", port: 8333 });
  });

  test("is never one that nobody could dial", () => {
    const own = make();
    for (const host of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) own.seenFrom(peer(host), "10.0.0.1");
    assert.equal(own.get(), undefined);
  });

  test("is never one of this machine to itself, not even on a network of private addresses", () => {
    const allowing = bitcoinAddressRules({ allowPrivate: true });
    const at = (host: string, external?: string) =>
      new OwnAddress({ rules: allowing, external, listening: () => ({ host, port: 18444 }) });
    assert.equal(at("10.0.0.5").get()?.host, "10.0.0.5", "a private one may be told there");
    for (const host of ["127.0.0.1", "127.0.0.2", "::1"]) {
      assert.equal(at(host).get(), undefined, `listening on ${host}`);
      assert.equal(at("0.0.0.0", host).get(), undefined, `--external-ip ${host}`);
      const own = at("0.0.0.0");
      assert.equal(own.get(), undefined, "every address is none");
      for (const from of ["10.1.0.1", "10.2.0.1", "11.3.0.1"]) own.seenFrom(peer(from), host);
      assert.equal(own.get(), undefined, `seen from ${host}`);
    }
  });

  test("is what most groups see, of equals the one that was seen by a group first", () => {
    const own = make();
    for (const from of ["1.1.1.1", "2.2.2.2"]) own.seenFrom(peer(from), "8.8.8.8");
    for (const from of ["3.3.3.3", "4.4.4.4"]) own.seenFrom(peer(from), "9.9.9.9");
    assert.equal(own.get()?.host, "8.8.8.8");
    own.seenFrom(peer("5.5.5.5"), "9.9.9.9");
    assert.equal(own.get()?.host, "9.9.9.9");
  });

  test("is found from the last words of 32 groups", () => {
    for (const [speaksAgain, more, isKnown] of [[false, 30, true], [false, 31, false], [true, 31, true]] as const) {
      const own = make();
      own.seenFrom(peer("1.1.1.1"), "8.8.8.8");
      own.seenFrom(peer("2.2.2.2"), "8.8.8.8");
      // Each of the others sees something else.
      for (let i = 0; i < more; i++) {
        own.seenFrom(peer(`${20 + i}.1.1.1`), `9.9.9.${1 + i}`);
        if (speaksAgain) own.seenFrom(peer("1.1.1.1"), "8.8.8.8");
      }
      if (speaksAgain) own.seenFrom(peer("2.2.2.2"), "8.8.8.8");
      assert.equal(own.get()?.host, isKnown ? "8.8.8.8" : undefined);
    }
  });

  test("follows a change", () => {
    const own = make();
    for (const host of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) own.seenFrom(peer(host), "8.8.8.8");
    for (const host of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) own.seenFrom(peer(host), "9.9.9.9");
    assert.equal(own.get()?.host, "9.9.9.9");
  });
});
