import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { type AcceptResult, HeaderChain, HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { retarget } from "../../../lib/bitcoin/headers/difficulty.ts";
import { blockWork, targetOf } from "../../../lib/bitcoin/headers/pow.ts";
import { type BitcoinNetwork, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { type BlockHeader, headerHash, headerToBytes } from "../../../lib/bitcoin/types/header.ts";
import { batchOf, mine, solve } from "./mining.ts";

const genesis = regtest.genesis.header;
const NOW = 2_000_000_000;
const WORK = blockWork(0x207fffff);

function grown(headers: readonly BlockHeader[], network: BitcoinNetwork = regtest): HeaderChain {
  const chain = new HeaderChain(network);
  const result = chain.accept(batchOf(headers), NOW);
  assert.equal(result.refusal, undefined);
  return chain;
}

/** The one header as a batch; what is said of it. */
const offer = (chain: HeaderChain, header: BlockHeader, now = NOW): AcceptResult =>
  chain.accept(batchOf([header]), now);
const reasonFor = (chain: HeaderChain, header: BlockHeader, now = NOW) => offer(chain, header, now).refusal?.reason;

/** A child of `parent`, solved. */
function child(parent: BlockHeader, change: Partial<BlockHeader> = {}, network: BitcoinNetwork = regtest): BlockHeader {
  const [next] = mine(parent, 1, { network });
  return solve({ ...next!, ...change, nonce: 0 }, network);
}

const main = mine(genesis, 30);
const at = (height: number) => main[height - 1]!;

describe("HeaderChain.accept()", () => {
  test("starts with genesis as the best header", () => {
    const chain = new HeaderChain(regtest);
    assert.equal(chain.length, 1);
    assert.deepEqual(chain.hash(chain.best), regtest.genesis.hash);
    assert.deepEqual(chain.headerBytes(0), regtest.genesis.headerBytes);
    assert.equal(chain.work(0), WORK);
  });

  test("appends a batch and gives back what it took", () => {
    const chain = new HeaderChain(regtest);
    const result = chain.accept(batchOf(main), NOW);
    assert.deepEqual(result, { added: 30, last: 30, bestChanged: true });
    assert.equal(chain.height(chain.best), 30);
    assert.equal(chain.work(chain.best), WORK * 31n);
    main.forEach((header, i) => {
      const row = chain.atHeight(i + 1);
      assert.deepEqual(chain.header(row), header);
      assert.equal(chain.find(headerHash(header)), row);
    });
    assert.equal(chain.atHeight(31), -1);
    assert.equal(chain.find(new Uint8Array(32)), -1);
  });

  test("takes known headers as read, and the rest of an overlapping batch as new", () => {
    const chain = grown(main.slice(0, 20));
    assert.deepEqual(chain.accept(batchOf(main.slice(0, 20)), NOW), { added: 0, last: 20, bestChanged: false });
    assert.deepEqual(chain.accept(batchOf(main.slice(5, 25)), NOW), { added: 5, last: 25, bestChanged: true });
    assert.deepEqual(chain.accept(batchOf([genesis, ...main]), NOW), { added: 5, last: 30, bestChanged: true });
    assert.equal(chain.length, 31);
  });

  test("says nothing of an empty batch", () => {
    assert.deepEqual(new HeaderChain(regtest).accept(batchOf([]), NOW), { added: 0, last: -1, bestChanged: false });
  });

  test("keeps the headers before the one that fails", () => {
    const bad = child(at(10), { time: at(4).time });
    const result = new HeaderChain(regtest).accept(batchOf([...main.slice(0, 10), bad]), NOW);
    assert.equal(result.added, 10);
    assert.equal(result.last, 10);
    assert.equal(result.refusedAt, 10);
    assert.equal(result.refusal?.reason, "time-too-old");
  });
});

describe("HeaderChain.accept() refuses", () => {
  test("a batch with a header without work, as a whole", () => {
    const chain = new HeaderChain(regtest);
    const result = chain.accept(batchOf([at(1), solve(at(2), regtest, false)]), NOW);
    assert.equal(result.refusal?.reason, "high-hash");
    assert.equal(result.refusedAt, 1);
    assert.equal(chain.length, 1);
  });

  test("a batch that is not one chain, as a whole", () => {
    const chain = new HeaderChain(regtest);
    assert.equal(chain.accept(batchOf([at(1), at(3)]), NOW).refusal?.reason, "non-continuous");
    assert.equal(chain.length, 1);
  });

  test("a header whose parent is not known", () => {
    const result = offer(new HeaderChain(regtest), at(2));
    assert.equal(result.refusal?.reason, "prev-blk-not-found");
    assert.equal(result.refusal?.result, "missing_prev");
  });

  test("bits that the chain does not ask for", () => {
    assert.equal(reasonFor(grown(main.slice(0, 3)), child(at(3), { bits: 0x207ffffe })), "bad-diffbits");
  });

  test("a time that is not above the median of eleven", () => {
    const chain = grown(main);
    const median = at(25).time; // of heights 20 to 30
    assert.equal(chain.medianTimePast(chain.best), median);
    assert.equal(reasonFor(chain, child(at(30), { time: median })), "time-too-old");
    assert.equal(reasonFor(chain, child(at(30), { time: median + 1 })), undefined);
  });

  test("a time more than two hours ahead, for as long as it is", () => {
    const chain = grown(main.slice(0, 3));
    const ahead = child(at(3), { time: NOW + 7201 });
    const result = offer(chain, ahead);
    assert.equal(result.refusal?.reason, "time-too-new");
    assert.equal(result.refusal?.result, "time_future");
    assert.equal(reasonFor(chain, ahead, NOW + 1), undefined, "one second later it passes");
  });

  test("old versions from the heights of BIP34, BIP66 and BIP65 on", () => {
    const heights = { ...regtest.heights, bip34: 3, bip66: 5, bip65: 7 };
    const network: BitcoinNetwork = { ...regtest, heights };
    const least = [1, 1, 2, 2, 3, 3, 4, 4];
    const chain = new HeaderChain(network);
    let parent: BlockHeader = genesis;
    for (const version of least) {
      const old = child(parent, { version: version - 1 }, network);
      const shown = `0x${(version - 1).toString(16).padStart(8, "0")}`;
      assert.equal(reasonFor(chain, old), version > 1 ? `bad-version(${shown})` : undefined);
      parent = child(parent, { version }, network);
      assert.equal(reasonFor(chain, parent), undefined);
    }
    assert.equal(reasonFor(chain, child(parent, { version: -1 }, network)), "bad-version(0xffffffff)", "signed");
    assert.equal(reasonFor(chain, child(parent, { version: 0x2000_0000 }, network)), undefined);
  });

  test("a period that starts more than ten minutes before its parent, under BIP94 alone", () => {
    const bip94: BitcoinNetwork = { ...regtest, pow: { ...regtest.pow, enforceBip94: true } };
    const period = mine(genesis, 143);
    const last = period[142]!;
    const early = child(last, { time: last.time - 601 });
    assert.equal(reasonFor(grown(period, bip94), early), "time-timewarp-attack");
    assert.equal(reasonFor(grown(period), early), undefined);
    assert.equal(reasonFor(grown(period, bip94), child(last, { time: last.time - 600 })), undefined);
    const inner = child(period[141]!, { time: period[141]!.time - 601 });
    assert.equal(reasonFor(grown(period, bip94), inner), undefined, "only where a period starts");
  });
});

describe("HeaderChain with checkpoints", () => {
  const network: BitcoinNetwork = { ...regtest, checkpoints: [{ height: 10, hash: headerHash(at(10)) }] };
  const fork = (height: number) => mine(at(height), 12, { salt: 7 });

  test("holds another block at a checkpoint's height off", () => {
    const chain = grown(main.slice(0, 8), network);
    const result = chain.accept(batchOf(fork(8)), NOW);
    assert.equal(result.refusal?.reason, "checkpoint-mismatch");
    assert.equal(result.added, 1);
  });

  test("starts no fork below a checkpoint that is in the tree", () => {
    const chain = grown(main, network);
    const refusal = chain.accept(batchOf(fork(5)), NOW).refusal;
    assert.equal(refusal?.reason, "bad-fork-prior-to-checkpoint");
    assert.equal(refusal?.result, "checkpoint");
    assert.equal(chain.accept(batchOf(fork(10)), NOW).refusal, undefined);
  });

  test("remembers the checkpoint after a restart", () => {
    const chain = new HeaderChain(network);
    chain.restore(batchOf(main), () => 0);
    assert.equal(chain.accept(batchOf(fork(5)), NOW).refusal?.reason, "bad-fork-prior-to-checkpoint");
  });
});

describe("HeaderChain's best header", () => {
  test("is the one with the most work; of equals, the first", () => {
    const chain = grown(main.slice(0, 20));
    const rival = mine(at(10), 12, { salt: 9 });
    assert.equal(chain.accept(batchOf(rival.slice(0, 10)), NOW).bestChanged, false, "equal work");
    assert.equal(chain.height(chain.best), 20);
    assert.ok(chain.onBest(chain.find(headerHash(at(15)))));
    assert.equal(chain.accept(batchOf(rival.slice(10)), NOW).bestChanged, true);
    assert.equal(chain.height(chain.best), 22);
    for (let height = 0; height <= 22; height++) {
      const header = height === 0 ? genesis : height <= 10 ? at(height) : rival[height - 11]!;
      assert.deepEqual(chain.hash(chain.atHeight(height)), headerHash(header), String(height));
    }
    assert.ok(!chain.onBest(chain.find(headerHash(at(15)))));
  });

  test("may be of a shorter chain, when its blocks are harder", () => {
    // Retargets every four blocks of a second each: a quick period halves the target, a slow one leaves it at the limit.
    const bits = 0x2007ffff;
    const first = { ...genesis, bits };
    const network: BitcoinNetwork = {
      ...regtest,
      genesis: { ...regtest.genesis, header: first, headerBytes: headerToBytes(first), hash: headerHash(first) },
      pow: {
        limit: targetOf(bits, regtest.pow.limit)!,
        limitBits: bits,
        targetSpacing: 1,
        targetTimespan: 4,
        interval: 4,
        allowMinDifficultyBlocks: false,
        noRetargeting: false,
        enforceBip94: false,
      },
    };
    const chain = grown(mine(first, 6, { network, spacing: 4 }), network);
    assert.equal(chain.height(chain.best), 6);
    const quick = mine(first, 2, { network, spacing: 1, salt: 3 });
    quick.push(...mine(quick[1]!, 1, { network, spacing: 0, salt: 3 }));
    const harder = retarget(network.pow, bits, 0, 2);
    const hard = mine(quick[2]!, 2, { network, spacing: 1, bits: harder });
    assert.deepEqual(chain.accept(batchOf([...quick, ...hard]), NOW), { added: 5, last: 11, bestChanged: true });
    assert.equal(chain.height(chain.best), 5);
    assert.equal(chain.work(chain.best), 4n * blockWork(bits) + 2n * blockWork(harder));
    assert.equal(chain.atHeight(6), -1);
  });

  test("finds ancestors and forks from any branch", () => {
    const chain = grown(main);
    const rival = mine(at(10), 8, { salt: 9 });
    const tip = chain.accept(batchOf(rival), NOW).last;
    assert.equal(chain.ancestor(tip, 14), chain.find(headerHash(rival[3]!)));
    assert.equal(chain.ancestor(tip, 10), chain.atHeight(10));
    assert.equal(chain.ancestor(tip, 3), chain.atHeight(3));
    assert.equal(chain.commonAncestor(tip, chain.best), chain.atHeight(10));
    assert.equal(chain.commonAncestor(chain.best, chain.atHeight(12)), chain.atHeight(12));
    assert.throws(() => chain.ancestor(tip, 19), RangeError);
  });
});

describe("HeaderChain.markInvalid()", () => {
  test("takes the branch out, remembers it, and falls back to the next best", () => {
    const chain = grown(main);
    const rival = mine(at(10), 8, { salt: 9 });
    chain.accept(batchOf(rival), NOW);
    chain.markInvalid(chain.find(headerHash(at(12))));
    assert.equal(chain.height(chain.best), 18);
    assert.deepEqual(chain.hash(chain.best), headerHash(rival[7]!));
    assert.equal(chain.status(chain.find(headerHash(at(12)))) & HeaderStatus.failed, HeaderStatus.failed);
    assert.ok(chain.isInvalid(chain.find(headerHash(at(30)))));
    assert.ok(!chain.isInvalid(chain.find(headerHash(at(11)))));

    const again = chain.accept(batchOf(main), NOW);
    assert.equal(again.refusal?.reason, "duplicate-invalid");
    assert.equal(again.refusedAt, 11);
    const onTop = offer(chain, child(at(30)));
    assert.equal(onTop.refusal?.reason, "bad-prevblk");
    assert.equal(onTop.refusal?.result, "invalid_prev");
  });

  test("is undone by reconsider(), for the branch and no other", () => {
    const chain = grown(main);
    const rival = mine(at(10), 8, { salt: 9 });
    chain.accept(batchOf(rival), NOW);
    chain.markInvalid(chain.find(headerHash(at(12))));
    chain.markInvalid(chain.find(headerHash(rival[2]!)));
    assert.equal(chain.height(chain.best), 12, "what is left of the rival");
    chain.reconsider(chain.find(headerHash(at(20))));
    assert.equal(chain.height(chain.best), 30);
    assert.ok(chain.isInvalid(chain.find(headerHash(rival[7]!))));
  });

  test("refuses to doubt genesis", () => assert.throws(() => grown(main).markInvalid(0), RangeError));
});

describe("HeaderChain.restore()", () => {
  test("gives back tree, status and best header, without judging", () => {
    const chain = new HeaderChain(regtest);
    const rival = mine(at(10), 25, { salt: 9 });
    const headers = [...main, ...rival];
    const invalidFrom = 35;
    chain.restore(batchOf(headers), (i) => i >= invalidFrom ? HeaderStatus.failedParent : HeaderStatus.data);
    assert.equal(chain.length, 56);
    assert.equal(chain.height(chain.best), 30);
    assert.equal(chain.status(chain.atHeight(30)), HeaderStatus.data);
    assert.equal(chain.status(chain.atHeight(10)), HeaderStatus.data | HeaderStatus.hasChild);
    chain.restore(batchOf([genesis]), () => HeaderStatus.data);
    assert.equal(chain.length, 56);
  });

  test("wants parents first", () => {
    assert.throws(() => new HeaderChain(regtest).restore(batchOf([at(2)]), () => 0), RangeError);
  });
});

test("addStatus() and clearStatus() leave validity alone", () => {
  const chain = grown(main);
  chain.addStatus(5, HeaderStatus.data | HeaderStatus.failed);
  assert.equal(chain.status(5), HeaderStatus.data | HeaderStatus.hasChild);
  chain.clearStatus(5, HeaderStatus.data | HeaderStatus.hasChild);
  assert.equal(chain.status(5), HeaderStatus.hasChild);
});
