/** The parts of a step of the chain, each by itself. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ActiveLevels } from "../../../lib/bitcoin/chain/levels.ts";
import { hasAny, newPending } from "../../../lib/bitcoin/chain/pending.ts";
import { PatientCommit } from "../../../lib/bitcoin/chain/patient-commit.ts";
import { Revalidation, type ValidationProgress } from "../../../lib/bitcoin/chain/revalidation.ts";
import { noteTipMove } from "../../../lib/bitcoin/chain/tip-move.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { HeaderChain, HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { simClock } from "../core/sim.ts";
import { batchOf, mine } from "./mining.ts";
import { mined } from "./slow-chain.ts";

function headersOf(count: number): HeaderChain {
  const headers = new HeaderChain(network);
  headers.accept(batchOf(mine(network.genesis.header, count)), 2_000_000_000);
  return headers;
}

describe("hasAny()", () => {
  test("tells each thing that a commit is to take", () => {
    assert.equal(hasAny(newPending()), false);
    const block = { row: 1, height: 1, hash: new Uint8Array(32), raw: new Uint8Array(80) };
    const event = { topic: "bitcoin.block", time: 0, chain: "bitcoin", network: "regtest", data: {} } as const;
    assert.equal(hasAny({ ...newPending(), blocks: [block] }), true);
    assert.equal(hasAny({ ...newPending(), statuses: new Map([[1, 1]]) }), true);
    assert.equal(hasAny({ ...newPending(), events: [event] }), true);
    assert.equal(hasAny({ ...newPending(), tip: 0 }), true);
    assert.equal(hasAny({ ...newPending(), coins: { at: 0, staged: { count: 0 } } }), true);
    assert.equal(hasAny({ ...newPending(), undo: new Map([[1, new Uint8Array()]]) }), true);
  });
});

describe("noteTipMove()", () => {
  const [{ block }] = mined(0, 1, "known") as [ReturnType<typeof mined>[number]];
  const terms = { time: 1, hasBlocks: true, hasTransactionIndex: true };

  test("names the transactions of the block that is at hand, and leaves those of others to be read", () => {
    const pending = newPending();
    const headers = headersOf(2);
    noteTipMove(pending, headers, 0, 2, { row: 2, block }, terms);
    assert.deepEqual(pending.joined, [{ row: 1, txids: [] }, { row: 2, txids: block.txids() }]);
    assert.ok(block.txids().length > 0);
    assert.deepEqual([pending.left, pending.tip], [[], 2]);
    assert.deepEqual(pending.events.map(({ data }) => data.reorg), [false, false]);
    assert.equal(pending.events[0]!.data.previousblockhash, toDisplayHex(headers.hash(0)));
    assert.equal(pending.events[1]!.data.previousblockhash, toDisplayHex(headers.hash(1)));
  });

  test("names no transactions without an index, and no blocks where none are kept", () => {
    const pending = newPending();
    const headers = headersOf(2);
    noteTipMove(pending, headers, 0, 1, undefined, { ...terms, hasTransactionIndex: false });
    assert.deepEqual([pending.joined, pending.left, pending.events.length], [[], [], 1]);
    noteTipMove(pending, headers, 1, 2, undefined, { ...terms, hasBlocks: false });
    assert.deepEqual([pending.joined, pending.events.length, pending.tip], [[], 1, 2]);
  });

  test("marks what takes the place of others", () => {
    const pending = newPending();
    const headers = headersOf(2);
    headers.accept(batchOf(mine(network.genesis.header, 3, { salt: 3 })), 2_000_000_000);
    noteTipMove(pending, headers, 2, 5, undefined, terms);
    assert.deepEqual(pending.left.map(({ row }) => row).sort(), [1, 2]);
    assert.deepEqual(pending.events.map(({ topic }) => topic), ["bitcoin.reorg", ...Array(3).fill("bitcoin.block")]);
    assert.deepEqual(pending.events.slice(1).map(({ data }) => data.reorg), [true, true, true]);
    assert.deepEqual(pending.events[0]!.data.fork_height, 0);
  });
});

describe("ActiveLevels", () => {
  test("least is that of the block that was checked least", () => {
    const headers = headersOf(2);
    headers.addStatus(1, HeaderStatus.structure);
    headers.addStatus(2, HeaderStatus.structure);
    const levels = new ActiveLevels(headers);
    assert.equal(levels.least, undefined);
    levels.move(0, 0, 2);
    levels.change("structure", "full");
    assert.equal(levels.least, "structure");
    levels.change("structure", "full");
    assert.equal(levels.least, "full");
  });
});

describe("Revalidation", () => {
  test("is told of once a minute, and at the end", async () => {
    const clock = simClock();
    await clock.advance(1_000_000);
    const told: ValidationProgress[] = [];
    const headers = headersOf(4);
    const again = new Revalidation({
      ...{ headers, clock, level: "full" },
      onValidation: (progress) => void told.push(progress),
      notice: () => {},
    });
    assert.equal(again.progress(0, 4), undefined);
    again.moved(1, 4, false);
    again.begin(0);
    await clock.advance(59_999);
    again.moved(1, 4, false);
    assert.deepEqual(told, []);
    await clock.advance(1);
    again.moved(2, 4, false);
    await clock.advance(59_999);
    again.moved(3, 4, false);
    again.moved(4, 4, true);
    assert.deepEqual(told.map(({ height }) => height), [2, 4]);
    assert.deepEqual(told[1], { from: 0, height: 4, to: 4, level: "full" });
    assert.equal(again.progress(4, 4), undefined);
  });
});

describe("PatientCommit", () => {
  test("hurry() ends the rest before the next try, which is the last one then", async () => {
    const clock = simClock();
    const full = new NodeError("DISK_FULL", "self", "full");
    const commits = new PatientCommit(clock);
    let tries = 0;
    const done = assert.rejects(
      commits.run(() => {
        tries += 1;
        return Promise.reject(full);
      }),
      full,
    );
    await clock.advance(0);
    assert.deepEqual([tries, clock.pending], [1, 1]);
    commits.hurry();
    // No time passes.
    await done;
    assert.deepEqual([tries, clock.pending], [2, 0]);
  });
});
