/**
 * The tables of the light client, in the Bitcoin store's database. One owner: `sql.ts`.
 *
 * @module
 */

/** Filter headers on a page of `bitcoin_filter_headers`, by height. A new block's costs one page to write. */
export const FILTER_HEADERS_PER_PAGE = 1_024;

/**
 * A match is a payment where `spent_txid` is null. Directions need no column of their own, and ids are counted in the
 * state: a row that is gone must not give its id to another.
 */
export const LIGHT_SCHEMA = `
CREATE TABLE bitcoin_light_state (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL,
  bytes BYTEA NOT NULL
);
CREATE TABLE bitcoin_filter_headers (
  page INTEGER PRIMARY KEY,
  bytes BYTEA NOT NULL
);
CREATE TABLE bitcoin_watched (
  script BYTEA PRIMARY KEY,
  birth INTEGER NOT NULL,
  scanned INTEGER NOT NULL
);
CREATE TABLE bitcoin_matches (
  id BIGINT PRIMARY KEY,
  height INTEGER NOT NULL,
  hash BYTEA NOT NULL,
  txid BYTEA NOT NULL,
  script BYTEA NOT NULL,
  value BIGINT NOT NULL,
  vout BIGINT NOT NULL,
  spent_txid BYTEA,
  vin INTEGER
);
CREATE INDEX bitcoin_matches_hash ON bitcoin_matches (hash);
CREATE INDEX bitcoin_matches_height ON bitcoin_matches (height);
CREATE INDEX bitcoin_matches_txid ON bitcoin_matches (txid);
CREATE INDEX bitcoin_matches_script ON bitcoin_matches (script);
`;
