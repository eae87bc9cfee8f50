/**
 * Our statements as PostgreSQL wants them: `$1`, `$2`, … in the places of `?`, and many rows in one statement.
 *
 * @module
 */
import type { SqlValue } from "../../core/ports.ts";

/** Texts that are kept translated; the one unused for longest goes first. */
const TEXTS_MAX = 512;
/** Parameters of one statement: the protocol counts them in 16 bits. */
const PARAMETERS_MAX = 65_000;
/** Rows of one statement: planning takes longer than sending from here on. */
const ROWS_MAX = 1_000;

/** One statement, cut at its parameters. */
export interface PostgresText {
  /** The text with `$1`, `$2`, … */
  readonly text: string;
  /** How many parameters it has. */
  readonly parameters: number;
  /** How several rows are one statement; undefined where they would mean something else. */
  readonly row: PostgresRows | undefined;
}

/** A statement of one row, cut around what stands there once for each row. */
export interface PostgresRows {
  readonly before: string;
  readonly values: string;
  readonly after: string;
  /** Which parameters must not be the same in two rows of one statement; none where rows may be the same. */
  readonly keys: readonly number[];
}

/**
 * What is not code: strings (with E, where a backslash escapes), quoted names, comments, and dollar quotes. A question mark
 * in one of them is no parameter.
 */
const QUOTED =
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1/y;

/** Places of the question marks that are parameters. */
function parametersOf(sql: string): number[] {
  const places: number[] = [];
  for (let at = 0; at < sql.length;) {
    QUOTED.lastIndex = at;
    // An E that ends a name begins no string of that kind.
    const quoted = /\w/.test(sql[at - 1] ?? "") && /[eE$]/.test(sql[at]!) ? null : QUOTED.exec(sql);
    if (quoted !== null) at += quoted[0].length;
    else if (sql[at++] === "?") places.push(at - 1);
  }
  return places;
}

/** Puts `$first`, … in the places of the parameters. */
function numbered(sql: string, first = 1): string {
  let [text, from] = ["", 0];
  for (const [i, at] of parametersOf(sql).entries()) {
    text += `${sql.slice(from, at)}$${first + i}`;
    from = at + 1;
  }
  return text + sql.slice(from);
}

const kept = new Map<string, PostgresText>();

/** The statement as PostgreSQL wants it. */
export function postgresText(sql: string): PostgresText {
  let found = kept.get(sql);
  if (found === undefined) {
    found = { text: numbered(sql), parameters: parametersOf(sql).length, row: rowOf(sql) };
    if (kept.size >= TEXTS_MAX) kept.delete(kept.keys().next().value!);
  } else kept.delete(sql);
  kept.set(sql, found);
  return found;
}

const INSERT = /^(INSERT INTO [\w ,()]+ VALUES )(\([?\d, ]+\))((?: ON CONFLICT [\w ,()]*DO NOTHING)?)$/;
const UPSERT = /^(INSERT INTO \w+ \(([\w ,]+)\) VALUES )(\([?, ]+\))( ON CONFLICT \(([\w ,]+)\) DO UPDATE SET [^?]+)$/;
const DELETE = /^(DELETE FROM \w+ WHERE \w+ )= \?$/;
const namesOf = (list: string): string[] => list.split(",").map((name) => name.trim());

/**
 * More rows may stand behind `VALUES` where each is only put in or left out, and with `DO UPDATE` as long as no two have
 * the same key: PostgreSQL refuses to change a row twice in one statement. A `DELETE` by one column takes a list.
 */
function rowOf(sql: string): PostgresRows | undefined {
  const insert = INSERT.exec(sql);
  if (insert !== null) return { before: insert[1]!, values: insert[2]!, after: insert[3]!, keys: [] };
  const removal = DELETE.exec(sql);
  if (removal !== null) return { before: `${removal[1]}IN (`, values: "?", after: ")", keys: [] };
  const upsert = UPSERT.exec(sql);
  if (upsert === null) return undefined;
  const columns = namesOf(upsert[2]!);
  const keys = namesOf(upsert[5]!).map((name) => columns.indexOf(name));
  if (columns.length !== parametersOf(upsert[3]!).length || keys.includes(-1)) return undefined;
  return { before: upsert[1]!, values: upsert[3]!, after: upsert[4]!, keys };
}

/** The last text of each statement of several rows: most often the next one has as many. */
const written = new WeakMap<PostgresRows, { readonly rows: number; readonly text: string }>();

/** One statement of several rows. */
export function statementOf(row: PostgresRows, parameters: number, rows: number): string {
  const last = written.get(row);
  if (last?.rows === rows) return last.text;
  const groups = Array.from({ length: rows }, (_, i) => numbered(row.values, i * parameters + 1));
  const text = `${row.before}${groups.join(", ")}${row.after}`;
  written.set(row, { rows, text });
  return text;
}

/** How many rows of so many parameters one statement may have. */
const rowsPerStatement = (parameters: number): number =>
  Math.max(1, Math.min(ROWS_MAX, Math.floor(PARAMETERS_MAX / Math.max(1, parameters))));

/** Rows that go in one statement. */
export interface PostgresBatch {
  readonly rows: readonly (readonly SqlValue[])[];
  /** Bytes of their values, about. */
  readonly bytes: number;
  /** As many as there can be: its text comes again. */
  readonly isFull: boolean;
}

/** The rows from one on that go in one statement of a text, with at most so many bytes, or one row of more. */
export function batchOf(
  { row, parameters }: PostgresText,
  rows: readonly (readonly SqlValue[])[],
  from: number,
  bytesMax: number,
): PostgresBatch {
  const most = row === undefined ? 1 : rowsPerStatement(parameters);
  const seen = row === undefined || row.keys.length === 0 ? undefined : new Set<string>();
  let [to, bytes] = [from, 0];
  while (to < rows.length && to - from < most && (to === from || bytes < bytesMax)) {
    const values = rows[to]!;
    if (seen !== undefined) {
      const key = row!.keys.map((i) => keyOf(values[i])).join();
      if (seen.has(key)) break;
      seen.add(key);
    }
    for (const value of values) bytes += value instanceof Uint8Array || typeof value === "string" ? value.length : 8;
    to++;
  }
  return { rows: rows.slice(from, to), bytes, isFull: to - from === most };
}

/** Values that the server takes for the same have the same text; two others may, which only makes a batch shorter. */
const keyOf = (value: SqlValue | undefined): string => (value instanceof Uint8Array ? value.toHex() : String(value));
