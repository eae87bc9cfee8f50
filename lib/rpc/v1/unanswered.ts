/**
 * What a request is told that no route answers.
 *
 * @module
 */
import { problem } from "../json.ts";

/** The methods that routes have. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/**
 * 405 with what is allowed where there is a route for another method, else 404: as problem+json below `/v1`, and elsewhere
 * as chia-blockchain words it. `hasRoute`: whether there is a route for a method at this path.
 */
export function unanswered(path: string, hasRoute: (method: string) => boolean): Response {
  const allowed = METHODS.filter(hasRoute);
  if (allowed.length > 0) {
    // HEAD is answered wherever GET is.
    const allow = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    return problem(405, `the methods here are ${allow}`, { allow });
  }
  if (path === "/v1" || path.startsWith("/v1/")) return problem(404, "there is no such path");
  return new Response("404: Not Found", { status: 404 });
}
