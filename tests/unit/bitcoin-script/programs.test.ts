/** Witness programs by version, length and flag, and what their witnesses must have. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { hash160, taggedHash } from "../../../lib/bitcoin/hash.ts";
import { type ScriptError, ScriptFlag, verifyTransaction } from "../../../lib/bitcoin/script/mod.ts";
import { Op } from "../../../lib/bitcoin/types/mod.ts";
import { KEYS, tweaked } from "../../support/script-keys.ts";
import { join } from "../../support/script-random.ts";
import { push, spendOf } from "../../support/script-text.ts";
import { secp256k1Of } from "../../support/secp256k1-engines.ts";

const { P2SH, WITNESS, TAPROOT } = ScriptFlag;
const FLAGS = P2SH | WITNESS | TAPROOT;
const DISCOURAGED = FLAGS | ScriptFlag.DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM;
const EMPTY = new Uint8Array(0);
const TRUE = Uint8Array.of(Op.OP_1);

function errorOf(
  scriptPubKey: Uint8Array,
  witness: readonly Uint8Array[] = [],
  flags: number = FLAGS,
  scriptSig: Uint8Array = EMPTY,
): ScriptError | undefined {
  const { transaction, spent } = spendOf(scriptPubKey, scriptSig, { witness });
  return verifyTransaction(transaction, [spent], flags, secp256k1Of("wide"))?.error;
}

const program = (version: number, bytes: Uint8Array) => join(version, push(bytes));
const inScriptHash = (script: Uint8Array) => join(Op.OP_HASH160, push(hash160(script)), Op.OP_EQUAL);
const ones = (length: number) => new Uint8Array(length).fill(1);

/** An output of one leaf, and the control block of it. */
function leafOf(script: Uint8Array, version = 0xc0, path: readonly Uint8Array[] = []) {
  let root: Uint8Array = taggedHash("TapLeaf", Uint8Array.of(version, script.length), script);
  for (const node of path) root = taggedHash("TapBranch", ...[root, node].sort((a, b) => Buffer.compare(a, b)));
  const { xOnly, parity } = tweaked(KEYS[0]!, root);
  return { output: program(Op.OP_1, xOnly), control: join(version | parity, KEYS[0]!.xOnly, ...path) };
}

describe("witness programs", () => {
  test("without a meaning succeed, unless that is discouraged", () => {
    const unknown = [
      program(Op.OP_1 + 1, ones(32)),
      program(Op.OP_16, ones(2)),
      program(Op.OP_1, ones(31)),
      program(Op.OP_1, ones(40)),
    ];
    for (const script of unknown) {
      assert.equal(errorOf(script), undefined);
      assert.equal(errorOf(script, [ones(600)]), undefined);
      assert.equal(errorOf(script, [], DISCOURAGED), "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM");
    }
    const nested = program(Op.OP_1, ones(32));
    assert.equal(errorOf(inScriptHash(nested), [], FLAGS, push(nested)), undefined, "taproot in a script hash is none");
    const discouraged = errorOf(inScriptHash(nested), [], DISCOURAGED, push(nested));
    assert.equal(discouraged, "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM");
  });

  test("of an anchor succeed and are not discouraged, in this form alone", () => {
    const bytes = Uint8Array.of(0x4e, 0x73);
    const anchor = program(Op.OP_1, bytes);
    assert.equal(errorOf(anchor, [], DISCOURAGED), undefined);
    assert.equal(errorOf(anchor, [ones(1)], DISCOURAGED), undefined);
    const refused = "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM";
    assert.equal(errorOf(program(Op.OP_1 + 1, bytes), [], DISCOURAGED), refused);
    assert.equal(errorOf(program(Op.OP_1, Uint8Array.of(0x4e, 0x74)), [], DISCOURAGED), refused);
    assert.equal(errorOf(inScriptHash(anchor), [], DISCOURAGED, push(anchor)), refused);
  });

  test("of version 0 have 20 or 32 bytes", () => {
    for (const length of [2, 19, 21, 31, 33, 40]) {
      assert.equal(errorOf(program(0, ones(length))), "SCRIPT_ERR_WITNESS_PROGRAM_WRONG_LENGTH", String(length));
    }
    assert.equal(errorOf(program(0, ones(1))), undefined, "no program");
    assert.equal(errorOf(program(0, ones(41))), undefined, "no program");
  });

  test("whose bytes are all 0, or a negative 0, are false before they are programs", () => {
    assert.equal(errorOf(program(Op.OP_16, new Uint8Array(32))), "SCRIPT_ERR_EVAL_FALSE");
    assert.equal(errorOf(program(Op.OP_16, join(new Uint8Array(31), 0x80))), "SCRIPT_ERR_EVAL_FALSE");
    assert.equal(errorOf(program(Op.OP_16, join(new Uint8Array(31), 0x81))), undefined);
    assert.equal(errorOf(program(Op.OP_16, join(0x80, new Uint8Array(31)))), undefined);
  });

  test("of a key hash take two elements, of a script hash the script and what it takes", () => {
    const keyHash = program(0, hash160(KEYS[0]!.compressed));
    for (const count of [0, 1, 3]) {
      const error = errorOf(keyHash, Array.from({ length: count }, () => KEYS[0]!.compressed));
      assert.equal(error, "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH", String(count));
    }
    assert.equal(errorOf(keyHash, [EMPTY, KEYS[0]!.compressed]), "SCRIPT_ERR_EVAL_FALSE");
    assert.equal(errorOf(keyHash, [EMPTY, KEYS[1]!.compressed]), "SCRIPT_ERR_EQUALVERIFY");
    const scriptHash = program(0, sha256(TRUE));
    assert.equal(errorOf(scriptHash), "SCRIPT_ERR_WITNESS_PROGRAM_WITNESS_EMPTY");
    assert.equal(errorOf(scriptHash, [TRUE]), undefined);
    assert.equal(errorOf(scriptHash, [ones(1), TRUE]), "SCRIPT_ERR_CLEANSTACK");
    assert.equal(errorOf(scriptHash, [TRUE, EMPTY]), "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH");
  });

  test("are spent by nothing else, and nothing else by a witness", () => {
    const script = program(0, sha256(TRUE));
    assert.equal(errorOf(script, [TRUE], FLAGS, TRUE), "SCRIPT_ERR_WITNESS_MALLEATED");
    assert.equal(errorOf(inScriptHash(script), [TRUE], FLAGS, push(script)), undefined);
    const longer = join(Op.OP_PUSHDATA1, script.length, script);
    assert.equal(errorOf(inScriptHash(script), [TRUE], FLAGS, longer), "SCRIPT_ERR_WITNESS_MALLEATED_P2SH");
    const more = join(Op.OP_1, push(script));
    assert.equal(errorOf(inScriptHash(script), [TRUE], FLAGS, more), "SCRIPT_ERR_WITNESS_MALLEATED_P2SH");
    assert.equal(errorOf(TRUE, [TRUE]), "SCRIPT_ERR_WITNESS_UNEXPECTED");
    assert.equal(errorOf(TRUE, [TRUE], P2SH), undefined, "before segwit");
    assert.equal(errorOf(inScriptHash(TRUE), [TRUE], FLAGS, push(TRUE)), "SCRIPT_ERR_WITNESS_UNEXPECTED");
    assert.equal(errorOf(inScriptHash(TRUE), [], FLAGS, join(Op.OP_NOP, push(TRUE))), "SCRIPT_ERR_SIG_PUSHONLY");
  });

  test("leave a clean stack behind, nested or not", () => {
    const clean = FLAGS | ScriptFlag.CLEANSTACK;
    const script = program(0, sha256(TRUE));
    assert.equal(errorOf(script, [TRUE], clean), undefined);
    assert.equal(errorOf(inScriptHash(script), [TRUE], clean, push(script)), undefined);
    assert.equal(errorOf(TRUE, [], clean, TRUE), "SCRIPT_ERR_CLEANSTACK");
    assert.equal(errorOf(inScriptHash(TRUE), [], clean, join(Op.OP_1, push(TRUE))), "SCRIPT_ERR_CLEANSTACK");
    assert.equal(errorOf(inScriptHash(TRUE), [], clean, push(TRUE)), undefined);
  });
});

describe("taproot programs", () => {
  test("are unknown ones without the flag, and need a witness with it", () => {
    const { output } = leafOf(TRUE);
    assert.equal(errorOf(output, [], P2SH | WITNESS), undefined);
    assert.equal(errorOf(output, [], DISCOURAGED & ~TAPROOT), undefined, "which is not discouraged");
    assert.equal(errorOf(output), "SCRIPT_ERR_WITNESS_PROGRAM_WITNESS_EMPTY");
  });

  test("take control blocks of 33 bytes and up to 128 nodes", () => {
    const path = Array.from({ length: 128 }, (_, i) => ones(32).fill(i));
    for (const count of [0, 1, 2, 127, 128]) {
      const { output, control } = leafOf(TRUE, 0xc0, path.slice(0, count));
      assert.equal(errorOf(output, [TRUE, control]), undefined, `${count} nodes`);
      const changed = control.slice();
      changed[changed.length - 1]! ^= 1;
      assert.equal(errorOf(output, [TRUE, changed]), "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH");
      changed.set(control);
      changed[0]! ^= 1;
      assert.equal(errorOf(output, [TRUE, changed]), "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH", "the other parity");
    }
    const { output, control } = leafOf(TRUE, 0xc0, path);
    for (
      const wrong of [
        EMPTY,
        control.subarray(0, 32),
        control.subarray(0, 34),
        join(control, 0),
        join(control, ones(32)),
      ]
    ) {
      assert.equal(errorOf(output, [TRUE, wrong]), "SCRIPT_ERR_TAPROOT_WRONG_CONTROL_SIZE");
    }
  });

  test("succeed by a leaf of an unknown version, unless that is discouraged", () => {
    const bad = Uint8Array.of(Op.OP_RETURN);
    for (const version of [0xc2, 0x00, 0xfe]) {
      const { output, control } = leafOf(bad, version);
      assert.equal(errorOf(output, [bad, control]), undefined);
      const flags = FLAGS | ScriptFlag.DISCOURAGE_UPGRADABLE_TAPROOT_VERSION;
      assert.equal(errorOf(output, [bad, control], flags), "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_TAPROOT_VERSION");
    }
    const { output, control } = leafOf(bad);
    assert.equal(errorOf(output, [bad, control]), "SCRIPT_ERR_OP_RETURN");
  });

  test("have an annex where the last of two elements or more begins with 0x50", () => {
    const { output, control } = leafOf(TRUE);
    const annex = Uint8Array.of(0x50, 1);
    assert.equal(errorOf(output, [TRUE, control, annex]), undefined);
    assert.equal(errorOf(output, [annex]), "SCRIPT_ERR_SCHNORR_SIG_SIZE", "alone it is a signature");
    assert.equal(errorOf(output, [TRUE, annex]), "SCRIPT_ERR_SCHNORR_SIG_SIZE", "it leaves one element");
    assert.equal(errorOf(output, [TRUE, control, annex, annex]), "SCRIPT_ERR_TAPROOT_WRONG_CONTROL_SIZE");
  });

  test("pay 50 units of 50 and the witness's bytes for each signature that is not empty", () => {
    // A key of an unknown kind makes any signature good, and is paid for as others are.
    const check = join(Op.OP_2DUP, Op.OP_CHECKSIGVERIFY);
    const script = (count: number) => join(...Array.from({ length: count }, () => check), Op.OP_2DROP, Op.OP_1);
    const spend = (count: number, padding: number) => {
      const leaf = script(count);
      const { output, control } = leafOf(leaf);
      const elements = [ones(padding), ones(33), leaf, control];
      const size = 1 + elements.reduce((sum, { length }) => sum + 1 + length, 0);
      return { error: errorOf(output, elements), size };
    };
    for (let count = 1; count < 8; count++) {
      for (let padding = 1; padding < 200; padding += 1) {
        const { error, size } = spend(count, padding);
        const isPaid = 50 * count <= 50 + size;
        assert.equal(error, isPaid ? undefined : "SCRIPT_ERR_TAPSCRIPT_VALIDATION_WEIGHT", `${count} for ${size}`);
        padding += size > 50 * count ? 50 : 0;
      }
    }
    const { output, control } = leafOf(script(7));
    assert.equal(
      errorOf(output, [EMPTY, ones(33), script(7), control]),
      "SCRIPT_ERR_CHECKSIGVERIFY",
      "empty costs nothing",
    );
  });
});
