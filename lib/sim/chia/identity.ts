/**
 * Who a simulated Chia host is.
 *
 * @module
 */
import type { NodeIdentity } from "../../chia/identity/identity.ts";
import { sha256 } from "../../codec/sha256.ts";

/** A certificate in shape only: simulated connections show it and check nothing. An RSA key would take half a second. */
export function identityOf(host: string): NodeIdentity {
  const der = new TextEncoder().encode(`certificate of ${host}`);
  const certificate = `-----BEGIN CERTIFICATE-----\n${btoa(String.fromCharCode(...der))}\n-----END CERTIFICATE-----`;
  return { certificate, privateKey: "", nodeId: sha256(der) };
}
