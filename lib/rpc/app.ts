/**
 * The RPC application: who may call, how much at once, and which routes there are. Takes a Fetch request and what the
 * listener knows of its sender; knows no socket.
 *
 * @module
 */
import { Hono } from "hono";
import type { ByteDuplex, Random } from "../core/ports.ts";
import { upgradeWebSocket } from "../transport/websocket/mod.ts";
import { type AuthOptions, challengeOf, type ClientIdentity, placeRefusal, refusalOf } from "./auth.ts";
import { bitcoinRpc, notPosted } from "./bitcoin/mod.ts";
import { BitcoinRest } from "./bitcoin/rest.ts";
import { chiaRoutes } from "./chia/mod.ts";
import type { RpcContext } from "./context.ts";
import { eventsOverSocket, subscriptionOfRequest } from "./v1/event-streams.ts";
import { problem } from "./json.ts";
import { Gate, RPC_LIMITS, type RpcLimits, type WaitingRoom } from "./limits.ts";
import { stopping } from "./stopping.ts";
import { nativeFailure, nativeRoutes, unanswered, watchRoutes } from "./v1/mod.ts";

/** How an RPC application is made. */
export interface RpcOptions {
  readonly auth: AuthOptions;
  readonly limits?: Partial<RpcLimits>;
  readonly random: Random;
  /** Answer Bitcoin's REST on the port without TLS. */
  readonly rest?: boolean;
}

/** An upgrade request, as the listener hands it over. */
export interface RpcUpgrade {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** Answers requests. */
export interface RpcApp {
  fetch(request: Request, identity?: ClientIdentity): Promise<Response>;
  /**
   * Answers a request that came without TLS, on loopback: Bitcoin's `POST /`, by cookie or by name and password, and its
   * REST without either, if that is switched on.
   */
  fetchPlain(request: Request, identity?: Pick<ClientIdentity, "proved">): Promise<Response>;
  /** Answers a request to leave HTTP: `/events` as a WebSocket. Owns the duplex; settles when it is over, never rejects. */
  upgrade(request: RpcUpgrade, duplex: ByteDuplex, identity?: ClientIdentity): Promise<void>;
  /** Ends every stream of events. */
  close(): void;
}

/** Bytes of one message that a reader of events may send. */
const SUBSCRIPTION_BYTES_MAX = 16 * 1024;

/** Makes the application of a node. */
export function rpcApp(context: RpcContext, options: RpcOptions): RpcApp {
  const limits: RpcLimits = { ...RPC_LIMITS, ...options.limits };
  const gate = new Gate(limits.concurrency, limits.queue);
  const subscribers = new Set<symbol>();
  const closing = new AbortController();
  const enterSubscriber = () => {
    if (subscribers.size >= limits.subscribersMax) return undefined;
    const place = Symbol();
    subscribers.add(place);
    return () => void subscribers.delete(place);
  };

  const app = new Hono<{ Bindings: WaitingRoom }>();
  const { chia, bitcoin } = context;
  let rest: BitcoinRest | undefined;
  if (bitcoin !== undefined) {
    if (options.rest === true) rest = new BitcoinRest({ ...context, bitcoin }, limits);
    app.route("/", bitcoinRpc({ ...context, bitcoin }, limits));
    app.route("/", watchRoutes({ ...context, bitcoin }, limits));
  }
  if (chia !== undefined) app.route("/", chiaRoutes({ ...context, chia }, limits));
  app.route("/", nativeRoutes(context, limits, enterSubscriber));
  app.notFound((c) => unanswered(c.req.path, (method) => app.router.match(method, c.req.path)[0].length > 0));
  app.onError((error, c) => nativeFailure(error, c.req.raw.signal));

  const { basic } = options.auth;
  const plainAuth: AuthOptions = { token: undefined, hosts: [], plain: true, ...(basic !== undefined && { basic }) };

  /** Hands a request to the routes when its turn comes. A call that waits gives its turn back. */
  const inTurn = async (
    request: Request,
    answer: (request: Request, room: WaitingRoom) => Response | Promise<Response> = app.fetch,
  ): Promise<Response> => {
    const leave = await gate.enter();
    if (leave === undefined) return problem(503, "too many calls at once", { "retry-after": "1" });
    try {
      const signal = AbortSignal.any([request.signal, closing.signal]);
      const room: WaitingRoom = {
        enterWaiting() {
          const place = enterSubscriber();
          if (place !== undefined) leave();
          return place;
        },
      };
      const response = await answer(withSignal(request, signal), room);
      response.headers.set("x-content-type-options", "nosniff");
      return response;
    } finally {
      leave();
    }
  };

  return {
    async fetch(request, identity) {
      const refusal = await refusalOf(request, identity, options.auth, context.clock);
      if (refusal === undefined) {
        identity?.proved?.();
        return await inTurn(request);
      }
      const headers = refusal.status === 401 ? { "www-authenticate": challengeOf(options.auth) } : {};
      return problem(refusal.status, refusal.title, headers);
    },

    async fetchPlain(request, identity) {
      const { pathname } = new URL(request.url);
      const resources = pathname.startsWith("/rest/") ? rest : undefined;
      if (resources !== undefined) {
        const refusal = placeRefusal(request, plainAuth);
        if (refusal !== undefined) return new Response(`${refusal.title}\n`, { status: refusal.status });
        return await inTurn(request, (given) => resources.answer(given));
      }
      if (pathname !== "/") return new Response(null, { status: 404 });
      if (request.method !== "POST") return notPosted();
      const refusal = await refusalOf(request, undefined, plainAuth, context.clock);
      if (refusal === undefined) {
        identity?.proved?.();
        return await inTurn(request);
      }
      const headers = refusal.status === 401 ? { "www-authenticate": challengeOf(plainAuth) } : {};
      return new Response(`${refusal.title}\n`, { status: refusal.status, headers });
    },

    async upgrade(upgrade, duplex, identity) {
      try {
        const asked = requestOf(upgrade);
        const refusal = asked === undefined
          ? { status: 400, title: "Bad Request" }
          : await refusalOf(asked, identity, options.auth, context.clock);
        const leave = refusal === undefined ? enterSubscriber() : undefined;
        if (refusal === undefined) identity?.proved?.();
        try {
          const url = asked && new URL(asked.url);
          const says = url?.searchParams.has("topics") || url?.searchParams.has("since");
          const initial = url && says ? () => subscriptionOfRequest(url, asked.headers) : undefined;
          const socket = upgradeWebSocket(duplex, upgrade, {
            clock: context.clock,
            random: options.random,
            path: upgrade.target.split("?", 1)[0] === "/v1/events" ? "/v1/events" : "/events",
            messageBytesMax: SUBSCRIPTION_BYTES_MAX,
            pingIntervalMs: 15_000,
            refuse: () => {
              if (refusal !== undefined) return { status: refusal.status, reason: refusal.title };
              return leave === undefined ? { status: 503, reason: "too many readers of events" } : undefined;
            },
          });
          socket.opened.catch(() => {});
          await eventsOverSocket(socket, context, { ...(initial && { initial }), signal: closing.signal });
          await socket.closed;
        } finally {
          leave?.();
        }
      } catch (error) {
        duplex.destroy(error);
      }
    },

    close: () => closing.abort(stopping()),
  };
}

/** An upgrade as a request that asks for the same; undefined for one whose target or headers no URL and no request can have. */
function requestOf({ target, headers }: RpcUpgrade): Request | undefined {
  try {
    const own = new Headers([...headers].filter(([name]) => !name.startsWith(":")));
    return new Request(new URL(target, `https://${own.get("host") ?? "localhost"}`), { headers: own });
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}

/**
 * The same request with another signal. Its parts are named one by one: what a listener passes may only look like a
 * Request, and copying such a thing as a whole loses the method on Bun.
 */
function withSignal(request: Request, signal: AbortSignal): Request {
  const { url, method, headers, body } = request;
  const init = { method, headers, signal, ...(body !== null && { body, duplex: "half" as const }) };
  return new Request(url, init);
}
