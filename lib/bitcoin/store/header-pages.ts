/**
 * Headers in SQL: many to a row, so that a million of them are read in a moment, and few enough that one more header is
 * a small write. The statuses lie beside them in rows of their own.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database, SqlValue } from "../../core/ports.ts";
import type { HeaderPage } from "../store.ts";
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

/** All headers with their statuses, in row order. Rejects with `DATABASE_DAMAGED` when a page is not whole. */
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
      if (!isBytes(bytes, inPage * HEADER_BYTES) || !isBytes(bits, inPage)) throw damagedPage(page + i);
      headers.set(bytes, i * PAGE_BYTES);
      statuses.set(bits, i * PAGE_HEADERS);
    }
    yield { firstRow, headers, statuses };
  }
}

const isBytes = (value: unknown, length: number): value is Uint8Array =>
  value instanceof Uint8Array && value.length === length;

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
 * the new one. Inside a transaction.
 */
export async function changeStatuses(
  within: Database,
  rows: Iterable<number>,
  change: (row: number, status: number) => number,
  firstNew: number,
  count: number,
): Promise<void> {
  const byPage = new Map<number, number[]>();
  for (let row = firstNew; row < count; row = (pageOf(row) + 1) * PAGE_HEADERS) byPage.set(pageOf(row), []);
  for (const row of rows) {
    const inPage = byPage.get(pageOf(row));
    if (inPage === undefined) byPage.set(pageOf(row), [row]);
    else inPage.push(row);
  }
  const stored = await statusPages(within, [...byPage.keys()]);
  const pages: [number, Uint8Array][] = [];
  for (const [page, changed] of byPage) {
    const first = page * PAGE_HEADERS;
    const bits = new Uint8Array(Math.min(PAGE_HEADERS, count - first));
    const before = stored.get(page);
    if (before !== undefined) {
      if (!(before instanceof Uint8Array) || before.length > bits.length) throw damagedPage(page);
      bits.set(before);
    }
    for (const row of changed) bits[row - first] = change(row, bits[row - first]!);
    pages.push([page, bits]);
  }
  await within.runMany(
    "INSERT INTO bitcoin_statuses (page, bits) VALUES (?, ?) ON CONFLICT (page) DO UPDATE SET bits = excluded.bits",
    pages,
  );
}

/** The statuses of pages that are there. */
async function statusPages(within: Database, pages: readonly number[]): Promise<Map<number, SqlValue | undefined>> {
  const sqlOf = (places: string) => `SELECT page, bits FROM bitcoin_statuses WHERE page IN (${places})`;
  return new Map((await rowsAmong(within, pages, sqlOf)).map(({ page, bits }) => [Number(page), bits]));
}

const pageOf = (row: number): number => Math.floor(row / PAGE_HEADERS);
