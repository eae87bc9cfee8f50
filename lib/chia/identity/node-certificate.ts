/**
 * The certificate for Chia's network, signed by Chia's public authority.
 *
 * @module
 */
import type { TlsIdentity } from "../../core/ports.ts";
import type { IdentityParts } from "./identity.ts";
import { DAY_MS, loadPair, privateKeyPem, randomSerial, requireSigned, requireTime, storePair } from "./kept-pair.ts";
import { PUBLIC_CA_CERTIFICATE, PUBLIC_CA_KEY } from "./public-ca.ts";
import {
  extensions,
  fromPem,
  importKeys,
  issueCertificate,
  makeKeys,
  nameOf,
  readCertificate,
  type SigningKeys,
  toPem,
} from "./x509.ts";

/** `chia/ssl/create_ssl.py` of 2.7.5 gives every certificate this end. */
const NODE_NOT_AFTER = new Date("2100-08-02T00:00:00Z");
const UNIT = ["OU", "Organic Farming Division"] as const;

/** The kept certificate and key, or new ones, as `loadNodeIdentity` tells; `der` is the certificate. */
export async function keptNodePair(
  parts: IdentityParts,
): Promise<TlsIdentity & { readonly der: Uint8Array<ArrayBuffer> }> {
  const kept = await loadPair(parts, "node", "rsa");
  const authority = readCertificate(fromPem("CERTIFICATE", PUBLIC_CA_CERTIFICATE));
  const keys = kept?.keys ?? await makeKeys("rsa");
  const certificate = kept?.certificate ??
    await storePair(parts, "node", keys, await issueNodeCertificate(keys, parts));
  await requireSigned(parts, "node", certificate, authority);
  requireTime(parts, "node", certificate);
  return {
    certificate: toPem("CERTIFICATE", certificate.der),
    privateKey: await privateKeyPem(keys),
    der: certificate.der,
  };
}

/** Signs a node certificate for `keys` with the public authority; DER. Fields as `generate_ca_signed_cert` sets them. */
export async function issueNodeCertificate(
  keys: SigningKeys,
  { clock, random, serial = randomSerial(random) }: Pick<IdentityParts, "clock" | "random"> & { serial?: Uint8Array },
): Promise<Uint8Array<ArrayBuffer>> {
  const authority = readCertificate(fromPem("CERTIFICATE", PUBLIC_CA_CERTIFICATE));
  return await issueCertificate({
    serial,
    issuer: authority.subject,
    subject: nameOf([["CN", "Chia"], ["O", "Chia"], UNIT]),
    notBefore: new Date(clock.now() - DAY_MS),
    notAfter: NODE_NOT_AFTER,
    publicInfo: keys.publicInfo,
    extensions: [extensions.alternativeNames([{ dns: "chia.net" }])],
  }, await importKeys("rsa", fromPem("PRIVATE KEY", PUBLIC_CA_KEY)));
}
