import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChiaProtocol } from "../../../lib/chia/peers/protocol.ts";
import type { ByteDuplex } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { MemoryNetwork } from "../../../lib/transport/memory.ts";
import { simClock } from "../core/sim.ts";
import { openContext, OWN } from "./pair.ts";

const PORT = 8444;
const HERE = "10.0.0.9";
const THERE = "10.0.0.1";
/** A certificate in shape only: memory connections show it and check nothing. */
const identity = {
  certificate: `-----BEGIN CERTIFICATE-----\n${btoa("somebody")}\n-----END CERTIFICATE-----`,
  privateKey: "",
};
const tls = { identity, authorities: [] };

describe("ChiaProtocol with a peer that says nothing", () => {
  for (const [handshakeMs, accepting, dialling] of [[undefined, 30_000, 30_000], [5_000, 5_000, 5_000]] as const) {
    test(`waits ${accepting} ms when it accepts and ${dialling} ms when it dials`, async () => {
      const clock = simClock();
      const net = new MemoryNetwork({ bufferBytes: 1 << 16 });
      const protocol = new ChiaProtocol({
        clock,
        random: new SeededRandom(1),
        dialer: net.dialer(HERE),
        identity,
        ownNodeId: new Uint8Array(32).fill(1),
        authorities: [],
        own: OWN,
        inboundMax: 8,
        ...(handshakeMs !== undefined && { handshakeMs }),
      });
      const taken = Promise.withResolvers<ByteDuplex>();
      await net.listen({ host: HERE, port: PORT, tls, onConnection: taken.resolve });
      await net.listen({ host: THERE, port: PORT, tls, onConnection: () => {} });
      await net.dialer(THERE).dial({ host: HERE, port: PORT }, { tls });
      const ends = new Map<string, number>();
      const began = clock.monotonic();
      const note = (what: string) => () => void ends.set(what, clock.monotonic() - began);
      protocol.accept(await taken.promise, openContext("inbound")).catch(note("accepting"));
      protocol.dial({ host: THERE, port: PORT }, openContext("outbound")).catch(note("dialling"));
      await clock.advance(200_000);
      assert.deepEqual([ends.get("accepting"), ends.get("dialling")], [accepting, dialling]);
      assert.equal(clock.pending, 0);
    });
  }
});
