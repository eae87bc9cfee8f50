/**
 * The shape of a chia-blockchain route: JSON in, the fields of the answer out; whatever is thrown becomes
 * `success: false`. A request need not be an object: the reference stumbles over another one only where a route reads it.
 *
 * @module
 */
import type { Json, JsonObject } from "../../codec/json.ts";
import type { ChiaService } from "../../chia/service.ts";
import type { RpcContext } from "../context.ts";

/** What the routes are given where Chia runs. */
export type ChiaRpcContext = RpcContext & { readonly chia: ChiaService };

/** Answers one route. The signal aborts when the caller is gone or the time is up. */
export type ChiaRoute = (request: Json, context: ChiaRpcContext, signal: AbortSignal) => Promise<JsonObject>;

/** Routes by name, without the slash, in the order in which `get_routes` lists them. */
export type ChiaRoutes = { readonly [name: string]: ChiaRoute };
