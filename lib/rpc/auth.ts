/**
 * Who may call: a client whose certificate the private CA signed, or one that knows the bearer token; and from where: a
 * browser page of another origin may not, however it got the name of this host (DNS rebinding).
 *
 * @module
 */
import { sha256 } from "../codec/sha256.ts";
import type { Clock } from "../core/ports.ts";

/** What the listener knows of a request's sender. */
export interface ClientIdentity {
  /** The client showed a certificate and the private CA signed it. */
  readonly authorized: boolean;
}

/** How requests are let in. */
export interface AuthOptions {
  /** The bearer token; undefined: certificates only. */
  readonly token: string | undefined;
  /** Host names (without port, IPv6 in brackets) by which this listener may be called, beside the loopback ones. */
  readonly hosts: readonly string[];
}

/** How long the answer to a wrong secret waits, so that guessing is slow. */
export const WRONG_SECRET_DELAY_MS = 250;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A refusal, as the HTTP answer that tells it. */
export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly title: string;
}

/** Whether the request may pass; else why not. Waits before it refuses a wrong secret. */
export async function refusalOf(
  request: Request,
  identity: ClientIdentity | undefined,
  options: AuthOptions,
  clock: Clock,
): Promise<Refusal | undefined> {
  const hosts = new Set([...LOOPBACK, ...options.hosts.map(hostName)]);
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (!hosts.has(hostName(host))) {
    return { status: 421, title: `this node is not called ${host.slice(0, 100)}; add the name with --rpc-host` };
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !ownOrigin(origin, hosts)) {
    return { status: 403, title: `pages of ${origin.slice(0, 100)} may not call this node` };
  }
  if (identity?.authorized === true) return undefined;
  const [scheme = "", secret = ""] = (request.headers.get("authorization") ?? "").split(" ", 2);
  if (secret === "") return { status: 401, title: "a bearer token or a client certificate is needed" };
  const right = scheme.toLowerCase() === "bearer" && options.token !== undefined && sameSecret(secret, options.token);
  if (right) return undefined;
  await clock.sleep(WRONG_SECRET_DELAY_MS);
  return { status: 401, title: "the token is wrong" };
}

/** The name in a Host header: without port and final dot, in lower case, IPv6 in brackets. */
export function hostName(host: string): string {
  const bare = host.trim().toLowerCase();
  const bracketed = /^\[[0-9a-f:.]+\]/.exec(bare);
  if (bracketed !== null) return bracketed[0];
  // More than one colon and no brackets: an IPv6 literal as a configuration has it.
  if (bare.split(":").length > 2) return `[${bare}]`;
  return bare.replace(/:[0-9]*$/, "").replace(/\.$/, "");
}

function ownOrigin(origin: string, hosts: ReadonlySet<string>): boolean {
  try {
    const url = new URL(origin);
    return url.protocol === "https:" && hosts.has(hostName(url.host));
  } catch {
    return false;
  }
}

/** Compares in a time that tells nothing: over the hashes, which have one length and cannot be steered. */
function sameSecret(given: string, wanted: string): boolean {
  const encoder = new TextEncoder();
  const a = sha256(encoder.encode(given));
  const b = sha256(encoder.encode(wanted));
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
