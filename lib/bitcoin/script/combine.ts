/**
 * One transaction of several copies, each of which has some of the signatures.
 *
 * An input that is signed in full in one copy is taken from it. Otherwise the signatures of its multisig are put together: those
 * of all copies, in the order of the keys, and an empty element for each that is still missing.
 *
 * @see Bitcoin Core `script/sign.cpp` (DataFromTransaction, ProduceSignature, SignStep)
 * @module
 */
import { arithmetic } from "../../engine/arithmetic.ts";
import { sha256 } from "../../codec/sha256.ts";
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { GiveWay } from "../../core/ports.ts";
import { hash160 } from "../hash.ts";
import { isPayToScriptHash, joinScript, pushData, ScriptReader, witnessProgram } from "../types/script.ts";
import { scriptTemplate } from "../types/script-template.ts";
import { Transaction } from "../types/transaction.ts";
import type { TxInput, TxOutput } from "../types/transaction-parts.ts";
import { ImmediateChecker } from "./checker.ts";
import { STANDARD_FLAGS } from "./flags.ts";
import { Machine, type Spend } from "./machine.ts";
import { isGoodEcdsa } from "./signature-operations.ts";
import { SpendingTransaction } from "./spending-transaction.ts";
import { verifyInput } from "./verify-input.ts";

/** Elements that may be signatures: a multisig has 20 at most, and one element too many. */
const ELEMENTS_MAX = 21;
const WITNESS_SCRIPT_HASH_BYTES = 32;
const EMPTY = new Uint8Array(0);

/** What an input reveals. */
type Unlocking = Pick<TxInput, "scriptSig" | "witness">;

/** What all copies together reveal of an input: scripts behind their hashes, and signatures by the hex of their keys. */
interface Revealed {
  redeemScript?: Uint8Array;
  witnessScript?: Uint8Array;
  readonly signatures: Map<string, Uint8Array>;
}

/** What is combined. */
export interface CombineParts {
  /** At least one. They differ in scripts of inputs and in witnesses only. */
  readonly copies: readonly Transaction[];
  /** What the inputs spend, in their order. */
  readonly spent: readonly TxOutput[];
  readonly giveWay: GiveWay;
}

/** Puts the signatures of copies of one transaction together. Throws RangeError when there are not as many outputs as inputs. */
export async function combineSignatures({ copies, spent, giveWay }: CombineParts): Promise<Transaction> {
  const [{ version, inputs, outputs, lockTime }] = copies as [Transaction];
  // Loaded when it is needed: a node that combines nothing does without. Some signatures are no work for the quicker ones.
  const checker = new ImmediateChecker(await arithmetic("portable").secp256k1());
  const spendings = copies.map((copy) => new SpendingTransaction(copy, spent));
  const combined: TxInput[] = [];
  for (const [i, { scriptPubKey }] of spent.entries()) {
    const revealed: Revealed = { signatures: new Map() };
    let whole: Unlocking | undefined;
    for (const [copy, transaction] of spendings.entries()) {
      await giveWay();
      const spend: Spend = { transaction, input: i, flags: STANDARD_FLAGS, checker };
      const own = copies[copy]!.inputs[i]!;
      if (verifyInput(spend) === undefined) {
        whole = own;
        break;
      }
      reveal(spend, own, revealed);
    }
    const { prevout, sequence } = inputs[i]!;
    const { scriptSig, witness } = whole ?? produce(scriptPubKey, revealed);
    combined.push({ prevout, sequence, scriptSig, witness });
  }
  return Transaction.of({ version, inputs: combined, outputs, lockTime });
}

const witnessScriptHash = (script: Uint8Array): Uint8Array | undefined => {
  const found = witnessProgram(script);
  return found?.version === 0 && found.program.length === WITNESS_SCRIPT_HASH_BYTES ? found.program : undefined;
};

/** What a script pushes, up to the first opcode that does not. */
function pushes(script: Uint8Array): Uint8Array[] {
  const reader = new ScriptReader(script);
  const elements: Uint8Array[] = [];
  while (elements.length <= ELEMENTS_MAX && reader.next() && reader.dataEnd === reader.at) elements.push(reader.data);
  return elements;
}

/** Adds what an input that is not signed in full reveals. Of two signatures by one key the first stays. */
function reveal(spend: Spend, { scriptSig, witness }: Unlocking, revealed: Revealed): void {
  let script = spend.transaction.spent[spend.input]!.scriptPubKey;
  let elements = pushes(scriptSig);
  let version: "legacy" | "v0" = "legacy";
  const redeemScript = elements.at(-1);
  if (isPayToScriptHash(script) && redeemScript && equalBytes(hash160(redeemScript), script.subarray(2, 22))) {
    revealed.redeemScript = script = redeemScript;
    elements = elements.slice(0, -1);
  }
  const hash = witnessScriptHash(script);
  const witnessScript = witness.at(-1);
  if (hash && witnessScript && equalBytes(sha256(witnessScript), hash)) {
    revealed.witnessScript = script = witnessScript;
    elements = witness.slice(0, -1);
    version = "v0";
  }
  const template = scriptTemplate(script);
  if (template.type !== "multisig" || elements.length > ELEMENTS_MAX) return;
  const machine = new Machine(spend, version, script, []);
  let next = 0;
  for (const signature of elements) {
    // Signatures are in the order of their keys.
    for (let at = next; at < template.publicKeys.length; at++) {
      const key = template.publicKeys[at]!;
      if (!isGoodEcdsa(machine, script, signature, key, false)) continue;
      const name = toHex(key);
      if (!revealed.signatures.has(name)) revealed.signatures.set(name, signature);
      next = at + 1;
      break;
    }
  }
}

/** What unlocks an output, as far as it is known. */
function produce(scriptPubKey: Uint8Array, revealed: Revealed): Unlocking {
  const { redeemScript, witnessScript, signatures } = revealed;
  const isP2sh = isPayToScriptHash(scriptPubKey);
  const script = isP2sh ? redeemScript : scriptPubKey;
  if (script === undefined) return { scriptSig: EMPTY, witness: [] };
  const outer = isP2sh ? [script] : [];
  const hasWitness = witnessScriptHash(script) !== undefined;
  const elements = hasWitness ? [] : unlockMultisig(script, signatures);
  return {
    scriptSig: joinScript(...[...elements, ...outer].map(pushData)),
    witness: hasWitness && witnessScript ? [...unlockMultisig(witnessScript, signatures), witnessScript] : [],
  };
}

/** The elements for a multisig: as many signatures as it asks for, empty ones in the place of those that are missing. */
function unlockMultisig(script: Uint8Array, signatures: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  const template = scriptTemplate(script);
  if (template.type !== "multisig") return [];
  const { required, publicKeys } = template;
  const own = publicKeys.flatMap((key) => signatures.get(toHex(key)) ?? []).slice(0, required);
  const missing = Array.from({ length: required - own.length }, () => EMPTY);
  return [EMPTY, ...own, ...missing];
}
