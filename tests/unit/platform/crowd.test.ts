import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Crowd, SHOWN } from "../../../lib/platform/node/crowd.ts";

describe("Crowd", () => {
  test("enter() lets the oldest of those go that have shown least", () => {
    const crowd = new Crowd<string>(4, 0);
    for (const each of ["idle", "tls", "asked", "proven"]) assert.equal(crowd.enter(each), undefined);
    crowd.show("tls", SHOWN.tls);
    crowd.show("asked", SHOWN.request);
    crowd.show("proven", SHOWN.secret);
    assert.equal(crowd.enter("a"), "idle");
    assert.equal(crowd.enter("b"), "a");
    crowd.show("b", SHOWN.secret);
    assert.equal(crowd.enter("c"), "tls");
    crowd.show("c", SHOWN.secret);
    assert.equal(crowd.enter("d"), "asked");
    crowd.show("d", SHOWN.secret);
    assert.equal(crowd.enter("e"), "e", "whoever has shown a secret goes for nobody");
    assert.equal(crowd.size, 4);
    crowd.leave("proven");
    assert.equal(crowd.enter("e"), undefined);
  });

  test("enter() keeps the last places for those who have shown a secret", () => {
    const crowd = new Crowd<number>(256, 32);
    for (let i = 0; i < 224; i++) assert.equal(crowd.enter(i), undefined);
    assert.equal(crowd.enter(224), 0);
    for (let i = 1; i <= 32; i++) {
      crowd.show(i, SHOWN.secret);
      assert.equal(crowd.enter(1_000 + i), undefined, "a place of strangers is free again");
    }
    assert.equal(crowd.size, 256);
    assert.equal(crowd.enter(2_000), 33);
  });

  test("enter() leaves half of the places of strangers to those who have had no time to show anything", () => {
    const crowd = new Crowd<string>(64, 32);
    // More than there are places have done TLS and ask nothing.
    for (let i = 0; i < 200; i++) {
      crowd.enter(`tls ${i}`);
      crowd.show(`tls ${i}`, SHOWN.tls);
    }
    const gone: (string | undefined)[] = [crowd.enter("honest")];
    for (let i = 0; i < 14; i++) gone.push(crowd.enter(`idle ${i}`));
    assert.ok(gone.every((each) => each?.startsWith("tls")), gone.join());
    crowd.show("honest", SHOWN.secret);
    for (let i = 0; i < 200; i++) assert.notEqual(crowd.enter(`more ${i}`), "honest");
  });

  test("exchange() lets one go for the newcomer however many there are, and nobody who has shown a secret", () => {
    const crowd = new Crowd<string>(64, 32);
    assert.equal(crowd.exchange("first"), "first", "there is nobody to go for it");
    crowd.enter("proven");
    crowd.show("proven", SHOWN.secret);
    assert.equal(crowd.exchange("second"), "second");
    crowd.enter("idle");
    assert.equal(crowd.exchange("third"), "idle");
    assert.equal(crowd.size, 2);
  });

  test("keeps at most half of the places", () => {
    const crowd = new Crowd<number>(4, 32);
    for (let i = 0; i < 2; i++) assert.equal(crowd.enter(i), undefined);
    assert.equal(crowd.enter(2), 0);
  });

  test("show() takes nothing back", () => {
    const crowd = new Crowd<string>(1, 0);
    crowd.enter("one");
    crowd.show("one", SHOWN.secret);
    crowd.show("one", SHOWN.request);
    assert.equal(crowd.enter("two"), "two");
  });
});
