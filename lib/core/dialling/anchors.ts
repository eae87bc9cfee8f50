/**
 * Anchors: peers of the last run that are dialled first, before anything that the address book says. An attacker who fills the book
 * with his own addresses and waits for a restart has to have been connected before it as well.
 *
 * Core keeps two peers that relay blocks only (`anchors.dat`), of which nobody learns by gossip; here two of the longest
 * connected full peers come to them, and where there are no block-relay peers, as in Chia, four of these.
 *
 * @see Bitcoin Core 29 `net.cpp` GetCurrentBlockRelayOnlyConns, DumpAnchors; Heilman et al. (2015), countermeasure 5
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Peer, PeerSession } from "../peers/peer.ts";
import type { PeerAddress } from "../ports.ts";

/** Anchors that are kept, and how many of them relay blocks only where there are such. */
export const ANCHORS = { all: 4, blockRelay: 2 } as const;

/** A peer to dial first, and as what. */
export interface Anchor extends PeerAddress {
  readonly kind: "block-relay" | "outbound";
}

/** The anchors among the peers of a moment: the block-relay ones first, of each kind those that are connected longest. */
export function anchorsOf(peers: readonly Peer<PeerSession<unknown>>[]): readonly Anchor[] {
  const longest = (kind: Anchor["kind"], count: number) =>
    peers.filter((peer) => peer.kind === kind).sort((a, b) => a.since - b.since || a.id - b.id).slice(0, count)
      .map(({ session: { remote: { host, port } } }): Anchor => ({ host, port, kind }));
  const blockRelay = longest("block-relay", ANCHORS.blockRelay);
  return [...blockRelay, ...longest("outbound", ANCHORS.all - blockRelay.length)];
}

/** The files that anchors need; a platform has them by these names. */
export interface AnchorFiles {
  readFile(path: string): Promise<Uint8Array | undefined>;
  writeFileAtomic(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  removeFile(path: string): Promise<void>;
}

/** Only the owner may read who the peers are. */
const FILE_MODE = 0o600;
/** A file of four addresses; what is longer is not read. */
const FILE_BYTES_MAX = 4_096;
const HOST_LENGTH_MAX = 62;

/**
 * The file in which an orderly stop leaves its anchors: a JSON list of `{ host, port, kind }`. Read once and removed:
 * peers that led to a crash are not dialled first again.
 */
export class AnchorFile {
  readonly #path: string;
  readonly #files: AnchorFiles;
  readonly #failed: (text: string) => void;

  /** @param failed hears of trouble with the file, which costs the anchors and nothing else */
  constructor(path: string, files: AnchorFiles, failed: (text: string) => void) {
    this.#path = path;
    this.#files = files;
    this.#failed = failed;
  }

  /** The anchors of the last run; none when there is no file, or when it is damaged. Never rejects. */
  async take(): Promise<readonly Anchor[]> {
    try {
      const bytes = await this.#files.readFile(this.#path);
      if (bytes === undefined) return [];
      await this.#files.removeFile(this.#path);
      return parse(bytes);
    } catch (error) {
      this.#failed(`${this.#path}: ${messageOf(error)}; no anchors are dialled`);
      return [];
    }
  }

  /** Leaves anchors for the next run. Never rejects. */
  async keep(anchors: readonly Anchor[]): Promise<void> {
    if (anchors.length === 0) return;
    const text = JSON.stringify(anchors.map(({ host, port, kind }) => ({ host, port, kind })));
    await this.#files.writeFileAtomic(this.#path, new TextEncoder().encode(text), FILE_MODE)
      .catch((error) => this.#failed(`${this.#path}: ${messageOf(error)}`));
  }
}

function parse(bytes: Uint8Array): Anchor[] {
  if (bytes.length > FILE_BYTES_MAX) throw new RangeError(`${bytes.length} bytes`);
  const kept: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!Array.isArray(kept)) throw new TypeError("no list of anchors");
  return kept.slice(0, ANCHORS.all).flatMap((item: unknown): Anchor[] => {
    const { host, port, kind } = (item ?? {}) as Partial<Record<keyof Anchor, unknown>>;
    if (typeof host !== "string" || host.length > HOST_LENGTH_MAX) return [];
    if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 0xffff) return [];
    // A file of an older version has no kinds: all of its were for blocks only.
    return [{ host, port: port as number, kind: kind === "outbound" ? kind : "block-relay" }];
  });
}
