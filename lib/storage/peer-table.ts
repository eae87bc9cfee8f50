/**
 * The table of peers that chains' databases had before the address book was kept in a file: of use to migrations only.
 *
 * @module
 */

/** The statement that made a table of peers. `table` is a name from our own code. */
export const peersSchema = (table: string): string => `
CREATE TABLE ${table} (
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  source TEXT NOT NULL,
  last_try BIGINT NOT NULL,
  last_success BIGINT NOT NULL,
  PRIMARY KEY (host, port)
);`;

/** The statement that removes it. */
export const dropPeers = (table: string): string => `DROP TABLE ${table};`;
