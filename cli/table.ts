/**
 * Tables for people.
 *
 * @module
 */

/** Columns padded to their widest cell, two spaces between, numbers to the right where a header ends in `>`. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const right = headers.map((header) => header.endsWith(">"));
  const all = [headers.map((header) => header.replace(/>$/, "")), ...rows];
  const widths = headers.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? "")].length)));
  return all.map((row) =>
    row.map((cell, column) => {
      const padding = " ".repeat(Math.max(0, widths[column]! - [...cell].length));
      return right[column] ? padding + cell : cell + padding;
    }).join("  ").trimEnd() + "\n"
  ).join("");
}

/** `1.9 GB`, `96 MB`, `512 B`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes, unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Text of a peer, without the control characters with which it could move our cursor. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "?");
}
