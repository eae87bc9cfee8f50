/** The SOCKS5 dialler against a proxy that follows a script, on a clock that a test moves. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { NodeError } from "../../../lib/core/errors.ts";
import type { ByteDuplex, Dialer, DialOptions, PeerAddress } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { socks5Dialer, type Socks5Options } from "../../../lib/transport/socks5.ts";
import { FakeClock, settle } from "./fake-clock.ts";

const proxy = { host: "127.0.0.1", port: 9050 };
const onion = `${"a".repeat(55)}d.onion`;
const OK = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/** What the proxy's side does: takes what came, gives what it likes. */
interface Script {
  /** The next bytes, exactly so many. */
  take(length: number): Promise<number[]>;
  give(...bytes: readonly number[]): Promise<void>;
  /** Ends its sending in order. */
  end(): Promise<void>;
  readonly duplex: ByteDuplex;
}

function world(
  script: (proxy: Script) => Promise<void>,
  options: Partial<Socks5Options> & { readonly segmentBytes?: number } = {},
) {
  const clock = new FakeClock();
  const ends: ByteDuplex[] = [];
  const dialled: [PeerAddress, DialOptions | undefined][] = [];
  const dialer: Dialer = {
    dial: (to, how) => {
      dialled.push([to, how]);
      const [near, far] = duplexPair(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes });
      ends.push(far);
      const reader = far.readable.getReader();
      const writer = far.writable.getWriter();
      writer.closed.catch(() => {});
      let held: number[] = [];
      script({
        take: async (length) => {
          while (held.length < length) {
            const { value, done } = await reader.read();
            if (done) throw new Error("the client ended");
            held.push(...value);
          }
          const taken = held.slice(0, length);
          held = held.slice(length);
          return taken;
        },
        give: (...bytes) => writer.write(Uint8Array.from(bytes)),
        end: () => writer.close(),
        duplex: far,
      }).catch(() => {});
      return Promise.resolve(near);
    },
  };
  const socks = socks5Dialer({ proxy, dialer, clock, random: new SeededRandom(3), ...options });
  return { clock, socks, ends, dialled };
}

/** Follows the protocol without credentials; gives the request, then answers. */
const plain = (answer: readonly number[], asked: number[] = []) => async (end: Script) => {
  assert.deepEqual(await end.take(3), [5, 1, 0]);
  await end.give(5, 0);
  asked.push(...await end.take(5));
  asked.push(...await end.take(asked[3] === 1 ? 5 : asked[3] === 4 ? 17 : (asked[4] ?? 0) + 2));
  await end.give(...answer);
};

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof NodeError, String(error));
  assert.deepEqual([error.code, error.fault], [code, "network"]);
  return true;
};

const to = { host: "1.2.3.4", port: 8444 };

describe("socks5Dialer()", () => {
  const bytes = (text: string) => [...new TextEncoder().encode(text)];
  const requests: readonly (readonly [string, readonly number[]])[] = [
    ["1.2.3.4", [1, 1, 2, 3, 4]],
    ["2001:db8::7", [4, 0x20, 1, 0xd, 0xb8, ...Array.from({ length: 11 }, () => 0), 7]],
    ["::ffff:1.2.3.4", [1, 1, 2, 3, 4]],
    ["fc12::1", [4, 0xfc, 0x12, ...Array.from({ length: 13 }, () => 0), 1]],
    ["seed.example", [3, 12, ...bytes("seed.example")]],
    [onion, [3, 62, ...bytes(onion)]],
    ["peer.b32.i2p", [3, 12, ...bytes("peer.b32.i2p")]],
  ];
  for (const [host, address] of requests) {
    test(`asks for ${host} as it is, and looks nothing up`, async () => {
      const asked: number[] = [];
      const { socks, clock, dialled } = world(plain(OK, asked));
      const duplex = await socks.dial({ host, port: 8444 });
      assert.deepEqual(asked, [5, 1, 0, ...address, 8444 >> 8, 8444 & 0xff]);
      assert.deepEqual(duplex.remote, { host, port: 8444 }, "the peer, not the proxy");
      assert.deepEqual(dialled.map(([place]) => place), [proxy]);
      assert.equal(clock.pending, 0, "no timer is left");
      duplex.destroy();
    });
  }

  test("refuses what no proxy could reach, before it dials", async () => {
    const { socks, dialled } = world(plain(OK));
    for (
      const host of ["", "expyuzz4wqqyqhjn.onion", "fe80::1%eth0", "a b", "x".repeat(300), "1.2.3", "nul\0.example"]
    ) {
      await assert.rejects(socks.dial({ host, port: 1 }), failsWith("unreachable"), host);
    }
    await assert.rejects(socks.dial({ host: "1.2.3.4", port: 0 }), RangeError);
    await assert.rejects(socks.dial({ host: "1.2.3.4", port: 65_536 }), RangeError);
    assert.equal(dialled.length, 0);
  });

  test("the bytes of both directions go through, those that came with the reply first", async () => {
    for (
      const answer of [OK, [5, 0, 0, 3, 3, 97, 98, 99, 1, 2], [
        5,
        0,
        0,
        4,
        ...Array.from({ length: 18 }, () => 9),
      ]]
    ) {
      for (const segmentBytes of [1, 7, 1000]) {
        const script = async (end: Script) => {
          await plain([...answer, 77, 78, 79])(end);
          const sent = await end.take(3);
          await end.give(...sent.map((byte) => byte + 1));
          await end.end();
        };
        const { socks } = world(script, { segmentBytes });
        const duplex = await socks.dial(to);
        const writer = duplex.writable.getWriter();
        await writer.write(Uint8Array.of(1, 2, 3));
        const reader = duplex.readable.getReader();
        const read: number[] = [];
        while (read.length < 6) read.push(...(await reader.read()).value ?? []);
        assert.deepEqual(read, [77, 78, 79, 2, 3, 4]);
        duplex.destroy();
        await duplex.closed;
      }
    }
  });

  const replies: readonly (readonly [number, string])[] = [
    [1, "proxy_failed"],
    [2, "proxy_forbids"],
    [3, "unreachable"],
    [4, "unreachable"],
    [5, "connection_refused"],
    [6, "timeout"],
    [7, "proxy_unsupported"],
    [8, "proxy_unsupported"],
    [9, "proxy_failed"],
    [0xf0, "unreachable"],
    [0xf7, "timeout"],
    [0xff, "proxy_failed"],
  ];
  test("tells each refusal by its code, with and without an address after it", async () => {
    for (const [reply, code] of replies) {
      for (const answer of [[5, reply, 0, 1], [5, reply, 0, 1, 0, 0, 0, 0, 0, 0]]) {
        const { socks, ends, clock } = world(plain(answer));
        await assert.rejects(
          socks.dial(to),
          (error) => failsWith(code)(error) && (error as NodeError).data["reply"] === reply,
        );
        await ends[0]?.closed;
        assert.equal(clock.pending, 0);
      }
    }
  });

  const lies: readonly (readonly [string, (end: Script) => Promise<void>])[] = [
    ["another version in the greeting", (end) => end.give(4, 0)],
    ["HTTP", (end) => end.give(...bytes("HTTP/1.1 400\r\n\r\n"))],
    ["a method that was not offered", (end) => end.give(5, 2)],
    ["another such method", (end) => end.give(5, 1)],
    ["a reply before the request", (end) => end.give(5, 0, ...OK)],
    ["another version in the reply", plain([4, 0, 0, 1, 0, 0, 0, 0, 0, 0])],
    ["a reserved byte", plain([5, 0, 1, 1, 0, 0, 0, 0, 0, 0])],
    ["an unknown type of address", plain([5, 0, 0, 2, 0, 0, 0, 0, 0, 0])],
  ];
  for (const [name, script] of lies) {
    test(`a proxy that answers with ${name} is given up`, async () => {
      const { socks, ends, clock } = world(script);
      await assert.rejects(socks.dial(to), failsWith("proxy_protocol"));
      await ends[0]?.closed;
      assert.equal(clock.pending, 0);
    });
  }

  test("an answer that ends early, wherever it does", async () => {
    const whole = [5, 0, 0, 3, 4, 97, 98, 99, 100, 1, 2];
    for (let length = 0; length < whole.length; length++) {
      const { socks, clock, ends } = world(async (end) => {
        await plain(whole.slice(0, length))(end);
        await end.end();
      });
      await assert.rejects(socks.dial(to), failsWith("closed"), `after ${length} bytes`);
      await ends[0]?.closed;
      assert.equal(clock.pending, 0);
    }
  });

  test("a proxy that hangs up tells so at once", async () => {
    const { socks, clock } = world((end) => end.take(3).then(() => end.duplex.destroy()));
    await assert.rejects(socks.dial(to), failsWith("connection_reset"));
    assert.equal(clock.pending, 0);
  });

  test("a slow trickle does not outlast the time limit", async () => {
    const clock = new FakeClock();
    const { socks, ends } = world(async (end) => {
      await end.take(3);
      await end.give(5, 0);
      await end.take(10);
      for (const byte of [5, 0, 0, 3, 255, ...Array.from({ length: 257 }, () => 97)]) {
        await clock.sleep(9_000);
        await end.give(byte);
      }
    }, { clock });
    const dial = socks.dial(to, { timeoutMs: 20_000 });
    const failed = assert.rejects(dial, failsWith("timeout"));
    await clock.advance(19_000);
    assert.equal(
      await Promise.race([dial.then(() => "open", () => "failed"), settle().then(() => "waiting")]),
      "waiting",
    );
    await clock.advance(1_000);
    await failed;
    await ends[0]?.closed;
  });

  test("an abort ends it wherever it stands", async () => {
    const stages: ((end: Script) => Promise<void>)[] = [
      () => Promise.resolve(),
      (end) => end.take(3).then(() => end.give(5, 0)),
      plain([5, 0, 0, 3]),
    ];
    for (const script of stages) {
      const { socks, ends, clock } = world(script);
      const stop = new AbortController();
      const dial = socks.dial(to, { signal: stop.signal });
      await settle();
      stop.abort(new Error("enough"));
      await assert.rejects(dial, /enough/);
      await ends[0]?.closed;
      assert.equal(clock.pending, 0);
    }
    const { socks, dialled } = world(plain(OK));
    await assert.rejects(socks.dial(to, { signal: AbortSignal.abort(new Error("before")) }), /before/);
    assert.equal(dialled.length, 0);
  });

  test("a proxy that cannot be reached is told apart from a peer", async () => {
    const { socks } = world(plain(OK), {
      dialer: { dial: () => Promise.reject(new NodeError("connection_refused", "network", "refused")) },
    });
    await assert.rejects(socks.dial(to), failsWith("proxy_down"));
  });

  test("a proxy that is reached too late is let go", async () => {
    const late = Promise.withResolvers<ByteDuplex>();
    const { socks, clock } = world(plain(OK), { dialer: { dial: () => late.promise } });
    const failed = assert.rejects(socks.dial(to, { timeoutMs: 5_000 }), failsWith("timeout"));
    await clock.advance(5_000);
    await failed;
    const [near, far] = duplexPair();
    late.resolve(near);
    await far.closed;
  });

  describe("credentials", () => {
    const asking = (answer: readonly number[], seen: string[] = []) => async (end: Script) => {
      assert.deepEqual(await end.take(4), [5, 2, 0, 2]);
      await end.give(5, 2);
      assert.deepEqual(await end.take(1), [1]);
      for (let i = 0; i < 2; i++) {
        const [length = 0] = await end.take(1);
        seen.push(new TextDecoder().decode(Uint8Array.from(await end.take(length))));
      }
      await end.give(...answer);
      await end.take(10);
      await end.give(...OK);
    };
    const credentials = { user: "mia", password: "héllo" };

    test("are given when the proxy asks for them", async () => {
      const seen: string[] = [];
      const { socks } = world(asking([1, 0], seen), { credentials });
      (await socks.dial(to)).destroy();
      assert.deepEqual(seen, ["mia", "héllo"]);
    });

    test("that are refused, or not wanted at all", async () => {
      await assert.rejects(world(asking([1, 1]), { credentials }).socks.dial(to), failsWith("proxy_auth_refused"));
      await assert.rejects(world((end) => end.give(5, 0xff)).socks.dial(to), failsWith("proxy_auth_refused"));
      await assert.rejects(world(asking([5, 0]), { credentials }).socks.dial(to), failsWith("proxy_protocol"));
    });

    test("of each connection are its own when streams are isolated", async () => {
      const seen: string[] = [];
      const { socks } = world(asking([1, 0], seen), { credentials: "isolate" });
      for (let i = 0; i < 3; i++) (await socks.dial(to)).destroy();
      assert.equal(new Set(seen).size, 6);
      for (const text of seen) assert.match(text, /^[0-9a-f]{32}$/);
    });

    test("of impossible length are the caller's mistake", () => {
      for (const user of ["", "x".repeat(256), "é".repeat(128)]) {
        assert.throws(() => world(plain(OK), { credentials: { user, password: "p" } }), RangeError);
      }
    });
  });

  describe("TLS", () => {
    const tls = { identity: { certificate: "c", privateKey: "k" }, authorities: [] };

    test("is spoken over the bytes of the proxy, not with it", async () => {
      let given: ByteDuplex | undefined;
      const { socks, dialled } = world(plain(OK), {
        secure: (duplex) => Promise.resolve({ ...(given = duplex), peerCertificate: Uint8Array.of(1) }),
      });
      const duplex = await socks.dial(to, { tls });
      assert.deepEqual(duplex.peerCertificate, Uint8Array.of(1));
      assert.deepEqual(given?.remote, to);
      assert.equal(dialled[0]?.[1]?.tls, undefined);
      duplex.destroy();
    });

    test("that fails, or never ends, lets the connection go", async () => {
      const refused = new NodeError("certificate_refused", "peer", "no");
      const failing = world(plain(OK), { secure: () => Promise.reject(refused) });
      await assert.rejects(failing.socks.dial(to, { tls }), (error) => error === refused);
      await failing.ends[0]?.closed;
      const hanging = world(plain(OK), { secure: () => new Promise(() => {}) });
      const failed = assert.rejects(hanging.socks.dial(to, { tls, timeoutMs: 1_000 }), failsWith("timeout"));
      await hanging.clock.advance(1_000);
      await failed;
      await hanging.ends[0]?.closed;
      const late = Promise.withResolvers<ByteDuplex>();
      const tardy = world(plain(OK), { secure: () => late.promise });
      const given = assert.rejects(tardy.socks.dial(to, { tls, timeoutMs: 1_000 }), failsWith("timeout"));
      await tardy.clock.advance(1_000);
      await given;
      const [near, far] = duplexPair();
      late.resolve(near);
      await far.closed;
      await assert.rejects(world(plain(OK)).socks.dial(to, { tls }), TypeError, "without a way to speak it");
    });
  });

  test("whatever a proxy sends: a connection or an error of the network, and nothing left behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 4 }),
        fc.boolean(),
        async (chunks, isSensible) => {
          const { socks, clock, ends } = world(async (end) => {
            if (isSensible) await end.give(5, 0);
            for (const chunk of chunks) {
              await settle();
              await end.give(...chunk);
            }
            await settle();
            end.duplex.destroy();
          }, { credentials: "isolate" });
          const duplex = await socks.dial(to).catch((error) => {
            assert.ok(error instanceof NodeError && error.fault === "network", String(error));
          });
          duplex?.destroy();
          await ends[0]?.closed;
          assert.equal(clock.pending, 0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
