/**
 * Who this node is: the certificate that it shows to Chia peers, and the authority and certificates of its own RPC.
 *
 * Files of the certificate folder, `ssl` in a data folder; keys with mode 0600 in a folder of mode 0700:
 *
 * - `ssl/node.crt`, `ssl/node.key`: RSA 2048, signed by Chia's public authority, fields as `chia init` makes them. The
 *   node id follows from this certificate, so it is made once and kept.
 * - `ssl/ca.crt`, `ssl/ca.key`, `ssl/rpc.*`, `ssl/client.*`: this installation's own authority and what it signed for the
 *   RPC server and its clients. The reference uses RSA 2048 here as well; ours are ECDSA P-256, which curl, OpenSSL and
 *   every TLS 1.3 library accept and which takes one millisecond to make where RSA takes hundreds: a first start must
 *   not wait for it.
 *
 * @module
 */
import { messageOf, NodeError } from "../core/errors.ts";
import type { Clock, Random, TlsIdentity } from "../core/ports.ts";
import { PUBLIC_CA_CERTIFICATE, PUBLIC_CA_CERTIFICATE_OLD, PUBLIC_CA_KEY } from "./identity/public-ca.ts";
import {
  type Certificate,
  extensions,
  fromPem,
  importKeys,
  isSignedBy,
  issueCertificate,
  type KeyKind,
  makeKeys,
  nameOf,
  readCertificate,
  type SigningKeys,
  toPem,
} from "./identity/x509.ts";

/** The files that an identity is kept in; the platform has these functions under these names. */
export interface IdentityFiles {
  readFile(path: string): Promise<Uint8Array | undefined>;
  writeFileAtomic(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  makeDir(path: string, mode: number): Promise<void>;
}

/** What {@link loadNodeIdentity} and {@link loadRpcIdentity} need. */
export interface IdentityParts {
  /** The folder of certificates and keys; made when it is missing. */
  readonly folder: string;
  readonly files: IdentityFiles;
  readonly clock: Clock;
  readonly random: Random;
}

/** A node's certificate and key, and what follows from them. */
export interface NodeIdentity extends TlsIdentity {
  /** SHA-256 of the certificate's DER. */
  readonly nodeId: Uint8Array;
}

/** What RPC is served with. */
export interface RpcIdentity {
  /** PEM of the authority that signed both. */
  readonly authority: string;
  readonly server: TlsIdentity;
  readonly client: TlsIdentity;
}

/** PEM certificates of which one must have signed a Chia peer's. */
export const publicAuthorities: readonly string[] = [PUBLIC_CA_CERTIFICATE, PUBLIC_CA_CERTIFICATE_OLD];

const DAY_MS = 86_400_000;
const RPC_LIFE_MS = 3_650 * DAY_MS;
/** An RPC certificate is made anew when it would end so soon. */
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** `chia/ssl/create_ssl.py` of 2.7.5 gives every certificate this end. */
const NODE_NOT_AFTER = new Date("2100-08-02T00:00:00Z");
const UNIT = ["OU", "Organic Farming Division"] as const;

/** The id of the peer that showed this certificate: SHA-256 of its DER, 32 bytes. */
export async function nodeId(der: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(der)));
}

/**
 * The certificate for Chia's network: the kept one, or a new one. The first time takes the making of an RSA key.
 *
 * @throws NodeError `IDENTITY_DAMAGED`, fault `self`, when the files are there but not in order: a new identity in
 * their place would be a surprise.
 */
export async function loadNodeIdentity(parts: IdentityParts): Promise<NodeIdentity> {
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
    nodeId: await nodeId(certificate.der),
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

/**
 * The RPC authority and what it signed: the kept ones, or new ones. A server or client certificate that ended, or soon
 * will, is made anew. A few milliseconds.
 *
 * @throws NodeError `IDENTITY_DAMAGED`, fault `self`, when the files are there but not in order.
 */
export async function loadRpcIdentity(parts: IdentityParts): Promise<RpcIdentity> {
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

/** 159 random bits, never zero. */
function randomSerial(random: Random): Uint8Array {
  const serial = random.bytes(20);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}

function namesOf({ folder }: IdentityParts, name: string): { certificate: string; key: string } {
  return { certificate: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
}

/** A kept pair; the key alone when writing was cut short between the two; undefined when there is none. */
async function loadPair(
  parts: IdentityParts,
  name: string,
  kind: KeyKind,
): Promise<{ readonly keys: SigningKeys; readonly certificate?: Certificate } | undefined> {
  const files = namesOf(parts, name);
  const key = await readText(parts, files.key);
  const certificate = await readText(parts, files.certificate);
  if (key === undefined) {
    if (certificate === undefined) return undefined;
    throw damaged(files.key, "is missing beside its certificate");
  }
  let keys: SigningKeys;
  try {
    keys = await importKeys(kind, fromPem("PRIVATE KEY", key));
  } catch (cause) {
    throw damaged(files.key, `is not a ${kind === "rsa" ? "RSA" : "P-256"} private key`, cause);
  }
  if (certificate === undefined) return { keys };
  try {
    const read = readCertificate(fromPem("CERTIFICATE", certificate));
    if (!sameBytes(read.publicInfo, keys.publicInfo)) throw damaged(files.certificate, "is not of the key beside it");
    return { keys, certificate: read };
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw damaged(files.certificate, `is not a certificate (${messageOf(cause)})`, cause);
  }
}

/** Writes the key, then the certificate: a crash between them leaves a key that the next start goes on with. */
async function storePair(
  parts: IdentityParts,
  name: string,
  keys: SigningKeys,
  der: Uint8Array<ArrayBuffer>,
): Promise<Certificate> {
  const files = namesOf(parts, name);
  const encoder = new TextEncoder();
  await parts.files.makeDir(parts.folder, 0o700);
  await parts.files.writeFileAtomic(files.key, encoder.encode(await privateKeyPem(keys)), 0o600);
  await parts.files.writeFileAtomic(files.certificate, encoder.encode(toPem("CERTIFICATE", der)), 0o644);
  return readCertificate(der);
}

/** PKCS#8 in PEM. */
async function privateKeyPem({ privateKey }: SigningKeys): Promise<string> {
  return toPem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey)));
}

async function requireSigned(
  parts: IdentityParts,
  name: string,
  certificate: Certificate,
  authority: Certificate,
): Promise<void> {
  const named = sameBytes(certificate.issuer, authority.subject);
  if (named && await isSignedBy(certificate, authority)) return;
  throw damaged(namesOf(parts, name).certificate, "is not signed by its authority");
}

function requireTime(parts: IdentityParts, name: string, certificate: Certificate): void {
  const now = parts.clock.now();
  const { certificate: file } = namesOf(parts, name);
  if (now > certificate.notAfter.getTime()) throw damaged(file, "has expired");
  if (now < certificate.notBefore.getTime()) throw damaged(file, "is not valid yet (is the clock right?)");
}

async function readText(parts: IdentityParts, file: string): Promise<string | undefined> {
  const bytes = await parts.files.readFile(file);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function damaged(file: string, what: string, cause?: unknown): NodeError {
  return new NodeError("IDENTITY_DAMAGED", "self", `${file} ${what}; move it away to get a new one`, {
    data: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
