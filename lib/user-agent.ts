/**
 * What a node calls itself to its peers, with comments of the operator's.
 *
 * @see BIP14; Bitcoin Core `clientversion.cpp` FormatSubVersion, `init.cpp` (uacomment)
 * @module
 */
import { NodeError } from "./core/errors.ts";

/** The longest name that each network's handshake allows. */
const BITCOIN_CHARS_MAX = 256;
const CHIA_CHARS_MAX = 128;
/** Core's SAFE_CHARS_UA_COMMENT: nothing that stands for something in the form of BIP14. */
const COMMENT = /^[A-Za-z0-9 .,;\-_?@]*$/;

/**
 * `/gemel:0.1.0(first; second)/`. @throws NodeError `CONFIG_INVALID` for a comment that may not be, or too many
 *
 * @example
 * ```ts
 * import { bitcoinUserAgent } from "gemel";
 *
 * assert.equal(bitcoinUserAgent("0.1.0", ["first", "second"]), "/gemel:0.1.0(first; second)/");
 * ```
 */
export function bitcoinUserAgent(version: string, comments: readonly string[] = []): string {
  return bounded(`/gemel:${version}${inParentheses(comments, "")}/`, BITCOIN_CHARS_MAX);
}

/**
 * `gemel/0.1.0 (first; second)`, as Chia's handshake has it. @throws NodeError as {@link bitcoinUserAgent} does
 *
 * @example
 * ```ts
 * import { chiaSoftwareVersion } from "gemel";
 *
 * assert.equal(chiaSoftwareVersion("0.1.0"), "gemel/0.1.0");
 * ```
 */
export function chiaSoftwareVersion(version: string, comments: readonly string[] = []): string {
  return bounded(`gemel/${version}${inParentheses(comments, " ")}`, CHIA_CHARS_MAX);
}

function inParentheses(comments: readonly string[], before: string): string {
  const wrong = comments.find((comment) => !COMMENT.test(comment));
  if (wrong !== undefined) {
    throw new NodeError("CONFIG_INVALID", "self", `ua-comment: ${JSON.stringify(wrong)} contains unsafe characters`);
  }
  return comments.length === 0 ? "" : `${before}(${comments.join("; ")})`;
}

function bounded(text: string, most: number): string {
  if (text.length <= most) return text;
  const what = `the name comes to ${text.length} characters where ${most} are the most`;
  throw new NodeError("CONFIG_INVALID", "self", `ua-comment: ${what}; use fewer or shorter comments`);
}
