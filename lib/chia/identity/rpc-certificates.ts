/**
 * This installation's own authority, and the certificates of the RPC server and its clients.
 *
 * @module
 */
import type { TlsIdentity } from "../../core/ports.ts";
import type { IdentityParts, RpcIdentity } from "../identity.ts";
import { DAY_MS, loadPair, privateKeyPem, randomSerial, requireSigned, requireTime, storePair } from "./kept-pair.ts";
import { type Certificate, extensions, issueCertificate, makeKeys, nameOf, type SigningKeys, toPem } from "./x509.ts";

const RPC_LIFE_MS = 3_650 * DAY_MS;
/** An RPC certificate is made anew when it would end so soon. */
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** The kept authority and certificates, or new ones, as `loadRpcIdentity` tells. */
export async function keptRpcPairs(parts: IdentityParts): Promise<RpcIdentity> {
  const kept = await loadPair(parts, "ca", "p256");
  const keys = kept?.keys ?? await makeKeys("p256");
  const authority = kept?.certificate ?? await storePair(parts, "ca", keys, await issueAuthority(keys, parts));
  await requireSigned(parts, "ca", authority, authority);
  requireTime(parts, "ca", authority);
  const signer = { keys, authority };
  return {
    authority: toPem("CERTIFICATE", authority.der),
    server: await loadRpcLeaf(parts, "rpc", signer),
    client: await loadRpcLeaf(parts, "client", signer),
  };
}

interface Signer {
  readonly keys: SigningKeys;
  readonly authority: Certificate;
}

async function loadRpcLeaf(parts: IdentityParts, name: "rpc" | "client", signer: Signer): Promise<TlsIdentity> {
  const kept = await loadPair(parts, name, "p256");
  const keys = kept?.keys ?? await makeKeys("p256");
  let certificate = kept?.certificate;
  if (certificate !== undefined) await requireSigned(parts, name, certificate, signer.authority);
  if (certificate === undefined || certificate.notAfter.getTime() < parts.clock.now() + RENEW_BEFORE_MS) {
    certificate = await storePair(parts, name, keys, await issueRpcLeaf(keys, name, parts, signer));
  }
  requireTime(parts, name, certificate);
  return { certificate: toPem("CERTIFICATE", certificate.der), privateKey: await privateKeyPem(keys) };
}

async function issueAuthority(keys: SigningKeys, { clock, random }: IdentityParts): Promise<Uint8Array<ArrayBuffer>> {
  const name = nameOf([["O", "gemel"], ["CN", "gemel RPC CA"]]);
  return await issueCertificate({
    serial: randomSerial(random),
    issuer: name,
    subject: name,
    notBefore: new Date(clock.now() - DAY_MS),
    notAfter: new Date(clock.now() + RPC_LIFE_MS),
    publicInfo: keys.publicInfo,
    extensions: [extensions.authority(), extensions.keyUsage(true), await extensions.subjectKey(keys.publicInfo)],
  }, keys);
}

async function issueRpcLeaf(
  keys: SigningKeys,
  name: "rpc" | "client",
  { clock, random }: IdentityParts,
  signer: Signer,
): Promise<Uint8Array<ArrayBuffer>> {
  const life = Math.min(clock.now() + RPC_LIFE_MS, signer.authority.notAfter.getTime());
  // Chia's own RPC clients ask for chia.net, curl for the address in its URL.
  const server = [
    { dns: "chia.net" },
    { dns: "localhost" },
    { ip: "127.0.0.1" },
    { ip: "::1" },
  ];
  return await issueCertificate({
    serial: randomSerial(random),
    issuer: signer.authority.subject,
    subject: nameOf([["O", "gemel"], ["CN", name === "rpc" ? "gemel RPC" : "gemel RPC client"]]),
    notBefore: new Date(clock.now() - DAY_MS),
    notAfter: new Date(life),
    publicInfo: keys.publicInfo,
    extensions: [
      extensions.leaf(),
      extensions.keyUsage(false),
      extensions.purpose(name === "rpc" ? "server" : "client"),
      extensions.alternativeNames(name === "rpc" ? server : [{ dns: "chia.net" }]),
      await extensions.subjectKey(keys.publicInfo),
      await extensions.authorityKey(signer.authority.publicInfo),
    ],
  }, signer.keys);
}
