/**
 * What malicious peers do against the relay of transactions.
 *
 * @module
 */
import { InvType } from "../../bitcoin/types/mod.ts";
import { Inv, Tx } from "../../bitcoin/wire/mod.ts";
import { COMPACT_LIES, type CompactLie, type LiarParts, type RelayLie } from "../play.ts";
import type { SeededRandom } from "../random.ts";
import type { WorldBlocks } from "./blocks.ts";
import { CompactAct } from "./compact-act.ts";
import type { CheapTransactions } from "./cheap.ts";
import { PinningAct } from "./pinning-act.ts";
import { oneEach, type RelayAct } from "./relay-liar.ts";
import { COSTLY_MARK } from "./slow-judging.ts";
import { orphan, spendOpen, type WorldCoin, type WorldWallet } from "./wallet.ts";

/** How much of its worst each does at a time. */
const IDS = 6_000;
const ORPHANS = 100;
const COSTLY = 6;
/** Costly transactions are judged one after another, those of one connection as well. */
const COSTLY_CONNECTIONS = 5;
const FLOOD_EVERY_MS = 2_000;
/** By so many turns of all liars a flood is over. */
const FLOOD_TURNS = 400;

/** What acts are made of, beside the parts of the liar. */
export interface ActMeans {
  readonly blocks: WorldBlocks;
  readonly wallet: WorldWallet;
  /** What floods are made of. */
  readonly cheap: CheapTransactions;
}

/** What a liar does. */
export function actOf({ lie, random }: LiarParts, means: ActMeans): RelayAct {
  const isCompact = (each: string): each is CompactLie => (COMPACT_LIES as readonly string[]).includes(each);
  if (isCompact(lie)) return new CompactAct(lie, random, means.cheap);
  const make = ACTS[lie as Exclude<RelayLie, CompactLie>];
  return make?.(random, means) ?? {};
}

type MakeAct = (random: SeededRandom, means: ActMeans) => RelayAct;

const ACTS: Readonly<Record<Exclude<RelayLie, CompactLie>, MakeAct>> = {
  ids: (random) => ({
    act(talks) {
      for (const talk of talks) {
        const inventory = Array.from({ length: IDS }, () => ({ type: InvType.WTX, hash: random.bytes(32) }));
        talk.send(Inv, { inventory });
      }
    },
  }),
  orphans: (random) => ({
    act(talks) {
      for (const talk of talks) for (let i = 0; i < ORPHANS; i++) talk.send(Tx, orphan(random));
    },
  }),
  withhold: () => ({
    heardPayment(payment, talks) {
      const inventory = payment.map(({ wtxid }) => ({ type: InvType.WTX, hash: wtxid }));
      for (const talk of talks) talk.send(Inv, { inventory });
    },
  }),
  costly: (random, { blocks, wallet }) => {
    let coin: WorldCoin | undefined;
    return {
      connections: COSTLY_CONNECTIONS,
      act(talks) {
        // A coin that is there, or it would be refused for less.
        coin ??= blocks.best > 0 ? wallet.take() : undefined;
        if (coin === undefined) return;
        for (const talk of talks) {
          for (let i = 0; i < COSTLY; i++) {
            const witness = Uint8Array.of(COSTLY_MARK, ...random.bytes(8));
            talk.send(Tx, spendOpen([coin], 5_000, 1, { witness }));
          }
        }
      },
    };
  },
  lowfee: (random, { cheap }) => ({
    everyMs: FLOOD_EVERY_MS,
    act(talks) {
      const nodes = oneEach(talks);
      if (nodes.length === 0) return;
      for (const { raw } of cheap.take(Math.ceil(cheap.count / FLOOD_TURNS), random)) {
        for (const talk of nodes) void talk.raw(talk.transport.pack(Tx.type, raw));
      }
    },
  }),
  pinning: (random) => new PinningAct(random),
};
