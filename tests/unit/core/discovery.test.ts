/** Where addresses come from when a node knows nobody: seeds by DNS, introducers, built-in ones; on simulated time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { bitcoinDialling } from "../../../lib/bitcoin/peers/dialling.ts";
import { mainnet as network } from "../../../lib/bitcoin/networks/mod.ts";
import type { BitcoinMode } from "../../../lib/bitcoin/service.ts";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { AddressBook, type AddressRules } from "../../../lib/core/addresses/book.ts";
import { Dialling, type DiallingParts } from "../../../lib/core/dialling/dialling.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Peer } from "../../../lib/core/peers/peer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { DialledPeers, diallingParts } from "./dialled-peers.ts";
import { simClock } from "./sim.ts";

type Zone = (name: string, clock: ReturnType<typeof simClock>) => Promise<readonly string[]>;

const gone = () => Promise.reject(new NodeError("name_not_found", "network", "no such name"));
const public4 = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => `${from + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.9`);

/** A node that looks for peers; nobody answers unless `up` says so. */
function seeker(
  { zone = gone, up = () => false, known = [], rules = bitcoinAddressRules(), ...options }:
    & Partial<DiallingParts<Peer>>
    & {
      readonly zone?: Zone;
      readonly up?: (host: string) => boolean;
      readonly rules?: AddressRules;
      /** What the book holds at the start. */
      readonly known?: readonly string[];
    },
) {
  const clock = simClock();
  const random = new SeededRandom(11);
  const stop = new AbortController();
  const peers = new DialledPeers(clock, up);
  const asked: { readonly name: string; readonly atMs: number }[] = [];
  const dialling = new Dialling<Peer>({
    ...diallingParts(peers, { clock, random, rules }),
    resolve: (name) => {
      asked.push({ name, atMs: clock.monotonic() });
      return zone(name, clock);
    },
    ...options,
  });
  const timeS = Math.floor(clock.now() / 1000);
  dialling.book.learn(known.map((host) => ({ host, port: 8333, timeS })), undefined, { unlimited: true });
  const running = dialling.run(stop.signal);
  const hosts = () => [...dialling.book.entries()].map(({ host }) => host).sort();
  return {
    ...{ clock, dialling, asked, hosts, book: dialling.book },
    get dialled() {
      return peers.dialled.map(([host]) => host);
    },
    peers: peers.connected,
    end: async () => {
      stop.abort();
      await clock.until(running);
      assert.equal(clock.pending, 0, "no timer is left");
    },
  };
}

/** The choice of peers as Bitcoin's node makes it; nobody answers. */
function bitcoinSeeker(mode: BitcoinMode, zone: (name: string) => Promise<readonly string[]>) {
  const clock = simClock();
  const random = new SeededRandom(1);
  const rules = bitcoinAddressRules();
  const asked: string[] = [];
  const stop = new AbortController();
  const book = new AddressBook({ rules, clock, random });
  const resolve = (name: string) => {
    asked.push(name);
    return zone(name);
  };
  const chosen = bitcoinDialling({
    network,
    mode,
    resolve,
    outbound: 8,
    isTipStale: () => false,
    isSynced: () => true,
  });
  const dialling = new Dialling({
    ...{ clock, rules, book, random, connect: [], notice: () => {} },
    isBanned: () => false,
    isActive: () => true,
    peers: () => [],
    dial: gone,
    ...chosen,
  });
  const running = dialling.run(stop.signal);
  return { clock, book, asked, end: () => (stop.abort(), clock.until(running)) };
}

/** Addresses that no node of the open network can have. */
const PRIVATE = [
  ...["10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "169.254.7.7", "0.0.0.0", "192.0.2.5", "198.51.100.5"],
  ...["203.0.113.9", "198.18.0.1", "::1", "::", "fe80::1", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"],
];
const NONSENSE = ["", "seed.example", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "999.1.1.1", "1.2.3.4:8333"];

describe("seeds by DNS", () => {
  test("Bitcoin asks for peers with the services that it needs, by mode", async () => {
    for (const [mode, prefix] of [["headers", "x9."], ["full", "x9."], ["filters", "x49."]] as const) {
      const world = bitcoinSeeker(mode, () => Promise.resolve(["10.0.0.1"]));
      await world.clock.advance(500);
      assert.deepEqual(world.asked.sort(), network.dnsSeeds.map((seed) => prefix + seed).sort());
      await world.end();
    }
  });

  for (const [name, rules] of [["Bitcoin", bitcoinAddressRules()], ["Chia", chiaAddressRules()]] as const) {
    test(`what lies never gets into the book of ${name}: private addresses, names and nonsense`, async () => {
      const zone = () => Promise.resolve([...PRIVATE, "8.8.4.4", ...NONSENSE]);
      const world = seeker({ rules, zone, dnsSeeds: ["seed.example"] });
      await world.clock.advance(60_000);
      assert.deepEqual(world.hosts(), ["8.8.4.4"]);
      assert.deepEqual([...new Set(world.dialled)], ["8.8.4.4"]);
      await world.end();
    });
  }

  test("at most 32 addresses are taken of a seed, which ones is not the seed's choice", async () => {
    const all = public4(1_000);
    const world = seeker({ zone: () => Promise.resolve(all), dnsSeeds: ["greedy.example"] });
    await world.clock.advance(500);
    const taken = world.hosts();
    assert.ok(taken.length <= 32 && taken.length > 24, `${taken.length} (some find no slot)`);
    assert.ok(taken.filter((host) => all.indexOf(host) >= 32).length > 16, "not its first ones");
    await world.end();
  });

  test("one seed's lies do not crowd out another's addresses", async () => {
    const world = seeker({
      zone: (name) => Promise.resolve(name === "liar.example" ? public4(1_000, 50) : ["8.8.4.4", "9.9.4.4"]),
      up: (host) => host === "8.8.4.4" || host === "9.9.4.4",
      dnsSeeds: ["liar.example", "good.example"],
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 600_000);
    await world.end();
  });

  test("the port is the network's, and the age three to seven days", async () => {
    const world = seeker({ zone: () => Promise.resolve(public4(30)), dnsSeeds: ["seed.example"], defaultPort: 38333 });
    await world.clock.advance(500);
    const ages = [...world.book.entries()].map(({ port, timeS }) => {
      assert.equal(port, 38333);
      return (world.clock.now() / 1000 - timeS) / 86_400;
    });
    assert.ok(ages.length > 20 && ages.every((days) => days >= 3 && days <= 7.01));
    assert.ok(new Set(ages).size > 10, "not all the same");
    await world.end();
  });

  test("a slow seed does not hold up what the others gave", async () => {
    const world = seeker({
      zone: async (name, clock) => {
        if (name === "slow.example") await clock.sleep(120_000);
        return name === "slow.example" ? ["1.1.1.9"] : ["8.8.4.4", "9.9.4.4"];
      },
      up: () => true,
      dnsSeeds: ["slow.example", "quick.example"],
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 10_000);
    await world.clock.advance(180_000);
    await world.end();
  });

  test("all at once when nothing is known; three at a time, after a while, when there is a book that leads nowhere", async () => {
    const dnsSeeds = Array.from({ length: 8 }, (_, i) => `seed${i}.example`);
    const empty = seeker({ dnsSeeds });
    await empty.clock.advance(100);
    assert.equal(empty.asked.length, 8);
    await empty.end();

    const world = seeker({ dnsSeeds, known: ["8.8.4.4"] });
    await world.clock.advance(10_000);
    assert.equal(world.asked.length, 0, "the book has its chance first");
    await world.clock.advance(2_000);
    assert.equal(world.asked.length, 3);
    await world.clock.advance(9_000);
    assert.equal(world.asked.length, 3);
    await world.clock.advance(60_000);
    assert.equal(new Set(world.asked.map(({ name }) => name)).size, 8);
    await world.end();
  });

  test("a big book has five minutes", async () => {
    const known = Array.from({ length: 2_000 }, (_, i) => `${1 + i % 90}.${(i * 7) & 255}.${i >> 8}.9`);
    const world = seeker({ dnsSeeds: ["seed.example"], known });
    assert.ok(world.book.size.total >= 1_000);
    await world.clock.advance(299_000);
    assert.equal(world.asked.length, 0);
    await world.clock.advance(2_000);
    assert.equal(world.asked.length, 1);
    await world.end();
  });

  test("seeds that give nothing are asked again, ever more rarely: in an hour some twenty times", async () => {
    for (const zone of [gone, () => Promise.resolve([]), () => Promise.resolve(PRIVATE)]) {
      const world = seeker({ zone, dnsSeeds: ["seed.example"] });
      await world.clock.advance(3_600_000);
      assert.ok(world.asked.length >= 15 && world.asked.length <= 25, `${world.asked.length}`);
      const last = world.asked.slice(-2).map(({ atMs }) => atMs);
      assert.equal(last[1]! - last[0]!, 300_000);
      await world.end();
    }
  });

  test("no seed is asked when the operator named the peers", async () => {
    const world = seeker({
      dnsSeeds: ["seed.example"],
      connect: [{ host: "peer.example", port: 1 }],
      zone: (name) => name === "peer.example" ? Promise.resolve(["8.8.4.4"]) : gone(),
    });
    await world.clock.advance(600_000);
    assert.deepEqual([...new Set(world.asked.map(({ name }) => name))], ["peer.example"]);
    assert.equal(world.book.size.total, 0);
    await world.end();
  });
});

describe("introducers and built-in addresses", () => {
  test("nobody is asked while a seed gave addresses", async () => {
    let introduced = 0;
    const world = seeker({
      zone: (name) => name === "good.example" ? Promise.resolve(["8.8.4.4", "9.9.4.4"]) : gone(),
      up: () => true,
      dnsSeeds: ["dead.example", "good.example"],
      askIntroducers: () => Promise.resolve(++introduced === 0 ? [] : []),
      fixedSeeds: [{ host: "5.5.5.5", port: 8333 }],
    });
    await world.clock.advance(600_000);
    assert.equal(introduced, 0);
    assert.equal(world.book.find({ host: "5.5.5.5", port: 8333 }), undefined);
    await world.end();
  });

  test("introducers follow seeds that gave nothing, and lie in vain", async () => {
    const told = [...PRIVATE, ...NONSENSE, "8.8.4.4"].map((host) => ({ host, port: 8444 }));
    const world = seeker({
      zone: () => Promise.resolve(["10.0.0.1"]),
      dnsSeeds: ["seed.example"],
      up: () => true,
      rules: chiaAddressRules(),
      askIntroducers: () => Promise.resolve(told),
      fixedSeeds: [{ host: "5.5.5.5", port: 8444 }],
    });
    await world.clock.advance(300_000);
    assert.deepEqual(world.hosts(), ["8.8.4.4"]);
    await world.end();
  });

  test("introducers that fail are no end: the built-in addresses come after a minute, and never on a good day", async () => {
    const world = seeker({
      dnsSeeds: ["seed.example"],
      askIntroducers: gone,
      fixedSeeds: [{ host: "5.5.5.5", port: 8333 }, { host: "10.0.0.1", port: 8333 }],
    });
    await world.clock.advance(59_000);
    assert.equal(world.book.size.total, 0);
    await world.clock.advance(65_000);
    assert.deepEqual(world.hosts(), ["5.5.5.5"]);
    await world.end();
  });
});

describe("nodes that the operator named", () => {
  test("are followed by the seeds at once when they gave nothing new, and after a while when they did", async () => {
    for (const [told, waitMs] of [[[], 0], [[{ host: "8.8.4.4", port: 8333 }], 11_000]] as const) {
      const world = seeker({
        seedNodes: [{ host: "9.9.9.9", port: 8333 }],
        visitNode: () => Promise.resolve(told),
        dnsSeeds: ["seed.example"],
      });
      await world.clock.untilTrue(() => world.asked.length > 0, 60_000);
      assert.equal(world.asked[0]!.atMs, waitMs);
      await world.end();
    }
  });

  test("are not visited where there are peers enough", async () => {
    let visits = 0;
    const world = seeker({
      known: ["8.8.4.4", "9.9.4.4"],
      up: () => true,
      seedNodes: [{ host: "7.7.7.7", port: 8333 }],
      visitNode: () => Promise.resolve((visits += 1, [])),
    });
    await world.clock.advance(600_000);
    assert.deepEqual([world.peers.size, visits], [2, 0]);
    await world.end();
  });
});

test("why a seed gave nothing is told for debugging", async () => {
  const notices: string[] = [];
  const notice = (level: string, text: string) => void notices.push(`${level} ${text}`);
  const world = seeker({ dnsSeeds: ["seed.example"], notice });
  await world.clock.advance(500);
  assert.deepEqual(notices, ["debug seed seed.example: no such name"]);
  await world.end();
});

describe("when things go on for long", () => {
  const never = () => new Promise<never>(() => {});

  test("a seed that never answers holds up neither the introducers nor the built-in addresses", async () => {
    let introduced = 0;
    const world = seeker({
      zone: (name) => name === "stuck.example" ? never() : Promise.resolve([]),
      dnsSeeds: ["stuck.example", "empty.example"],
      askIntroducers: () => (introduced++, never()),
      fixedSeeds: [{ host: "5.5.5.5", port: 8333 }],
    });
    await world.clock.advance(125_000);
    assert.ok(introduced >= 2, `${introduced}`);
    assert.deepEqual(world.hosts(), ["5.5.5.5"]);
    await world.end();
  });

  test("a seed that never answers does not hold up the end", async () => {
    const world = seeker({ zone: never, dnsSeeds: ["stuck.example"] });
    await world.clock.advance(1_000);
    await world.end();
  });

  test("of three seeds one is stuck: the next three have their turn", async () => {
    const dnsSeeds = Array.from({ length: 6 }, (_, i) => `seed${i}.example`);
    const world = seeker({ dnsSeeds, known: ["8.8.4.4"], zone: never });
    await world.clock.advance(60_000);
    assert.equal(new Set(world.asked.map(({ name }) => name)).size, 6);
    await world.end();
  });

  test("what a slow seed gives is taken when it comes", async () => {
    const zone: Zone = async (_name, clock) => (await clock.sleep(100_000), ["8.8.4.4"]);
    const world = seeker({ zone, dnsSeeds: ["slow.example"], up: () => true });
    await world.clock.untilTrue(() => world.peers.size === 1, 110_000);
    await world.clock.advance(300_000);
    await world.end();
  });

  test("introducers are asked as well when the book leads to nobody and the seeds say nothing new", async () => {
    const world = seeker({
      zone: () => Promise.resolve(["8.8.4.4"]),
      known: ["8.8.4.4", "9.9.4.4"],
      up: (host) => host === "7.7.4.4",
      dnsSeeds: ["seed.example"],
      askIntroducers: () => Promise.resolve([{ host: "7.7.4.4", port: 8333 }]),
    });
    await world.clock.untilTrue(() => world.peers.size === 1, 120_000);
    await world.end();
  });

  test("a node whose peers have all gone for good asks the seeds again", async () => {
    let generation = 1;
    const world = seeker({
      zone: () => Promise.resolve([`8.${generation}.4.4`, `9.${generation}.4.4`]),
      up: (host) => host.split(".")[1] === String(generation),
      dnsSeeds: ["seed.example"],
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    await world.clock.advance(3_600_000);
    assert.equal(world.asked.length, 1);
    generation = 2;
    for (const { end } of [...world.peers.values()]) end();
    await world.clock.untilTrue(() => world.peers.size === 2, 1_200_000);
    await world.end();
  });

  test("a named peer with two addresses is tried at both", async () => {
    const world = seeker({
      connect: [{ host: "peer.example", port: 1 }],
      zone: () => Promise.resolve(["2a00::1", "8.8.4.4"]),
      up: (host) => host === "8.8.4.4",
    });
    await world.clock.untilTrue(() => world.peers.size === 1, 60_000);
    await world.end();
  });

  test("addresses of other networks than the chosen ones are kept, and not dialled", async () => {
    const zone = () => Promise.resolve(["8.8.4.4", "9.9.4.4", "2a00::1", "2a02::1"]);
    const world = seeker({ zone, dnsSeeds: ["seed.example"], networks: ["ipv6"], feelerMeanMs: 5_000 });
    await world.clock.advance(600_000);
    assert.deepEqual([...new Set(world.dialled)].sort(), ["2a00::1", "2a02::1"]);
    assert.equal(world.book.size.total, 4);
    await world.end();
  });

  test("a Bitcoin seed that does not know the prefix is asked by its plain name", async () => {
    const world = bitcoinSeeker("headers", (name) => name.startsWith("x9.") ? gone() : Promise.resolve(["8.8.4.4"]));
    await world.clock.advance(500);
    assert.equal(world.book.size.total, 1);
    assert.equal(world.asked.length, 2 * network.dnsSeeds.length);
    await world.end();
  });
});
