import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { knowsBasic, makeCookie, parseRpcAuth } from "../../../lib/rpc/basic-auth.ts";
import { COOKIE, RPCAUTH } from "./support.ts";

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const random = { bytes: (length: number) => new Uint8Array(length).fill(0xc0), below: () => 0 };

/** A folder in memory. */
function memoryFiles(found: Record<string, string> = {}, readOnly = false) {
  const files = new Map(Object.entries(found));
  return {
    files,
    read: (path: string) => Promise.resolve(files.get(path)),
    write: (path: string, text: string) => {
      if (readOnly) return Promise.reject(new Error("read-only file system"));
      files.set(path, text);
      return Promise.resolve();
    },
    remove: (path: string) => Promise.resolve(void files.delete(path)),
  };
}

describe("knowsBasic()", () => {
  const secrets = { cookie: COOKIE, rpcauth: [parseRpcAuth(RPCAUTH)] };

  test("the cookie", () => {
    assert.ok(knowsBasic(base64(COOKIE), secrets));
    assert.ok(!knowsBasic(base64(`${COOKIE}0`), secrets));
    assert.ok(!knowsBasic(base64("__cookie__:"), secrets));
    assert.ok(!knowsBasic(base64(COOKIE), { cookie: undefined, rpcauth: [] }));
  });

  test("a name with its password", () => {
    assert.ok(knowsBasic(base64("alice:secret"), secrets));
    assert.ok(!knowsBasic(base64("alice:Secret"), secrets));
    assert.ok(!knowsBasic(base64("bob:secret"), secrets));
    assert.ok(!knowsBasic(base64("alice:"), secrets));
  });

  test("a password with colons and of other letters", () => {
    // HMAC-SHA256 of "pä:ss:wort" under "salt", from Python's hmac.
    const line = parseRpcAuth("élise:salt$01f6ae1fbd6bdb2a0869f2abf079a3a5fc38f43cedac2f6a38993b5781e8b25a");
    assert.equal(knowsBasic(base64("élise:pä:ss:wort"), { cookie: undefined, rpcauth: [line] }), true);
  });

  test("no name and password that no colon parts", () => {
    // HMAC-SHA256 of "alice1" under "salt", from Python's hmac.
    const line = parseRpcAuth("alice:salt$35b5f14426ddb12f3c2bde607d2eadae99a7fb9bad028c752fcabe12e6c14f46");
    assert.equal(knowsBasic(base64("alice:alice1"), { cookie: undefined, rpcauth: [line] }), true);
    assert.equal(knowsBasic(base64("alice1"), { cookie: undefined, rpcauth: [line] }), false);
  });

  test("credentials of up to 4,096 characters", () => {
    for (const [bytes, isKnown] of [[3_072, true], [3_073, false]] as const) {
      const cookie = `__cookie__:${"a".repeat(bytes - 11)}`;
      assert.equal(knowsBasic(base64(cookie), { cookie, rpcauth: [] }), isKnown);
    }
  });

  test("what is no Base64, no name, or far too long", () => {
    for (const text of ["", "%%%", base64("noname"), base64("alice:" + "x".repeat(10_000))]) {
      assert.ok(!knowsBasic(text, secrets));
    }
  });
});

describe("parseRpcAuth()", () => {
  test("refuses what is none, without repeating it", () => {
    for (
      const line of ["alice:secret", "alice", "alice:salt$abc", ":salt$" + "00".repeat(32), "a:$" + "00".repeat(32)]
    ) {
      assert.throws(() => parseRpcAuth(line), (thrown) => {
        assert.ok(thrown instanceof NodeError);
        assert.equal(thrown.code, "CONFIG_INVALID");
        return !thrown.message.includes(line);
      });
    }
  });
});

describe("makeCookie()", () => {
  test("writes a new one and removes it", async () => {
    const folder = memoryFiles({ ".cookie": "__cookie__:old" });
    const cookie = await makeCookie(".cookie", folder, random);
    assert.equal(cookie.secret, `__cookie__:${"c0".repeat(32)}`);
    assert.equal(folder.files.get(".cookie"), cookie.secret);
    await cookie.remove();
    assert.equal(folder.files.has(".cookie"), false);
  });

  test("leaves the file alone that another run has written since", async () => {
    const folder = memoryFiles();
    const cookie = await makeCookie(".cookie", folder, random);
    folder.files.set(".cookie", "__cookie__:of-another");
    await cookie.remove();
    assert.equal(folder.files.get(".cookie"), "__cookie__:of-another");
  });

  test("takes a file that cannot be written as it is, and does not remove it", async () => {
    const folder = memoryFiles({ ".cookie": "__cookie__:provided-by-somebody\n" }, true);
    const cookie = await makeCookie(".cookie", folder, random);
    assert.equal(cookie.secret, "__cookie__:provided-by-somebody");
    await cookie.remove();
    assert.ok(folder.files.has(".cookie"));
    await assert.rejects(makeCookie(".cookie", memoryFiles({}, true), random), { code: "COOKIE_UNWRITABLE" });
    await assert.rejects(makeCookie(".cookie", memoryFiles({ ".cookie": "" }, true), random), {
      code: "COOKIE_UNWRITABLE",
    });
  });
});
