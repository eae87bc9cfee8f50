/**
 * Makes and reads X.509 certificates: RSA and P-256, SHA-256, the few extensions that ours carry.
 *
 * @see RFC 5280
 * @module
 */
import { bitString, type Element, element, elements, integer, oid, readTime, sequence, TAG, time } from "./der.ts";

/** Kinds of key: `rsa` is RSA 2048 with exponent 65537, `p256` is ECDSA on P-256. */
export type KeyKind = "rsa" | "p256";

const ALGORITHMS = {
  rsa: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
} as const;

/** AlgorithmIdentifiers: sha256WithRSAEncryption with its NULL, ecdsa-with-SHA256 without. */
const SIGNATURES = {
  rsa: sequence(oid("1.2.840.113549.1.1.11"), element(TAG.null)),
  p256: sequence(oid("1.2.840.10045.4.3.2")),
};

const ATTRIBUTES = { CN: "2.5.4.3", O: "2.5.4.10", OU: "2.5.4.11" } as const;

/** A key pair for signing. */
export interface SigningKeys {
  readonly kind: KeyKind;
  readonly privateKey: CryptoKey;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicInfo: Uint8Array;
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

/** A Name of one attribute an RDN, in the order given, as UTF8String. */
export function nameOf(parts: readonly (readonly [keyof typeof ATTRIBUTES, string])[]): Uint8Array {
  return sequence(
    ...parts.map(([attribute, value]) =>
      element(
        TAG.set,
        sequence(oid(ATTRIBUTES[attribute]), element(TAG.utf8String, new TextEncoder().encode(value))),
      )
    ),
  );
}

/** An Extension. */
function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  const flag = critical ? [element(TAG.boolean, Uint8Array.of(0xff))] : [];
  return sequence(oid(id), ...flag, element(TAG.octetString, value));
}

/** A host's name or address, as a certificate lists it. */
export type AlternativeName = { readonly dns: string } | { readonly ip: Uint8Array };

/** The extensions that our certificates carry. */
export const extensions = {
  alternativeNames: (names: readonly AlternativeName[]) =>
    extension(
      "2.5.29.17",
      false,
      sequence(
        ...names.map((name) =>
          "dns" in name ? element(0x82, new TextEncoder().encode(name.dns)) : element(0x87, name.ip)
        ),
      ),
    ),
  /** An authority that signs leafs only. */
  authority: () =>
    extension(
      "2.5.29.19",
      true,
      sequence(element(TAG.boolean, Uint8Array.of(0xff)), integer(Uint8Array.of(0))),
    ),
  leaf: () => extension("2.5.29.19", true, sequence()),
  /** `signing`: keyCertSign and cRLSign; otherwise digitalSignature. */
  keyUsage: (signing: boolean) =>
    extension("2.5.29.15", true, element(TAG.bitString, signing ? Uint8Array.of(1, 0x06) : Uint8Array.of(7, 0x80))),
  purpose: (purpose: "server" | "client") =>
    extension("2.5.29.37", false, sequence(oid(purpose === "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2"))),
  /** 160 bits of the SHA-256 of the public key (RFC 7093 method 1). */
  subjectKey: async (publicInfo: Uint8Array) =>
    extension("2.5.29.14", false, element(TAG.octetString, await keyIdentifier(publicInfo))),
  authorityKey: async (publicInfo: Uint8Array) =>
    extension("2.5.29.35", false, sequence(element(0x80, await keyIdentifier(publicInfo)))),
};

async function keyIdentifier(publicInfo: Uint8Array): Promise<Uint8Array> {
  const bits = elements(elements(publicInfo)[0]!.contents)[1]!.contents.slice(1);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bits)).subarray(0, 20);
}

/** What goes into a certificate. */
export interface CertificateParts {
  /** Positive, at most 20 bytes, big endian. */
  readonly serial: Uint8Array;
  /** Names in DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo of the subject. */
  readonly publicInfo: Uint8Array;
  /** Extensions in DER. */
  readonly extensions: readonly Uint8Array[];
}

/** Signs a version 3 certificate; DER. */
export async function issueCertificate(parts: CertificateParts, signer: SigningKeys): Promise<Uint8Array> {
  const algorithm = SIGNATURES[signer.kind];
  const body = sequence(
    element(TAG.context, integer(Uint8Array.of(2))),
    integer(parts.serial),
    algorithm,
    parts.issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    parts.subject,
    parts.publicInfo,
    element(TAG.context | 3, sequence(...parts.extensions)),
  );
  const raw = new Uint8Array(
    await crypto.subtle.sign(ALGORITHMS[signer.kind], signer.privateKey, new Uint8Array(body)),
  );
  // Web Crypto gives r ‖ s, 32 bytes each; certificates want a SEQUENCE of two INTEGERs.
  const signature = signer.kind === "rsa" ? raw : sequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  return sequence(body, algorithm, bitString(signature));
}

/** What is read of a certificate. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicInfo: Uint8Array;
  /** The signed part, and the signature over it. */
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/** Reads a version 3 certificate. @throws RangeError when it is none. */
export function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const take = (list: readonly Element[], at: number, tag: number): Element => {
    const found = list[at];
    if (found?.tag !== tag) throw new RangeError("not an X.509 certificate");
    return found;
  };
  const whole = elements(der);
  if (whole.length !== 1) throw new RangeError("not an X.509 certificate");
  const outer = elements(take(whole, 0, TAG.sequence).contents);
  const body = take(outer, 0, TAG.sequence);
  const fields = elements(body.contents);
  take(fields, 0, TAG.context);
  const [from, to] = elements(take(fields, 4, TAG.sequence).contents);
  if (from === undefined || to === undefined) throw new RangeError("not an X.509 certificate");
  return {
    der,
    issuer: take(fields, 3, TAG.sequence).whole,
    subject: take(fields, 5, TAG.sequence).whole,
    notBefore: readTime(from),
    notAfter: readTime(to),
    publicInfo: take(fields, 6, TAG.sequence).whole,
    body: body.whole,
    signature: take(outer, 2, TAG.bitString).contents.subarray(1),
  };
}

/** Whether the key in `authority` made the signature of `certificate`. */
export async function isSignedBy(certificate: Certificate, authority: Certificate, kind: KeyKind): Promise<boolean> {
  const algorithm = ALGORITHMS[kind];
  try {
    const key = await crypto.subtle.importKey("spki", new Uint8Array(authority.publicInfo), algorithm, false, [
      "verify",
    ]);
    const signature = kind === "rsa" ? certificate.signature : fixedSignature(certificate.signature);
    return await crypto.subtle.verify(algorithm, key, new Uint8Array(signature), new Uint8Array(certificate.body));
  } catch {
    return false;
  }
}

/** An ECDSA signature as Web Crypto takes it: r ‖ s, 32 bytes each. */
function fixedSignature(der: Uint8Array): Uint8Array {
  const fixed = new Uint8Array(64);
  elements(elements(der)[0]!.contents).forEach(({ contents }, i) => {
    const digits = contents[0] === 0 ? contents.subarray(1) : contents;
    fixed.set(digits, 32 * (i + 1) - digits.length);
  });
  return fixed;
}
