/**
 * What a native call asks, held against the schema of what may be asked.
 *
 * @module
 */
import * as z from "zod/mini";
import type { Json } from "../../codec/json.ts";
import { NodeError } from "../../core/errors.ts";
import { ONLY_READS } from "../../core/following.ts";
import type { Clock } from "../../core/ports.ts";
import type { ChainHandle } from "../chain-handle.ts";
import type { RpcContext } from "../context.ts";
import { BodyError, parseRequest, problem, readBody } from "../json.ts";
import { type RpcLimits, withDeadline } from "../limits.ts";
import { isStopping, stopping } from "../stopping.ts";

/** What schemas are made of. */
export * as z from "zod/mini";

/** A value as a schema has it. @throws BodyError 400 with the text of the first rule that it breaks */
export function checked<S extends z.core.$ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BodyError(400, issue?.message ?? "the request is not as it should be");
}

/** The body of a call: a JSON object, read in time. @throws BodyError 400, 408 or 413 */
export function bodyOf<S extends z.core.$ZodType>(
  schema: S,
  request: Request,
  { clock }: { readonly clock: Clock },
  limits: RpcLimits,
): Promise<z.infer<S>> {
  return withDeadline(clock, limits.timeoutMs, async (signal) => {
    const body: Json = parseRequest(await readBody(request, limits.bodyBytesMax, signal), 400);
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      throw new BodyError(400, "expected an object");
    }
    return checked(schema, body);
  }, () => {
    throw new BodyError(408, "the body took too long");
  });
}

/** A whole number as text of a query, with what holds when it is absent. */
export function wholeInQuery(name: string, standard: number, least: number, most: number) {
  const message = `${name}: ${least} to ${most}`;
  const number = z.number(message).check(z.int(message), z.gte(least, message), z.lte(most, message));
  return z.pipe(z.transform((text: unknown) => Number(text ?? standard)), number);
}

/** The chain that a request names; without a name the only one there is. @throws BodyError 400 */
export function chainOf({ chains }: RpcContext, name: unknown): ChainHandle {
  const [first, ...more] = chains;
  if (name === undefined && first !== undefined && more.length === 0) return first;
  const found = chains.find(({ chain }) => chain === name);
  if (found !== undefined) return found;
  const known = chains.map(({ chain }) => chain).join(" or ");
  throw new BodyError(400, name === undefined ? `chain: ${known}?` : `chain: ${known}`);
}

/** The chains that a request means: the named one, or all. @throws BodyError 400 */
export function chainsOf(context: RpcContext, name: unknown): readonly ChainHandle[] {
  return name === undefined ? context.chains : [chainOf(context, name)];
}

/** What a native route answers when it throws. `signal`: of the request. */
export function nativeFailure(error: unknown, signal: AbortSignal): Response {
  if (error instanceof BodyError) return problem(error.status, error.message);
  if (isStopping(signal)) return problem(503, stopping().message);
  // Another node could do it.
  if (error instanceof NodeError && error.code === ONLY_READS) return problem(409, `${error.code}: ${error.message}`);
  // The code helps to report it; the message of an unforeseen error may name paths and is not shown.
  return problem(
    500,
    error instanceof NodeError ? `${error.code}: ${error.message}` : "the call failed inside the node",
  );
}
