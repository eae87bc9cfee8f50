/**
 * Host names by one given DNS server, in place of the system's resolver. `Resolver` of `node:dns` is not used: on Bun 1.4
 * it takes records of another name for the answer, on Deno 2.9 it loses replies of more than 512 bytes and writes to
 * standard error by itself.
 *
 * @see RFC 1035 (DNS); RFC 5452 section 9 (what a reply must match); RFC 6891 (EDNS); RFC 7766 (TCP)
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import net from "node:net";
import { addressText } from "../../core/address-text.ts";
import { decode, type DecodedPacket, encode, type Packet, RECURSION_DESIRED, streamEncode } from "dns-packet";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { PeerAddress } from "../../core/ports.ts";
import { hostKindOf } from "../../core/reachability.ts";

/** How {@link nameServerResolver} asks. */
export interface NameServerOptions {
  /** The server, by IP literal. Its port is 53 as a rule. */
  readonly server: PeerAddress;
  /** Ends every lookup, as one without an answer. */
  readonly signal?: AbortSignal;
  /** How long one question waits for its reply; it is asked twice over UDP, and once over TCP where need be. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 2_500;
/** Bytes of a UDP reply that fit into a packet nearly everywhere (DNS flag day 2020). */
const UDP_BYTES = 1_232;
/** Bytes of a reply over TCP: some 2,000 addresses. A longer one is no answer. */
const TCP_BYTES_MAX = 32_768;
/** Aliases that are followed from the name that was asked for. */
const ALIASES_MAX = 8;
/** RFC 6761: a resolver must not ask about it. */
const LOCAL_NAME = /^(?:.+\.)?localhost\.?$/i;

type RecordType = "A" | "AAAA";

/**
 * A `Platform.resolveHost` that asks `server`: IPv4 addresses first, then IPv6, as IP literals, each once. An IP literal is
 * its own answer. Rejects with a `NodeError`, code `name_not_found`, fault `network`: no such name, no addresses, a server
 * that fails, refuses or is silent.
 *
 * @throws TypeError when the server is not an IP literal
 */
export function nameServerResolver(options: NameServerOptions): (name: string) => Promise<string[]> {
  if (net.isIP(options.server.host) === 0) throw new TypeError(`not an IP literal: ${options.server.host}`);
  return async (name) => {
    if (net.isIP(name) !== 0) return [name];
    if (LOCAL_NAME.test(name)) return ["127.0.0.1", "::1"];
    const failed = (why: string, cause?: unknown) =>
      new NodeError("name_not_found", "network", `${name}: ${why}`, cause === undefined ? {} : { cause });
    // Names of Tor and I2P are none of DNS: asking would only tell on us (RFC 7686).
    if (hostKindOf(name) !== "name") throw failed("not a name of DNS");
    const found = await Promise.allSettled(
      (["A", "AAAA"] as const).map((type) => new Lookup(name.replace(/\.$/, ""), type, options).run()),
    );
    const addresses = [...new Set(found.flatMap((one) => one.status === "fulfilled" ? one.value : []))];
    if (addresses.length > 0) return addresses;
    const failure = found.find((one) => one.status === "rejected");
    throw failure === undefined ? failed("no addresses") : failed(messageOf(failure.reason), failure.reason);
  };
}

/** One question about one type of record. */
class Lookup {
  readonly #name: string;
  readonly #type: RecordType;
  readonly #options: NameServerOptions;

  constructor(name: string, type: RecordType, options: NameServerOptions) {
    this.#name = name;
    this.#type = type;
    this.#options = options;
  }

  async run(): Promise<string[]> {
    // A server that does not know EDNS may answer nothing: the second time it is not asked for.
    const reply = await this.#overUdp(true).catch((error) => {
      if (this.#options.signal?.aborted) throw error;
      return this.#overUdp(false);
    });
    if (!reply.flag_tc) return this.#addresses(reply);
    try {
      return this.#addresses(await this.#overTcp());
    } catch (error) {
      // The part that fitted is better than nothing.
      const some = this.#addresses(reply);
      if (some.length > 0) return some;
      throw error;
    }
  }

  #question(id: number, edns: boolean): Packet {
    const option = { name: ".", extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] };
    return {
      type: "query",
      id,
      flags: RECURSION_DESIRED,
      questions: [{ type: this.#type, name: this.#name, class: "IN" }],
      additionals: edns ? [{ ...option, type: "OPT", udpPayloadSize: UDP_BYTES }] : [],
    };
  }

  /** A reply to the question of this id, decoded; undefined for anything else. @throws Error for a server's refusal */
  #accept(bytes: Uint8Array, id: number): DecodedPacket | undefined {
    // Before it is decoded: guesses of others must cost them more than us.
    if (bytes.length < 12 || (bytes[0]! << 8 | bytes[1]!) !== id) return undefined;
    let packet: DecodedPacket & { readonly rcode?: string; readonly opcode?: string };
    try {
      packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch {
      return undefined;
    }
    const [question, ...more] = packet.questions ?? [];
    const matches = packet.type === "response" && packet.opcode === "QUERY" && more.length === 0 &&
      question !== undefined && question.type === this.#type && (question.class ?? "IN") === "IN" &&
      isSame(question.name, this.#name);
    if (!matches) return undefined;
    if (packet.rcode === "NXDOMAIN") throw new Error("no such name");
    if (packet.rcode !== "NOERROR") throw new Error(`the server answers ${packet.rcode}`);
    return packet;
  }

  /** Addresses of the name and of what it is an alias for; records of other names are nobody's business. */
  #addresses({ answers = [] }: DecodedPacket): string[] {
    const aliases = new Map<string, string>();
    for (const { type, name, ...record } of answers) {
      if (type === "CNAME" && "data" in record) aliases.set(name.toLowerCase(), String(record.data).toLowerCase());
    }
    const names = new Set([this.#name.toLowerCase()]);
    for (let name: string | undefined = this.#name.toLowerCase(); names.size <= ALIASES_MAX;) {
      name = aliases.get(name);
      if (name === undefined || names.has(name)) break;
      names.add(name);
    }
    const family = this.#type === "A" ? 4 : 6;
    return answers.flatMap((record) => {
      if (record.type !== this.#type || !names.has(record.name.toLowerCase()) || !("data" in record)) return [];
      const text = String(record.data);
      return net.isIP(text) === family ? [text] : [];
    });
  }

  #overUdp(edns: boolean): Promise<DecodedPacket> {
    const { server } = this.#options;
    // A port of its own and a number nobody can guess are what protects the answer.
    const socket = createSocket(net.isIPv6(server.host) ? "udp6" : "udp4");
    return this.#within((settle) => {
      const id = randomBytes(2).readUInt16BE();
      socket.on("error", (error) => settle(() => Promise.reject(error)));
      socket.on("message", (bytes, from) => {
        if (from.address !== server.host || from.port !== server.port) return;
        try {
          const reply = this.#accept(bytes, id);
          if (reply !== undefined) settle(() => Promise.resolve(reply));
        } catch (refusal) {
          settle(() => Promise.reject(refusal));
        }
      });
      socket.send(encode(this.#question(id, edns)), server.port, server.host, (error) => {
        if (error) settle(() => Promise.reject(error));
      });
    }, () => socket.close());
  }

  #overTcp(): Promise<DecodedPacket> {
    const socket = net.connect(this.#options.server);
    return this.#within((settle) => {
      const id = randomBytes(2).readUInt16BE();
      const fail = (why: string) => settle(() => Promise.reject(new Error(why)));
      const bytes = new Uint8Array(2 + TCP_BYTES_MAX);
      let length = 0;
      socket.on("error", (error) => fail(messageOf(error)));
      socket.on("close", () => fail("the server hung up"));
      socket.on("connect", () => void socket.write(streamEncode(this.#question(id, false))));
      socket.on("data", (chunk: Uint8Array) => {
        if (length + chunk.length > bytes.length) return fail("a reply that is too long");
        bytes.set(chunk, length);
        length += chunk.length;
        const end = 2 + (bytes[0]! << 8 | bytes[1]!);
        if (length >= 2 && end > bytes.length) return fail("a reply that is too long");
        if (length < 2 || length < end) return;
        try {
          const reply = this.#accept(bytes.subarray(2, end), id);
          if (reply === undefined) fail("a reply to another question");
          else settle(() => Promise.resolve(reply));
        } catch (refusal) {
          settle(() => Promise.reject(refusal));
        }
      });
    }, () => socket.destroy());
  }

  /** Waits for what `begin` settles with, at most the time for one question; `release` follows in any case. */
  async #within(
    begin: (settle: (how: () => Promise<DecodedPacket>) => void) => void,
    release: () => void,
  ): Promise<DecodedPacket> {
    const { server, signal, timeoutMs = TIMEOUT_MS } = this.#options;
    const outcome = Promise.withResolvers<DecodedPacket>();
    const settle = (how: () => Promise<DecodedPacket>) => how().then(outcome.resolve, outcome.reject);
    const fail = (why: string) => outcome.reject(new Error(why));
    const onAbort = () => fail("the lookup was ended");
    const timer = setTimeout(() => fail(`${addressText(server)} does not answer`), timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal?.aborted) onAbort();
      else begin(settle);
      return await outcome.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      release();
    }
  }
}

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
