/**
 * What attackers say: handshakes that the node takes for those of peers, valid messages to flood it with, and rubbish.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { clock, random } from "#platform";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { sha256d } from "../../lib/bitcoin/hash.ts";
import {
  headerToBytes,
  INVENTORY_MAX,
  InvType,
  merkleRoot,
  NO_ADDRESS,
  parseHost,
  toIp16,
} from "../../lib/bitcoin/types/mod.ts";
import { Addr, GetAddr, GetData, GetHeaders, Inv, packV1, Ping, Verack, Version } from "../../lib/bitcoin/wire/mod.ts";
import { encodeHandshake } from "../../lib/chia/peers/handshake.ts";
import { publicAuthorities } from "../../lib/chia/identity/identity.ts";
import { privateKeyPem } from "../../lib/chia/identity/kept-pair.ts";
import { issueNodeCertificate } from "../../lib/chia/identity/node-certificate.ts";
import { makeKeys, toPem } from "../../lib/chia/identity/x509.ts";
import { encodeEnvelope, NodeType } from "../../lib/chia/protocol/mod.ts";
import { NewPeak, NewTransaction, RequestBlock, RequestBlocks, RespondPeers } from "../../lib/chia/types/mod.ts";
import { solve } from "../unit/bitcoin-chain/mining.ts";
import { type Certificate, masked, UPGRADE, type Wire } from "./attackers-wire.ts";

/** Numbers that a seed gives (xorshift32): which rubbish, which hashes. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed | 0) || 1;
  }

  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

const pack = (type: string, payload: Uint8Array) => packV1(regtest.magic, type, payload);

/** What opens a connection on Bitcoin's side: `version`, and `verack` for the answer to it. */
export function bitcoinHello(chance: Chance): { readonly version: Uint8Array; readonly verack: Uint8Array } {
  const body = Version.encode({
    version: 70_016,
    services: 9n,
    timestamp: BigInt(Math.floor(Date.now() / 1000)),
    addrRecv: NO_ADDRESS,
    addrFrom: NO_ADDRESS,
    nonce: BigInt(chance.below(0xffff_ffff)) << 20n,
    userAgent: "/attacker:1/",
    startHeight: 0,
    relay: true,
  });
  return { version: pack(Version.type, body), verack: pack(Verack.type, new Uint8Array()) };
}

const anyHost = (chance: Chance) => `${1 + chance.below(99)}.${chance.below(256)}.${chance.below(256)}.7`;

/** Valid messages of one kind for an attacker to repeat, with their envelopes. */
export function bitcoinFlood(chance: Chance, which: number): Uint8Array {
  const hashes = (count: number, type: number) =>
    Array.from({ length: count }, () => ({ type, hash: chance.bytes(32) }));
  const kinds = [
    () => Array.from({ length: 500 }, (_, i) => pack(Ping.type, Ping.encode({ nonce: BigInt(i) }))),
    () => [pack(Inv.type, Inv.encode({ inventory: hashes(500, InvType.TX) }))],
    () => [bitcoinAddresses(Array.from({ length: 500 }, () => anyHost(chance)), 18_444)],
    () => {
      const body = { version: 70_016, locator: [chance.bytes(32)], stop: new Uint8Array(32) };
      return Array.from({ length: 50 }, () => pack(GetHeaders.type, GetHeaders.encode(body)));
    },
    () => [pack(GetData.type, GetData.encode({ inventory: hashes(500, InvType.WITNESS_TX) }))],
    () => Array.from({ length: 500 }, () => pack(GetAddr.type, new Uint8Array())),
  ];
  return Buffer.concat(kinds[which % kinds.length]!());
}

/** A message of addresses, all of them fresh, as a peer tells them. */
export function bitcoinAddresses(hosts: readonly string[], port: number): Uint8Array {
  const time = Math.floor(Date.now() / 1000);
  const addresses = hosts.map((host) => ({ time, services: 9n, ip: toIp16(parseHost(host)!)!, port }));
  return pack(Addr.type, Addr.encode({ addresses }));
}

/** {@link bitcoinAddresses} on Chia's side, in its frame. */
export function chiaAddresses(hosts: readonly string[], port: number): Uint8Array {
  const timestamp = BigInt(Math.floor(Date.now() / 1000));
  const data = RespondPeers.encode({ peerList: hosts.map((host) => ({ host, port, timestamp })) });
  return masked(encodeEnvelope({ type: RESPOND_PEERS, id: null, data }));
}

/** Envelopes with the right magic around nonsense: unknown types, wrong checksums, a length beyond all limits. */
export function bitcoinRubbish(chance: Chance, which: number): Uint8Array {
  const unknown = pack("rubbish", chance.bytes(1_000));
  const wrong = pack("headers", chance.bytes(1_000));
  wrong[21] = wrong[21]! ^ 0xff;
  const huge = pack("block", chance.bytes(100));
  huge.fill(0xff, 16, 20);
  const odd = pack("headers", chance.bytes(4_000));
  return Buffer.concat([unknown, wrong, [huge, odd, chance.bytes(5_000)][which % 3]!]);
}

/** A certificate for each of `count` attackers, all of one key: what a peer is called follows from its certificate. */
export async function certificates(count: number): Promise<Certificate[]> {
  const keys = await makeKeys("rsa");
  const key = await privateKeyPem(keys);
  const made: Certificate[] = [];
  for (let i = 0; i < count; i++) {
    const cert = toPem("CERTIFICATE", await issueNodeCertificate(keys, { clock, random }));
    made.push({ cert, key, ca: publicAuthorities });
  }
  return made;
}

/** What opens a connection on Chia's side, in its frame. */
export const chiaHello: Uint8Array = masked(encodeHandshake({
  networkId: "simulator0",
  nodeType: NodeType.FULL_NODE,
  softwareVersion: "2.7.5",
  serverPort: 8_444,
}));

const [NEW_PEAK, NEW_TRANSACTION, REQUEST_BLOCK, REQUEST_BLOCKS, REQUEST_PEERS, RESPOND_PEERS] = [
  20,
  21,
  26,
  29,
  43,
  44,
];

/** Valid messages of one kind for an attacker to repeat, in their frames. */
export function chiaFlood(chance: Chance, which: number): Uint8Array {
  const frames = (count: number, type: number, data: () => Uint8Array) =>
    Array.from({ length: count }, (_, i) => masked(encodeEnvelope({ type, id: i, data: data() })));
  const kinds = [
    () =>
      frames(20, NEW_PEAK, () =>
        NewPeak.encode({
          headerHash: chance.bytes(32) as NewPeak["headerHash"],
          height: 1_000 + chance.below(1_000_000),
          weight: BigInt(chance.below(0xffff_ffff)) << 30n,
          forkPointWithPreviousPeak: 0,
          unfinishedRewardBlockHash: chance.bytes(32) as NewPeak["headerHash"],
        })),
    () =>
      frames(200, NEW_TRANSACTION, () =>
        NewTransaction.encode({
          transactionId: chance.bytes(32) as NewTransaction["transactionId"],
          cost: 1_000_000n,
          fees: BigInt(chance.below(1_000_000)),
        })),
    () => frames(20, REQUEST_BLOCK, () => RequestBlock.encode({ height: 1, includeTransactionBlock: true })),
    () =>
      frames(
        5,
        REQUEST_BLOCKS,
        () => RequestBlocks.encode({ startHeight: 1, endHeight: 30, includeTransactionBlock: true }),
      ),
    () => frames(2, REQUEST_PEERS, () => new Uint8Array()),
    () => {
      const told = chiaAddresses(Array.from({ length: 900 }, () => anyHost(chance)), 8_444);
      return [told, told];
    },
  ];
  return Buffer.concat(kinds[which % kinds.length]!());
}

/** Frames that hold no message. */
export function chiaRubbish(chance: Chance, which: number): Uint8Array {
  const endless = Uint8Array.of(0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const unknown = masked(encodeEnvelope({ type: 200, id: null, data: chance.bytes(500) }));
  return [masked(chance.bytes(2_000)), endless, unknown, chance.bytes(5_000)][which % 4]!;
}

/** Shakes hands as a peer that dials. */
export async function introduce(wire: Wire, chain: "bitcoin" | "chia", chance: Chance): Promise<void> {
  if (chain === "bitcoin") {
    const { version, verack } = bitcoinHello(chance);
    await wire.write(version);
    await wire.answer();
    await wire.write(verack);
  } else {
    await wire.write(UPGRADE);
    await wire.answer();
    await wire.write(chiaHello);
    await wire.answer();
  }
}

/** A binary frame, the first of its message or a later one; its mask of zeros leaves the payload as it is. */
export function frame(isFirst: boolean, payload: Uint8Array, isLast: boolean): Uint8Array {
  const head = Buffer.alloc(14);
  head[0] = (isFirst ? 2 : 0) | (isLast ? 0x80 : 0);
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

/** The beginning of a message of Bitcoin's that is as long as one may be. */
export function longMessage(): Uint8Array {
  const head = Buffer.alloc(24);
  head.set([0xfa, 0xbf, 0xb5, 0xda]);
  head.write("block", 4, "ascii");
  head.writeUInt32LE(3_990_000, 16);
  return Buffer.concat([head, Buffer.alloc(3_900_000, 0x55)]);
}

/** A message of Bitcoin's whose checksum is wrong: it is passed over. */
export function wrongMessage(): Uint8Array {
  const message = longMessage().subarray(0, 24 + 1_980_000);
  new DataView(message.buffer, message.byteOffset).setUint32(16, 1_980_000, true);
  return message;
}

const MIB = 2 ** 20;

/** Sends 45 MiB of a message that does not end. */
export async function fragments(wire: Wire): Promise<void> {
  const first = frame(true, Buffer.alloc(MIB, 0x55), false);
  const more = frame(false, Buffer.alloc(MIB, 0x55), false);
  for (let i = 0; i < 45; i++) await wire.write(i === 0 ? first : more);
}

/** A request of as many blocks as one message may ask for, all of them one and the same. */
export function longRequest(hash: Uint8Array): Uint8Array {
  const inventory = Array.from({ length: INVENTORY_MAX }, () => ({ type: InvType.WITNESS_BLOCK, hash }));
  return pack(GetData.type, GetData.encode({ inventory }));
}

/** Transactions of ten bytes, without inputs and outputs, as many as a message holds. */
const THIN_COUNT = 398_000;

/** Blocks of nothing but such transactions, each a message: with work, and with the root of their transactions or another. */
export class ThinBlocks {
  readonly #body: Uint8Array;
  readonly #root: Uint8Array;

  constructor() {
    const transactions = new Uint8Array(10 * THIN_COUNT);
    const view = new DataView(transactions.buffer);
    // Different versions, so that no two are the same.
    for (let i = 0; i < THIN_COUNT; i++) view.setUint32(10 * i, i, true);
    const count = Uint8Array.of(0xfe, ...new Uint8Array(Uint32Array.of(THIN_COUNT).buffer));
    this.#body = Buffer.concat([count, transactions]);
    const ids = Array.from({ length: THIN_COUNT }, (_, i) => sha256d(transactions.subarray(10 * i, 10 * i + 10)));
    this.#root = merkleRoot(ids).root;
  }

  /** A `block` message on a parent; its time tells it from others. */
  message(prevBlockHash: Uint8Array, time: number, isRootRight: boolean): Uint8Array {
    const { bits, version } = regtest.genesis.header;
    const merkleRoot = isRootRight ? this.#root : new Uint8Array(32).fill(1);
    const header = solve({ version, prevBlockHash, merkleRoot, time, bits, nonce: 0 }, regtest);
    return pack("block", Buffer.concat([headerToBytes(header), this.#body]));
  }
}
