/**
 * The usual forms of transactions and of their outputs: what can be told from the transaction alone.
 *
 * @see Bitcoin Core `policy/policy.cpp` (IsStandardTx, GetDustThreshold)
 * @module
 */
import { MAX_BLOCK_WEIGHT } from "../chain/transaction-checks.ts";
import { isPushOnly, isUnspendable, witnessProgram } from "../types/script.ts";
import { scriptTemplate } from "../types/script-template.ts";
import type { TxOutput } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import { feeAt } from "./fee-rate.ts";
import type { MempoolPolicy } from "./policy.ts";

/** The most that a transaction weighs. */
export const STANDARD_WEIGHT_MAX: number = MAX_BLOCK_WEIGHT / 10;
/** Bytes without witness that a transaction has at least: one of 64 could pass for two hashes of a Merkle tree (CVE-2017-12842). */
export const STRIPPED_BYTES_MIN = 65;
/** The version of transactions that keep to BIP431. */
export const TRUC_VERSION = 3;
const VERSIONS_MAX = TRUC_VERSION;
const SCRIPT_SIG_BYTES_MAX = 1_650;
const MULTISIG_KEYS_MAX = 3;
const DUST_OUTPUTS_MAX = 1;
/** Bytes of an input that spends an output, its signature and key included; with a witness they weigh a quarter. */
const [INPUT_BYTES, WITNESS_INPUT_BYTES] = [148, 67];

/** Core's reason for which a transaction is not of a usual form; undefined when it is. */
export function unusualForm(transaction: Transaction, policy: MempoolPolicy): string | undefined {
  const { version, inputs, outputs } = transaction;
  if (version < 1 || version > VERSIONS_MAX) return "version";
  if (transaction.weight > STANDARD_WEIGHT_MAX) return "tx-size";
  for (const { scriptSig } of inputs) {
    if (scriptSig.length > SCRIPT_SIG_BYTES_MAX) return "scriptsig-size";
    if (!isPushOnly(scriptSig)) return "scriptsig-not-pushonly";
  }
  let dataLeft = policy.dataCarrierBytesMax;
  for (const { scriptPubKey } of outputs) {
    const template = scriptTemplate(scriptPubKey);
    if (template.type === "nonstandard") return "scriptpubkey";
    if (template.type === "multisig" && template.publicKeys.length > MULTISIG_KEYS_MAX) return "scriptpubkey";
    if (template.type === "nulldata") {
      dataLeft -= scriptPubKey.length;
      if (dataLeft < 0) return "datacarrier";
    } else if (template.type === "multisig" && !policy.permitsBareMultisig) {
      return "bare-multisig";
    }
  }
  return dustOutputs(transaction, policy.dustRelayFeeRate).length > DUST_OUTPUTS_MAX ? "dust" : undefined;
}

/** The outputs that are dust, by their indices. @param rate satoshi for 1000 virtual bytes */
export function dustOutputs({ outputs }: Transaction, rate: number): readonly number[] {
  const dust: number[] = [];
  for (let i = 0; i < outputs.length; i++) {
    if (Number(outputs[i]!.value) < dustThreshold(outputs[i]!, rate)) dust.push(i);
  }
  return dust;
}

/** An output of less than this is dust, in satoshi. */
export function dustThreshold({ scriptPubKey }: Pick<TxOutput, "scriptPubKey">, rate: number): number {
  if (isUnspendable(scriptPubKey)) return 0;
  const { length } = scriptPubKey;
  const output = 8 + (length < 0xfd ? 1 : 3) + length;
  return feeAt(rate, output + (witnessProgram(scriptPubKey) === undefined ? INPUT_BYTES : WITNESS_INPUT_BYTES));
}
