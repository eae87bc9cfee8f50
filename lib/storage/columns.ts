/**
 * Columns of rows, as the types that were put in.
 *
 * @module
 */
import type { SqlRow } from "../core/ports.ts";

/** The bytes of a column. @throws TypeError for a column of another type */
export function bytesOf(value: SqlRow[string] | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError("a column of bytes holds something else");
  return value;
}
