/**
 * JSON in and out of HTTP: bounded in bytes and nesting before it is parsed, exact in its integers, sorted in its keys.
 *
 * @module
 */
import { type Json, type JsonObject, parseJson, stringifyJson } from "../codec/json.ts";
import { isStopping } from "./stopping.ts";

/** Nesting of arrays and objects that a request may have. */
export const NESTING_MAX = 64;

/** Why a body was refused, as an HTTP status with a text. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly status: 400 | 408 | 413 | 500;

  constructor(status: 400 | 408 | 413 | 500, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads a body as text; see {@link readBodyBytes}. */
export async function readBody(request: Request, bytesMax: number, signal: AbortSignal): Promise<string> {
  const bytes = await readBodyBytes(request, bytesMax, signal);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new BodyError(400, "the body is not UTF-8");
  }
}

/** Reads a body of at most `bytesMax` bytes; what is beyond is not even buffered. Throws {@link BodyError}, or why the node ends the call. */
export async function readBodyBytes(request: Request, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > bytesMax) throw new BodyError(413, `the body may have ${bytesMax} bytes`);
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const onAbort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", onAbort, { once: true });
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (isStopping(signal)) throw signal.reason;
      if (signal.aborted) throw new BodyError(408, "the body took too long");
      if (done) break;
      length += value.length;
      if (length > bytesMax) {
        await reader.cancel().catch(() => {});
        throw new BodyError(413, `the body may have ${bytesMax} bytes`);
      }
      parts.push(value);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    reader.releaseLock();
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Parses a request. Throws {@link BodyError}: 400 when it is nested too deeply, `badStatus` when it is not JSON. */
export function parseRequest(text: string, badStatus: 400 | 500): Json {
  if (nesting(text) > NESTING_MAX) throw new BodyError(400, `the body is nested more than ${NESTING_MAX} deep`);
  try {
    return parseJson(text);
  } catch {
    throw new BodyError(badStatus, "the body is not JSON");
  }
}

/** The deepest nesting of brackets outside of strings; counts without parsing, so that no stack grows. */
function nesting(text: string): number {
  let depth = 0, deepest = 0, inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++; // A backslash takes the next character with it.
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

/** A JSON answer with sorted keys, as the reference prints it (`{"a": 1}` there, `{"a":1}` here). */
export function jsonResponse(body: JsonObject, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return new Response(stringifyJson(body, { sortKeys: true }), { ...init, headers });
}

/** An error of a native route (RFC 9457). */
export function problem(status: number, title: string, headers: HeadersInit = {}): Response {
  const all = new Headers(headers);
  all.set("content-type", "application/problem+json");
  return jsonResponse({ status, title }, { status, headers: all });
}
