/**
 * One HTTPS request with JSON, and waiting for something to become true: what the tests with real processes share.
 *
 * @module
 */
import { request as httpsRequest, type RequestOptions } from "node:https";
import { type Json, type JsonObject, parseJson } from "../../lib/codec/json.ts";

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON with exact integers; undefined when it is none. */
  readonly json: Json | undefined;
}

const ANSWER_TIMEOUT_MS = 120_000;

/** Sends `body` as it is and gives back whatever comes. Rejects when there is no answer. */
export function send(options: RequestOptions, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ timeout: ANSWER_TIMEOUT_MS, agent: false, ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.on("end", () => {
        let json: Json | undefined;
        try {
          json = parseJson(text);
        } catch {
          json = undefined;
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    request.on("timeout", () => request.destroy(new Error(`no answer to ${options.path} in time`)));
    request.on("error", reject);
    request.end(body);
  });
}

/** The answer as an object, or an error that shows what came instead. */
export function objectOf(answer: Answer): JsonObject {
  const { json, status, text } = answer;
  if (status === 200 && typeof json === "object" && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw new Error(`HTTP ${status}: ${text.slice(0, 300)}`);
}

const POLL_MS = 25;

/**
 * Asks again and again until `look` gives something; a rejection counts as nothing yet. After `timeoutMs` it throws with
 * what was awaited.
 */
export async function until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last = "";
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (thrown) {
      last = `; last: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}${last}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
