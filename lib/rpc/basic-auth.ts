/**
 * HTTP Basic as Bitcoin's clients use it: a cookie that the node writes anew at each start, or names with salted hashes
 * of their passwords.
 *
 * @see Bitcoin Core `httprpc.cpp`, `rpc/request.cpp` (GenerateAuthCookie), `share/rpcauth`
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../codec/hex.ts";
import { NodeError } from "../core/errors.ts";
import { fileTrouble } from "../core/file-trouble.ts";
import type { Random } from "../core/ports.ts";
import { sameSecret } from "./secret.ts";
import type { SecretFiles } from "./token.ts";

/** One line of `rpcauth`. */
export interface RpcAuth {
  readonly user: string;
  readonly salt: string;
  /** HMAC-SHA256 of the password under the salt, as lower-case hex. */
  readonly hash: string;
}

/** The names and passwords by which RPC may be called. */
export interface BasicSecrets {
  /** `name:password` of the cookie; undefined when there is none. */
  readonly cookie: string | undefined;
  readonly rpcauth: readonly RpcAuth[];
}

/** The cookie of a run. */
export interface Cookie {
  /** `__cookie__:` and 64 hex digits. */
  readonly secret: string;
  /** Removes the file, when this run made it. */
  remove(): Promise<void>;
}

/** The name that the cookie's password goes with. */
export const COOKIE_USER = "__cookie__";
const COOKIE_BYTES = 32;
/** Characters of an Authorization header that are read. */
const CREDENTIALS_CHARS_MAX = 4_096;

/** Reads `user:salt$hash`. Throws `CONFIG_INVALID`, which does not repeat the line. */
export function parseRpcAuth(line: string): RpcAuth {
  const match = /^([^:]+):([^:$]+)\$([0-9a-fA-F]{64})$/.exec(line);
  if (match === null) {
    throw new NodeError("CONFIG_INVALID", "self", "rpcauth: user:salt$hash, as Bitcoin Core's share/rpcauth prints it");
  }
  const [, user = "", salt = "", hash = ""] = match;
  return { user, salt, hash: hash.toLowerCase() };
}

/** Whether the credentials of a Basic header (Base64) are among the secrets. */
export function knowsBasic(credentials: string, { cookie, rpcauth }: BasicSecrets): boolean {
  const given = decodeCredentials(credentials) ?? "";
  const colon = given.indexOf(":");
  if (colon === -1) return false;
  if (cookie !== undefined && sameSecret(given, cookie)) return true;
  const user = given.slice(0, colon);
  const password = new TextEncoder().encode(given.slice(colon + 1));
  // Every line is tried, so that the time taken does not tell which names there are.
  let isKnown = false;
  for (const line of rpcauth) {
    const hash = toHex(hmac(sha256, new TextEncoder().encode(line.salt), password));
    const isUser = sameSecret(user, line.user);
    if (sameSecret(hash, line.hash) && isUser) isKnown = true;
  }
  return isKnown;
}

function decodeCredentials(base64: string): string | undefined {
  if (base64.length > CREDENTIALS_CHARS_MAX) return undefined;
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/**
 * Writes a new cookie. A file that cannot be written but holds a cookie is taken as it is: a secret that somebody else
 * provides, read only. Throws `COOKIE_UNWRITABLE`.
 */
export async function makeCookie(
  path: string,
  files: SecretFiles & { remove(path: string): Promise<void> },
  random: Random,
): Promise<Cookie> {
  const secret = `${COOKIE_USER}:${toHex(random.bytes(COOKIE_BYTES))}`;
  try {
    await files.write(path, secret);
    return { secret, remove: () => removeOwn(path, secret, files) };
  } catch (cause) {
    const found = (await files.read(path).catch(() => undefined))?.trim();
    if (found !== undefined && /^[^:\s]+:\S{16,}$/.test(found)) {
      return {
        secret: found,
        remove: () => Promise.resolve(),
      };
    }
    throw new NodeError("COOKIE_UNWRITABLE", "self", `cookie-file: ${path} ${fileTrouble(cause)}`, { cause });
  }
}

/** Removes the file unless another process has written its own since. */
async function removeOwn(
  path: string,
  secret: string,
  files: SecretFiles & { remove(path: string): Promise<void> },
): Promise<void> {
  if ((await files.read(path).catch(() => undefined)) === secret) await files.remove(path);
}
