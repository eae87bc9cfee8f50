/**
 * The signature of a signet's block: a solution of the network's challenge, which is a script, as if a transaction spent it that
 * commits to the block. The solution stands in the output with the commitment to the witnesses.
 *
 * @see BIP325; Bitcoin Core `signet.cpp` (SignetTxs, CheckSignetBlockSolution)
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { readCompactSize } from "../codec/mod.ts";
import { ZERO_HASH } from "../hash.ts";
import { ScriptFlag } from "../script/flags.ts";
import { type Block, isWitnessCommitment } from "../types/block.ts";
import { merkleRoot } from "../types/merkle.ts";
import { Op } from "../types/opcodes.ts";
import { joinScript, plainPush, ScriptReader } from "../types/script.ts";
import { NULL_VOUT, type TxOutput } from "../types/transaction-parts.ts";
import { Transaction } from "../types/transaction.ts";

/** The rules that the solution is held to, at every height. */
export const SIGNET_FLAGS: number = ScriptFlag.P2SH | ScriptFlag.WITNESS | ScriptFlag.DERSIG | ScriptFlag.NULLDUMMY;

/** What a push begins with that has the solution behind it. */
const SOLUTION_HEAD = Uint8Array.of(0xec, 0xc7, 0xda, 0xa2);

/** The transaction that solves the challenge, and what it spends: the block is signed when it may. */
export interface SignetSpend {
  readonly transaction: Transaction;
  readonly spent: readonly [TxOutput];
}

/** A script without the solution in it, and the solution, which is empty where there is none. */
function takeSolution(script: Uint8Array): { readonly left: Uint8Array; readonly solution: Uint8Array } {
  const pieces: (Uint8Array | number)[] = [];
  let solution: Uint8Array | undefined;
  const reader = new ScriptReader(script);
  while (reader.next()) {
    const { data, opcode } = reader;
    if (data.length === 0) {
      pieces.push(opcode);
    } else if (
      solution === undefined && data.length > SOLUTION_HEAD.length && SOLUTION_HEAD.every((byte, i) => data[i] === byte)
    ) {
      solution = data.slice(SOLUTION_HEAD.length);
      pieces.push(plainPush(SOLUTION_HEAD));
    } else pieces.push(plainPush(data));
  }
  return solution === undefined
    ? { left: script, solution: new Uint8Array() }
    : { left: joinScript(...pieces), solution };
}

/** A solution is a script and a witness. @throws CodecError when it is anything else */
function readSolution(
  solution: Uint8Array,
): { readonly scriptSig: Uint8Array; readonly witness: readonly Uint8Array[] } {
  const reader = new Reader(solution);
  const read = () => reader.take(readCompactSize(reader)).slice();
  const scriptSig = read();
  const witness: Uint8Array[] = [];
  for (let left = readCompactSize(reader); left > 0; left--) witness.push(read());
  reader.finish();
  return { scriptSig, witness };
}

/** The spend that a block has to contain the solution of; undefined for a block that cannot have one. */
export function signetSpend(block: Block, challenge: Uint8Array): SignetSpend | undefined {
  const [coinbase, ...others] = block.transactions;
  const at = coinbase?.outputs.findLastIndex(({ scriptPubKey }) => isWitnessCommitment(scriptPubKey)) ?? -1;
  if (coinbase === undefined || at < 0) return undefined;
  const { version, inputs, outputs, lockTime } = coinbase;
  const { left, solution } = takeSolution(outputs[at]!.scriptPubKey);
  const unsigned = Transaction.of({
    version,
    inputs,
    outputs: outputs.with(at, { ...outputs[at]!, scriptPubKey: left }),
    lockTime,
  });
  let solved: ReturnType<typeof readSolution> = { scriptSig: new Uint8Array(), witness: [] };
  try {
    // Where there is none a challenge that needs none may be solved all the same.
    if (solution.length > 0) solved = readSolution(solution);
  } catch (thrown) {
    if (thrown instanceof CodecError) return undefined;
    throw thrown;
  }
  const signed = new Writer(72);
  signed.u32Le(block.header.version >>> 0);
  signed.raw(block.header.prevBlockHash);
  signed.raw(merkleRoot([unsigned.txid, ...others.map(({ txid }) => txid)]).root);
  signed.u32Le(block.header.time);
  const spent: TxOutput = { value: 0n, scriptPubKey: challenge };
  const made = Transaction.of({
    version: 0,
    inputs: [{
      prevout: { txid: ZERO_HASH, vout: NULL_VOUT },
      scriptSig: joinScript(Op.OP_0, plainPush(signed.finish())),
      sequence: 0,
      witness: [],
    }],
    outputs: [spent],
    lockTime: 0,
  });
  const transaction = Transaction.of({
    version: 0,
    inputs: [{ prevout: { txid: made.txid, vout: 0 }, ...solved, sequence: 0 }],
    outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(Op.OP_RETURN) }],
    lockTime: 0,
  });
  return { transaction, spent: [spent] };
}
