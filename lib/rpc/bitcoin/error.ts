/**
 * Failures of a call: a number that clients switch on, and a sentence.
 *
 * @see Bitcoin Core `rpc/protocol.h`
 * @module
 */

/** Core's error codes, as far as this node uses them. */
export const RpcCode = {
  /** What was sent is no request object. HTTP 400. */
  invalidRequest: -32600,
  /** HTTP 404. */
  methodNotFound: -32601,
  invalidParams: -32602,
  /** Something inside the node failed. */
  internal: -32603,
  /** Not JSON. */
  parse: -32700,
  /** Thrown while the call was handled; also how a wrong number of arguments is answered, with the help. */
  misc: -1,
  /** An argument of another JSON type. */
  type: -3,
  /** No such block, transaction or address. */
  invalidAddressOrKey: -5,
  invalidParameter: -8,
  /** The chain could not be changed or read as it was asked for. */
  database: -20,
  /** No peers (mining). */
  notConnected: -9,
  /** The initial download runs (mining). */
  initialDownload: -10,
  deserialization: -22,
  nodeAlreadyAdded: -23,
  nodeNotAdded: -24,
  verify: -25,
  inWarmup: -28,
  nodeNotConnected: -29,
  invalidIpOrSubnet: -30,
  mempoolDisabled: -33,
  /** A transaction is refused. */
  rejected: -26,
  alreadyInChain: -27,
  /** There are as many connections of a kind as may be. */
  nodeCapacityReached: -34,
} as const;

/** A code of {@link RpcCode}. */
export type RpcCode = typeof RpcCode[keyof typeof RpcCode];

/** A call that failed. */
export class JsonRpcError extends Error {
  override readonly name = "JsonRpcError";
  readonly code: RpcCode;
  /** More than Core says, beside its words (JSON-RPC 2.0, `data`). */
  readonly data: string | undefined;

  constructor(code: RpcCode, message: string, data?: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** Shorthands of the two that are thrown most. */
export const invalidParameter = (message: string) => new JsonRpcError(RpcCode.invalidParameter, message);
/** No such block, transaction or address. */
export const notFound = (message: string) => new JsonRpcError(RpcCode.invalidAddressOrKey, message);
