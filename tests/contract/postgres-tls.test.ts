/**
 * TLS to a PostgreSQL server, as `sslmode` wants it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPostgres } from "../../lib/platform/node/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { makeAuthority } from "../unit/platform/certificates.ts";
import { postgresSkip } from "./every-database.ts";

describe("openPostgres() over TLS", { skip: postgresSkip }, () => {
  let server: PostgresServer;
  const place = (name: string) => join(server.folder, name);

  before(async () => {
    server = await PostgresServer.start();
    const [ours, theirs] = await Promise.all([makeAuthority("ours"), makeAuthority("theirs")]);
    const identity = await ours.issue({ name: "localhost" });
    writeFileSync(place("ours.pem"), ours.pem);
    writeFileSync(place("theirs.pem"), theirs.pem);
    writeFileSync(place("server.crt"), identity.certificate);
    writeFileSync(place("server.key"), identity.privateKey, { mode: 0o600 });
    const { uid, gid } = statSync(server.data);
    if (statSync(place("server.key")).uid !== uid) {
      for (const name of ["server.crt", "server.key"]) chownSync(place(name), uid, gid);
    }
  });
  after(() => server.stop());

  /** Opens by TCP; whether the connection is encrypted. */
  const isEncrypted = async (query: string, host = "127.0.0.1") => {
    const database = await openPostgres(server.tcpUrl({ query }).replace("127.0.0.1", host));
    try {
      const row = await database.get("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
      return row?.ssl === 1;
    } finally {
      await database.close();
    }
  };
  const refused = { code: "DATABASE_TLS", fault: "self" } as const;

  test("a server without TLS is spoken to in the clear only where that is asked for", async () => {
    assert.equal(await isEncrypted(""), false);
    assert.equal(await isEncrypted("?sslmode=disable"), false);
    for (const mode of ["require", "verify-ca", "verify-full"]) {
      await assert.rejects(isEncrypted(`?sslmode=${mode}`), { ...refused, message: /switched off/ });
    }
  });

  test("a server with TLS shows a certificate, which is checked as far as is asked for", async () => {
    server.configure([
      "ssl = on",
      `ssl_cert_file = '${place("server.crt")}'`,
      `ssl_key_file = '${place("server.key")}'`,
    ]);
    await server.restart();
    const [ours, theirs] = ["ours.pem", "theirs.pem"].map((name) => `&sslrootcert=${encodeURIComponent(place(name))}`);
    assert.equal(await isEncrypted("?sslmode=disable"), false);
    assert.equal(await isEncrypted("?sslmode=prefer"), true);
    assert.equal(await isEncrypted("?sslmode=require"), true);
    assert.equal(await isEncrypted(`?sslmode=require${ours}`), true);
    assert.equal(await isEncrypted(`?sslmode=verify-ca${ours}`), true);
    assert.equal(await isEncrypted(`?sslmode=verify-full${ours}`, "localhost"), true);
    // The certificate is for another name.
    const wrongName = { ...refused, message: /certificate that is not trusted/ };
    await assert.rejects(isEncrypted(`?sslmode=verify-full${ours}`), wrongName);
    for (const query of [`require${theirs}`, `verify-ca${theirs}`, `verify-full${theirs}`, "verify-ca"]) {
      await assert.rejects(isEncrypted(`?sslmode=${query}`, "localhost"), refused, query);
    }
  });
});
