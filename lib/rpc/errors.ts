/**
 * Failures of a call in the form that chia-blockchain gives them: HTTP 200, `success: false`, a text and a code.
 *
 * @see chia-blockchain 2.7.5 `chia/rpc/rpc_errors.py`
 * @module
 */
import type { JsonObject } from "../codec/json.ts";
import { messageOf } from "../core/errors.ts";

/** The reference's codes, as far as this node's routes use them. */
export type RpcErrorCode =
  | "API_ERROR"
  | "BLOCK_DOES_NOT_EXIST"
  | "BLOCK_HASH_NOT_FOUND"
  | "BLOCK_HEIGHT_NOT_FOUND"
  | "BLOCK_NOT_FOUND"
  | "HEADER_HASH_NOT_IN_REQUEST"
  | "HEIGHT_NOT_IN_BLOCKCHAIN"
  | "INTERNAL_ERROR"
  | "INVALID_NETWORK_SPACE_REQUEST"
  | "NEW_AND_OLD_MUST_DIFFER"
  | "NEWER_BLOCK_NOT_FOUND"
  | "NO_END_IN_REQUEST"
  | "NO_HEADER_HASH_IN_REQUEST"
  | "NO_HEIGHT_IN_REQUEST"
  | "NO_START_IN_REQUEST"
  | "OLDER_BLOCK_NOT_FOUND"
  | "PEAK_IS_NONE"
  | "UNKNOWN";

/** A call that failed, with the reference's code. `structuredMessage` is the text without the particulars. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: RpcErrorCode;
  readonly structuredMessage: string;
  readonly data: JsonObject;

  constructor(code: RpcErrorCode, message: string, structuredMessage: string = message, data: JsonObject = {}) {
    super(message);
    this.code = code;
    this.structuredMessage = structuredMessage;
    this.data = data;
  }
}

/** The answer that tells of a failure. `traceback` stays empty: there is no Python stack, and clients only print it. */
export function failureBody(thrown: unknown): JsonObject {
  const known = thrown instanceof RpcError ? thrown : new RpcError("UNKNOWN", messageOf(thrown));
  return {
    success: false,
    error: known.message,
    traceback: "",
    structuredError: { code: known.code, message: known.structuredMessage, data: known.data },
  };
}
