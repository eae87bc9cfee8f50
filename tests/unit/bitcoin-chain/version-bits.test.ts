/** Votes by bits of versions, counted over periods. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { NO_VOTES, VersionBits } from "../../../lib/bitcoin/headers/version-bits.ts";
import { type BitcoinNetwork, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { headerToBytes } from "../../../lib/bitcoin/types/mod.ts";
import { solve } from "./mining.ts";

const PERIOD = 10;
const START = 1_500_000_000;
const VOTE = NO_VOTES | 1 << 5;

/** A chain with one deployment of short periods; a block every ten minutes. */
function scene(change: Partial<BitcoinNetwork["deployments"][number]> = {}) {
  const deployment = {
    name: "rule",
    bit: 5,
    startTime: BigInt(START + 12 * 600),
    timeout: BigInt(START + 55 * 600),
    minActivationHeight: 0,
    period: PERIOD,
    threshold: 7,
    ...change,
  };
  const network: BitcoinNetwork = { ...regtest, deployments: [deployment] };
  const headers = new HeaderChain(network);
  const votes = new VersionBits(headers);
  let parent = 0;
  const mine = (count: number, version: number, from = parent) => {
    parent = from;
    for (let i = 0; i < count; i++) {
      const header = solve({
        version,
        prevBlockHash: headers.hash(parent),
        merkleRoot: new Uint8Array(32).fill(version & 0xff),
        time: START + headers.height(parent) * 600,
        bits: regtest.pow.limitBits,
        nonce: 0,
      }, regtest);
      parent = headers.accept(HeaderBatch.fromBytes(headerToBytes(header)), START * 2).last;
    }
    return parent;
  };
  const state = (row = parent) => `${votes.after(row, deployment)} since ${votes.since(row, deployment)}`;
  return { headers, votes, deployment, mine, state };
}

describe("VersionBits", () => {
  test("goes from state to state at the ends of periods, and stays active", () => {
    const { mine, state } = scene();
    const seen: string[] = [];
    for (let height = 1; height <= 80; height++) {
      mine(1, VOTE);
      if (seen.at(-1)?.endsWith(state()) !== true) seen.push(`${height}: ${state()}`);
    }
    // The median time past of block 29 is that of block 24, and the start is that of block 13.
    assert.deepEqual(seen, [
      "1: defined since 0",
      "19: started since 20",
      "29: locked_in since 30",
      "39: active since 40",
    ]);
  });

  test("needs the threshold within one period, and counts no other version's bits", () => {
    const { mine, state, votes, deployment } = scene();
    mine(19, NO_VOTES);
    mine(6, VOTE);
    let row = mine(3, 4 | 1 << 5);
    assert.deepEqual(votes.votes(row, deployment), {
      elapsed: 9,
      count: 6,
      signalling: [true, true, true, true, true, true, false, false, false],
      isPossible: true,
    });
    row = mine(1, NO_VOTES);
    assert.equal(votes.votes(row, deployment).isPossible, false);
    assert.equal(state(), "started since 20");
    mine(3, NO_VOTES);
    mine(7, VOTE);
    assert.equal(state(), "locked_in since 40");
  });

  test("fails when the time is over, for good, but not in a period that has votes enough", () => {
    const { mine, state } = scene();
    const fork = mine(69, NO_VOTES);
    assert.equal(state(), "failed since 70");
    mine(20, VOTE);
    assert.equal(state(), "failed since 70");
    assert.equal(state(fork), "failed since 70");
    const late = scene();
    late.mine(59, NO_VOTES);
    assert.equal(late.state(), "started since 20");
    late.mine(10, VOTE);
    assert.equal(late.state(), "locked_in since 70");
  });

  test("is not active before the height that it is to wait for", () => {
    const { mine, state } = scene({ minActivationHeight: 55 });
    mine(49, VOTE);
    assert.equal(state(), "locked_in since 30");
    mine(10, NO_VOTES);
    assert.equal(state(), "active since 60");
    const states = [49, 50, 51].map((minActivationHeight) => {
      const other = scene({ minActivationHeight });
      other.mine(49, VOTE);
      return other.state();
    });
    assert.deepEqual(states, ["active since 50", "active since 50", "locked_in since 30"]);
  });

  test("begins at its time and fails at its time, to the second", () => {
    // A block's median time past is the time of that five below it.
    const after = (change: Partial<BitcoinNetwork["deployments"][number]>, blocks: number) => {
      const { mine, state } = scene(change);
      mine(blocks, NO_VOTES);
      return state();
    };
    const at = (height: number) => BigInt(START + (height - 1) * 600);
    assert.equal(after({ startTime: at(14) }, 19), "started since 20");
    assert.equal(after({ startTime: at(14) + 1n }, 19), "defined since 0");
    assert.equal(after({ timeout: at(54) }, 59), "failed since 60");
    assert.equal(after({ timeout: at(54) + 1n }, 59), "started since 20");
  });

  test("with periods of one block goes on with each, from genesis on", () => {
    const { mine, state } = scene({ period: 1, threshold: 1, startTime: 0n });
    const seen = [state(0), ...[1, 2, 3].map(() => state(mine(1, VOTE)))];
    assert.deepEqual(seen, ["started since 1", "locked_in since 2", "active since 3", "active since 3"]);
  });

  test("branches have states of their own", () => {
    const { mine, state } = scene();
    const fork = mine(25, VOTE);
    const left = mine(4, VOTE);
    const right = mine(4, NO_VOTES, fork);
    assert.deepEqual([state(left), state(right)], ["locked_in since 30", "started since 20"]);
    const ahead = mine(10, NO_VOTES, left);
    assert.equal(state(ahead), "active since 40");
    assert.equal(state(-1), "defined since 0");
  });

  test("versionAfter() votes while a vote counts, and while it is locked in", () => {
    const { mine, votes } = scene();
    const versions = [18, 1, 10, 10].map((count) => votes.versionAfter(mine(count, VOTE)));
    assert.deepEqual(versions, [NO_VOTES, VOTE, VOTE, NO_VOTES]);
  });
});
