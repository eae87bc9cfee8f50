import assert from "node:assert/strict";
import { test } from "node:test";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { networks } from "../../../lib/bitcoin/networks/mod.ts";
import { ofAddrV2 } from "../../../lib/bitcoin/addresses/exchange.ts";
import { NetworkId } from "../../../lib/bitcoin/types/mod.ts";

test("ofAddrV2() takes every network that it knows, onion too, and leaves out what no address can be", () => {
  const about = { time: 1_763_721_000, services: 9n, port: 8333 };
  const heard = ofAddrV2({
    addresses: [
      { ...about, network: NetworkId.IPV4, address: Uint8Array.of(8, 8, 8, 8) },
      { ...about, network: NetworkId.TORV3, address: new Uint8Array(32).fill(7) },
      { ...about, network: 99, address: new Uint8Array(5) },
    ],
  });
  assert.equal(heard.length, 2);
  assert.equal(heard[0]?.host, "8.8.8.8");
  assert.match(heard[1]?.host ?? "", /^[a-z2-7]{56}\.onion$/);
});

test("only the main network has addresses built in, and every one of them can be dialled", () => {
  for (const network of Object.values(networks)) {
    const rules = bitcoinAddressRules();
    const places = network.seedHosts.map((host) => rules.locate({ host, port: network.defaultPort }));
    assert.equal(places.length > 0, network.name === "mainnet", network.name);
    assert.ok(places.every((place) => place !== undefined), network.name);
    assert.ok(new Set(places.map((place) => place?.group)).size >= places.length - 8, network.name);
  }
});
