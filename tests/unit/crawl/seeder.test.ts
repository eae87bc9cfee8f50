/** The DNS seeder, asked with the bytes that a resolver sends. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decode, encode, type OptAnswer, type RecordType } from "dns-packet";
import { AskerLimits } from "../../../lib/crawl/asker-limits.ts";
import { askDns } from "../../../lib/crawl/dns-client.ts";
import type { SeedNode } from "../../../lib/crawl/seed-policy.ts";
import { Seeder, type SeederOptions } from "../../../lib/crawl/seeder.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";

const ZONE = "seed.example";
const SERVICES = [0x1n, 0x9n, 0x49n, 0x409n, 0x849n, 0xc49n, 0xdn, 0x809n];

/** A hundred nodes of each family; their services come round in a fixed order. */
const NODES: readonly SeedNode[] = Array.from({ length: 200 }, (_, i) => {
  const services = SERVICES[(i >> 1) % SERVICES.length]!;
  return i % 2 === 0 ? { host: `20.${i}.0.1`, port: 8333, bytes: Uint8Array.of(20, i, 0, 1), services } : {
    host: `2a01:${i.toString(16)}::1`,
    port: 8333,
    bytes: Uint8Array.of(0x2a, 1, 0, i, ...new Uint8Array(11), 1),
    services,
  };
});

function seeder(options: Partial<SeederOptions> = {}) {
  const clock = simClock();
  const made = new Seeder({ zone: ZONE, filters: true, perSecond: 1_000_000, ...options }, {
    clock,
    random: new SeededRandom(9),
  });
  made.replace(NODES, 1234);
  const ask = (name: string, type: RecordType = "A", edns = 0) => {
    const bytes = made.answer(question(name, type, edns), "192.0.2.1");
    assert.ok(bytes !== undefined, "an answer");
    return { ...decode(Buffer.from(bytes)), length: bytes.length };
  };
  return { seeder: made, clock, ask };
}

function question(name: string, type: RecordType = "A", edns = 0): Uint8Array {
  const opt: OptAnswer = {
    type: "OPT",
    name: ".",
    udpPayloadSize: edns,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const questions = [{ type, name, class: "IN" as const }];
  return new Uint8Array(
    encode({ type: "query", id: 77, flags: 256, questions, ...(edns > 0 && { additionals: [opt] }) }),
  );
}

const hostsOf = (packet: ReturnType<typeof decode>) =>
  (packet.answers ?? []).map((answer) => "data" in answer ? String(answer.data) : "");
const rcodeOf = (packet: ReturnType<typeof decode>) => (packet.flags ?? 0) & 15;

describe("Seeder", () => {
  test("answers A and AAAA with nodes of that family, others each time, within 512 bytes", () => {
    const { ask } = seeder();
    for (const [type, least] of [["A", 25], ["AAAA", 14]] as const) {
      const [one, other] = [ask(ZONE, type), ask(ZONE, type)];
      for (const packet of [one, other]) {
        assert.ok(packet.length <= 512, `${packet.length} bytes`);
        assert.ok(packet.flag_aa && packet.flag_qr && packet.flag_rd && !packet.flag_ra && packet.id === 77);
        const hosts = hostsOf(packet);
        assert.ok(hosts.length >= least && new Set(hosts).size === hosts.length, `${hosts.length} addresses`);
        assert.ok(
          hosts.every((host) => NODES.some((node) => node.host === host && host.includes(":") === (type === "AAAA"))),
        );
        assert.ok(packet.answers?.every((answer) => answer.name === ZONE && "ttl" in answer && answer.ttl === 60));
      }
      assert.notDeepEqual(hostsOf(one), hostsOf(other));
    }
  });

  test("tells every node in the course of time, none much more often than others", () => {
    const { ask } = seeder();
    const counts = new Map<string, number>();
    for (let i = 0; i < 400; i++) for (const host of hostsOf(ask(ZONE))) counts.set(host, (counts.get(host) ?? 0) + 1);
    assert.equal(counts.size, 100);
    const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    assert.ok(most / least < 1.7, `${least} … ${most}`);
  });

  test("x<hex> asks for all of the bits, whatever they are", () => {
    const { ask } = seeder();
    for (const hex of ["x1", "x5", "x9", "x49", "x809", "x849", "xd", "x400", "XC49", "x0"]) {
      const bits = BigInt(`0x${hex.slice(1)}`);
      const hosts = Array.from({ length: 30 }, () => hostsOf(ask(`${hex}.${ZONE}`))).flat();
      const fitting = NODES.filter(({ host, services }) => !host.includes(":") && (services & bits) === bits);
      assert.deepEqual([...new Set(hosts)].sort(), fitting.map(({ host }) => host).sort(), hex);
    }
    assert.deepEqual(hostsOf(ask(`x100000.${ZONE}`)), []);
  });

  test("takes as many bytes as the asker says that it takes, and no more than travels whole", () => {
    const { ask } = seeder();
    const packet = ask(`x1.${ZONE}`, "AAAA", 4096);
    assert.ok(packet.length > 512 && packet.length <= 1232, `${packet.length} bytes`);
    assert.equal((packet.additionals?.[0] as OptAnswer | undefined)?.udpPayloadSize, 1232);
    assert.ok(ask(`x1.${ZONE}`, "AAAA", 100).length <= 512);
  });

  test("keeps within 512 bytes for the longest names", () => {
    const zone = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(60)}.example`;
    const { ask } = seeder({ zone });
    for (const type of ["A", "AAAA"] as const) {
      const packet = ask(`x1.${zone}`, type);
      assert.ok(packet.length <= 512 && hostsOf(packet).length >= 8, `${packet.length}`);
    }
  });

  test("NS and SOA of the zone; names in any case; types that it has not: nothing, with SOA", () => {
    const { ask } = seeder({ ns: "ns1.example.org" });
    assert.deepEqual(hostsOf(ask(ZONE, "NS")), ["ns1.example.org"]);
    const soa = ask(ZONE, "SOA").answers?.[0];
    assert.ok(soa?.type === "SOA" && soa.data.serial === 1234 && soa.data.mname === "ns1.example.org");
    assert.ok(hostsOf(ask("X9.SeEd.ExAmPlE")).length > 0);
    for (const packet of [ask(ZONE, "TXT"), ask(`x9.${ZONE}`, "NS"), ask("seed.example", "MX")]) {
      assert.deepEqual([rcodeOf(packet), packet.answers?.length, packet.authorities?.[0]?.type], [0, 0, "SOA"]);
    }
  });

  test("a name of the zone that is none: NXDOMAIN; another zone: REFUSED, without a claim to know it", () => {
    const { ask, seeder: served } = seeder();
    for (const name of ["foo", "x", "xg", "x11112222333344445", "a.x9", "x-9"].map((label) => `${label}.${ZONE}`)) {
      const packet = ask(name);
      assert.deepEqual([rcodeOf(packet), packet.authorities?.[0]?.type], [3, "SOA"], name);
    }
    for (const name of ["example", "notseed.example", "org", `${ZONE}.org`]) {
      const packet = ask(name);
      assert.deepEqual([rcodeOf(packet), packet.flag_aa, packet.answers?.length], [5, false, 0], name);
    }
    assert.deepEqual([served.counts.unknown, served.counts.refused], [6, 4]);
  });

  test("a chain without service bits has no such names", () => {
    const { ask } = seeder({ filters: false });
    assert.equal(rcodeOf(ask(`x9.${ZONE}`)), 3);
    assert.ok(hostsOf(ask(ZONE)).length > 0);
  });

  test("without nodes it answers nothing, in order", () => {
    const { ask, seeder: served } = seeder();
    served.replace([], 1);
    const packet = ask(ZONE);
    assert.deepEqual([rcodeOf(packet), packet.answers?.length, packet.authorities?.[0]?.type], [0, 0, "SOA"]);
  });

  test("says nothing to what is malformed or an answer itself, and counts it", () => {
    const { seeder: served } = seeder();
    const good = question(ZONE);
    const random = new SeededRandom(2);
    const bad: Uint8Array[] = [
      new Uint8Array(0),
      new Uint8Array(11),
      new Uint8Array(2_000),
      changed(good, 2, 0x81), // an answer
      changed(good, 5, 2), // two questions
      changed(good, 7, 1), // an answer within a question
      changed(good, 12, 0xc0), // a pointer to itself
      good.slice(0, -1),
      good.slice(0, 14),
    ];
    for (const bytes of bad) assert.equal(served.answer(bytes, "192.0.2.1"), undefined);
    assert.equal(served.counts.malformed, bad.length);
    for (let i = 0; i < 2_000; i++) served.answer(random.bytes(random.below(200)), "192.0.2.1");
    for (let i = 0; i < 2_000; i++) {
      served.answer(changed(good, random.below(good.length), random.below(256)), "192.0.2.1");
    }
  });

  test("other operations than questions are not implemented", () => {
    const { seeder: served } = seeder();
    const answer = served.answer(changed(question(ZONE), 2, 0x29), "192.0.2.1");
    assert.equal(rcodeOf(decode(Buffer.from(answer!))), 4);
  });

  test("says nothing to who asks too often, and answers others meanwhile", async () => {
    const { seeder: served, clock } = seeder({ perSecond: 5 });
    const ask = (host: string) => served.answer(question(ZONE), host) !== undefined;
    const got = Array.from({ length: 30 }, () => ask("192.0.2.1")).filter(Boolean).length;
    assert.equal(got, 10);
    assert.equal(served.counts.limited, 20);
    assert.ok(ask("192.0.2.2"));
    await clock.advance(1_000);
    assert.equal(Array.from({ length: 30 }, () => ask("192.0.2.1")).filter(Boolean).length, 5);
  });
});

function changed(bytes: Uint8Array, at: number, to: number): Uint8Array {
  // Not slice(): a Buffer's is no copy.
  const copy = Uint8Array.from(bytes);
  copy[at] = to;
  return copy;
}

describe("AskerLimits", () => {
  test("an IPv6 /64 is one asker, however it is written", () => {
    const limits = new AskerLimits({ clock: simClock(), perSecond: 1 });
    const takes = ["2a01:1:2:3::1", "2a01:1:2:3:4:5:6:7", "2a01:1:2:3::9", "2a01:1:2:4::1"].map((host) =>
      limits.take(host)
    );
    assert.deepEqual(takes, [true, true, false, true]);
  });
});

describe("askDns()", () => {
  const network = (answer: (bytes: Uint8Array) => (Uint8Array | undefined)[]) => {
    const clock = simClock();
    let sent = 0;
    let closed = 0;
    const parts = {
      clock,
      random: new SeededRandom(4),
      timeoutMs: 2_000,
      open: (onMessage: (bytes: Uint8Array) => void) =>
        Promise.resolve({
          send: (bytes: Uint8Array) => {
            sent += 1;
            for (const each of answer(bytes)) if (each !== undefined) clock.after(10, () => onMessage(each));
          },
          close: () => Promise.resolve(void (closed += 1)),
        }),
    };
    return { clock, parts, counts: () => [sent, closed] };
  };

  test("reads what a seeder answers", async () => {
    const { seeder: served } = seeder();
    const { clock, parts, counts } = network((bytes) => [served.answer(bytes, "192.0.2.1")]);
    const answer = await clock.until(askDns(`x9.${ZONE}`, "A", parts));
    assert.ok(answer.addresses.length >= 20 && answer.rcode === "NOERROR" && answer.bytes <= 512);
    assert.deepEqual(counts(), [1, 1]);
    assert.equal(clock.pending, 0);
  });

  test("takes no answer to another question, asks again, and gives up", async () => {
    const { seeder: served } = seeder();
    const { clock, parts, counts } = network((bytes) => [
      // Right but for the id, for the name, for the type; the question itself; no packet at all.
      served.answer(changed(bytes, 1, bytes[1]! ^ 1), "192.0.2.1"),
      served.answer(changed(bytes, 14, 0x31), "192.0.2.1"),
      served.answer(changed(bytes, bytes.length - 3, 28), "192.0.2.1"),
      bytes,
      Uint8Array.of(1, 2, 3),
    ]);
    await assert.rejects(clock.until(askDns(`x9.${ZONE}`, "A", parts)), { code: "timeout" });
    assert.deepEqual(counts(), [3, 1]);
  });
});
