/**
 * How much a script may have.
 *
 * @see Bitcoin Core `script/script.h`
 * @module
 */

/** Elements of both stacks together, after any opcode. */
export const STACK_MAX = 1_000;
/** Bytes of an element that is pushed. */
export const ELEMENT_BYTES_MAX = 520;
/** Opcodes above OP_16 of a script before tapscript, executed or not; a multisig counts as one for each of its keys besides. */
export const OPCODES_MAX = 201;
