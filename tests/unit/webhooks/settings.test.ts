/** How webhooks are written down, and their secrets and signatures. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { parseWebhook } from "../../../lib/webhooks/config.ts";
import { newSecret, parseSecrets, signatureOf } from "../../../lib/webhooks/signature.ts";

describe("parseWebhook()", () => {
  test("takes a URL, a name before it and topics after it", () => {
    assert.deepEqual(parseWebhook("https://a.example/x?y=z,7"), {
      name: "default",
      url: "https://a.example/x?y=z,7",
      topics: [],
    });
    assert.deepEqual(parseWebhook(" my-hook_2=http://127.0.0.1:9000  chia.*,p2p.ban bitcoin.block "), {
      name: "my-hook_2",
      url: "http://127.0.0.1:9000/",
      topics: ["chia.*", "p2p.ban", "bitcoin.block"],
    });
  });

  test("refuses anything else, without the URL, which may hold a password", () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["", /URL/],
      ["chia.*", /http or https/],
      ["ftp://user:hidden@a.example", /http or https/],
      ["Big=https://user:hidden@a.example", /a name is/],
      ["=https://user:hidden@a.example", /a name is/],
      ["https://user:hidden@a.example Chia.Peak", /"Chia.Peak" is no topic/],
      ["https://user:hidden@a.example bitcoin.tx", /bitcoin.tx is not in the log/],
      [`https://a.example ${"t ".repeat(65)}`, /at most 64 topics/],
    ];
    for (const [text, pattern] of wrong) {
      assert.throws(() => parseWebhook(text), (thrown) => {
        assert.ok(thrown instanceof RangeError);
        assert.match(thrown.message, pattern);
        assert.doesNotMatch(thrown.message, /hidden/);
        return true;
      }, text);
    }
  });
});

describe("webhook secrets", () => {
  // The example of the Standard Webhooks libraries' own tests.
  test("signatures are those of Standard Webhooks", () => {
    const secrets = parseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "file");
    const signature = signatureOf(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}');
    assert.equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("several secrets make several signatures, so that one can be exchanged", () => {
    const random = new SeededRandom(1);
    const [one, other] = [newSecret(random), newSecret(random)];
    assert.notEqual(one, other);
    const both = signatureOf(parseSecrets(`${one}\n\n  ${other}\n`, "file"), "id", 1, "body");
    const each = [one, other].map((secret) => signatureOf(parseSecrets(secret, "file"), "id", 1, "body"));
    assert.equal(both, each.join(" "));
  });

  test("what is no secret is refused, and not repeated", () => {
    const short = `whsec_${btoa("x".repeat(23))}`;
    const long = `whsec_${btoa("x".repeat(65))}`;
    for (const text of ["password", "whsec_%%%", short, long, `${newSecret(new SeededRandom(1))}\npassword`]) {
      assert.throws(() => parseSecrets(text, "/x/a.secret"), (thrown) => {
        assert.ok(thrown instanceof NodeError);
        assert.equal(thrown.code, "WEBHOOK_SECRET_INVALID");
        assert.match(thrown.message, /^\/x\/a\.secret holds no secrets/);
        assert.doesNotMatch(thrown.message, /password/);
        return true;
      });
    }
  });

  const python = spawnSync("python3", ["--version"]).status === 0 ? false : "there is no python3";
  test("the receiver in docs/rpc.md takes what is signed, and nothing else", { skip: python }, () => {
    const document = readFileSync(new URL("../../../docs/rpc.md", import.meta.url), "utf8");
    const code = /^```python\n([^`]*)^```$/m.exec(document)?.[1] ?? "";
    const folder = mkdtempSync(path.join(os.tmpdir(), "gemel-receiver-"));
    try {
      const secret = newSecret(new SeededRandom(1));
      writeFileSync(path.join(folder, "default.secret"), `${secret}\n`);
      const body = JSON.stringify({ text: "☂" });
      const [id, timestamp] = ["msg_1", 1_614_265_330];
      const signature = signatureOf(parseSecrets(secret, ""), id, timestamp, body);
      const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
      const ask = (of: string) => `print(is_ours(json.loads(sys.argv[1]), ${of}.encode()))`;
      const script = `import json, sys\n${code}\n${ask("sys.argv[2]")}\n${ask("(sys.argv[2] + ' ')")}`;
      const answer = spawnSync("python3", ["-c", script, JSON.stringify(headers), body], {
        cwd: folder,
        encoding: "utf8",
      });
      assert.equal(answer.stdout, "True\nFalse\n", answer.stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
