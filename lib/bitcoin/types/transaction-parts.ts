/**
 * What a transaction is made of, and how that is read and written.
 *
 * @see BIP144; Bitcoin Core `primitives/transaction.h`
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { hash, i64, struct, u32, varBytes, vector } from "../codec/mod.ts";

/** Which output an input spends. `txid` in wire order; a coinbase has zeros and {@link NULL_VOUT}. */
export interface OutPoint {
  readonly txid: Bytes32;
  readonly vout: number;
}

/** An input. `witness` is empty where there is none. */
export interface TxInput {
  readonly prevout: OutPoint;
  readonly scriptSig: Uint8Array;
  readonly sequence: number;
  readonly witness: readonly Uint8Array[];
}

/** An output. `value` in satoshi, as signed as on the wire. */
export interface TxOutput {
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
}

/** What a transaction is made of. `version` is unsigned, as in Core since release 28. */
export interface TransactionParts {
  readonly version: number;
  readonly inputs: readonly TxInput[];
  readonly outputs: readonly TxOutput[];
  readonly lockTime: number;
}

/** The index that a coinbase's input has for an outpoint. */
export const NULL_VOUT = 0xffff_ffff;
/** Wire: txid 32 ‖ index u32. */
export const OutPointCodec = struct("outpoint", { txid: hash, vout: u32 });
/** Wire: value i64 ‖ script. */
export const TxOutputCodec = struct("output", { value: i64, scriptPubKey: varBytes() });
/** An input among the inputs, where its witness is not. */
const InputCodec = struct("input", { prevout: OutPointCodec, scriptSig: varBytes(), sequence: u32 });
const InputsCodec = vector(InputCodec);
const OutputsCodec = vector(TxOutputCodec);
const WitnessCodec = vector(varBytes());
const NO_WITNESS: readonly Uint8Array[] = Object.freeze([]);

/** The bytes of these parts; with marker, flag and witnesses when an input has a witness. */
export function encodeParts({ version, inputs, outputs, lockTime }: TransactionParts): Uint8Array {
  const writer = new Writer(64 + 180 * inputs.length + 40 * outputs.length);
  const extended = inputs.some(({ witness }) => witness.length > 0);
  u32.write(writer, version);
  if (extended) {
    writer.u8(0);
    writer.u8(1);
  }
  InputsCodec.write(writer, inputs);
  OutputsCodec.write(writer, outputs);
  if (extended) { for (const { witness } of inputs) WitnessCodec.write(writer, witness); }
  u32.write(writer, lockTime);
  return writer.finish();
}

/**
 * Takes bytes apart that a scanner has walked over already: nothing is checked again, which makes this three times as
 * quick as the codecs above.
 */
class PartsReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  count(): number {
    const first = this.#bytes[this.#at++]!;
    if (first < 0xfd) return first;
    // The scanner lets no count pass that takes nine bytes.
    this.#at += first === 0xfd ? 2 : 4;
    return first === 0xfd ? this.#view.getUint16(this.#at - 2, true) : this.#view.getUint32(this.#at - 4, true);
  }

  bytes(length: number): Uint8Array {
    const from = this.#at;
    this.#at = from + length;
    return this.#bytes.subarray(from, from + length);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  i64(): bigint {
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8, true);
  }
}

/** The inputs whose count is at `at`, with the witnesses that start at `witnessAt`, if the transaction has any. */
export function readInputs(bytes: Uint8Array, at: number, witnessAt: number | undefined): readonly TxInput[] {
  const reader = new PartsReader(bytes, at);
  const witnesses = witnessAt === undefined ? undefined : new PartsReader(bytes, witnessAt);
  const inputs: TxInput[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const prevout = { txid: reader.bytes(32), vout: reader.u32() };
    const scriptSig = reader.bytes(reader.count());
    const sequence = reader.u32();
    inputs.push({ prevout, scriptSig, sequence, witness: witnesses === undefined ? NO_WITNESS : items(witnesses) });
  }
  return inputs;
}

function items(reader: PartsReader): readonly Uint8Array[] {
  const witness: Uint8Array[] = [];
  for (let left = reader.count(); left > 0; left--) witness.push(reader.bytes(reader.count()));
  return witness;
}

/** The outputs whose count is at `at`. */
export function readOutputs(bytes: Uint8Array, at: number): readonly TxOutput[] {
  const reader = new PartsReader(bytes, at);
  const outputs: TxOutput[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const value = reader.i64();
    outputs.push({ value, scriptPubKey: reader.bytes(reader.count()) });
  }
  return outputs;
}
