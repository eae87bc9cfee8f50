/**
 * A stranger that pins payments down: to a payment that is not mined yet it attaches as much as it can that pays little, so
 * that what is to take the payment's place, or to pay for it, is refused.
 *
 * @module
 */
import type { Transaction } from "../../bitcoin/types/mod.ts";
import { Tx } from "../../bitcoin/wire/mod.ts";
import type { SeededRandom } from "../random.ts";
import { oneEach, type RelayAct, type Talk } from "./relay-liar.ts";
import { coinsOf, type Payment, spendOpen, type WorldCoin } from "./wallet.ts";

const TRUC_VERSION = 3;
/** More than a cluster may have, and more virtual bytes. */
const CHAIN_LENGTH = 70;
const LARGE_BYTES = 45_000;
const LARGE_COUNT = 5;
/** What a child of a payment that keeps to BIP431 may have, less what it has beside its data. */
const TRUC_CHILD_BYTES = 880;
/** Satoshi for 1000 virtual bytes: just too little for miners. */
export const PIN_RATE = 900;

/** Pins every payment that it hears of. */
export class PinningAct implements RelayAct {
  readonly connections = 1;
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  heardPayment(payment: Payment, talks: readonly Talk[]): void {
    const [parent] = payment;
    const [, shared] = coinsOf(parent);
    if (shared === undefined) return;
    const pins = parent.version === TRUC_VERSION ? trucPins(shared) : chainFrom(shared, 2, this.#random.chance(0.5));
    for (const talk of oneEach(talks)) for (const each of [parent, ...pins]) talk.send(Tx, each);
  }
}

/** A chain that begins at a coin: of many transactions, or of a few heavy ones, which a replacement has to pay more for. */
function chainFrom(coin: WorldCoin, version: number, isLong: boolean): readonly Transaction[] {
  const chain: Transaction[] = [];
  let last = coin;
  for (let i = 0; i < (isLong ? CHAIN_LENGTH : LARGE_COUNT); i++) {
    const next = cheapSpend(last, version, isLong ? 0 : LARGE_BYTES);
    chain.push(next);
    last = coinsOf(next)[0]!;
  }
  return chain;
}

/**
 * The one child that BIP431 lets a payment have, as large as can be; then others that are none of its form: where they were
 * taken, there would be no room for a child that pays for it.
 */
function trucPins(coin: WorldCoin): readonly Transaction[] {
  const child = cheapSpend(coin, TRUC_VERSION, TRUC_CHILD_BYTES);
  const [next] = coinsOf(child);
  return [child, cheapSpend(coin, 2, 0), ...chainFrom(next!, TRUC_VERSION, true)];
}

/** A spend of one coin that pays what no miner takes. */
function cheapSpend(coin: WorldCoin, version: number, dataBytes: number): Transaction {
  const make = (fee: number) => spendOpen([coin], fee, 1, { version, dataBytes });
  return make(Math.floor(make(0).weight / 4 * PIN_RATE / 1_000));
}
