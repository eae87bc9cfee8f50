import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { heightPush } from "../../../lib/bitcoin/chain/block-checks.ts";
import { checkTransaction, isFinal, legacySigOpCount } from "../../../lib/bitcoin/chain/transaction-checks.ts";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { type BlockView, blockView, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import type { Refusal } from "../../../lib/bitcoin/headers/verdict.ts";
import { type BitcoinNetwork, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Block } from "../../../lib/bitcoin/types/block.ts";
import { merkleNode, merkleRoot } from "../../../lib/bitcoin/types/merkle.ts";
import { Transaction, type TransactionParts, type TxInput } from "../../../lib/bitcoin/types/transaction.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { batchOf, concat, mine, solve } from "./mining.ts";

const HEIGHT = 300;
const TIME = 1_700_000_000;
const view: BlockView = { network: regtest, height: HEIGHT, parentMedianTimePast: TIME - 3_600 };
const NO_WITNESS: readonly Uint8Array[] = [];
const TRUE_SCRIPT = Uint8Array.of(0x51);
const NONCE = new Uint8Array(32);

function input(change: Partial<TxInput> = {}): TxInput {
  return {
    prevout: { txid: new Uint8Array(32).fill(7), vout: 0 },
    scriptSig: new Uint8Array(0),
    sequence: 0xffff_ffff,
    witness: NO_WITNESS,
    ...change,
  };
}

function payment(change: Partial<TransactionParts> = {}): Transaction {
  return Transaction.of({
    version: 2,
    inputs: [input()],
    outputs: [{ value: 1000n, scriptPubKey: TRUE_SCRIPT }],
    lockTime: 0,
    ...change,
  });
}

const nullPrevout = { txid: new Uint8Array(32), vout: 0xffff_ffff };

function coinbase(
  change: { scriptSig?: Uint8Array; outputs?: TransactionParts["outputs"]; witness?: Uint8Array[] } = {},
) {
  const { scriptSig = concat(heightPush(HEIGHT), Uint8Array.of(0)), witness = NO_WITNESS } = change;
  return payment({
    inputs: [input({ prevout: nullPrevout, scriptSig, witness })],
    outputs: change.outputs ?? [{ value: 5_000_000_000n, scriptPubKey: TRUE_SCRIPT }],
  });
}

/** A block of these transactions with the root that belongs to them, and work. */
function blockOf(transactions: readonly Transaction[], root?: Uint8Array): Block {
  const header = {
    version: 4,
    prevBlockHash: new Uint8Array(32).fill(1),
    merkleRoot: root ?? merkleRoot(transactions.map(({ txid }) => txid)).root,
    time: TIME,
    bits: 0x207fffff,
    nonce: 0,
  };
  return Block.of(solve(header, regtest), transactions);
}

/** A coinbase that commits to the witnesses of `others`. */
function committing(others: readonly Transaction[], nonce: Uint8Array = NONCE): Transaction {
  const root = merkleRoot([new Uint8Array(32), ...others.map(({ wtxid }) => wtxid)]).root;
  const commitment = concat(fromHex("6a24aa21a9ed"), merkleNode(root, nonce.subarray(0, 32)));
  return coinbase({ outputs: [{ value: 0n, scriptPubKey: commitment }], witness: [nonce] });
}

function verdict(block: Block, seen: BlockView = view): string {
  const result = structureValidator.check(block, seen);
  return result.ok ? "ok" : `${result.result} ${result.reason}`;
}

describe("structureValidator passes", () => {
  test("a block of a coinbase alone", () => assert.equal(verdict(blockOf([coinbase()])), "ok"));

  test("a block with a payment", () => assert.equal(verdict(blockOf([coinbase(), payment()])), "ok"));

  test("witnesses that the coinbase commits to", () => {
    const spend = payment({ inputs: [input({ witness: [Uint8Array.of(1, 2, 3)] })] });
    assert.equal(verdict(blockOf([committing([spend]), spend])), "ok");
  });

  test("the last of several commitments", () => {
    const spend = payment({ inputs: [input({ witness: [Uint8Array.of(1)] })] });
    const good = committing([spend]);
    const decoy = { value: 0n, scriptPubKey: concat(fromHex("6a24aa21a9ed"), new Uint8Array(32)) };
    const last = coinbase({ outputs: [decoy, ...good.outputs], witness: [NONCE] });
    assert.equal(verdict(blockOf([last, spend])), "ok");
    const first = coinbase({ outputs: [...good.outputs, decoy], witness: [NONCE] });
    assert.equal(verdict(blockOf([first, spend])), "mutated bad-witness-merkle-match");
  });

  test("says that it is only structure", () => {
    assert.equal(structureValidator.level, "structure");
  });
});

describe("structureValidator calls mutated, and no hash invalid,", () => {
  test("a body that is not the header's", () => {
    assert.equal(verdict(blockOf([coinbase()], new Uint8Array(32).fill(9))), "mutated bad-txnmrklroot");
    assert.equal(verdict(blockOf([], new Uint8Array(32).fill(9))), "mutated bad-txnmrklroot");
  });

  test("a body whose end is repeated (CVE-2012-2459)", () => {
    const [a, b, c] = [coinbase(), payment({ lockTime: 1 }), payment({ lockTime: 2 })];
    const honest = blockOf([a, b, c]);
    const repeated = blockOf([a, b, c, c]);
    assert.deepEqual(repeated.header.merkleRoot, honest.header.merkleRoot);
    assert.equal(verdict(repeated), "mutated bad-txns-duplicate");
    assert.equal(verdict(honest), "ok");
  });

  test("a body whose witnesses were changed, taken away or added", () => {
    const spend = payment({ inputs: [input({ witness: [Uint8Array.of(1)] })] });
    const other = payment({ inputs: [input({ witness: [Uint8Array.of(2)] })] });
    assert.deepEqual(spend.txid, other.txid);
    const changed = blockOf([committing([spend]), other]);
    assert.equal(verdict(changed), "mutated bad-witness-merkle-match");
    assert.equal(verdict(blockOf([coinbase(), spend])), "mutated unexpected-witness");
    const stripped = Transaction.decode(committing([spend]).stripped);
    assert.equal(verdict(blockOf([stripped, spend])), "mutated bad-witness-nonce-size");
    const long = committing([spend], new Uint8Array(33));
    assert.equal(verdict(blockOf([long, spend])), "mutated bad-witness-nonce-size");
  });

  test("any witness before the height of segwit, commitment or not", () => {
    const spend = payment({ inputs: [input({ witness: [Uint8Array.of(1)] })] });
    const network: BitcoinNetwork = { ...regtest, heights: { ...regtest.heights, segwit: HEIGHT + 1 } };
    const block = blockOf([committing([spend]), spend]);
    assert.equal(verdict(block, { ...view, network }), "mutated unexpected-witness");
    assert.equal(verdict(block), "ok");
  });

  test("inner nodes of the tree in the place of transactions", () => {
    // Four bytes short of the least script: 10 + 41 + 9 + 4.
    const node = payment({ outputs: [{ value: 1n, scriptPubKey: new Uint8Array(4) }] });
    assert.equal(node.strippedSize, 64);
    assert.equal(verdict(blockOf([node])), "mutated bad-cb-missing");
    assert.equal(verdict(blockOf([payment(), node])), "mutated bad-cb-missing", "one among others is enough");
    assert.equal(verdict(blockOf([payment()])), "consensus bad-cb-missing");
    assert.equal(verdict(blockOf([coinbase(), node])), "ok");
  });
});

describe("structureValidator refuses", () => {
  const cases: readonly (readonly [reason: string, make: () => Block])[] = [
    ["bad-cb-missing", () => blockOf([payment()])],
    ["bad-cb-multiple", () => blockOf([coinbase(), coinbase({ scriptSig: Uint8Array.of(1, 2, 3) })])],
    ["bad-cb-length", () => blockOf([coinbase({ scriptSig: Uint8Array.of(0) })])],
    ["bad-cb-length", () => blockOf([coinbase({ scriptSig: new Uint8Array(101) })])],
    ["bad-txns-vin-empty", () => blockOf([coinbase(), payment({ inputs: [] })])],
    ["bad-txns-vout-empty", () => blockOf([coinbase(), payment({ outputs: [] })])],
    ["bad-txns-vout-negative", () => blockOf([coinbase(), paying(-1n)])],
    ["bad-txns-vout-toolarge", () => blockOf([coinbase(), paying(2_100_000_000_000_001n)])],
    ["bad-txns-txouttotal-toolarge", () => blockOf([coinbase(), paying(2_100_000_000_000_000n, 1n)])],
    ["bad-txns-inputs-duplicate", () => blockOf([coinbase(), payment({ inputs: [input(), input()] })])],
    ["bad-txns-inputs-duplicate", () => blockOf([coinbase(), payment({ inputs: [...manyInputs(40), input()] })])],
    [
      "bad-txns-prevout-null",
      () => blockOf([coinbase(), payment({ inputs: [input(), input({ prevout: nullPrevout })] })]),
    ],
    [
      "bad-blk-length",
      () => blockOf([coinbase(), payment({ inputs: [input({ scriptSig: new Uint8Array(1_000_000) })] })]),
    ],
    ["bad-blk-sigops", () => blockOf([coinbase(), checking(20_001)])],
    ["bad-blk-sigops", () => blockOf([coinbase(), payment({ inputs: [input({ scriptSig: multisigs(1_001) })] })])],
    ["bad-txns-nonfinal", () => blockOf([coinbase(), locked(HEIGHT)])],
    ["bad-txns-nonfinal", () => blockOf([coinbase(), locked(view.parentMedianTimePast)])],
    ["bad-cb-height", () => blockOf([coinbase({ scriptSig: concat(heightPush(HEIGHT + 1), Uint8Array.of(0)) })])],
    ["bad-cb-height", () => blockOf([coinbase({ scriptSig: Uint8Array.of(2, 0x2c) })])],
  ];
  const paying = (...values: bigint[]) =>
    payment({ outputs: values.map((value) => ({ value, scriptPubKey: TRUE_SCRIPT })) });
  const manyInputs = (count: number) =>
    Array.from({ length: count }, (_, vout) => input({ prevout: { txid: new Uint8Array(32).fill(7), vout } }));
  const checking = (count: number) =>
    payment({ outputs: [{ value: 1n, scriptPubKey: new Uint8Array(count).fill(0xac) }] });
  const multisigs = (count: number) => new Uint8Array(count).fill(0xae);
  const locked = (lockTime: number) => payment({ lockTime, inputs: [input({ sequence: 0 })] });

  for (const [reason, make] of cases) {
    test(reason, () => assert.equal(verdict(make()), `consensus ${reason}`));
  }

  test("high-hash, before anything else", () => {
    const block = blockOf([coinbase()]);
    const lazy = Block.of(solve(block.header, regtest, false), []);
    assert.equal(verdict(lazy), "invalid_header high-hash");
  });

  test("bad-blk-weight, by witnesses alone", () => {
    const weighing = (bytes: number) => {
      const spend = payment({ inputs: [input({ witness: [new Uint8Array(bytes)] })] });
      return blockOf([committing([spend]), spend]);
    };
    const most = 3_900_000 + 4_000_000 - weighing(3_900_000).weight;
    assert.equal(verdict(weighing(most)), "ok");
    assert.equal(verdict(weighing(most + 1)), "consensus bad-blk-weight");
  });

  test("with a sentence that names the transaction as people see it", () => {
    const bad = paying(-1n);
    const result = structureValidator.check(blockOf([coinbase(), bad]), view) as Refusal;
    assert.match(result.detail, new RegExp(toHex(bad.txid.slice().reverse())));
  });

  test("exactly from its limit on", () => {
    assert.equal(verdict(blockOf([coinbase(), checking(19_999), payment()])), "ok");
    assert.equal(verdict(blockOf([coinbase({ scriptSig: concat(heightPush(HEIGHT), new Uint8Array(97)) })])), "ok");
    assert.equal(verdict(blockOf([coinbase(), paying(2_100_000_000_000_000n)])), "ok");
    assert.equal(verdict(blockOf([coinbase(), locked(HEIGHT - 1)])), "ok");
    const halfNull = [{ txid: nullPrevout.txid, vout: 0 }, {
      txid: new Uint8Array(32).fill(1),
      vout: nullPrevout.vout,
    }];
    assert.equal(
      verdict(blockOf([coinbase(), payment({ inputs: halfNull.map((prevout) => input({ prevout })) })])),
      "ok",
    );
    assert.equal(verdict(blockOf([coinbase(), locked(view.parentMedianTimePast - 1)])), "ok");
  });

  test("above 20,000 signature operations and a million bytes without witnesses, not at them, nor for many inputs", () => {
    assert.equal(verdict(blockOf([coinbase(), checking(20_000)])), "ok");
    assert.equal(verdict(blockOf([coinbase(), payment({ inputs: manyInputs(40) })])), "ok");
    const spending = (bytes: number) => payment({ inputs: [input({ scriptSig: new Uint8Array(bytes) })] });
    const sized = (bytes: number) => blockOf([coinbase(), spending(bytes)]);
    const most = 900_000 + 1_000_000 - sized(900_000).strippedSize;
    assert.equal(verdict(sized(most)), "ok");
    assert.equal(verdict(sized(most + 1)), "consensus bad-blk-length");
    // A transaction that fills a block is none that fits into one, but it breaks no rule of its own.
    const longest = 900_000 + 1_000_000 - spending(900_000).strippedSize;
    assert.equal(checkTransaction(spending(longest)), undefined);
    assert.equal(checkTransaction(spending(longest + 1))?.reason, "bad-txns-oversize");
  });

  test("a block of nothing, under the root of nothing", () => {
    assert.equal(verdict(blockOf([])), "consensus bad-blk-length");
  });

  test("by each rule from its height on", () => {
    const from = (heights: Partial<BitcoinNetwork["heights"]>) => ({
      ...view,
      network: { ...regtest, heights: { ...regtest.heights, ...heights } },
    });
    // Final by the block's own time, and not by its parents'.
    assert.equal(
      verdict(blockOf([coinbase(), locked(TIME - 1)]), from({ csv: HEIGHT })),
      "consensus bad-txns-nonfinal",
    );
    const other = coinbase({ scriptSig: Uint8Array.of(1, 1) });
    assert.equal(verdict(blockOf([other]), from({ bip34: HEIGHT })), "consensus bad-cb-height");
    const spend = payment({ inputs: [input({ witness: [Uint8Array.of(1)] })] });
    assert.equal(verdict(blockOf([committing([spend]), spend]), from({ segwit: HEIGHT })), "ok");
  });

  test("lock times by the block's own time before BIP113", () => {
    const network: BitcoinNetwork = { ...regtest, heights: { ...regtest.heights, csv: HEIGHT + 1 } };
    assert.equal(verdict(blockOf([coinbase(), locked(TIME - 1)]), { ...view, network }), "ok");
    assert.equal(verdict(blockOf([coinbase(), locked(TIME)]), { ...view, network }), "consensus bad-txns-nonfinal");
  });

  test("no coinbase for its height before BIP34", () => {
    const network: BitcoinNetwork = { ...regtest, heights: { ...regtest.heights, bip34: HEIGHT + 1 } };
    assert.equal(verdict(blockOf([coinbase({ scriptSig: Uint8Array.of(1, 1) })]), { ...view, network }), "ok");
  });
});

test("heightPush() is one opcode up to 16 and a short number above", () => {
  const pushes = [1, 16, 17, 127, 128, 255, 256, 32767, 32768, 8388608].map((height) => toHex(heightPush(height)));
  assert.deepEqual(pushes, [
    "51",
    "60",
    "0111",
    "017f",
    "028000",
    "02ff00",
    "020001",
    "02ff7f",
    "03008000",
    "0400008000",
  ]);
});

test("isFinal() takes a transaction of final inputs whatever its lock time", () => {
  assert.ok(isFinal(payment({ lockTime: 4_000_000_000 }), 1, 1));
  assert.ok(!isFinal(payment({ lockTime: 4_000_000_000, inputs: [input({ sequence: 1 })] }), 1, 1));
  // One input that is not final is enough, wherever it stands.
  for (const sequences of [[0xffff_ffff, 1], [1, 0xffff_ffff], [0xffff_ffff, 0xffff_fffe, 0xffff_ffff]]) {
    const inputs = sequences.map((sequence) => input({ sequence }));
    assert.ok(!isFinal(payment({ lockTime: 4_000_000_000, inputs }), 1, 1), `${sequences}`);
  }
  // The first lock time that is one in seconds.
  assert.ok(!isFinal(payment({ lockTime: 500_000_000, inputs: [input({ sequence: 1 })] }), 600_000_000, 0));
  assert.ok(isFinal(payment({ lockTime: 499_999_999, inputs: [input({ sequence: 1 })] }), 500_000_000, 0));
});

test("legacySigOpCount() stops at a malformed push and keeps what it counted", () => {
  const scriptPubKey = Uint8Array.of(0xac, 0xad, 0xae, 5, 1, 0xac);
  const count = (script: Uint8Array) => legacySigOpCount(payment({ outputs: [{ value: 1n, scriptPubKey: script }] }));
  assert.equal(count(scriptPubKey), 22);
  // Two bytes and four of a push's length, the lowest first; what is pushed is no operation.
  for (const length of [[0x4c, 2], [0x4d, 2, 0], [0x4e, 2, 0, 0, 0]]) {
    assert.equal(count(Uint8Array.from([...length, 0xac, 0xac, 0xac])), 1);
  }
  for (const cut of [[0x4c], [0x4d, 0], [0x4e, 0, 0, 0]]) assert.equal(count(Uint8Array.from([0xac, ...cut])), 1);
});

test("blockView() knows a block's height and its parent's median time", () => {
  const chain = new HeaderChain(regtest);
  const headers = mine(regtest.genesis.header, 12);
  chain.accept(batchOf(headers), 2_000_000_000);
  const seen = blockView(chain, chain.best);
  assert.equal(seen.height, 12);
  assert.equal(seen.parentMedianTimePast, headers[5]!.time, "of heights 1 to 11");
});
