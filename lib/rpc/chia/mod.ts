/**
 * The routes of chia-blockchain's full node that this node answers, on one Hono router.
 *
 * @module
 */
import { Hono } from "hono";
import type { Json } from "../../codec/json.ts";
import { failureBody, RpcError } from "../errors.ts";
import { BodyError, jsonResponse, parseRequest, readBody } from "../json.ts";
import type { RpcLimits } from "../limits.ts";
import { withDeadline } from "../limits.ts";
import { causeOf } from "../stopping.ts";
import { blockRoutes } from "./blocks.ts";
import { nodeRoutes } from "./service-routes.ts";
import type { ChiaRoute, ChiaRoutes, ChiaRpcContext } from "./route.ts";
import { stateRoutes, UNKNOWN_STATE_FIELDS } from "./state.ts";

/** What there is, in the reference's order: the full node's own, then those of every service. */
const ROUTES: ChiaRoutes = {
  get_blockchain_state: stateRoutes.get_blockchain_state,
  ...blockRoutes,
  get_aggsig_additional_data: stateRoutes.get_aggsig_additional_data,
  get_constants: stateRoutes.get_constants,
  get_network_info: stateRoutes.get_network_info,
  ...nodeRoutes,
  get_routes: () => Promise.resolve({ success: true, routes: CHIA_ROUTE_NAMES.map((name) => "/" + name) }),
};

/** Names of the routes that are answered. */
export const CHIA_ROUTE_NAMES: readonly string[] = Object.keys(ROUTES);

/** Routes of the reference that need what this version does not do, and what that is. */
const UNSUPPORTED: readonly (readonly [needs: string, names: readonly string[]])[] = [
  ["full validation (it runs no CLVM yet)", [
    "get_block_count_metrics",
    "get_block_spends",
    "get_block_spends_with_conditions",
    "get_additions_and_removals",
    "get_puzzle_and_solution",
    "get_coin_record_by_name",
    "get_coin_records_by_names",
    "get_coin_records_by_puzzle_hash",
    "get_coin_records_by_puzzle_hashes",
    "get_coin_records_by_parent_ids",
    "get_coin_records_by_hint",
    "get_unfinished_block_headers",
    "get_recent_signage_point_or_eos",
  ]],
  ["a mempool", [
    "push_tx",
    "get_all_mempool_tx_ids",
    "get_all_mempool_items",
    "get_mempool_item_by_tx_id",
    "get_mempool_items_by_coin_name",
    "create_block_generator",
    "get_fee_estimate",
  ]],
];

/** `POST /name` for each route. The body is read and answered within the limits. */
export function chiaRoutes(context: ChiaRpcContext, limits: RpcLimits): Hono {
  const app = new Hono();
  const serve = (name: string, route: ChiaRoute) => {
    app.post("/" + name, (c) =>
      withDeadline(
        context.clock,
        limits.timeoutMs,
        (signal) => answer(name, route, c.req.raw, context, limits, AbortSignal.any([signal, c.req.raw.signal])),
        () => new Response("408: Request Timeout", { status: 408 }),
      ));
    app.all("/" + name, () => new Response("405: Method Not Allowed", { status: 405, headers: { allow: "POST" } }));
  };
  for (const [name, route] of Object.entries(ROUTES)) serve(name, route);
  for (const [needs, names] of UNSUPPORTED) {
    for (const name of names) {
      serve(
        name,
        () => Promise.reject(new RpcError("API_ERROR", `${name} needs ${needs}, which this node does not do`)),
      );
    }
  }
  return app;
}

async function answer(
  name: string,
  route: ChiaRoute,
  raw: Request,
  context: ChiaRpcContext,
  limits: RpcLimits,
  signal: AbortSignal,
): Promise<Response> {
  let request: Json;
  try {
    // The reference answers 500 to what is not JSON; it has no other word for it.
    request = parseRequest(await readBody(raw, limits.bodyBytesMax, signal), 500);
  } catch (error) {
    if (!(error instanceof BodyError)) return jsonResponse(failureBody(error));
    return new Response(`${error.status}: ${error.message}`, { status: error.status });
  }
  const headers: Record<string, string> = { "x-validation": context.chia.state().validation };
  if (name === "get_blockchain_state") headers["x-unknown"] = UNKNOWN_STATE_FIELDS;
  try {
    return jsonResponse({ success: true, ...await route(request, context, signal) }, { headers });
  } catch (error) {
    return jsonResponse(failureBody(error instanceof RpcError ? error : causeOf(error, signal)), { headers });
  }
}
