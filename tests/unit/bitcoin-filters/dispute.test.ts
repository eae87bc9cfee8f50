import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildBasicFilter, filterHash, filterHeaders } from "../../../lib/bitcoin/filters/basic.ts";
import {
  type DisputeNeed,
  disputeOverCheckpoints,
  FilterDispute,
  firstDifference,
} from "../../../lib/bitcoin/filters/dispute.ts";
import { GcsFilter } from "../../../lib/bitcoin/filters/gcs-filter.ts";
import { hash160 } from "../../../lib/bitcoin/hash.ts";
import { Block } from "../../../lib/bitcoin/types/block.ts";
import { payToPublicKeyHash, payToWitness } from "../../../lib/bitcoin/types/script-template.ts";
import { pushData } from "../../../lib/bitcoin/types/script.ts";
import { NULL_VOUT, Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const random = new SeededRandom(21);
const ZERO = new Uint8Array(32);

/** A block with one payment: what it spends is P2PKH and gives itself away, and so is told to the filter. */
function makeBlock(n: number): { block: Block; spent: Uint8Array } {
  const key = Uint8Array.of(2, ...random.bytes(32));
  const coinbase = Transaction.of({
    version: 1,
    inputs: [{ prevout: { txid: ZERO, vout: NULL_VOUT }, scriptSig: Uint8Array.of(1, n), sequence: 0, witness: [] }],
    outputs: [{ value: 50n, scriptPubKey: payToWitness(0, random.bytes(20)) }],
    lockTime: 0,
  });
  const scriptSig = Uint8Array.of(...pushData(random.bytes(71)), ...pushData(key));
  const payment = Transaction.of({
    version: 2,
    inputs: [{ prevout: { txid: random.bytes(32), vout: 0 }, scriptSig, sequence: 0, witness: [] }],
    outputs: [{ value: 1n, scriptPubKey: payToWitness(0, random.bytes(32)) }],
    lockTime: 0,
  });
  const header = { version: 4, prevBlockHash: ZERO, merkleRoot: random.bytes(32), time: n, bits: 0x207fffff, nonce: 0 };
  return { block: Block.of(header, [coinbase, payment]), spent: payToPublicKeyHash(hash160(key)) };
}

const CHAIN = Array.from({ length: 12 }, (_, n) => makeBlock(n));
const TRUE_FILTERS = CHAIN.map(({ block, spent }) => buildBasicFilter(block, [spent]).bytes);
/** The height at which the liars of these tests part from the truth. */
const AT = 7;

/** How a peer behaves. */
interface Peer {
  filters: readonly Uint8Array[];
  /** What it sends when asked for the filter in dispute; its own when absent. */
  sends?: Uint8Array | "nothing";
  headers?: "none" | "short" | "elsewhere";
  claimed?: Uint8Array;
}

const honest: Peer = { filters: TRUE_FILTERS };
/** A peer whose filter at {@link AT} is another one. */
const withFilter = (filter: Uint8Array): Peer => ({ filters: TRUE_FILTERS.with(AT, filter) });
const gcs = (elements: Uint8Array[]) => GcsFilter.build(CHAIN[AT]!.block.hash, elements).bytes;
const scripts = CHAIN[AT]!.block.transactions.flatMap((tx) => tx.outputs.map((output) => output.scriptPubKey));

/** Lets a dispute ask its peers until it is settled; tells what it asked for. */
function run(peers: Record<string, Peer>, serveBlock = true) {
  const names = Object.keys(peers);
  const claimed = new Map(names.flatMap((name) => {
    const { claimed } = peers[name]!;
    return claimed === undefined ? [] : [[name, claimed] as const];
  }));
  const dispute = new FilterDispute<string>({
    startHeight: 0,
    stopHeight: CHAIN.length - 1,
    previousFilterHeader: ZERO,
    peers: names,
    claimed,
  });
  const asked: string[] = [];
  for (let rounds = 0; rounds < 10; rounds++) {
    const need: DisputeNeed<string> = dispute.need;
    if (need.kind === "settled") {
      const findings = need.findings.map(({ peer, reason, proven }) => `${peer} ${reason}${proven ? "!" : ""}`).sort();
      return { asked, findings, agreed: need.agreed?.map(toHex) };
    }
    asked.push(
      need.kind === "headers" ? `headers ${need.startHeight}-${need.stopHeight}` : `${need.kind} ${need.height}`,
    );
    if (need.kind === "block") {
      dispute.block(serveBlock ? CHAIN[need.height]!.block : undefined);
      continue;
    }
    for (const name of need.peers) {
      const peer = peers[name]!;
      if (need.kind === "filters") {
        dispute.filter(name, peer.sends === "nothing" ? undefined : peer.sends ?? peer.filters[need.height]);
        continue;
      }
      const filterHashes = peer.filters.map(filterHash);
      if (peer.headers === "none") dispute.headers(name, undefined);
      else if (peer.headers === "short") {
        dispute.headers(name, { previousFilterHeader: ZERO, filterHashes: filterHashes.slice(1) });
      } else {
        const previousFilterHeader = peer.headers === "elsewhere" ? new Uint8Array(32).fill(1) : ZERO;
        dispute.headers(name, { previousFilterHeader, filterHashes });
      }
    }
  }
  throw new Error("the dispute does not end");
}

const TRUTH = filterHeaders(ZERO, TRUE_FILTERS.map(filterHash)).map(toHex);

describe("FilterDispute", () => {
  test("when all say the same, nothing is fetched but headers", () => {
    assert.deepEqual(run({ a: honest, b: honest }), { asked: ["headers 0-11"], findings: [], agreed: TRUTH });
  });

  test("one honest peer is enough against three that leave out an output", () => {
    const liar = withFilter(gcs([scripts[0]!, CHAIN[AT]!.spent]));
    const result = run({ a: liar, b: honest, c: liar, d: liar });
    assert.deepEqual(result.asked, ["headers 0-11", `filters ${AT}`, `block ${AT}`]);
    assert.deepEqual(result.findings, ["a output_missing!", "c output_missing!", "d output_missing!"]);
    assert.deepEqual(result.agreed, TRUTH);
  });

  test("a filter without a script that an input gives away loses, but is not proven a lie", () => {
    const liar = withFilter(gcs(scripts));
    const result = run({ a: liar, b: honest, c: liar });
    assert.deepEqual(result.findings, ["a input_missing", "c input_missing"]);
    assert.deepEqual(result.agreed, TRUTH);
  });

  test("a filter with more elements than the block can have is a proven lie", () => {
    const stuffed = withFilter(gcs([...scripts, CHAIN[AT]!.spent, Uint8Array.of(1), Uint8Array.of(2)]));
    assert.deepEqual(run({ a: stuffed, b: honest }).findings, ["a too_many!"]);
  });

  test("bytes that are no filter are a proven lie", () => {
    assert.deepEqual(run({ a: withFilter(Uint8Array.of(200, 1)), b: honest }).findings, ["a malformed!"]);
  });

  test("a filter that is not the announced one, or none at all, settles it without the block", () => {
    const liar = withFilter(Uint8Array.of(0));
    const swaps = run({ a: { ...liar, sends: TRUE_FILTERS[AT]! }, b: honest });
    assert.deepEqual(swaps, { asked: ["headers 0-11", `filters ${AT}`], findings: ["a hash!"], agreed: TRUTH });
    const silent = run({ a: { ...liar, sends: "nothing" }, b: honest });
    assert.deepEqual(silent, { asked: ["headers 0-11", `filters ${AT}`], findings: ["a absent"], agreed: TRUTH });
  });

  test("headers that do not lead to what the peer claimed, are too few or begin elsewhere are found against", () => {
    const wrong = { ...honest, claimed: new Uint8Array(32).fill(9) };
    const right = { ...honest, claimed: filterHeaders(ZERO, TRUE_FILTERS.map(filterHash)).at(-1)! };
    const result = run({
      a: wrong,
      b: right,
      c: { ...honest, headers: "short" },
      d: { ...honest, headers: "elsewhere" },
      e: { ...honest, headers: "none" },
    });
    assert.deepEqual(result.findings, ["a inconsistent!", "c inconsistent!", "d inconsistent!", "e silent"]);
    assert.deepEqual(result.agreed, TRUTH);
  });

  test("filters that the block does not tell apart are put to the vote; even numbers decide nothing", () => {
    assert.deepEqual(run({ a: withFilter(Uint8Array.of(0)), b: honest, c: honest }, false).findings, ["a outvoted"]);
    const even = run({ a: withFilter(Uint8Array.of(0)), b: honest }, false);
    assert.deepEqual(even.findings, []);
    assert.equal(even.agreed, undefined);
  });

  test("when every filter lacks what an input seems to spend, that is held against nobody", () => {
    const a = withFilter(gcs(scripts));
    const b = withFilter(gcs([...scripts, Uint8Array.of(0x51)]));
    const result = run({ a, b, c: b });
    assert.deepEqual(result.findings, ["a outvoted"]);
  });

  test("liars who disagree with each other too are found in one go", () => {
    const noOutput = withFilter(gcs([CHAIN[AT]!.spent]));
    const later = { filters: TRUE_FILTERS.with(AT + 2, Uint8Array.of(0)) };
    const first = run({ a: noOutput, b: honest, c: later });
    assert.deepEqual(first.findings, ["a output_missing!"]);
    assert.equal(first.agreed, undefined, "those who are left still differ, further up");
    const second = run({ b: honest, c: later });
    assert.deepEqual(second.asked[1], `filters ${AT + 2}`);
    assert.deepEqual(second.findings, ["c output_missing!"]);
    assert.deepEqual(second.agreed, TRUTH);
  });

  test("nobody is left when nobody answers", () => {
    const result = run({ a: { ...honest, headers: "none" } });
    assert.deepEqual(result, { asked: ["headers 0-11"], findings: ["a silent"], agreed: undefined });
  });

  test("answers that nobody waits for change nothing", () => {
    const dispute = new FilterDispute({ startHeight: 0, stopHeight: 0, previousFilterHeader: ZERO, peers: ["a", "b"] });
    dispute.filter("a", Uint8Array.of(0));
    dispute.block(undefined);
    dispute.headers("stranger", undefined);
    assert.deepEqual(dispute.need, { kind: "headers", startHeight: 0, stopHeight: 0, peers: ["a", "b"] });
    const claim = { previousFilterHeader: ZERO, filterHashes: [filterHash(TRUE_FILTERS[0]!)] };
    dispute.headers("a", claim);
    dispute.headers("a", undefined);
    dispute.headers("b", claim);
    const agreed = filterHeaders(ZERO, claim.filterHashes);
    assert.deepEqual(dispute.need, { kind: "settled", findings: [], agreed });
  });
});

describe("disputeOverCheckpoints()", () => {
  const list = (...numbers: number[]) => numbers.map((n) => new Uint8Array(32).fill(n));

  test("takes the interval before the first checkpoint that differs", () => {
    const options = disputeOverCheckpoints(new Map([["a", list(1, 2, 3, 4)], ["b", list(1, 2, 9, 8)]]))!;
    assert.equal(options.startHeight, 2_001);
    assert.equal(options.stopHeight, 3_000);
    assert.deepEqual(options.previousFilterHeader, new Uint8Array(32).fill(2));
    assert.deepEqual(options.claimed!.get("b"), new Uint8Array(32).fill(9));
  });

  test("begins with the genesis block when the first one differs", () => {
    const options = disputeOverCheckpoints(new Map([["a", list(1)], ["b", list(2)]]))!;
    assert.deepEqual([options.startHeight, options.stopHeight], [0, 1_000]);
    assert.deepEqual(options.previousFilterHeader, ZERO);
  });

  test("sees nothing in equal lists; a list that ends early differs where it ends", () => {
    assert.equal(disputeOverCheckpoints(new Map([["a", list(1, 2)], ["b", list(1, 2)]])), undefined);
    assert.equal(firstDifference(new Map([["a", list(1, 2)], ["b", list(1)]]))!.index, 1);
  });
});
