/** Whom a node dials, on simulated time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Dialling, type DiallingParts, type StoredPeer } from "../../../lib/core/dialling.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { Peer, type PeerSession } from "../../../lib/core/peer.ts";
import type { PeerAddress } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "./sim.ts";

/** A network in which some addresses answer. */
function network(options: Partial<DiallingParts<Peer>> & { readonly up: readonly string[] }) {
  const clock = simClock();
  const stop = new AbortController();
  const kept: StoredPeer[] = [];
  const peers = new Map<string, { readonly peer: Peer; readonly end: () => void }>();
  const dialled: string[] = [];
  let id = 0;
  const dial = ({ host, port }: PeerAddress, wanted: boolean) => {
    dialled.push(host);
    if (!options.up.includes(host)) return Promise.reject(new NodeError("connection_refused", "network", "refused"));
    const life = new AbortController();
    const session: PeerSession<unknown> = {
      remote: { host, port },
      signal: life.signal,
      label: host,
      close: () => life.abort(),
      run: () => Promise.reject(new Error("nobody runs it")),
    };
    const peer = new Peer({ id: ++id, direction: "out", session, since: clock.now(), wanted });
    peers.set(host, {
      peer,
      end: () => {
        peers.delete(host);
        life.abort();
      },
    });
    return Promise.resolve(peer);
  };
  const dialling = new Dialling<Peer>({
    dnsSeeds: [],
    defaultPort: 8444,
    clock,
    random: new SeededRandom(5),
    store: {
      peers: () => Promise.resolve([...kept]),
      savePeers: (all) => Promise.resolve(void kept.splice(0, kept.length, ...all)),
    },
    connect: [],
    resolve: () => Promise.reject(new NodeError("name_not_found", "network", "no such name")),
    outbound: 2,
    peers: () => [...peers.values()].map(({ peer }) => peer),
    dial,
    isSame: (one, other) => one.host === other.host,
    notice: () => {},
    ...options,
  });
  const running = dialling.run(stop.signal);
  return {
    clock,
    dialling,
    peers,
    kept,
    dialled,
    end: async () => {
      stop.abort();
      await clock.until(running);
      assert.equal(clock.pending, 0, "no timer is left");
    },
  };
}

describe("Dialling", () => {
  test("finds peers by the DNS seeds, past a seed that does not answer and addresses that refuse", async () => {
    const asked: string[] = [];
    const world = network({
      up: ["10.0.0.2", "10.0.0.4"],
      dnsSeeds: ["dead.example", "seed.example"],
      resolve: (name) => {
        asked.push(name);
        if (name === "dead.example") return Promise.reject(new NodeError("name_not_found", "network", "gone"));
        return Promise.resolve(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
      },
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    assert.deepEqual(asked, ["dead.example", "seed.example"]);
    assert.deepEqual(world.dialling.gossip().map(({ host }) => host).sort(), ["10.0.0.2", "10.0.0.4"]);
    await world.end();
  });

  test("replaces a peer that goes with one that gossip told of, and asks the seeds no more", async () => {
    let asked = 0;
    const world = network({
      up: ["10.0.0.1", "10.0.0.2", "10.0.0.9"],
      dnsSeeds: ["seed.example"],
      resolve: () => Promise.resolve(asked++ === 0 ? ["10.0.0.1", "10.0.0.2"] : []),
    });
    await world.clock.untilTrue(() => world.peers.size === 2, 60_000);
    world.dialling.learn([{ host: "10.0.0.9", port: 8444 }], "10.0.0.1");
    world.peers.get("10.0.0.1")?.end();
    await world.clock.untilTrue(() => world.peers.has("10.0.0.9"), 60_000);
    assert.equal(asked, 1);
    await world.end();
  });

  test("keeps what it learnt for the next start, and no list longer than a message may have", async () => {
    const world = network({ up: [] });
    world.dialling.learn(
      Array.from({ length: 1_001 }, (_, i) => ({ host: `10.1.${i >> 8}.${i & 255}`, port: 1 })),
      "10.0.0.1",
    );
    assert.deepEqual(world.dialling.known, []);
    world.dialling.learn([{ host: "10.0.0.9", port: 8444 }, { host: "x".repeat(46), port: 1 }], "10.0.0.1");
    await world.end();
    await world.dialling.save();
    assert.deepEqual(world.kept.map(({ host, source }) => [host, source]), [["10.0.0.9", "10.0.0.1"]]);
  });

  test("dials a named peer again, later each time, up to half a minute and a bit", async () => {
    const world = network({
      up: [],
      connect: [{ host: "10.0.0.1", port: 1 }],
      resolve: (name) => Promise.resolve([name]),
    });
    await world.clock.advance(600_000);
    assert.ok(world.dialled.length > 15 && world.dialled.length < 45, `${world.dialled.length} times in ten minutes`);
    await world.end();
  });
});
