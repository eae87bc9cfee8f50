import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HeardAddress } from "../../../lib/core/addresses/rules.ts";
import { Gossip, type GossipParts } from "../../../lib/core/addresses/gossip.ts";
import { Peer } from "../../../lib/core/peers/peer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "./sim.ts";

/** A gossip of `count` peers, and what each was sent. */
function world(count: number, options: Partial<GossipParts<Peer>> = {}, startMs?: number) {
  const clock = simClock(startMs);
  const peers = Array.from(
    { length: count },
    (_, i) =>
      new Peer({
        id: i + 1,
        kind: "outbound",
        since: 0,
        session: { remote: { host: `10.${i}.0.1`, port: 1 } } as never,
      }),
  );
  const sent = new Map<number, HeardAddress[][]>(peers.map(({ id }) => [id, []]));
  const gossip = new Gossip<Peer>({
    clock,
    random: new SeededRandom(7),
    peers: () => peers,
    takesPart: () => true,
    send: (peer, addresses) => sent.get(peer.id)?.push([...addresses]),
    isRelayable: () => true,
    own: () => undefined,
    freshMax: 10,
    delayMeanMs: 30_000,
    ...options,
  });
  for (const peer of peers) gossip.joined(peer, false);
  const nowS = () => clock.now() / 1000;
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 1_000) {
      await clock.advance(1_000);
      gossip.tick();
    }
  };
  const told = () => peers.filter(({ id }) => sent.get(id)!.length > 0);
  return { clock, peers, sent, gossip, nowS, pass, told };
}

const address = (n: number, timeS: number): HeardAddress => ({ host: `20.0.${n >> 8}.${n & 255}`, port: 8333, timeS });

describe("gossip", () => {
  test("a fresh address goes on to two peers, and not back", async () => {
    const { gossip, peers, told, pass, nowS } = world(10);
    gossip.heard(peers[0]!, [address(1, nowS())]);
    await pass(600_000);
    assert.equal(told().length, 2);
    assert.ok(!told().includes(peers[0]!));
  });

  test("the same address goes to the same two all day, whoever tells it", async () => {
    const { gossip, peers, sent, pass, nowS } = world(20);
    for (const from of peers.slice(0, 10)) gossip.heard(from, [address(1, nowS())]);
    await pass(600_000);
    const messages = [...sent.values()].flat();
    assert.ok(messages.length <= 4, `${messages.length}`);
  });

  test("different addresses go to different peers", async () => {
    const { gossip, peers, told, pass, nowS } = world(20);
    for (let n = 0; n < 200; n++) gossip.heard(peers[0]!, [address(n, nowS())]);
    await pass(600_000);
    assert.equal(told().length, 19);
  });

  for (
    const [why, list] of [
      ["old ones", (nowS: number) => [address(1, nowS - 601)]],
      ["those of the future", (nowS: number) => [address(1, nowS + 601)]],
      ["a long list", (nowS: number) => Array.from({ length: 11 }, (_, n) => address(n, nowS))],
    ] as const
  ) {
    test(`${why} do not go on`, async () => {
      const { gossip, peers, told, pass, nowS } = world(10);
      gossip.heard(peers[0]!, list(nowS()));
      await pass(600_000);
      assert.deepEqual(told(), []);
    });
  }

  test("the answer to a question does not go on, and what follows it does", async () => {
    const { gossip, peers, told, pass, nowS } = world(10);
    gossip.left(peers[0]!);
    gossip.joined(peers[0]!, true);
    gossip.heard(peers[0]!, [address(1, nowS()), address(2, nowS())]);
    await pass(300_000);
    assert.deepEqual(told(), []);
    gossip.heard(peers[0]!, [address(3, nowS())]);
    await pass(300_000);
    assert.equal(told().length, 2);
  });

  test("one address alone, as a peer tells of itself, is not the answer yet", async () => {
    const { gossip, peers, told, nowS } = world(10, { delayMeanMs: 0 });
    gossip.joined(peers[0]!, true);
    gossip.heard(peers[0]!, [address(1, nowS())]);
    gossip.heard(peers[0]!, [address(2, nowS()), address(3, nowS())]);
    assert.deepEqual(told(), []);
    gossip.heard(peers[0]!, [address(4, nowS())]);
    assert.equal(told().length, 2);
  });

  test("what a peer that has gone told before is passed over, and told to nobody", () => {
    const { gossip, peers, told, nowS } = world(3, { delayMeanMs: 0 });
    gossip.left(peers[0]!);
    gossip.heard(peers[0]!, [address(1, nowS())]);
    gossip.told(peers[0]!, [address(1, 0)]);
    assert.deepEqual(told(), []);
  });

  test("a host is known by its first 64 characters, which is more than an address has", () => {
    const host = (length: number, end: string) => ({ host: "x".repeat(length) + end, port: 1 });
    for (const [length, isTold] of [[63, true], [64, false]] as const) {
      const { gossip, peers, told } = world(1, { delayMeanMs: 0 });
      gossip.told(peers[0]!, [host(length, "a")]);
      gossip.relay(host(length, "b"), 1);
      assert.equal(told().length, isTold ? 1 : 0);
    }
  });

  test("of what a peer knows the last five thousand are remembered", () => {
    for (const [more, isTold] of [[4_999, false], [5_000, true]] as const) {
      const { gossip, peers, sent } = world(1, { delayMeanMs: 0 });
      gossip.told(peers[0]!, Array.from({ length: more + 1 }, (_, n) => address(n, 0)));
      gossip.relay(address(0, 0), 1);
      assert.equal(sent.get(1)!.length, isTold ? 1 : 0);
    }
  });

  test("what a peer knows is not told to it", async () => {
    const { gossip, peers, sent, pass, nowS } = world(3);
    gossip.told(peers[1]!, [address(1, 0)]);
    gossip.heard(peers[0]!, [address(1, nowS())]);
    await pass(600_000);
    assert.deepEqual([...sent.values()].map(({ length }) => length), [0, 0, 1]);
  });

  test("a flood costs a queue of a thousand for each peer, and no more", async () => {
    const { clock, gossip, peers, sent, pass, nowS } = world(3, { delayMeanMs: 1e9 });
    for (let n = 0; n < 5_000; n++) gossip.heard(peers[0]!, [address(n, nowS())]);
    await pass(1_000);
    assert.equal([...sent.values()].flat().length, 0);
    assert.equal(clock.pending, 2, "one timer for each of the others");
    gossip.left(peers[1]!);
    await clock.advance(3e10);
    assert.deepEqual([...sent.values()].map((messages) => messages.map(({ length }) => length)), [[], [], [1_000]]);
    gossip.relay(address(6_000, nowS()), 1);
    gossip.left(peers[0]!);
    gossip.left(peers[2]!);
    assert.equal(clock.pending, 0, "none outlives its peer");
  });

  test("our own address goes to each at once, and then about once a day", async () => {
    const { sent, clock, gossip } = world(20, { own: () => ({ host: "30.0.0.1", port: 8333 }) });
    gossip.tick();
    assert.deepEqual([...sent.values()].map(({ length }) => length), Array(20).fill(1));
    for (let hour = 0; hour < 240; hour++) {
      await clock.advance(3_600_000);
      gossip.tick();
    }
    const total = [...sent.values()].flat().length;
    assert.ok(total > 20 * 7 && total < 20 * 15, `${total} in ten days`);
  });

  /** Who is told of an address by `relay`, of `count` peers in a world of its own: the key is always the same. */
  function chosen(
    n: number,
    { peers = 20, count = 2, startMs = 1_750_000_000_000, options = () => ({}) }: {
      readonly peers?: number;
      readonly count?: number;
      readonly startMs?: number;
      readonly options?: (all: readonly Peer[]) => Partial<GossipParts<Peer>>;
    } = {},
  ): number[] {
    let all: readonly Peer[] = [];
    const made = world(peers, {
      delayMeanMs: 0,
      takesPart: (peer) => options(all).takesPart?.(peer) ?? true,
      peers: () => options(all).peers?.() ?? all,
    }, startMs);
    all = made.peers;
    made.gossip.relay(address(n, 0), count);
    return made.told().map(({ id }) => id).sort((a, b) => a - b);
  }
  const addresses = Array.from({ length: 60 }, (_, n) => n);

  test("relay() puts an address before as many peers as it is told, and never before the one that it is from", () => {
    for (const count of [1, 2, 3, 7]) {
      for (const n of addresses) assert.equal(chosen(n, { count }).length, count);
    }
    assert.equal(chosen(1, { peers: 3, count: 7 }).length, 3);
    for (const n of addresses) {
      const { gossip, peers, told } = world(4, { delayMeanMs: 0 });
      gossip.relay(address(n, 0), 3, peers[1]);
      assert.deepEqual(told().map(({ id }) => id), [1, 3, 4]);
    }
  });

  test("relay() chooses by a rank of each peer: who else there is, and in which order, does not matter", () => {
    for (const n of addresses) {
      const two = chosen(n);
      assert.deepEqual(chosen(n, { options: (all) => ({ peers: () => all.toReversed() }) }), two, "another order");
      assert.ok(two.every((id) => chosen(n, { count: 3 }).includes(id)), "the first two of three");
      // One of them does not take part: the other is told still, and one more in its place.
      for (const out of two) {
        const others = chosen(n, { options: () => ({ takesPart: ({ id }) => id !== out }) });
        assert.equal(others.length, 2);
        assert.ok(!others.includes(out) && others.includes(two.find((id) => id !== out)!));
      }
    }
  });

  test("relay() chooses each peer about as often", () => {
    const counts = new Map<number, number>();
    for (let n = 0; n < 400; n++) for (const id of chosen(n)) counts.set(id, (counts.get(id) ?? 0) + 1);
    assert.equal(counts.size, 20);
    // 40 are to be expected; six standard deviations are 36.
    for (const [id, count] of counts) assert.ok(count > 10 && count < 76, `${id}: ${count}`);
  });

  test("relay() chooses others a day later, each address at an hour of its own", () => {
    const start = 1_750_000_000_000;
    const day = 24 * 3_600_000;
    let changed = 0;
    const hours = new Set<number>();
    for (const n of addresses) {
      const before = chosen(n, { startMs: start });
      if (`${chosen(n, { startMs: start + day })}` !== `${before}`) changed += 1;
      const changes: number[] = [];
      for (let hour = 1, last = `${before}`; hour <= 24; hour++) {
        const now = `${chosen(n, { startMs: start + hour * 3_600_000 })}`;
        if (now !== last) changes.push(hour);
        last = now;
      }
      assert.ok(changes.length <= 1, `once a day: ${changes}`);
      for (const hour of changes) hours.add(hour);
    }
    assert.ok(changed >= 55, `${changed} of 60`);
    assert.ok(hours.size >= 15, `${hours.size} hours`);
  });

  test("what waits goes out together, once, and to no peer that heard of it meanwhile", async () => {
    const { clock, gossip, peers, sent, nowS } = world(3, { delayMeanMs: 30_000 });
    gossip.relay(address(1, nowS()), 2, peers[0]);
    gossip.relay(address(2, nowS()), 2, peers[0]);
    gossip.relay(address(1, nowS()), 2, peers[0]);
    gossip.told(peers[2]!, [address(2, 0)]);
    assert.deepEqual([...sent.values()].flat(), [], "not at once");
    await clock.advance(600_000);
    assert.deepEqual([...sent.values()].map((messages) => messages.map((each) => each.map(({ host }) => host))), [
      [],
      [["20.0.0.1", "20.0.0.2"]],
      [["20.0.0.1"]],
    ]);
    // What was sent is known: it is not sent again.
    gossip.relay(address(1, nowS()), 3);
    await clock.advance(600_000);
    assert.deepEqual([...sent.values()].map(({ length }) => length), [1, 1, 1]);
    assert.equal(clock.pending, 0);
  });

  test("nothing is sent to a peer that has heard of all that waits for it, nor to one that has gone", async () => {
    const { clock, gossip, peers, sent, nowS } = world(3, { delayMeanMs: 30_000 });
    gossip.relay(address(1, nowS()), 2, peers[0]);
    gossip.heard(peers[1]!, [address(1, 0)]);
    gossip.left(peers[2]!);
    gossip.relay(address(2, nowS()), 2, peers[0]);
    gossip.heard(peers[1]!, [address(2, 0)]);
    await clock.advance(600_000);
    assert.deepEqual([...sent.values()], [[], [], []]);
    assert.equal(clock.pending, 0);
  });

  test("what is just not too old, not too far ahead or not too long a list goes on", async () => {
    for (
      const list of [
        (nowS: number) => [address(1, nowS - 599)],
        (nowS: number) => [address(1, nowS + 599)],
        (nowS: number) => Array.from({ length: 10 }, (_, n) => address(n, nowS)),
      ]
    ) {
      const { gossip, peers, told, nowS } = world(10, { delayMeanMs: 0 });
      gossip.heard(peers[0]!, list(nowS()));
      assert.ok(told().length >= 2);
    }
    for (const timeS of [-600, 600]) {
      const { gossip, peers, told, nowS } = world(10, { delayMeanMs: 0 });
      gossip.heard(peers[0]!, [address(1, nowS() + timeS)]);
      assert.deepEqual(told(), []);
    }
    const { gossip, peers, told, nowS } = world(10, { delayMeanMs: 0, isRelayable: ({ host }) => host !== "20.0.0.1" });
    gossip.heard(peers[0]!, [address(1, nowS())]);
    assert.deepEqual(told(), []);
    gossip.heard(peers[0]!, [address(2, nowS())]);
    assert.equal(told().length, 2);
  });

  test("our own address goes to those that take part, when it is known: it is looked at again after a minute", async () => {
    const known: HeardAddress[] = [];
    const { clock, gossip, sent } = world(2, { own: () => known[0], takesPart: ({ id }) => id === 2 });
    gossip.tick();
    known.push({ host: "30.0.0.1", port: 8333, timeS: 1 });
    await clock.advance(59_999);
    gossip.tick();
    assert.deepEqual([...sent.values()].flat(), []);
    await clock.advance(1);
    gossip.tick();
    gossip.tick();
    assert.deepEqual([...sent.values()], [[], [[{ ...known[0], timeS: Math.floor(clock.now() / 1000) }]]]);
  });
});
