/**
 * What went wrong as one line, what to do about it, and the exit code that scripts read. Never a stack trace.
 *
 * @module
 */
import { fileTrouble, messageOf, NodeError, RpcFailure } from "../mod.ts";

/** Exit codes; the numbers from 64 are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notReady: 3,
  badData: 65,
  unreachable: 69,
  cannotCreate: 73,
  output: 74,
  tryAgain: 75,
  refused: 77,
  config: 78,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** Exit code and hint by the code of a `NodeError`. */
const KNOWN: Readonly<Record<string, readonly [exit: number, hint?: string]>> = {
  CONFIG_INVALID: [EXIT.config],
  CONSTANTS_INVALID: [EXIT.config],
  NETWORK_UNKNOWN: [EXIT.config],
  ASMAP_INVALID: [EXIT.config],
  PEERS_FILE_INVALID: [EXIT.config],
  TLS_CHECKS_DISABLED: [EXIT.config, "unset NODE_TLS_REJECT_UNAUTHORIZED"],
  ADDRESS_NOT_AVAILABLE: [EXIT.config, "choose an address of this machine"],
  PORT_FORBIDDEN: [EXIT.refused, "choose a port above 1023, or allow this user to bind low ports"],
  PORT_IN_USE: [EXIT.tryAgain, "stop the other program, or choose another port (--rpc, --listen)"],
  DATA_FOLDER_IN_USE: [EXIT.tryAgain, "stop the other gemel, or choose another --data-dir"],
  DATA_FOLDER_UNWRITABLE: [EXIT.cannotCreate, "choose a folder that this user may write with --data-dir"],
  DISK_FULL: [EXIT.cannotCreate, "make room, or choose another --data-dir"],
  FILE_FAILED: [EXIT.cannotCreate],
  HOME_UNKNOWN: [EXIT.cannotCreate, "name a folder with --data-dir, or set HOME"],
  OUTPUT_FAILED: [EXIT.output],
  COOKIE_UNWRITABLE: [EXIT.config, "choose another file with --cookie-file"],
  DATABASE_DAMAGED: [EXIT.badData, "move the file away; the node syncs anew"],
  DATABASE_FOREIGN: [EXIT.config],
  DATABASE_NEWER: [EXIT.config],
  DATABASE_BUSY: [EXIT.tryAgain, "close the other program"],
  DATABASE_UNAVAILABLE: [EXIT.cannotCreate, "check the folder's permissions and the disk"],
  DATABASE_AWAY: [EXIT.unreachable],
  DATABASE_OUTCOME_UNKNOWN: [EXIT.tryAgain, "start again; the node goes on from what is there"],
  DATABASE_LOGIN: [EXIT.refused],
  DATABASE_FORBIDDEN: [EXIT.refused],
  DATABASE_MISSING: [EXIT.config],
  DATABASE_READ_ONLY: [EXIT.config],
  DATABASE_TLS: [EXIT.config],
  DATABASE_CROWDED: [EXIT.tryAgain],
  DATABASE_SLOW: [EXIT.tryAgain],
  DATABASE_TAKEN_OVER: [EXIT.tryAgain],
  IDENTITY_DAMAGED: [EXIT.badData, "restore the ssl folder from a backup, or move it away to get a new identity"],
  TOKEN_INVALID: [EXIT.config],
  WEBHOOK_SECRET_INVALID: [EXIT.config],
  NODE_UNREACHABLE: [EXIT.unreachable, "start it with: gemel run"],
  STREAM_ENDED: [EXIT.unreachable],
  AUTH_REFUSED: [EXIT.refused],
  RPC_ANSWER: [EXIT.unreachable],
};

/** A mistake in the command line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One line for people, a hint where there is one, and the exit code. */
export interface Failure {
  readonly message: string;
  readonly hint?: string;
  readonly exit: number;
  readonly code: string;
}

/** What whatever was thrown means. */
export function failureOf(thrown: unknown): Failure {
  const message = messageOf(thrown);
  if (thrown instanceof UsageError) return { message, exit: EXIT.usage, code: "USAGE" };
  if (thrown instanceof RpcFailure) {
    if ([401, 403, 421].includes(thrown.status)) {
      return { message, exit: EXIT.refused, code: thrown.code, hint: "check --token-file, --cacert and --rpc" };
    }
    if (thrown.status === 503 || thrown.status === 408) return { message, exit: EXIT.tryAgain, code: thrown.code };
    const text = thrown.code === "UNKNOWN" ? message : `${thrown.code}: ${message}`;
    return { message: text, exit: EXIT.failed, code: thrown.code };
  }
  if (thrown instanceof NodeError) {
    const [exit, hint] = KNOWN[thrown.code] ?? [EXIT.failed];
    return { message, exit, code: thrown.code, ...(hint !== undefined && { hint }) };
  }
  const path = pathOf(thrown);
  if (path !== undefined) {
    return { message: `${path} ${fileTrouble(thrown)}`, exit: EXIT.cannotCreate, code: "FILE_FAILED" };
  }
  return { message, exit: EXIT.failed, code: "FAILED" };
}

/** The path that an error of the system is about; undefined when it is no such error. */
function pathOf(thrown: unknown): string | undefined {
  const { code, path } = (thrown ?? {}) as { readonly code?: unknown; readonly path?: unknown };
  return typeof code === "string" && typeof path === "string" ? path : undefined;
}

/** The failure as it goes to standard error. */
export function formatFailure(failure: Failure, json: boolean): string {
  if (json) return JSON.stringify({ error: failure.message, code: failure.code, hint: failure.hint ?? null }) + "\n";
  const hint = failure.hint === undefined || failure.message.includes(failure.hint) ? "" : `; ${failure.hint}`;
  return `error ${failure.message}${hint}\n`;
}
