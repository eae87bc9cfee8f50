/**
 * Lock times of transactions, and sequence numbers of inputs.
 *
 * @see BIP65, BIP68, BIP112; Bitcoin Core `script/script.h` (LOCKTIME_THRESHOLD), `primitives/transaction.h` (CTxIn)
 * @module
 */

/** Lock times below are heights, others are seconds since 1970. */
export const LOCKTIME_THRESHOLD = 500_000_000;
/** Of an input that lets no lock time hold its transaction back. */
export const SEQUENCE_FINAL = 0xffff_ffff;
/** Sequence numbers from here on are no relative lock times. */
export const SEQUENCE_DISABLED = 0x8000_0000;
/** Relative lock times of this bit are in units of 512 seconds, others in blocks. */
export const SEQUENCE_IS_TIME: number = 1 << 22;
/** The bits of a relative lock time that are its length. */
export const SEQUENCE_LENGTH = 0xffff;
