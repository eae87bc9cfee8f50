/**
 * Bitcoin's REST: what is public anyway, without a password, for those on this machine (`--rest`).
 *
 * @see Bitcoin Core `rest.cpp`, `doc/REST-interface.md`
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import { BodyError, readBodyBytes } from "../json.ts";
import { type RpcLimits, withDeadline } from "../limits.ts";
import { causeOf } from "../stopping.ts";
import { JsonRpcError } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { mempoolContentsJson, mempoolInfoJson, NO_MEMPOOL } from "./mempool-json.ts";
import { Arguments, type BitcoinRpcContext } from "./method.ts";
import { bitcoinMethods } from "./methods.ts";
import {
  blockHashResource,
  blockPartResource,
  blockResource,
  blockWithIdsResource,
  filterHeadersResource,
  filterResource,
  headersResource,
  spentOutputsResource,
} from "./rest-blocks.ts";
import { transactionResource, unspentResource } from "./rest-coins.ts";
import {
  badRequest,
  notThere,
  render,
  RestError,
  restHash,
  type RestRequest,
  type RestResource,
  splitFormat,
} from "./rest-resource.ts";

type Handler = (request: RestRequest) => RestResource | Promise<RestResource>;

/** Bytes of a body: far more than fifteen outpoints take. */
const BODY_BYTES_MAX = 64 * 1024;

const methods = bitcoinMethods(() => []);

/** What a method of JSON-RPC answers. Throws {@link RestError} 404 for one that is not here. */
async function callMethod(name: string, values: readonly string[], { context, signal }: RestRequest): Promise<RpcJson> {
  const method = methods.get(name);
  if (method === undefined) throw notThere(`${name} is not here`);
  return await method.call(new Arguments(method, values), { context, signal });
}

/** What is behind which part of the path; the longest that fits is taken. */
const HANDLERS: readonly (readonly [prefix: string, handler: Handler])[] = [
  ["/rest/tx/", transactionResource],
  ["/rest/block/notxdetails/", blockWithIdsResource],
  ["/rest/block/", blockResource],
  ["/rest/blockpart/", blockPartResource],
  ["/rest/blockfilter/", filterResource],
  ["/rest/blockfilterheaders/", filterHeadersResource],
  ["/rest/chaininfo", (request) => ({ json: () => callMethod("getblockchaininfo", [], request) })],
  ["/rest/mempool/", mempoolResource],
  ["/rest/headers/", headersResource],
  ["/rest/getutxos", unspentResource],
  ["/rest/deploymentinfo/", deploymentResource],
  ["/rest/deploymentinfo", deploymentResource],
  ["/rest/blockhashbyheight/", blockHashResource],
  ["/rest/spenttxouts/", spentOutputsResource],
];

/** `/rest/mempool/info` and `/rest/mempool/contents`. */
function mempoolResource({ path, query, context: { bitcoin, clock }, signal }: RestRequest): RestResource {
  if (path !== "info" && path !== "contents") {
    throw badRequest("Invalid URI format. Expected /rest/mempool/<info|contents>.json");
  }
  if (bitcoin.mempool === undefined) throw notThere(NO_MEMPOOL);
  if (path === "info") return { json: () => mempoolInfoJson(bitcoin) };
  const isVerbose = flagOf(query, "verbose", true);
  const hasSequence = flagOf(query, "mempool_sequence", false);
  if (isVerbose && hasSequence) {
    throw badRequest(
      'Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")',
    );
  }
  return { json: () => mempoolContentsJson(bitcoin, clock, { isVerbose, hasSequence }, signal) };
}

/** A word of the query that is `true` or `false`. Throws {@link RestError} 400 for another. */
function flagOf(query: URLSearchParams, name: string, standard: boolean): boolean {
  const text = query.get(name) ?? String(standard);
  if (text === "true" || text === "false") return text === "true";
  throw badRequest(`The "${name}" query parameter must be either "true" or "false".`);
}

/** `/rest/deploymentinfo` and `/rest/deploymentinfo/HASH`. */
function deploymentResource(request: RestRequest): RestResource {
  const { path, context: { bitcoin: { headers } } } = request;
  return {
    json: () => {
      if (path === "") return callMethod("getdeploymentinfo", [], request);
      if (headers.find(restHash(path)) < 0) throw badRequest("Block not found");
      return callMethod("getdeploymentinfo", [path], request);
    },
  };
}

/** Answers requests below `/rest/`. */
export class BitcoinRest {
  readonly #context: BitcoinRpcContext;
  readonly #limits: RpcLimits;

  constructor(context: BitcoinRpcContext, limits: RpcLimits) {
    this.#context = context;
    this.#limits = limits;
  }

  /** Answers a request, whatever is in it. */
  async answer(request: Request): Promise<Response> {
    const { clock, bitcoin } = this.#context;
    let response: Response;
    try {
      response = await withDeadline(
        clock,
        this.#limits.timeoutMs,
        (late) => this.#answer(request, AbortSignal.any([request.signal, late])),
        () => {
          throw new RestError(503, "the request took too long");
        },
      );
    } catch (thrown) {
      const { status, message } = restErrorOf(thrown, request.signal);
      response = new Response(`${message}\r\n`, { status, headers: { "content-type": "text/plain" } });
    }
    response.headers.set("x-validation", bitcoin.state().validation);
    return response;
  }

  async #answer(request: Request, signal: AbortSignal): Promise<Response> {
    const { pathname, searchParams: query } = new URL(request.url);
    const found = HANDLERS.filter(([prefix]) => pathname.startsWith(prefix)).sort(([a], [b]) => b.length - a.length)[0];
    if (found === undefined) throw notThere("Not Found");
    const [prefix, handler] = found;
    if (request.method !== "GET" && request.method !== "POST") throw new RestError(405, "GET or POST");
    const { path, format } = splitFormat(pathname.slice(prefix.length));
    const body = () => readBodyBytes(request, BODY_BYTES_MAX, signal);
    return await render(await handler({ context: this.#context, path, format, query, body, signal }), format);
  }
}

/** What a thrown thing is called towards the caller. The text of an unforeseen error may name paths and is not shown. */
function restErrorOf(thrown: unknown, signal: AbortSignal): { readonly status: number; readonly message: string } {
  if (thrown instanceof RestError || thrown instanceof BodyError) return thrown;
  if (thrown instanceof JsonRpcError) return { status: 500, message: thrown.message };
  const cause = causeOf(thrown, signal);
  if (cause instanceof NodeError) return { status: 503, message: `${cause.code}: ${messageOf(cause)}` };
  return { status: 500, message: "the request failed inside the node" };
}
