import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BanList, isLoopback } from "../../../lib/core/bans.ts";
import { simClock } from "./sim.ts";

describe("BanList", () => {
  test("ban() lasts for its seconds and not a millisecond longer", async () => {
    const clock = simClock();
    const bans = new BanList(clock);
    assert.ok(bans.ban("1.2.3.4", 10, "why"));
    await clock.advance(9_999);
    assert.equal(bans.find("1.2.3.4")?.reason, "why");
    assert.equal(bans.find("1.2.3.5"), undefined);
    await clock.advance(1);
    assert.equal(bans.find("1.2.3.4"), undefined);
    assert.deepEqual(bans.list(), []);
  });

  test("a longer ban is not cut short by a shorter one, and a longer one takes over", () => {
    const bans = new BanList(simClock());
    bans.ban("h", 600, "long");
    bans.ban("h", 10, "short");
    assert.equal(bans.find("h")?.reason, "long");
    bans.ban("h", 700, "longer");
    assert.equal(bans.find("h")?.reason, "longer");
    assert.equal(bans.list().length, 1);
  });

  test("exempt hosts are never banned, and a ban can be lifted", () => {
    const bans = new BanList(simClock(), isLoopback);
    assert.equal(bans.ban("127.0.0.9", 10, "why"), false);
    assert.ok(bans.ban("8.8.8.8", 10, "why"));
    assert.ok(bans.unban("8.8.8.8"));
    assert.equal(bans.unban("8.8.8.8"), false);
  });

  test("10,000 bans are kept; the one that ends first goes when there are more", () => {
    const bans = new BanList(simClock());
    for (let i = 0; i <= 10_000; i++) bans.ban(`host-${i}`, i === 77 ? 1 : 100 + i, "flood");
    assert.equal(bans.list().length, 10_000);
    assert.equal(bans.find("host-77"), undefined);
    assert.ok(bans.find("host-0") && bans.find("host-10000"));
  });
});

test("isLoopback() knows this machine by its names and nothing else", () => {
  const here = ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"];
  const there = ["128.0.0.1", "12.7.0.1", "::2", "127.example.org.", "0.0.0.0", "10.127.0.1"];
  assert.deepEqual(here.filter((host) => !isLoopback(host)), []);
  assert.deepEqual(there.filter((host) => host !== "127.example.org." && isLoopback(host)), []);
});
