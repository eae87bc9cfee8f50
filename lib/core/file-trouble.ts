/**
 * Why a file could not be used, in words.
 *
 * @module
 */

/** What the system's codes mean, as it is said of a path. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "may not be used by this user",
  EBUSY: "is in use by the system",
  EDQUOT: "has no room: this user's share of the disk is full",
  EEXIST: "is there already",
  EFBIG: "is too large",
  EIO: "cannot be used: the disk fails",
  EISDIR: "is a folder, not a file",
  ELOOP: "is a link that leads round in a circle",
  EMFILE: "cannot be opened: this process has too many files open",
  ENAMETOOLONG: "has too long a name",
  ENFILE: "cannot be opened: this machine has too many files open",
  ENOENT: "is not there",
  ENOSPC: "has no room: the disk is full",
  ENOTDIR: "is not there: a part of its path is a file, not a folder",
  ENOTEMPTY: "is a folder, not a file",
  EPERM: "may not be used by this user",
  EROFS: "is on a disk that cannot be written",
  ERR_INVALID_ARG_VALUE: "is no path",
};

/** The system's code in an error of the runtime or in a `NodeError` that was made of one; "" where there is none. */
function systemCode(thrown: unknown): string {
  const { data, code } = (thrown ?? {}) as {
    readonly data?: { readonly systemCode?: unknown };
    readonly code?: unknown;
  };
  const found = data?.systemCode ?? code;
  return typeof found === "string" ? found : "";
}

/**
 * What an error says of a file or folder, as the rest of a sentence that begins with its path.
 *
 * @example
 * ```ts
 * import { fileTrouble } from "gemel";
 *
 * assert.equal(`/tmp ${fileTrouble({ code: "EISDIR" })}`, "/tmp is a folder, not a file");
 * ```
 */
export function fileTrouble(thrown: unknown): string {
  const code = systemCode(thrown);
  return WORDS[code] ?? (code === "" ? "cannot be used" : `cannot be used (${code})`);
}
