/** Two nodes' protocols with one another: what each connection is in the memory of both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chiaDialling, type ChiaDiallingParts } from "../../../lib/chia/peers/dialling.ts";
import { ChiaProtocol } from "../../../lib/chia/peers/protocol.ts";
import type { ChiaSession } from "../../../lib/chia/peers/session.ts";
import { requestBlock } from "../../../lib/chia/protocol/mod.ts";
import type { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { MemoryNetwork } from "../../../lib/transport/memory.ts";
import { simClock } from "../core/sim.ts";
import { openContext, OWN } from "./pair.ts";

const PORT = 8444;

/** A node's protocol, and what it opened and closed in its memory. */
function side(net: MemoryNetwork, clock: ReturnType<typeof simClock>, host: string) {
  const certificate = `-----BEGIN CERTIFICATE-----\n${btoa(host)}\n-----END CERTIFICATE-----`;
  const identity = { certificate, privateKey: "" };
  const opened: Parameters<MemoryBudget["open"]>[0][] = [];
  const closed: string[] = [];
  const memory = {
    open: (options: Parameters<MemoryBudget["open"]>[0]) => {
      opened.push(options);
      return { set: () => {}, hold: () => () => {}, close: () => void closed.push(options.name!) };
    },
  } as unknown as MemoryBudget;
  const protocol = new ChiaProtocol({
    clock,
    random: new SeededRandom(1),
    dialer: net.dialer(host),
    identity,
    ownNodeId: sha256(new TextEncoder().encode(host)),
    authorities: [],
    own: OWN,
    inboundMax: 8,
    memory,
  });
  return { protocol, opened, closed, tls: { identity, authorities: [] } };
}

test("ChiaProtocol opens a place in the memory for each connection, and closes it with its socket", async () => {
  const clock = simClock();
  const net = new MemoryNetwork({ bufferBytes: 1 << 16 });
  const [dialler, acceptor] = [side(net, clock, "10.0.0.1"), side(net, clock, "10.0.0.9")];
  const accepted = Promise.withResolvers<ChiaSession>();
  await net.listen({
    host: "10.0.0.9",
    port: PORT,
    tls: acceptor.tls,
    onConnection: (duplex) => accepted.resolve(acceptor.protocol.accept(duplex, openContext("inbound"))),
  });
  const session = await clock.until(dialler.protocol.dial({ host: "10.0.0.9", port: PORT }, openContext("outbound")));
  const other = await clock.until(accepted.promise);
  const ends = [session, other].map((each) => each.run(() => {}));
  const [[ours], [theirs]] = [dialler.opened, acceptor.opened];
  assert.deepEqual([ours?.isInbound, theirs?.isInbound], [false, true]);
  assert.equal(ours?.name, `10.0.0.9 ${PORT}`);
  assert.match(theirs?.name ?? "", /^10\.0\.0\.1 /);

  assert.deepEqual([ours?.isAwaited?.(), theirs?.isAwaited?.()], [false, false]);
  const answer = session.request(requestBlock, { height: 5, includeTransactionBlock: true }, 1_000);
  answer.catch(() => {});
  await clock.advance(0);
  assert.deepEqual([ours?.isAwaited?.(), theirs?.isAwaited?.()], [true, false]);

  assert.deepEqual([dialler.closed, acceptor.closed], [[], []]);
  session.close();
  await clock.until(Promise.all(ends));
  await clock.advance(60_000);
  assert.deepEqual([dialler.closed, acceptor.closed], [[ours?.name], [theirs?.name]]);
  assert.equal(clock.pending, 0);
});

test("chiaDialling() asks introducers where there is a way to, and takes the seeds that it is told", () => {
  const network = { dnsSeeds: ["seed.test"], defaultPort: PORT };
  const parts = { chain: { network }, outbound: 8 } as unknown as ChiaDiallingParts;
  const askIntroducers = () => Promise.resolve([]);
  assert.equal(chiaDialling({ ...parts, askIntroducers }).askIntroducers, askIntroducers);
  assert.equal("askIntroducers" in chiaDialling(parts), false);
  assert.deepEqual(chiaDialling(parts).dnsSeeds, ["seed.test"]);
  assert.deepEqual(chiaDialling({ ...parts, seeds: ["other.test"] }).dnsSeeds, ["other.test"]);
});
