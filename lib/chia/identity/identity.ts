/**
 * Who this node is: the certificate that it shows to Chia peers, and the authority and certificates of its own RPC.
 *
 * Files of the certificate folder, `ssl` in a data folder; keys with mode 0600 in a folder of mode 0700:
 *
 * - `ssl/node.crt`, `ssl/node.key`: RSA 2048, signed by Chia's public authority, fields as `chia init` makes them. The
 *   node id follows from this certificate, so it is made once and kept.
 * - `ssl/ca.crt`, `ssl/ca.key`, `ssl/rpc.*`, `ssl/client.*`: this installation's own authority and what it signed for the
 *   RPC server and its clients. The reference uses RSA 2048 here as well; ours are ECDSA P-256, which curl, OpenSSL and
 *   every TLS 1.3 library accept and which takes one millisecond to make where RSA takes hundreds: a first start must
 *   not wait for it.
 *
 * What makes and reads certificates is loaded when one is wanted: a tenth of a second that `gemel version` need not pay.
 *
 * @module
 */
import type { Clock, Random, TlsIdentity } from "../../core/ports.ts";
import { PUBLIC_CA_CERTIFICATE, PUBLIC_CA_CERTIFICATE_OLD } from "./public-ca.ts";

/** The files that an identity is kept in; the platform has these functions under these names. */
export interface IdentityFiles {
  readFile(path: string): Promise<Uint8Array | undefined>;
  writeFileAtomic(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  makeDir(path: string, mode: number): Promise<void>;
}

/** What {@link loadNodeIdentity} and {@link loadRpcIdentity} need. */
export interface IdentityParts {
  /** The folder of certificates and keys; made when it is missing. */
  readonly folder: string;
  readonly files: IdentityFiles;
  readonly clock: Clock;
  readonly random: Random;
}

/** A node's certificate and key, and what follows from them. */
export interface NodeIdentity extends TlsIdentity {
  /** SHA-256 of the certificate's DER. */
  readonly nodeId: Uint8Array;
}

/** What RPC is served with. */
export interface RpcIdentity {
  /** PEM of the authority that signed both. */
  readonly authority: string;
  readonly server: TlsIdentity;
  readonly client: TlsIdentity;
}

/** PEM certificates of which one must have signed a Chia peer's. */
export const publicAuthorities: readonly string[] = [PUBLIC_CA_CERTIFICATE, PUBLIC_CA_CERTIFICATE_OLD];

/** The id of the peer that showed this certificate: SHA-256 of its DER, 32 bytes. */
export async function nodeId(der: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(der)));
}

/**
 * The certificate for Chia's network: the kept one, or a new one. The first time takes the making of an RSA key.
 *
 * @throws NodeError `IDENTITY_DAMAGED`, fault `self`, when the files are there but not in order: a new identity in
 * their place would be a surprise.
 *
 * @example
 * ```ts
 * import * as fs from "node:fs/promises";
 * import { loadNodeIdentity, type Clock, type Random } from "gemel";
 *
 * const files = {
 *   readFile: (path: string) => fs.readFile(path).catch(() => undefined),
 *   writeFileAtomic: (path: string, bytes: Uint8Array, mode: number) => fs.writeFile(path, bytes, { mode }),
 *   makeDir: (path: string, mode: number) => fs.mkdir(path, { recursive: true, mode }).then(() => {}),
 * };
 * const clock = { now: () => Date.now() } as Clock;
 * const random = { bytes: (n: number) => crypto.getRandomValues(new Uint8Array(n)) } as Random;
 * const { nodeId } = await loadNodeIdentity({ folder, files, clock, random });
 * assert.equal(nodeId.length, 32);
 * ```
 */
export async function loadNodeIdentity(parts: IdentityParts): Promise<NodeIdentity> {
  const { keptNodePair } = await import("./node-certificate.ts");
  const { der, ...pair } = await keptNodePair(parts);
  return { ...pair, nodeId: await nodeId(der) };
}

/**
 * The RPC authority and what it signed: the kept ones, or new ones. A server or client certificate that ended, or soon
 * will, is made anew with the same key, and so is one that lists other names than it should. A few milliseconds.
 *
 * @param hosts names and addresses by which the server is called, beside the loopback ones
 * @throws NodeError `IDENTITY_DAMAGED`, fault `self`, when the files are there but not in order.
 *
 * @example
 * ```ts
 * import * as fs from "node:fs/promises";
 * import { loadRpcIdentity, type Clock, type Random } from "gemel";
 *
 * const files = {
 *   readFile: (path: string) => fs.readFile(path).catch(() => undefined),
 *   writeFileAtomic: (path: string, bytes: Uint8Array, mode: number) => fs.writeFile(path, bytes, { mode }),
 *   makeDir: (path: string, mode: number) => fs.mkdir(path, { recursive: true, mode }).then(() => {}),
 * };
 * const clock = { now: () => Date.now() } as Clock;
 * const random = { bytes: (n: number) => crypto.getRandomValues(new Uint8Array(n)) } as Random;
 * const { authority } = await loadRpcIdentity({ folder, files, clock, random });
 * assert.match(authority, /BEGIN CERTIFICATE/);
 * ```
 */
export async function loadRpcIdentity(parts: IdentityParts, hosts: readonly string[] = []): Promise<RpcIdentity> {
  const { keptRpcPairs } = await import("./rpc-certificates.ts");
  return await keptRpcPairs(parts, hosts);
}
