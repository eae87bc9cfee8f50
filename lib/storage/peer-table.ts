/**
 * The addresses of peers over restarts, in SQL and in memory. Each chain has a table of its own.
 *
 * @module
 */
import type { PeerStore, StoredPeer } from "../core/ports.ts";
import type { Database, SqlRow } from "../core/ports.ts";

/** The statement that makes a table of peers. `table` is a name from our own code. */
export const peersSchema = (table: string): string => `
CREATE TABLE ${table} (
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  source TEXT NOT NULL,
  last_try BIGINT NOT NULL,
  last_success BIGINT NOT NULL,
  PRIMARY KEY (host, port)
);`;

/** Peers in a table of {@link peersSchema}. */
export class SqlPeers implements PeerStore {
  readonly #database: Database;
  readonly #table: string;

  constructor(database: Database, table: string) {
    this.#database = database;
    this.#table = table;
  }

  async peers(): Promise<StoredPeer[]> {
    const rows = await this.#database.all(`SELECT * FROM ${this.#table} ORDER BY host, port`);
    return rows.map(peerOf);
  }

  savePeers(peers: readonly StoredPeer[]): Promise<void> {
    return this.#database.transaction(async (within) => {
      await within.run(`DELETE FROM ${this.#table}`);
      await within.runMany(
        `INSERT INTO ${this.#table} (host, port, source, last_try, last_success) VALUES (?, ?, ?, ?, ?)`,
        peers.map((peer) => [peer.host, peer.port, peer.source, peer.lastTry, peer.lastSuccess]),
      );
    });
  }
}

function peerOf(row: SqlRow): StoredPeer {
  return {
    host: String(row.host),
    port: Number(row.port),
    source: String(row.source),
    lastTry: Number(row.last_try),
    lastSuccess: Number(row.last_success),
  };
}

/** Peers in memory, in the order in which SQL gives them: by host (code points) and port. */
export class MemoryPeers implements PeerStore {
  #peers: readonly StoredPeer[] = [];

  peers(): Promise<StoredPeer[]> {
    return Promise.resolve([...this.#peers]);
  }

  savePeers(peers: readonly StoredPeer[]): Promise<void> {
    this.#peers = peers
      .map((peer) => ({ ...peer }))
      .sort((a, b) => (a.host === b.host ? a.port - b.port : a.host < b.host ? -1 : 1));
    return Promise.resolve();
  }
}
