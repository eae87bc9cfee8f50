import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { chainTips } from "../../../lib/bitcoin/headers/chain-tips.ts";
import { HeaderChain, HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { findFork, LOCATOR_MAX, locatorOf, rowsAfter } from "../../../lib/bitcoin/headers/locator.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { batchOf, mine } from "./mining.ts";

const NOW = 2_000_000_000;
const genesis = regtest.genesis.header;
const main = mine(genesis, 200);
const rival = mine(main[99]!, 30, { salt: 5 });

/** Main to 200, a rival from 100 to 130. */
function forked(): { chain: HeaderChain; rivalTip: number } {
  const chain = new HeaderChain(regtest);
  chain.accept(batchOf(main), NOW);
  return { chain, rivalTip: chain.accept(batchOf(rival), NOW).last };
}

describe("locatorOf()", () => {
  const heights = (chain: HeaderChain, row: number) =>
    locatorOf(chain, row).map((hash) => chain.height(chain.find(hash)));

  test("names the tip, ten ancestors one by one, then doubles its steps down to genesis", () => {
    const { chain } = forked();
    const dense = Array.from({ length: 11 }, (_, i) => 200 - i);
    assert.deepEqual(heights(chain, chain.best), [...dense, 188, 184, 176, 160, 128, 64, 0]);
  });

  test("stays on its branch", () => {
    const { chain, rivalTip } = forked();
    const locator = locatorOf(chain, rivalTip);
    assert.deepEqual(locator[0], chain.hash(rivalTip));
    assert.deepEqual(heights(chain, rivalTip).at(-1), 0);
    assert.ok(
      locator.every((hash, i) =>
        i === 0 || chain.ancestor(rivalTip, heights(chain, rivalTip)[i]!) === chain.find(hash)
      ),
    );
  });

  test("is one hash on genesis and short on any chain", () => {
    assert.deepEqual(locatorOf(new HeaderChain(regtest), 0), [regtest.genesis.hash]);
    const { chain } = forked();
    assert.ok(locatorOf(chain, chain.best).length < LOCATOR_MAX);
  });
});

describe("findFork()", () => {
  test("takes the first hash that is on the chain", () => {
    const { chain, rivalTip } = forked();
    const fork = findFork(chain, chain.best, locatorOf(chain, rivalTip));
    assert.ok(chain.height(fork) <= 100 && chain.height(fork) >= 90, "at or a few steps below the fork");
    assert.ok(chain.onBest(fork));
  });

  test("answers with the tip to one who is further along it", () => {
    const { chain } = forked();
    assert.equal(findFork(chain, chain.atHeight(150), locatorOf(chain, chain.best)), chain.atHeight(150));
  });

  test("answers with genesis to strangers", () => {
    const { chain } = forked();
    assert.equal(findFork(chain, chain.best, [new Uint8Array(32).fill(9)]), 0);
    assert.equal(findFork(chain, chain.best, []), 0);
  });
});

describe("rowsAfter()", () => {
  test("gives what follows, up to a limit, a stop or the tip", () => {
    const { chain } = forked();
    const from = chain.atHeight(50);
    const heights = (rows: number[]) => rows.map((row) => chain.height(row));
    assert.deepEqual(heights(rowsAfter(chain, chain.best, from, undefined, 3)), [51, 52, 53]);
    assert.deepEqual(heights(rowsAfter(chain, chain.best, from, chain.hash(chain.atHeight(52)))), [51, 52]);
    assert.equal(rowsAfter(chain, chain.best, from, new Uint8Array(32)).length, 150);
    assert.deepEqual(rowsAfter(chain, chain.best, chain.best), []);
  });

  test("follows a branch", () => {
    const { chain, rivalTip } = forked();
    const rows = rowsAfter(chain, rivalTip, chain.atHeight(100));
    assert.equal(rows.length, 30);
    assert.equal(rows.at(-1), rivalTip);
    assert.ok(rows.every((row) => !chain.onBest(row)));
  });
});

describe("chainTips()", () => {
  const told = (chain: HeaderChain, active: number) =>
    chainTips(chain, active).map(({ height, branchLength, status }) => [height, branchLength, status]);

  test("names the state of each branch", () => {
    const { chain, rivalTip } = forked();
    assert.deepEqual(told(chain, chain.best), [[200, 0, "active"], [130, 30, "headers-only"]]);
    for (let row = rivalTip; !chain.onBest(row); row = chain.parent(row)) chain.addStatus(row, HeaderStatus.data);
    assert.deepEqual(told(chain, chain.best)[1], [130, 30, "valid-headers"]);
    chain.addStatus(rivalTip, HeaderStatus.connected);
    assert.deepEqual(told(chain, chain.best)[1], [130, 30, "valid-fork"]);
    chain.markInvalid(rivalTip);
    assert.deepEqual(told(chain, chain.best)[1], [130, 30, "invalid"]);
  });

  test("tells headers ahead of the active chain from it", () => {
    const { chain } = forked();
    const active = chain.atHeight(150);
    assert.deepEqual(told(chain, active), [[200, 50, "headers-only"], [150, 0, "active"], [130, 30, "headers-only"]]);
  });
});
