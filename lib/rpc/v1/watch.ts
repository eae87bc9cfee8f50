/**
 * `/v1/bitcoin/watch` and `/v1/bitcoin/matches`: scripts that a node of mode `filters` looks for, and what it found.
 *
 * @module
 */
import { Hono } from "hono";
import { fromHex, toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { LightService, Match, Watched } from "../../bitcoin/light/mod.ts";
import type { BitcoinNetwork } from "../../bitcoin/networks/network.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { addressToScript, PaymentAddressError, scriptToAddress } from "../../bitcoin/types/mod.ts";
import type { JsonObject } from "../../codec/json.ts";
import type { RpcContext } from "../context.ts";
import { bodyOf, checked, nativeFailure, wholeInQuery, z } from "./request.ts";
import { BodyError, jsonResponse, problem } from "../json.ts";
import type { RpcLimits } from "../limits.ts";

/** Scripts and addresses in one request. */
const SCRIPTS_MAX = 1_000;
/** Matches in one answer. */
const MATCHES_MAX = 1_000;
const MATCHES_DEFAULT = 100;

const texts = (name: string) =>
  z._default(z.array(z.string(`${name}: an array of text`), `${name}: an array of text`), []);
const height = (name: string) => {
  const message = `${name}: a whole number`;
  return z.number(message).check(z.int(message), z.gte(0, message));
};
/** The body of `POST /v1/bitcoin/watch`. */
const Watch = z.strictObject(
  { addresses: texts("addresses"), scripts: texts("scripts"), from: z.optional(height("from")) },
  {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `${String(issue.keys?.[0]).slice(0, 40)}: not a field of this request`
        : undefined,
  },
);
/** The query of `GET /v1/bitcoin/matches`. */
const Matches = z.object({
  since: z.pipe(z.transform((text: unknown) => Number(text ?? 0)), height("since")),
  limit: wholeInQuery("limit", MATCHES_DEFAULT, 1, MATCHES_MAX),
});

/** The routes. They are there in every mode, and say so where there is nothing to watch with. */
export function watchRoutes(context: RpcContext & { readonly bitcoin: BitcoinService }, limits: RpcLimits): Hono {
  const { bitcoin } = context;
  const { network } = bitcoin;
  const app = new Hono();
  const lightOf = (): LightService => {
    if (bitcoin.light !== undefined) return bitcoin.light;
    throw new BodyError(400, "this node does not run with --mode filters");
  };

  app.get("/v1/bitcoin/watch", () => {
    const light = lightOf();
    const { headers, filterHeaders, scanned, synced, peers } = light.progress();
    return jsonResponse({
      progress: { headers, filter_headers: filterHeaders, scanned, synced, peers },
      watched: light.watched().map((each) => watchedJson(each, network)),
    });
  });
  app.post("/v1/bitcoin/watch", async (c) => {
    const light = lightOf();
    const { addresses, scripts, from } = await bodyOf(Watch, c.req.raw, context, limits);
    const wanted = scriptsOf(addresses, scripts, network);
    // What is new was paid by nobody yet; on a chain that is not known yet all of it may matter.
    const next = bitcoin.headers.height(bitcoin.state().tip) + 1;
    const birth = from ?? next;
    try {
      const watched = await light.watch(wanted, birth);
      return jsonResponse({ watched: watched.map((each) => watchedJson(each, network)) }, { status: 201 });
    } catch (thrown) {
      if (thrown instanceof RangeError) throw new BodyError(400, thrown.message);
      if (thrown instanceof NodeError && thrown.code === "WATCH_FULL") return problem(409, thrown.message);
      throw thrown;
    }
  });
  app.delete("/v1/bitcoin/watch", async (c) => {
    const light = lightOf();
    const wanted = scriptsOf(c.req.queries("address") ?? [], c.req.queries("script") ?? [], network);
    const removed = await light.unwatch(wanted);
    return removed > 0 ? jsonResponse({ removed }) : problem(404, "none of them is watched");
  });
  app.get("/v1/bitcoin/matches", async (c) => {
    const light = lightOf();
    const { since, limit } = checked(Matches, { since: c.req.query("since"), limit: c.req.query("limit") });
    const matches = await light.matches(since, limit);
    return jsonResponse({ matches: matches.map((match) => matchJson(match, network)) });
  });

  app.onError((error, c) => nativeFailure(error, c.req.raw.signal));
  return app;
}

function watchedJson({ script, from, scanned }: Watched, network: BitcoinNetwork): JsonObject {
  return { script: toHex(script), address: scriptToAddress(script, network) ?? null, from, scanned };
}

/** A match as it is printed; `value` is in satoshi. */
function matchJson(match: Match, network: BitcoinNetwork): JsonObject {
  const { id, height, hash, txid, script, direction, value, vout, spend } = match;
  return {
    id,
    height,
    hash: toDisplayHex(hash),
    txid: toDisplayHex(txid),
    script: toHex(script),
    address: scriptToAddress(script, network) ?? null,
    direction,
    value: Number(value),
    vout,
    ...(spend !== undefined && { spent_txid: toDisplayHex(spend.txid), vin: spend.vin }),
  };
}

function scriptsOf(
  addresses: readonly string[],
  scripts: readonly string[],
  network: BitcoinNetwork,
): Uint8Array[] {
  const count = addresses.length + scripts.length;
  if (count === 0) throw new BodyError(400, "addresses or scripts: at least one");
  if (count > SCRIPTS_MAX) throw new BodyError(400, `addresses and scripts: at most ${SCRIPTS_MAX} at a time`);
  return [...addresses.map((text) => scriptOf(text, network)), ...scripts.map(scriptOfHex)];
}

function scriptOf(address: string, network: BitcoinNetwork): Uint8Array {
  try {
    return addressToScript(address, network);
  } catch (thrown) {
    if (!(thrown instanceof PaymentAddressError)) throw thrown;
    throw new BodyError(400, `${address.slice(0, 100)} is no address of ${network.name}: ${thrown.message}`);
  }
}

function scriptOfHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(text)) throw new BodyError(400, "scripts: hex of the scriptPubKey");
  return fromHex(text);
}
