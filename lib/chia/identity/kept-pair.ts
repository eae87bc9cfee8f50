/**
 * A certificate and its key as two files of the certificate folder.
 *
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Random } from "../../core/ports.ts";
import type { IdentityParts } from "./identity.ts";
import {
  type Certificate,
  fromPem,
  importKeys,
  isSignedBy,
  type KeyKind,
  readCertificate,
  type SigningKeys,
  toPem,
} from "./x509.ts";

/** Milliseconds of a day. A certificate begins one day ago, for peers whose clock is behind. */
export const DAY_MS = 86_400_000;

/** 159 random bits, never zero. */
export function randomSerial(random: Random): Uint8Array {
  const serial = random.bytes(20);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}

function namesOf({ folder }: IdentityParts, name: string): { certificate: string; key: string } {
  return { certificate: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
}

/** A kept pair; the key alone when writing was cut short between the two; undefined when there is none. */
export async function loadPair(
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
export async function storePair(
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
export async function privateKeyPem({ privateKey }: SigningKeys): Promise<string> {
  return toPem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey)));
}

/** Throws `IDENTITY_DAMAGED` unless `authority` signed `certificate`. */
export async function requireSigned(
  parts: IdentityParts,
  name: string,
  certificate: Certificate,
  authority: Certificate,
): Promise<void> {
  const named = sameBytes(certificate.issuer, authority.subject);
  if (named && await isSignedBy(certificate, authority)) return;
  throw damaged(namesOf(parts, name).certificate, "is not signed by its authority");
}

/** Throws `IDENTITY_DAMAGED` when a certificate has ended or has not begun. */
export function requireTime(parts: IdentityParts, name: string, certificate: Certificate): void {
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
