/** Each rule of a simulated world fires when it is broken, and only then. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { FAIR } from "../../../lib/sim/faults.ts";
import { reachedFrom, Rules } from "../../../lib/sim/invariants.ts";
import type { SimNode } from "../../../lib/sim/sim-node.ts";
import type { BanGlance, PeerGlance, Play, Tip } from "../../../lib/sim/play.ts";
import { runSmall } from "../../scenario/simulated-worlds.ts";

const HOST = "5.5.5.5";
const NOW = 1_750_000_000_000;
const MIB = 1 << 20;

/** An end of a connection as far as the rules look at it. */
const endTo = (host: string, changes: object = {}) => ({
  remote: { host, port: 1 },
  name: `${host} 1`,
  isOver: false,
  waitingBytes: 0,
  inbox: { bytes: 0, taken: 0, tail: { bytes: 0 } },
  ...changes,
});
type End = ReturnType<typeof endTo>;
const peer = (host: string, direction: "in" | "out" = "in"): PeerGlance => ({
  host,
  port: 1,
  direction,
  kind: direction === "in" ? "inbound" : "outbound",
  name: `${host} 1`,
});

/** An account of memory of a connection to a host. */
const account = (host: string, waiting = 0, isOpen = true) => ({
  name: `${host} 1`,
  held: { in: 0, work: 0, out: 0 },
  waiting,
  isOpen,
});

/** A node that keeps every rule: two outbound peers and one inbound, two of them honest. */
function scene() {
  const state = {
    peers: [peer("6.6.6.6", "out"), peer("7.7.7.7", "out"), peer("8.8.8.8")],
    ends: new Set<End>(["6.6.6.6", "7.7.7.7", "8.8.8.8"].map((host) => endTo(host))),
    read: new Map<string, number>([["6.6.6.6 1", 0], ["7.7.7.7 1", 0], ["8.8.8.8 1", 0]]),
    accounts: ["6.6.6.6", "8.8.8.8"].map((host) => account(host)),
    usedBeside: 0,
    charged: 0,
    bans: [] as BanGlance[],
    tip: { hash: "aa", height: 5, weight: 5n } as Tip,
    timers: 10,
    damaged: [] as string[],
    files: new Map<string, Uint8Array>(),
    hasJumped: false,
    isSound: true,
    weightAtStop: 0n,
    now: NOW,
  };
  const play = {
    peersOf: () => state.peers,
    bansOf: () => state.bans,
    readBytesOf: () => state.read,
    tipOf: () => state.tip,
    isValid: (hash: string) => hash !== "bad",
  } as unknown as Play;
  const broken: string[] = [];
  const rules = new Rules({
    play,
    honest: new Set([HOST, "6.6.6.6", "4.4.4.4"]),
    outbound: 2,
    peersMax: 4,
    broke: (rule) => broken.push(rule),
  });
  const newLife = () => ({
    node: {
      memory: {
        get used() {
          return state.accounts.reduce(
            (sum, { held, waiting }) => sum + held.in + held.out + waiting,
            state.usedBeside + state.charged,
          );
        },
        get charged() {
          return state.charged;
        },
        accounts: state.accounts,
      },
    },
    clock: {
      get pending() {
        return state.timers;
      },
      now: () => state.now,
    },
    presence: { ends: state.ends },
    get damaged() {
      return state.damaged;
    },
    get hasJumped() {
      return state.hasJumped;
    },
  });
  let life = newLife();
  const subject = {
    host: HOST,
    disk: { files: state.files, isFull: false },
    get life() {
      return life;
    },
    get isSound() {
      return state.isSound;
    },
    get weightAtStop() {
      return state.weightAtStop;
    },
  } as unknown as SimNode;
  /** Looks at the node `times` times, a second apart; the rules that broke. */
  const look = (times = 1): string[] => {
    broken.length = 0;
    for (let i = 0; i < times; i++) {
      state.now += 1_000;
      rules.check(subject, state.now - NOW);
    }
    return [...new Set(broken)];
  };
  return { state, look, restart: () => void (life = newLife()) };
}

const ban = (host: string, seconds: number, effect: BanGlance["effect"] = "ban"): BanGlance => ({
  host,
  since: NOW,
  until: NOW + seconds * 1000,
  effect,
  scope: "all",
});

describe("the rules of a world", () => {
  test("hold for a node that does nothing wrong, for an hour and over a restart", () => {
    const { look, restart, state } = scene();
    state.bans = [ban("9.9.9.9", 86_400)];
    assert.deepEqual(look(3_600), []);
    restart();
    assert.deepEqual(look(3_600), []);
  });

  const cases: readonly [string, string, (state: ReturnType<typeof scene>["state"]) => void, number?][] = [
    [
      "queues are bounded",
      "bytes that wait to be sent",
      ({ ends }) => void ends.add(endTo("9.9.9.9", { waitingBytes: 21 * MIB })),
    ],
    [
      "queues are bounded",
      "bytes that wait to be read",
      ({ ends }) => void ends.add(endTo("9.9.9.9", { inbox: { bytes: 6 * MIB, taken: 0 } })),
    ],
    [
      "queues are bounded",
      "bytes that were read and wait inside the node",
      ({ ends }) => [...ends][0]!.inbox.taken = 6 * MIB,
    ],
    [
      "what is accounted is held",
      "bytes that were passed over and are still accounted",
      ({ accounts }) => void (accounts[0]!.held.in = MIB),
      200,
    ],
    [
      "what is accounted is held",
      "half a message that is not accounted",
      ({ ends }) => void ([...ends][2]!.inbox.tail.bytes = MIB),
      200,
    ],
    [
      "what is accounted is held",
      "an account whose connection has gone",
      ({ accounts }) => void accounts.push(account("9.9.9.9")),
    ],
    ["what is accounted is held", "a sum that is not the accounts'", (state) => void (state.usedBeside = 1)],
    ["no peer is leaked", "a peer without a connection", ({ peers }) => void peers.push(peer("9.9.9.9"))],
    [
      "no peer is leaked",
      "a peer whose connection is over",
      ({ ends }) => [...ends][0]!.isOver = true,
    ],
    [
      "no connection is forgotten",
      "a connection that never gets a peer",
      ({ ends }) => void ends.add(endTo("9.9.9.9")),
      200,
    ],
    [
      "connections are bounded",
      "more connections than slots and handshakes",
      ({ ends }) => {
        for (let i = 0; i < 100; i++) ends.add(endTo(`9.9.9.${i}`));
      },
    ],
    [
      "outbound slots",
      "too many outbound peers",
      ({ peers, ends }) => {
        for (let i = 0; i < 5; i++) {
          peers.push(peer(`9.9.9.${i}`, "out"));
          ends.add(endTo(`9.9.9.${i}`));
        }
      },
    ],
    [
      "inbound slots",
      "too many inbound peers",
      ({ peers, ends }) => {
        for (let i = 0; i < 2; i++) {
          peers.push(peer(`9.9.9.${i}`));
          ends.add(endTo(`9.9.9.${i}`));
        }
      },
    ],
    ["timers are bounded", "too many timers", (state) => void (state.timers = 500)],
    ["no honest node is banned", "a ban of an honest node", (state) => void (state.bans = [ban("4.4.4.4", 600)])],
    ["the tip is valid", "a tip that is invalid", (state) => void (state.tip = { hash: "bad", height: 6, weight: 6n })],
    ["a stop in order loses nothing", "less than there was at the stop", (state) => void (state.weightAtStop = 9n)],
    [
      "a damaged file is set aside",
      "a damaged file that is still in use",
      (state) => void (state.damaged = ["/x/chia-bans.json"]),
    ],
  ];
  const comings: readonly [string, BanGlance, "in" | "out", readonly string[]][] = [
    ["comes in", ban("9.9.9.9", 600), "in", ["who is banned does not become a peer"]],
    ["is dialled", ban("9.9.9.9", 600), "out", ["outbound slots", "who is banned does not become a peer"]],
    ["comes in, banned inbound", { ...ban("9.9.9.9", 600), scope: "inbound" }, "in", [
      "who is banned does not become a peer",
    ]],
    ["is dialled, banned inbound only", { ...ban("9.9.9.9", 600), scope: "inbound" }, "out", ["outbound slots"]],
    ["comes in, only discouraged", ban("9.9.9.9", 600, "discourage"), "in", []],
  ];
  for (const [what, banned, direction, rules] of comings) {
    test(`somebody banned ${what}: ${rules.join(", ") || "nothing breaks"}`, () => {
      const { state, look } = scene();
      for (let i = 0; i < 3 && direction === "out"; i++) {
        state.peers = [...state.peers, peer(`5.5.5.${i}`, "out")];
        state.ends.add(endTo(`5.5.5.${i}`));
      }
      state.bans = [banned];
      assert.deepEqual(look(2), []);
      state.peers = [...state.peers, peer("9.9.9.9", direction)];
      state.ends.add(endTo("9.9.9.9"));
      assert.deepEqual(look(2), rules);
    });
  }

  for (const [rule, what, breaks, looks = 1] of cases) {
    test(`"${rule}" fires at ${what}`, () => {
      const { state, look } = scene();
      breaks(state);
      assert.deepEqual(look(looks), [rule]);
    });
  }

  test('"bans last over restarts" fires when one is gone that should still hold, and not for one that has ended', () => {
    const { state, look, restart } = scene();
    state.bans = [ban("9.9.9.9", 86_400), ban("9.9.9.8", 5)];
    assert.deepEqual(look(10), []);
    restart();
    state.bans = [ban("9.9.9.9", 86_400)];
    assert.deepEqual(look(10), []);
    restart();
    state.bans = [];
    assert.deepEqual(look(), ["bans last over restarts"]);
  });

  test('"the weight never falls" fires within a run, and not over a crash', () => {
    const { state, look, restart } = scene();
    assert.deepEqual(look(), []);
    restart();
    state.tip = { hash: "aa", height: 4, weight: 4n };
    assert.deepEqual(look(), []);
    state.tip = { hash: "aa", height: 3, weight: 3n };
    assert.deepEqual(look(), ["the weight never falls"]);
  });

  test("a short pause of an honest node is no ban, nor a discouragement a reason not to be connected", () => {
    const { state, look } = scene();
    state.bans = [ban("6.6.6.6", 10, "discourage"), ban("7.7.7.7", 600, "discourage")];
    assert.deepEqual(look(), []);
  });

  test("what waits is accounted, also of a connection that has gone, and what is charged to no connection", () => {
    const { state, look } = scene();
    state.accounts.push(account("9.9.9.9", MIB, false));
    state.accounts[0]!.waiting = MIB;
    state.charged = MIB;
    assert.deepEqual(look(), []);
  });

  test("a damaged file that was set aside is as it should be", () => {
    const { state, look } = scene();
    state.damaged = ["/x/chia-bans.json"];
    state.files.set("/x/chia-bans.json.damaged", new Uint8Array());
    assert.deepEqual(look(), []);
  });
});

describe("the end of a world", () => {
  const world = { chain: "bitcoin", seed: 1, nodes: 4, malicious: 0, faults: FAIR, hours: 0.1, graceMs: 0 } as const;

  test("finds a node that is cut off", async () => {
    const { report } = await runSmall({
      ...world,
      plant: {
        drivers: (drivers, host) => ({
          ...drivers,
          ...(host.startsWith("5.") && {
            dialer: { dial: () => Promise.reject(new Error("no")) },
            listen: (options) => drivers.listen({ ...options, onConnection: (duplex) => duplex.destroy() }),
          }),
        }),
      },
    });
    assert.deepEqual(report.breaches.map(({ rule, host }) => [rule, host]), [
      ["honest nodes hang together", "5.17.1.1"],
    ]);
  });

  test("finds a node that does not reach the heaviest valid chain", async () => {
    const { report } = await runSmall({
      ...world,
      // Its disk takes the first block and none after it.
      plant: {
        drivers: (drivers, host) => ({
          ...drivers,
          openFileFolder: async (path) => {
            const folder = await drivers.openFileFolder(path);
            if (!host.startsWith("5.")) return folder;
            return {
              ...folder,
              open: async (name, options) => {
                const file = await folder.open(name, options);
                const full = () => Promise.reject(new NodeError("DISK_FULL", "self", "no room"));
                return file && {
                  get size() {
                    return file.size;
                  },
                  append: (parts) => (file.size === 0 ? file.append(parts) : full()),
                  read: (offset, length) => file.read(offset, length),
                  sync: () => file.sync(),
                  truncate: (size) => file.truncate(size),
                  close: () => file.close(),
                };
              },
            };
          },
        }),
      },
    });
    const found = report.breaches.map(({ rule, host }) => `${rule} ${host}`);
    assert.ok(found.includes("the heaviest valid chain is reached 5.17.1.1"), found.join("\n"));
  });

  test("finds nothing in a world in which nothing is wrong", async () => {
    const { report, told } = await runSmall(world);
    assert.deepEqual(report.breaches, [], told);
  });
});

test("reachedFrom() goes over connections that both sides have, and into a trusting node only by its own choice", () => {
  const lists: Readonly<Record<string, readonly PeerGlance[]>> = {
    a: [peer("b", "out"), peer("t", "out"), peer("z")],
    b: [peer("a"), peer("c")],
    c: [peer("b", "out")],
    // It trusts: what a tells has to wait, what d tells has not.
    t: [peer("a"), peer("d", "out")],
    d: [peer("t"), peer("e")],
    e: [peer("d", "out")],
    z: [],
  };
  const nodes = Object.keys(lists).map((host) => ({ host, running: { host } })) as unknown as SimNode[];
  const play = {
    peersOf: ({ host }: { readonly host: string }) => lists[host] ?? [],
    trustsPeers: (host: string) => host === "t",
  } as unknown as Play;
  assert.deepEqual([...reachedFrom(["a"], nodes, play)].sort(), ["a", "b", "c"]);
  assert.deepEqual([...reachedFrom(["e"], nodes, play)].sort(), ["a", "b", "c", "d", "e", "t"]);
});
