/**
 * A client of the RPC. How bytes travel (HTTPS with a pinned authority, a Unix socket, a test) is given to it.
 *
 * @module
 */
import { type Json, type JsonObject, parseJson, stringifyJson } from "../codec/json.ts";
import { NodeError } from "../core/errors.ts";
import type { ChainStatus } from "./chain-handle.ts";

export type { ChainStatus };

/** One HTTP request. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /**
   * What a time limit holds for: the whole answer (absent), its beginning (`head`: a stream), or the whole answer and only
   * where the user asked for a limit (`asked`: the node answers when something happens).
   */
  readonly deadline?: "head" | "asked";
}

/** The answer to one, its body still to be read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Sends a request. Rejects with a `NodeError` (fault `network`) when the node cannot be reached. */
export type FetchText = (request: HttpRequest) => Promise<HttpAnswer>;

/**
 * What the node answered when it did not do what was asked.
 *
 * @example
 * ```ts
 * import { RpcClient, RpcFailure } from "gemel";
 *
 * async function* body() {
 *   yield new TextEncoder().encode('{"success": false, "error": "no"}');
 * }
 * const client = new RpcClient(() => Promise.resolve({ status: 200, headers: {}, body: body() }));
 * await assert.rejects(client.call("get_block"), (error) => error instanceof RpcFailure && error.message === "no");
 * ```
 */
export class RpcFailure extends Error {
  override readonly name = "RpcFailure";
  /** `BLOCK_NOT_FOUND`, …, or `HTTP_503`. */
  readonly code: string;
  /** HTTP status; 200 when the route itself said no. */
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Bytes of one answer that a client takes. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** Bitcoin methods whose answer comes when there is a block, however long that takes. */
const WAITING_METHODS: ReadonlySet<string> = new Set([
  "waitfornewblock",
  "waitforblock",
  "waitforblockheight",
  "generatetoaddress",
  "generateblock",
]);

/**
 * Calls a node.
 *
 * @example
 * ```ts
 * import { RpcClient } from "gemel";
 *
 * async function* body() {
 *   yield new TextEncoder().encode('{"success": true, "height": 5}');
 * }
 * const client = new RpcClient(() => Promise.resolve({ status: 200, headers: {}, body: body() }));
 * assert.deepEqual(await client.call("get_height"), { height: 5 });
 * ```
 */
export class RpcClient {
  readonly #fetch: FetchText;
  readonly #token: string | undefined;

  constructor(fetch: FetchText, token?: string) {
    this.#fetch = fetch;
    this.#token = token;
  }

  /** Calls a Chia route; the answer's fields without `success`. Throws {@link RpcFailure} with the route's code. */
  async call(route: string, request: Json = {}): Promise<JsonObject> {
    const path = "/" + route.replace(/^\//, "");
    const answer = asObject(await this.#text({ method: "POST", path, body: stringifyJson(request) }));
    if (answer.success === false) {
      const structured = answer.structuredError as JsonObject | undefined;
      throw new RpcFailure(String(structured?.code ?? "UNKNOWN"), String(answer.error ?? "the call failed"), 200);
    }
    const { success: _success, ...fields } = answer;
    return fields;
  }

  /**
   * Calls a Bitcoin method; the JSON text of its result, with all digits that the node printed. `params` is an array, or
   * an object of named arguments. Throws {@link RpcFailure} whose code is the number of the error as text.
   */
  async callBitcoin(method: string, params: Json): Promise<string> {
    const body = stringifyJson({ jsonrpc: "2.0", id: 1, method, params });
    const waits = WAITING_METHODS.has(method) && { deadline: "asked" } as const;
    const text = (await this.#text({ method: "POST", path: "/", body, ...waits })).trim();
    const [, result] = /^\{"jsonrpc":"2\.0","result":(.*),"id":1\}$/s.exec(text) ?? [];
    if (result !== undefined) return result;
    const error = asObject(text).error as JsonObject | null | undefined;
    if (error === null || typeof error !== "object") {
      throw new NodeError("RPC_ANSWER", "network", "the answer is no reply: is this address a gemel node?");
    }
    // What this node says beside Core's words.
    const more = typeof error.data === "string" ? ` (${error.data})` : "";
    throw new RpcFailure(String(error.code), `${String(error.message)}${more}`, 200);
  }

  /** Calls a native route with an optional body; an empty answer is null. */
  async native(method: "GET" | "POST" | "DELETE", path: string, body?: Json): Promise<Json> {
    const text = await this.#text({ method, path, ...(body !== undefined && { body: stringifyJson(body) }) });
    return text === "" ? null : parse(text);
  }

  /** Raw bytes of a native route. */
  async bytes(path: string): Promise<Uint8Array> {
    return await collect((await this.#send({ method: "GET", path })).body);
  }

  /** `GET /v1/status`. */
  async status(): Promise<{ readonly version: string; readonly chains: readonly ChainStatus[] }> {
    return await this.native("GET", "/v1/status") as unknown as { version: string; chains: ChainStatus[] };
  }

  /**
   * Envelopes from the log, as they come. Ends when the node ends the stream; without `follow` that is after the newest
   * event.
   */
  async *events(
    options: {
      readonly topics?: readonly string[];
      readonly since?: number;
      readonly follow?: boolean;
      readonly signal?: AbortSignal;
    } = {},
  ): AsyncIterableIterator<JsonObject> {
    const query = new URLSearchParams();
    if (options.topics !== undefined && options.topics.length > 0) query.set("topics", options.topics.join(","));
    if (options.since !== undefined) query.set("since", String(options.since));
    if (options.follow === false) query.set("follow", "0");
    const { signal } = options;
    const path = `/events?${query}`;
    const answer = await this.#send({ method: "GET", path, deadline: "head", ...(signal && { signal }) });
    for await (const line of lines(answer.body)) {
      if (line.startsWith("data:")) yield asObject(line.slice("data:".length));
    }
  }

  async #text(request: Omit<HttpRequest, "headers">): Promise<string> {
    return new TextDecoder().decode(await collect((await this.#send(request)).body));
  }

  async #send(request: Omit<HttpRequest, "headers">): Promise<HttpAnswer> {
    const headers: Record<string, string> = { accept: "application/json, text/event-stream;q=0.9" };
    if (request.body !== undefined) headers["content-type"] = "application/json";
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`;
    const answer = await this.#fetch({ ...request, headers });
    if (answer.status >= 200 && answer.status < 300) return answer;
    const text = new TextDecoder().decode(await collect(answer.body));
    let title = text.trim().split("\n")[0]!.slice(0, 300);
    try {
      const problem = asObject(text);
      if (typeof problem.title === "string") title = problem.title;
    } catch {
      // Plain text it is.
    }
    throw new RpcFailure(`HTTP_${answer.status}`, title || `HTTP ${answer.status}`, answer.status);
  }
}

function parse(text: string): Json {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new NodeError("RPC_ANSWER", "network", "the answer is not JSON: is this address a gemel node?", { cause });
  }
}

function asObject(text: string): JsonObject {
  const value = parse(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new NodeError("RPC_ANSWER", "network", "the answer is no JSON object: is this address a gemel node?");
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > ANSWER_BYTES_MAX) throw new NodeError("RPC_ANSWER", "network", "the answer is too large");
    parts.push(part);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncIterableIterator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true });
    const whole = rest.split("\n");
    rest = whole.pop()!;
    if (rest.length > ANSWER_BYTES_MAX) {
      throw new NodeError("RPC_ANSWER", "network", "a line of the answer is too long");
    }
    yield* whole;
  }
}
