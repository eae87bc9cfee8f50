/**
 * Asks one DNS server for the addresses of a name: what a seed returns, seen without a resolver's cache.
 *
 * @module
 */
import { decode, type DecodedPacket, encode, RECURSION_DESIRED } from "dns-packet";
import { NodeError } from "../core/errors.ts";
import type { Clock, Random } from "../core/ports.ts";

/** Sends a datagram to the server; its datagrams come to the function that {@link DnsParts.open} was given. */
export interface DnsSocket {
  send(bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** What a query needs. */
export interface DnsParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens a socket of its own, so that its port is one more thing that a forger has to guess. */
  readonly open: (onMessage: (bytes: Uint8Array) => void) => Promise<DnsSocket>;
  /** Time for one try. */
  readonly timeoutMs: number;
}

/** An address that was answered. */
export interface DnsAddress {
  readonly host: string;
  readonly type: "A" | "AAAA";
  /** Seconds. */
  readonly ttl: number;
}

/** What a server said. */
export interface DnsAnswer {
  /** `NOERROR`, `NXDOMAIN`, `REFUSED`, … */
  readonly rcode: string;
  readonly addresses: readonly DnsAddress[];
  readonly truncated: boolean;
  readonly bytes: number;
  readonly elapsedMs: number;
}

const TRIES = 3;
const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** Asks for records of one type. @throws NodeError `timeout` when no answer to this question came */
export async function askDns(name: string, type: "A" | "AAAA", parts: DnsParts): Promise<DnsAnswer> {
  const { clock, random, timeoutMs } = parts;
  const id = random.below(65_536);
  const question = encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [{ type, name, class: "IN" }] });
  const came = Promise.withResolvers<{ packet: DecodedPacket; bytes: number }>();
  const socket = await parts.open((bytes) => {
    const packet = answerTo(bytes, id, name, type);
    if (packet !== undefined) came.resolve({ packet, bytes: bytes.length });
  });
  const began = clock.monotonic();
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      socket.send(question);
      const over = new AbortController();
      const late = clock.sleep(timeoutMs, over.signal).then(() => undefined, () => undefined);
      const answer = await Promise.race([came.promise, late]);
      over.abort();
      if (answer !== undefined) return answerOf(answer.packet, answer.bytes, type, clock.monotonic() - began);
    }
  } finally {
    await socket.close();
  }
  throw new NodeError("timeout", "network", `no answer to ${type} ${name} in ${TRIES} tries of ${timeoutMs} ms`);
}

/** The packet, if it answers this question: same id, same name, same type. */
function answerTo(bytes: Uint8Array, id: number, name: string, type: string): DecodedPacket | undefined {
  try {
    const packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const asked = packet.questions?.[0];
    const fits = packet.flag_qr && packet.id === id && asked?.type === type &&
      asked.name.toLowerCase() === name.toLowerCase();
    return fits ? packet : undefined;
  } catch {
    return undefined;
  }
}

function answerOf(packet: DecodedPacket, bytes: number, type: "A" | "AAAA", elapsedMs: number): DnsAnswer {
  const addresses = (packet.answers ?? []).flatMap((record) =>
    record.type === type && typeof record.data === "string" ? [{ host: record.data, type, ttl: record.ttl ?? 0 }] : []
  );
  const code = (packet.flags ?? 0) & 15;
  return { rcode: RCODES[code] ?? `RCODE${code}`, addresses, truncated: packet.flag_tc, bytes, elapsedMs };
}
