/**
 * One pass over a transaction's bytes for all that the rules without earlier outputs ask. A block of 2 MB has ten thousand
 * inputs; making objects of them costs more than hashing the block, so the walk makes none.
 *
 * @module
 */
import { Op } from "../types/opcodes.ts";
import type { Transaction } from "../types/transaction.ts";

/** Signature checks that a multisig counts as where its keys are not read. */
const MULTISIG_KEYS_MAX = 20;
const OUTPOINT_BYTES = 36;
/** From so many inputs on, equal ones are looked for in a set. */
const PAIRWISE_INPUTS_MAX = 16;
/** A key for each outpoint: every byte becomes one character of its own. */
const latin1 = new TextDecoder("latin1");

/** What a walk found. Valid until the next one. */
export class TransactionWalk {
  inputCount = 0;
  outputCount = 0;
  /** Bytes of the first input's script. */
  firstScriptBytes = 0;
  /** An input names the outpoint that only a coinbase's names. */
  hasNullPrevout = false;
  /** Signature checks in all scripts in sight, each multisig as twenty (Core's GetLegacySigOpCount). */
  sigOps = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Values of the outputs, in satoshi; exact up to 2^53, and beyond that of the right size. */
  readonly values: number[] = [];
  readonly #outpoints: number[] = [];

  /** Walks over a transaction that was decoded, so that its lengths are known to be sound. */
  over(transaction: Transaction): this {
    const bytes = this.#bytes = transaction.raw;
    this.sigOps = 0;
    this.hasNullPrevout = false;
    this.values.length = this.#outpoints.length = 0;
    this.#at = transaction.hasWitness ? 6 : 4;
    this.inputCount = this.#size();
    for (let i = 0; i < this.inputCount; i++) {
      this.#outpoints.push(this.#at);
      if (this.#isNull(this.#at)) this.hasNullPrevout = true;
      this.#at += OUTPOINT_BYTES;
      const length = this.#size();
      if (i === 0) this.firstScriptBytes = length;
      this.#countSigOps(length);
      this.#at += 4;
    }
    this.outputCount = this.#size();
    for (let i = 0; i < this.outputCount; i++) {
      const at = this.#at;
      const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
      this.values.push(high * 2 ** 32 + u32(bytes, at));
      this.#at += 8;
      this.#countSigOps(this.#size());
    }
    return this;
  }

  #size(): number {
    const bytes = this.#bytes;
    const first = bytes[this.#at++]!;
    if (first < 0xfd) return first;
    const at = this.#at;
    if (first === 0xfd) {
      this.#at += 2;
      return bytes[at]! | (bytes[at + 1]! << 8);
    }
    this.#at += 4; // a length above 2^32 was refused when the transaction was decoded
    return u32(bytes, at);
  }

  #isNull(at: number): boolean {
    const bytes = this.#bytes;
    if (u32(bytes, at + 32) !== 0xffff_ffff) return false;
    for (let i = at; i < at + 32; i++) if (bytes[i] !== 0) return false;
    return true;
  }

  /** Moves over a script. Counting ends at a malformed push; what was counted stands. */
  #countSigOps(length: number): void {
    const bytes = this.#bytes;
    const end = this.#at + length;
    let at = this.#at;
    this.#at = end;
    while (at < end) {
      const opcode = bytes[at++]!;
      if (opcode < Op.OP_PUSHDATA1) {
        at += opcode;
      } else if (opcode <= Op.OP_PUSHDATA4) {
        const width = opcode === Op.OP_PUSHDATA1 ? 1 : opcode === Op.OP_PUSHDATA2 ? 2 : 4;
        // A length that is cut off leads past the end as well, whatever is read for it.
        let pushed = 0;
        for (let i = 0; i < width; i++) pushed += bytes[at + i]! * 2 ** (8 * i);
        at += width + pushed;
      } else if (opcode === Op.OP_CHECKSIG || opcode === Op.OP_CHECKSIGVERIFY) {
        this.sigOps++;
      } else if (opcode === Op.OP_CHECKMULTISIG || opcode === Op.OP_CHECKMULTISIGVERIFY) {
        this.sigOps += MULTISIG_KEYS_MAX;
      }
    }
  }

  /** Whether two inputs name the same outpoint. */
  spendsTwice(): boolean {
    const outpoints = this.#outpoints;
    const bytes = this.#bytes;
    if (outpoints.length > PAIRWISE_INPUTS_MAX) {
      const keys = new Set(outpoints.map((at) => latin1.decode(bytes.subarray(at, at + OUTPOINT_BYTES))));
      return keys.size < outpoints.length;
    }
    for (let i = 1; i < outpoints.length; i++) {
      for (let k = 0; k < i; k++) if (this.#sameOutpoint(outpoints[i]!, outpoints[k]!)) return true;
    }
    return false;
  }

  #sameOutpoint(a: number, b: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < OUTPOINT_BYTES; i++) if (bytes[a + i] !== bytes[b + i]) return false;
    return true;
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
