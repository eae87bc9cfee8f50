import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import type { DownloadView } from "../../../lib/bitcoin/sync/block-download.ts";
import { peerView, type PeerViewParts } from "../../../lib/bitcoin/views.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { BitcoinWorld } from "../../scenario/bitcoin-world.ts";
import { simClock } from "../core/sim.ts";

/** A peer whose session says little. */
function someone() {
  const session = {
    peer: { services: 9n, version: 70_016, userAgent: "/by hand/", startHeight: 5, relay: true, timeOffset: -3 },
    remote: { host: "10.0.0.1", port: 1 },
    connectionType: "inbound",
    traffic: new Traffic(simClock()),
    link: { duplex: { local: { host: "10.0.0.9", port: 2 } }, transport: { kind: "v1" } },
  } as unknown as BitcoinSession;
  return new BitcoinPeer({ id: 1, kind: "inbound", session, since: 7_900 });
}

describe("peerView()", () => {
  test("shows heights and seconds, and −1 for what is not known, from whichever part keeps it", () => {
    const { headers, blocks } = new BitcoinWorld().recording().extend(3);
    const rows = [0, ...blocks.map(({ hash }) => headers.find(hash))];
    const peer = someone();
    const kept: { download: DownloadView; presynced: number } = {
      download: { lastCommon: -1, inFlight: [], bytesPerSecond: 0 },
      presynced: -1,
    };
    const parts = {
      headers,
      headerSync: { presyncedHeight: () => kept.presynced },
      download: { viewOf: () => kept.download },
      announcing: { minimumFeeOf: () => 1_000n },
      addresses: { exchangedWith: () => ({ takesPart: true, wasAnswered: false, processed: 3, limited: 4 }) },
      compact: { viewOf: () => ({ to: true, from: false }) },
    } as unknown as PeerViewParts;
    const shown = () => {
      const { syncedHeaders, syncedBlocks, presyncedHeaders, inFlight, pingTime, connectionTime, lastBlock } = peerView(
        peer,
        parts,
      );
      return [syncedHeaders, syncedBlocks, presyncedHeaders, inFlight, pingTime, connectionTime, lastBlock];
    };
    assert.deepEqual(shown(), [-1, -1, -1, [], undefined, 7, 0]);
    peer.knowledge.tells(headers, 0);
    kept.download = { lastCommon: 0, inFlight: [rows[2]!, rows[3]!], bytesPerSecond: 90 };
    kept.presynced = 12_000;
    peer.session.pingMs = 250;
    peer.gaveHead(61_900);
    assert.deepEqual(shown(), [0, 0, 12_000, [2, 3], 0.25, 7, 61]);
    peer.knowledge.tells(headers, rows[3]!);
    kept.download = { lastCommon: rows[2]!, inFlight: [], bytesPerSecond: 90 };
    assert.deepEqual(shown(), [3, 2, 12_000, [], 0.25, 7, 61]);
    const view = peerView(peer, parts);
    assert.deepEqual([view.addressRelay, view.addressesProcessed, view.addressesLimited], [true, 3, 4]);
    assert.deepEqual([view.minimumFeeFilter, view.blockBytesPerSecond], [1_000n, 90]);
    assert.deepEqual([view.compactBlocksTo, view.compactBlocksFrom], [true, false]);
    const { relayTransactions, host, localHost, services, lastSend } = view;
    assert.deepEqual([relayTransactions, host, localHost, services, lastSend], [true, "10.0.0.1", "10.0.0.9", 9n, 0]);
  });
});
