/**
 * Files that the operator names while the node runs.
 *
 * @module
 */
import { constants } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import type { NamedFiles } from "../../core/ports.ts";
import { openAppendFile } from "./append-file.ts";
import { exists, fileFailure, removeFile, syncFolder } from "./files.ts";

const MAKE = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC;

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
    create: (file) => guarded(file, () => openAppendFile(file, MAKE)),
    open: (file) => guarded(file, () => openAppendFile(file, constants.O_RDONLY)),
    rename: (from, to) =>
      guarded(to, async () => {
        await rename(from, to);
        await syncFolder(path.dirname(to));
      }),
    remove: removeFile,
  };
}
