/**
 * `/v1` and `/events`: this node's own routes. Integers above 2^53 are decimal text here, errors are problem+json.
 *
 * @module
 */
import { Hono } from "hono";
import { fromHex, toHex } from "../codec/hex.ts";
import type { BanView, PeerView } from "../chia/service.ts";
import type { Json, JsonObject } from "../chia/streamable/mod.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { RpcContext } from "./context.ts";
import { eventStream, subscriptionOfRequest } from "./events.ts";
import { BodyError, jsonResponse, parseRequest, problem, readBody } from "./json.ts";
import { type RpcLimits, withDeadline } from "./limits.ts";

/** One chain in `/v1/status`, as `gemel status --json` prints it. */
export type ChainStatus = {
  readonly chain: string;
  readonly network: string;
  readonly mode: string;
  readonly height: number | null;
  readonly best_peer_height: number;
  readonly behind: number;
  readonly header_hash: string | null;
  readonly tip_age_s: number | null;
  readonly synced: boolean;
  readonly peers: { readonly out: number; readonly in: number };
  readonly disk_bytes: number;
  readonly validation: string;
  readonly agree: string;
};

/** The Chia chain's status. */
export async function chiaStatus({ chia, clock }: RpcContext): Promise<ChainStatus> {
  const state = chia.state();
  const peak = await chia.store.peak();
  const peers = chia.peers();
  const timed = peak === undefined || peak.timestamp !== null
    ? peak
    : (await chia.store.mainRecords(peak.prevTransactionBlockHeight, peak.prevTransactionBlockHeight + 1))[0];
  const timestamp = timed?.timestamp ?? undefined;
  const out = peers.filter((peer) => peer.direction === "out").length;
  const bestPeerHeight = Math.max(state.bestPeerHeight, 0);
  return {
    chain: "chia",
    network: chia.network.name,
    mode: "light",
    height: peak?.height ?? null,
    best_peer_height: bestPeerHeight,
    behind: Math.max(0, bestPeerHeight - (peak?.height ?? 0)),
    header_hash: peak === undefined ? null : "0x" + toHex(peak.headerHash),
    tip_age_s: timestamp === undefined ? null : Math.max(0, Math.floor(clock.now() / 1000 - Number(timestamp))),
    synced: state.synced,
    peers: { out, in: peers.length - out },
    disk_bytes: (await chia.store.counts()).bytes,
    validation: state.validation,
    agree: `${state.agreement.agree}/${state.agreement.of}`,
  };
}

/** A peer as `/v1/peers` and `gemel peers list --json` print it. */
export function peerJson(peer: PeerView, nowMs: number): JsonObject {
  return {
    id: peer.id,
    chain: "chia",
    direction: peer.direction,
    host: peer.host,
    port: peer.port,
    server_port: peer.serverPort,
    node_id: "0x" + toHex(peer.nodeId),
    type: peer.type,
    agent: peer.agent,
    protocol_version: peer.protocolVersion,
    age_s: Math.max(0, Math.floor(nowMs / 1000 - peer.creationTime)),
    last_message_time: peer.lastMessageTime,
    bytes_read: peer.bytesRead,
    bytes_written: peer.bytesWritten,
    peak_height: peer.peakHeight ?? null,
    peak_weight: peer.peakWeight?.toString() ?? null,
    peak_hash: peer.peakHash === undefined ? null : "0x" + toHex(peer.peakHash),
  };
}

function banJson(ban: BanView): JsonObject {
  return { host: ban.host, until: new Date(ban.until).toISOString(), reason: ban.reason };
}

/** A ban that names no time holds for a day. */
const BAN_SECONDS = 86_400;
const BAN_SECONDS_MAX = 10 * 365 * 86_400;

/** The native routes. `onSubscriber` is asked for a place and gives back the function that leaves it. */
export function nativeRoutes(
  context: RpcContext,
  limits: RpcLimits,
  enterSubscriber: () => (() => void) | undefined,
): Hono {
  const { chia, clock } = context;
  const app = new Hono();

  app.get("/v1/status", async () => {
    const chains: Json[] = [await chiaStatus(context)];
    return jsonResponse({ version: context.version, chains });
  });

  app.get("/v1/peers", () => jsonResponse({ peers: chia.peers().map((peer) => peerJson(peer, clock.now())) }));
  app.post("/v1/peers", async (c) => {
    const { host, port } = await fieldsOf(c.req.raw, context, limits);
    if (typeof host !== "string" || host === "" || host.length > 255) {
      throw new BodyError(400, "host: a name or an address");
    }
    if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new BodyError(400, "port: 1 to 65535");
    }
    try {
      return jsonResponse(peerJson(await chia.connect(host, port), clock.now()), { status: 201 });
    } catch (error) {
      return problem(502, `could not connect to ${host}:${port}: ${messageOf(error)}`);
    }
  });
  app.delete("/v1/peers/:id{[0-9]+}", async (c) => {
    const id = Number(c.req.param("id"));
    const peer = chia.peers().find((candidate) => candidate.id === id);
    if (peer === undefined || !await chia.disconnect(peer.nodeId)) return problem(404, `there is no peer ${id}`);
    return new Response(null, { status: 204 });
  });

  app.get("/v1/bans", () => jsonResponse({ bans: chia.bans().map(banJson) }));
  app.post("/v1/bans", async (c) => {
    const { host, seconds = BAN_SECONDS, reason = "by hand" } = await fieldsOf(c.req.raw, context, limits);
    if (typeof host !== "string" || !/^[0-9a-fA-F:.]{2,45}$/.test(host)) {
      throw new BodyError(400, "host: an IP address");
    }
    if (typeof seconds !== "number" || !(seconds > 0 && seconds <= BAN_SECONDS_MAX)) {
      throw new BodyError(400, `seconds: above 0, at most ${BAN_SECONDS_MAX}`);
    }
    if (typeof reason !== "string" || reason.length > 200) throw new BodyError(400, "reason: at most 200 characters");
    chia.ban(host, seconds, reason);
    return jsonResponse({ host, seconds, reason }, { status: 201 });
  });
  app.delete("/v1/bans", (c) => {
    const host = c.req.query("host") ?? "";
    return chia.unban(host) ? new Response(null, { status: 204 }) : problem(404, `${host.slice(0, 45)} is not banned`);
  });

  // The block as it is on the wire; JSON is what get_block is for.
  app.get("/v1/chains/chia/blocks/:id{(?:[0-9]{1,10}|(?:0x)?[0-9a-fA-F]{64})\\.bin}", async (c) => {
    const id = c.req.param("id").slice(0, -".bin".length);
    const byHash = id.replace(/^0x/, "").length === 64;
    const headerHash = byHash ? fromHex(id) : await chia.store.hashAt(Number(id));
    const raw = headerHash && await chia.store.block(headerHash);
    if (raw === undefined) return problem(404, `there is no block ${id}`);
    const headers: Record<string, string> = {
      "content-type": "application/octet-stream",
      "x-validation": chia.state().validation,
    };
    // A block never changes; which block stands at a height may.
    if (byHash) headers.etag = `"${toHex(headerHash!)}"`;
    return new Response(new Uint8Array(raw), { headers });
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
  // The code helps whoever reports it; the message of an unforeseen error may name paths and is not shown.
  return problem(
    500,
    error instanceof NodeError ? `${error.code}: ${error.message}` : "the call failed inside the node",
  );
}

function fieldsOf(request: Request, { clock }: RpcContext, limits: RpcLimits): Promise<JsonObject> {
  return withDeadline(clock, limits.timeoutMs, async (signal) => {
    const body = parseRequest(await readBody(request, limits.bodyBytesMax, signal), 400);
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      throw new BodyError(400, "expected an object");
    }
    return body as JsonObject;
  }, () => {
    throw new BodyError(408, "the body took too long");
  });
}
