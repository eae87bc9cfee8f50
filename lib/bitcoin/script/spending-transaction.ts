/**
 * A transaction whose inputs are verified: where its parts are, what it spends, and the hashes that its inputs share.
 *
 * Nothing is made before it is asked for. All is hashed from the transaction's own bytes.
 *
 * @see BIP143, BIP341; Bitcoin Core `script/interpreter.cpp` (PrecomputedTransactionData)
 * @module
 */
import { sha256, type Sha256Stream, sha256Stream } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { writeCompactSize } from "../codec/mod.ts";
import type { Transaction } from "../types/transaction.ts";
import type { TxOutput } from "../types/transaction-parts.ts";
import { ELEMENT_BYTES_MAX, STACK_MAX } from "./limits.ts";
import { FALSE } from "./numbers.ts";

/** txid 32 ‖ index 4. */
export const OUTPOINT_BYTES = 36;
/** An input with an empty script. */
export const BLANK_INPUT_BYTES = OUTPOINT_BYTES + 5;
/** An output of value −1 with an empty script. */
export const NO_OUTPUT_BYTES = 9;
/**
 * More elements than any script begins with that succeeds: 1,000 after the first opcode, which takes 43 at most, and the
 * witness's script, control block and annex.
 */
const VIEWS_MAX = STACK_MAX + 50;
const TOO_LONG = new Uint8Array(ELEMENT_BYTES_MAX + 1);
const NO_WITNESS: readonly Uint8Array[] = Object.freeze([]);

/** The beginning of {@link SpendingTransaction.blanked}, hashed up to a place. */
interface Begun {
  readonly stream: Sha256Stream;
  readonly end: number;
}

/** What was computed so far. */
interface Kept {
  prevouts?: Bytes32;
  sequences?: Bytes32;
  outputs?: Bytes32;
  amounts?: Bytes32;
  spentScripts?: Bytes32;
  prevouts2?: Bytes32;
  sequences2?: Bytes32;
  outputs2?: Bytes32;
  blanked?: Uint8Array;
  blankedWithoutSequences?: Uint8Array;
  begun?: Begun;
  begunWithoutSequences?: Begun;
  noOutputs?: Uint8Array;
  /** One output, and its hash. */
  output?: number;
  outputHash?: Bytes32;
}

/** A transaction with the outputs that it spends. */
export class SpendingTransaction {
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly lockTime: number;
  /** What each input spends, in order. */
  readonly spent: readonly TxOutput[];
  /** Where the outpoint of each input is. */
  readonly outpoints: readonly number[];
  /** Where the script of each input starts. */
  readonly scripts: readonly number[];
  /** Where it ends, which is where the sequence number is. */
  readonly sequences: readonly number[];
  /** Where the count of outputs is. */
  readonly outputsAt: number;
  /** Where each output starts, and at last where they end. */
  readonly outputs: readonly number[];
  /** Where the witness of each input starts, and at last where they end; empty when there is none. */
  readonly #witnesses: number[] = [];
  readonly #kept: Kept = {};
  #at: number;

  /**
   * @param transaction one that was decoded, so that its lengths are known to be sound
   * @throws RangeError when there are not as many outputs as inputs
   */
  constructor(transaction: Transaction, spent: readonly TxOutput[]) {
    this.bytes = transaction.raw;
    this.version = transaction.version;
    this.lockTime = transaction.lockTime;
    this.spent = spent;
    this.#at = transaction.hasWitness ? 6 : 4;
    const [outpoints, scripts, sequences, outputs] = [[], [], [], []] as [number[], number[], number[], number[]];
    for (let left = this.#size(); left > 0; left--) {
      outpoints.push(this.#at);
      this.#at += OUTPOINT_BYTES;
      const length = this.#size();
      scripts.push(this.#at);
      sequences.push(this.#at += length);
      this.#at += 4;
    }
    if (outpoints.length !== spent.length) {
      throw new RangeError(`${spent.length} outputs for ${outpoints.length} inputs`);
    }
    this.outputsAt = this.#at;
    for (let left = this.#size(); left > 0; left--) {
      outputs.push(this.#at);
      this.#at += 8;
      const length = this.#size();
      this.#at += length;
    }
    outputs.push(this.#at);
    [this.outpoints, this.scripts, this.sequences, this.outputs] = [outpoints, scripts, sequences, outputs];
    if (transaction.hasWitness) this.#findWitnesses();
  }

  #findWitnesses(): void {
    for (let i = 0; i < this.inputCount; i++) {
      this.#witnesses.push(this.#at);
      for (let left = this.#size(); left > 0; left--) {
        const length = this.#size();
        this.#at += length;
      }
    }
    this.#witnesses.push(this.#at);
  }

  /** A count or length; none is above 2^32, which decoding has checked. */
  #size(): number {
    const { bytes } = this;
    const first = bytes[this.#at++]!;
    if (first < 0xfd) return first;
    const at = this.#at;
    this.#at += first === 0xfd ? 2 : 4;
    return first === 0xfd ? bytes[at]! | (bytes[at + 1]! << 8) : this.#u32(at);
  }

  #u32(at: number): number {
    const { bytes } = this;
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  get inputCount(): number {
    return this.outpoints.length;
  }

  get outputCount(): number {
    return this.outputs.length - 1;
  }

  scriptSig(input: number): Uint8Array {
    const [start, end] = [this.scripts[input]!, this.sequences[input]!];
    return start === end ? FALSE : this.bytes.subarray(start, end);
  }

  sequence(input: number): number {
    return this.#u32(this.sequences[input]!);
  }

  /** Whether an input has a witness with an element. */
  hasWitness(input: number): boolean {
    return this.#witnesses.length > 0 && this.bytes[this.#witnesses[input]!] !== 0;
  }

  /**
   * The elements of an input's witness, as views; of a witness that is too long for any script, the {@link VIEWS_MAX} last
   * ones. In the place of the others stands an empty element, or one that is too long where they are: a witness of a block's
   * weight has four million elements, and as many views were half a gigabyte. What is in them nobody can tell: a stack that
   * is so deep is too deep after any opcode.
   */
  witness(input: number): readonly Uint8Array[] {
    if (!this.hasWitness(input)) return NO_WITNESS;
    this.#at = this.#witnesses[input]!;
    const count = this.#size();
    const items: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const length = this.#size();
      const start = this.#at;
      this.#at += length;
      if (count - i > VIEWS_MAX) items.push(length > ELEMENT_BYTES_MAX ? TOO_LONG : FALSE);
      else items.push(this.bytes.subarray(start, this.#at));
    }
    return items;
  }

  /** Bytes of an input's witness as it is serialised, count and lengths included. */
  witnessBytes(input: number): number {
    return this.#witnesses.length === 0 ? 1 : this.#witnesses[input + 1]! - this.#witnesses[input]!;
  }

  /** SHA-256 of all outpoints. */
  prevoutsHash(): Bytes32 {
    return this.#kept.prevouts ??= sha256(this.#joined(this.outpoints, OUTPOINT_BYTES));
  }

  /** SHA-256 of all sequence numbers. */
  sequencesHash(): Bytes32 {
    return this.#kept.sequences ??= sha256(this.#joined(this.sequences, 4));
  }

  /** SHA-256 of all outputs. */
  outputsHash(): Bytes32 {
    return this.#kept.outputs ??= sha256(this.bytes.subarray(this.outputs[0], this.outputs.at(-1)));
  }

  /** SHA-256 of the values of all outputs that are spent. */
  amountsHash(): Bytes32 {
    if (this.#kept.amounts === undefined) {
      const writer = new Writer(8 * this.spent.length);
      for (const { value } of this.spent) writer.u64Le(value);
      this.#kept.amounts = sha256(writer.finish());
    }
    return this.#kept.amounts;
  }

  /** SHA-256 of their scripts, each with its length. */
  spentScriptsHash(): Bytes32 {
    if (this.#kept.spentScripts === undefined) {
      const writer = new Writer(40 * this.spent.length);
      for (const { scriptPubKey } of this.spent) {
        writeCompactSize(writer, scriptPubKey.length);
        writer.raw(scriptPubKey);
      }
      this.#kept.spentScripts = sha256(writer.finish());
    }
    return this.#kept.spentScripts;
  }

  /** {@link prevoutsHash} hashed once more, as BIP143 has it. */
  prevoutsHash2(): Bytes32 {
    return this.#kept.prevouts2 ??= sha256(this.prevoutsHash());
  }

  /** {@link sequencesHash} hashed once more. */
  sequencesHash2(): Bytes32 {
    return this.#kept.sequences2 ??= sha256(this.sequencesHash());
  }

  /** {@link outputsHash} hashed once more. */
  outputsHash2(): Bytes32 {
    return this.#kept.outputs2 ??= sha256(this.outputsHash());
  }

  /** SHA-256 of one output. The last one asked for is kept: an input asks for its own, however often it is signed. */
  outputHash(index: number): Bytes32 {
    const kept = this.#kept;
    if (kept.output !== index || kept.outputHash === undefined) {
      kept.output = index;
      kept.outputHash = sha256(this.bytes.subarray(this.outputs[index], this.outputs[index + 1]));
    }
    return kept.outputHash;
  }

  #joined(starts: readonly number[], length: number): Uint8Array {
    const joined = new Uint8Array(starts.length * length);
    let to = 0;
    for (const start of starts) for (let i = start; i < start + length; i++) joined[to++] = this.bytes[i]!;
    return joined;
  }

  /**
   * Version and all inputs with empty scripts: what inputs before segwit sign of each other. The last input's end is the end;
   * input i starts {@link BLANK_INPUT_BYTES} × (count − i) before it.
   */
  blanked(): Uint8Array {
    return this.#kept.blanked ??= this.#blank(true);
  }

  /** The same with sequence numbers of 0. */
  blankedWithoutSequences(): Uint8Array {
    return this.#kept.blankedWithoutSequences ??= this.#blank(false);
  }

  /**
   * A message that begins with the first `end` bytes of {@link blanked}, or of {@link blankedWithoutSequences}. Inputs that ask
   * one after the other have each of these bytes hashed once.
   */
  begun(withSequences: boolean, end: number): Sha256Stream {
    const name = withSequences ? "begun" : "begunWithoutSequences";
    const kept = this.#kept[name];
    const from = kept === undefined || kept.end > end ? { stream: sha256Stream(), end: 0 } : kept;
    const blanked = withSequences ? this.blanked() : this.blankedWithoutSequences();
    if (from.end < end) from.stream.update(blanked.subarray(from.end, end));
    this.#kept[name] = { stream: from.stream, end };
    return from.stream.copy();
  }

  #blank(withSequences: boolean): Uint8Array {
    const writer = new Writer(13 + BLANK_INPUT_BYTES * this.inputCount);
    writer.u32Le(this.version);
    writeCompactSize(writer, this.inputCount);
    for (let input = 0; input < this.inputCount; input++) {
      const at = this.outpoints[input]!;
      writer.raw(this.bytes.subarray(at, at + OUTPOINT_BYTES));
      writer.u8(0);
      writer.u32Le(withSequences ? this.sequence(input) : 0);
    }
    return writer.finish();
  }

  /** As many outputs without value and script as there are outputs; what SIGHASH_SINGLE has before its own. */
  noOutputs(): Uint8Array {
    if (this.#kept.noOutputs === undefined) {
      const none = new Uint8Array(NO_OUTPUT_BYTES * this.outputCount).fill(0xff);
      for (let at = NO_OUTPUT_BYTES - 1; at < none.length; at += NO_OUTPUT_BYTES) none[at] = 0;
      this.#kept.noOutputs = none;
    }
    return this.#kept.noOutputs;
  }
}
