/**
 * `/v1`, `/metrics` and `/events`: this node's own routes. Integers above 2^53 are decimal text here, errors are problem+json.
 *
 * @module
 */
import { addressBookJson } from "./address-book.ts";
import { Hono } from "hono";
import type { Json, JsonObject } from "../codec/json.ts";
import { addressText } from "../core/address-text.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import { banTarget } from "../core/peers/bans.ts";
import { ALREADY_CONNECTED } from "../core/dialling/manual-peers.ts";
import type { ChainBan, ChainHandle } from "./chain-handle.ts";
import type { RpcContext } from "./context.ts";
import { eventStream, subscriptionOfRequest } from "./events.ts";
import { fieldsOf } from "./fields.ts";
import { BodyError, jsonResponse, problem } from "./json.ts";
import type { RpcLimits } from "./limits.ts";
import { trafficJson } from "./traffic.ts";

function banJson(chain: string, ban: ChainBan): JsonObject {
  const { host, until, effect, scope, reason } = ban;
  return { chain, host, until: new Date(until).toISOString(), effect, scope, reason };
}

/** The chain that a request names; without a name the only one there is. */
function chainOf({ chains }: RpcContext, name: Json | undefined): ChainHandle {
  const [first, ...more] = chains;
  if (name === undefined && first !== undefined && more.length === 0) return first;
  const found = chains.find(({ chain }) => chain === name);
  if (found !== undefined) return found;
  const known = chains.map(({ chain }) => chain).join(" or ");
  throw new BodyError(400, name === undefined ? `chain: ${known}?` : `chain: ${known}`);
}

/** Addresses of each book that are told. */
const ADDRESSES_STANDARD = 100;
const ADDRESSES_MAX = 10_000;
/** A ban that names no time holds for a day. */
const BAN_SECONDS = 86_400;
const BAN_SECONDS_MAX = 10 * 365 * 86_400;

/** The native routes. `onSubscriber` is asked for a place and gives back the function that leaves it. */
export function nativeRoutes(
  context: RpcContext,
  limits: RpcLimits,
  enterSubscriber: () => (() => void) | undefined,
): Hono {
  const app = new Hono();
  /** The chains that `?chain=` names, or all. */
  const asked = (name: string | undefined) => (name === undefined ? context.chains : [chainOf(context, name)]);

  app.get("/v1/status", async (c) => {
    const chains: Json[] = await Promise.all(asked(c.req.query("chain")).map((chain) => chain.status()));
    return jsonResponse({ version: context.version, chains });
  });

  app.get("/v1/peers", (c) => jsonResponse({ peers: asked(c.req.query("chain")).flatMap((chain) => chain.peers()) }));
  app.post("/v1/peers", async (c) => {
    const { host, port, chain } = await fieldsOf(c.req.raw, context.clock, limits);
    if (typeof host !== "string" || host === "" || host.length > 255) {
      throw new BodyError(400, "host: a name or an address");
    }
    if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new BodyError(400, "port: 1 to 65535");
    }
    const handle = chainOf(context, chain);
    try {
      return jsonResponse(await handle.connect(host, port), { status: 201 });
    } catch (error) {
      if (error instanceof NodeError && error.code === ALREADY_CONNECTED) return problem(409, error.message);
      return problem(502, `could not connect to ${addressText({ host, port })}: ${messageOf(error)}`);
    }
  });
  app.delete("/v1/peers/:id{[0-9]+}", async (c) => {
    const id = Number(c.req.param("id"));
    if (!await chainOf(context, c.req.query("chain")).disconnect(id)) return problem(404, `there is no peer ${id}`);
    return new Response(null, { status: 204 });
  });

  app.get("/v1/peers/:id{[0-9]+}/traffic", (c) => {
    const id = Number(c.req.param("id"));
    const traffic = chainOf(context, c.req.query("chain")).trafficOf(id);
    return traffic === undefined ? problem(404, `there is no peer ${id}`) : jsonResponse(trafficJson(traffic));
  });

  app.get("/v1/traffic", (c) => {
    const { memory, upload } = context;
    const { bytesMax, isReached, bytesLeft, msLeft } = upload.state();
    return jsonResponse({
      chains: asked(c.req.query("chain")).map(({ chain, traffic }) => ({ chain, ...trafficJson(traffic) })),
      upload: bytesMax === 0
        ? null
        : { target: bytesMax, reached: isReached, bytes_left: bytesLeft, seconds_left: Math.floor(msLeft / 1000) },
      peer_memory: { bytes_max: memory.bytesMax, bytes_used: memory.used },
    });
  });

  app.get("/metrics", async () => {
    // A caller that never asks for them need not load what writes them.
    const { metricsOf } = await import("./metrics.ts");
    const { contentType, text } = await metricsOf(context);
    return new Response(text, { headers: { "content-type": contentType } });
  });

  app.get("/v1/addresses", (c) => {
    const limit = Number(c.req.query("limit") ?? ADDRESSES_STANDARD);
    if (!Number.isInteger(limit) || limit < 0 || limit > ADDRESSES_MAX) {
      throw new BodyError(400, `limit: 0 to ${ADDRESSES_MAX}`);
    }
    return jsonResponse({ books: asked(c.req.query("chain")).map((chain) => addressBookJson(chain, limit)) });
  });

  app.get("/v1/bans", (c) => {
    const bans = asked(c.req.query("chain")).flatMap(({ chain, ...handle }) =>
      handle.bans().map((ban) => banJson(chain, ban))
    );
    return jsonResponse({ bans });
  });
  app.post("/v1/bans", async (c) => {
    const { host, seconds = BAN_SECONDS, reason = "by hand", chain } = await fieldsOf(c.req.raw, context.clock, limits);
    if (typeof host !== "string" || banTarget(host) === undefined) {
      throw new BodyError(400, "host: an IP address, a subnet, or a name of Tor or I2P");
    }
    if (typeof seconds !== "number" || !(seconds > 0 && seconds <= BAN_SECONDS_MAX)) {
      throw new BodyError(400, `seconds: above 0, at most ${BAN_SECONDS_MAX}`);
    }
    if (typeof reason !== "string" || reason.length > 200) throw new BodyError(400, "reason: at most 200 characters");
    // A host that is not wanted is not wanted on any chain, unless one is named.
    for (const handle of chain === undefined ? context.chains : [chainOf(context, chain)]) {
      handle.ban(host, seconds, reason);
    }
    return jsonResponse({ host, seconds, reason }, { status: 201 });
  });
  app.delete("/v1/bans", (c) => {
    const host = c.req.query("host") ?? "";
    const lifted = asked(c.req.query("chain")).filter((handle) => handle.unban(host)).length > 0;
    return lifted ? new Response(null, { status: 204 }) : problem(404, `${host.slice(0, 45)} is not banned`);
  });

  // The block as it is on the wire; JSON is what get_block and getblock are for.
  app.get("/v1/chains/:chain/blocks/:id{(?:[0-9]{1,10}|(?:0x)?[0-9a-fA-F]{64})\\.bin}", async (c) => {
    const handle = context.chains.find(({ chain }) => chain === c.req.param("chain"));
    if (handle === undefined) return problem(404, `no chain ${c.req.param("chain").slice(0, 20)} runs here`);
    const id = c.req.param("id").slice(0, -".bin".length).replace(/^0x/, "");
    const byHash = id.length === 64;
    const block = await handle.rawBlock(byHash ? { hash: id } : { height: Number(id) });
    if (block === undefined) return problem(404, `there is no block ${id}`);
    const headers: Record<string, string> = {
      "content-type": "application/octet-stream",
      "x-validation": handle.progress().validation,
    };
    // A block never changes; which block stands at a height may.
    if (byHash) headers.etag = `"${block.hash}"`;
    return new Response(new Uint8Array(block.raw), { headers });
  });

  const events = (request: Request) => {
    const url = new URL(request.url);
    const wanted = subscriptionOfRequest(url, request.headers);
    const format = url.searchParams.get("format") === "cbor" ||
        (request.headers.get("accept") ?? "").includes("application/cbor-seq")
      ? "cbor"
      : "sse";
    const leave = enterSubscriber();
    if (leave === undefined) return problem(503, "too many readers of events", { "retry-after": "5" });
    return new Response(eventStream(context, wanted, format, request.signal, leave), {
      headers: {
        "content-type": format === "cbor" ? "application/cbor-seq" : "text/event-stream",
        "cache-control": "no-store",
      },
    });
  };
  app.get("/events", (c) => events(c.req.raw));
  app.get("/v1/events", (c) => events(c.req.raw));

  app.onError(nativeFailure);
  return app;
}

/** What a native route answers when it throws. */
export function nativeFailure(error: unknown): Response {
  if (error instanceof BodyError) return problem(error.status, error.message);
  // The code helps to report it; the message of an unforeseen error may name paths and is not shown.
  return problem(
    500,
    error instanceof NodeError ? `${error.code}: ${error.message}` : "the call failed inside the node",
  );
}
