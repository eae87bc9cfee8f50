/** Calls of somebody else's HTTP server: bounded, without redirects, and without the URL in what goes wrong. */
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { postHttp } from "../../../lib/platform/node/post-http.ts";

async function withServer(answer: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  }
}

const post = (url: string, signal = new AbortController().signal) =>
  postHttp({ url, headers: { "content-type": "application/json", "webhook-id": "msg_1" }, body: '{"x":"☂"}', signal });

describe("postHttp()", () => {
  test("posts headers and body, and gives status and Retry-After", async () => {
    const got: unknown[] = [];
    await withServer(async (request, response) => {
      const parts: string[] = [];
      for await (const part of request.setEncoding("utf8")) parts.push(String(part));
      got.push(request.method, request.url, request.headers["webhook-id"], parts.join(""));
      response.writeHead(503, { "retry-after": "7" }).end("busy");
    }, async (url) => {
      assert.deepEqual(await post(`${url}/a?b`), { status: 503, retryAfter: "7" });
      assert.deepEqual(got, ["POST", "/a?b", "msg_1", '{"x":"☂"}']);
    });
  });

  test("follows no redirect", async () => {
    const paths: unknown[] = [];
    await withServer((request, response) => {
      paths.push(request.url);
      request.resume();
      response.writeHead(307, { location: "/other" }).end();
    }, async (url) => {
      assert.equal((await post(`${url}/first`)).status, 307);
      assert.deepEqual(paths, ["/first"]);
    });
  });

  test("reads no more than it must of an answer without end", async () => {
    let written = 0;
    await withServer((request, response) => {
      request.resume();
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(16_384))) written += 16_384;
      };
      response.on("drain", more);
      more();
    }, async (url) => {
      assert.deepEqual(await post(url), { status: 200 });
      assert.ok(written < 64 * 1024 * 1024, `${written}`);
    });
  });

  test("ends at once when it is told to, while it waits for an answer and in the middle of one", async () => {
    for (const begins of [false, true]) {
      const asked = Promise.withResolvers<void>();
      await withServer((request, response) => {
        request.resume();
        if (begins) response.writeHead(200).write("x");
        asked.resolve();
      }, async (url) => {
        const stop = new AbortController();
        const answer = post(url, stop.signal);
        answer.catch(() => {});
        await asked.promise;
        const why = new NodeError("STOPPING", "self", "the node stops");
        stop.abort(why);
        await assert.rejects(answer, (thrown) => thrown === why);
      });
    }
  });

  test("what goes wrong is said without the URL", async () => {
    let port = "";
    await withServer(() => {}, (url) => Promise.resolve(void (port = url)));
    await assert.rejects(post(`${port}/path-secret?query-secret`), (thrown) => {
      assert.ok(thrown instanceof NodeError);
      assert.deepEqual([thrown.code, thrown.fault], ["HTTP_FAILED", "network"]);
      assert.doesNotMatch(thrown.message, /secret/);
      assert.ok(thrown.message.length > 3, thrown.message);
      return true;
    });
  });
});
