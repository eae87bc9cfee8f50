/**
 * A dialler that goes through a SOCKS5 proxy, such as Tor's. Host names are given to the proxy as they are: nothing is
 * looked up here, so that a resolver never learns whom we dial.
 *
 * @see RFC 1928 (SOCKS 5); RFC 1929 (user name and password); Tor `socks-extensions.txt` (stream isolation)
 * @module
 */
import ipaddr from "ipaddr.js";
import { addressText } from "../core/address-text.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { ByteDuplex, Clock, Dialer, DialOptions, PeerAddress, Random } from "../core/ports.ts";
import { hostKindOf } from "../core/reachability.ts";
import { ByteIntake } from "./byte-intake.ts";
import { proxyRefusal } from "./socks5-replies.ts";

/** What a proxy wants to know of us (RFC 1929): 1 to 255 bytes of UTF-8 each. */
export interface Socks5Credentials {
  readonly user: string;
  readonly password: string;
}

/** What {@link socks5Dialer} needs. */
export interface Socks5Options {
  readonly proxy: PeerAddress;
  /** Reaches the proxy. */
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Fixed credentials, or `isolate`: fresh random ones for each connection, by which Tor takes another circuit for it, so
   * that no exit sees two of our connections. None by default.
   */
  readonly credentials?: Socks5Credentials | "isolate";
  /** Speaks TLS over a connection, for {@link DialOptions.tls}; without it such a dial is refused. */
  readonly secure?: SecureDuplex;
}

/** Speaks TLS as a client over a connection that stands. Owns `duplex`: it is destroyed when this rejects. */
export type SecureDuplex = (
  duplex: ByteDuplex,
  tls: NonNullable<DialOptions["tls"]>,
  signal: AbortSignal,
) => Promise<ByteDuplex>;

/** Time for proxy, target and TLS together when the caller names none. A circuit of Tor may take most of it. */
const TIMEOUT_MS = 60_000;
const VERSION = 5;
const CREDENTIALS_VERSION = 1;
const CONNECT = 1;
const Method = { NONE: 0x00, CREDENTIALS: 0x02, NO_ACCEPTABLE: 0xff } as const;
const AddressType = { IPV4: 1, NAME: 3, IPV6: 4 } as const;
/** Every length of the protocol is one byte. */
const LENGTH_MAX = 255;
const ISOLATION_BYTES = 16;

/**
 * A dialler whose connections go through a proxy. `remote` of a connection is the address that was asked for, not the
 * proxy's; `local` is our end of the connection to the proxy. Rejects with a `NodeError`, fault `network`: `proxy_down`,
 * `proxy_protocol`, `proxy_auth_refused`, what {@link proxyRefusal} gives, `timeout`, `closed`; an abort with its reason.
 */
export function socks5Dialer(options: Socks5Options): Dialer {
  if (typeof options.credentials === "object") void credentialsBytes(options.credentials);
  return {
    dial: async (to, how = {}) => {
      const request = connectRequest(to);
      if (how.tls !== undefined && options.secure === undefined) {
        throw new TypeError("no way to speak TLS over a proxy");
      }
      how.signal?.throwIfAborted();
      return await within(options.clock, how, to, (signal) => connect(options, request, to, how, signal));
    },
  };
}

/** Runs `work` with a signal that aborts with the caller's, or when the time is over, and then waits for it no longer. */
async function within(
  clock: Clock,
  { signal, timeoutMs = TIMEOUT_MS }: DialOptions,
  to: PeerAddress,
  work: (signal: AbortSignal) => Promise<ByteDuplex>,
): Promise<ByteDuplex> {
  const end = new AbortController();
  const onAbort = () => end.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const cancel = clock.after(
    timeoutMs,
    () =>
      end.abort(
        new NodeError("timeout", "network", `${addressText(to)}: no connection by the proxy in ${timeoutMs} ms`),
      ),
  );
  const ended = Promise.withResolvers<never>();
  const onEnd = () => ended.reject(end.signal.reason);
  end.signal.addEventListener("abort", onEnd, { once: true });
  const working = work(end.signal);
  try {
    return await Promise.race([working, ended.promise]);
  } catch (thrown) {
    // Whatever comes of it now comes too late.
    end.abort(thrown);
    working.then((late) => late.destroy(), () => {});
    throw thrown;
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
    end.signal.removeEventListener("abort", onEnd);
  }
}

async function connect(
  options: Socks5Options,
  request: Uint8Array,
  to: PeerAddress,
  how: DialOptions,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const duplex = await toProxy(options, how, signal);
  const destroy = () => duplex.destroy(signal.reason);
  if (signal.aborted) destroy();
  signal.addEventListener("abort", destroy, { once: true });
  try {
    const credentials = options.credentials === "isolate" ? isolation(options.random) : options.credentials;
    const readable = await negotiate(duplex, request, to, credentials);
    const through: ByteDuplex = {
      readable,
      writable: duplex.writable,
      remote: to,
      local: duplex.local,
      closed: duplex.closed,
      destroy: (reason) => duplex.destroy(reason),
    };
    if (how.tls === undefined || options.secure === undefined) return through;
    return await options.secure(through, how.tls, signal);
  } catch (thrown) {
    duplex.destroy(thrown);
    throw thrown instanceof NodeError
      ? thrown
      : new NodeError("closed", "network", messageOf(thrown), { cause: thrown });
  } finally {
    signal.removeEventListener("abort", destroy);
  }
}

/** The proxy's own failures are told apart from the target's: no peer is to blame for them. */
async function toProxy({ proxy, dialer }: Socks5Options, how: DialOptions, signal: AbortSignal): Promise<ByteDuplex> {
  const { timeoutMs = TIMEOUT_MS, localHost } = how;
  try {
    return await dialer.dial(proxy, { signal, timeoutMs, ...(localHost === undefined ? {} : { localHost }) });
  } catch (cause) {
    throw new NodeError("proxy_down", "network", `proxy ${addressText(proxy)}: ${messageOf(cause)}`, { cause });
  }
}

/** Greets the proxy and asks for the connection; gives what can be read from then on. */
async function negotiate(
  duplex: ByteDuplex,
  request: Uint8Array,
  to: PeerAddress,
  credentials: Socks5Credentials | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const intake = new ByteIntake(duplex.readable);
  const writer = duplex.writable.getWriter();
  // A write that fails because the connection ended is told by the read that follows it.
  writer.closed.catch(() => {});
  const send = async (bytes: Uint8Array) => {
    if (intake.buffered > 0) throw malformed("it spoke before it was asked");
    await writer.write(bytes);
  };
  try {
    const methods = credentials === undefined ? [Method.NONE] : [Method.NONE, Method.CREDENTIALS];
    await send(Uint8Array.of(VERSION, methods.length, ...methods));
    const [version, method] = await intake.take(2);
    if (version !== VERSION) throw malformed(`its version is ${version}, not 5`);
    if (method === Method.NO_ACCEPTABLE) {
      throw new NodeError(
        "proxy_auth_refused",
        "network",
        "the proxy accepts no way of authentication that was offered",
      );
    }
    if (method === Method.CREDENTIALS && credentials !== undefined) {
      await send(credentialsBytes(credentials));
      const [answerVersion, status] = await intake.take(2);
      if (answerVersion !== CREDENTIALS_VERSION) throw malformed(`its authentication is of version ${answerVersion}`);
      if (status !== 0) throw new NodeError("proxy_auth_refused", "network", "the proxy refused user and password");
    } else if (method !== Method.NONE) {
      throw malformed(`it chose the method ${method}, which was not offered`);
    }
    await send(request);
    const [replyVersion, reply = 0, reserved, type] = await intake.take(4);
    if (replyVersion !== VERSION) throw malformed(`the version of its reply is ${replyVersion}, not 5`);
    // A refusal may end here: some proxies send no address after it.
    if (reply !== 0) throw proxyRefusal(reply, addressText(to));
    if (reserved !== 0) throw malformed("a reserved byte is not zero");
    await intake.take(await boundAddressLength(intake, type));
    return intake.release();
  } finally {
    writer.releaseLock();
    intake.abandon();
  }
}

/** Bytes of the address and port that the proxy says it bound. They are of no use: Tor sends zeros. */
async function boundAddressLength(intake: ByteIntake, type: number | undefined): Promise<number> {
  switch (type) {
    case AddressType.IPV4:
      return 4 + 2;
    case AddressType.IPV6:
      return 16 + 2;
    case AddressType.NAME: {
      const [length = 0] = await intake.take(1);
      return length + 2;
    }
    default:
      throw malformed(`its reply has an address of type ${type}`);
  }
}

/** `05 01 00 ‖ type ‖ address ‖ port BE`: CONNECT to an IPv4 or IPv6 address or a name. @throws NodeError `unreachable` */
function connectRequest({ host, port }: PeerAddress): Uint8Array {
  if (!Number.isInteger(port) || port < 1 || port > 0xffff) throw new RangeError(`port ${port}`);
  const kind = hostKindOf(host);
  if (kind === undefined) {
    throw new NodeError("unreachable", "network", `no address that a proxy could reach: ${JSON.stringify(host)}`);
  }
  const portBytes = [port >> 8, port & 0xff];
  if (kind !== "name" && kind !== "onion" && kind !== "i2p") {
    const bytes = ipaddr.process(host).toByteArray();
    const type = bytes.length === 4 ? AddressType.IPV4 : AddressType.IPV6;
    return Uint8Array.of(VERSION, CONNECT, 0, type, ...bytes, ...portBytes);
  }
  const name = new TextEncoder().encode(host);
  return Uint8Array.of(VERSION, CONNECT, 0, AddressType.NAME, name.length, ...name, ...portBytes);
}

/** `01 ‖ length ‖ user ‖ length ‖ password`. @throws RangeError when one is empty or longer than a length can tell */
function credentialsBytes({ user, password }: Socks5Credentials): Uint8Array {
  const parts = [user, password].map((text) => new TextEncoder().encode(text));
  for (const { length } of parts) {
    if (length < 1 || length > LENGTH_MAX) throw new RangeError("a user and a password are 1 to 255 bytes long");
  }
  return Uint8Array.of(CREDENTIALS_VERSION, ...parts.flatMap((part) => [part.length, ...part]));
}

function isolation(random: Random): Socks5Credentials {
  const text = () => [...random.bytes(ISOLATION_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { user: text(), password: text() };
}

const malformed = (why: string) =>
  new NodeError("proxy_protocol", "network", `the proxy does not speak SOCKS5: ${why}`);
