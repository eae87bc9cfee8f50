/** Address books for tests: a clock that is set by hand, a seeded chance, a fixed key. */
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { AddressBook, type AddressBookOptions, type AddressRules } from "../../../lib/core/addresses/book.ts";
import type { Clock } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

/** A clock without timers. */
export class HandClock implements Clock {
  /** Unix seconds. */
  nowS = 1_750_000_000;

  now(): number {
    return this.nowS * 1000;
  }

  monotonic(): number {
    return this.nowS * 1000;
  }

  sleep(): Promise<void> {
    throw new Error("nothing here sleeps");
  }

  after(): () => void {
    throw new Error("nothing here waits");
  }
}

/** Both networks' rules, to run one test for each. */
export const BOTH: readonly AddressRules[] = [bitcoinAddressRules(), chiaAddressRules()];

/** A book without a limit on sources, unless told otherwise. */
export function makeBook(options: Partial<AddressBookOptions> & { readonly seed?: number } = {}) {
  const { seed = 1, ...rest } = options;
  const clock = new HandClock();
  const book = new AddressBook({
    rules: BOTH[0]!,
    clock,
    random: new SeededRandom(seed),
    key: new Uint8Array(32).fill(7),
    budget: false,
    ...rest,
  });
  return { book, clock: (rest.clock ?? clock) as HandClock };
}

/** The i-th of many routable addresses, each in a /16 of its own as long as there are any left. */
export function hostAt(i: number): string {
  return `${20 + (i % 60)}.${Math.floor(i / 60) % 250}.${Math.floor(i / 15_000) % 250}.${1 + (i % 200)}`;
}
