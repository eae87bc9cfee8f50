/** Scripts at and beyond their limits: how deep, how long, how many; and that none of it takes long. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { taggedHash } from "../../../lib/bitcoin/hash.ts";
import {
  type ScriptError,
  ScriptFlag,
  SpendingTransaction,
  verifyTransaction,
} from "../../../lib/bitcoin/script/mod.ts";
import { Op } from "../../../lib/bitcoin/types/mod.ts";
import { KEYS, tweaked } from "../../support/script-keys.ts";
import { join } from "../../support/script-random.ts";
import { push, spendOf } from "../../support/script-text.ts";
import { secp256k1Of } from "../../support/secp256k1-engines.ts";

const FLAGS = ScriptFlag.P2SH | ScriptFlag.WITNESS | ScriptFlag.TAPROOT;
const EMPTY = new Uint8Array(0);

function times(count: number, ...opcodes: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: count * opcodes.length }, (_, i) => opcodes[i % opcodes.length]!);
}

function errorOf(scriptPubKey: Uint8Array, scriptSig: Uint8Array, witness: readonly Uint8Array[], flags = FLAGS) {
  const { transaction, spent } = spendOf(scriptPubKey, scriptSig, { witness });
  return verifyTransaction(transaction, [spent], flags, secp256k1Of("wide"))?.error;
}

/** As a script of its own, as a witness script, and as a leaf. */
function inLegacy(script: Uint8Array): ScriptError | undefined {
  return errorOf(script, EMPTY, []);
}

function inV0(script: Uint8Array, stack: readonly Uint8Array[] = []): ScriptError | undefined {
  return errorOf(join(Op.OP_0, push(sha256(script))), EMPTY, [...stack, script]);
}

function inLeaf(script: Uint8Array, stack: readonly Uint8Array[] = [], flags = FLAGS): ScriptError | undefined {
  const { length } = script;
  const size = length < 0xfd
    ? [length]
    : length <= 0xffff
    ? [0xfd, length & 0xff, length >> 8]
    : [0xfe, length & 0xff, (length >> 8) & 0xff, length >> 16, 0];
  const internal = KEYS[0]!;
  const { xOnly, parity } = tweaked(internal, taggedHash("TapLeaf", Uint8Array.of(0xc0, ...size), script));
  const witness = [...stack, script, join(0xc0 | parity, internal.xOnly)];
  return errorOf(join(Op.OP_1, push(xOnly)), EMPTY, witness, flags);
}

describe("limits of scripts", () => {
  test("10,000 bytes before tapscript", () => {
    const pushes = (bytes: number) =>
      join(...Array.from({ length: Math.floor(bytes / 523) }, () => join(push(new Uint8Array(519)), Op.OP_DROP)));
    const head = pushes(9_900);
    const script = (length: number) => join(head, times(length - head.length - 1, Op.OP_1), Op.OP_1);
    assert.equal(inLegacy(script(10_000)), undefined);
    assert.equal(inLegacy(script(10_001)), "SCRIPT_ERR_SCRIPT_SIZE");
    assert.equal(inV0(script(10_001)), "SCRIPT_ERR_SCRIPT_SIZE");
    assert.equal(inLeaf(script(10_001)), "SCRIPT_ERR_CLEANSTACK");
  });

  test("201 opcodes that do not push before tapscript, executed or not, with the keys of a multisig", () => {
    const nops = (count: number) => join(times(count, Op.OP_NOP), Op.OP_1);
    for (const judge of [inLegacy, inV0]) {
      assert.equal(judge(nops(201)), undefined);
      assert.equal(judge(nops(202)), "SCRIPT_ERR_OP_COUNT");
      const skipped = (count: number) => join(Op.OP_0, Op.OP_IF, times(count, Op.OP_NOP), Op.OP_ENDIF, Op.OP_1);
      assert.equal(judge(skipped(199)), undefined);
      assert.equal(judge(skipped(200)), "SCRIPT_ERR_OP_COUNT");
      const keys = (count: number) =>
        join(times(count, Op.OP_NOP), Op.OP_0, Op.OP_0, times(16, Op.OP_1), Op.OP_16, Op.OP_CHECKMULTISIG);
      assert.equal(judge(keys(184)), undefined);
      assert.equal(judge(keys(185)), "SCRIPT_ERR_OP_COUNT");
    }
    assert.equal(inLeaf(nops(10_000)), undefined);
  });

  test("1,000 elements on both stacks", () => {
    const both = (count: number) => join(times(500, Op.OP_1, Op.OP_TOALTSTACK), times(count, Op.OP_1));
    assert.equal(inLeaf(both(500)), "SCRIPT_ERR_CLEANSTACK");
    assert.equal(inLeaf(both(501)), "SCRIPT_ERR_STACK_SIZE");
    assert.equal(inLegacy(times(1_000, Op.OP_1)), undefined);
    assert.equal(inLegacy(times(1_001, Op.OP_1)), "SCRIPT_ERR_STACK_SIZE");
    // A leaf begins with no more; a witness script of version 0 is told by its first opcode.
    const many = Array.from({ length: 1_001 }, () => Uint8Array.of(1));
    assert.equal(inLeaf(Uint8Array.of(Op.OP_2DROP), many), "SCRIPT_ERR_STACK_SIZE");
    assert.equal(inV0(Uint8Array.of(Op.OP_2DROP), many), "SCRIPT_ERR_CLEANSTACK");
    assert.equal(inV0(Uint8Array.of(Op.OP_NOP), many), "SCRIPT_ERR_STACK_SIZE");
  });

  test("520 bytes an element", () => {
    const long = (bytes: number) => join(push(new Uint8Array(bytes)), Op.OP_DROP, Op.OP_1);
    for (const judge of [inLegacy, inV0, inLeaf]) {
      assert.equal(judge(long(520)), undefined);
      assert.equal(judge(long(521)), "SCRIPT_ERR_PUSH_SIZE");
      assert.equal(
        judge(join(Op.OP_0, Op.OP_IF, long(521), Op.OP_ENDIF, Op.OP_1)),
        "SCRIPT_ERR_PUSH_SIZE",
        "not executed",
      );
    }
    const drop = Uint8Array.of(Op.OP_DROP, Op.OP_1);
    for (const judge of [inV0, inLeaf]) {
      assert.equal(judge(drop, [new Uint8Array(520)]), undefined);
      assert.equal(judge(drop, [new Uint8Array(521)]), "SCRIPT_ERR_PUSH_SIZE");
    }
  });

  test("an opcode of the future makes a leaf good before any limit", () => {
    const many = Array.from({ length: 2_000 }, () => new Uint8Array(600));
    const future = join(push(new Uint8Array(521)), Op.OP_RETURN, 0xbb, 5);
    assert.equal(inLeaf(future, many), undefined);
    assert.equal(inLeaf(future, many, FLAGS | ScriptFlag.DISCOURAGE_OP_SUCCESS), "SCRIPT_ERR_DISCOURAGE_OP_SUCCESS");
    assert.equal(inLeaf(join(5, 1), many), "SCRIPT_ERR_BAD_OPCODE", "malformed before one");
    assert.equal(inLeaf(join(4, 0xbb, 0xbb, 0xbb, 0xbb, Op.OP_RETURN)), "SCRIPT_ERR_OP_RETURN", "within a push");
  });

  test(
    "a leaf of 4 MB takes no room of its own, and conditions may be as deep as it is long",
    { timeout: 20_000 },
    () => {
      const depth = 1_300_000;
      const nested = join(times(depth, Op.OP_1, Op.OP_IF), times(depth, Op.OP_ENDIF), Op.OP_1);
      assert.equal(nested.length, 3 * depth + 1);
      assert.equal(inLeaf(nested), undefined);
      assert.equal(inLeaf(nested.subarray(0, 3 * depth - 1)), "SCRIPT_ERR_UNBALANCED_CONDITIONAL");
    },
  );

  test("a witness of a block's weight is as many elements, and few views", { timeout: 20_000 }, () => {
    const script = Uint8Array.of(Op.OP_NOP);
    const count = 3_900_000;
    const items = new Array<Uint8Array>(count).fill(EMPTY);
    items[5] = new Uint8Array(521);
    items[count - 1] = script;
    const { transaction, spent } = spendOf(join(Op.OP_0, push(sha256(script))), EMPTY, { witness: items });
    const witness = new SpendingTransaction(transaction, [spent]).witness(0);
    assert.equal(witness.length, count);
    assert.deepEqual(witness.slice(-2), [EMPTY, script]);
    assert.ok(new Set(witness).size < 1_100);
    const judge = () => verifyTransaction(transaction, [spent], FLAGS, secp256k1Of("wide"))?.error;
    assert.equal(judge(), "SCRIPT_ERR_PUSH_SIZE");
    assert.equal(inV0(script, items.slice(6, 2_006)), "SCRIPT_ERR_STACK_SIZE");
    assert.equal(inV0(EMPTY, items.slice(6, 2_006)), "SCRIPT_ERR_CLEANSTACK");
  });

  test("a stack that the first opcode makes small enough may begin with as many as it takes", () => {
    const keys = Array.from({ length: 20 }, () => Uint8Array.of(2));
    const checked = [EMPTY, ...Array.from({ length: 20 }, () => EMPTY), Uint8Array.of(20), ...keys, Uint8Array.of(20)];
    const below = (count: number) => Array.from({ length: count }, () => EMPTY);
    const script = join(Op.OP_CHECKMULTISIG, times(98, Op.OP_2DROP), Op.OP_1);
    // One stays of 43; a version-0 script begins with more than a thousand then.
    assert.equal(inV0(script, [...below(999), ...checked]), "SCRIPT_ERR_CLEANSTACK");
    assert.equal(inV0(script, [...below(1_000), ...checked]), "SCRIPT_ERR_STACK_SIZE");
  });

  test("rolling the deepest of 998 elements 300,000 times takes no minutes", { timeout: 30_000 }, () => {
    const rolls = 300_000;
    const stack = Array.from({ length: 998 }, () => Uint8Array.of(1));
    const script = join(times(rolls, 0x02, 0xe5, 0x03, Op.OP_ROLL), times(499, Op.OP_2DROP), Op.OP_1);
    // 997 is the deepest of 998 elements, once its own number was taken.
    assert.equal(inLeaf(script, stack), undefined);
  });
});
