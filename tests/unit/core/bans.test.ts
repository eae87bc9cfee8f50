import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BanList, banTarget } from "../../../lib/core/peers/bans.ts";
import { isLoopback, normalSubnet } from "../../../lib/core/subnets.ts";
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

  test("a ban outweighs a discouragement, whichever is longer, of the host or of a subnet around it", () => {
    const bans = new BanList(simClock());
    bans.ban("10.0.0.1", 86_400, "lied", { effect: "discourage" });
    assert.equal(bans.find("10.0.0.1")?.effect, "discourage");
    bans.ban("10.0.0.1", 60, "by hand");
    assert.deepEqual([bans.find("10.0.0.1")?.effect, bans.find("10.0.0.1")?.reason], ["ban", "by hand"]);
    bans.ban("10.0.0.1", 86_400, "lied again", { effect: "discourage" });
    assert.equal(bans.find("10.0.0.1")?.effect, "ban");
    bans.ban("10.0.1.1", 86_400, "lied", { effect: "discourage" });
    bans.ban("10.0.1.0/24", 60, "by hand");
    assert.equal(bans.find("10.0.1.1")?.host, "10.0.1.0/24");
  });

  test("a ban for what came from a host says nothing of what is dialled there, and each may end by itself", async () => {
    const clock = simClock();
    const bans = new BanList(clock);
    bans.ban("10.0.0.1", 600, "a stranger", { scope: "inbound" });
    assert.equal(bans.find("10.0.0.1", "in")?.reason, "a stranger");
    assert.equal(bans.find("10.0.0.1", "out"), undefined);
    bans.ban("10.0.0.1", 60, "itself", { scope: "all", port: 5 });
    assert.deepEqual([bans.find("10.0.0.1", "out")?.reason, bans.find("10.0.0.1", "out")?.port], ["itself", 5]);
    await clock.advance(60_000);
    assert.equal(bans.find("10.0.0.1", "in")?.reason, "a stranger");
    assert.equal(bans.find("10.0.0.1", "out"), undefined);
    bans.ban("10.0.0.1", 60, "itself");
    assert.ok(bans.unban("10.0.0.1"), "both go together");
    assert.deepEqual(bans.list(), []);
  });

  test("a name of Tor is banned in one form, and is kept over a restart", () => {
    const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
    const bans = new BanList(simClock());
    assert.ok(bans.ban(onion, 60, "by hand"));
    const again = new BanList(simClock());
    again.restore([...bans.list(), { ...bans.list()[0]!, host: "seed.example" }]);
    assert.deepEqual(again.list().map(({ host }) => host), [onion], "a name of DNS is none");
    assert.deepEqual([banTarget(onion.toUpperCase()), banTarget("a.onion")], [onion, undefined]);
  });

  test("exempt hosts are never banned, and a ban can be lifted", () => {
    const bans = new BanList(simClock(), isLoopback);
    assert.equal(bans.ban("127.0.0.9", 10, "why"), false);
    assert.ok(bans.ban("8.8.8.8", 10, "why"));
    assert.ok(bans.unban("8.8.8.8"));
    assert.equal(bans.unban("8.8.8.8"), false);
  });

  test("a subnet's ban holds for every address in it, however it is written, and ends with it", async () => {
    const clock = simClock();
    const bans = new BanList(clock);
    assert.ok(bans.ban("203.0.113.77/24", 10, "four"));
    assert.ok(bans.ban("2001:db8::1/32", 20, "six"));
    assert.equal(bans.find("203.0.113.1")?.host, "203.0.113.0/24");
    assert.equal(bans.find("::ffff:203.0.113.255")?.reason, "four");
    assert.equal(bans.find("203.0.114.1"), undefined);
    assert.equal(bans.find("2001:db8:ffff::1")?.reason, "six");
    assert.equal(bans.find("2001:db9::1"), undefined);
    await clock.advance(10_000);
    assert.equal(bans.find("203.0.113.1"), undefined);
    assert.ok(bans.unban("2001:0db8::/32"));
    assert.deepEqual(bans.list(), []);
  });

  test("normalSubnet() knows one form of each, and nothing that is none", () => {
    const forms = [
      ["1.2.3.4/32", "1.2.3.4"],
      ["1.2.3.4/255.255.0.0", "1.2.0.0/16"],
      ["1.2.3.4/0", "0.0.0.0/0"],
      ["10.1.2.3/9", "10.0.0.0/9"],
      ["::ffff:1.2.3.4", "1.2.3.4"],
      ["2001:DB8:0:0::1/128", "2001:db8::1"],
      ["2001:db8:8000::/33", "2001:db8:8000::/33"],
    ];
    for (const [text, normal] of forms) assert.equal(normalSubnet(text ?? ""), normal);
    for (
      const wrong of [
        "",
        "host",
        "1.2.3.4/33",
        "1.2.3.4/",
        "1.2.3",
        "1.2.3.4/8/8",
        "fe80::1%eth0",
        "1.2.3.4/255.0.255.0",
      ]
    ) {
      assert.equal(normalSubnet(wrong), undefined, wrong);
    }
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
