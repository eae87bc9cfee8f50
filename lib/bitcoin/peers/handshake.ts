/**
 * The handshake: version and verack both ways, and what is agreed on between them.
 *
 * @see spec section a.4; Bitcoin Core `net_processing.cpp` ProcessMessage (version, verack, wtxidrelay, sendaddrv2)
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock, PeerAddress, Random } from "../../core/ports.ts";
import type { Link } from "./link.ts";
import { SELF_CONNECTION } from "../../core/peers/peer.ts";
import { printable } from "../../core/printable.ts";
import type { PeerOffence } from "../../core/peers/reputation.ts";
import { decodeFault, disconnecting, misbehaving } from "./faults.ts";
import type { ConnectionType } from "./view.ts";
import { type NetAddress, NO_ADDRESS, parseHost, ServiceFlag, toIp16 } from "../types/mod.ts";
import {
  type BodyOf,
  COMPACT_BLOCKS_VERSION,
  Feature,
  GetAddr,
  messageByType,
  SendAddrV2,
  SendCmpct,
  SendHeaders,
  Verack,
  Version,
  WtxidRelay,
} from "../wire/mod.ts";

/** What we speak: Core's since release 32. */
export const PROTOCOL_VERSION = 70_017;
/** Peers below it are not spoken to. */
export const PROTOCOL_VERSION_MIN = 31_800;
/** From here on wtxidrelay and sendaddrv2 are said. */
const NEGOTIATION_VERSION = 70_016;

/** What we say of ourselves. */
export interface OwnVersion {
  readonly services: bigint;
  readonly userAgent: string;
  readonly startHeight: number;
  /** Whether transactions may be announced to us. */
  readonly relay: boolean;
}

/** Nonces of our version messages on connections that are not open yet: who sends one back is ourselves. */
export class OwnNonces {
  /** Each with whether it has come back to us. */
  readonly #nonces = new Map<bigint, boolean>();

  /** A fresh nonce, kept until `forget` is called, which tells whether it came back: then it was ourselves who was dialled. */
  draw(random: Random): { readonly nonce: bigint; readonly forget: () => boolean } {
    const nonce = drawNonce(random);
    this.#nonces.set(nonce, false);
    return {
      nonce,
      forget: () => {
        const hasComeBack = this.#nonces.get(nonce) ?? false;
        this.#nonces.delete(nonce);
        return hasComeBack;
      },
    };
  }

  /** Whether a nonce that came is one of ours. */
  meet(nonce: bigint): boolean {
    const isOurs = this.#nonces.has(nonce);
    if (isOurs) this.#nonces.set(nonce, true);
    return isOurs;
  }
}

/** How a connection is opened. */
export interface HandshakeOptions {
  readonly connectionType: ConnectionType;
  readonly own: OwnVersion;
  readonly nonces: OwnNonces;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the peer is, which we tell it. */
  readonly remote: PeerAddress;
  /** Service bits that the peer must offer. */
  readonly requiredServices: bigint;
}

/** What the peer said of itself, and what both agreed on. */
export interface PeerIntroduction {
  readonly version: number;
  /** The lower of both versions. */
  readonly commonVersion: number;
  readonly services: bigint;
  /** As far as its characters are safe to show. */
  readonly userAgent: string;
  readonly startHeight: number;
  readonly relay: boolean;
  /** The peer's clock minus ours, in seconds. */
  readonly timeOffset: number;
  /** Where the peer sees us; undefined when it does not say. */
  readonly seenAs: NetAddress | undefined;
  readonly wtxidRelay: boolean;
  readonly addrV2: boolean;
  /** It wants new blocks announced by headers already. */
  readonly prefersHeaders: boolean;
  /** It offered compact blocks (version 2). */
  readonly compactBlocks: boolean;
  /** It wants new blocks in that form before it asks. */
  readonly wantsCompactBlocks: boolean;
}

/** Opens the conversation over a link. @throws BitcoinFault or NodeError with the reason; the caller closes the link */
export async function shakeHands(link: Link, options: HandshakeOptions): Promise<PeerIntroduction> {
  const { connectionType, own, random, clock, remote, nonces } = options;
  const dialled = connectionType !== "inbound";
  // One for blocks only tells of neither transactions nor addresses, and a feeler is gone before an answer comes.
  const isNarrow = connectionType === "block-relay-only" || connectionType === "feeler";
  const { nonce, forget } = dialled ? nonces.draw(random) : { nonce: drawNonce(random), forget: () => false };
  const introduce = async () => {
    const place = parseHost(remote.host);
    const ip = place === undefined ? undefined : toIp16(place);
    await link.send(
      Version.type,
      Version.encode({
        version: PROTOCOL_VERSION,
        services: own.services,
        timestamp: BigInt(Math.floor(clock.now() / 1000)),
        addrRecv: ip === undefined ? NO_ADDRESS : { services: 0n, ip, port: remote.port },
        addrFrom: { ...NO_ADDRESS, services: own.services },
        nonce,
        userAgent: own.userAgent,
        startHeight: own.startHeight,
        relay: own.relay && !isNarrow,
      }),
    );
  };
  let said: BodyOf<typeof Version> | undefined;
  let commonVersion = 0;
  const agreed = {
    ...{ wtxidRelay: false, addrV2: false, prefersHeaders: false, compactBlocks: false, wantsCompactBlocks: false },
  };

  const onVersion = async (payload: Uint8Array) => {
    said = Version.decode(payload);
    judge(said, options);
    commonVersion = Math.min(said.version, PROTOCOL_VERSION);
    if (!dialled) await introduce();
    if (commonVersion >= NEGOTIATION_VERSION) {
      await link.send(WtxidRelay.type, WtxidRelay.encode({}));
      await link.send(SendAddrV2.type, SendAddrV2.encode({}));
    }
    await link.send(Verack.type, Verack.encode({}));
    if (dialled && !isNarrow) await link.send(GetAddr.type, GetAddr.encode({}));
  };

  try {
    if (dialled) await introduce();
    for (;;) {
      const frame = await link.next();
      if (frame === undefined) throw new NodeError("closed", "network", "the peer closed during the handshake");
      const message = messageByType(frame.type);
      if (message === undefined) continue;
      try {
        if (message === Version) {
          // A second one is ignored, and so is everything before the first.
          if (said === undefined) await onVersion(frame.payload);
        } else if (said === undefined) continue;
        else if (message === Verack) break;
        else if (message === WtxidRelay) agreed.wtxidRelay = commonVersion >= NEGOTIATION_VERSION;
        else if (message === SendAddrV2) agreed.addrV2 = true;
        else if (message === SendHeaders) agreed.prefersHeaders = true;
        else if (message === SendCmpct) {
          const offer = SendCmpct.decode(frame.payload);
          if (!offersCompactBlocks(offer)) continue;
          agreed.compactBlocks = true;
          agreed.wantsCompactBlocks = offer.announce === 1;
        } else if (message === Feature) {
          // A peer of an older version cannot know features. A feature that is not known here means nothing.
          if (commonVersion < Feature.sinceVersion) {
            throw disconnecting("early_feature", `feature from a peer of version ${commonVersion}`);
          }
          Feature.decode(frame.payload);
        }
      } catch (thrown) {
        // Throws what is not the payload's fault as it is.
        const fault = decodeFault(message, thrown);
        if (fault !== undefined) throw fault;
      }
    }
  } catch (thrown) {
    // The accepting side of ourselves has hung up.
    if (forget()) throw selfConnection();
    throw thrown;
  }
  forget();
  return {
    version: said.version,
    commonVersion,
    services: said.services,
    userAgent: printable(said.userAgent ?? ""),
    startHeight: said.startHeight ?? 0,
    relay: said.relay ?? true,
    timeOffset: Number(said.timestamp < 0n ? 0n : said.timestamp) - Math.floor(clock.now() / 1000),
    seenAs: dialled ? said.addrRecv : undefined,
    ...agreed,
  };
}

/**
 * Whether `sendcmpct` offers compact blocks of the version that is spoken.
 *
 * @throws PeerOffence when it announces in a way that there is not, whatever the version (Core since release 32)
 */
export function offersCompactBlocks({ announce, version }: BodyOf<typeof SendCmpct>): boolean {
  if (announce > 1) {
    throw misbehaving("malformed_announcement", "bad_sendcmpct", "invalid sendcmpct announce field");
  }
  return version === COMPACT_BLOCKS_VERSION;
}

function selfConnection(): PeerOffence {
  return disconnecting(SELF_CONNECTION, "the peer is this node");
}

function drawNonce(random: Random): bigint {
  return new Reader(random.bytes(8)).u64();
}

/** The rules that a version must keep. */
function judge({ version, services, nonce }: BodyOf<typeof Version>, options: HandshakeOptions): void {
  if (version < PROTOCOL_VERSION_MIN) throw disconnecting("obsolete_version", `protocol version ${version} is too old`);
  const missing = options.requiredServices & ~services;
  if (missing !== 0n) {
    throw disconnecting("missing_services", `the peer offers services ${services}, ${missing} are missing`);
  }
  if (options.connectionType === "inbound" && nonce !== null && options.nonces.meet(nonce)) throw selfConnection();
}

/** What an automatic outbound peer must offer: the whole chain, with witnesses. */
export const REQUIRED_SERVICES = ServiceFlag.NETWORK | ServiceFlag.WITNESS;
