/**
 * One process a data folder. A file with a process id in it can be stale, and two processes can find it stale at once,
 * so the lock is SQLite's: it is the kernel's lock on a file, and the kernel takes it back from a dead process.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { chmod } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { FolderLock } from "../platform.ts";
import { fileFailure, makeDir, readFile, removeFile, writeFileAtomic } from "./files.ts";

/**
 * Folders that this process holds or is about to: the kernel's locks are per process and would let the same one in
 * twice. The databases are kept here because one that nobody refers to is collected, and its lock with it.
 */
const held = new Map<string, DatabaseSync | undefined>();

/** Takes a folder for this process alone; see `Platform.lockDir`. */
export async function lockDir(folder: string): Promise<FolderLock> {
  const key = path.resolve(folder);
  const file = path.join(key, "lock");
  const owner = path.join(key, "lock.pid");
  if (held.has(key)) throw inUse(folder, process.pid);
  held.set(key, undefined);
  let database: DatabaseSync | undefined;
  try {
    await makeDir(key);
    database = takeLock(file);
    held.set(key, database);
    await chmod(file, 0o600).catch(() => {});
    await writeFileAtomic(owner, new TextEncoder().encode(`${process.pid}\n`), 0o600);
  } catch (cause) {
    database?.close();
    held.delete(key);
    if (/locked|busy/i.test(messageOf(cause))) throw inUse(folder, await readOwner(owner));
    if (/unable to open|readonly|not a database/i.test(messageOf(cause))) {
      throw new NodeError("DATA_FOLDER_UNWRITABLE", "self", `${folder} cannot be written`, { cause });
    }
    throw fileFailure(cause, folder);
  }
  const lock = database;
  return {
    async release() {
      if (!held.has(key) || !lock.isOpen) return;
      await removeFile(owner).catch(() => {});
      lock.close();
      held.delete(key);
    },
  };
}

/** The lock is a transaction that never ends; with its journal in memory it leaves no file beside it. */
function takeLock(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/** Only for the message: the one who holds the lock may have died and been followed since it was written. */
async function readOwner(file: string): Promise<number | undefined> {
  try {
    const bytes = await readFile(file);
    const pid = Number.parseInt(new TextDecoder().decode(bytes ?? new Uint8Array()), 10);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function inUse(folder: string, pid: number | undefined): NodeError {
  const who = pid === undefined ? "another process" : `process ${pid}`;
  return new NodeError("DATA_FOLDER_IN_USE", "self", `${folder} is in use by ${who}`, { data: { folder, pid } });
}
