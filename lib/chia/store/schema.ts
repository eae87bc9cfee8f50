/**
 * The tables of the Chia store. Blocks have a small number of their own, so that bodies are written in the order of
 * arrival and the tables that are searched by hash stay narrow. One owner: `sql.ts`.
 *
 * @module
 */
import { EVENTS_SCHEMA } from "../../storage/event-log.ts";
import type { Migration } from "../../storage/migrate.ts";
import { dropPeers, peersSchema } from "../../storage/peer-table.ts";

/** Every step of the schema since the first release. */
export const CHIA_MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "blocks, main chain, summaries, peers, events",
    // weight is u128 big-endian in 16 bytes, so that bytes compare as numbers do; record is a Streamable BlockRecord.
    sql: `
CREATE TABLE chia_blocks (
  number INTEGER PRIMARY KEY,
  header_hash BYTEA NOT NULL UNIQUE,
  height BIGINT NOT NULL,
  weight BYTEA NOT NULL,
  main SMALLINT NOT NULL,
  bytes BIGINT NOT NULL,
  record BYTEA NOT NULL
);
CREATE INDEX chia_blocks_height ON chia_blocks (height);
CREATE UNIQUE INDEX chia_blocks_main ON chia_blocks (height) WHERE main = 1;
CREATE TABLE chia_bodies (
  number INTEGER PRIMARY KEY,
  raw BYTEA NOT NULL
);
CREATE TABLE chia_summaries (
  number INTEGER PRIMARY KEY,
  summary BYTEA NOT NULL
);${peersSchema("chia_peers")}
${EVENTS_SCHEMA}
`,
  },
  {
    number: 2,
    name: "how much is stored, so that no question about it reads the blocks",
    sql: `
CREATE TABLE chia_counts (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  blocks BIGINT NOT NULL,
  main_blocks BIGINT NOT NULL,
  bytes BIGINT NOT NULL
);
INSERT INTO chia_counts (id, blocks, main_blocks, bytes)
  SELECT 1, COUNT(*), COALESCE(SUM(main), 0), COALESCE(SUM(bytes), 0) FROM chia_blocks;
`,
  },
  {
    number: 3,
    name: "how far each block was checked",
    // The numbers of core/validation.ts. Everything that was stored before was checked at linkage, which is 2. The index
    // has the least level of the main chain as its first entry.
    sql: `
ALTER TABLE chia_blocks ADD COLUMN validation SMALLINT NOT NULL DEFAULT 2;
CREATE INDEX chia_blocks_validation ON chia_blocks (validation) WHERE main = 1;
`,
  },
  {
    number: 4,
    name: "the first main block of each level, and the blocks beside the main chain",
    sql: `
DROP INDEX chia_blocks_validation;
CREATE INDEX chia_blocks_validation ON chia_blocks (validation, height) WHERE main = 1;
CREATE INDEX chia_blocks_side ON chia_blocks (height) WHERE main = 0;
`,
  },
  { number: 5, name: "peers are a node's own: its address book has them, in a file", sql: dropPeers("chia_peers") },
  {
    number: 6,
    name: "the number of the last commit, so that who only reads finds that there is something new",
    sql: "ALTER TABLE chia_counts ADD COLUMN commits BIGINT NOT NULL DEFAULT 0;",
  },
];
