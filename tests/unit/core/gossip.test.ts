import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HeardAddress } from "../../../lib/core/addresses/rules.ts";
import { Gossip, type GossipParts } from "../../../lib/core/addresses/gossip.ts";
import { Peer } from "../../../lib/core/peers/peer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "./sim.ts";

/** A gossip of `count` peers, and what each was sent. */
function world(count: number, options: Partial<GossipParts<Peer>> = {}) {
  const clock = simClock();
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
});
