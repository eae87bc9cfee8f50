/**
 * Files of the data folder.
 *
 * @module
 */
import { constants } from "node:fs";
import { access, chmod, mkdir, open, readdir, readFile as read, rename, rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { gunzipSync, gzipSync } from "node:zlib";
import { messageOf, NodeError } from "../../core/errors.ts";
import { fileTrouble } from "../../core/file-trouble.ts";
import { codeOf } from "./failures.ts";

let counter = 0;

/** A file's bytes, or undefined when there is no such file. */
export async function readFile(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await read(file));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw fileFailure(cause, file);
  }
}

/** Replaces a file in one step; see `Platform.writeFileAtomic`. */
export async function writeFileAtomic(file: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${process.pid}.${counter++}.tmp`);
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(bytes);
      // The umask may have taken bits that the caller asked for.
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileFailure(cause, file);
  }
}

/** Puts the new name itself on disk. Some file systems refuse; the file's content is safe all the same. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Nothing to be done where folders cannot be synced.
  }
}

/** Makes a folder and those above it; see `Platform.makeDir`. */
export async function makeDir(folder: string, mode = 0o700): Promise<void> {
  try {
    const made = await mkdir(folder, { recursive: true, mode });
    if (made !== undefined) await chmod(folder, mode);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw fileFailure(cause, folder);
  }
}

/** Whether there is a file or folder of that name. */
export async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}

/** Names in a folder, sorted; empty when there is no such folder. */
export async function listDir(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw fileFailure(cause, folder);
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeFile(file: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (cause) {
    throw fileFailure(cause, file);
  }
}

/** Why a file or folder could not be used: one line that names it. */
export function fileFailure(thrown: unknown, file: string): NodeError {
  if (thrown instanceof NodeError) return thrown;
  const code = codeOf(thrown);
  const options = { cause: thrown, data: { path: file, systemCode: code } };
  // What is there already is in the way of a folder.
  const what = code === "EEXIST" ? "is a file, not a folder" : fileTrouble(thrown);
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"].includes(code) || /denied/i.test(messageOf(thrown))) {
    return new NodeError("DATA_FOLDER_UNWRITABLE", "self", `${file} ${what}`, options);
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new NodeError("DISK_FULL", "self", `no room on the disk for ${file}`, options);
  }
  // Only writing comes here without a file: it is the folder that is missing.
  const missing = "cannot be written: its folder is not there";
  return new NodeError("FILE_FAILED", "self", `${file} ${code === "ENOENT" ? missing : what}`, options);
}

/** Gzip (RFC 1952). */
export function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

/** Undoes {@link gzip}; more than `bytesMax` bytes of output are a `RangeError`, other faults an `Error`. */
export function gunzip(bytes: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: bytesMax }));
  } catch (cause) {
    if (codeOf(cause) === "ERR_BUFFER_TOO_LARGE") throw new RangeError(`more than ${bytesMax} bytes`, { cause });
    throw cause;
  }
}
