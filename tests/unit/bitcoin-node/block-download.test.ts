import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BitcoinChain } from "../../../lib/bitcoin/chain/chain.ts";
import type { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import { BlockDownload } from "../../../lib/bitcoin/sync/block-download.ts";
import { simClock } from "../core/sim.ts";

/** Headers of one chain, each row at its own height. */
const HEADERS = {
  hash: () => new Uint8Array(32),
  height: (row: number) => row,
  atHeight: (height: number) => height,
  work: BigInt,
  onBest: () => true,
  isInvalid: () => false,
  hasMoreWork: (a: number, b: number) => a > b,
  commonAncestor: Math.min,
};

/** A peer with witnesses whose session only takes note of what it is asked, and a download that asks it. */
function scene() {
  const posted: string[] = [];
  const asked: number[] = [];
  const judged = new Set([0]);
  const session = {
    peer: { services: 9n },
    remote: { host: "10.0.0.1", port: 1 },
    awaitsMore: () => false,
    post: ({ type }: { readonly type: string }, { inventory }: { readonly inventory: readonly unknown[] }) => {
      posted.push(type);
      asked.push(inventory.length);
    },
  } as unknown as BitcoinSession;
  const peer = new BitcoinPeer({ id: 1, kind: "inbound", session, since: 0 });
  const download = new BlockDownload({
    chain: {
      ...{ headers: HEADERS, tip: 0, states: {}, connectedOf: () => undefined },
      wasJudged: (row: number) => judged.has(row),
    } as unknown as BitcoinChain,
    clock: simClock(),
    peers: () => [peer],
    minimumWork: 0n,
    initialBlockDownload: () => false,
    asked: () => {},
    notice: () => {},
  });
  return { peer, session, download, posted, asked, judged };
}

describe("BlockDownload", () => {
  test("a peer's session knows that blocks are awaited until the last of them has come", () => {
    const { peer, session, download, posted } = scene();
    assert.equal(session.awaitsMore(), false);
    assert.equal(download.fetch(7, peer), undefined);
    assert.equal(download.fetch(8, peer), undefined);
    assert.deepEqual(posted, ["getdata", "getdata"]);
    download.arrived(7);
    assert.equal(session.awaitsMore(), true);
    assert.deepEqual(download.viewOf(peer).inFlight, [8]);
    download.release(8, peer);
    assert.equal(session.awaitsMore(), false);
  });

  test("fill() asks for several blocks with one question, and for more once some have come", () => {
    const { peer, download, asked, judged } = scene();
    peer.knowledge.tells(HEADERS as unknown as HeaderChain, 100);
    for (let row = 0; row <= 12; row++) {
      if (row > 0) {
        judged.add(row);
        download.arrived(row);
      }
      download.fill();
    }
    assert.deepEqual(asked, [16, 4, 4, 4]);
    assert.equal(download.viewOf(peer).inFlight.length, 16);
  });

  test("forget() takes back what a peer was asked for, and nothing is awaited of it", () => {
    const { peer, session, download } = scene();
    download.fetch(7, peer);
    download.fetch(8, peer);
    download.forget(peer);
    assert.deepEqual([session.awaitsMore(), download.isAsked(7), download.isAsked(8)], [false, false, false]);
    assert.deepEqual(download.viewOf(peer).inFlight, []);
  });
});
