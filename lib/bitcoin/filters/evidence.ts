/**
 * What a block says about a filter that claims to be its own, without the outputs that it spends.
 *
 * @see BIP157, "Client Operation"; neutrino `verification.go`
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { sha256 } from "../../codec/sha256.ts";
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import { hash160 } from "../hash.ts";
import type { Block } from "../types/block.ts";
import { payToPublicKeyHash, payToScriptHash, payToWitness } from "../types/script-template.ts";
import { isPushOnly, ScriptReader } from "../types/script.ts";
import type { TxInput } from "../types/transaction.ts";
import { filteredOutputs, filterHash } from "./basic.ts";
import { GcsFilter } from "./gcs-filter.ts";

/**
 * What is wrong with a filter.
 *
 * - `absent`: the peer did not deliver it.
 * - `hash`: it is not the one whose hash the peer announced.
 * - `malformed`: it does not decode.
 * - `output_missing`: an output of the block is not in it: proof of a lie, whatever the spent outputs are.
 * - `too_many`: it has more elements than the block has outputs and inputs: proof as well.
 * - `input_missing`: a spent script that its input gives away is not in it. Somebody who makes transactions for the
 *   purpose can have an input look as if it spent another script, so this weighs, but proves nothing.
 */
export type FilterFlaw = "absent" | "hash" | "malformed" | "output_missing" | "too_many" | "input_missing";

/** The flaws that an honest peer's filter cannot have. */
export const PROVEN_FLAWS: ReadonlySet<FilterFlaw> = new Set(["hash", "malformed", "output_missing", "too_many"]);

/** What is known of a block: enough to test every filter that is offered for it. */
export class FilterWitness {
  readonly #blockHash: Uint8Array;
  readonly #outputs: readonly Uint8Array[];
  readonly #spent: readonly Uint8Array[];
  readonly #elementsMax: number;

  /** @param block a block whose Merkle root was checked against a header of the chain */
  constructor(block: Block) {
    this.#blockHash = block.hash;
    const outputs = distinct(filteredOutputs(block));
    this.#outputs = [...outputs.values()];
    const spent = new Map<string, Uint8Array>();
    let inputs = 0;
    for (const transaction of block.transactions) {
      if (transaction.isCoinbase) continue;
      for (const input of transaction.inputs) {
        inputs++;
        const script = spentScriptOf(input);
        if (script !== undefined) spent.set(toHex(script), script);
      }
    }
    this.#spent = [...spent.values()];
    this.#elementsMax = outputs.size + inputs;
  }

  /** The worst that is wrong with a filter, or undefined when nothing is known against it. */
  flawOf(filterBytes: Uint8Array | undefined, announcedHash: Uint8Array): FilterFlaw | undefined {
    if (filterBytes === undefined) return "absent";
    if (!equalBytes(filterHash(filterBytes), announcedHash)) return "hash";
    let filter: GcsFilter;
    try {
      filter = GcsFilter.decode(this.#blockHash, filterBytes);
    } catch (thrown) {
      if (thrown instanceof CodecError) return "malformed";
      throw thrown;
    }
    if (filter.count > this.#elementsMax) return "too_many";
    if (this.#outputs.some((script) => !filter.matches(script))) return "output_missing";
    if (this.#spent.some((script) => !filter.matches(script))) return "input_missing";
    return undefined;
  }
}

function distinct(scripts: Iterable<Uint8Array>): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const script of scripts) found.set(toHex(script), script);
  return found;
}

/**
 * The script that an input most probably spends, where the input gives it away: P2PKH, P2SH, P2WPKH and P2WSH, bare or
 * within P2SH. Undefined for others, among them all of Taproot.
 */
export function spentScriptOf(input: TxInput): Uint8Array | undefined {
  const { scriptSig, witness } = input;
  const last = witness.at(-1);
  if (scriptSig.length === 0) {
    if (last === undefined) return undefined;
    if (isCompressedKey(last) && witness.length === 2) return payToWitness(0, hash160(last));
    // A script under Taproot is followed by its control block, and an annex by nothing: neither can be told from a
    // script in general, but a control block's length and first byte are seldom those of one.
    const control = last.length >= 33 && (last.length - 33) % 32 === 0 && last[0]! >= 0xc0;
    const annex = last[0] === 0x50;
    const keySpend = witness.length === 1;
    return control || annex || keySpend ? undefined : payToWitness(0, sha256(last));
  }
  if (!isPushOnly(scriptSig)) return undefined;
  const pushes = pushesOf(scriptSig);
  const redeem = pushes.at(-1);
  if (redeem === undefined || redeem.length === 0) return undefined;
  if (last !== undefined) return pushes.length === 1 ? payToScriptHash(hash160(redeem)) : undefined;
  if (pushes.length === 2 && isPublicKey(redeem)) return payToPublicKeyHash(hash160(redeem));
  // One push is a signature for a bare key as likely as a script without arguments.
  return pushes.length >= 2 && !isSignature(redeem) ? payToScriptHash(hash160(redeem)) : undefined;
}

function pushesOf(script: Uint8Array): Uint8Array[] {
  const reader = new ScriptReader(script);
  const pushes: Uint8Array[] = [];
  while (reader.next()) pushes.push(reader.data);
  return pushes;
}

function isCompressedKey(bytes: Uint8Array): boolean {
  return bytes.length === 33 && (bytes[0] === 2 || bytes[0] === 3);
}

function isPublicKey(bytes: Uint8Array): boolean {
  return isCompressedKey(bytes) || (bytes.length === 65 && [4, 6, 7].includes(bytes[0]!));
}

/** Whether it looks like a DER signature: bare multisig ends in one. */
function isSignature(bytes: Uint8Array): boolean {
  return bytes.length >= 9 && bytes.length <= 73 && bytes[0] === 0x30 && bytes[1] === bytes.length - 3;
}
