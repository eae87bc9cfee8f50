import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";

function peerOf(services: bigint) {
  const session = { peer: { services }, remote: { host: "10.0.0.1", port: 1 } } as unknown as BitcoinSession;
  return new BitcoinPeer({ id: 1, kind: "inbound", session, since: 0 });
}

describe("BitcoinPeer", () => {
  test("serves what its services say", () => {
    const serves = ({ servesAll, servesRecent, servesWitnesses, servesFilters }: BitcoinPeer) =>
      [servesAll, servesRecent, servesWitnesses, servesFilters].map(Number).join("");
    for (
      const [services, what] of [
        [9n, "1110"],
        [1n, "0000"],
        [8n, "0010"],
        [0x400n, "0000"],
        [0x408n, "0110"],
        [0x449n, "1111"],
        [0x40n, "0001"],
      ] as const
    ) assert.equal(serves(peerOf(services)), what, `${services}`);
  });
});
