/**
 * The check of a peer's certificate, on top of the one that the runtime makes.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import process from "node:process";
import type { TLSSocket } from "node:tls";
import { NodeError } from "../../core/errors.ts";

/** Throws when the environment switches the runtime's certificate checks off, on servers too (Bun issue 35092). */
export function requireTlsChecks(): void {
  if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    throw new NodeError(
      "TLS_CHECKS_DISABLED",
      "self",
      "NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off: unset it",
    );
  }
}

/** Parses PEM authorities once, for {@link presentedCertificate}. */
export function parseAuthorities(pems: readonly string[]): X509Certificate[] {
  return pems.map((pem) => new X509Certificate(pem));
}

/**
 * The DER of the certificate that the other side of an open TLS socket showed.
 *
 * Whether a runtime enforces `requestCert` has changed between versions and between its own classes, so this asks
 * again: there is a certificate, the runtime found it good, it is in its time, and one of `authorities` signed it.
 *
 * @throws NodeError `certificate_refused`, fault `peer`.
 */
export function presentedCertificate(socket: TLSSocket, authorities: readonly X509Certificate[]): Uint8Array {
  const refuse = (why: string): never => {
    throw new NodeError("certificate_refused", "peer", `certificate refused: ${why}`);
  };
  const raw = socket.getPeerCertificate(true)?.raw;
  if (raw === undefined || raw.length === 0) return refuse("none was shown");
  if (!socket.authorized) return refuse(String(socket.authorizationError ?? "not authorized"));
  const certificate = new X509Certificate(raw);
  const now = Date.now();
  if (now < Date.parse(certificate.validFrom)) return refuse("not valid yet");
  if (now > Date.parse(certificate.validTo)) return refuse("expired");
  const signed = authorities.some((one) => certificate.checkIssued(one) && certificate.verify(one.publicKey));
  if (!signed) return refuse("no known authority signed it");
  return new Uint8Array(raw);
}
