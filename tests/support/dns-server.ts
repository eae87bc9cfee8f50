/**
 * A DNS server on loopback whose replies a test decides: honest, empty, late, refusing, truncated, lying.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import dgram from "node:dgram";
import net from "node:net";
import { type Answer, decode, encode, type Packet, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from "dns-packet";
import type { PeerAddress } from "../../lib/core/ports.ts";

/** What a zone says about one name. Without addresses of the type that is asked for the reply is empty. */
export interface StubZone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** The name is an alias; the addresses are the other name's. */
  readonly alias?: string;
  /** 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  readonly rcode?: number;
  /** The reply comes so much later. */
  readonly delayMs?: number;
  /** No reply, to all questions or to so many. */
  readonly silent?: boolean | number;
  /** Over UDP the reply says that it was cut, and has only the first so many addresses. */
  readonly truncateTo?: number;
  /** Over TCP the connection is closed at once. */
  readonly noTcp?: boolean;
  /** Replies that come before the right one, made from it. */
  readonly lies?: readonly ((packet: Packet) => Packet | Uint8Array)[];
  /** After the lies nothing comes. */
  readonly liesOnly?: boolean;
}

/** One question that came. */
export interface StubQuestion {
  readonly name: string;
  readonly type: string;
  readonly by: "udp" | "tcp";
  readonly id: number;
  /** Whether EDNS was offered. */
  readonly edns: boolean;
}

/** A running server. A name that is in no zone does not exist. */
export interface StubDnsServer {
  readonly address: PeerAddress;
  readonly questions: StubQuestion[];
  close(): Promise<void>;
}

/** The addresses of a packet replaced. */
export const withAddresses = (type: "A" | "AAAA", addresses: readonly string[]) => (packet: Packet): Packet => ({
  ...packet,
  answers: addresses.map((data) => ({ type, name: packet.questions?.[0]?.name ?? "", ttl: 60, data })),
});

/** Opens a server on one free port of 127.0.0.1, for UDP and TCP. */
export async function startDnsServer(zones: Readonly<Record<string, StubZone>>): Promise<StubDnsServer> {
  const questions: StubQuestion[] = [];
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const sockets = new Set<net.Socket>();
  const asked = new Map<string, number>();

  const reply = (bytes: Uint8Array, by: "udp" | "tcp", send: (bytes: Uint8Array) => void) => {
    const query = decode(bytes as Parameters<typeof decode>[0]);
    const question = query.questions?.[0];
    if (question === undefined) return;
    const { name, type } = question;
    const edns = (query.additionals ?? []).some((record) => record.type === "OPT");
    questions.push({ name, type, by, id: query.id ?? 0, edns });
    const zone: StubZone = zones[name.toLowerCase()] ?? { rcode: 3 };
    const count = (asked.get(`${name} ${type}`) ?? 0) + 1;
    asked.set(`${name} ${type}`, count);
    if (zone.silent === true || (typeof zone.silent === "number" && count <= zone.silent)) return;
    const owner = zone.alias ?? name;
    const addresses = (type === "A" ? zone.a : type === "AAAA" ? zone.aaaa : undefined) ?? [];
    const isCut = by === "udp" && zone.truncateTo !== undefined;
    const answers: Answer[] = [
      ...(zone.alias === undefined ? [] : [{ type: "CNAME", name, ttl: 60, data: zone.alias } as const]),
      ...addresses.slice(0, isCut ? zone.truncateTo : undefined).map((data): Answer => ({
        type: type === "A" ? "A" : "AAAA",
        name: owner,
        ttl: 60,
        data,
      })),
    ];
    const packet: Packet = {
      type: "response",
      ...(query.id === undefined ? {} : { id: query.id }),
      flags: RECURSION_AVAILABLE | (isCut ? TRUNCATED_RESPONSE : 0) | (zone.rcode ?? 0),
      questions: [question],
      answers,
    };
    const all = [...(zone.lies ?? []).map((lie) => lie(packet)), ...(zone.liesOnly === true ? [] : [packet])];
    const timer = setTimeout(() => {
      timers.delete(timer);
      for (const one of all) send(one instanceof Uint8Array ? one : encode(one));
    }, zone.delayMs ?? 0);
    timers.add(timer);
  };

  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => void sockets.delete(socket));
    socket.on("error", () => {});
    let held: number[] = [];
    socket.on("data", (chunk: Uint8Array) => {
      held.push(...chunk);
      const length = (held[0] ?? 0) * 256 + (held[1] ?? 0);
      if (held.length < 2 + length || held.length < 2) return;
      const bytes = Buffer.from(held.slice(2, 2 + length));
      held = [];
      if (zones[decode(bytes).questions?.[0]?.name ?? ""]?.noTcp === true) return void socket.destroy();
      reply(bytes, "tcp", (answer) => {
        const framed = Uint8Array.of(answer.length >> 8, answer.length & 0xff, ...answer);
        // In two parts: nobody may rely on how TCP cuts.
        socket.write(framed.subarray(0, 1));
        socket.write(framed.subarray(1));
      });
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  const socket = dgram.createSocket("udp4");
  socket.on("message", (bytes, from) => reply(bytes, "udp", (answer) => socket.send(answer, from.port, from.address)));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, "127.0.0.1", () => resolve());
  });
  return {
    address: { host: "127.0.0.1", port },
    questions,
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      for (const each of sockets) each.destroy();
      await new Promise<void>((resolve) => void socket.close(() => resolve()));
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
