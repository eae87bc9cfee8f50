/** A law, on random chains: whatever is paid to a watched script, and whatever spends it, is found; and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../lib/sim/random.ts";
import { effort, seed } from "../support/effort.ts";
import { BitcoinWorld } from "./bitcoin-world.ts";
import {
  type Coin,
  type Earlier,
  filterPeer,
  line,
  PayingChain,
  type Payment,
  scriptOf,
  truth,
} from "./paying-chain.ts";

const SCRIPTS = 24;
const WATCHED = 6;

/** Adds blocks of random payments. */
function grow(chain: PayingChain, coins: Coin[], random: SeededRandom, count: number): void {
  const some = () => scriptOf(random.below(SCRIPTS));
  for (let i = 0; i < count; i++) {
    const payments: Payment[] = [];
    for (let left = random.below(5); left > 0 && coins.length > 0; left--) {
      const spends: (Coin | Earlier)[] = [];
      // What one payment of a block makes, the next may spend.
      if (payments.length > 0 && random.below(3) === 0) spends.push({ payment: payments.length - 1, vout: 0 });
      for (let each = random.below(3); each >= 0 && coins.length > 0; each--) {
        spends.push(...coins.splice(random.below(coins.length), 1));
      }
      payments.push({ spends, pays: Array.from({ length: 1 + random.below(4) }, some) });
    }
    const made = chain.pay(payments, some());
    const again = new Set(payments.flatMap(({ spends }) => spends.flatMap((each) => "payment" in each ? [each] : [])));
    const firsts = payments.map((_, i) => 1 + payments.slice(0, i).reduce((sum, { pays }) => sum + pays.length, 0));
    const gone = new Set([...again].map(({ payment, vout }) => firsts[payment]! + vout));
    coins.push(...made.filter((_, i) => !gone.has(i)));
  }
}

test("on random chains with payments nothing that is watched is missed, through additions, reorganisations and restarts", async () => {
  const count = effort("random chains searched by filters", 12, 400);
  for (let run = 0; run < count; run++) {
    const random = new SeededRandom(seed + run);
    const world = new BitcoinWorld();
    const coins: Coin[] = [];
    const trunk = new PayingChain(world.now);
    grow(trunk, coins, random, 10 + random.below(40));
    const [old, late] = [trunk.fork(trunk.height), trunk.fork(trunk.height)];
    grow(old, [...coins], random, 1 + random.below(6));
    grow(late, [...coins], random, old.height - trunk.height + 1 + random.below(6));

    const watched = Array.from({ length: WATCHED }, (_, i) => scriptOf(i));
    const births = watched.map(() => (random.below(2) === 0 ? 0 : random.below(trunk.height)));
    await filterPeer(world, "10.0.0.1", old);
    const node = await world.node("10.0.0.9", { connect: ["10.0.0.1"], mode: "filters" });
    const light = node.node.service.light!;
    const synced = (chain: PayingChain) => node.tip() === chain.tip && light.progress().synced;
    const half = WATCHED / 2;
    for (const [i, script] of watched.slice(0, half).entries()) {
      await world.clock.until(light.watch([script], births[i]!));
    }
    // The rest comes while the search goes on, or after it.
    await world.clock.advance(random.below(3) * 500);
    for (const [i, script] of watched.slice(half).entries()) {
      await world.clock.until(light.watch([script], births[half + i]!));
    }
    await world.until(() => synced(old));
    const found = async () =>
      (await world.clock.until(light.matches(0, 10_000)))
        .map(({ height, direction, txid, vout, spend }) => line(height, direction, txid, spend?.vin ?? vout)).sort();
    const told = (chain: PayingChain) => watched.flatMap((script, i) => truth(chain, [script], births[i])).sort();
    assert.deepEqual(await found(), told(old), `run ${run}`);
    await filterPeer(world, "10.0.0.2", late);
    node.node.service.addNode("10.0.0.2:18444");
    await world.until(() => synced(late));
    assert.deepEqual(await found(), told(late), `run ${run} after the reorganisation`);
    assert.deepEqual(node.bans(), [], `run ${run}`);
    await world.end();
  }
});
