/**
 * What a refusal of PostgreSQL means for us: a code that programs compare, and one line that says what to do.
 *
 * @module
 */
import { type Fault, messageOf, NodeError } from "../../core/errors.ts";

/**
 * Codes of a PostgreSQL database. Of fault `network`, and worth another try: `DATABASE_AWAY` (nothing was changed) and
 * `DATABASE_OUTCOME_UNKNOWN` (a commit may have been made or not). Of fault `self`: all others.
 */
export type PostgresCode =
  | "DATABASE_AWAY"
  | "DATABASE_OUTCOME_UNKNOWN"
  | "DATABASE_LOGIN"
  | "DATABASE_MISSING"
  | "DATABASE_FORBIDDEN"
  | "DATABASE_READ_ONLY"
  | "DATABASE_UNAVAILABLE"
  | "DATABASE_BUSY"
  | "DATABASE_SLOW"
  | "DATABASE_CROWDED"
  | "DATABASE_DAMAGED"
  | "DATABASE_STATEMENT"
  | "DATABASE_TLS"
  | "DATABASE_TAKEN_OVER";

/** Who is spoken of: the server without its password, and what must not be told. */
export interface PostgresNamed {
  /** `postgres://USER@HOST:PORT/DATABASE` */
  readonly name: string;
  readonly password: string;
}

type Meaning = readonly [code: PostgresCode, fault: Fault, advice: string];

const AWAY: Meaning = ["DATABASE_AWAY", "network", "is away; see that the server runs and can be reached"];
const LOGIN: Meaning = [
  "DATABASE_LOGIN",
  "self",
  "refuses the login; check user, password and the server's pg_hba.conf",
];
const READ_ONLY: Meaning = ["DATABASE_READ_ONLY", "self", "takes no changes; name the primary server, not a standby"];
const FULL: Meaning = ["DATABASE_UNAVAILABLE", "self", "has no room on its disk; make some there"];
const BUSY: Meaning = [
  "DATABASE_BUSY",
  "self",
  "is being changed by others at the same place; see what else writes to it",
];
const CROWDED: Meaning = ["DATABASE_CROWDED", "self", "has too many connections; end some or raise max_connections"];

/** By SQLSTATE, or by the first two characters of it. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  "08": AWAY,
  "57P01": AWAY,
  "57P02": AWAY,
  "57P03": AWAY,
  "57P05": AWAY,
  "25P03": AWAY,
  "25P04": AWAY,
  "28": LOGIN,
  "3D": ["DATABASE_MISSING", "self", "is not there; make it, by createdb or CREATE DATABASE"],
  "3F": ["DATABASE_MISSING", "self", "lacks the schema; make it, by CREATE SCHEMA"],
  "42501": ["DATABASE_FORBIDDEN", "self", "forbids it to this user; GRANT what is missing"],
  "25006": READ_ONLY,
  "53100": FULL,
  "58": ["DATABASE_UNAVAILABLE", "self", "cannot use its disk; see the server's log"],
  "53": ["DATABASE_UNAVAILABLE", "self", "lacks memory or descriptors; see the server's log"],
  "53300": CROWDED,
  "40": BUSY,
  "55P03": BUSY,
  "57014": ["DATABASE_SLOW", "self", "took too long for a statement; see what keeps the server busy"],
  "XX001": ["DATABASE_DAMAGED", "self", "is damaged; restore it from a backup"],
  "XX002": ["DATABASE_DAMAGED", "self", "has a damaged index; REINDEX it, or restore a backup"],
};

/** How the way to a server can fail, by the code of the system, the runtime or the client. */
const LOST = new Set([
  ...[
    "ECONNREFUSED",
    "ECONNRESET",
    "ECONNABORTED",
    "EPIPE",
    "ETIMEDOUT",
    "ENOENT",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENETDOWN",
  ],
  ...["EHOSTUNREACH", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "ENOTCONN", "ERR_STREAM_DESTROYED", "ERR_SOCKET_CLOSED"],
  ...[
    "CONNECT_TIMEOUT",
    "CONNECTION_CLOSED",
    "CONNECTION_ENDED",
    "CONNECTION_DESTROYED",
    "EAI_NODATA",
    "EADDRNOTAVAIL",
  ],
]);

/** SQLSTATEs after which the same transaction may succeed, run again from its beginning. */
const AGAIN = new Set(["40001", "40P01"]);

/** Whether a transaction was refused only because of others that ran beside it. */
export const mayRunAgain = (thrown: unknown): boolean =>
  thrown instanceof NodeError && AGAIN.has(String(thrown.data["sqlstate"]));

/** Whether the connection was lost, and nothing else is known. */
export const isAway = (thrown: unknown): boolean => thrown instanceof NodeError && thrown.code === "DATABASE_AWAY";

/** An error of this server, in words that hold no password. */
export function postgresError(
  [code, fault, advice]: Meaning,
  { name, password }: PostgresNamed,
  detail = "",
  data: Readonly<Record<string, unknown>> = {},
): NodeError<PostgresCode> {
  const hidden = password === "" ? detail : detail.replaceAll(password, "***");
  const text = hidden === "" ? "" : ` (${hidden})`;
  return new NodeError(code, fault, `${name} ${advice}${text}`, { data: { database: name, ...data } });
}

/**
 * What was thrown by the client, told as ours. The error of the client is not kept as the cause: it has the statement's
 * parameters, which may be megabytes, and nobody has looked for passwords in it.
 */
export function postgresFailure(thrown: unknown, named: PostgresNamed): unknown {
  if (thrown instanceof NodeError || thrown instanceof TypeError || thrown instanceof RangeError) return thrown;
  const { code, severity } = thrown as { readonly code?: unknown; readonly severity?: unknown };
  const text = messageOf(thrown);
  if (typeof code !== "string" || severity === undefined) {
    if (typeof code === "string" && LOST.has(code)) return postgresError(AWAY, named, text);
    if (typeof code === "string" && code.startsWith("SASL")) return postgresError(LOGIN, named, text);
    return postgresError(["DATABASE_STATEMENT", "self", "cannot be asked that"], named, text);
  }
  const meaning = MEANINGS[code] ?? MEANINGS[code.slice(0, 2)];
  if (meaning !== undefined) return postgresError(meaning, named, text, { sqlstate: code });
  return postgresError(["DATABASE_STATEMENT", "self", "refused SQL"], named, text, { sqlstate: code });
}

/** A database that was opened to be read was to be changed. */
export const onlyRead = (named: PostgresNamed): NodeError<PostgresCode> =>
  postgresError(["DATABASE_READ_ONLY", "self", "is only read by this node"], named);

/** The way to the server is lost. */
export const away = (named: PostgresNamed, detail: string): NodeError<PostgresCode> =>
  postgresError(AWAY, named, detail);
