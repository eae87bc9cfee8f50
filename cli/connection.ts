/**
 * A client of a node's RPC over HTTPS, with the node's own authority as the only one that is believed.
 *
 * @module
 */
import { type FetchText, fileTrouble, type HttpAnswer, type HttpRequest, NodeError, RpcClient } from "../mod.ts";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import { configError } from "./setting.ts";

/** Where a node is and how it is to be asked. */
export interface ClientOptions {
  /** `https://HOST:PORT`. */
  readonly url: string;
  readonly caFile: string;
  /** Read unless there is a client certificate. */
  readonly tokenFile?: string;
  /** A client certificate instead of a token. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The deadline that the user asked for, in milliseconds; 0 for none. Absent: 30 s, and none for calls that wait. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
/** The longest that a timer of the runtimes waits; beyond it they do not wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The node cannot be asked: it does not run, or not there. */
function unreachable(url: string, reason: string, cause?: unknown): NodeError {
  return new NodeError("NODE_UNREACHABLE", "network", `no node answers at ${url} (${reason})`, { cause });
}

/** The text of a file that a flag names, or that is in the data folder. */
async function textOf(path: string, flag: string, what: string, url: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EACCES" || code === "EPERM") {
      throw new NodeError("AUTH_REFUSED", "self", `${what} ${path} may not be read by this user`);
    }
    if (code !== "ENOENT" && code !== "ENOTDIR") throw configError(`${flag}: ${path} ${fileTrouble(cause)}`);
    throw unreachable(url, `${what} ${path} is not there; did gemel run with this --data-dir?`, cause);
  }
}

/**
 * Reads the secrets and makes the client; nothing is sent yet.
 *
 * @throws NodeError `NODE_UNREACHABLE` when a file is not there, `AUTH_REFUSED` when it may not be read
 */
export async function connectClient(options: ClientOptions): Promise<RpcClient> {
  const { url } = options;
  const base = URL.parse(url);
  if (base?.protocol !== "https:") throw unreachable(url, "an https:// address is needed");
  const ca = await textOf(options.caFile, "cacert", "the certificate", url);
  const pair = options.certFile !== undefined && options.keyFile !== undefined
    ? {
      cert: await textOf(options.certFile, "cert", "the certificate", url),
      key: await textOf(options.keyFile, "key", "the key", url),
    }
    : undefined;
  const token = pair !== undefined || options.tokenFile === undefined
    ? undefined
    : (await textOf(options.tokenFile, "token-file", "the token", url)).trim();
  // Said here, the check is made whatever the environment says of the runtime's default.
  const agent = new https.Agent({ ca, ...pair, keepAlive: false, rejectUnauthorized: true });
  const fetch: FetchText = (request) => send(request, { base, agent, limitMs: limitOf(request, options.timeoutMs) });
  return new RpcClient(fetch, token);
}

/** The time that a request may take; undefined for no limit. */
function limitOf({ deadline }: HttpRequest, asked: number | undefined): number | undefined {
  const limitMs = asked ?? (deadline === "asked" ? 0 : TIMEOUT_MS);
  return limitMs === 0 ? undefined : Math.min(limitMs, TIMER_MS_MAX);
}

interface Sending {
  readonly base: URL;
  readonly agent: https.Agent;
  readonly limitMs: number | undefined;
}

/** Sends one request under one deadline, which runs from before the first byte to the last one of the answer. */
function send(request: HttpRequest, { base, agent, limitMs }: Sending): Promise<HttpAnswer> {
  const url = base.origin;
  return new Promise<HttpAnswer>((resolve, reject) => {
    let end = (_failure: NodeError) => {};
    const timer = limitMs === undefined
      ? undefined
      : setTimeout(() => end(unreachable(url, `no answer in ${durationText(limitMs)}`)), limitMs);
    const fail = (failure: NodeError) => {
      clearTimeout(timer);
      outgoing.destroy();
      reject(failure);
    };
    const outgoing = https.request(new URL(request.path, base), {
      method: request.method,
      headers: {
        ...request.headers,
        ...(request.body !== undefined && { "content-length": String(Buffer.byteLength(request.body)) }),
      },
      agent,
      ...(request.signal && { signal: request.signal }),
    }, (incoming) => {
      // A stream goes on for ever; only its beginning has a deadline.
      if (request.deadline === "head") clearTimeout(timer);
      const over = Promise.withResolvers<never>();
      over.promise.catch(() => {});
      end = (failure) => {
        over.reject(failure);
        outgoing.destroy();
      };
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map((
          [name, value],
        ) => [name, Array.isArray(value) ? value.join(", ") : value]),
      );
      const body = bodyOf(incoming, over.promise, url, () => clearTimeout(timer));
      resolve({ status: incoming.statusCode ?? 0, headers, body });
    });
    end = fail;
    outgoing.on("error", (cause: NodeJS.ErrnoException) => {
      fail(unreachable(url, cause.code === "ECONNREFUSED" ? "connection refused" : cause.message, cause));
    });
    outgoing.end(request.body);
  });
}

/** The pieces of an answer until it ends or `over` rejects. */
async function* bodyOf(
  incoming: IncomingMessage,
  over: Promise<never>,
  url: string,
  done: () => void,
): AsyncGenerator<Uint8Array> {
  const parts = incoming[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const next = await Promise.race([parts.next(), over]);
      if (next.done) return;
      yield next.value;
    }
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw unreachable(url, "the answer was cut off", cause);
  } finally {
    done();
  }
}

/** `2 s`, `500 ms`. */
function durationText(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
