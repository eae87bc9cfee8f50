/** Bugs that are planted into simulated worlds, each found by the rule that it breaks, within 200 seeds. */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { Activation } from "../../lib/bitcoin/chain/activate.ts";
import { type BlockValidator, type ConnectVerdict, structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { HeaderChain, HeaderStatus } from "../../lib/bitcoin/headers/header-chain.ts";
import { refuse } from "../../lib/bitcoin/headers/verdict.ts";
import type { CoinStep } from "../../lib/bitcoin/store.ts";
import { SqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { ENVELOPE_BYTES, V1Transport } from "../../lib/bitcoin/wire/framer.ts";
import type { Frame } from "../../lib/bitcoin/wire/transport.ts";
import type { NodeDrivers } from "../../lib/compose/compose.ts";
import { HeaderState } from "../../lib/bitcoin/sync/header-state.ts";
import { BanList } from "../../lib/core/peers/bans.ts";
import { Connections } from "../../lib/core/peers/connections.ts";
import type { ByteDuplex, Clock } from "../../lib/core/ports.ts";
import { FAIR_DISK } from "../../lib/sim/disk.ts";
import { FAIR } from "../../lib/sim/faults.ts";
import type { Plant } from "../../lib/sim/sim-node.ts";
import { entriesOf } from "../../lib/storage/runs/entries.ts";
import { seed as firstSeed, someWorlds } from "../support/effort.ts";
import { replaced } from "../support/replaced.ts";
import { runSmall, type SmallWorld } from "./simulated-worlds.ts";

const SEEDS = 200;
/** Nodes that go down every few minutes, on lines that work. */
const restless = { faults: { ...FAIR, uptimeMs: 180_000, downtimeMs: 20_000, steady: 0 }, malicious: 0.4 } as const;

/** Drivers with another clock's `after`. */
const withTimers = (change: (after: NodeDrivers["clock"]["after"]) => NodeDrivers["clock"]["after"]): Plant => ({
  drivers: (drivers) => {
    const { clock } = drivers;
    const after = change((ms, call) => clock.after(ms, call));
    return {
      ...drivers,
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        sleep: (ms, signal) => clock.sleep(ms, signal),
        after,
      },
    };
  },
});

/** Drivers whose connections, both ways, are changed. */
const withConnections = (change: (duplex: ByteDuplex) => ByteDuplex): Plant => ({
  drivers: (drivers) => ({
    ...drivers,
    dialer: { dial: async (to, options) => change(await drivers.dialer.dial(to, options)) },
    listen: (options) => drivers.listen({ ...options, onConnection: (duplex) => options.onConnection(change(duplex)) }),
  }),
});

/** A stream that is read to its end at once; what came waits for the reader without a bound. */
function readAhead(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const came: ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>[] = [];
  const source = stream.getReader();
  let wake = Promise.withResolvers<void>();
  let isOver = false;
  const pump = async () => {
    while (!isOver) {
      const result = source.read();
      isOver = await result.then(({ done }) => done, () => true);
      came.push(result);
      wake.resolve();
      wake = Promise.withResolvers();
    }
  };
  void pump();
  const reader = {
    closed: source.closed,
    async read() {
      while (came.length === 0) await wake.promise;
      // The last answer is that of every later question.
      return await (isOver && came.length === 1 ? came[0]! : came.shift()!);
    },
    cancel: () => source.cancel(),
    releaseLock: () => {},
  };
  return { getReader: () => reader } as unknown as ReadableStream<Uint8Array>;
}

/** Each headers message frees the question that waits, and one that does not follow ends the presync. */
const freesEveryQuestion = () =>
  replaced(HeaderState.prototype, "isContinuedBy", (isContinuedBy) =>
    function (this: HeaderState, batch) {
      this.askedAt = undefined;
      const isContinued = isContinuedBy.call(this, batch);
      if (!isContinued) this.presync = undefined;
      return isContinued;
    });

/** A ban is for every connection of its host, in both directions. */
function cutsWholeHosts(): () => void {
  const owners = new WeakMap<BanList, Connections<never, never, never>>();
  const ends = [
    replaced(Connections.prototype, "accept", (accept) =>
      function (this: Connections<never, never, never>, duplex) {
        owners.set(this.bans, this);
        return accept.call(this, duplex);
      }),
    replaced(BanList.prototype, "ban", (ban) =>
      function (this: BanList, host, seconds, reason, terms) {
        const isNew = ban.call(this, host, seconds, reason, { ...terms, scope: "all" });
        // The offender itself is on its way out; the others are cut when all have heard of the ban.
        queueMicrotask(() => owners.get(this)?.disconnect((peer: { readonly host: string }) => peer.host === host));
        return isNew;
      }),
  ];
  return () => ends.forEach((end) => end());
}

/** The tip is where the validator is still at work: the verdict is awaited for the record only. */
const movesBeforeTheVerdict = () =>
  replaced(Activation.prototype, "judge", (judge) =>
    function (this: Activation, row, load, coins, signal) {
      const verdict = judge.call(this, row, load, coins, signal);
      this.moveTo(row);
      return verdict;
    });

/** A refused block is passed over from then on, and what is built upon it counts for itself. */
function sparesChildren(): () => void {
  const refused = new WeakMap<Activation, Set<number>>();
  const ends = [
    replaced(HeaderChain.prototype, "isInvalid", () =>
      function (this: HeaderChain, row) {
        return (this.status(row) & HeaderStatus.failed) !== 0;
      }),
    replaced(Activation.prototype, "judge", (judge) =>
      function (this: Activation, row, load, coins, signal) {
        const rows = refused.get(this) ?? new Set();
        refused.set(this, rows);
        if (rows.has(row)) return { ok: true };
        const verdict = Promise.resolve(judge.call(this, row, load, coins, signal));
        return verdict.then((found) => (found.ok ? found : (rows.add(row), found)));
      }),
  ];
  return () => ends.forEach((end) => end());
}

/** The disk says after which block its coins are so, and gets those coins with the next step. */
const tellsPlaceFirst = () => {
  const waiting = new WeakMap<SqlBitcoinStore, CoinStep>();
  return replaced(SqlBitcoinStore.prototype, "commit", (commit) =>
    async function (this: SqlBitcoinStore, step) {
      const late = waiting.get(this);
      waiting.delete(this);
      if (late !== undefined) await commit.call(this, { coins: late });
      if (step.coins === undefined) return await commit.call(this, step);
      waiting.set(this, step.coins);
      const { at } = step.coins;
      return await commit.call(this, { ...step, coins: { at, staged: await this.stageCoins(entriesOf([])) } });
    });
};

/** What takes blocks back is not remembered. */
const dropsUndo = () =>
  replaced(SqlBitcoinStore.prototype, "commit", (commit) =>
    function (this: SqlBitcoinStore, { undo: _, ...step }) {
      return commit.call(this, step);
    });

/** Answers of the validator go to whoever is waiting, and not to the question that they answer. */
function mixesAnswersUp(): () => void {
  const waiting = new WeakMap<Activation, (verdict: ConnectVerdict) => void>();
  return replaced(Activation.prototype, "judge", (judge) =>
    function (this: Activation, row, load, coins, signal) {
      const verdict = judge.call(this, row, load, coins, signal);
      if (!(verdict instanceof Promise)) return verdict;
      return new Promise((resolve, reject) => {
        waiting.set(this, resolve);
        verdict.then((found) => waiting.get(this)?.(found), reject);
      });
    });
}

/** How long each verdict takes where all are slow. */
const SLOW_MS = 8_000;

/** Drivers with another validator of Bitcoin's blocks. */
const withValidator = (change: (validator: BlockValidator, clock: Clock) => BlockValidator): Plant => ({
  drivers: (drivers) => {
    const { substitutes, clock } = drivers;
    const bitcoin = substitutes?.bitcoin;
    if (bitcoin?.validator === undefined) return drivers;
    return { ...drivers, substitutes: { bitcoin: { ...bitcoin, validator: change(bitcoin.validator, clock) } } };
  },
});

/** A transport that goes on counting what it has passed over as held. */
class ForgetfulV1 extends V1Transport {
  #given = 0;
  #framed = 0;

  override get heldBytes(): number {
    return this.#given - this.#framed;
  }

  override push(bytes: Uint8Array): Iterable<Frame> {
    this.#given += bytes.length;
    const frames = super.push(bytes);
    for (const { payload } of frames as readonly Frame[]) this.#framed += ENVELOPE_BYTES + payload.length;
    return frames;
  }
}

const bugs: readonly {
  readonly bug: string;
  readonly rule: string;
  readonly plant?: Plant;
  /** Changes the product itself; gives back what undoes it. */
  readonly patch?: () => () => void;
  readonly world?: Partial<SmallWorld>;
}[] = [
  {
    bug: "every headers message frees the question for headers, and an announcement ends a presync",
    rule: "headers are asked for once",
    patch: freesEveryQuestion,
    world: { malicious: 0.4 },
  },
  {
    bug: "the tip moves to a block before the verdict on it",
    rule: "the tip is valid",
    patch: movesBeforeTheVerdict,
    world: { malicious: 0.4 },
  },
  {
    bug: "the giver of a block that is refused late is not charged",
    rule: "the giver of a refused block pays for it",
    patch: () => replaced(Connections.prototype, "charge", () => () => {}),
    world: { malicious: 0.4 },
  },
  {
    bug: "children of a refused block are connected",
    rule: "the tip is valid",
    patch: sparesChildren,
    world: { malicious: 0.4 },
  },
  {
    bug: "the disk says after which block its coins are so before it has them",
    rule: "nothing goes wrong inside",
    patch: tellsPlaceFirst,
    world: { ...restless, faults: { ...restless.faults, torn: 1 } },
  },
  {
    bug: "what takes blocks back is not stored",
    rule: "nothing goes wrong inside",
    patch: dropsUndo,
    world: { ...restless, faults: { ...restless.faults, torn: 1 } },
  },
  {
    bug: "the late answer of a worker is taken for the one on another branch",
    rule: "the tip is valid",
    patch: mixesAnswersUp,
    // Every verdict takes so long that a branch which comes meanwhile is met with often.
    plant: withValidator((validator, clock) => ({
      ...validator,
      connect: async (block, coins, signal) => {
        const verdict = await validator.connect(block, coins, signal);
        await clock.sleep(SLOW_MS);
        return verdict;
      },
    })),
    world: { malicious: 0.4 },
  },
  {
    bug: "a worker that dies is taken for a refusal",
    rule: "no valid block is condemned",
    plant: withValidator((validator) => {
      let count = 0;
      const dead = refuse("consensus", "dead", "the worker died");
      const connect: typeof validator.connect = (block, coins, signal) =>
        ++count % 60 === 0 ? dead : validator.connect(block, coins, signal);
      return { ...validator, connect };
    }),
  },
  {
    bug: "a ban cuts every connection of its host, the ones that we dialled as well",
    rule: "a ban cuts nobody else",
    patch: cutsWholeHosts,
    world: { chain: "chia", malicious: 0.4 },
  },
  {
    bug: "a chain that only strangers tell becomes the peak",
    rule: "the tip is valid",
    plant: {
      drivers: (drivers) => {
        const { substitutes } = drivers;
        const chia = substitutes?.chia;
        if (chia === undefined) return drivers;
        const { validator } = chia;
        // It checks what it checked, and is trusted with what it does not check.
        const trusted = {
          level: "full" as const,
          link: validator.link.bind(validator),
          prove: validator.prove.bind(validator),
          spend: validator.spend.bind(validator),
        };
        return { ...drivers, substitutes: { chia: { ...chia, validator: trusted } } };
      },
    },
    world: { chain: "chia", malicious: 0.4 },
  },
  {
    bug: "inbound slots are not limited",
    rule: "inbound slots",
    plant: { options: { peersMax: 60 } },
    world: { peersMax: 3, outbound: 2 },
  },
  {
    bug: "bans are not read after a restart",
    rule: "bans last over restarts",
    plant: {
      drivers: (drivers) => ({
        ...drivers,
        readFile: (path) => (path.includes("ban") ? Promise.resolve(undefined) : drivers.readFile(path)),
      }),
    },
    world: restless,
  },
  {
    bug: "a file is written over in place, and a crash leaves half of it",
    rule: "bans last over restarts",
    // A disk so slow that the crash need not come within a few milliseconds.
    plant: { disk: { writeMs: 120_000, settle: (_old, young) => young.subarray(0, young.length >> 1) } },
    world: restless,
  },
  {
    bug: "what a peer sends is read at once and waits inside, however much it is",
    rule: "queues are bounded",
    plant: withConnections((duplex) => ({
      local: duplex.local,
      remote: duplex.remote,
      closed: duplex.closed,
      readable: readAhead(duplex.readable),
      writable: duplex.writable,
      destroy: (reason) => duplex.destroy(reason),
    })),
    world: { malicious: 0.4 },
  },
  {
    // Messages with a bad checksum or type, which the transport passes over, stay in their sender's account.
    bug: "bytes that are passed over are never taken off the account",
    rule: "what is accounted is held",
    plant: {
      drivers: (drivers) => {
        const { substitutes } = drivers;
        const bitcoin = substitutes?.bitcoin;
        if (bitcoin === undefined) return drivers;
        const createV1 = (magic: Uint8Array) => new ForgetfulV1(magic);
        return { ...drivers, substitutes: { bitcoin: { ...bitcoin, createV1 } } };
      },
    },
    world: { malicious: 0.4 },
  },
  {
    bug: "the handshake has no deadline",
    rule: "no connection is forgotten",
    plant: withTimers((after) => (ms, call) => (ms === 60_000 || ms === 30_000 ? () => {} : after(ms, call))),
    world: { malicious: 0.4 },
  },
  {
    bug: "timers are not cancelled",
    rule: "no timer outlives its node",
    plant: withTimers((after) => (ms, call) => (after(ms, call), () => {})),
  },
  {
    bug: "connections are let go of without being closed",
    rule: "a node stops",
    plant: withConnections((duplex) => Object.create(duplex, { destroy: { value: () => {} } }) as ByteDuplex),
  },
  {
    bug: "the port is not closed at the end",
    rule: "no port outlives its node",
    plant: {
      drivers: (drivers) => ({
        ...drivers,
        listen: async (options) => ({ ...await drivers.listen(options), close: () => Promise.resolve() }),
      }),
    },
  },
  {
    bug: "the data folder stays locked after a stop",
    rule: "a node starts",
    plant: {
      drivers: (drivers) => ({
        ...drivers,
        lockDir: async (path) => {
          await drivers.lockDir(path);
          return { release: () => Promise.resolve() };
        },
      }),
    },
    world: restless,
  },
  {
    bug: "the last steps are not yet on the disk when the database is closed",
    rule: "a stop in order loses nothing",
    plant: { disk: { ...FAIR_DISK, stepsLostAtStop: 3 } },
    world: restless,
  },
  {
    bug: "a block is in the index before it is on the disk",
    rule: "a node starts",
    plant: { disk: { ...FAIR_DISK, ignoresSync: true } },
    world: { ...restless, faults: { ...restless.faults, torn: 1 } },
  },
  {
    bug: "an invalid block is taken for valid",
    rule: "the tip is valid",
    plant: withValidator(() => structureValidator),
    world: { malicious: 0.4 },
  },
  {
    bug: "dialling gives up after ten minutes",
    rule: "honest nodes hang together",
    plant: {
      drivers: (drivers) => ({
        ...drivers,
        dialer: {
          dial: (to, options) =>
            drivers.clock.monotonic() > 600_000 ? Promise.reject(new Error("no")) : drivers.dialer.dial(to, options),
        },
      }),
    },
  },
];

describe(`within ${SEEDS} seeds the rules find that`, () => {
  for (const { bug, rule, plant, patch, world } of someWorlds("planted bugs", bugs)) {
    test(bug, { timeout: 600_000 }, async () => {
      const undo = patch?.() ?? (() => {});
      try {
        for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
          const { report } = await runSmall({ chain: "bitcoin", seed, ...world, ...(plant && { plant }) });
          if (report.breaches.some((breach) => breach.rule === rule)) {
            process.stdout.write(`found by seed ${seed - firstSeed + 1}: ${bug}\n`);
            return;
          }
        }
      } finally {
        undo();
      }
      assert.fail(`not found: ${rule}`);
    });
  }
});
