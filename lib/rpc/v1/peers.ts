/**
 * `/v1/peers`: who is connected; connecting and disconnecting.
 *
 * @module
 */
import { Hono } from "hono";
import { addressText } from "../../core/address-text.ts";
import { ALREADY_CONNECTED } from "../../core/dialling/manual-peers.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import { ONLY_READS } from "../../core/following.ts";
import type { RpcContext } from "../context.ts";
import { jsonResponse, problem } from "../json.ts";
import type { RpcLimits } from "../limits.ts";
import { bodyOf, chainOf, chainsOf, z } from "./request.ts";

const HOST_TEXT = "host: a name or an address";
const PORT_TEXT = "port: 1 to 65535";
/** The body of `POST /v1/peers`. */
const Connect = z.object({
  host: z.string(HOST_TEXT).check(z.minLength(1, HOST_TEXT), z.maxLength(255, HOST_TEXT)),
  port: z.number(PORT_TEXT).check(z.int(PORT_TEXT), z.gte(1, PORT_TEXT), z.lte(65_535, PORT_TEXT)),
  chain: z.optional(z.unknown()),
});

/** The routes. */
export function peerRoutes(context: RpcContext, limits: RpcLimits): Hono {
  const app = new Hono();
  app.get(
    "/v1/peers",
    (c) => jsonResponse({ peers: chainsOf(context, c.req.query("chain")).flatMap((chain) => chain.peers()) }),
  );

  app.post("/v1/peers", async (c) => {
    const { host, port, chain } = await bodyOf(Connect, c.req.raw, context, limits);
    const handle = chainOf(context, chain);
    try {
      return jsonResponse(await handle.connect(host, port), { status: 201 });
    } catch (error) {
      if (error instanceof NodeError && error.code === ALREADY_CONNECTED) return problem(409, error.message);
      if (error instanceof NodeError && error.code === ONLY_READS) throw error;
      return problem(502, `could not connect to ${addressText({ host, port })}: ${messageOf(error)}`);
    }
  });

  app.delete("/v1/peers/:id{[0-9]+}", async (c) => {
    const id = Number(c.req.param("id"));
    if (!await chainOf(context, c.req.query("chain")).disconnect(id)) return problem(404, `there is no peer ${id}`);
    return new Response(null, { status: 204 });
  });
  return app;
}
