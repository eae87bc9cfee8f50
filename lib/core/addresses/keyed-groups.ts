/**
 * Where a host stands among others, said so that nobody outside can tell or choose it.
 *
 * @module
 */
import { sipHash24 } from "../../codec/siphash.ts";
import type { Random } from "../ports.ts";
import type { AddressRules } from "./rules.ts";

/** A host's network, and its group hashed under a secret key. */
export type PlaceOf = (host: string) => { readonly network: string; readonly keyedGroup: bigint };

/** Draws a key, and places hosts under it. A host that the rules take no address of is a group by itself. */
export function keyedGroups(rules: AddressRules, random: Random): PlaceOf {
  const key = new DataView(random.bytes(16).slice().buffer);
  const words = [0, 4, 8, 12].map((at) => key.getUint32(at, true)) as [number, number, number, number];
  return (host) => {
    const located = rules.locate({ host, port: 1 });
    return {
      network: located?.network ?? "none",
      keyedGroup: sipHash24(words, located?.group ?? new TextEncoder().encode(host)),
    };
  };
}
