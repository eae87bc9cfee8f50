/** Stories of a node with mainnet's settings that knows nobody but the DNS seeds. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mainnet } from "../../lib/bitcoin/networks/mod.ts";
import { headerFromBytes } from "../../lib/bitcoin/types/mod.ts";
import {
  type BodyOf,
  GetHeaders,
  HeadersMessage,
  SendAddrV2,
  Verack,
  Version,
  WtxidRelay,
} from "../../lib/bitcoin/wire/mod.ts";
import { fromHex } from "../../lib/codec/hex.ts";
import { equalBytes } from "../../lib/codec/sized.ts";
import { bitcoinDataMissing, bitcoinText } from "../vectors/bitcoin-data.ts";
import { BitcoinWorld } from "./bitcoin-world.ts";

const HEADERS = "headers/btcd-blockheaders-mainnet-1-11.txt";

describe("a node on mainnet", () => {
  test("asks the seeds for peers with what it needs, dials those that answer, and asks them for headers", async () => {
    const world = new BitcoinWorld(mainnet);
    const asked: string[] = [];
    const hosts = ["11.1.0.1", "12.2.0.2", "13.3.0.3"];
    const locators: BodyOf<typeof GetHeaders>[] = [];
    for (const host of hosts) {
      await world.actor(host, async (actor, message, body) => {
        if (message !== GetHeaders) return;
        locators.push(body as BodyOf<typeof GetHeaders>);
        await actor.send(HeadersMessage, { headers: [] });
      });
    }
    const node = await world.node("198.51.100.9", {
      outbound: 3,
      resolve: (name) => {
        asked.push(name);
        // One seed is dead, one gives an address where nobody is.
        if (asked.length === 1) return Promise.reject(new Error("no such name"));
        return Promise.resolve(asked.length === 2 ? ["14.4.0.4", ...hosts] : []);
      },
    });
    await world.until(() => node.node.service.peers().length === 3 && locators.length >= 3);
    // A seed that gave nothing is asked by its plain name as well.
    const filtered = asked.filter((name) => name.startsWith("x"));
    assert.deepEqual(filtered.sort(), mainnet.dnsSeeds.map((seed) => `x9.${seed}`).sort());
    for (const { locator } of locators) assert.ok(equalBytes(locator.at(-1) ?? new Uint8Array(), mainnet.genesis.hash));
    assert.ok(node.node.service.state().initialBlockDownload);
    await world.end();
  });

  test("a feeler shakes hands, asks nothing and goes", async () => {
    const world = new BitcoinWorld(mainnet);
    const hosts = Array.from({ length: 6 }, (_, i) => `${11 + i}.1.0.1`);
    const visits = await Promise.all(hosts.map((host) => world.actor(host)));
    const connections = () => visits.flatMap((visit) => visit.connections);
    const node = await world.node("198.51.100.9", { outbound: 1, resolve: () => Promise.resolve(hosts) });
    await world.until(() => connections().filter((each) => each.isClosed()).length >= 2, 3_600_000);
    const feelers = connections().filter((each) => each.isClosed());
    for (const { received } of feelers) {
      assert.deepEqual(received.map(({ message }) => message), [Version, WtxidRelay, SendAddrV2, Verack]);
    }
    assert.deepEqual(node.node.service.peers().map(({ direction }) => direction), ["out", "out", "out"]);
    await world.end();
  });

  test("takes the chain's first headers from them", { skip: bitcoinDataMissing(HEADERS) }, async () => {
    const headers = bitcoinText(HEADERS).trim().split(/\s+/).map((line) => headerFromBytes(fromHex(line)));
    const world = new BitcoinWorld(mainnet);
    await world.actor("203.0.113.1", async (actor, message) => {
      if (message === GetHeaders) await actor.send(HeadersMessage, { headers });
    });
    const node = await world.node("198.51.100.9", { connect: ["203.0.113.1"], mode: "headers", minimumWork: 0n });
    await world.until(() => node.height() === 11);
    assert.equal(node.tip(), "0000000097be56d606cdd9c54b04d4747e957d3608abe69198c661f2add73073");
    await world.end();
  });
});
