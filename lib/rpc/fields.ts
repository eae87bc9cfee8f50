/**
 * The body of a native call.
 *
 * @module
 */
import type { JsonObject } from "../codec/json.ts";
import type { Clock } from "../core/ports.ts";
import { BodyError, parseRequest, readBody } from "./json.ts";
import { type RpcLimits, withDeadline } from "./limits.ts";

/** Reads a JSON object in time. Throws {@link BodyError}: 400, 408 or 413. */
export function fieldsOf(request: Request, clock: Clock, limits: RpcLimits): Promise<JsonObject> {
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
