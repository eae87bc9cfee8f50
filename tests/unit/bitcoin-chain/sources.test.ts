/** Givers of blocks, and callers that wait for a verdict. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockSources } from "../../../lib/bitcoin/chain/sources.ts";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { BAD } from "./slow-chain.ts";

const giver = { refused: () => {} };
const sourcesOf = () => new BlockSources(new HeaderChain(network));

/** A signal that counts who listens to it. */
function heard() {
  const controller = new AbortController();
  const { signal } = controller;
  const state = { listeners: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    state.listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    state.listeners -= 1;
    remove(...args);
  };
  return { controller, signal, state };
}

describe("BlockSources.verdict()", () => {
  test("gives the verdict to all that wait for that block, and to no others", async () => {
    const sources = sourcesOf();
    const { signal, state } = heard();
    const [one, two] = [sources.verdict(1, signal), sources.verdict(1)];
    const other = sources.verdict(2);
    assert.deepEqual([sources.waiting, state.listeners], [3, 1]);
    sources.refused(1, BAD);
    assert.deepEqual(await Promise.all([one, two]), [BAD, BAD]);
    assert.deepEqual([sources.waiting, state.listeners], [1, 0]);
    sources.connected(2);
    assert.equal(await other, undefined);
    assert.equal(sources.waiting, 0);
  });

  test("forgets a caller that gives up, and no others", async () => {
    const sources = sourcesOf();
    const first = heard();
    const second = heard();
    const reason = new Error("gone");
    const gone = assert.rejects(sources.verdict(1, first.signal), reason);
    const alsoGone = assert.rejects(sources.verdict(1, second.signal), reason);
    const stays = sources.verdict(1);
    first.controller.abort(reason);
    await gone;
    assert.equal(sources.waiting, 2);
    second.controller.abort(reason);
    await alsoGone;
    assert.equal(sources.waiting, 1);
    sources.answer(1, BAD);
    assert.equal(await stays, BAD);
    // One that comes later, after all have gone, waits for the same block.
    const third = heard();
    const last = assert.rejects(sources.verdict(1, third.signal), reason);
    third.controller.abort(reason);
    await last;
    const again = sources.verdict(1);
    assert.equal(sources.waiting, 1);
    sources.atRest();
    assert.equal(await again, undefined);
    assert.equal(sources.waiting, 0);
  });

  test("keeps nothing of a caller that was gone before", async () => {
    const sources = sourcesOf();
    const { signal, controller, state } = heard();
    controller.abort(new Error("gone before"));
    await assert.rejects(sources.verdict(1, signal), /gone before/);
    assert.deepEqual([sources.waiting, state.listeners], [0, 0]);
  });
});

describe("BlockSources", () => {
  test("forgets the giver of a block that is connected, or refused", () => {
    const sources = sourcesOf();
    sources.add(1, giver);
    sources.add(2, giver);
    sources.add(3, giver);
    sources.connected(1);
    assert.equal(sources.size, 2);
    sources.refused(2, BAD);
    assert.equal(sources.size, 1);
  });
});
