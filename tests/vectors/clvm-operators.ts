/**
 * Finds chia's vectors of CLVM operators beside this repository. They are copies of another project's public files, so they are
 * read in place and never become part of this one; where they are absent, the tests that need them are skipped.
 */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fromHex } from "../../lib/codec/hex.ts";

const folder = new URL("../../../shared/vectors/chia/clvm-op-tests/", import.meta.url);

/** The reason to skip, or false. */
export const operatorsMissing = (): string | false =>
  existsSync(folder) ? false : "no ../shared/vectors/chia/clvm-op-tests";

/** One call. */
export interface OperatorCase {
  readonly line: string;
  readonly operator: string;
  /** The arguments, where all are atoms. */
  readonly values: readonly Uint8Array[] | undefined;
  /** The result's bytes; undefined where the operator fails. */
  readonly result: Uint8Array | undefined;
}

/** An integer as CLVM has it. */
function integer(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest !== 0n && rest !== -1n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  if (value < 0n !== (bytes[0] ?? 0) >= 0x80) bytes.unshift(value < 0n ? 0xff : 0);
  return Uint8Array.from(bytes);
}

function atom(text: string): Uint8Array | undefined {
  if (/^0x[0-9a-f]*$/i.test(text)) return fromHex("0".repeat(text.length % 2) + text.slice(2));
  if (text.startsWith('"')) return new TextEncoder().encode(text.slice(1, -1));
  return /^-?[0-9]+$/.test(text) ? integer(BigInt(text)) : undefined;
}

/** The calls in files. */
export function operatorCases(...names: readonly string[]): readonly OperatorCase[] {
  return names.flatMap((name) => {
    const text = gunzipSync(readFileSync(new URL(`${name}.txt.gz`, folder))).toString();
    return text.split("\n").flatMap((line): OperatorCase[] => {
      const [call, outcome] = line.split("=>").map((part) => part.trim());
      if (line.startsWith(";") || outcome === undefined) return [];
      const [operator = "", ...words] = call!.match(/"[^"]*"|\S+/g) ?? [];
      const values = words.map(atom);
      const said = outcome.split("|")[0]!.trim();
      return [{
        line,
        operator,
        values: values.every((value) => value !== undefined) ? values : undefined,
        result: said === "FAIL" ? undefined : atom(said)!,
      }];
    });
  });
}
