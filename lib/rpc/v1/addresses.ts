/**
 * What a node knows of other nodes' addresses, as `/v1/addresses` and `gemel addrman show --json` print it.
 *
 * @module
 */
import { Hono } from "hono";
import type { AddressBook } from "../../core/addresses/book.ts";
import type { ChainHandle } from "../chain-handle.ts";
import type { RpcContext } from "../context.ts";
import { jsonResponse } from "../json.ts";
import { chainsOf, checked, wholeInQuery, z } from "./request.ts";

/** Addresses of each book that are told. */
const ADDRESSES_STANDARD = 100;
const ADDRESSES_MAX = 10_000;
/** The query of `GET /v1/addresses`. */
const Query = z.object({ limit: wholeInQuery("limit", ADDRESSES_STANDARD, 0, ADDRESSES_MAX) });

/** The routes. */
export function addressRoutes(context: RpcContext): Hono {
  const app = new Hono();
  app.get("/v1/addresses", (c) => {
    const { limit } = checked(Query, { limit: c.req.query("limit") });
    const books = chainsOf(context, c.req.query("chain")).map((chain) => addressBookJson(chain, limit));
    return jsonResponse({ books });
  });
  return app;
}

/** Where an entry lies. */
export type SlotJson = { readonly table: string; readonly bucket: number; readonly position: number };

/** One address. Times are unix seconds, 0 when never. */
export type AddressJson = {
  readonly host: string;
  readonly port: number;
  readonly network: string;
  /** Bits of what it offers, in hexadecimal. */
  readonly services: string;
  readonly source: string;
  readonly table: "new" | "tried";
  readonly slots: readonly SlotJson[];
  readonly time: number;
  readonly last_try: number;
  readonly last_success: number;
  readonly attempts: number;
  /** Whether the book would rather be rid of it. */
  readonly terrible: boolean;
};

/** One chain's book. */
export type AddressBookJson = {
  readonly chain: string;
  readonly network: string;
  readonly new: number;
  readonly tried: number;
  readonly total: number;
  /** Places taken in the new table: an address may have several. */
  readonly new_slots: number;
  /** Newcomers that wait until the address in their place was tested. */
  readonly collisions: number;
  readonly by_network: { readonly [network: string]: { readonly new: number; readonly tried: number } };
  /** As many as were asked for, tried ones first. */
  readonly addresses: readonly AddressJson[];
};

/** A chain's book in numbers, with its first `limit` addresses. */
export function addressBookJson(
  { chain, network, addressBook: book }: Pick<ChainHandle, "chain" | "network" | "addressBook">,
  limit: number,
): AddressBookJson {
  const { new: fresh, tried, total, newSlots, collisions } = book.size;
  const networks = ["ipv4", "ipv6", "onion", "i2p", "cjdns"].map((name) =>
    [name, { new: book.countOn(name, "new"), tried: book.countOn(name, "tried") }] as const
  );
  return {
    chain,
    network,
    new: fresh,
    tried,
    total,
    new_slots: newSlots,
    collisions,
    by_network: Object.fromEntries(networks.filter(([, counts]) => counts.new + counts.tried > 0)),
    addresses: firstOf(book, limit),
  };
}

function firstOf(book: AddressBook, limit: number): AddressJson[] {
  const found: AddressJson[] = [];
  if (limit === 0) return found;
  for (const entry of book.entries()) {
    const { host, port, network, services, source, isTried, slots, timeS, lastTryS, lastSuccessS, attempts } = entry;
    found.push({
      host,
      port,
      network,
      services: services.toString(16),
      source,
      table: isTried ? "tried" : "new",
      slots: slots.map(({ table, bucket, position }) => ({ table, bucket, position })),
      time: timeS,
      last_try: lastTryS,
      last_success: lastSuccessS,
      attempts,
      terrible: book.isTerrible(entry),
    });
    if (found.length === limit) break;
  }
  return found;
}
