import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Connections, type PeerProtocol } from "../../../lib/core/peers/connections.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { exitFor, Peer, type PeerExit, type PeerInit, type PeerSession } from "../../../lib/core/peers/peer.ts";
import type { ByteDuplex, Clock, PeerAddress } from "../../../lib/core/ports.ts";
import { type Offence, PeerOffence } from "../../../lib/core/peers/reputation.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { Subnets } from "../../../lib/core/subnets.ts";
import { simClock } from "./sim.ts";

/** A session that ends when it is told to, for an offence or for none. */
class Session implements PeerSession<never> {
  readonly #ended = new AbortController();
  readonly #exit = Promise.withResolvers<PeerExit>();
  readonly traffic: Traffic;
  constructor(readonly remote: PeerAddress, clock: Clock) {
    this.traffic = new Traffic(clock);
  }
  get signal() {
    return this.#ended.signal;
  }
  get label() {
    return this.remote.host;
  }
  close() {
    this.end(new NodeError("stopped", "self", "closed here"));
  }
  fail(fault: Error) {
    this.end(fault);
  }
  end(cause: Error) {
    this.#ended.abort();
    this.#exit.resolve(exitFor(cause));
  }
  run() {
    return this.#exit.promise;
  }
}

const INBOUND_MAX = 2;

/** Connections of a made-up protocol, and the means to come in by. */
interface WorldOptions {
  readonly whitelist?: readonly string[];
  readonly slots?: number;
  /** Slots for hosts whose last number is even, of those that there are. */
  readonly evenSlots?: number;
  readonly openingMax?: number;
}

function world({ whitelist = [], slots = INBOUND_MAX, evenSlots, openingMax }: WorldOptions = {}) {
  const isEven = ({ remote: { host } }: Session) => Number(host.split(".").at(-1)) % 2 === 0;
  const clock = simClock();
  const sessions = new Map<string, Session>();
  const refused: string[] = [];
  const refusing: string[] = [];
  const gone = new Map<string, () => void>();
  /** Ends the handshakes of hosts that take their time. */
  const shaken = new Map<string, () => void>();
  const begin = (remote: PeerAddress): Promise<Session> => {
    const session = new Session(remote, clock);
    sessions.set(remote.host, session);
    return Promise.resolve(session);
  };
  const protocol: PeerProtocol<Session> = {
    dial: begin,
    accept: (duplex, { banned }) => {
      // Connects and says nothing.
      if (/^10\.6\d\./.test(duplex.remote.host)) {
        return new Promise((_, reject) =>
          void gone.set(duplex.remote.host, () => reject(new NodeError("closed", "network", "gone")))
        );
      }
      if (duplex.remote.host.startsWith("10.77.")) {
        return new Promise((resolve) => void shaken.set(duplex.remote.host, () => resolve(begin(duplex.remote))));
      }
      if (banned) return Promise.reject(new NodeError("banned", "peer", "banned"));
      return begin(duplex.remote);
    },
    exitFor,
    isSame: () => false,
    slotsFor: (session) => [
      ...(evenSlots !== undefined && isEven(session) ? [{ max: evenSlots, isAlike: isEven }] : []),
      { max: slots, isAlike: () => true },
    ],
    refuseSlot: () => new NodeError("slots_full", "peer", "full"),
  };
  const spared = new Subnets();
  for (const subnet of whitelist) spared.add(subnet);
  const connections = new Connections<Session, Peer<Session>, never>({
    clock,
    protocol,
    makePeer: (init: PeerInit<Session>) => new Peer(init),
    isExempt: () => false,
    openingMax,
    whitelist: spared,
    placeOf: (host) => ({ network: "ipv4", keyedGroup: BigInt(host.split(".")[1] ?? 0) }),
    events: {
      joined: () => {},
      message: () => {},
      left: () => {},
      failed: (address, _direction, error) => void refused.push(`${address?.host} ${error.message}`),
      banned: () => {},
      refusing: (text) => void refusing.push(text),
    },
  });
  const comeIn = async (host: string) => {
    const destroy = () => gone.get(host)?.();
    connections.accept({ remote: { host, port: 5 }, destroy } as unknown as ByteDuplex);
    await clock.advance(0);
    return connections.peers.some((peer) => peer.host === host);
  };
  const offend = async (host: string, offence: Offence) => {
    sessions.get(host)?.end(new PeerOffence("fault", "it did wrong", offence));
    await clock.advance(0);
  };
  return { clock, connections, refused, refusing, comeIn, offend, sessions, shaken };
}

test("charge() ends the connection that did wrong and no other of its host, and its host pays when it has gone", async () => {
  const { connections, comeIn, sessions, clock } = world();
  await comeIn("192.0.2.1");
  const [first] = connections.peers;
  const debtor = { id: first!.id, kind: first!.kind, place: first!.place, score: first!.score };
  const session = sessions.get("192.0.2.1")!;
  await comeIn("192.0.2.1");
  const fault = new PeerOffence("bad-late", "a bad block", "invalid_body");
  connections.charge(debtor, fault);
  await clock.advance(0);
  assert.ok(session.signal.aborted);
  assert.deepEqual(connections.peers.map(({ host }) => host), ["192.0.2.1"], "the other one stays");
  assert.equal(connections.bans.find("192.0.2.1", "in")?.effect, "discourage");

  await comeIn("192.0.2.2");
  const other = connections.peers.find(({ host }) => host === "192.0.2.2")!;
  other.session.close();
  await clock.advance(0);
  connections.charge({ id: other.id, kind: other.kind, place: other.place, score: other.score }, fault);
  assert.equal(connections.bans.find("192.0.2.2", "in")?.effect, "discourage");
  await connections.close();
});

describe("Connections", () => {
  test("admits() takes whoever behaves, and says once a minute whom it refuses", async () => {
    const { clock, connections, refusing, comeIn } = world();
    for (let i = 0; i < 40; i++) {
      assert.ok(connections.admits("127.0.0.1"), "there is room");
      await comeIn("127.0.0.1");
      connections.disconnect(() => true);
      await clock.advance(100);
    }
    assert.deepEqual(refusing, []);
    // Slots that are all taken are not the fault of who comes.
    for (let i = 0; i < 40; i++) {
      await comeIn("10.5.0.1");
      await clock.advance(100);
    }
    assert.ok(connections.admits("10.5.0.1"));
    for (let i = 0; i < 30; i++) connections.acceptFailed(new Error("no TLS"), { host: "10.3.0.1", port: i });
    for (let i = 0; i < 10; i++) assert.equal(connections.admits("10.3.0.1"), false);
    assert.deepEqual(connections.refused, { rate: 0, host: 0, group: 0, failures: 10 });
    assert.deepEqual(refusing, ["1 connections were refused since the last such line; in all: failures 1"]);
    await clock.advance(60_000);
    connections.acceptFailed(new NodeError("TOO_MANY_FILES", "self", "out of file descriptors"), undefined);
    assert.equal(refusing.at(-1), "out of file descriptors");
    await connections.close();
  });

  test("admits() is strict while many shake hands", async () => {
    const { connections, comeIn } = world();
    for (let i = 0; i < 70; i++) await comeIn(`10.66.0.${i}`);
    let admitted = 0;
    for (let i = 0; i < 50; i++) if (connections.admits("10.4.0.1")) admitted += 1;
    assert.equal(admitted, 3);
    assert.equal(connections.refused.group, 47);
    assert.ok(connections.admits("10.9.0.1"), "a newcomer");
  });

  test("a ban keeps a host out until it ends", async () => {
    const { clock, connections, comeIn, offend } = world();
    assert.ok(await comeIn("10.1.0.1"));
    await offend("10.1.0.1", "flood");
    assert.deepEqual(connections.bans.list().map(({ host, effect }) => [host, effect]), [["10.1.0.1", "ban"]]);
    assert.equal(await comeIn("10.1.0.1"), false);
    await clock.advance(300_000);
    assert.ok(await comeIn("10.1.0.1"));
    await connections.close();
  });

  test("a host that is banned while it shakes hands on another connection does not become a peer", async () => {
    const { clock, connections, refused, comeIn, sessions, shaken } = world();
    assert.equal(await comeIn("10.77.0.1"), false);
    connections.ban("10.77.0.1", 60, "for another connection");
    shaken.get("10.77.0.1")?.();
    await clock.advance(0);
    assert.deepEqual(connections.peers, []);
    assert.ok(sessions.get("10.77.0.1")?.signal.aborted);
    assert.deepEqual(refused, ["10.77.0.1 10.77.0.1 is banned: for another connection"]);
    await connections.close();
  });

  test("a discouraged host may come while slots are free, and goes first", async () => {
    const { connections, comeIn, offend, refused } = world();
    assert.ok(await comeIn("10.1.0.1"));
    await offend("10.1.0.1", "invalid_head");
    assert.ok(await comeIn("10.1.0.1"), "two slots are free");
    assert.ok(await comeIn("10.1.0.2"));
    await offend("10.1.0.2", "false_work");
    assert.equal(await comeIn("10.1.0.2"), false, "the last slot is not for the discouraged");
    assert.deepEqual(refused, ["10.1.0.2 full"]);
    await connections.close();
  });

  test("what happens to anybody costs nothing: timeouts, refusals, full slots", async () => {
    const { connections, comeIn, offend } = world();
    for (const offence of ["timeout", "refusal", "unneeded", "unwelcome", "incompatible"] as const) {
      assert.ok(await comeIn("10.1.0.1"), offence);
      await offend("10.1.0.1", offence);
      assert.deepEqual(connections.bans.list(), [], offence);
    }
    await connections.close();
  });

  test("a whitelisted host is disconnected, and never banned: not by its faults, not by hand", async () => {
    const { connections, comeIn, offend } = world({ whitelist: ["10.1.0.0/16"] });
    for (const offence of ["flood", "consensus", "false_work"] as const) {
      assert.ok(await comeIn("10.1.0.1"));
      await offend("10.1.0.1", offence);
      assert.equal(connections.peers.length, 0);
    }
    connections.ban("10.1.0.1", 100, "by hand");
    assert.deepEqual(connections.bans.list(), []);
    assert.ok(await comeIn("10.2.0.1"));
    await offend("10.2.0.1", "flood");
    assert.equal(connections.bans.list().length, 1);
    await connections.close();
  });

  for (const offence of ["flood", "bad_handshake", "invalid_head", "consensus"] as const) {
    test(`${offence} of a stranger costs nobody else at its host: whom we dialled stays and is dialled`, async () => {
      const { clock, connections, comeIn, offend } = world();
      const kinds = ["manual", "outbound", "block-relay"] as const;
      const dialled = await Promise.all(kinds.map((kind, i) => connections.dial({ host: "10.1.0.1", port: i }, kind)));
      assert.ok(await comeIn("10.1.0.1"));
      await offend("10.1.0.1", offence);
      assert.deepEqual(connections.bans.list().map(({ host, scope }) => [host, scope]), [["10.1.0.1", "inbound"]]);
      assert.deepEqual(connections.peers.map(({ id }) => id), dialled.map(({ id }) => id));
      dialled[0]?.session.close();
      await clock.advance(0);
      for (const kind of kinds) assert.ok(await connections.dial({ host: "10.1.0.1", port: 9 }, kind), kind);
      await connections.close();
    });
  }

  test("whom we dialled and who offends is not dialled again, nor let in; another port of its host is, when named", async () => {
    const { connections, comeIn, offend } = world();
    await connections.dial({ host: "10.1.0.1", port: 5 }, "manual");
    await offend("10.1.0.1", "consensus");
    for (const kind of ["manual", "outbound"] as const) {
      await assert.rejects(connections.dial({ host: "10.1.0.1", port: 5 }, kind), { code: "banned", fault: "self" });
    }
    assert.equal(await comeIn("10.1.0.1"), false);
    await assert.rejects(connections.dial({ host: "10.1.0.1", port: 6 }, "outbound"), { code: "banned" });
    assert.equal((await connections.dial({ host: "10.1.0.1", port: 6 }, "manual")).host, "10.1.0.1");
    await connections.close();
  });

  test("who is named by hand is dialled though it is discouraged, but not though it is banned by hand", async () => {
    const { connections, offend } = world();
    await connections.dial({ host: "10.1.0.1", port: 5 }, "outbound");
    await offend("10.1.0.1", "invalid_body");
    await assert.rejects(connections.dial({ host: "10.1.0.1", port: 5 }, "outbound"), { code: "banned" });
    assert.equal((await connections.dial({ host: "10.1.0.1", port: 5 }, "manual")).host, "10.1.0.1");
    connections.ban("10.1.0.1", 60, "by hand");
    assert.equal(connections.peers.length, 0);
    await assert.rejects(connections.dial({ host: "10.1.0.1", port: 5 }, "manual"), { code: "banned", fault: "self" });
    await connections.close();
  });

  test("a ban of a subnet ends the connections from there; a discouragement only its own", async () => {
    const { connections, comeIn, offend } = world();
    assert.ok(await comeIn("10.1.0.1"));
    assert.ok(await comeIn("10.1.0.2"));
    await offend("10.1.0.1", "invalid_body");
    assert.equal(connections.peers.length, 1);
    connections.ban("10.1.0.0/24", 60, "by hand");
    assert.equal(connections.peers.length, 0);
    await connections.close();
  });

  test("many who connect and say nothing keep out their own, not those of other groups", async () => {
    const { connections, comeIn, refused } = world();
    for (let i = 0; i < 500; i++) await comeIn(`10.66.${i >> 8}.${i & 255}`);
    assert.ok(refused.length > 300, "the oldest of them had to go");
    assert.ok(await comeIn("10.1.0.1"));
    for (let i = 0; i < 500; i++) await comeIn(`10.66.2.${i}`);
    assert.ok(connections.peers.some(({ host }) => host === "10.1.0.1"));
  });

  test("a discouraged newcomer gets nobody's slot, where another newcomer gets one", async () => {
    const { connections, comeIn, offend, refused } = world({ slots: 40 });
    assert.ok(await comeIn("10.1.0.9"));
    await offend("10.1.0.9", "invalid_body");
    for (let i = 0; i < 40; i++) assert.ok(await comeIn(`10.2.0.${i}`), `${i}`);
    const before = connections.peers.map(({ id }) => id);
    assert.equal(await comeIn("10.1.0.9"), false);
    assert.deepEqual(connections.peers.map(({ id }) => id), before, "nobody went for it");
    assert.deepEqual(refused, ["10.1.0.9 full"]);
    assert.ok(await comeIn("10.3.0.1"), "one that did nothing wrong");
    assert.equal(connections.peers.length, 40);
    assert.deepEqual(before.filter((id) => !connections.peers.some((peer) => peer.id === id)).length, 1);
    await connections.close();
  });

  test("a newcomer of a kind whose slots are used up gets that of its kind, and others come while any slot is free", async () => {
    const { connections, comeIn } = world({ slots: 80, evenSlots: 40 });
    for (let i = 0; i < 40; i++) assert.ok(await comeIn(`10.2.0.${2 * i}`));
    for (let i = 0; i < 20; i++) assert.ok(await comeIn(`10.2.0.${2 * i + 1}`));
    assert.equal(connections.peers.length, 60);
    assert.ok(await comeIn("10.3.0.2"), "slots are free, but not of its kind");
    assert.equal(connections.peers.length, 60);
    const even = () =>
      connections.peers.filter(({ session }) => Number(session.remote.host.split(".").at(-1)) % 2 === 0);
    assert.equal(even().length, 40);
    for (let i = 20; i < 40; i++) assert.ok(await comeIn(`10.2.0.${2 * i + 1}`));
    assert.equal(connections.peers.length, 80);
    // All are used up: one goes for the newcomer, not two.
    assert.ok(await comeIn("10.4.0.2"));
    assert.deepEqual([connections.peers.length, even().length], [80, 40]);
    await connections.close();
  });

  test("a peer whose host was discouraged since it came makes room before any other", async () => {
    const { clock, connections, comeIn, offend } = world({ slots: 40 });
    const fill = async (host: string) => {
      assert.ok(await comeIn(host));
      await clock.advance(1);
    };
    for (let i = 0; i < 31; i++) await fill(`10.3.0.${i}`);
    for (let i = 0; i < 8; i++) {
      await fill(`10.2.0.${i}`);
      // Another connection of the host is the one that offends.
      await fill(`10.2.0.${i}`);
      await offend(`10.2.0.${i}`, "invalid_body");
    }
    await fill("10.3.0.31");
    const before = connections.peers;
    assert.equal(before.length, 40);
    await fill("10.4.0.1");
    const gone = before.filter((peer) => !connections.peers.includes(peer));
    assert.deepEqual(gone.map(({ host }) => host.split(".")[1]), ["2"], "not one of the group that is fullest");
    await connections.close();
  });

  test("of those that shake hands the oldest of the fullest group goes: not the oldest of all, not the newest", async () => {
    const { clock, connections, comeIn, refused } = world({ openingMax: 4 });
    for (const host of ["10.60.0.1", "10.66.0.1", "10.61.0.1", "10.66.0.2"]) await comeIn(host);
    assert.deepEqual(refused, []);
    await comeIn("10.66.0.3");
    assert.deepEqual(refused, ["10.66.0.1 gone"]);
    await comeIn("10.62.0.1");
    assert.deepEqual(refused, ["10.66.0.1 gone", "10.66.0.2 gone"], "the group that has most, not that of who comes");
    // Each group has one now: the oldest of all goes. Who has shaken hands since does not count any more.
    assert.ok(await comeIn("10.1.0.1"));
    assert.equal(refused.at(-1), "10.60.0.1 gone");
    const before = refused.length;
    await comeIn("10.63.0.1");
    assert.equal(refused.length, before);
    connections.setActive(false);
    await clock.advance(0);
    assert.equal(refused.length, before + 4, "all of them end when the network is switched off");
  });

  test("whom we chose stands before who chose us, and a session that ends is on the list no more", async () => {
    const { clock, connections, comeIn, sessions } = world();
    await comeIn("10.1.0.1");
    await connections.dial({ host: "10.2.0.1", port: 1 }, "outbound");
    await comeIn("10.3.0.1");
    await connections.dial({ host: "10.4.0.1", port: 1 }, "manual");
    const hosts = () => connections.peers.map(({ host }) => host);
    assert.deepEqual(hosts(), ["10.2.0.1", "10.4.0.1", "10.1.0.1", "10.3.0.1"]);
    sessions.get("10.2.0.1")?.close();
    assert.deepEqual(hosts(), ["10.4.0.1", "10.1.0.1", "10.3.0.1"], "before anything else has happened");
    await clock.advance(0);
    await connections.dial({ host: "10.5.0.1", port: 1 }, "outbound");
    assert.deepEqual(hosts(), ["10.4.0.1", "10.5.0.1", "10.1.0.1", "10.3.0.1"]);
    await connections.close();
    assert.deepEqual(hosts(), []);
  });

  test("a network that is switched off dials nobody and takes nobody in", async () => {
    const { connections, comeIn } = world();
    assert.ok(await comeIn("10.1.0.1"));
    connections.setActive(false);
    assert.equal(connections.isActive, false);
    assert.deepEqual(connections.peers, []);
    assert.equal(await comeIn("10.1.0.2"), false);
    await assert.rejects(connections.dial({ host: "10.2.0.1", port: 1 }, "manual"), { code: "NETWORK_OFF" });
    connections.setActive(true);
    assert.ok(await comeIn("10.1.0.2"));
    await connections.close();
    assert.equal(await comeIn("10.1.0.3"), false);
  });
});
