import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  type IdentityParts,
  loadNodeIdentity,
  loadRpcIdentity,
  nodeId,
  publicAuthorities,
} from "../../../lib/chia/identity/identity.ts";
import { issueNodeCertificate } from "../../../lib/chia/identity/node-certificate.ts";
import { fromPem, importKeys, issueCertificate, readCertificate, toPem } from "../../../lib/chia/identity/x509.ts";
import { NodeError } from "../../../lib/core/errors.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Files in memory, and a clock that stands at `now`. */
function memoryParts(now = NOW, kept = new Map<string, { bytes: Uint8Array; mode: number }>()) {
  const folders = new Map<string, number>();
  const parts: IdentityParts = {
    folder: "/data/ssl",
    files: {
      readFile: (file) => Promise.resolve(kept.get(file)?.bytes),
      writeFileAtomic: (file, bytes, mode) => Promise.resolve(void kept.set(file, { bytes, mode })),
      makeDir: (folder, mode) => Promise.resolve(void folders.set(folder, mode)),
    },
    clock: { now: () => now, monotonic: () => now, sleep: () => Promise.resolve(), after: () => () => {} },
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)), below: () => 0 },
  };
  return { parts, kept, folders };
}

const damaged = (file: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof NodeError);
  assert.equal(thrown.code, "IDENTITY_DAMAGED");
  assert.match(thrown.message, new RegExp(file.replaceAll(".", "\\.")));
  return true;
};

const vectors = new URL("../../../../shared/vectors/chia/handshake.json", import.meta.url);
const skip = existsSync(vectors) ? false : "the reference's handshake vectors are not here";

interface HandshakeVectors {
  readonly caCrt: string;
  readonly certificates: readonly { readonly pem: string; readonly keyPem: string; readonly nodeId: string }[];
}

describe("publicAuthorities", () => {
  test("have the fingerprints of chia_ca.crt and chia_ca_old.crt", () => {
    assert.deepEqual(
      publicAuthorities.map((pem) => createHash("sha256").update(fromPem("CERTIFICATE", pem)).digest("hex")),
      [
        "0c3c02427f378a44d6a012368c53cb830bda2f820e93782ff54adf54eb6834ce",
        "0ed2dd2526e1b5705434a2300e2b518cacb38769c35f72a876a79ca5f0b5941b",
      ],
    );
  });
});

describe("issueNodeCertificate()", () => {
  test("makes the reference's certificates byte for byte from their key, serial and time", { skip }, async () => {
    const { certificates } = JSON.parse(readFileSync(vectors, "utf8")) as HandshakeVectors;
    assert.ok(certificates.length > 0);
    for (const { pem, keyPem, nodeId: expected } of certificates) {
      const theirs = fromPem("CERTIFICATE", pem);
      // Deno leaves a leading zero out.
      const digits = new X509Certificate(pem).serialNumber.padStart(40, "0");
      const serial = Uint8Array.from(digits.match(/../g)!, (two) => parseInt(two, 16));
      const made = readCertificate(theirs).notBefore.getTime() + 86_400_000;
      const { parts } = memoryParts(made);
      const keys = await importKeys("rsa", fromPem("PRIVATE KEY", keyPem));
      const ours = await issueNodeCertificate(keys, { ...parts, serial });
      assert.equal(hex(ours), hex(theirs));
      assert.equal(`0x${hex(await nodeId(ours))}`, expected);
    }
  });
});

describe("loadNodeIdentity()", () => {
  test("makes a certificate as chia does, and keeps it", async () => {
    const { parts, kept, folders } = memoryParts();
    const first = await loadNodeIdentity(parts);
    const certificate = new X509Certificate(first.certificate);
    assert.equal(certificate.subject, "CN=Chia\nO=Chia\nOU=Organic Farming Division");
    assert.equal(certificate.issuer, "O=Chia\nCN=Chia CA\nOU=Organic Farming Division");
    assert.equal(certificate.subjectAltName, "DNS:chia.net");
    assert.equal(Date.parse(certificate.validFrom), NOW - 86_400_000);
    assert.equal(Date.parse(certificate.validTo), Date.parse("2100-08-02T00:00:00Z"));
    assert.equal(certificate.publicKey.asymmetricKeyType, "rsa");
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
    for (const authority of publicAuthorities) {
      assert.ok(certificate.verify(new X509Certificate(authority).publicKey));
    }
    assert.equal(hex(first.nodeId), createHash("sha256").update(certificate.raw).digest("hex"));
    assert.match(first.privateKey, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.equal(kept.get("/data/ssl/node.key")?.mode, 0o600);
    assert.equal(folders.get("/data/ssl"), 0o700);
    assert.deepEqual(await loadNodeIdentity(parts), first);
  });

  test("goes on with a key whose certificate was not written", async () => {
    const { parts, kept } = memoryParts();
    const first = await loadNodeIdentity(parts);
    kept.delete("/data/ssl/node.crt");
    const second = await loadNodeIdentity(parts);
    assert.equal(second.privateKey, first.privateKey);
    assert.notEqual(hex(second.nodeId), hex(first.nodeId));
  });

  test("refuses files that are not in order and names them", async () => {
    const { parts, kept } = memoryParts();
    await loadNodeIdentity(parts);
    const other = memoryParts();
    await loadNodeIdentity(other.parts);
    await loadRpcIdentity(other.parts);
    const text = (value: string) => ({ bytes: new TextEncoder().encode(value), mode: 0o600 });
    const changed = (name: string, value: { bytes: Uint8Array; mode: number } | undefined) => {
      const files = new Map(kept);
      if (value === undefined) files.delete(`/data/ssl/${name}`);
      else files.set(`/data/ssl/${name}`, value);
      return loadNodeIdentity(memoryParts(NOW, files).parts);
    };
    await assert.rejects(changed("node.key", undefined), damaged("ssl/node.key is missing"));
    await assert.rejects(changed("node.key", text("nonsense")), damaged("ssl/node.key"));
    await assert.rejects(changed("node.key", other.kept.get("/data/ssl/rpc.key")), damaged("ssl/node.key"));
    await assert.rejects(changed("node.key", other.kept.get("/data/ssl/node.key")), damaged("not of the key"));
    await assert.rejects(changed("node.crt", text("nonsense")), damaged("ssl/node.crt"));
    await assert.rejects(
      changed("node.crt", text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")),
      damaged("ssl/node.crt"),
    );
  });

  test("refuses a certificate that somebody else signed", async () => {
    const { parts, kept } = memoryParts();
    const { certificate, privateKey } = await loadNodeIdentity(parts);
    const read = readCertificate(fromPem("CERTIFICATE", certificate));
    const keys = await importKeys("rsa", fromPem("PRIVATE KEY", privateKey));
    const self = await issueCertificate({ ...read, serial: Uint8Array.of(1), extensions: [] }, keys);
    kept.set("/data/ssl/node.crt", { bytes: new TextEncoder().encode(toPem("CERTIFICATE", self)), mode: 0o644 });
    await assert.rejects(loadNodeIdentity(parts), damaged("not signed"));
  });
});

describe("loadRpcIdentity()", () => {
  test("makes an authority, a server and a client that verify, and keeps them", async () => {
    const { parts, kept } = memoryParts();
    const first = await loadRpcIdentity(parts);
    const authority = new X509Certificate(first.authority);
    const server = new X509Certificate(first.server.certificate);
    const client = new X509Certificate(first.client.certificate);
    assert.ok(authority.ca);
    assert.ok(authority.verify(authority.publicKey));
    for (const leaf of [server, client]) {
      assert.ok(!leaf.ca);
      assert.ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey));
    }
    for (const host of ["chia.net", "localhost"]) assert.equal(server.checkHost(host), host);
    for (const ip of ["127.0.0.1", "::1"]) assert.equal(server.checkIP(ip), ip);
    for (const name of ["ca", "rpc", "client"]) assert.equal(kept.get(`/data/ssl/${name}.key`)?.mode, 0o600);
    assert.deepEqual(await loadRpcIdentity(parts), first);
  });

  test("renews what soon ends, with the same key and authority", async () => {
    const { parts, kept } = memoryParts();
    const first = await loadRpcIdentity(parts);
    // The authority lasts as long as its first leafs, so the leafs are cut short to see them renewed alone.
    const leaf = readCertificate(fromPem("CERTIFICATE", first.server.certificate));
    const caKey = new TextDecoder().decode(kept.get("/data/ssl/ca.key")?.bytes);
    const signer = await importKeys("p256", fromPem("PRIVATE KEY", caKey));
    const short = await issueCertificate({
      ...leaf,
      notAfter: new Date(NOW + 86_400_000),
      serial: Uint8Array.of(1),
      extensions: [],
    }, signer);
    kept.set("/data/ssl/rpc.crt", { bytes: new TextEncoder().encode(toPem("CERTIFICATE", short)), mode: 0o644 });
    const second = await loadRpcIdentity(parts);
    assert.equal(second.authority, first.authority);
    assert.equal(second.server.privateKey, first.server.privateKey);
    assert.ok(Date.parse(new X509Certificate(second.server.certificate).validTo) > NOW + 31 * 86_400_000);
  });

  test("names the server by the hosts that it is given, and anew by the same authority when they change", async () => {
    const { parts } = memoryParts();
    const plain = await loadRpcIdentity(parts);
    assert.equal(
      (await loadRpcIdentity(parts, ["127.0.0.1", "0.0.0.0", "::", "localhost"])).server.certificate,
      plain.server.certificate,
    );
    const named = await loadRpcIdentity(parts, ["127.0.0.2", "2001:DB8::7", "Node.Example"]);
    const certificate = new X509Certificate(named.server.certificate);
    for (const ip of ["127.0.0.1", "::1", "127.0.0.2", "2001:db8::7"]) assert.equal(certificate.checkIP(ip), ip);
    for (const host of ["localhost", "chia.net", "node.example"]) assert.equal(certificate.checkHost(host), host);
    assert.deepEqual([named.authority, named.client], [plain.authority, plain.client]);
    assert.equal(named.server.privateKey, plain.server.privateKey);
    assert.ok(certificate.verify(new X509Certificate(named.authority).publicKey));
    assert.deepEqual(await loadRpcIdentity(parts, ["127.0.0.2", "2001:db8::7", "node.example"]), named, "kept");
    const fewer = new X509Certificate((await loadRpcIdentity(parts, ["127.0.0.2"])).server.certificate);
    assert.deepEqual([fewer.checkIP("127.0.0.2"), fewer.checkHost("node.example")], ["127.0.0.2", undefined]);
  });

  test("refuses an authority that has expired", async () => {
    const { parts, kept } = memoryParts();
    await loadRpcIdentity(parts);
    const later = memoryParts(NOW + 3_651 * 86_400_000, kept);
    await assert.rejects(loadRpcIdentity(later.parts), damaged("ssl/ca.crt has expired"));
  });
});
