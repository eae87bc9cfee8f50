import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { NodeError } from "../../../lib/core/errors.ts";
import { keepPeer } from "../../../lib/core/dialling/manual-peers.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { DialledPeers } from "./dialled-peers.ts";
import { simClock } from "./sim.ts";

/** How often a named peer is dialled or looked up within ten minutes. */
async function triesIn10Minutes(
  { resolves, stands }: { readonly resolves: boolean; readonly stands: (peers: DialledPeers) => void },
): Promise<number> {
  const clock = simClock();
  const peers = new DialledPeers(clock, () => true);
  const life = new AbortController();
  let tries = 0;
  const keeping = keepPeer({ host: "node.example", port: 1 }, {
    clock,
    random: new SeededRandom(1),
    resolve: (host) => {
      tries++;
      return resolves ? Promise.resolve([host]) : Promise.reject(new NodeError("name_not_found", "network", host));
    },
    peers: () => peers.peers,
    dial: async (address, kind) => {
      const peer = await peers.dial(address, kind);
      stands(peers);
      return peer;
    },
    took: () => {},
    isSame: (one, other) => one === other,
    succeeded: () => {},
    notice: () => {},
  }, life.signal);
  await clock.advance(600_000);
  life.abort();
  await clock.advance(60_000);
  await keeping;
  return tries;
}

describe("keepPeer()", () => {
  test("looks up a name that there is not ever later", async () => {
    const tries = await triesIn10Minutes({ resolves: false, stands: () => {} });
    assert.ok(tries > 10 && tries < 40, `${tries} tries`);
  });

  test("dials a peer that leaves at once ever later, too", async () => {
    const stands = (peers: DialledPeers) => queueMicrotask(() => peers.connected.forEach(({ end }) => end()));
    const tries = await triesIn10Minutes({ resolves: true, stands });
    assert.ok(tries > 10 && tries < 40, `${tries} tries`);
  });

  test("dials a peer that stood for ten seconds again soon, and one that left earlier later each time", async () => {
    for (const [stoodMs, isSoon] of [[10_000, true], [9_999, false]] as const) {
      const clock = simClock();
      const peers = new DialledPeers(clock, () => true);
      const life = new AbortController();
      const waits: number[] = [];
      let ended = 0;
      const keeping = keepPeer({ host: "10.0.0.1", port: 1 }, {
        clock,
        random: { below: () => 0, bytes: (length) => new Uint8Array(length) },
        resolve: (host) => Promise.resolve([host]),
        peers: () => peers.peers,
        dial: async (address, kind) => {
          waits.push(clock.monotonic() - ended);
          const peer = await peers.dial(address, kind);
          clock.after(stoodMs, () => {
            ended = clock.monotonic();
            peers.connected.get("10.0.0.1")?.end();
          });
          return peer;
        },
        took: () => {},
        isSame: (one, other) => one === other,
        succeeded: () => {},
        notice: () => {},
      }, life.signal);
      await clock.advance(100_000);
      // The first dial has nothing to wait for, and the wait before the second is the shortest.
      assert.deepEqual(waits.slice(1, 5), isSoon ? [500, 500, 500, 500] : [500, 1_000, 2_000, 4_000]);
      life.abort();
      await clock.advance(60_000);
      await keeping;
    }
  });

  test("says nothing of a dial that failed because it was given up", async () => {
    const clock = simClock();
    const life = new AbortController();
    const notices: string[] = [];
    const dialling = Promise.withResolvers<never>();
    const keeping = keepPeer({ host: "10.0.0.1", port: 1 }, {
      clock,
      random: new SeededRandom(1),
      resolve: (host) => Promise.resolve([host]),
      peers: () => [],
      dial: () => dialling.promise,
      took: () => {},
      isSame: (one, other) => one === other,
      succeeded: () => {},
      notice: (level, text) => notices.push(`${level} ${text}`),
    }, life.signal);
    await clock.advance(1_000);
    life.abort();
    dialling.reject(new NodeError("stopped", "self", "stopped"));
    await clock.advance(0);
    await keeping;
    assert.deepEqual([notices, clock.pending], [[], 0]);
  });
});
