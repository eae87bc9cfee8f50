/**
 * Our statements as PostgreSQL wants them: `$1`, `$2`, … in the places of `?`, and many rows in one `INSERT`.
 *
 * @module
 */

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
  /** Cuts an `INSERT` of one row around the parentheses of its `VALUES`; undefined where more rows would mean something else. */
  readonly row: { readonly before: string; readonly values: string; readonly after: string } | undefined;
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

/**
 * More rows may stand behind `VALUES` where each is only put in or left out. Not with `DO UPDATE`: PostgreSQL refuses to
 * change a row twice in one statement, and two statements one after the other may.
 */
function rowOf(sql: string): PostgresText["row"] {
  const cut = /^(INSERT INTO [\w ,()]+ VALUES )(\([?\d, ]+\))((?: ON CONFLICT [\w ,()]*DO NOTHING)?)$/.exec(sql);
  return cut === null ? undefined : { before: cut[1]!, values: cut[2]!, after: cut[3]! };
}

/** One statement that puts in several rows. */
export function insertOf(row: NonNullable<PostgresText["row"]>, parameters: number, rows: number): string {
  const groups = Array.from({ length: rows }, (_, i) => numbered(row.values, i * parameters + 1));
  return `${row.before}${groups.join(", ")}${row.after}`;
}

/** How many rows of so many parameters one statement may put in. */
export const rowsPerInsert = (parameters: number): number =>
  Math.max(1, Math.min(ROWS_MAX, Math.floor(PARAMETERS_MAX / Math.max(1, parameters))));
