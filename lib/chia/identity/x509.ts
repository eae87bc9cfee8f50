/**
 * Makes and reads X.509 certificates: RSA and P-256, SHA-256, the few extensions that ours carry. @peculiar/x509 does the
 * ASN.1; names and keys pass through here as DER, so that no type of the library leaks.
 *
 * @see RFC 5280
 * @module
 */
import type { Extension } from "@peculiar/x509";

import { toHex } from "../../codec/hex.ts";

// The library keeps its schemas in decorators and looks for this polyfill in its own first line. Static imports do not
// order a CommonJS package before another one on every runtime; waiting does.
await import("reflect-metadata");
const {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} = await import("@peculiar/x509");

/** Kinds of key: `rsa` is RSA 2048 with exponent 65537, `p256` is ECDSA on P-256. */
export type KeyKind = "rsa" | "p256";

const ALGORITHMS = {
  rsa: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
} as const;

/** A key pair for signing. */
export interface SigningKeys {
  readonly kind: KeyKind;
  readonly privateKey: CryptoKey;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicInfo: Uint8Array<ArrayBuffer>;
}

/** Makes a key pair. RSA takes some 100 ms, P-256 about one. */
export async function makeKeys(kind: KeyKind): Promise<SigningKeys> {
  const pair = await crypto.subtle.generateKey(ALGORITHMS[kind], true, ["sign", "verify"]) as CryptoKeyPair;
  const publicInfo = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  return { kind, privateKey: pair.privateKey, publicInfo };
}

/** Reads a PKCS#8 private key. Rejects when it is none of that kind. */
export async function importKeys(kind: KeyKind, pkcs8: Uint8Array<ArrayBuffer>): Promise<SigningKeys> {
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHMS[kind], true, ["sign"]);
  // The public half is not in every PKCS#8 file as such, but Web Crypto's JWK always has its numbers.
  const { kty, n, e, crv, x, y } = await crypto.subtle.exportKey("jwk", privateKey);
  const half = kind === "rsa" ? { kty, n, e } : { kty, crv, x, y };
  const publicKey = await crypto.subtle.importKey("jwk", half as JsonWebKey, ALGORITHMS[kind], true, ["verify"]);
  return { kind, privateKey, publicInfo: new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)) };
}

/** A Name of one attribute an RDN, in the order given, as UTF8String; DER. */
export function nameOf(parts: readonly (readonly ["CN" | "O" | "OU", string])[]): Uint8Array<ArrayBuffer> {
  const name = new Name(parts.map(([attribute, value]) => ({ [attribute]: [{ utf8String: value }] })));
  return new Uint8Array(name.toArrayBuffer());
}

/** A host's name or address, as a certificate lists it. */
export type AlternativeName = { readonly dns: string } | { readonly ip: string };

async function keyIdentifier(publicInfo: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await new PublicKey(publicInfo).getKeyIdentifier("SHA-256")).subarray(0, 20));
}

/** The extensions that our certificates carry. */
export const extensions = {
  alternativeNames: (names: readonly AlternativeName[]): Extension =>
    new SubjectAlternativeNameExtension(
      names.map((name) =>
        "dns" in name ? { type: "dns" as const, value: name.dns } : { type: "ip" as const, value: name.ip }
      ),
    ),
  /** An authority that signs leafs only. */
  authority: (): Extension => new BasicConstraintsExtension(true, 0, true),
  leaf: (): Extension => new BasicConstraintsExtension(false, undefined, true),
  /** `signing`: keyCertSign and cRLSign; otherwise digitalSignature. */
  keyUsage: (signing: boolean): Extension =>
    new KeyUsagesExtension(
      signing ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature,
      true,
    ),
  purpose: (purpose: "server" | "client"): Extension =>
    new ExtendedKeyUsageExtension([purpose === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
  /** 160 bits of a SHA-256 over the public key (RFC 7093). */
  subjectKey: async (publicInfo: Uint8Array<ArrayBuffer>): Promise<Extension> =>
    new SubjectKeyIdentifierExtension(await keyIdentifier(publicInfo)),
  authorityKey: async (publicInfo: Uint8Array<ArrayBuffer>): Promise<Extension> =>
    new AuthorityKeyIdentifierExtension(await keyIdentifier(publicInfo)),
};

/** What goes into a certificate. */
export interface CertificateParts {
  /** Positive, at most 20 bytes, big endian. */
  readonly serial: Uint8Array;
  /** Names in DER. */
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly subject: Uint8Array<ArrayBuffer>;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo of the subject. */
  readonly publicInfo: Uint8Array<ArrayBuffer>;
  readonly extensions: readonly Extension[];
}

/** Signs a version 3 certificate; DER. */
export async function issueCertificate(
  parts: CertificateParts,
  signer: SigningKeys,
): Promise<Uint8Array<ArrayBuffer>> {
  const made = await X509CertificateGenerator.create({
    serialNumber: toHex(parts.serial),
    issuer: new Name(parts.issuer),
    subject: new Name(parts.subject),
    notBefore: parts.notBefore,
    notAfter: parts.notAfter,
    publicKey: new PublicKey(parts.publicInfo),
    signingAlgorithm: ALGORITHMS[signer.kind],
    signingKey: signer.privateKey,
    extensions: [...parts.extensions],
  });
  return new Uint8Array(made.rawData);
}

/** What is read of a certificate. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** Names in DER. */
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly subject: Uint8Array<ArrayBuffer>;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicInfo: Uint8Array<ArrayBuffer>;
}

/** Reads a certificate. @throws Error when it is none */
export function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const read = new X509Certificate(der);
  return {
    der,
    issuer: new Uint8Array(read.issuerName.toArrayBuffer()),
    subject: new Uint8Array(read.subjectName.toArrayBuffer()),
    notBefore: read.notBefore,
    notAfter: read.notAfter,
    publicInfo: new Uint8Array(read.publicKey.rawData),
  };
}

/** Whether a certificate lists exactly these names, in this order. */
export function listsNames({ der }: Certificate, names: readonly AlternativeName[]): boolean {
  const wanted = toHex(new Uint8Array(extensions.alternativeNames(names).rawData));
  const found = new X509Certificate(der).getExtension(SubjectAlternativeNameExtension);
  return found !== null && toHex(new Uint8Array(found.rawData)) === wanted;
}

/** Whether the key in `authority` made the signature of `certificate`. */
export async function isSignedBy(certificate: Certificate, authority: Certificate): Promise<boolean> {
  try {
    const publicKey = new PublicKey(authority.publicInfo);
    return await new X509Certificate(certificate.der).verify({ publicKey, signatureOnly: true });
  } catch {
    // A key or signature of another kind than the other's: not signed by it.
    return false;
  }
}

/** PEM of one block. */
export function toPem(label: "CERTIFICATE" | "PRIVATE KEY", der: Uint8Array<ArrayBuffer>): string {
  return PemConverter.encode(der, label) + "\n";
}

/** The first block of this label. @throws RangeError when there is none */
export function fromPem(label: "CERTIFICATE" | "PRIVATE KEY", text: string): Uint8Array<ArrayBuffer> {
  const block = PemConverter.decodeWithHeaders(text).find(({ type }) => type === label);
  if (block === undefined) throw new RangeError(`no ${label} in PEM`);
  return new Uint8Array(block.rawData);
}
