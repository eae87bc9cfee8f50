/** Scripts at random: any opcode, numbers and elements at the edges, and changes to what somebody else has made. */
import { ScriptFlag } from "../../lib/bitcoin/script/mod.ts";
import { Op } from "../../lib/bitcoin/types/mod.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";
import { fillFlags, push, pushNumber } from "./script-text.ts";

/** The bytes one after the other. */
export function join(...parts: readonly (Uint8Array | number)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => typeof part === "number" ? [part] : [...part]));
}

/** Elements at the edges of what opcodes take. */
const EDGES: readonly (readonly number[])[] = [
  [],
  [0],
  [0x80],
  [1],
  [2],
  [0x81],
  [0, 0],
  [0, 0x80],
  [1, 0],
  [0x7f],
  [0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0x80, 0],
  [0xff, 0xff, 0xff, 0xff, 0],
  [0xff, 0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0, 0, 1],
  [0, 0x65, 0xcd, 0x1d],
  [0xff, 0x64, 0xcd, 0x1d],
  [0, 0, 0x40],
];

/** Opcodes with how many elements they take and leave: a script whose every opcode finds too few gets nowhere. */
const KNOWN: readonly (readonly [opcode: number, takes: number, leaves: number])[] = [
  [Op.OP_NOP, 0, 0],
  [Op.OP_VERIFY, 1, 0],
  [Op.OP_TOALTSTACK, 1, 0],
  [Op.OP_FROMALTSTACK, 0, 1],
  [Op.OP_2DROP, 2, 0],
  [Op.OP_2DUP, 2, 4],
  [Op.OP_3DUP, 3, 6],
  [Op.OP_2OVER, 4, 6],
  [Op.OP_2ROT, 6, 6],
  [Op.OP_2SWAP, 4, 4],
  [Op.OP_IFDUP, 1, 1],
  [Op.OP_DEPTH, 0, 1],
  [Op.OP_DROP, 1, 0],
  [Op.OP_DUP, 1, 2],
  [Op.OP_NIP, 2, 1],
  [Op.OP_OVER, 2, 3],
  [Op.OP_PICK, 2, 2],
  [Op.OP_ROLL, 2, 1],
  [Op.OP_ROT, 3, 3],
  [Op.OP_SWAP, 2, 2],
  [Op.OP_TUCK, 2, 3],
  [Op.OP_SIZE, 1, 2],
  [Op.OP_EQUAL, 2, 1],
  [Op.OP_EQUALVERIFY, 2, 0],
  ...[Op.OP_1ADD, Op.OP_1SUB, Op.OP_NEGATE, Op.OP_ABS, Op.OP_NOT, Op.OP_0NOTEQUAL].map((code) => [code, 1, 1] as const),
  ...[Op.OP_ADD, Op.OP_SUB, Op.OP_BOOLAND, Op.OP_BOOLOR, Op.OP_NUMEQUAL, Op.OP_NUMNOTEQUAL].map((code) =>
    [code, 2, 1] as const
  ),
  ...[Op.OP_LESSTHAN, Op.OP_GREATERTHAN, Op.OP_LESSTHANOREQUAL, Op.OP_GREATERTHANOREQUAL, Op.OP_MIN, Op.OP_MAX].map((
    code,
  ) => [code, 2, 1] as const),
  [Op.OP_NUMEQUALVERIFY, 2, 0],
  [Op.OP_WITHIN, 3, 1],
  ...[Op.OP_RIPEMD160, Op.OP_SHA1, Op.OP_SHA256, Op.OP_HASH160, Op.OP_HASH256].map((code) => [code, 1, 1] as const),
  [Op.OP_CODESEPARATOR, 0, 0],
  [Op.OP_CHECKSIG, 2, 1],
  [Op.OP_CHECKSIGVERIFY, 2, 0],
  [Op.OP_CHECKMULTISIG, 3, 1],
  [Op.OP_CHECKMULTISIGVERIFY, 3, 0],
  [Op.OP_CHECKSIGADD, 3, 1],
  [Op.OP_CHECKLOCKTIMEVERIFY, 1, 1],
  [Op.OP_CHECKSEQUENCEVERIFY, 1, 1],
  [Op.OP_NOP1, 0, 0],
];

/** An opcode: mostly a known one that finds what it takes among so many elements, seldom any byte. */
function randomOpcode(random: SeededRandom, depth: number): { readonly opcode: number; readonly depth: number } {
  if (random.chance(0.01)) return { opcode: random.below(256), depth };
  const possible = random.chance(0.01) ? KNOWN : KNOWN.filter(([, takes]) => takes <= depth);
  const [opcode, takes, leaves] = random.pick(possible);
  return { opcode, depth: Math.max(0, depth - takes) + leaves };
}

/** An element: at an edge, short or, seldom, about as long as one may be. */
export function randomElement(random: SeededRandom): Uint8Array {
  const kind = random.below(60);
  if (kind < 45) return Uint8Array.from(random.pick(EDGES));
  if (kind < 59) return random.bytes(random.below(random.chance(0.2) ? 80 : 6));
  return random.bytes(random.pick([75, 76, 255, 256, 519, 520, 521]));
}

/** A push of an element, not always by its shortest opcode. */
export function randomPush(random: SeededRandom, element: Uint8Array = randomElement(random)): Uint8Array {
  const { length } = element;
  const kind = random.below(24);
  if (kind === 0 && length <= 0xff) return join(Op.OP_PUSHDATA1, length, element);
  if (kind === 1) return join(Op.OP_PUSHDATA2, length & 0xff, length >> 8, element);
  if (kind === 2) return join(Op.OP_PUSHDATA4, length & 0xff, length >> 8, 0, 0, element);
  return kind < 14 && length <= 1 ? pushNumber(BigInt(random.below(19) - 1)) : push(element);
}

/** A script of up to `opcodesMax` opcodes, for a stack of so many elements. */
export function randomScript(
  random: SeededRandom,
  opcodesMax: number,
  elements: readonly Uint8Array[] = [],
  depth = 0,
): Uint8Array {
  const parts: (Uint8Array | number)[] = [];
  let [open, height] = [0, depth];
  for (let left = random.below(opcodesMax + 1); left > 0; left--) {
    const kind = random.below(100);
    if (kind < 30 || (kind < 50 && height < 2)) {
      parts.push(kind < 5 && elements.length > 0 ? push(random.pick(elements)) : randomPush(random));
      height++;
    } else if (kind < 56 && height > 0) {
      parts.push(random.pick([Op.OP_IF, Op.OP_NOTIF]));
      open++;
      height--;
    } else if (kind < 62 && open > 0) parts.push(Op.OP_ELSE);
    else if (kind < 70 && open > 0) {
      parts.push(Op.OP_ENDIF);
      open--;
    } else {
      const { opcode, depth: next } = randomOpcode(random, height);
      parts.push(opcode);
      height = next;
    }
  }
  while (open-- > 0 && random.chance(0.95)) parts.push(Op.OP_ENDIF);
  return join(...parts);
}

/** The bytes with a change: a bit, a byte more, a byte less, a part twice or not at all. */
export function mutated(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const at = random.below(length + 1);
  const until = Math.min(length, at + 1 + random.below(6));
  switch (random.below(7)) {
    case 0:
      return join(bytes.subarray(0, at), random.below(256), bytes.subarray(at));
    case 1:
      return join(bytes.subarray(0, at), bytes.subarray(until));
    case 2:
      return join(bytes.subarray(0, until), bytes.subarray(at));
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return join(bytes.subarray(0, at), random.pick(KNOWN)[0], bytes.subarray(at + 1));
    default: {
      const changed = bytes.slice();
      if (length > 0) changed[at % length]! ^= 1 << random.below(8);
      return changed;
    }
  }
}

const FLAGS: readonly number[] = Object.values(ScriptFlag);
const CONSENSUS = ScriptFlag.P2SH | ScriptFlag.DERSIG | ScriptFlag.NULLDUMMY | ScriptFlag.CHECKLOCKTIMEVERIFY |
  ScriptFlag.CHECKSEQUENCEVERIFY | ScriptFlag.WITNESS | ScriptFlag.TAPROOT;

/** Flags: those of consensus today, none, all, some; always such that can be. */
export function randomFlags(random: SeededRandom): number {
  const kind = random.below(10);
  if (kind < 4) return CONSENSUS;
  if (kind === 4) return fillFlags(FLAGS.reduce((all, flag) => all | flag, 0));
  if (kind === 5) return fillFlags(CONSENSUS & ~random.pick(FLAGS));
  const share = random.pick([0.1, 0.3, 0.5, 0.9]);
  const base = kind < 9 ? CONSENSUS : 0;
  return fillFlags(FLAGS.reduce((some, flag) => random.chance(share) ? some | flag : some, base));
}
