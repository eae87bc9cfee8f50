/**
 * `/v1/bans`: hosts that may not connect.
 *
 * @module
 */
import { Hono } from "hono";
import type { JsonObject } from "../../codec/json.ts";
import { banTarget } from "../../core/peers/bans.ts";
import type { ChainBan } from "../chain-handle.ts";
import type { RpcContext } from "../context.ts";
import { jsonResponse, problem } from "../json.ts";
import type { RpcLimits } from "../limits.ts";
import { bodyOf, chainsOf, z } from "./request.ts";

/** A ban that names no time holds for a day. */
const BAN_SECONDS = 86_400;
const BAN_SECONDS_MAX = 10 * 365 * 86_400;
const REASON_CHARS_MAX = 200;

const HOST_TEXT = "host: an IP address, a subnet, or a name of Tor or I2P";
const SECONDS_TEXT = `seconds: above 0, at most ${BAN_SECONDS_MAX}`;
const REASON_TEXT = `reason: at most ${REASON_CHARS_MAX} characters`;
/** The body of `POST /v1/bans`. */
const Ban = z.object({
  host: z.string(HOST_TEXT).check(z.refine((host) => banTarget(host) !== undefined, HOST_TEXT)),
  seconds: z._default(
    z.number(SECONDS_TEXT).check(z.gt(0, SECONDS_TEXT), z.lte(BAN_SECONDS_MAX, SECONDS_TEXT)),
    BAN_SECONDS,
  ),
  reason: z._default(z.string(REASON_TEXT).check(z.maxLength(REASON_CHARS_MAX, REASON_TEXT)), "by hand"),
  chain: z.optional(z.unknown()),
});

function banJson(chain: string, ban: ChainBan): JsonObject {
  const { host, until, effect, scope, reason } = ban;
  return { chain, host, until: new Date(until).toISOString(), effect, scope, reason };
}

/** The routes. */
export function banRoutes(context: RpcContext, limits: RpcLimits): Hono {
  const app = new Hono();
  app.get("/v1/bans", (c) => {
    const bans = chainsOf(context, c.req.query("chain")).flatMap(({ chain, ...handle }) =>
      handle.bans().map((ban) => banJson(chain, ban))
    );
    return jsonResponse({ bans });
  });

  app.post("/v1/bans", async (c) => {
    const { host, seconds, reason, chain } = await bodyOf(Ban, c.req.raw, context, limits);
    // A host that is not wanted is not wanted on any chain, unless one is named.
    for (const handle of chainsOf(context, chain)) handle.ban(host, seconds, reason);
    return jsonResponse({ host, seconds, reason }, { status: 201 });
  });

  app.delete("/v1/bans", (c) => {
    const host = c.req.query("host") ?? "";
    const lifted = chainsOf(context, c.req.query("chain")).filter((handle) => handle.unban(host)).length > 0;
    return lifted ? new Response(null, { status: 204 }) : problem(404, `${host.slice(0, 45)} is not banned`);
  });
  return app;
}
