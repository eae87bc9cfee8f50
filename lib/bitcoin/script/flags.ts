/**
 * Which rules scripts are held to. Consensus knows some of them, by height; the others are rules of relay.
 *
 * @see Bitcoin Core `script/interpreter.h` (script_verify_flag_name)
 * @module
 */

/** The rules by Core's names without `SCRIPT_VERIFY_`, each with Core's bit. */
export const ScriptFlag = {
  /** BIP16. */
  P2SH: 1 << 0,
  /** Signatures and keys in the forms that are defined. */
  STRICTENC: 1 << 1,
  /** BIP66. */
  DERSIG: 1 << 2,
  /** BIP146: s is at most half the order. */
  LOW_S: 1 << 3,
  /** BIP147. */
  NULLDUMMY: 1 << 4,
  SIGPUSHONLY: 1 << 5,
  MINIMALDATA: 1 << 6,
  DISCOURAGE_UPGRADABLE_NOPS: 1 << 7,
  /** Needs P2SH and WITNESS. */
  CLEANSTACK: 1 << 8,
  /** BIP65. */
  CHECKLOCKTIMEVERIFY: 1 << 9,
  /** BIP112. */
  CHECKSEQUENCEVERIFY: 1 << 10,
  /** BIP141, BIP143. Needs P2SH. */
  WITNESS: 1 << 11,
  DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM: 1 << 12,
  /** In witness scripts of version 0; tapscript has it as a rule of consensus. */
  MINIMALIF: 1 << 13,
  /** BIP146: a signature that is not good is empty. */
  NULLFAIL: 1 << 14,
  WITNESS_PUBKEYTYPE: 1 << 15,
  CONST_SCRIPTCODE: 1 << 16,
  /** BIP341, BIP342. */
  TAPROOT: 1 << 17,
  DISCOURAGE_UPGRADABLE_TAPROOT_VERSION: 1 << 18,
  DISCOURAGE_OP_SUCCESS: 1 << 19,
  DISCOURAGE_UPGRADABLE_PUBKEYTYPE: 1 << 20,
} as const;

/** The name of a rule. */
export type ScriptFlagName = keyof typeof ScriptFlag;

/** No rule that was added since the first release. */
export const NO_FLAGS = 0;
/** Every rule there is. */
export const ALL_FLAGS: number = Object.values(ScriptFlag).reduce((all, flag) => all | flag, NO_FLAGS);

/** What the scripts of transactions are held to that wait for a block (Core's STANDARD_SCRIPT_VERIFY_FLAGS). */
export const STANDARD_FLAGS: number = ALL_FLAGS & ~ScriptFlag.SIGPUSHONLY;

/**
 * Throws a RangeError for rules that cannot be without others: one could be introduced without the other then, which would
 * make what was valid invalid and valid again. Core asserts the same.
 */
export function checkFlags(flags: number): void {
  const has = (flag: number) => (flags & flag) !== 0;
  if ((flags & ~ALL_FLAGS) !== 0) throw new RangeError(`unknown script flags: ${flags}`);
  if (has(ScriptFlag.WITNESS) && !has(ScriptFlag.P2SH)) throw new RangeError("the flag WITNESS needs P2SH");
  if (has(ScriptFlag.CLEANSTACK) && !has(ScriptFlag.WITNESS)) {
    throw new RangeError("the flag CLEANSTACK needs P2SH and WITNESS");
  }
}
