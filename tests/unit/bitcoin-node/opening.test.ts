import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Link } from "../../../lib/bitcoin/peers/link.ts";
import { OpeningConnections } from "../../../lib/bitcoin/peers/opening.ts";
import { V1Transport } from "../../../lib/bitcoin/wire/mod.ts";
import { V2Transport } from "../../../lib/bitcoin/wire/v2/mod.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { simClock } from "../core/sim.ts";

/** Three connections that are being opened: an inbound one, and two to ports of one host. */
function opening() {
  const clock = simClock();
  const list = new OpeningConnections(clock);
  const ended: number[] = [];
  const enter = (id: number, host: string, port: number, isEncrypted: boolean) => {
    const here = { host: "10.0.0.9", port: 8_333 };
    const [near] = duplexPair({ addresses: [here, { host, port }] });
    void near.closed.then(() => ended.push(id));
    const transport = isEncrypted
      ? new V2Transport({ initiator: true, magic: regtest.magic }, { random: new SeededRandom(id) })
      : new V1Transport(regtest.magic);
    const link = new Link(near, transport, { traffic: new Traffic(clock) });
    return list.enter(id, link, id === 1 ? "inbound" : "outbound-full-relay");
  };
  const leave = [
    enter(1, "10.0.0.1", 50_001, false),
    enter(2, "10.0.0.2", 8_333, true),
    enter(3, "10.0.0.2", 8_334, true),
  ];
  return { clock, list, ended, leave };
}

describe("OpeningConnections", () => {
  test("lists what is known before the handshake, until it is over", () => {
    const { list, leave } = opening();
    assert.deepEqual(
      list.views().map(({ id, direction, host, port, localPort, transport, startHeight, syncedHeaders }) => [
        ...[id, direction, host, port, localPort, transport, startHeight, syncedHeaders],
      ]),
      [
        [1, "in", "10.0.0.1", 50_001, 8_333, "v1", -1, -1],
        [2, "out", "10.0.0.2", 8_333, 8_333, "detecting", -1, -1],
        [3, "out", "10.0.0.2", 8_334, 8_333, "detecting", -1, -1],
      ],
    );
    const [view] = list.views();
    assert.equal(view!.relayTransactions, false);
    assert.equal(view!.connectionTime, 1_750_000_000);
    leave[1]!();
    assert.deepEqual(list.views().map(({ id }) => id), [1, 3]);
  });

  test("ends those with an id, an address or a host, and tells whether there was one", async () => {
    for (
      const [peer, ends] of [
        [2, [2]],
        ["10.0.0.2:8334", [3]],
        ["10.0.0.2", [2, 3]],
        [9, []],
        ["10.0.0.3", []],
        ["10.0.0.1:8333", []],
      ] as const
    ) {
      const { clock, list, ended } = opening();
      assert.equal(list.disconnect(peer), ends.length > 0, `${peer}`);
      await clock.advance(0);
      assert.deepEqual(ended, ends, `${peer}`);
    }
  });

  test("ends all of them when the network is closed", async () => {
    const { clock, list, ended } = opening();
    list.close();
    await clock.advance(0);
    assert.deepEqual(ended, [1, 2, 3]);
  });
});
