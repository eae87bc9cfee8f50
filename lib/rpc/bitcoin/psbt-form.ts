/**
 * Transactions that are signed by several, in turn (PSBT): made, taken apart and put into one. Their form is read and written
 * by @scure/btc-signer, so that this is loaded when the first is asked for.
 *
 * @see BIP174, BIP371
 * @module
 */
import { base64 } from "@scure/base";
import { HDKey } from "@scure/bip32";
import { RawPSBTV0 } from "@scure/btc-signer/psbt.js";
import { RawOldTx, RawTx } from "@scure/btc-signer/script.js";
import { PSBTCombine } from "@scure/btc-signer/transaction.js";
import { toHex } from "../../codec/hex.ts";
import { messageOf } from "../../core/errors.ts";
import type { BitcoinNetwork } from "../../bitcoin/networks/network.ts";
import { HASH_TYPES, Transaction } from "../../bitcoin/types/mod.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { amountJson, type RpcJson, type RpcObject } from "./json.ts";
import { scriptJson } from "./script-json.ts";
import { transactionJson } from "./transaction-json.ts";

type Psbt = ReturnType<typeof RawPSBTV0.decode>;
type PsbtInput = Psbt["inputs"][number];
type PsbtOutput = Psbt["outputs"][number];
/** Where a key comes from. */
interface Derivation {
  readonly fingerprint: number;
  readonly path: readonly number[];
}

const HARDENED = 2 ** 31;
/** Characters of one that is read: more than a full block's. */
const PSBT_CHARS_MAX = 16_000_000;

function bytesOf(text: string): Uint8Array {
  try {
    if (text.length > PSBT_CHARS_MAX) throw new RangeError("it is too long");
    return base64.decode(text);
  } catch {
    throw new JsonRpcError(RpcCode.deserialization, "TX decode failed invalid base64");
  }
}

/** Reads one. Throws −22. */
function decoded(text: string): { readonly psbt: Psbt; readonly transaction: Transaction } {
  const bytes = bytesOf(text);
  try {
    const psbt = RawPSBTV0.decode(bytes);
    const raw = RawOldTx.encode(psbt.global.unsignedTx!);
    return { psbt, transaction: Transaction.decode(raw, { witness: false }) };
  } catch (thrown) {
    throw new JsonRpcError(RpcCode.deserialization, `TX decode failed ${messageOf(thrown).slice(0, 200)}`);
  }
}

/** What is not there is left out. */
const when = <T, R>(value: T | undefined, show: (value: T) => R): R | undefined =>
  value === undefined ? undefined : show(value);
const filled = <T>(values: readonly T[] | undefined) =>
  values === undefined || values.length === 0 ? undefined : values;

const fingerprintText = (fingerprint: number) => fingerprint.toString(16).padStart(8, "0");
const pathText = (path: readonly number[]) =>
  ["m", ...path.map((step) => step >= HARDENED ? `${step - HARDENED}h` : String(step))].join("/");
const derivationJson = (pubkey: Uint8Array, { fingerprint, path }: Derivation): RpcObject => ({
  pubkey: toHex(pubkey),
  master_fingerprint: fingerprintText(fingerprint),
  path: pathText(path),
});

const pairsJson = (pairs: readonly (readonly [Uint8Array, Uint8Array])[]): RpcObject =>
  Object.fromEntries(pairs.map(([key, value]) => [toHex(key), toHex(value)]));

/** What nobody knows here: by its type and key. */
function unknownJson(unknown: readonly (readonly [{ readonly type: number; readonly key: Uint8Array }, Uint8Array])[]) {
  return Object.fromEntries(
    unknown.map(([{ type, key }, value]) => [type.toString(16).padStart(2, "0") + toHex(key), toHex(value)]),
  );
}

const plainScriptJson = (script: Uint8Array, network: BitcoinNetwork): RpcObject => {
  const { asm, hex, type } = scriptJson(script, network);
  return { asm, hex, type };
};

function taprootJson(
  { tapKeySig, tapScriptSig, tapLeafScript, tapBip32Derivation, tapInternalKey, tapMerkleRoot }: PsbtInput,
) {
  return {
    taproot_key_path_sig: when(tapKeySig, toHex),
    taproot_script_path_sigs: filled(
      tapScriptSig?.map(([{ pubKey, leafHash }, sig]) => ({
        pubkey: toHex(pubKey),
        leaf_hash: toHex(leafHash),
        sig: toHex(sig),
      })),
    ),
    taproot_scripts: filled(
      tapLeafScript?.map(([{ version, internalKey, merklePath }, script]) => ({
        script: toHex(script.subarray(0, -1)),
        leaf_ver: script.at(-1)!,
        control_blocks: [
          toHex(Uint8Array.of(version, ...internalKey, ...merklePath.flatMap((hash: Uint8Array) => [...hash]))),
        ],
      })),
    ),
    taproot_bip32_derivs: taprootDerivations(tapBip32Derivation),
    taproot_internal_key: when(tapInternalKey, toHex),
    taproot_merkle_root: when(tapMerkleRoot, toHex),
  };
}

const taprootDerivations = (all: PsbtInput["tapBip32Derivation"]) =>
  filled(
    all?.map(([pubkey, { hashes, der }]) => ({
      ...derivationJson(pubkey, der),
      leaf_hashes: hashes.map((hash: Uint8Array) => toHex(hash)),
    })),
  );

/** The output that an input spends, where the PSBT says it. */
function spentOf(input: PsbtInput, vout: number): { readonly amount: bigint; readonly script: Uint8Array } | undefined {
  return input.witnessUtxo ?? input.nonWitnessUtxo?.outputs[vout];
}

function inputJson(input: PsbtInput, network: BitcoinNetwork): RpcObject {
  return {
    non_witness_utxo: when(
      input.nonWitnessUtxo,
      (utxo) => transactionJson(Transaction.decode(RawTx.encode(utxo)), network, { hex: false }),
    ),
    witness_utxo: when(input.witnessUtxo, ({ amount, script }) => ({
      amount: amountJson(amount),
      scriptPubKey: scriptJson(script, network),
    })),
    partial_signatures: when(filled(input.partialSig), pairsJson),
    sighash: when(input.sighashType, (type) => HASH_TYPES[type] ?? ""),
    redeem_script: when(input.redeemScript, (script) => plainScriptJson(script, network)),
    witness_script: when(input.witnessScript, (script) => plainScriptJson(script, network)),
    bip32_derivs: filled(input.bip32Derivation?.map(([pubkey, from]) => derivationJson(pubkey, from))),
    final_scriptSig: when(input.finalScriptSig, (script) => {
      const { asm, hex } = scriptJson(script, network);
      return { asm, hex };
    }),
    final_scriptwitness: when(input.finalScriptWitness, (items) => items.map((item) => toHex(item))),
    ripemd160_preimages: when(filled(input.ripemd160), pairsJson),
    sha256_preimages: when(filled(input.sha256), pairsJson),
    hash160_preimages: when(filled(input.hash160), pairsJson),
    hash256_preimages: when(filled(input.hash256), pairsJson),
    ...taprootJson(input),
    unknown: when(filled(input.unknown), unknownJson),
  };
}

function outputJson(output: PsbtOutput, network: BitcoinNetwork): RpcObject {
  return {
    redeem_script: when(output.redeemScript, (script) => plainScriptJson(script, network)),
    witness_script: when(output.witnessScript, (script) => plainScriptJson(script, network)),
    bip32_derivs: filled(output.bip32Derivation?.map(([pubkey, from]) => derivationJson(pubkey, from))),
    taproot_internal_key: when(output.tapInternalKey, toHex),
    taproot_tree: filled(
      output.tapTree?.map(({ depth, version, script }) => ({ depth, leaf_ver: version, script: toHex(script) })),
    ),
    taproot_bip32_derivs: taprootDerivations(output.tapBip32Derivation),
    unknown: when(filled(output.unknown), unknownJson),
  };
}

/** What the inputs have more than the outputs; undefined where the PSBT does not say what they have. */
function feeOf({ inputs }: Psbt, transaction: Transaction): bigint | undefined {
  let fee = 0n;
  for (const [i, input] of inputs.entries()) {
    const spent = spentOf(input, transaction.inputs[i]!.prevout.vout);
    if (spent === undefined) return undefined;
    fee += spent.amount;
  }
  return transaction.outputs.reduce((left, { value }) => left - value, fee);
}

/** A PSBT taken apart, as `decodepsbt` shows it. @throws JsonRpcError −22 */
export function psbtJson(text: string, network: BitcoinNetwork): RpcJson {
  const { psbt, transaction } = decoded(text);
  const { global: { xpub = [], unknown = [], version = 0 }, inputs, outputs } = psbt;
  return {
    tx: transactionJson(transaction, network, { hex: false }),
    global_xpubs: xpub.map((
      [{ chainCode, publicKey, depth, childNumber, parentFingerprint, version: versionBytes }, from],
    ) => ({
      xpub: new HDKey({
        ...{ versions: { public: versionBytes, private: 0 }, depth, parentFingerprint, index: childNumber },
        ...{ chainCode, publicKey },
      }).publicExtendedKey,
      master_fingerprint: fingerprintText(from.fingerprint),
      path: pathText(from.path),
    })),
    psbt_version: version,
    proprietary: [],
    unknown: unknownJson(unknown),
    inputs: inputs.map((input) => inputJson(input, network)),
    outputs: outputs.map((output) => outputJson(output, network)),
    fee: when(feeOf(psbt, transaction), amountJson),
  };
}

/** A PSBT of a transaction without signatures, as base64. */
export function psbtOf(transaction: Transaction): string {
  return base64.encode(RawPSBTV0.encode({
    global: { unsignedTx: RawOldTx.decode(transaction.stripped) },
    inputs: transaction.inputs.map(() => ({})),
    outputs: transaction.outputs.map(() => ({})),
  }));
}

/** What several PSBTs of one transaction have, in one. @throws JsonRpcError −22, −8 */
export function combinedPsbt(texts: readonly string[]): string {
  if (texts.length === 0) throw invalidParameter("Parameter 'txs' cannot be empty");
  const all = texts.map((text) => ({ text, transaction: decoded(text).transaction }));
  const [first] = all;
  if (all.some(({ transaction: { txid } }) => toHex(txid) !== toHex(first!.transaction.txid))) {
    throw invalidParameter("PSBTs not compatible (different transactions)");
  }
  return base64.encode(PSBTCombine(all.map(({ text }) => base64.decode(text))));
}
