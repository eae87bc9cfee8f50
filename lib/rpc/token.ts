/**
 * The bearer token of a node: made once, kept in a file that only its owner can read.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { NodeError } from "../core/errors.ts";
import type { Random } from "../core/ports.ts";

/** Files that hold secrets. */
export interface SecretFiles {
  /** The text of a file, undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** Writes a file with mode 0600, whole or not at all. */
  write(path: string, text: string): Promise<void>;
}

/** Random bytes of a new token; it is printed as hex. */
const TOKEN_BYTES = 32;

/** The token in the file; a missing or empty file gets a new one. Throws `TOKEN_INVALID` when it holds anything else. */
export async function loadOrCreateToken(path: string, files: SecretFiles, random: Random): Promise<string> {
  const found = (await files.read(path))?.trim();
  if (found !== undefined && found !== "") {
    if (/^[\x21-\x7e]{32,512}$/.test(found)) return found;
    throw new NodeError(
      "TOKEN_INVALID",
      "self",
      `${path} holds no token (32 to 512 characters); remove it to get a new one`,
    );
  }
  const token = toHex(random.bytes(TOKEN_BYTES));
  await files.write(path, token + "\n");
  return token;
}
