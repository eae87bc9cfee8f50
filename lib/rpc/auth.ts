/**
 * Who may call: a client whose certificate the private CA signed, or one that knows the bearer token or a name and its
 * password; and from where: a browser page of another origin may not, however it got the name of this host (DNS
 * rebinding).
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";
import { type BasicSecrets, knowsBasic } from "./basic-auth.ts";
import { sameSecret } from "./secret.ts";

/** What the listener knows of a request's sender. */
export interface ClientIdentity {
  /** The client showed a certificate and the private CA signed it. */
  readonly authorized: boolean;
  /** Tells the listener that the sender has shown a secret that is right: its connection is not taken for another's. */
  readonly proved?: () => void;
}

/** How requests are let in. */
export interface AuthOptions {
  /** The bearer token; undefined: none. */
  readonly token: string | undefined;
  /** Names and passwords (HTTP Basic). */
  readonly basic?: BasicSecrets;
  /** Host names (without port, IPv6 in brackets) by which this listener may be called, beside the loopback ones. */
  readonly hosts: readonly string[];
  /** The listener speaks HTTP without TLS. */
  readonly plain?: boolean;
}

/** How long the answer to a wrong secret waits, so that guessing is slow. */
export const WRONG_SECRET_DELAY_MS = 250;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A refusal, as the HTTP answer that tells it. */
export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly title: string;
}

/** Whether the request calls this node by a name of its own, and comes from no page of others; else why it may not pass. */
export function placeRefusal(request: Request, options: AuthOptions): Refusal | undefined {
  const hosts = new Set([...LOOPBACK, ...options.hosts.map(hostName)]);
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (!hosts.has(hostName(host))) {
    return { status: 421, title: `this node is not called ${host.slice(0, 100)}; add the name with --rpc-host` };
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !ownOrigin(origin, hosts, options.plain === true ? "http:" : "https:")) {
    return { status: 403, title: `pages of ${origin.slice(0, 100)} may not call this node` };
  }
  return undefined;
}

/** Whether the request may pass; else why not. Waits before it refuses a wrong secret. */
export async function refusalOf(
  request: Request,
  identity: ClientIdentity | undefined,
  options: AuthOptions,
  clock: Clock,
): Promise<Refusal | undefined> {
  const refusal = placeRefusal(request, options);
  if (refusal !== undefined) return refusal;
  if (identity?.authorized === true) return undefined;
  const [scheme = "", secret = ""] = (request.headers.get("authorization") ?? "").split(" ", 2);
  if (secret === "") return { status: 401, title: `${waysIn(options)} is needed` };
  if (isKnown(scheme.toLowerCase(), secret, options)) return undefined;
  await clock.sleep(WRONG_SECRET_DELAY_MS);
  const what = scheme.toLowerCase() === "basic" ? "the cookie or the password" : "the token";
  return { status: 401, title: `${what} is wrong` };
}

function isKnown(scheme: string, secret: string, { token, basic }: AuthOptions): boolean {
  if (scheme === "bearer") return token !== undefined && sameSecret(secret, token);
  return scheme === "basic" && basic !== undefined && knowsBasic(secret, basic);
}

function waysIn({ plain, basic }: AuthOptions): string {
  const byName = basic === undefined ? "" : "the cookie (or a name and its password)";
  if (plain === true) return byName;
  return ["a bearer token", byName, "a client certificate"].filter((way) => way !== "").join(" or ");
}

/** The challenge of an answer 401. */
export function challengeOf({ plain, basic }: AuthOptions): string {
  const byName = basic === undefined ? [] : ['Basic realm="jsonrpc"'];
  return (plain === true ? byName : ['Bearer realm="gemel"', ...byName]).join(", ");
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

function ownOrigin(origin: string, hosts: ReadonlySet<string>, protocol: string): boolean {
  try {
    const url = new URL(origin);
    return url.protocol === protocol && hosts.has(hostName(url.host));
  } catch {
    return false;
  }
}
