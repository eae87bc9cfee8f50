/**
 * Which server is meant, from a URL as libpq takes it, and with which password.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { NodeError } from "../../core/errors.ts";
import type { PostgresNamed } from "./postgres-errors.ts";

/** How the connection is encrypted; the words of libpq. */
export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

const SSL_MODES: readonly SslMode[] = ["disable", "prefer", "require", "verify-ca", "verify-full"];
/** The schema that our tables are in unless the URL says another. */
const SCHEMA = "gemel";
/** Rights of a password file that others may have: none, as libpq has it. */
const OTHERS = 0o077;

/** Which server, which database, and as whom. */
export interface PostgresTarget extends PostgresNamed {
  /** A name or an address; a folder, which begins with `/`, has the server's Unix socket in it. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  readonly sslMode: SslMode;
  /** PEM certificates that may have signed the server's; the system's where there is none. */
  readonly authorities: string | undefined;
}

/** What the URL does not say. */
export interface TargetOptions {
  /** The schema, before that of the URL. */
  readonly schema?: string;
  /** What the name of the schema ends with, after `_`: one of several schemas of a node. */
  readonly part?: string;
  /** A file whose first line is the password. */
  readonly passwordFile?: string;
  /** Environment; that of the process unless told otherwise. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const invalid = (text: string) => new NodeError("CONFIG_INVALID", "self", text);

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=…&sslmode=…&sslrootcert=…&host=/FOLDER&port=…`. The password
 * is that of the URL, else of `passwordFile`, of `PGPASSWORD`, of `PGPASSFILE` or `~/.pgpass`.
 * @throws NodeError `CONFIG_INVALID`, without the URL's text: it may hold the password
 */
export function postgresTarget(url: string, options: TargetOptions = {}): PostgresTarget {
  const environment = options.environment ?? process.env;
  let parsed: URL;
  try {
    // WHATWG URLs have no empty host beside a user.
    parsed = new URL(url.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/, "$1socket"));
  } catch {
    throw invalid("the URL of the database cannot be read; it is postgres://USER@HOST:PORT/DATABASE");
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw invalid("the URL of the database does not begin with postgres://");
  }
  const query = new Map(parsed.searchParams);
  const known = new Set(["schema", "sslmode", "sslrootcert", "host", "port"]);
  for (const key of query.keys()) if (!known.has(key)) throw invalid(`the URL of the database has an unknown "${key}"`);
  const named = decode(parsed.hostname.replace(/^\[(.*)\]$/, "$1"));
  const host = query.get("host") ?? (named === "socket" || named === "" ? environment.PGHOST ?? "localhost" : named);
  const port = Number(query.get("port") ?? (parsed.port || environment.PGPORT || 5432));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid("the URL of the database has no such port");
  const user = decode(parsed.username) || environment.PGUSER || userInfo().username;
  const database = decode(parsed.pathname.slice(1)) || environment.PGDATABASE || user;
  const base = options.schema ?? query.get("schema") ?? SCHEMA;
  const schema = options.part === undefined ? base : `${base}_${options.part}`;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw invalid(`"${schema}" cannot be a schema: a-z, 0-9 and _ only`);
  const sslMode = (query.get("sslmode") ?? environment.PGSSLMODE ?? "prefer") as SslMode;
  if (!SSL_MODES.includes(sslMode)) throw invalid(`sslmode is one of ${SSL_MODES.join(", ")}`);
  const root = query.get("sslrootcert") ?? environment.PGSSLROOTCERT;
  const place = host.startsWith("/") ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    host,
    port,
    user,
    database,
    schema,
    sslMode,
    authorities: root === undefined || root === "system" ? undefined : readText(root, "the CA file"),
    name: `postgres://${user}@${place}/${database}`,
    password: passwordOf(parsed, options, environment, { host, port, user, database }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("the URL of the database has a % that is no escape");
  }
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw invalid(`${what} ${path} cannot be read`);
  }
}

function passwordOf(
  url: URL,
  { passwordFile }: TargetOptions,
  environment: Readonly<Record<string, string | undefined>>,
  target: { readonly host: string; readonly port: number; readonly user: string; readonly database: string },
): string {
  if (url.password !== "") return decode(url.password);
  if (passwordFile !== undefined) return readText(passwordFile, "the password file").split(/\r?\n/)[0]!;
  if (environment.PGPASSWORD !== undefined && environment.PGPASSWORD !== "") return environment.PGPASSWORD;
  const file = environment.PGPASSFILE ?? join(environment.HOME ?? homedir(), ".pgpass");
  let text: string;
  try {
    // As libpq has it: what others may read is no secret, and is not used.
    if ((statSync(file).mode & OTHERS) !== 0) return "";
    text = readFileSync(file, "utf8");
  } catch {
    return "";
  }
  const host = target.host.startsWith("/") ? "localhost" : target.host;
  const wanted = [host, `${target.port}`, target.database, target.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = [...line.matchAll(/((?:[^:\\]|\\.)*)(?::|$)/g)].map(([, field]) =>
      field!.replaceAll(/\\(.)/g, "$1")
    );
    if (fields.length >= 5 && wanted.every((want, i) => fields[i] === "*" || fields[i] === want)) return fields[4]!;
  }
  return "";
}
