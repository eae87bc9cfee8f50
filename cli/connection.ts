/**
 * A client of a node's RPC over HTTPS, with the node's own authority as the only one that is believed.
 *
 * @module
 */
import { type FetchText, type HttpAnswer, NodeError, RpcClient } from "../mod.ts";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import https from "node:https";

/** Where a node is and how it is to be asked. */
export interface ClientOptions {
  /** `https://HOST:PORT`. */
  readonly url: string;
  readonly caFile: string;
  readonly tokenFile: string;
  /** A client certificate instead of a token. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Time to wait for the first byte of an answer. */
  readonly timeoutMs: number;
}

/** The node cannot be asked: it does not run, or not there. */
function unreachable(url: string, reason: string, cause?: unknown): NodeError {
  return new NodeError("NODE_UNREACHABLE", "network", `no node answers at ${url} (${reason})`, { cause });
}

async function textOf(path: string, what: string, url: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EACCES") throw new NodeError("AUTH_REFUSED", "self", `${what} ${path} may not be read by this user`);
    throw unreachable(url, `${what} ${path} is not there; did gemel run with this --data-dir?`, cause);
  }
}

/** Reads the secrets and makes the client; nothing is sent yet. */
export async function connectClient(options: ClientOptions): Promise<RpcClient> {
  const { url } = options;
  const ca = await textOf(options.caFile, "the certificate", url);
  const withCertificate = options.certFile !== undefined && options.keyFile !== undefined;
  const pair = withCertificate
    ? {
      cert: await textOf(options.certFile!, "the certificate", url),
      key: await textOf(options.keyFile!, "the key", url),
    }
    : {};
  const token = withCertificate ? undefined : (await textOf(options.tokenFile, "the token", url)).trim();
  const base = new URL(url);
  if (base.protocol !== "https:") throw unreachable(url, "an https:// address is needed");
  const agent = new https.Agent({ ca, ...pair, keepAlive: false });
  const fetch: FetchText = (request) =>
    new Promise<HttpAnswer>((resolve, reject) => {
      const outgoing = https.request(new URL(request.path, base), {
        method: request.method,
        headers: {
          ...request.headers,
          ...(request.body !== undefined && { "content-length": String(Buffer.byteLength(request.body)) }),
        },
        agent,
        ...(request.signal && { signal: request.signal }),
      }, (incoming) => {
        outgoing.setTimeout(0);
        const headers = Object.fromEntries(
          Object.entries(incoming.headers).map((
            [name, value],
          ) => [name, Array.isArray(value) ? value.join(", ") : value]),
        );
        resolve({ status: incoming.statusCode ?? 0, headers, body: incoming });
      });
      outgoing.setTimeout(options.timeoutMs, () => outgoing.destroy(new Error(`no answer in ${options.timeoutMs} ms`)));
      outgoing.on("error", (cause: NodeJS.ErrnoException) => {
        reject(unreachable(url, cause.code === "ECONNREFUSED" ? "connection refused" : cause.message, cause));
      });
      outgoing.end(request.body);
    });
  return new RpcClient(fetch, token);
}
