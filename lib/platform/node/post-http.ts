/**
 * Calls somebody else's HTTP server, by the runtime's `fetch`.
 *
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { HttpPost, HttpPosted } from "../../core/ports.ts";

/** Bytes of an answer that are read, so that its connection can be used again; a longer one is cut off with it. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** See `PostHttp`. */
export async function postHttp({ url, headers, body, signal }: HttpPost): Promise<HttpPosted> {
  try {
    const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
    await dropBody(response);
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, ...(retryAfter !== null && { retryAfter }) };
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw new NodeError("HTTP_FAILED", "network", reasonOf(thrown), { cause: thrown });
  }
}

async function dropBody({ body }: Response): Promise<void> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  for (let left = ANSWER_BYTES_MAX; left > 0;) {
    const { done, value } = await reader.read();
    if (done) return;
    left -= value.length;
  }
  await reader.cancel();
}

/** What went wrong in words that name no URL: `fetch` puts it whole into its errors, password and all. */
function reasonOf(thrown: unknown): string {
  const { code } = thrown as { readonly code?: unknown };
  if (typeof code === "string" && /^[A-Za-z_]+$/.test(code)) return code;
  const text = messageOf(thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown);
  return text.replaceAll(/https?:\/\/\S*/g, "…").split("\n")[0]!.slice(0, 200);
}
