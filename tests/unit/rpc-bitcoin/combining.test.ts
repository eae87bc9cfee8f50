/** Copies of a transaction that several have signed, put together. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { p2ms, p2sh, p2wpkh, p2wsh, TEST_NETWORK, Transaction as SignedTransaction } from "@scure/btc-signer";
import { toHex } from "../../../lib/codec/hex.ts";
import { joinScript, pushData, Transaction, type TxInput } from "../../../lib/bitcoin/types/mod.ts";
import { KEYS } from "../../support/script-keys.ts";
import { OP_TRUE, pay } from "../bitcoin-chain/ledger.ts";
import { shown, spendingNode } from "./spending-node.ts";

const COIN = 100_000_000n;
const VALUE = 8n * COIN;
const EMPTY = new Uint8Array(0);
const [A, B, C, D] = KEYS as unknown as [(typeof KEYS)[0], (typeof KEYS)[0], (typeof KEYS)[0], (typeof KEYS)[0]];
const multisig = p2ms(2, [A, B, C].map(({ compressed }) => compressed));
const witness = p2wsh(multisig, TEST_NETWORK);
/** What is paid to: a multisig of two of three in each form, and the key of D. */
const FORMS = [
  multisig,
  p2sh(multisig, TEST_NETWORK),
  witness,
  p2sh(witness, TEST_NETWORK),
  p2wpkh(D.compressed, TEST_NETWORK),
];

type Signatures = readonly Uint8Array[];
type Unlocking = Pick<TxInput, "scriptSig" | "witness">;

/** How an input of each form is unlocked by these signatures, of which empty ones are missing. */
function unlocked(form: number, signatures: Signatures): Unlocking {
  const elements = [EMPTY, ...signatures];
  const script = (...pieces: readonly Uint8Array[]) => joinScript(...pieces.map(pushData));
  const ways: readonly (() => Unlocking)[] = [
    () => ({ scriptSig: script(...elements), witness: [] }),
    () => ({ scriptSig: script(...elements, multisig.script), witness: [] }),
    () => ({ scriptSig: EMPTY, witness: [...elements, multisig.script] }),
    () => ({ scriptSig: script(witness.script), witness: [...elements, multisig.script] }),
    () => ({ scriptSig: EMPTY, witness: signatures.length === 0 ? [] : [signatures[0]!, D.compressed] }),
  ];
  return ways[form]!();
}

let node: Awaited<ReturnType<typeof spendingNode>>;
let funding: Transaction;

before(async () => {
  node = await spendingNode({ mempool: { requiresStandard: false } });
  funding = pay([node.coins[0]!], 0n, { outputs: FORMS.map(({ script }) => ({ value: VALUE, scriptPubKey: script })) });
  await node.add([funding]);
});

/** Signed by another library: the transaction, and the signature of each key for each input. */
function signed() {
  const make = () => {
    const transaction = new SignedTransaction({
      allowLegacyWitnessUtxo: true,
      allowUnknownOutputs: true,
      disableScriptCheck: true,
    });
    for (const [index, { script, ...form }] of FORMS.entries()) {
      const scripts = { ...("redeemScript" in form && { redeemScript: form.redeemScript! }) };
      const inner = "witnessScript" in form && form.witnessScript ? { witnessScript: form.witnessScript } : {};
      transaction.addInput({
        ...{ txid: shown(funding.txid), index, witnessUtxo: { amount: VALUE, script } },
        ...scripts,
        ...inner,
      });
    }
    transaction.addOutput({ amount: 39n * COIN, script: OP_TRUE });
    return transaction;
  };
  const bare = Transaction.decode(make().unsignedTx, { witness: false });
  const signatures = [A, B, C, D].map(({ secret }) => {
    const transaction = make();
    transaction.sign(secret);
    return FORMS.map((_, i) => transaction.getInput(i).partialSig?.[0]?.[1]);
  });
  /** The copy whose inputs have what each key has signed for each form. */
  const copy = (of: (form: number) => Signatures) =>
    Transaction.of({
      ...{ version: bare.version, outputs: bare.outputs, lockTime: bare.lockTime },
      inputs: bare.inputs.map((input, i) => ({ ...input, ...unlocked(i, of(i)) })),
    });
  const by = (signer: number, form: number) => signatures[signer]![form]!;
  return { bare, copy, by };
}

const hexOf = ({ raw }: Transaction) => toHex(raw);
const combine = (...copies: readonly Transaction[]) => node.call<string>("combinerawtransaction", copies.map(hexOf));

describe("combinerawtransaction", () => {
  test("puts the signatures of a multisig together in the order of its keys, whatever the order of the copies", async () => {
    const { bare, copy, by } = signed();
    const whole = copy((form) => form === 4 ? [by(3, 4)] : [by(0, form), by(2, form)]);
    const first = copy((form) => form === 4 ? [] : [by(0, form), EMPTY]);
    const third = copy((form) => form === 4 ? [by(3, 4)] : [EMPTY, by(2, form)]);
    for (const copies of [[first, third], [third, first], [bare, first, third]]) {
      assert.equal(await combine(...copies), hexOf(whole));
    }
    const [verdict] = await node.call<{ allowed: boolean }[]>("testmempoolaccept", [hexOf(whole)], 0);
    assert.equal(verdict!.allowed, true, JSON.stringify(verdict));
  });

  test("leaves room for what is missing, and takes what one copy has in full", async () => {
    const { bare, copy, by } = signed();
    const second = copy((form) => form === 4 ? [] : [by(1, form), EMPTY]);
    assert.equal(await combine(bare, second), hexOf(second));
    // Where nobody has signed, only the script of a multisig itself says how many are missing: that is Core's way.
    const none = bare.inputs.map((input, i) => i === 0 ? { ...input, ...unlocked(0, [EMPTY, EMPTY]) } : input);
    const { version, outputs, lockTime } = bare;
    assert.equal(await combine(bare), hexOf(Transaction.of({ version, inputs: none, outputs, lockTime })));
    const whole = copy((form) => form === 4 ? [by(3, 4)] : [by(1, form), by(2, form)]);
    assert.equal(await combine(second, whole), hexOf(whole));
    const other = copy((form) => form === 4 ? [by(3, 4)] : [by(0, form), by(1, form)]);
    assert.equal(await combine(whole, other), hexOf(whole), "the first that is signed in full");
  });

  test("takes no signature by nobody, none of another input, and no script of another hash", async () => {
    const { copy, by } = signed();
    const bad = copy((form) => form === 4 ? [by(0, 0)] : [by(0, (form + 1) % 4), EMPTY]);
    const good = copy((form) => form === 4 ? [] : [by(1, form), EMPTY]);
    // Input 1 of other scripts: the second has no such hash.
    const strange = Transaction.of({
      ...{ version: good.version, outputs: good.outputs, lockTime: good.lockTime },
      inputs: good.inputs.map((input) => ({
        ...input,
        scriptSig: pushData(Uint8Array.of(0x51, 0x51)),
        witness: [Uint8Array.of(0x52)],
      })),
    });
    assert.equal(await combine(bad, strange, good), hexOf(good));
    const many = copy((form) => form === 4 ? [] : Array.from({ length: 40 }, () => by(0, form)));
    assert.equal(await combine(many, good), hexOf(good), "more elements than a multisig can have");
  });

  test("has Core's errors", async () => {
    const { failure } = node;
    const { bare, copy } = signed();
    const other = Transaction.of({
      ...{ version: bare.version, inputs: bare.inputs, outputs: bare.outputs },
      lockTime: 1,
    });
    const elsewhere = Transaction.of({
      ...{ version: 2, outputs: bare.outputs, lockTime: 0 },
      inputs: [{ ...bare.inputs[0]!, prevout: { txid: new Uint8Array(32), vout: 0 } }],
    });
    const cases: readonly (readonly [unknown, string])[] = [
      [[], "-22 Missing transactions"],
      [[hexOf(bare), "00"], "-22 TX decode failed for tx 1. Make sure the tx has at least one input."],
      [[hexOf(bare), hexOf(other)], "-8 Transactions not compatible (different transactions)"],
      [[hexOf(elsewhere)], "-25 Input not found or already spent"],
      [Array.from({ length: 26 }, () => hexOf(copy(() => []))), "-8 Array must contain at most 25 transactions."],
    ];
    for (const [argument, expected] of cases) {
      const { code, message } = await failure("combinerawtransaction", argument);
      assert.equal(`${code} ${message}`, expected);
    }
  });
});
