/**
 * Secrets and signatures of webhooks, by the Standard Webhooks convention: `whsec_` and base64, and HMAC-SHA256 over the
 * id, the time and the body.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { NodeError } from "../core/errors.ts";
import type { Random } from "../core/ports.ts";

const PREFIX = "whsec_";
/** Bytes of a secret, as the convention bounds them. */
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
const NEW_SECRET_BYTES = 32;
/** Secrets of one webhook: the new one and those that are being given up. */
const SECRETS_MAX = 8;

const encoder = new TextEncoder();
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** A new secret as it is kept in a file. */
export function newSecret(random: Random): string {
  return PREFIX + base64(random.bytes(NEW_SECRET_BYTES));
}

/** The secrets in a file, one a line. @throws NodeError `WEBHOOK_SECRET_INVALID`, without what the file holds */
export function parseSecrets(text: string, path: string): readonly Uint8Array[] {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const secrets = lines.map(secretOf);
  const good = secrets.filter((secret) => secret !== undefined);
  if (good.length === lines.length && good.length > 0 && good.length <= SECRETS_MAX) return good;
  throw new NodeError(
    "WEBHOOK_SECRET_INVALID",
    "self",
    `${path} holds no secrets: 1 to ${SECRETS_MAX} lines of ${PREFIX} and ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} ` +
      "bytes in base64; remove it to get a new one",
  );
}

function secretOf(line: string): Uint8Array | undefined {
  if (!line.startsWith(PREFIX)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(line.slice(PREFIX.length)), (char) => char.charCodeAt(0));
    return bytes.length >= SECRET_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** The value of `webhook-signature`: a signature for each secret, so that one can be exchanged while both hold. */
export function signatureOf(
  secrets: readonly Uint8Array[],
  id: string,
  timestampSeconds: number,
  body: string,
): string {
  const signed = encoder.encode(`${id}.${timestampSeconds}.${body}`);
  return secrets.map((secret) => `v1,${base64(hmac(sha256, secret, signed))}`).join(" ");
}
