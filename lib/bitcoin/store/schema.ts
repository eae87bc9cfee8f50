/**
 * The tables of the Bitcoin store. Block bytes and coins are in some of them where it has no files. One owner: `sql.ts`.
 *
 * @module
 */
import { EVENTS_SCHEMA } from "../../storage/event-log.ts";
import type { Migration } from "../../storage/migrate.ts";
import { dropPeers, peersSchema } from "../../storage/peer-table.ts";
import { LIGHT_SCHEMA } from "../light/store/schema.ts";

/** Tables of what is known of the chain; the events are not. */
export const CHAIN_TABLES = [
  "bitcoin_headers",
  "bitcoin_statuses",
  "bitcoin_blocks",
  "bitcoin_block_files",
  "bitcoin_transactions",
  "bitcoin_coin_runs",
  "bitcoin_coin_undo",
  "bitcoin_snapshot",
  "bitcoin_state",
] as const;

/**
 * Where block bytes and coins are that are not in files: see `table-blocks.ts` and `table-coins.ts`. In a store with files
 * they are empty.
 */
const BYTES_SCHEMA = `CREATE TABLE bitcoin_block_bytes (
  header INTEGER PRIMARY KEY,
  height INTEGER NOT NULL,
  checksum BIGINT NOT NULL,
  size INTEGER NOT NULL,
  bytes BYTEA NOT NULL
);
CREATE INDEX bitcoin_block_bytes_height ON bitcoin_block_bytes (height, header);
CREATE TABLE bitcoin_coins_0 (
  outpoint BYTEA PRIMARY KEY,
  coin BYTEA NOT NULL
) WITHOUT ROWID;
CREATE TABLE bitcoin_coins_1 (
  outpoint BYTEA PRIMARY KEY,
  coin BYTEA NOT NULL
) WITHOUT ROWID;
`;

/** Every step of the schema since the first release. */
export const BITCOIN_MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "headers, places of blocks, transaction index, peers, events",
    // Pages hold as many headers as header-pages.ts says, 80 bytes each; beside them one status byte each. They are
    // apart because a status changes when its block comes, and a page of headers then need not be written again.
    // bitcoin_transactions: see transaction-index.ts. Without a rowid it is half as large; PostgreSQL has no such choice.
    sql: `
CREATE TABLE bitcoin_state (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
CREATE TABLE bitcoin_headers (
  page INTEGER PRIMARY KEY,
  bytes BYTEA NOT NULL
);
CREATE TABLE bitcoin_statuses (
  page INTEGER PRIMARY KEY,
  bits BYTEA NOT NULL
);
CREATE TABLE bitcoin_blocks (
  header INTEGER PRIMARY KEY,
  file INTEGER NOT NULL,
  start BIGINT NOT NULL,
  bytes INTEGER NOT NULL
);
CREATE UNIQUE INDEX bitcoin_blocks_place ON bitcoin_blocks (file, start);
CREATE TABLE bitcoin_block_files (
  file INTEGER PRIMARY KEY,
  bytes BIGINT NOT NULL,
  blocks INTEGER NOT NULL,
  height_max INTEGER NOT NULL
);
CREATE TABLE bitcoin_transactions (
  id BIGINT NOT NULL,
  place BIGINT NOT NULL,
  PRIMARY KEY (id, place)
) WITHOUT ROWID;${peersSchema("bitcoin_peers")}
${EVENTS_SCHEMA}
`,
  },
  { number: 2, name: "filter headers, watched scripts and their matches", sql: LIGHT_SCHEMA },
  {
    number: 3,
    name: "how much is stored, and block files by height, so that no question about either reads every file's row",
    sql: `
INSERT INTO bitcoin_state (name, value) SELECT 'blocks', COALESCE(SUM(blocks), 0) FROM bitcoin_block_files;
INSERT INTO bitcoin_state (name, value) SELECT 'block_bytes', COALESCE(SUM(bytes), 0) FROM bitcoin_block_files;
CREATE INDEX bitcoin_block_files_height ON bitcoin_block_files (height_max);
`,
  },
  {
    number: 4,
    name: "coins, and what takes blocks back",
    sql: `
CREATE TABLE bitcoin_coins (
  outpoint BYTEA PRIMARY KEY,
  coin BYTEA NOT NULL
) WITHOUT ROWID;
CREATE TABLE bitcoin_coin_undo (
  header INTEGER PRIMARY KEY,
  spent BYTEA NOT NULL
);
`,
  },
  {
    number: 5,
    name: "coins in files, of which the database has the list; no node kept coins before",
    sql: `
DROP TABLE bitcoin_coins;
DELETE FROM bitcoin_coin_undo;
DELETE FROM bitcoin_state WHERE name = 'coins_at';
CREATE TABLE bitcoin_coin_runs (
  run INTEGER PRIMARY KEY,
  age BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  entries BIGINT NOT NULL
);
`,
  },
  {
    number: 6,
    name: "a second place for coins, and the snapshot whose coins are in one of the two while it is not validated",
    sql: `
CREATE TABLE bitcoin_coin_runs_placed (
  place INTEGER NOT NULL,
  run INTEGER NOT NULL,
  age BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  PRIMARY KEY (place, run)
) WITHOUT ROWID;
INSERT INTO bitcoin_coin_runs_placed (place, run, age, bytes, entries)
  SELECT 0, run, age, bytes, entries FROM bitcoin_coin_runs;
DROP TABLE bitcoin_coin_runs;
ALTER TABLE bitcoin_coin_runs_placed RENAME TO bitcoin_coin_runs;
CREATE TABLE bitcoin_snapshot (
  header INTEGER PRIMARY KEY,
  hash BYTEA NOT NULL
);
`,
  },
  { number: 7, name: "peers are a node's own: its address book has them, in a file", sql: dropPeers("bitcoin_peers") },
  {
    number: 8,
    name: "block bytes and coins in tables, for a store without files",
    sql: BYTES_SCHEMA,
    // Blocks hardly become smaller: the server is not to try, and can read parts of them.
    postgresql: `${BYTES_SCHEMA.replaceAll(") WITHOUT ROWID", ")")}
ALTER TABLE bitcoin_block_bytes ALTER COLUMN bytes SET STORAGE EXTERNAL;
`,
  },
  {
    number: 9,
    name: "the number of the commit that changed statuses last, so that who only reads finds what is new",
    sql: `
ALTER TABLE bitcoin_statuses ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX bitcoin_statuses_changed ON bitcoin_statuses (changed);
`,
  },
];
