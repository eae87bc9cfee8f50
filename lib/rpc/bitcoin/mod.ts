/**
 * Bitcoin's JSON-RPC: `POST /`, one call or a batch, in the versions 1.0, 1.1 and 2.0.
 *
 * @see Bitcoin Core `httprpc.cpp`, `doc/JSON-RPC-interface.md`
 * @module
 */
import { Hono } from "hono";
import type { Json } from "../../codec/json.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import { BodyError, parseRequest, readBody } from "../json.ts";
import { type RpcLimits, type WaitingRoom, withDeadline } from "../limits.ts";
import { causeOf, isStopping } from "../stopping.ts";
import type { ActiveCall } from "./control.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import { type RpcObject, rpcText } from "./json.ts";
import { Arguments, type BitcoinRpcContext, type Method } from "./method.ts";
import { bitcoinMethods } from "./methods.ts";
import {
  errorReply,
  isNotification,
  legacyStatus,
  positionalArguments,
  readRequest,
  type RequestHead,
  requestHead,
  resultReply,
  type RpcRequest,
} from "./request.ts";
import { methodNotFound } from "./unsupported.ts";

/** Calls in one batch. */
export const BATCH_MAX = 10_000;
/** Characters of a batch's answers after which the rest is refused. */
const BATCH_TEXT_MAX = 64 * 1024 * 1024;
/** The event loop gets its turn after so many calls of a batch. */
const BATCH_PAUSE = 100;

/** The answer to any other method than POST. */
export function notPosted(): Response {
  return new Response("JSONRPC server handles only POST requests", { status: 405, headers: { allow: "POST" } });
}

/** Answers calls. */
export class BitcoinRpc {
  readonly #context: BitcoinRpcContext;
  readonly #limits: RpcLimits;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #active = new Set<ActiveCall>();

  constructor(context: BitcoinRpcContext, limits: RpcLimits) {
    this.#context = context;
    this.#limits = limits;
    this.#methods = bitcoinMethods(() => this.#active);
  }

  /** Names of the methods that are answered. */
  get names(): readonly string[] {
    return [...this.#methods.keys()];
  }

  /** Answers an HTTP request, whatever is in it. */
  async answer(request: Request, room: WaitingRoom): Promise<Response> {
    if (request.method !== "POST") return notPosted();
    const { clock } = this.#context;
    let body: Json;
    try {
      const text = await withDeadline(
        clock,
        this.#limits.timeoutMs,
        (signal) => readBody(request, this.#limits.bodyBytesMax, signal),
        () => {
          throw new BodyError(408, "the body took too long");
        },
      );
      body = parseRequest(text, 500);
    } catch (thrown) {
      if (!(thrown instanceof BodyError)) throw thrown;
      if (thrown.status === 413 || thrown.status === 408) {
        return new Response(thrown.message, { status: thrown.status });
      }
      return this.#failure({ version: "legacy", id: null }, new JsonRpcError(RpcCode.parse, "Parse error"));
    }
    if (Array.isArray(body)) return await this.#batch(body, request.signal, room);
    if (typeof body !== "object" || body === null) {
      const error = new JsonRpcError(RpcCode.parse, "Top-level object parse error");
      return this.#failure({ version: "legacy", id: null }, error);
    }
    return await this.#single(body, request.signal, room);
  }

  async #single(body: Json, signal: AbortSignal, room: WaitingRoom): Promise<Response> {
    const head = requestHead(body);
    try {
      const reply = resultReply(head, await this.#call(readRequest(body), signal, room));
      return isNotification(head) ? new Response(null, { status: 204 }) : this.#response(rpcText(reply));
    } catch (thrown) {
      const error = asError(thrown, signal);
      if (isNotification(head)) return new Response(null, { status: 204 });
      // Version 2.0 keeps HTTP out of it, but for what is no request at all.
      return head.version === "2.0" ? this.#response(rpcText(errorReply(head, error))) : this.#failure(head, error);
    }
  }

  async #batch(calls: readonly Json[], signal: AbortSignal, room: WaitingRoom): Promise<Response> {
    const { clock } = this.#context;
    if (calls.length > BATCH_MAX) {
      const error = new JsonRpcError(RpcCode.invalidRequest, `a batch may have ${BATCH_MAX} calls`);
      return this.#failure({ version: "legacy", id: null }, error);
    }
    const texts: string[] = [];
    let length = 0;
    let busyMs = 0;
    for (const [index, call] of calls.entries()) {
      // A caller who has gone reads nothing; one whose node stops reads what became of each call.
      if (signal.aborted && !isStopping(signal)) break;
      if (index % BATCH_PAUSE === BATCH_PAUSE - 1) await clock.sleep(0);
      const head = requestHead(call);
      let reply: RpcObject;
      const startedAt = clock.monotonic();
      try {
        if (isStopping(signal)) throw signal.reason;
        if (length > BATCH_TEXT_MAX) throw new JsonRpcError(RpcCode.misc, "the answers of this batch are too large");
        if (busyMs > this.#limits.timeoutMs) throw new JsonRpcError(RpcCode.misc, "this batch takes too long");
        const request = readRequest(call);
        reply = resultReply(head, await this.#call(request, signal, room));
        if (!this.#waits(request)) busyMs += clock.monotonic() - startedAt;
      } catch (thrown) {
        reply = errorReply(head, asError(thrown, signal));
      }
      if (isNotification(head)) continue;
      const text = textOf(head, reply, signal);
      texts.push(text);
      length += text.length;
    }
    // Nobody waits for an answer to notifications only; an empty batch is answered as it always was.
    if (texts.length === 0 && calls.length > 0) return new Response(null, { status: 204 });
    return this.#response(`[${texts.join(",")}]`);
  }

  #waits({ method }: RpcRequest): boolean {
    return this.#methods.get(method)?.waits === true;
  }

  /** Calls a method. Throws {@link JsonRpcError}, and whatever the method does. */
  async #call(request: RpcRequest, signal: AbortSignal, room: WaitingRoom) {
    const method = this.#methods.get(request.method);
    if (method === undefined) throw methodNotFound(request.method);
    const { following } = this.#context.bitcoin;
    if (method.needsWriter === true && following !== undefined) following.refuse();
    const positional = positionalArguments(request.params, method.params.map(({ names }) => names));
    const args = new Arguments(method, positional);
    const { clock } = this.#context;
    const active = { method: method.name, startedAt: clock.monotonic() };
    this.#active.add(active);
    const leave = method.waits === true ? room.enterWaiting() : undefined;
    try {
      if (method.waits === true) {
        if (leave === undefined) throw new JsonRpcError(RpcCode.misc, "too many calls wait already");
        return await method.call(args, { context: this.#context, signal });
      }
      return await withDeadline(
        clock,
        this.#limits.timeoutMs,
        async (late) => await method.call(args, { context: this.#context, signal: AbortSignal.any([signal, late]) }),
        () => {
          throw new JsonRpcError(RpcCode.misc, "the call took too long");
        },
      );
    } finally {
      leave?.();
      this.#active.delete(active);
    }
  }

  #response(text: string, status = 200): Response {
    const headers = { "content-type": "application/json", "x-validation": this.#context.bitcoin.state().validation };
    return new Response(`${text}\n`, { status, headers });
  }

  #failure(head: RequestHead, error: JsonRpcError): Response {
    return this.#response(rpcText(errorReply(head, error)), legacyStatus(error));
  }
}

/** A reply as text. One that JSON cannot carry is a failure of that call, not of its batch. */
function textOf(head: RequestHead, reply: RpcObject, signal: AbortSignal): string {
  try {
    return rpcText(reply);
  } catch (thrown) {
    return rpcText(errorReply(head, asError(thrown, signal)));
  }
}

/** What a thrown thing is called towards the caller. The text of an unforeseen error may name paths and is not shown. */
function asError(thrown: unknown, signal: AbortSignal): JsonRpcError {
  if (thrown instanceof JsonRpcError) return thrown;
  const cause = causeOf(thrown, signal);
  if (cause instanceof NodeError) return new JsonRpcError(RpcCode.misc, `${cause.code}: ${messageOf(cause)}`);
  return new JsonRpcError(RpcCode.internal, "the call failed inside the node");
}

/** The route. A request's bindings are its waiting room. */
export function bitcoinRpc(context: BitcoinRpcContext, limits: RpcLimits): Hono<{ Bindings: WaitingRoom }> {
  const app = new Hono<{ Bindings: WaitingRoom }>();
  const rpc = new BitcoinRpc(context, limits);
  app.all("/", (c) => rpc.answer(c.req.raw, c.env));
  return app;
}
