/**
 * What a connection's account says is what the connection holds, at every moment: whatever comes, good, bad or passed over,
 * in whatever cuts, read at once or late, on both of Bitcoin's transports and on Chia's WebSockets.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import process from "node:process";
import fc from "fast-check";
import { Link } from "../../lib/bitcoin/peers/link.ts";
import { V1Transport } from "../../lib/bitcoin/wire/framer.ts";
import type { NegotiatedTransport } from "../../lib/bitcoin/wire/transport.ts";
import { PIECE_BYTES } from "../../lib/core/gather.ts";
import type { MemoryAccount, MemoryUse } from "../../lib/core/peers/memory-budget.ts";
import type { ByteDuplex } from "../../lib/core/ports.ts";
import { Traffic } from "../../lib/core/peers/traffic.ts";
import { encodeFrame, OPCODE } from "../../lib/transport/websocket/frames.ts";
import { upgradeWebSocket } from "../../lib/transport/websocket/mod.ts";
import { connected, MAINNET } from "../unit/bitcoin-v2/peers.ts";
import { turn } from "../unit/core/sim.ts";
import { FakeClock, fakeRandom } from "../unit/transport/fake-clock.ts";

const SEED = Number(process.env.GEMEL_SEED ?? 20_260_901);
const RUNS = Number(process.env.GEMEL_RUNS ?? 40);
const options = { seed: SEED, numRuns: RUNS };

/** A connection into which bytes are given, and which knows how many were taken out of it. */
class Line {
  taken = 0;
  readonly #chunks: Uint8Array[] = [];
  #wanted: (() => void) | undefined;
  readonly duplex: ByteDuplex;

  constructor() {
    this.duplex = {
      readable: new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          while (this.#chunks.length === 0) await new Promise<void>((resolve) => (this.#wanted = resolve));
          const chunk = this.#chunks.shift()!;
          this.taken += chunk.length;
          controller.enqueue(chunk);
        },
      }, { highWaterMark: 0 }),
      writable: new WritableStream<Uint8Array>(),
      remote: { host: "10.0.0.1", port: 1 },
      local: { host: "10.0.0.2", port: 2 },
      closed: new Promise(() => {}),
      destroy: () => {},
    };
  }

  give(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
    this.#wanted?.();
  }
}

class Account implements MemoryAccount {
  readonly held: Record<MemoryUse, number> = { in: 0, work: 0, out: 0 };
  set(use: MemoryUse, bytes: number): void {
    this.held[use] = bytes;
  }
  hold(): () => void {
    return () => {};
  }
  close(): void {}
}

/** A piece of what a peer sends: a message to be handled, or something that is passed over. */
interface Unit {
  readonly bytes: Uint8Array;
  readonly isHandled: boolean;
}

/** All units in chunks of the given sizes, again and again. */
function* cut(units: readonly Unit[], sizes: readonly number[]): Generator<Uint8Array> {
  const whole = new Uint8Array(units.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let end = 0;
  for (const { bytes } of units) {
    whole.set(bytes, end);
    end += bytes.length;
  }
  for (let at = 0, i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield whole.subarray(at, at + size);
    at += size;
  }
}

/** Of the first `taken` bytes of what is sent: those of handled and of skipped units that are whole, and the rest. */
function partsOf(units: readonly Unit[], taken: number) {
  let [handled, skipped, count, left] = [0, 0, 0, taken];
  for (const { bytes, isHandled } of units) {
    if (bytes.length > left) break;
    left -= bytes.length;
    if (isHandled) {
      handled += bytes.length;
      count += 1;
    } else skipped += bytes.length;
  }
  return { handled, skipped, count, unfinished: left };
}

const SIZES = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 200_000 })),
  { minLength: 1, maxLength: 12 },
);
const LENGTH = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 700 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 70_000 }) },
  fc.integer({ min: 0, max: 400_000 }),
);
/** Whether the reader goes on after each chunk, or first after more of them. */
const PAUSES = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 });

const KINDS = ["good", "good", "unknown", "checksum", "type", "decoy"] as const;
const MESSAGES = fc.array(fc.tuple(fc.constantFrom(...KINDS), LENGTH), { minLength: 1, maxLength: 8 });

/** The receiving transport, and what the other side sends. */
type Wire = (messages: readonly (readonly [typeof KINDS[number], number])[]) => {
  readonly transport: NegotiatedTransport;
  readonly units: readonly Unit[];
};

const v1: Wire = (messages) => {
  const transport = new V1Transport(MAINNET);
  const units = messages.map(([kind, length]) => {
    const bytes = transport.pack(kind === "unknown" ? "mystery" : "ping", new Uint8Array(length).fill(7));
    if (kind === "checksum" || kind === "decoy") bytes[20]! ^= 1;
    if (kind === "type") bytes[5] = 0xff;
    return { bytes, isHandled: kind === "good" || kind === "unknown" };
  });
  return { transport, units };
};

const v2: Wire = (messages) => {
  const { initiator, responder } = connected();
  const units = messages.map(([kind, length]) => {
    const isHandled = kind === "good" || kind === "unknown";
    const bytes = isHandled
      ? initiator.pack(kind === "unknown" ? "mystery" : "ping", new Uint8Array(length).fill(7))
      : initiator.decoy(length);
    return { bytes, isHandled };
  });
  return { transport: responder, units };
};

/** The length of a v2 packet is not held once it is read. */
const FORGOTTEN_BYTES = 3;

describe(`Link (seed ${SEED})`, () => {
  for (const [name, wire] of [["v1", v1], ["v2", v2]] as const) {
    test(`accounts what it holds of ${name}, at every moment, on every path`, async () => {
      await fc.assert(
        fc.asyncProperty(MESSAGES, SIZES, PAUSES, async (messages, sizes, pauses) => {
          const { transport, units } = wire(messages);
          const line = new Line();
          const account = new Account();
          const link = new Link(line.duplex, transport, { traffic: new Traffic(new FakeClock()), memory: account });
          link.welcome();
          let given = 0;
          let done = 0;
          let isPending = false;
          const sizesHandled = units.filter(({ isHandled }) => isHandled).map(({ bytes }) => bytes.length);
          const next = () => {
            if (isPending) return;
            // The one that was given before is done now.
            if (given > 0 && done < given) done = given;
            isPending = true;
            link.next().then((frame) => {
              isPending = false;
              if (frame !== undefined) given += 1;
            }, () => {});
          };
          const check = () => {
            const { handled, skipped, unfinished } = partsOf(units, line.taken);
            const doneBytes = sizesHandled.slice(0, done).reduce((sum, size) => sum + size, 0);
            const held = handled - doneBytes + unfinished;
            // While the link is not asked, what it will skip may still lie before it.
            const most = held + (isPending ? 0 : skipped) + PIECE_BYTES;
            assert.ok(account.held.in >= held - FORGOTTEN_BYTES, `${account.held.in} accounted, ${held} held`);
            assert.ok(account.held.in < Math.max(1, most), `${account.held.in} accounted, ${most} held at most`);
          };
          let turns = 0;
          for (const chunk of cut(units, sizes)) {
            line.give(chunk);
            if (pauses[turns++ % pauses.length]) next();
            await turn();
            check();
          }
          for (
            let i = 0;
            i <= units.length || line.taken < units.reduce((sum, { bytes }) => sum + bytes.length, 0);
            i++
          ) {
            next();
            await turn();
            check();
          }
          next();
          await turn();
          assert.equal(given, sizesHandled.length);
          assert.equal(account.held.in, 0, "everything is handled or skipped, and nothing is held");
          link.destroy();
          assert.equal(account.held.in, 0);
        }),
        options,
      );
    });
  }

  test("holds nothing of a message that broke the transport's rules, nor after its end", async () => {
    const line = new Line();
    const account = new Account();
    const link = new Link(line.duplex, new V1Transport(MAINNET), {
      traffic: new Traffic(new FakeClock()),
      memory: account,
    });
    link.welcome();
    const packed = new V1Transport(MAINNET).pack("ping", new Uint8Array(300_000));
    line.give(packed.subarray(0, 200_000));
    const failed = link.next();
    await turn();
    assert.ok(account.held.in >= 200_000 && account.held.in < 200_000 + PIECE_BYTES, `${account.held.in}`);
    line.give(packed.subarray(200_000));
    await failed;
    assert.equal(account.held.in, packed.length, "what is being handled is held");
    line.give(new Uint8Array(100));
    await assert.rejects(link.next(), { code: "bad_magic" });
    link.destroy();
    assert.ok(account.held.in <= 24, `${account.held.in}`);
  });

  test("next() refuses a long message of a peer that has not shaken hands, and holds no more than 64 KiB of it", async () => {
    for (const { transport, units } of [v1([["good", 3_000_000]]), v2([["good", 3_000_000]])]) {
      const line = new Line();
      const account = new Account();
      const link = new Link(line.duplex, transport, { traffic: new Traffic(new FakeClock()), memory: account });
      for (const chunk of cut(units, [10_000])) line.give(chunk);
      let most = 0;
      const watched = { set: account.set.bind(account) };
      account.set = (use, bytes) => {
        watched.set(use, bytes);
        most = Math.max(most, bytes);
      };
      await assert.rejects(link.next(), { code: "too_long_for_stranger" });
      assert.ok(most <= PIECE_BYTES + 10_000 + 24, `${most} bytes`);
    }
  });
});

const FRAMES = fc.array(
  fc.record({
    kind: fc.constantFrom("message", "message", "fragments", "ping", "pong"),
    length: LENGTH,
    parts: fc.integer({ min: 1, max: 6 }),
  }),
  { minLength: 1, maxLength: 8 },
);

const REQUEST = {
  method: "GET",
  target: "/ws",
  headers: new Map([
    ["host", "a"],
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ["sec-websocket-version", "13"],
  ]),
};
const KEY = Uint8Array.of(1, 2, 3, 4);

describe(`WebSocketConnection (seed ${SEED})`, () => {
  test("tells what it holds, at every moment, on every path", async () => {
    await fc.assert(
      fc.asyncProperty(FRAMES, SIZES, PAUSES, async (frames, sizes, pauses) => {
        /** A frame each; a message is whole with its last one, and then holds one byte more for its place. */
        const units: Unit[] = [];
        const lengths: number[] = [];
        for (const { kind, length, parts } of frames) {
          if (kind === "ping" || kind === "pong") {
            const bytes = encodeFrame(OPCODE[kind], new Uint8Array(length % 126), KEY);
            units.push({ bytes, isHandled: false });
            continue;
          }
          const count = kind === "message" ? 1 : parts;
          for (let i = 0; i < count; i++) {
            const opcode = i === 0 ? OPCODE.binary : OPCODE.continuation;
            units.push({ bytes: encodeFrame(opcode, new Uint8Array(length), KEY, i === count - 1), isHandled: true });
          }
          lengths.push(count * length);
        }
        const line = new Line();
        let held = 0;
        const socket = upgradeWebSocket(line.duplex, REQUEST, {
          ...{ clock: new FakeClock(), random: fakeRandom, path: "/ws", messageBytesMax: 10_000_000 },
          onHeld: (bytes) => void (held = bytes),
        });
        const { readable } = await socket.opened;
        const reader = readable.getReader();
        let [read, readBytes, isPending] = [0, 0, false];
        const next = () => {
          if (isPending) return;
          isPending = true;
          reader.read().then(({ value }) => {
            isPending = false;
            if (value === undefined) return;
            read += 1;
            readBytes += value.length;
          }, () => {});
        };
        const check = () => {
          const { skipped, handled, unfinished } = partsOf(units, line.taken);
          // Headers of frames and masks are not held; they are at most 14 bytes each.
          const headers = 14 * units.length;
          const least = handled + unfinished - readBytes - headers;
          const most = handled + unfinished - readBytes + (isPending ? 0 : skipped) + lengths.length + PIECE_BYTES;
          assert.ok(held >= least, `${held} told, ${least} held at least`);
          assert.ok(held <= most, `${held} told, ${most} held at most`);
        };
        let turns = 0;
        for (const chunk of cut(units, sizes)) {
          line.give(chunk);
          if (pauses[turns++ % pauses.length]) next();
          await turn();
          check();
        }
        while (read < lengths.length) {
          next();
          await turn();
          check();
        }
        next();
        await turn();
        assert.equal(readBytes, lengths.reduce((sum, length) => sum + length, 0));
        assert.equal(held, 0, "everything is read, and nothing is held");
      }),
      options,
    );
  });

  test("reads no more than 64 KiB of a message that a stranger begins, and the rest when it is welcome", async () => {
    const line = new Line();
    let most = 0;
    const socket = upgradeWebSocket(line.duplex, REQUEST, {
      ...{ clock: new FakeClock(), random: fakeRandom, path: "/ws", messageBytesMax: 10_000_000 },
      ...{ firstMessageBytesMax: 1_000, strangerBytesMax: 64 * 1024 },
      onHeld: (bytes) => void (most = Math.max(most, bytes)),
    });
    const { readable } = await socket.opened;
    const reader = readable.getReader();
    line.give(encodeFrame(OPCODE.binary, new Uint8Array(1_000), KEY));
    const long = encodeFrame(OPCODE.binary, new Uint8Array(3_000_000), KEY);
    for (let at = 0; at < long.length; at += 16_384) line.give(long.subarray(at, at + 16_384));
    assert.equal((await reader.read()).value?.length, 1_000);
    const second = reader.read();
    for (let i = 0; i < 50; i++) await turn();
    assert.ok(line.taken < 100_000, `${line.taken} bytes were read`);
    assert.ok(most <= 64 * 1024 + 16_384 + 2_000, `${most} bytes were held`);
    socket.welcome?.();
    assert.equal((await second).value?.length, 3_000_000);
  });

  test("ends a connection whose first message is longer than a first message may be", async () => {
    const line = new Line();
    const socket = upgradeWebSocket(line.duplex, REQUEST, {
      ...{ clock: new FakeClock(), random: fakeRandom, path: "/ws", messageBytesMax: 10_000_000 },
      firstMessageBytesMax: 1_000,
    });
    const { readable } = await socket.opened;
    line.give(encodeFrame(OPCODE.binary, new Uint8Array(1_001), KEY));
    await assert.rejects(readable.getReader().read(), { code: "websocket_too_big" });
  });
});
