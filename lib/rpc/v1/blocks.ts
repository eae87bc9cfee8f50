/**
 * `/v1/chains/CHAIN/blocks`: the block as it is on the wire; JSON is what `get_block` and `getblock` are for.
 *
 * @module
 */
import { Hono } from "hono";
import type { RpcContext } from "../context.ts";
import { problem } from "../json.ts";

/** The routes. */
export function blockRoutes(context: RpcContext): Hono {
  const app = new Hono();
  app.get("/v1/chains/:chain/blocks/:id{(?:[0-9]{1,10}|(?:0x)?[0-9a-fA-F]{64})\\.bin}", async (c) => {
    const handle = context.chains.find(({ chain }) => chain === c.req.param("chain"));
    if (handle === undefined) return problem(404, `no chain ${c.req.param("chain").slice(0, 20)} runs here`);
    const id = c.req.param("id").slice(0, -".bin".length).replace(/^0x/, "");
    const byHash = id.length === 64;
    const block = await handle.rawBlock(byHash ? { hash: id } : { height: Number(id) });
    if (block === undefined) return problem(404, `there is no block ${id}`);
    const headers: Record<string, string> = {
      "content-type": "application/octet-stream",
      "x-validation": handle.progress().validation,
    };
    // A block never changes; which block stands at a height may.
    if (byHash) headers.etag = `"${block.hash}"`;
    return new Response(new Uint8Array(block.raw), { headers });
  });
  return app;
}
