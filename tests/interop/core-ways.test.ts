/** The compiled program with the options and methods that Core's operators and tests expect, two of them and btcd. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const TIMEOUT_MS = 120_000;
const HOST = "127.0.0.2";
const AGENT = "/gemel:0.1.0(first; a, b)/";

interface PeerInfo {
  readonly id: number;
  readonly subver: string;
  readonly version: number;
  readonly permissions: readonly string[];
  readonly transport_protocol_type: string;
  readonly bytessent_per_msg: Readonly<Record<string, number>>;
}

suite("two nodes with Core's options", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-core-ways-");
  let served: Gemel;
  let asking: Gemel;
  let place = "";
  const peersOf = async (node: Gemel) => await node.btc("getpeerinfo") as unknown as PeerInfo[];
  const tip = () => served.btc("getblockcount");

  before(async () => {
    const port = await freePort();
    place = `${HOST}:${port}`;
    served = await Gemel.start({
      dir: join(folder.path, "served"),
      chain: REGTEST,
      args: [
        ...["--no-dns", "--listen", place, "--whitelist", "noban,addr@127.0.0.0/8", "--blocks-only"],
        ...["--ua-comment", "first", "--ua-comment", "a, b", "--peer-timeout", "5s"],
      ],
    });
    asking = await Gemel.start({
      dir: join(folder.path, "asking"),
      chain: REGTEST,
      args: ["--no-dns", "--network-active", "off", "--seed-node", place, "--outbound", "2"],
    });
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await served?.stop();
    await asking?.stop();
    folder.remove();
  });

  test("a node that is switched off dials nobody; once it is on it asks the seed node for addresses", {
    timeout: TIMEOUT_MS,
  }, async () => {
    for (let i = 1; i <= 40; i++) await served.btc("addpeeraddress", [`10.${i}.0.1`, 18_444]);
    const known = async (node: Gemel) => {
      const { all_networks } = await node.btc("getaddrmaninfo") as { all_networks: { total: number } };
      return all_networks.total;
    };
    // All of one group, so that some fall on places that are taken.
    assert.ok(await known(served) >= 10);
    assert.deepEqual([await asking.btc("getconnectioncount"), await known(asking)], [0, 0]);
    assert.equal(await asking.btc("setnetworkactive", [true]), true);
    await until("addresses of the seed node", 60_000, async () => (await known(asking)) > 0 ? true : undefined);
  });

  test("five dials by hand make one connection, which is named and has its permissions", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await Promise.all(Array.from({ length: 5 }, () => asking.btc("addnode", [place, "onetry"])));
    const named = await until("one peer on either side", 20_000, async () => {
      const [ours, theirs] = [await peersOf(asking), await peersOf(served)];
      const here = ours.filter(({ subver }) => subver === AGENT);
      return here.length > 0 && theirs.every(({ version }) => version > 0) ? { here, theirs } : undefined;
    });
    assert.deepEqual([named.here.length, named.theirs.length], [1, 1]);
    assert.deepEqual(named.theirs[0]?.permissions, ["noban", "download", "addr"]);
    assert.equal(named.here[0]?.transport_protocol_type, "v2");
    const { connection_type } = await asking.btc("addconnection", [place, "outbound-full-relay", true]) as {
      connection_type: string;
    };
    assert.equal(connection_type, "outbound-full-relay");
    await assert.rejects(asking.btc("addnode", [place, "onetry", 1]), /-3/);
    const again = new Launched(["peers", "add", place, "--chain", "bitcoin", "--data-dir", asking.dir]);
    assert.equal(await again.end(10_000), 1);
    assert.match(again.stderr, new RegExp(`already connected to ${place}`));
    assert.equal((await peersOf(served)).length, 1);
  });

  test("the clock of regtest is set and brought forward", { timeout: TIMEOUT_MS }, async () => {
    const address = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";
    await served.btc("setmocktime", [1_900_000_000]);
    await served.btc("generatetoaddress", [1, address]);
    const hash = await served.btc("getbestblockhash");
    assert.equal((await served.btc("getblockheader", [hash]) as { time: number }).time, 1_900_000_000);
    await served.btc("setmocktime", [0]);
    assert.equal(await tip(), 1);
    const pings = async () => (await peersOf(asking))[0]?.bytessent_per_msg.ping ?? 0;
    const before = await pings();
    // Two minutes would be waited for.
    await asking.btc("mockscheduler", [150]);
    await until("a ping", 20_000, async () => (await pings()) > before ? true : undefined);
    await served.btc("syncwithvalidationinterfacequeue");
  });

  test("a message of the tester's own reaches the peer", { timeout: TIMEOUT_MS }, async () => {
    const [peer] = await peersOf(asking);
    // Too late for it: the connection ends, and nobody is banned.
    await asking.btc("sendmsgtopeer", [peer!.id, "wtxidrelay", ""]);
    await until(
      "the end of the connection",
      10_000,
      async () => (await peersOf(served)).length === 0 ? true : undefined,
    );
    assert.deepEqual(await served.btc("listbanned"), []);
  });
});

suite("btcd beside a node with Core's options", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-core-ways-");
  after(() => folder.remove());

  test("it hears the comments, and a block of it is had again after it was pruned", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const btcd = await Btcd.start({ blocks: 1_100 });
    const gemel = await Gemel.start({
      dir: join(folder.path, "node"),
      chain: REGTEST,
      connect: [btcd.port],
      args: ["--ua-comment", "first", "--ua-comment", "a, b", "--prune", "1000M"],
    });
    try {
      const { best } = await btcd.tip();
      await gemel.reachesBlock(best);
      const peers = await btcd.rpc("getpeerinfo") as { subver: string }[];
      assert.deepEqual(peers.map(({ subver }) => subver), [AGENT]);
      const hash = await gemel.btc("getblockhash", [5]) as string;
      const raw = await gemel.btc("getblock", [hash, 0]);
      const [{ id } = { id: -1 }] = await gemel.btc("getpeerinfo") as unknown as PeerInfo[];
      await assert.rejects(gemel.btc("getblockfrompeer", [hash, id]), /Block already downloaded/);
      const last = await gemel.btc("pruneblockchain", [1_000]) as number;
      assert.ok(last === -1 || last > 5, `${last}: a file goes as a whole`);
      assert.equal((await gemel.btc("getblock", [hash, 0])) === raw, last === -1);
    } finally {
      await gemel.stop();
      await btcd.stop();
    }
  });
});
