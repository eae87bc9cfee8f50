/**
 * Finds the shared Bitcoin test data beside this repository. It is a copy of other projects' public files, so it is
 * read in place and never becomes part of this one; where it is absent, the tests that need it are skipped.
 */
import { existsSync, readFileSync } from "node:fs";

const folder = new URL("../../../shared/vectors/bitcoin/", import.meta.url);

/** The reason to skip when a file is absent, or false: `test(name, { skip: bitcoinDataMissing("bips/…") }, …)`. */
export function bitcoinDataMissing(name: string): string | false {
  return existsSync(new URL(name, folder)) ? false : `no ../shared/vectors/bitcoin/${name}`;
}

/** The bytes of one file. */
export function bitcoinBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, folder)));
}

/** The text of one file. */
export function bitcoinText(name: string): string {
  return readFileSync(new URL(name, folder), "utf8");
}

/** The JSON of one file. */
export function bitcoinJson<T>(name: string): T {
  return JSON.parse(bitcoinText(name)) as T;
}

/** The rows of a CSV file without quotes, each by the names in its first line. */
export function bitcoinCsv(name: string): Record<string, string>[] {
  const [head, ...rows] = bitcoinText(name).trim().split(/\r?\n/).map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(head!.map((column, i) => [column, row[i] ?? ""])));
}
