/**
 * Files that the operator names while the node runs.
 *
 * @module
 */
import { constants } from "node:fs";
import { rename, stat } from "node:fs/promises";
import path from "node:path";
import type { NamedFiles } from "../../core/ports.ts";
import { openAppendFile } from "./append-file.ts";
import { exists, fileFailure, removeFile, syncFolder } from "./files.ts";

const MAKE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
/** A pipe that nobody writes to would hold up its opening, and a thread of the runtime with it, for ever. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** Files by their names, of which relative ones are below a folder; see `Platform.namedFiles`. */
export function namedFiles(folder: string): NamedFiles {
  const guarded = async <T>(file: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw fileFailure(cause, file);
    }
  };
  return {
    path: (name) => path.resolve(folder, name),
    exists,
    create: (file) =>
      guarded(file, async () => {
        // What is there may be a link to something else.
        await removeFile(file);
        return await openAppendFile(file, MAKE);
      }),
    open: (file) =>
      guarded(file, async () => {
        if (!(await stat(file)).isFile()) throw new Error("it is no regular file");
        return await openAppendFile(file, READ);
      }),
    rename: (from, to) =>
      guarded(to, async () => {
        await rename(from, to);
        await syncFolder(path.dirname(to));
      }),
    remove: removeFile,
  };
}
