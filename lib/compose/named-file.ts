/**
 * Files that a setting names.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import { fileTrouble } from "../core/file-trouble.ts";
import type { Platform } from "../platform/platform.ts";

/** Where a file's name comes from, and the code of the error when the file cannot be used. */
export interface NamedFile {
  readonly setting: string;
  readonly path: string;
  readonly code: string;
}

/** An error that names the setting and the path. */
export function namedFileFault({ setting, path, code }: NamedFile, what: string, cause?: unknown): NodeError {
  return new NodeError(code, "self", `${setting}: ${path} ${what}`, { cause, data: { path } });
}

/** The bytes of a file that a setting names. @throws NodeError with the file's code when it cannot be read */
export async function readNamed(file: NamedFile, { readFile }: Pick<Platform, "readFile">): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readFile(file.path);
  } catch (cause) {
    throw namedFileFault(file, fileTrouble(cause), cause);
  }
  if (bytes === undefined) throw namedFileFault(file, "is not there");
  return bytes;
}
