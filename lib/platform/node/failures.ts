/**
 * Turns what the system calls a failure into a `NodeError`.
 *
 * @module
 */
import { addressText } from "../../core/address-text.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { PeerAddress } from "../../core/ports.ts";

/** The `code` of an error that the runtime threw, or "". */
export function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "";
}

/** X.509 verification results by the names that OpenSSL, BoringSSL and the runtimes give them. */
const CERTIFICATE_CODES = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_CHAIN_TOO_LONG",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
]);

/** What went wrong on a connection to or from `peer`. A `NodeError` passes unchanged. */
export function connectionFailure(thrown: unknown, peer?: PeerAddress): NodeError {
  if (thrown instanceof NodeError) return thrown;
  const code = codeOf(thrown);
  const at = peer === undefined ? "" : `${addressText(peer)}: `;
  const options = { cause: thrown, data: { systemCode: code } };
  if (CERTIFICATE_CODES.has(code)) {
    return new NodeError("certificate_refused", "peer", `${at}certificate refused (${code})`, options);
  }
  if (code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS")) {
    return new NodeError("tls_failed", "network", `${at}TLS failed (${code})`, options);
  }
  switch (code) {
    case "ECONNREFUSED":
      return new NodeError("connection_refused", "network", `${at}connection refused`, options);
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return new NodeError("connection_reset", "network", `${at}connection reset`, options);
    case "ETIMEDOUT":
      return new NodeError("timeout", "network", `${at}timed out`, options);
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return new NodeError("unreachable", "network", `${at}unreachable (${code})`, options);
    case "EMFILE":
    case "ENFILE":
      return new NodeError("TOO_MANY_FILES", "self", `${at}out of file descriptors (${code})`, options);
    default:
      return new NodeError("connection_failed", "network", `${at}${messageOf(thrown)}`, options);
  }
}

/** Why a port could not be opened. */
export function listenFailure(thrown: unknown, address: PeerAddress): NodeError {
  const where = addressText(address);
  const options = { cause: thrown, data: { ...address } };
  switch (codeOf(thrown)) {
    case "EADDRINUSE":
      return new NodeError("PORT_IN_USE", "self", `port ${where} is in use by another program`, options);
    case "EACCES":
    case "EPERM":
      return new NodeError("PORT_FORBIDDEN", "self", `not allowed to open port ${where}`, options);
    case "EADDRNOTAVAIL":
      return new NodeError("ADDRESS_NOT_AVAILABLE", "self", `${where} is not an address of this machine`, options);
    default:
      return new NodeError("LISTEN_FAILED", "self", `cannot open port ${where}: ${messageOf(thrown)}`, options);
  }
}
