import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinDialling, type BitcoinDiallingParts } from "../../../lib/bitcoin/peers/dialling.ts";
import type { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import { mainnet } from "../../../lib/bitcoin/networks/mainnet.ts";
import { NodeError } from "../../../lib/core/errors.ts";

function rules(more: Partial<BitcoinDiallingParts> = {}) {
  const asked: string[] = [];
  const made = bitcoinDialling({
    network: mainnet,
    mode: "full",
    outbound: 8,
    isTipStale: () => false,
    isSynced: () => true,
    resolve: (name) => {
      asked.push(name);
      return name.startsWith("x9.")
        ? Promise.reject(new NodeError("name_not_found", "network", "no"))
        : Promise.resolve([name]);
    },
    ...more,
  });
  return { made, asked };
}

describe("bitcoinDialling()", () => {
  test("asks the network's seeds for full nodes with witnesses by their prefix, and in mode filters for filters too", () => {
    const [seed] = mainnet.dnsSeeds;
    assert.equal(rules().made.dnsSeeds?.[0], `x9.${seed}`);
    assert.equal(rules({ mode: "filters" }).made.dnsSeeds?.[0], `x49.${seed}`);
    assert.equal(rules().made.dnsSeeds?.length, mainnet.dnsSeeds.length);
    // A proxy is told the plain name; seeds of the operator's own are asked as they are.
    assert.deepEqual(rules({ visitSeed: () => Promise.resolve([]) }).made.dnsSeeds, mainnet.dnsSeeds);
    assert.deepEqual(rules({ seeds: ["mine.example"] }).made.dnsSeeds, ["mine.example"]);
  });

  test("asks a seed that does not know the prefix by its plain name, and any other name as it is", async () => {
    const [seed = ""] = mainnet.dnsSeeds;
    const failing = rules();
    assert.deepEqual(await failing.made.resolve!(`x9.${seed}`), [seed]);
    assert.deepEqual(failing.asked, [`x9.${seed}`, seed]);
    const empty = rules({ resolve: (name) => Promise.resolve(name === seed ? ["1.2.3.4"] : []) });
    assert.deepEqual(await empty.made.resolve!(`x9.${seed}`), ["1.2.3.4"]);
    const known = rules({ resolve: (name) => Promise.resolve([name]) });
    assert.deepEqual(await known.made.resolve!(`x9.${seed}`), [`x9.${seed}`]);
    await assert.rejects(rules().made.resolve!("x9.other.example"), { code: "name_not_found" });
  });

  test("has slots for blocks only in a full node that dials at all", () => {
    assert.deepEqual(rules().made.slots, { full: 8, blockRelay: 2 });
    assert.deepEqual(rules({ outbound: 0 }).made.slots, { full: 0, blockRelay: 0 });
    assert.deepEqual(rules({ mode: "headers" }).made.slots, { full: 8, blockRelay: 0 });
  });

  test("dials what offers enough, or what is not known to offer too little", () => {
    const offers = (made: ReturnType<typeof rules>["made"], services: bigint) =>
      made.offersEnough!({ services } as Parameters<NonNullable<typeof made.offersEnough>>[0]);
    const full = rules().made;
    assert.deepEqual([0n, 9n, 0x449n, 8n, 1n].map((services) => offers(full, services)), [
      true,
      true,
      true,
      false,
      false,
    ]);
    const light = rules({ mode: "filters" }).made;
    assert.deepEqual([9n, 0x49n].map((services) => offers(light, services)), [false, true]);
  });

  test("built-in addresses are used unless they must not be, and a peer is busy that was asked for a block", () => {
    assert.equal(rules().made.fixedSeeds?.length, mainnet.seedHosts.length);
    assert.deepEqual(rules({ usesFixedSeeds: false }).made.fixedSeeds, []);
    const peer = (id: number, isAwaited: boolean) =>
      ({ id, session: { awaitsMore: () => isAwaited } }) as unknown as BitcoinPeer;
    const { isBusy, isSame } = rules().made;
    assert.deepEqual([isBusy!(peer(1, false)), isBusy!(peer(1, true))], [false, true]);
    assert.deepEqual([isSame(peer(1, false), peer(1, true)), isSame(peer(1, false), peer(2, false))], [true, false]);
  });
});
