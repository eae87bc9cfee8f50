/**
 * This installation's own authority, and the certificates of the RPC server and its clients.
 *
 * @module
 */
import type { TlsIdentity } from "../../core/ports.ts";
import { normalSubnet } from "../../core/subnets.ts";
import type { IdentityParts, RpcIdentity } from "./identity.ts";
import { DAY_MS, loadPair, privateKeyPem, randomSerial, requireSigned, requireTime, storePair } from "./kept-pair.ts";
import {
  type AlternativeName,
  type Certificate,
  extensions,
  issueCertificate,
  listsNames,
  makeKeys,
  nameOf,
  type SigningKeys,
  toPem,
} from "./x509.ts";

const RPC_LIFE_MS = 3_650 * DAY_MS;
/** An RPC certificate is made anew when it would end so soon. */
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** The kept authority and certificates, or new ones, as `loadRpcIdentity` tells; `hosts` are names of the server. */
export async function keptRpcPairs(parts: IdentityParts, hosts: readonly string[]): Promise<RpcIdentity> {
  const kept = await loadPair(parts, "ca", "p256");
  const keys = kept?.keys ?? await makeKeys("p256");
  const authority = kept?.certificate ?? await storePair(parts, "ca", keys, await issueAuthority(keys, parts));
  await requireSigned(parts, "ca", authority, authority);
  requireTime(parts, "ca", authority);
  const signer = { keys, authority };
  return {
    authority: toPem("CERTIFICATE", authority.der),
    server: await loadRpcLeaf(parts, "rpc", signer, serverNames(hosts)),
    client: await loadRpcLeaf(parts, "client", signer, [{ dns: "chia.net" }]),
  };
}

interface Signer {
  readonly keys: SigningKeys;
  readonly authority: Certificate;
}

/** Every name by which the server is called: the loopback ones, and those that the settings give it. */
function serverNames(hosts: readonly string[]): readonly AlternativeName[] {
  // Chia's own RPC clients ask for chia.net, curl for the address in its URL.
  const names = new Map<string, AlternativeName>([
    ["chia.net", { dns: "chia.net" }],
    ["localhost", { dns: "localhost" }],
    ["127.0.0.1", { ip: "127.0.0.1" }],
    ["::1", { ip: "::1" }],
  ]);
  for (const host of hosts) {
    const address = normalSubnet(host);
    // An address for everywhere is none that anybody calls.
    if (address === "0.0.0.0" || address === "::") continue;
    if (address !== undefined) names.set(address, { ip: address });
    else {
      const name = host.toLowerCase().replace(/\.$/, "");
      names.set(name, { dns: name });
    }
  }
  return [...names.values()];
}

async function loadRpcLeaf(
  parts: IdentityParts,
  name: "rpc" | "client",
  signer: Signer,
  names: readonly AlternativeName[],
): Promise<TlsIdentity> {
  const kept = await loadPair(parts, name, "p256");
  const keys = kept?.keys ?? await makeKeys("p256");
  let certificate = kept?.certificate;
  if (certificate !== undefined) await requireSigned(parts, name, certificate, signer.authority);
  const isGood = certificate !== undefined && listsNames(certificate, names) &&
    certificate.notAfter.getTime() >= parts.clock.now() + RENEW_BEFORE_MS;
  if (certificate === undefined || !isGood) {
    certificate = await storePair(parts, name, keys, await issueRpcLeaf(keys, name, parts, signer, names));
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
  names: readonly AlternativeName[],
): Promise<Uint8Array<ArrayBuffer>> {
  const life = Math.min(clock.now() + RPC_LIFE_MS, signer.authority.notAfter.getTime());
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
      extensions.alternativeNames(names),
      await extensions.subjectKey(keys.publicInfo),
      await extensions.authorityKey(signer.authority.publicInfo),
    ],
  }, signer.keys);
}
