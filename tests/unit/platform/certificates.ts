/**
 * Certificates for the socket tests, made fresh: an authority, identities it signed, and such that are not in order.
 *
 * @module
 */
import { extensions, fromPem, issueCertificate, makeKeys, nameOf, toPem } from "../../../lib/chia/identity/x509.ts";
import type { TlsIdentity } from "../../../lib/core/ports.ts";

const DAY_MS = 86_400_000;

/** An authority that signs certificates for tests. */
export interface Authority {
  readonly pem: string;
  issue(
    options?: { readonly fromDays?: number; readonly toDays?: number; readonly name?: string },
  ): Promise<TlsIdentity>;
}

/** Makes an authority named `name`. */
export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await makeKeys("p256");
  const issuer = nameOf([["CN", name]]);
  let serial = 0;
  const days = (count: number) => new Date(Date.now() + count * DAY_MS);
  const root = await issueCertificate({
    serial: Uint8Array.of(++serial),
    issuer,
    subject: issuer,
    notBefore: days(-10),
    notAfter: days(10),
    publicInfo: keys.publicInfo,
    extensions: [extensions.authority(), extensions.keyUsage(true)],
  }, keys);
  return {
    pem: toPem("CERTIFICATE", root),
    async issue({ fromDays = -1, toDays = 5, name = "chia.net" } = {}) {
      const own = await makeKeys("p256");
      const leaf = await issueCertificate({
        serial: Uint8Array.of(++serial),
        issuer,
        subject: nameOf([["CN", "Chia"]]),
        notBefore: days(fromDays),
        notAfter: days(toDays),
        publicInfo: own.publicInfo,
        extensions: [extensions.alternativeNames([{ dns: name }])],
      }, keys);
      const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", own.privateKey));
      return { certificate: toPem("CERTIFICATE", leaf), privateKey: toPem("PRIVATE KEY", pkcs8) };
    },
  };
}

/** DER of a PEM certificate. */
export const derOf = (pem: string): Uint8Array => fromPem("CERTIFICATE", pem);
