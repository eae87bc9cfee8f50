/** Signature operations as a block counts them, in the cases that Bitcoin Core's own tests have. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { hash160 } from "../../../lib/bitcoin/hash.ts";
import { NO_FLAGS, ScriptFlag, sigOpCost } from "../../../lib/bitcoin/script/mod.ts";
import { Op, Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { KEYS } from "../../support/script-keys.ts";
import { join } from "../../support/script-random.ts";
import { push } from "../../support/script-text.ts";

const EMPTY = new Uint8Array(0);
const BOTH = ScriptFlag.P2SH | ScriptFlag.WITNESS;

interface Case {
  readonly scriptPubKey: Uint8Array;
  readonly scriptSig?: Uint8Array;
  readonly witness?: readonly Uint8Array[];
  readonly output?: Uint8Array;
}

function costOf({ scriptPubKey, scriptSig = EMPTY, witness = [], output = EMPTY }: Case, flags: number): number {
  const transaction = Transaction.of({
    version: 1,
    inputs: [{ prevout: { txid: new Uint8Array(32), vout: 0 }, scriptSig, sequence: 0, witness }],
    outputs: [{ value: 1n, scriptPubKey: output }],
    lockTime: 0,
  });
  return sigOpCost(transaction, [{ scriptPubKey }], flags);
}

const [one, two] = [KEYS[0]!.compressed, KEYS[1]!.compressed];
const multisig = join(Op.OP_1, push(one), push(two), Op.OP_1 + 1, Op.OP_CHECKMULTISIGVERIFY);
const inScriptHash = (script: Uint8Array) => join(Op.OP_HASH160, push(hash160(script)), Op.OP_EQUAL);

describe("sigOpCost()", () => {
  test("counts outputs that are made, not those that are spent", () => {
    assert.equal(costOf({ scriptPubKey: multisig, scriptSig: join(Op.OP_0, Op.OP_0) }, BOTH), 0);
    assert.equal(costOf({ scriptPubKey: EMPTY, output: multisig }, BOTH), 80);
    assert.equal(costOf({ scriptPubKey: EMPTY, output: join(push(new Uint8Array(300)), Op.OP_CHECKSIG) }, BOTH), 4);
    assert.equal(costOf({ scriptPubKey: EMPTY, scriptSig: join(Op.OP_CHECKSIG, Op.OP_CHECKSIGVERIFY) }, NO_FLAGS), 8);
  });

  test("counts the script that a script hash stands for, by its keys", () => {
    const spend = { scriptPubKey: inScriptHash(multisig), scriptSig: join(Op.OP_0, Op.OP_0, push(multisig)) };
    assert.equal(costOf(spend, BOTH), 8);
    assert.equal(costOf(spend, NO_FLAGS), 0);
  });

  test("counts one for a witness key hash, nested or not, and none of other versions", () => {
    const program = (version: number) => join(version, push(hash160(one)));
    const witness = [EMPTY, EMPTY];
    assert.equal(costOf({ scriptPubKey: program(0), witness }, BOTH), 1);
    assert.equal(costOf({ scriptPubKey: program(0), witness }, ScriptFlag.P2SH), 0);
    assert.equal(costOf({ scriptPubKey: program(Op.OP_1), witness }, BOTH), 0);
    const nested = { scriptPubKey: inScriptHash(program(0)), scriptSig: push(program(0)), witness };
    assert.equal(costOf(nested, BOTH), 1);
  });

  test("counts a witness script by its keys, nested or not", () => {
    const program = join(Op.OP_0, push(sha256(multisig)));
    const witness = [EMPTY, EMPTY, multisig];
    assert.equal(costOf({ scriptPubKey: program, witness }, BOTH), 2);
    assert.equal(costOf({ scriptPubKey: program, witness }, ScriptFlag.P2SH), 0);
    assert.equal(costOf({ scriptPubKey: inScriptHash(program), scriptSig: push(program), witness }, BOTH), 2);
  });
});
