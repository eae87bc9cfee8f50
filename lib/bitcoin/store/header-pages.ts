/**
 * Headers in SQL: many to a row, so that a million of them are read in a moment, and few enough that one more header is
 * a small write. The statuses lie beside them in rows of their own.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database, SqlValue } from "../../core/ports.ts";
import { bytesOf } from "../../storage/columns.ts";
import type { HeaderPage, StatusRun } from "../store.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { rowsAmong } from "../../storage/lookup.ts";

/** Headers in one row: 40 kB. */
const PAGE_HEADERS = 512;
const PAGE_BYTES = PAGE_HEADERS * HEADER_BYTES;
/** Rows that are read at once. */
const READ_PAGES = 16;

/** How many headers are stored. */
export async function countHeaders(database: Database): Promise<number> {
  const last = await database.get(
    "SELECT page, LENGTH(bytes) AS length FROM bitcoin_headers ORDER BY page DESC LIMIT 1",
  );
  return last === undefined ? 0 : Number(last.page) * PAGE_HEADERS + Number(last.length) / HEADER_BYTES;
}

/**
 * The first `count` headers with their statuses, in row order. Another process may append to them meanwhile. Rejects with
 * `DATABASE_DAMAGED` when a page is not whole.
 */
export async function* readHeaders(database: Database, count: number): AsyncGenerator<HeaderPage> {
  for (let firstRow = 0; firstRow < count; firstRow += READ_PAGES * PAGE_HEADERS) {
    const length = Math.min(READ_PAGES * PAGE_HEADERS, count - firstRow);
    const page = firstRow / PAGE_HEADERS;
    const rows = await database.all(
      "SELECT bytes, bits FROM bitcoin_headers JOIN bitcoin_statuses ON bitcoin_statuses.page = bitcoin_headers.page " +
        "WHERE bitcoin_headers.page >= ? AND bitcoin_headers.page < ? ORDER BY bitcoin_headers.page",
      [page, page + READ_PAGES],
    );
    const headers = new Uint8Array(length * HEADER_BYTES);
    const statuses = new Uint8Array(length);
    for (let i = 0; i * PAGE_HEADERS < length; i++) {
      const inPage = Math.min(PAGE_HEADERS, length - i * PAGE_HEADERS);
      const bytes = rows[i]?.bytes;
      const bits = rows[i]?.bits;
      if (!hasBytes(bytes, inPage * HEADER_BYTES) || !hasBytes(bits, inPage)) throw damagedPage(page + i);
      headers.set(bytes.subarray(0, inPage * HEADER_BYTES), i * PAGE_BYTES);
      statuses.set(bits.subarray(0, inPage), i * PAGE_HEADERS);
    }
    yield { firstRow, headers, statuses };
  }
}

const isBytes = (value: unknown, length: number): value is Uint8Array =>
  value instanceof Uint8Array && value.length === length;

const hasBytes = (value: unknown, length: number): value is Uint8Array =>
  value instanceof Uint8Array && value.length >= length;

/** The headers from a row on, one behind another. */
export async function readHeadersFrom(database: Database, firstRow: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const first = pageOf(firstRow);
  for (let page = first;; page += READ_PAGES) {
    const rows = await database.all(
      "SELECT SUBSTR(bytes, CASE WHEN page = ? THEN ? ELSE 1 END) AS bytes FROM bitcoin_headers " +
        "WHERE page >= ? AND page < ? ORDER BY page",
      [first, (firstRow - first * PAGE_HEADERS) * HEADER_BYTES + 1, page, page + READ_PAGES],
    );
    for (const { bytes } of rows) length += parts[parts.push(bytesOf(bytes)) - 1]!.length;
    if (rows.length < READ_PAGES) break;
  }
  const headers = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    headers.set(part, at);
    at += part.length;
  }
  return headers;
}

/** The statuses of the pages that were changed after a commit. */
export async function statusesSince(database: Database, commit: number): Promise<readonly StatusRun[]> {
  const rows = await database.all("SELECT page, bits FROM bitcoin_statuses WHERE changed > ?", [commit]);
  return rows.map(({ page, bits }) => ({ firstRow: Number(page) * PAGE_HEADERS, bits: bytesOf(bits) }))
    .sort((a, b) => a.firstRow - b.firstRow);
}

function damagedPage(page: number): NodeError<"DATABASE_DAMAGED"> {
  return new NodeError(
    "DATABASE_DAMAGED",
    "self",
    `page ${page} of the stored headers is missing or cut short; start with --reindex`,
  );
}

/** Appends headers; `firstRow` is the number of those that are stored. Inside a transaction. */
export async function appendHeaders(within: Database, firstRow: number, headers: Uint8Array): Promise<void> {
  const pages: [number, Uint8Array][] = [];
  for (let done = 0; done < headers.length;) {
    const at = firstRow * HEADER_BYTES + done;
    const page = Math.floor(at / PAGE_BYTES);
    const before = at - page * PAGE_BYTES;
    const part = headers.subarray(done, done + PAGE_BYTES - before);
    const bytes = new Uint8Array(before + part.length);
    if (before > 0) {
      const stored = await within.get("SELECT bytes FROM bitcoin_headers WHERE page = ?", [page]);
      if (!isBytes(stored?.bytes, before)) throw damagedPage(page);
      bytes.set(stored.bytes);
    }
    bytes.set(part, before);
    pages.push([page, bytes]);
    done += part.length;
  }
  await within.runMany(
    "INSERT INTO bitcoin_headers (page, bytes) VALUES (?, ?) ON CONFLICT (page) DO UPDATE SET bytes = excluded.bytes",
    pages,
  );
}

/**
 * Changes statuses and gives those of new headers, from `firstNew` on, a place. `change` gets a row's status and returns
 * the new one; `commit` is the number of the commit. Inside a transaction.
 */
export async function changeStatuses(
  within: Database,
  rows: Iterable<number>,
  change: (row: number, status: number) => number,
  firstNew: number,
  count: number,
  commit: number,
): Promise<void> {
  const byPage = new Map<number, number[]>();
  for (let row = firstNew; row < count; row = (pageOf(row) + 1) * PAGE_HEADERS) byPage.set(pageOf(row), []);
  for (const row of rows) {
    const inPage = byPage.get(pageOf(row));
    if (inPage === undefined) byPage.set(pageOf(row), [row]);
    else inPage.push(row);
  }
  const stored = await statusPages(within, [...byPage.keys()]);
  const pages: [number, Uint8Array, number][] = [];
  for (const [page, changed] of byPage) {
    const first = page * PAGE_HEADERS;
    const bits = new Uint8Array(Math.min(PAGE_HEADERS, count - first));
    const before = stored.get(page);
    if (before !== undefined) {
      if (!(before instanceof Uint8Array) || before.length > bits.length) throw damagedPage(page);
      bits.set(before);
    }
    for (const row of changed) bits[row - first] = change(row, bits[row - first]!);
    pages.push([page, bits, commit]);
  }
  await within.runMany(
    "INSERT INTO bitcoin_statuses (page, bits, changed) VALUES (?, ?, ?) " +
      "ON CONFLICT (page) DO UPDATE SET bits = excluded.bits, changed = excluded.changed",
    pages,
  );
}

/** The statuses of pages that are there. */
async function statusPages(within: Database, pages: readonly number[]): Promise<Map<number, SqlValue | undefined>> {
  const sqlOf = (places: string) => `SELECT page, bits FROM bitcoin_statuses WHERE page IN (${places})`;
  return new Map((await rowsAmong(within, pages, sqlOf)).map(({ page, bits }) => [Number(page), bits]));
}

const pageOf = (row: number): number => Math.floor(row / PAGE_HEADERS);
