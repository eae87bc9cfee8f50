import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import {
  BitcoinProtocol,
  type BitcoinProtocolParts,
  type DialledAddress,
} from "../../../lib/bitcoin/peers/protocol.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import { NO_ADDRESS } from "../../../lib/bitcoin/types/mod.ts";
import { V1Transport, Verack, Version } from "../../../lib/bitcoin/wire/mod.ts";
import type { OpenContext } from "../../../lib/core/peers/connections.ts";
import { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import type { PeerKind } from "../../../lib/core/peers/peer.ts";
import type { ByteDuplex } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { simClock } from "../core/sim.ts";

const PLACE = { host: "10.0.0.1", port: 18_444 };
const START_V1 = [...regtest.magic];

/** A protocol whose dialled connections are played by `play`. */
const OWN = { services: 9n, userAgent: "/under test/", startHeight: 0, relay: false };

function dialling(play: (duplex: ByteDuplex, first: Uint8Array) => void, more: Partial<BitcoinProtocolParts> = {}) {
  const clock = simClock();
  const memory = new MemoryBudget(clock);
  /** What each connection began with: the first four bytes that were sent over it. */
  const dialled: number[][] = [];
  const life = new AbortController();
  const protocol = new BitcoinProtocol({
    network: regtest,
    clock,
    random: new SeededRandom(5),
    dialer: {
      dial: () => {
        const [near, far] = duplexPair({ bufferBytes: 1 << 20 });
        const reader = far.readable.getReader();
        void reader.read().then(({ value = new Uint8Array() }) => {
          dialled.push([...value.subarray(0, 4)]);
          reader.releaseLock();
          play(far, value);
        });
        return Promise.resolve(near);
      },
    },
    own: () => OWN,
    v2: true,
    inboundMax: 8,
    memory,
    ...more,
  });
  const context = (kind: PeerKind = "manual"): OpenContext => ({
    kind,
    banned: false,
    enforce: true,
    signal: life.signal,
    holds: () => {},
  });
  const dial = (kind?: PeerKind, place: DialledAddress = PLACE) => protocol.dial(place, context(kind));
  return { clock, memory, dialled, life, protocol, context, dial };
}

/** Answers a version in the old transport. */
function agree(duplex: ByteDuplex, services = 9n): void {
  const transport = new V1Transport(regtest.magic);
  const writer = duplex.writable.getWriter();
  const version = { version: 70_016, services, timestamp: 1_750_000_000n, addrRecv: NO_ADDRESS, addrFrom: NO_ADDRESS };
  const said = { ...version, nonce: 5n, userAgent: "/by hand/", startHeight: 0, relay: true };
  void writer.write(transport.pack(Version.type, Version.encode(said)));
  void writer.write(transport.pack(Verack.type, Verack.encode({})));
}

const isV1 = (start: readonly number[]) => start.join() === START_V1.join();

describe("BitcoinProtocol.dial()", () => {
  test("dials once more without encryption when the peer hangs up on our key", async () => {
    const { clock, dial, dialled } = dialling((duplex, first) =>
      isV1([...first.subarray(0, 4)]) ? agree(duplex) : duplex.destroy()
    );
    const session = await clock.until(dial());
    assert.deepEqual(dialled.map(isV1), [false, true]);
    assert.equal(session.link.transport.kind, "v1");
    session.close();
  });

  test("does not when the peer has answered anything, nor when the node stops", async () => {
    const { clock, dial, dialled } = dialling((duplex) => {
      void duplex.writable.getWriter().write(new Uint8Array(20).fill(1));
      clock.after(1_000, () => duplex.destroy());
    });
    const failed = dial();
    failed.catch(() => {});
    await clock.advance(1_000);
    await assert.rejects(failed, { fault: "network" });
    assert.deepEqual(dialled.map(isV1), [false]);

    const stopping = dialling((duplex) => {
      stopping.life.abort();
      duplex.destroy();
    });
    const stopped = stopping.dial();
    stopped.catch(() => {});
    await stopping.clock.advance(0);
    await assert.rejects(stopped, { code: "stopped" });
    assert.deepEqual(stopping.dialled.map(isV1), [false]);
  });

  test("dials without encryption at once where the address, or the operator, wants it so", async () => {
    for (const [place, v2] of [[{ ...PLACE, v1Only: true }, true], [PLACE, false]] as const) {
      const { clock, dial, dialled } = dialling((duplex) => agree(duplex), { v2 });
      const session = await clock.until(dial("manual", place));
      assert.deepEqual(dialled.map(isV1), [true]);
      session.close();
    }
  });

  test("asks of peers that the node chose to serve the whole chain with witnesses, and of no others", async () => {
    for (
      const [kind, type, isAsked] of [
        ["outbound", "outbound-full-relay", true],
        ["block-relay", "block-relay-only", true],
        ["feeler", "feeler", false],
        ["manual", "manual", false],
      ] as const
    ) {
      for (const services of [9n, 8n]) {
        const { clock, dial } = dialling((duplex) => agree(duplex, services), { v2: false });
        const opened = dial(kind).then((session) => {
          session.close();
          return session.connectionType;
        }, ({ code }) => code);
        await clock.advance(0);
        assert.equal(await opened, isAsked && services === 8n ? "missing_services" : type);
      }
    }
  });

  test("knows itself when it dials its own port", async () => {
    let accept = (_: ByteDuplex) => {};
    const made = dialling(() => {}, {
      v2: false,
      dialer: {
        dial: () => {
          const [near, far] = duplexPair({ bufferBytes: 1 << 20 });
          accept(far);
          return Promise.resolve(near);
        },
      },
    });
    accept = (duplex) => void made.protocol.accept(duplex, made.context("inbound")).catch(() => {});
    await assert.rejects(made.clock.until(made.dial()), { code: "SELF_CONNECTION" });
  });
});

describe("BitcoinProtocol.accept()", () => {
  test("hangs up on a banned host, and hears nothing of it", async () => {
    const { protocol, context, memory } = dialling(() => {});
    const [near, far] = duplexPair();
    await assert.rejects(protocol.accept(near, { ...context("inbound"), banned: true }), {
      code: "banned",
      fault: "peer",
    });
    await far.closed;
    assert.equal(memory.used, 0);
  });

  test("asks nothing of who comes, and forgets its memory when it is gone", async () => {
    const { clock, protocol, context, memory } = dialling(() => {}, { v2: false });
    const [near, far] = duplexPair({ bufferBytes: 1_024 });
    agree(far, 0n);
    const session = await clock.until(protocol.accept(near, context("inbound")));
    session.link.send("tx", new Uint8Array(100_000)).catch(() => {});
    assert.ok(memory.used > 100_000);
    const refused = protocol.refuseSlot(session);
    assert.equal(refused.code, "slots_full");
    assert.equal(session.signal.aborted, true);
    await clock.advance(0);
    assert.equal(memory.used, 0);
  });

  test("has so many slots as it was told, and takes no two connections for one", () => {
    const { protocol } = dialling(() => {});
    const session = (relay: boolean) => ({ peer: { relay } }) as unknown as BitcoinSession;
    assert.deepEqual(protocol.slotsFor(session(true)).map(({ max }) => max), [8]);
    assert.equal(protocol.isSame(), false);
  });

  test("has half of its slots for peers that are told of transactions, when it tells of any", () => {
    const { protocol } = dialling(() => {}, { own: () => ({ ...OWN, relay: true }) });
    const session = (relay: boolean) => ({ peer: { relay } }) as unknown as BitcoinSession;
    assert.deepEqual(protocol.slotsFor(session(false)).map(({ max }) => max), [8]);
    const [relaying = assert.fail(), all = assert.fail()] = protocol.slotsFor(session(true));
    assert.deepEqual([relaying.max, all.max], [4, 8]);
    assert.deepEqual([true, false].map((relay) => relaying.isAlike(session(relay))), [true, false]);
    assert.deepEqual([true, false].map((relay) => all.isAlike(session(relay))), [true, true]);
  });
});
