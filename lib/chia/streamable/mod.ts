/**
 * Chia's Streamable encoding as combinators: declare a struct once, get its type, bytes, hash and JSON.
 *
 * @module
 */
export type { Codec, Infer } from "./codec.ts";
export { bool, i16, i32, i64, i8, u128, u16, u32, u64, u8 } from "./numbers.ts";
export { bytes, bytes100, bytes32, g1, g2, str } from "./bytes.ts";
export { array, list, option, tuple } from "./collections.ts";
export { Program, programEnd } from "./program.ts";
export {
  type Draft,
  type Fields,
  HashWriter,
  type Layout,
  packedFirst,
  packedSecond,
  snakeCase,
  type Struct,
  struct,
  type ValueOf,
} from "./struct.ts";
