/** Whom a node dials, on simulated time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { Dialling, type DiallingParts } from "../../../lib/core/dialling/dialling.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { Peer, type PeerKind, type PeerSession, SELF_CONNECTION } from "../../../lib/core/peers/peer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { DialledPeers, diallingParts } from "./dialled-peers.ts";
import { simClock } from "./sim.ts";

/** A network in which some addresses answer. */
function network(
  options: Partial<DiallingParts<Peer>> & {
    readonly up: (host: string) => boolean;
    /** What an answer waits for. */
    readonly wait?: (host: string) => Promise<void>;
  },
) {
  const clock = simClock();
  const random = new SeededRandom(5);
  const rules = bitcoinAddressRules({ allowPrivate: true });
  const stop = new AbortController();
  const peers = new DialledPeers(clock, options.up);
  const dialling = new Dialling<Peer>({
    ...diallingParts(peers, { clock, random, rules }),
    defaultPort: 8444,
    dial: async (address, kind) => {
      await options.wait?.(address.host);
      return await peers.dial(address, kind);
    },
    ...options,
  });
  const running = dialling.run(stop.signal);
  const of = (kind: PeerKind) => peers.peers.filter((peer) => peer.kind === kind).map(({ host }) => host);
  return {
    clock,
    dialling,
    /** A peer tells of addresses that it was asked for. */
    tell: (...hosts: readonly string[]) => {
      dialling.asked("5.5.0.5");
      dialling.learn(addresses(...hosts), "5.5.0.5");
    },
    peers: peers.connected,
    of,
    dialled: peers.dialled,
    stop: () => stop.abort(),
    running,
    end: async () => {
      stop.abort();
      await clock.until(running);
      assert.equal(clock.pending, 0, "no timer is left");
    },
  };
}

const addresses = (...hosts: readonly string[]) => hosts.map((host) => ({ host, port: 8444 }));

describe("Dialling", () => {
  test("finds peers by the DNS seeds, past a seed that does not answer and addresses that refuse", async () => {
    const asked: string[] = [];
    const world = network({
      up: (host) => ["1.2.0.2", "1.4.0.4"].includes(host),
      dnsSeeds: ["dead.example", "seed.example"],
      resolve: (name) => {
        asked.push(name);
        if (name === "dead.example") return Promise.reject(new NodeError("name_not_found", "network", "gone"));
        return Promise.resolve(["1.1.0.1", "1.2.0.2", "1.3.0.3", "1.4.0.4"]);
      },
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 120_000);
    assert.deepEqual(asked.sort(), ["dead.example", "seed.example"]);
    assert.equal(world.dialling.book.size.tried, 2);
    await world.end();
  });

  test("keeps connections to added peers beside those that it discovers", async () => {
    const world = network({
      up: () => true,
      added: [{ host: "9.9.0.9", port: 8444 }],
      resolve: (name) => Promise.resolve([name]),
    });
    world.tell("2.1.0.1", "2.2.0.1");
    await world.clock.untilTrue(() => world.peers.size === 3, 60_000);
    assert.deepEqual([world.of("manual"), world.of("outbound").sort()], [["9.9.0.9"], ["2.1.0.1", "2.2.0.1"]]);
    world.peers.get("9.9.0.9")?.end();
    await world.clock.untilTrue(() => world.of("manual").length === 1, 60_000);
    await world.end();
  });

  test("a named peer that is connected or being dialled is not dialled again", async () => {
    const world = network({ up: () => true, resolve: (name) => Promise.resolve([name]) });
    const place = { host: "2001:db8::1", port: 8333 };
    const dials = [1, 2, 3].map(() => world.dialling.manual.dial(place).then(() => "made", (e: NodeError) => e.code));
    assert.deepEqual((await Promise.all(dials)).sort(), ["ALREADY_CONNECTED", "ALREADY_CONNECTED", "made"]);
    await assert.rejects(world.dialling.manual.dial({ ...place, host: "2001:DB8:0::1" }), {
      code: "ALREADY_CONNECTED",
      message: "already connected to [2001:DB8:0::1]:8333",
    });
    // Another port is another place; and one that has left may be dialled again.
    assert.equal((await world.dialling.manual.dial({ ...place, host: "9.9.0.9", port: 5 })).kind, "manual");
    world.peers.get(place.host)?.end();
    await world.dialling.manual.dial(place);
    // The peer that is to be kept stands there already.
    const stop = new AbortController();
    const before = world.dialled.length;
    const keeping = world.dialling.keep(place, stop.signal);
    await world.clock.advance(120_000);
    assert.equal(world.dialled.length, before);
    stop.abort();
    await keeping;
    await world.end();
  });

  test("two names of one place are one peer, and one of those that are asked for", async () => {
    const warnings: string[] = [];
    const world = network({
      up: () => true,
      connect: ["a.example", "b.example", "c.example"].map((host) => ({ host, port: 5 })),
      resolve: (name) => Promise.resolve([name === "c.example" ? "8.8.0.8" : "9.9.0.9"]),
      notice: (level, text) => void (level === "warning" && warnings.push(text)),
    });
    for (let round = 0; round < 3; round++) {
      await world.clock.advance(120_000);
      assert.deepEqual(world.of("manual").sort(), ["8.8.0.8", "9.9.0.9"]);
      assert.equal(world.dialling.named, 2);
      world.peers.get("9.9.0.9")?.end();
    }
    assert.deepEqual(warnings, []);
    await world.end();
  });

  test("dials nobody and asks nobody while the network is switched off", async () => {
    let isActive = false;
    let asked = 0;
    const world = network({
      up: () => true,
      isActive: () => isActive,
      dnsSeeds: ["seed.example"],
      resolve: () => Promise.resolve([`1.${++asked}.0.1`]),
      askIntroducers: () => Promise.resolve((asked++, [])),
    });
    world.tell("2.1.0.1", "2.2.0.1");
    await world.clock.advance(3_600_000);
    assert.deepEqual([world.dialled.length, asked], [0, 0]);
    isActive = true;
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    await world.end();
  });

  test("asks its seeds soon after the network is switched on, when it knows nobody", async () => {
    let isActive = false;
    const world = network({
      up: () => true,
      isActive: () => isActive,
      dnsSeeds: ["seed.example"],
      resolve: () => Promise.resolve(["2.1.0.1", "2.2.0.1", "2.3.0.1"]),
    });
    await world.clock.advance(3_600_000);
    isActive = true;
    await world.clock.untilTrue(() => world.peers.size === 2, 30_000);
    await world.end();
  });

  test("asks the nodes that the operator named before any seed, and no seed when they lead to peers", async () => {
    const asked: string[] = [];
    const seedNodes = [{ host: "seed.example", port: 5 }, { host: "9.9.9.9", port: 6 }];
    const world = network({
      up: () => true,
      seedNodes,
      visitNode: ({ host, port }) => {
        asked.push(`${host} ${port}`);
        return host === "9.9.9.9"
          ? Promise.resolve(addresses("2.1.0.1", "2.2.0.1", "2.3.0.1"))
          : Promise.reject(new NodeError("closed", "network", "gone"));
      },
      dnsSeeds: ["dns.example"],
      resolve: (name) => Promise.resolve((asked.push(name), [])),
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    await world.clock.advance(600_000);
    assert.deepEqual(asked, ["seed.example 5", "9.9.9.9 6"]);
    await world.end();
  });

  test("asks no seed while the book leads to peers", async () => {
    let asked = 0;
    const world = network({
      up: () => true,
      dnsSeeds: ["seed.example"],
      resolve: () => Promise.resolve([`1.${++asked}.0.1`]),
    });
    world.tell("2.1.0.1", "2.2.0.1", "2.3.0.1");
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    const before = asked;
    world.peers.values().next().value?.end();
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    await world.clock.advance(600_000);
    assert.equal(asked, before);
    await world.end();
  });

  test("turns to the introducers when the seeds give nothing, and to the built-in addresses after a minute", async () => {
    let introduced = 0;
    const world = network({
      up: () => true,
      dnsSeeds: ["seed.example"],
      askIntroducers: () => Promise.resolve(++introduced > 0 ? [] : []),
      fixedSeeds: addresses("9.9.0.9"),
    });
    await world.clock.advance(50_000);
    assert.ok(introduced > 2);
    assert.equal(world.dialled.length, 0);
    await world.clock.untilTrue(() => world.peers.size === 1, 60_000);
    assert.deepEqual(world.of("outbound"), ["9.9.0.9"]);
    await world.end();
  });

  test("takes one outgoing connection a group, and none to who is banned or connected", async () => {
    const world = network({
      up: () => true,
      slots: { full: 3, blockRelay: 0 },
      isBanned: (host) => host === "3.3.0.1",
    });
    world.tell("1.1.0.1", "1.1.0.2", "1.1.7.7", "2.2.0.1", "3.3.0.1");
    await world.clock.advance(120_000);
    assert.deepEqual(world.of("outbound").map((host) => host.split(".")[0]).sort(), ["1", "2"]);
    await world.end();
  });

  test("keeps two connections for blocks only, and dials those of the last run first", async () => {
    const anchors = addresses("7.7.0.7", "8.8.0.8").map((each) => ({ ...each, kind: "block-relay" }) as const);
    const world = network({ up: () => true, slots: { full: 1, blockRelay: 2 }, anchors });
    world.tell("1.1.0.1", "2.2.0.2", "3.3.0.3", "4.4.0.4");
    await world.clock.untilTrue(() => world.peers.size === 3, 60_000);
    assert.deepEqual(world.dialled.slice(0, 2), [["7.7.0.7", "block-relay"], ["8.8.0.8", "block-relay"]]);
    const next = world.dialling.anchorsNow();
    assert.deepEqual(next.map(({ host, kind }) => [host, kind]).slice(0, 2), [
      ["7.7.0.7", "block-relay"],
      ["8.8.0.8", "block-relay"],
    ]);
    assert.deepEqual(next.slice(2).map(({ host }) => host), world.of("outbound"));
    await world.end();
  });

  test("addresses that do not answer hold no slot for long, and late answers no slot at all", async () => {
    const late: (() => void)[] = [];
    const dead = ["1.1.0.1", "2.2.0.2", "3.3.0.3"];
    const world = network({
      up: () => true,
      slots: { full: 1, blockRelay: 0 },
      wait: (host) => dead.includes(host) ? new Promise((resolve) => late.push(resolve)) : Promise.resolve(),
    });
    world.tell(...dead, "4.4.0.4");
    await world.clock.untilTrue(() => world.peers.size === 1, 30_000);
    assert.deepEqual(world.of("outbound"), ["4.4.0.4"]);
    for (const answer of late) answer();
    await world.clock.advance(1_000);
    assert.deepEqual(world.of("outbound"), ["4.4.0.4"]);
    await world.end();
  });

  test("of a slow dial and the one made instead, whichever answers first has the slot", async () => {
    const answers = new Map<string, () => void>();
    const world = network({
      up: () => true,
      slots: { full: 1, blockRelay: 0 },
      wait: (host) => new Promise((resolve) => answers.set(host, resolve)),
    });
    world.tell("1.1.0.1", "2.2.0.2");
    await world.clock.untilTrue(() => answers.size === 2, 30_000);
    const [slow, instead] = [...answers.keys()];
    answers.get(slow!)!();
    await world.clock.advance(1_000);
    assert.deepEqual(world.of("outbound"), [slow]);
    answers.get(instead!)!();
    await world.clock.advance(1_000);
    assert.deepEqual(world.of("outbound"), [slow]);
    await world.end();
  });

  test("feelers move addresses that answer to the tried ones, and leave no connection", async () => {
    const world = network({ up: () => true, slots: { full: 1, blockRelay: 0 }, feelerMeanMs: 60_000 });
    world.tell("1.1.0.1", "2.2.0.2", "3.3.0.3", "4.4.0.4");
    await world.clock.advance(30 * 60_000);
    assert.equal(world.peers.size, 1);
    assert.equal(world.dialling.book.size.tried, 4);
    assert.ok(world.dialled.filter(([, kind]) => kind === "feeler").length >= 3);
    await world.end();
  });

  test("one more connection when there was no tip for long, and only then", async () => {
    let isTipStale = false;
    const world = network({ up: () => true, slots: { full: 1, blockRelay: 0 }, isTipStale: () => isTipStale });
    world.tell("1.1.0.1", "2.2.0.2", "3.3.0.3");
    await world.clock.advance(60_000);
    assert.equal(world.peers.size, 1);
    isTipStale = true;
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    // One that is of no use goes again, and ten minutes pass before another is tried.
    await world.clock.untilTrue(() => world.peers.size === 1, 100_000);
    const before = world.dialled.length;
    await world.clock.advance(540_000);
    assert.equal(world.dialled.length, before);
    await world.clock.untilTrue(() => world.peers.size === 2, 120_000);
    await world.end();
  });

  test("one more block-relay connection now and then takes the place of the younger of the two, or goes again", async () => {
    const world = network({ up: () => true, slots: { full: 0, blockRelay: 2 }, extraMeanMs: 60_000 });
    world.tell(...Array.from({ length: 40 }, (_, i) => `${i + 1}.1.0.1`));
    await world.clock.advance(3_600_000);
    const kinds = world.dialled.map(([, kind]) => kind);
    // Sixty are to be expected, and no storm of them.
    assert.ok(kinds.length > 20 && kinds.length < 120, `${kinds.length} were tried`);
    assert.ok(world.of("block-relay").length <= 3);
    // Nobody gave a block: the two who came first are still here.
    assert.deepEqual(world.of("block-relay").slice(0, 2), world.dialled.slice(0, 2).map(([host]) => host));
    await world.end();
  });

  test("an address at which it is ourselves who answers is not dialled again", async () => {
    const dialled: string[] = [];
    const world = network({
      up: () => false,
      dial: ({ host }) => {
        dialled.push(host);
        const code = host === "1.1.0.1" ? SELF_CONNECTION : "connection_refused";
        return Promise.reject(new NodeError(code, "peer", code));
      },
    });
    world.tell("1.1.0.1", "2.2.0.2");
    await world.clock.advance(60_000);
    assert.equal(dialled.filter((host) => host === "1.1.0.1").length, 1);
    assert.ok(dialled.filter((host) => host === "2.2.0.2").length > 1);
    await world.end();
  });

  test("dials a named peer again, later each time, up to half a minute and a bit", async () => {
    const world = network({
      up: () => false,
      connect: [{ host: "10.0.0.1", port: 1 }],
      resolve: (name) => Promise.resolve([name]),
    });
    await world.clock.advance(600_000);
    assert.ok(world.dialled.length > 15 && world.dialled.length < 45, `${world.dialled.length} times in ten minutes`);
    assert.ok(world.dialled.every(([, kind]) => kind === "manual"));
    await world.end();
  });

  test("whom the operator named and who answers is in the book, as reached; who does not answer is not", async () => {
    const { clock, dialling, end } = network({
      up: (host) => host === "10.1.0.1",
      connect: [{ host: "10.1.0.1", port: 8444 }, { host: "10.2.0.1", port: 8444 }],
      resolve: (host) => Promise.resolve([host]),
    });
    await clock.advance(60_000);
    const known = dialling.book.find({ host: "10.1.0.1", port: 8444 });
    assert.equal(known?.isTried, true);
    assert.equal(known?.timeS, 1_750_000_000);
    assert.equal(dialling.book.find({ host: "10.2.0.1", port: 8444 }), undefined);
    await end();
  });

  test("what a peer tells is taken up to the longest name, with a time that can be, and with its penalty", async () => {
    const { clock, dialling, end } = network({ up: () => false });
    const nowS = Math.floor(clock.now() / 1000);
    dialling.asked("5.5.0.5");
    const told = [
      { host: "10.1.0.1", port: 8444, timeS: nowS - 1_000 },
      { host: "10.2.0.1", port: 8444, timeS: nowS + 5_000 },
      { host: "10.3.0.1", port: 8444 },
      { host: "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion", port: 8444, timeS: nowS },
      // One longer is not even looked up.
      { host: "x".repeat(63), port: 8444, timeS: nowS },
    ];
    assert.deepEqual(dialling.learn(told, "5.5.0.5"), { added: 4, known: 0, refused: 0, limited: 0 });
    const timeOf = (host: string) => dialling.book.find({ host, port: 8444 })?.timeS;
    assert.equal(timeOf("10.1.0.1"), nowS - 1_000 - 7_200);
    // Five days ago, as Core takes it.
    assert.equal(timeOf("10.2.0.1"), nowS - 5 * 86_400 - 7_200);
    assert.equal(timeOf("10.3.0.1"), nowS - 5 * 86_400 - 7_200);
    await end();
  });

  test("feelers go out at their mean distance from the start on, not at once", async () => {
    const world = network({ up: () => true, slots: { full: 1, blockRelay: 0 }, feelerMeanMs: 600_000 });
    world.tell(...Array.from({ length: 40 }, (_, i) => `${i + 1}.1.0.1`));
    await world.clock.untilTrue(() => world.dialled.length > 0, 60_000);
    await world.clock.advance(5_000);
    assert.deepEqual(world.dialled.map(([, kind]) => kind), ["outbound"]);
    await world.clock.advance(3_600_000);
    assert.ok(world.dialled.length > 2 && world.dialled.length < 16, `${world.dialled.length} in an hour`);
    await world.clock.advance(32_400_000);
    const feelers = world.dialled.filter(([, kind]) => kind === "feeler").length;
    assert.ok(feelers > 25 && feelers < 100, `${feelers} in ten hours`);
    await world.end();
  });

  test("trouble with a named peer is a warning once, and what repeats it is for debugging", async () => {
    const notices: string[] = [];
    let failure: NodeError = new NodeError("connection_refused", "network", "refused");
    const world = network({
      up: () => false,
      connect: [{ host: "10.0.0.1", port: 1 }],
      resolve: (name) => Promise.resolve([name]),
      dial: () => Promise.reject(failure),
      notice: (level, text) => notices.push(`${level} ${text}`),
    });
    await world.clock.advance(5_000);
    const ofPeer = () => notices.filter((line) => line.includes("10.0.0.1:1")).map((line) => line.split(" ")[0]);
    assert.ok(ofPeer().length >= 2);
    assert.deepEqual([ofPeer()[0], new Set(ofPeer().slice(1))], ["warning", new Set(["debug"])]);
    const before = ofPeer().length;
    failure = new NodeError("timeout", "network", "no answer");
    await world.clock.advance(60_000);
    assert.equal(ofPeer()[before], "warning", "other trouble is news");
    await world.end();
  });

  test("an extra block-relay connection is tried about as often as its mean says", async () => {
    const world = network({ up: () => true, slots: { full: 0, blockRelay: 2 }, extraMeanMs: 600_000 });
    world.tell(...Array.from({ length: 40 }, (_, i) => `${i + 1}.1.0.1`));
    await world.clock.advance(10_000);
    assert.equal(world.dialled.length, 2, "not at once");
    await world.clock.advance(36_000_000);
    // Sixty are to be expected in ten hours, beside the first two.
    assert.ok(world.dialled.length > 35 && world.dialled.length < 95, `${world.dialled.length}`);
    await world.end();
  });

  test("dials one address after the other, about half a second apart, and looks seldom where there is none", async () => {
    const times: number[] = [];
    let looks = 0;
    const world = network({
      up: () => true,
      slots: { full: 6, blockRelay: 0 },
      wait: () => Promise.resolve(void times.push(world.clock.monotonic())),
      isActive: () => (looks += 1) > 0,
    });
    world.tell(...Array.from({ length: 5 }, (_, i) => `${i + 1}.1.0.1`));
    await world.clock.untilTrue(() => times.length === 5, 60_000);
    const waits = times.slice(1).map((time, i) => time - times[i]!);
    assert.ok(waits.every((ms) => ms >= 250 && ms <= 750), `${waits}`);
    looks = 0;
    await world.clock.advance(600_000);
    // Twice a pass, of which there is one in five seconds, and once where it is asked for enough peers.
    assert.ok(looks > 100 && looks < 400, `${looks}`);
    await world.end();
  });

  test("looks every half minute while every slot is full, and has no more dials under way than slots", async () => {
    let looks = 0;
    const world = network({
      up: () => true,
      wait: () => world.clock.sleep(4_000),
      isActive: () => (looks += 1) > 0,
    });
    world.tell(...Array.from({ length: 9 }, (_, i) => `${i + 1}.1.0.1`));
    await world.clock.advance(12_000);
    assert.deepEqual([world.dialled.length, world.peers.size], [2, 2]);
    looks = 0;
    await world.clock.advance(600_000);
    assert.ok(looks > 10 && looks < 60, `${looks}`);
    await world.end();
  });

  test("a failure counts against an address once two outgoing peers show that we reach anybody", async () => {
    for (const [up, attempts] of [[["1.1.0.1"], 0], [["1.1.0.1", "2.2.0.2"], 1]] as const) {
      const world = network({
        up: (host) => (up as readonly string[]).includes(host),
        slots: { full: 3, blockRelay: 0 },
      });
      world.tell(...up);
      await world.clock.untilTrue(() => world.peers.size === up.length, 60_000);
      world.tell("9.9.0.9");
      await world.clock.untilTrue(() => world.dialled.some(([host]) => host === "9.9.0.9"), 60_000);
      assert.equal(world.dialling.book.find({ host: "9.9.0.9", port: 8444 })?.attempts, attempts);
      await world.end();
    }
  });

  test("what an outgoing peer says keeps its address alive, and what an inbound one says does not", async () => {
    const world = network({ up: () => true });
    world.tell("1.1.0.1");
    await world.clock.untilTrue(() => world.peers.size === 1, 60_000);
    const { peer } = world.peers.get("1.1.0.1")!;
    const timeS = () => world.dialling.book.find({ host: "1.1.0.1", port: 8444 })?.timeS;
    await world.clock.advance(3_600_000);
    const before = timeS();
    world.dialling.seen(new Peer({ id: 99, kind: "inbound", since: 0, session: peer.session }));
    assert.equal(timeS(), before);
    world.dialling.seen(peer);
    assert.equal(timeS(), Math.floor(world.clock.now() / 1000));
    await world.end();
  });

  test("an extra connection has half a minute, and as long as something is awaited of it", async () => {
    let isBusy = true;
    const world = network({
      up: () => true,
      slots: { full: 1, blockRelay: 0 },
      isTipStale: () => true,
      isBusy: () => isBusy,
    });
    world.tell("1.1.0.1", "2.2.0.2");
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    await world.clock.advance(120_000);
    assert.equal(world.peers.size, 2);
    isBusy = false;
    await world.clock.untilTrue(() => world.peers.size === 1, 60_000);
    await world.end();
    const other = network({ up: () => true, slots: { full: 1, blockRelay: 0 }, isTipStale: () => true });
    other.tell("1.1.0.1", "2.2.0.2");
    await other.clock.untilTrue(() => other.peers.size === 2, 60_000);
    await other.clock.advance(29_000);
    assert.equal(other.peers.size, 2);
    await other.end();
  });

  test("of its own addresses it remembers 64", async () => {
    const dialled = new Map<string, number>();
    const world = network({
      up: () => false,
      retryMs: 1_000,
      dial: ({ host }) => {
        dialled.set(host, (dialled.get(host) ?? 0) + 1);
        return Promise.reject(new NodeError(SELF_CONNECTION, "peer", "it is ourselves"));
      },
    });
    world.tell(...Array.from({ length: 66 }, (_, i) => `${i + 1}.1.0.1`));
    await world.clock.advance(3_600_000);
    const counts = [...dialled.values()];
    const known = world.dialling.book.size.total;
    assert.ok(known >= 65, "a book takes nearly all that it is told");
    assert.deepEqual([counts.length, counts.filter((count) => count > 1).length], [known, known - 64]);
    await world.end();
  });

  test("a slot that becomes free is filled at once, whether its peer has left or its dial has failed", async () => {
    const world = network({
      up: (host) => host !== "1.1.0.1",
      slots: { full: 1, blockRelay: 0 },
      wait: (host) => host === "1.1.0.1" ? world.clock.sleep(1_000) : Promise.resolve(),
    });
    world.tell("1.1.0.1");
    await world.clock.untilTrue(() => world.dialled.length === 1, 60_000);
    world.tell("2.2.0.2", "3.3.0.3");
    await world.clock.advance(800);
    const [[host] = []] = world.peers;
    assert.ok(host !== undefined, "after a dial that failed");
    // Long enough for the loop to be at rest.
    await world.clock.advance(60_000);
    const { peer, end } = world.peers.get(host)!;
    end();
    world.dialling.seen(peer);
    await world.clock.advance(1_000);
    assert.equal(world.peers.size, 1, "after a peer that left");
    await world.end();
  });

  test("tells why an address did not answer, and nothing of one that was given up at the end", async () => {
    const notices: string[] = [];
    const refused = () => Promise.reject(new NodeError("connection_refused", "network", "refused"));
    const notice = (level: string, text: string) => void notices.push(`${level} ${text}`);
    const world = network({ up: () => false, notice, dial: refused });
    world.tell("1.1.0.1");
    await world.clock.advance(10_000);
    assert.deepEqual([...new Set(notices)], ["debug 1.1.0.1: refused"]);
    await world.end();
    notices.length = 0;
    const ended = network({ up: () => false, notice, dial: () => ended.clock.sleep(60_000).then(refused) });
    ended.tell("1.1.0.1", "2.2.0.2");
    await ended.clock.advance(10_000);
    await ended.end();
    assert.deepEqual(notices, []);
    assert.equal(ended.dialling.book.find({ host: "1.1.0.1", port: 8444 })?.lastTryS, 0);
  });

  test("ends at once when it is told to, and not before its dials", async () => {
    const isOver = async (world: ReturnType<typeof network>) => {
      let over = false;
      void world.running.then(() => (over = true));
      await world.clock.advance(0);
      return over;
    };
    const idle = network({ up: () => true });
    idle.tell("1.1.0.1", "2.2.0.2");
    await idle.clock.advance(60_000);
    assert.equal(await isOver(idle), false);
    idle.stop();
    assert.equal(await isOver(idle), true);
    const dialling = network({ up: () => true, wait: () => dialling.clock.sleep(60_000) });
    dialling.tell("1.1.0.1");
    await dialling.clock.advance(10_000);
    dialling.stop();
    assert.equal(await isOver(dialling), false);
    await dialling.clock.advance(60_000);
    assert.equal(await isOver(dialling), true);
    const named = network({
      up: () => true,
      connect: addresses("1.1.0.1"),
      resolve: (name) => Promise.resolve([name]),
    });
    await named.clock.advance(10_000);
    assert.equal(await isOver(named), false);
    await named.end();
  });

  test("does not dial a host that came to us", async () => {
    const inbound = new Peer({
      id: 1,
      kind: "inbound",
      since: 0,
      session: { remote: { host: "1.1.0.1", port: 50_000 } } as unknown as PeerSession<unknown>,
    });
    const world = network({ up: () => false, peers: () => [inbound] });
    world.tell("1.1.0.1", "2.2.0.2");
    await world.clock.advance(60_000);
    assert.deepEqual([...new Set(world.dialled.map(([host]) => host))], ["2.2.0.2"]);
    await world.end();
  });

  test("a connection that is kept for another reason is no other name of one of --connect", async () => {
    const place = { host: "10.0.0.1", port: 8444 };
    const world = network({ up: () => true, connect: [place], resolve: (name) => Promise.resolve([name]) });
    await world.clock.advance(10_000);
    assert.equal(world.dialling.named, 1);
    const stop = new AbortController();
    const keeping = world.dialling.keep(place, stop.signal);
    await world.clock.advance(10_000);
    assert.equal(world.dialling.named, 1);
    stop.abort();
    await world.clock.until(keeping);
    await world.end();
  });
});
