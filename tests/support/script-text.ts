/**
 * Scripts as the data files of Bitcoin Core write them: numbers, opcodes with or without `OP_`, raw bytes as `0x…`, and pushed
 * text in quotes. And transactions as those files mean them.
 */
import { fromHex } from "../../lib/codec/hex.ts";
import { ScriptFlag, type ScriptFlagName } from "../../lib/bitcoin/script/mod.ts";
import { Op, Transaction, type TxOutput } from "../../lib/bitcoin/types/mod.ts";

const opcodes = new Map<string, number>(
  Object.entries(Op).filter(([, code]) => code >= Op.OP_NOP || code === Op.OP_RESERVED).flatMap(([name, code]) => [
    [name, code] as const,
    [name.slice(3), code] as const,
  ]),
);
// OP_NOP2 and OP_NOP3 are what these two were called.
opcodes.set("NOP2", Op.OP_CHECKLOCKTIMEVERIFY).set("NOP3", Op.OP_CHECKSEQUENCEVERIFY);

/** A push by its length. */
export function push(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length < Op.OP_PUSHDATA1) return Uint8Array.of(length, ...data);
  if (length <= 0xff) return Uint8Array.of(Op.OP_PUSHDATA1, length, ...data);
  return Uint8Array.of(Op.OP_PUSHDATA2, length & 0xff, length >> 8, ...data);
}

/** A number as it is pushed: by its opcode where it has one. */
export function pushNumber(value: bigint): Uint8Array {
  if (value === 0n) return Uint8Array.of(Op.OP_0);
  if (value === -1n || (value >= 1n && value <= 16n)) return Uint8Array.of(Number(value) + Op.OP_1 - 1);
  const bytes: number[] = [];
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
  if (bytes.at(-1)! >= 0x80) bytes.push(0);
  if (value < 0n) bytes[bytes.length - 1]! |= 0x80;
  return push(Uint8Array.from(bytes));
}

/** The script of a text. */
export function parseScript(text: string): Uint8Array {
  const parts = text.split(/[ \t\n]+/).filter((word) => word !== "").map((word) => {
    if (/^-?\d+$/.test(word)) return pushNumber(BigInt(word));
    if (word.startsWith("0x")) return fromHex(word.slice(2));
    if (word.startsWith("'")) return push(new TextEncoder().encode(word.slice(1, -1)));
    const code = opcodes.get(word);
    if (code === undefined) throw new TypeError(`no opcode ${word}`);
    return Uint8Array.of(code);
  });
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The flags of a list with commas; none for an empty one and for `NONE`. */
export function parseFlags(text: string): number {
  return text.split(",").filter((name) => name !== "" && name !== "NONE").reduce((flags, name) => {
    const flag = ScriptFlag[name as ScriptFlagName] as number | undefined;
    if (flag === undefined) throw new TypeError(`no flag ${name}`);
    return flags | flag;
  }, 0);
}

/** These flags with those that they need. */
export function fillFlags(flags: number): number {
  let filled = flags;
  if ((filled & ScriptFlag.CLEANSTACK) !== 0) filled |= ScriptFlag.WITNESS;
  if ((filled & ScriptFlag.WITNESS) !== 0) filled |= ScriptFlag.P2SH;
  return filled;
}

/** These flags without those that need others. */
export function trimFlags(flags: number): number {
  let trimmed = flags;
  if ((trimmed & ScriptFlag.P2SH) === 0) trimmed &= ~ScriptFlag.WITNESS;
  if ((trimmed & ScriptFlag.WITNESS) === 0) trimmed &= ~ScriptFlag.CLEANSTACK;
  return trimmed;
}

/** A spend of one output by one input, as Core's tests of scripts make it. */
export function spendOf(
  scriptPubKey: Uint8Array,
  scriptSig: Uint8Array,
  { witness = [], value = 0n }: { readonly witness?: readonly Uint8Array[]; readonly value?: bigint } = {},
): { readonly transaction: Transaction; readonly spent: TxOutput } {
  const spent = { value, scriptPubKey };
  const final = 0xffff_ffff;
  const credit = Transaction.of({
    version: 1,
    inputs: [{
      prevout: { txid: new Uint8Array(32), vout: final },
      scriptSig: Uint8Array.of(Op.OP_0, Op.OP_0),
      sequence: final,
      witness: [],
    }],
    outputs: [spent],
    lockTime: 0,
  });
  const transaction = Transaction.of({
    version: 1,
    inputs: [{ prevout: { txid: credit.txid, vout: 0 }, scriptSig, sequence: final, witness }],
    outputs: [{ value, scriptPubKey: new Uint8Array(0) }],
    lockTime: 0,
  });
  return { transaction, spent };
}
