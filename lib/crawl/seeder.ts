/**
 * A DNS seeder: answers `A` and `AAAA` of its zone with good nodes, others at each question. Pure: bytes of a question in,
 * bytes of an answer out, or nothing where silence is the right answer.
 *
 * @see RFC 1035, RFC 6891 (EDNS), RFC 8482 (ANY); Bitcoin Core `doc/dnsseed-policy.md` and its `x9.` names
 * @module
 */
import { AUTHORITATIVE_ANSWER, decode, type DecodedPacket, encode, type OptAnswer, type Question } from "dns-packet";
import type { Clock, Random } from "../core/ports.ts";
import { AskerLimits } from "./asker-limits.ts";
import type { SeedNode } from "./seed-policy.ts";

/** How a seeder answers. */
export interface SeederOptions {
  /** The zone, without a dot at its end. */
  readonly zone: string;
  /** The name of this server, for NS and SOA; absent: the zone has no NS of its own. */
  readonly ns?: string;
  /** Whether `x<hex>.ZONE` asks for nodes that offer all these bits. */
  readonly filters: boolean;
  /** Answers a second to one asker. */
  readonly perSecond: number;
}

/** What became of questions. */
export interface SeederCounts {
  answered: number;
  /** Names of the zone that are none. */
  unknown: number;
  /** Questions for other zones, or of other kinds. */
  refused: number;
  /** Datagrams that are no question, and got no answer. */
  malformed: number;
  /** Questions of hosts that ask too often, which got no answer. */
  limited: number;
}

const RCODE = { ok: 0, nameError: 3, notImplemented: 4, refused: 5 } as const;
const RECURSION_DESIRED = 1 << 8;
const OPCODE_MASK = 0x7800;
/** What a resolver takes without EDNS, and what we send at most with it: no path cuts that into pieces. */
const PLAIN_BYTES_MAX = 512;
const EDNS_BYTES_MAX = 1_232;
const QUERY_BYTES_MAX = 1_500;
const HEADER_BYTES = 12;
const TTL_S = { address: 60, zone: 86_400, nothing: 60 } as const;
/** Addresses in one answer, where they fit. */
const ADDRESSES_MAX = 32;
/** Filters of which the nodes are kept; anybody can ask for another one. */
const FILTERS_MAX = 64;
/** A pointer to the name that was asked, which begins behind the header. */
const NAME_POINTER = 0xc000 | HEADER_BYTES;

interface Chosen {
  readonly 4: readonly SeedNode[];
  readonly 16: readonly SeedNode[];
}

/** Answers questions. */
export class Seeder {
  readonly counts: SeederCounts = { answered: 0, unknown: 0, refused: 0, malformed: 0, limited: 0 };
  readonly #options: SeederOptions;
  readonly #zone: string;
  readonly #random: Random;
  readonly #limits: AskerLimits;
  readonly #byFilter = new Map<bigint, Chosen>();
  #nodes: readonly SeedNode[] = [];
  #serial = 1;

  constructor(options: SeederOptions, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#options = options;
    this.#zone = options.zone.toLowerCase();
    this.#random = random;
    this.#limits = new AskerLimits({ clock, perSecond: options.perSecond });
  }

  /** Takes other nodes from now on. @param serial what SOA tells; the time of the crawl in seconds, 32 bits */
  replace(nodes: readonly SeedNode[], serial: number): void {
    this.#nodes = nodes;
    this.#serial = serial >>> 0;
    this.#byFilter.clear();
  }

  /** The answer to a datagram; undefined for what is malformed, an answer itself, or over the asker's rate. */
  answer(bytes: Uint8Array, asker: string): Uint8Array | undefined {
    const query = readQuery(bytes);
    if (query === undefined) {
      this.counts.malformed += 1;
      return undefined;
    }
    if (!this.#limits.take(asker)) {
      this.counts.limited += 1;
      return undefined;
    }
    const { packet, question } = query;
    if (((packet.flags ?? 0) & OPCODE_MASK) !== 0) return this.#refuse(query, RCODE.notImplemented);
    const name = question.name.toLowerCase();
    const isInside = name === this.#zone || name.endsWith(`.${this.#zone}`);
    if (!isInside || question.class !== "IN") return this.#refuse(query, RCODE.refused);
    const filter = this.#filterOf(name);
    if (filter === undefined) {
      this.counts.unknown += 1;
      return this.#nothing(query, RCODE.nameError);
    }
    this.counts.answered += 1;
    if (question.type === "A") return this.#addresses(query, this.#choose(filter)[4]);
    if (question.type === "AAAA") return this.#addresses(query, this.#choose(filter)[16]);
    if (name !== this.#zone) return this.#nothing(query, RCODE.ok);
    const { ns } = this.#options;
    if (question.type === "SOA") return this.#encode(query, RCODE.ok, { answers: [this.#soa()] });
    if (question.type === "NS" && ns !== undefined) {
      return this.#encode(query, RCODE.ok, {
        answers: [{ type: "NS", name: this.#zone, ttl: TTL_S.zone, data: ns }],
      });
    }
    return this.#nothing(query, RCODE.ok);
  }

  /** The bits that a name asks for; undefined for a name that is none of the zone's. */
  #filterOf(name: string): bigint | undefined {
    if (name === this.#zone) return 0n;
    const label = name.slice(0, -(this.#zone.length + 1));
    return this.#options.filters && /^x[0-9a-f]{1,16}$/.test(label) ? BigInt(`0x${label.slice(1)}`) : undefined;
  }

  #choose(filter: bigint): Chosen {
    const known = this.#byFilter.get(filter);
    if (known !== undefined) return known;
    const fitting = this.#nodes.filter(({ services }) => (services & filter) === filter);
    const chosen: Chosen = {
      4: fitting.filter(({ bytes }) => bytes.length === 4),
      16: fitting.filter(({ bytes }) => bytes.length === 16),
    };
    if (this.#byFilter.size >= FILTERS_MAX) this.#byFilter.clear();
    this.#byFilter.set(filter, chosen);
    return chosen;
  }

  #addresses(query: Query, nodes: readonly SeedNode[]): Uint8Array {
    if (nodes.length === 0) return this.#nothing(query, RCODE.ok);
    const plain = this.#encode(query, RCODE.ok, {});
    const size = HEADER_BYTES + (nodes[0]?.bytes.length ?? 0);
    const most = Math.min(ADDRESSES_MAX, Math.floor((query.bytesMax - plain.length) / size));
    const records = this.#sample(nodes, most).map(({ bytes }) => addressRecord(bytes));
    // Records go between the question and what follows it; their name is a pointer to the question's.
    const end = encode({ type: "response", questions: [query.question] }).length;
    const answer = new Uint8Array(plain.length + records.length * size);
    answer.set(plain.subarray(0, end));
    records.forEach((record, at) => answer.set(record, end + at * size));
    answer.set(plain.subarray(end), end + records.length * size);
    new DataView(answer.buffer).setUint16(6, records.length);
    return answer;
  }

  /** Some of the nodes, each as likely as any other, in random order. */
  #sample(nodes: readonly SeedNode[], most: number): SeedNode[] {
    const at = new Map<number, number>();
    const count = Math.min(most, nodes.length);
    return Array.from({ length: count }, (_, i) => {
      // A shuffle of which only the places that were touched are kept.
      const j = i + this.#random.below(nodes.length - i);
      const drawn = at.get(j) ?? j;
      at.set(j, at.get(i) ?? i);
      return nodes[drawn]!;
    });
  }

  #refuse(query: Query, rcode: number): Uint8Array {
    this.counts.refused += 1;
    return this.#encode(query, rcode, {}, 0);
  }

  /** No such record, or no such name; SOA tells for how long. */
  #nothing(query: Query, rcode: number): Uint8Array {
    return this.#encode(query, rcode, { authorities: [this.#soa()] });
  }

  #soa() {
    const zone = this.#zone;
    const data = {
      mname: this.#options.ns ?? zone,
      rname: `hostmaster.${zone}`,
      serial: this.#serial,
      refresh: 3_600,
      retry: 600,
      expire: 604_800,
      minimum: TTL_S.nothing,
    };
    return { type: "SOA" as const, name: zone, ttl: TTL_S.nothing, data };
  }

  #encode(
    { packet, question, edns }: Query,
    rcode: number,
    sections: Pick<Parameters<typeof encode>[0], "answers" | "authorities">,
    flags = AUTHORITATIVE_ANSWER,
  ): Uint8Array {
    return encode({
      type: "response",
      id: packet.id ?? 0,
      flags: flags | rcode | ((packet.flags ?? 0) & (RECURSION_DESIRED | OPCODE_MASK)),
      questions: [question],
      ...sections,
      ...(edns && { additionals: [OPT] }),
    });
  }
}

const OPT: OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: EDNS_BYTES_MAX,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

interface Query {
  readonly packet: DecodedPacket;
  readonly question: Question;
  readonly edns: boolean;
  /** Bytes that the asker takes. */
  readonly bytesMax: number;
}

/** Reads a question; undefined for anything else. Counts are checked before anything is decoded by them. */
function readQuery(bytes: Uint8Array): Query | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > QUERY_BYTES_MAX) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isResponse = (view.getUint16(2) & 0x8000) !== 0;
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => view.getUint16(at));
  if (isResponse || questions !== 1 || answers !== 0 || authorities !== 0 || additionals! > 4) return undefined;
  try {
    const packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const question = packet.questions?.[0];
    if (question === undefined || !isPlain(question)) return undefined;
    const opt = packet.additionals?.find(({ type }) => type === "OPT") as OptAnswer | undefined;
    const bytesMax = Math.min(EDNS_BYTES_MAX, Math.max(PLAIN_BYTES_MAX, opt?.udpPayloadSize ?? 0));
    return { packet, question, edns: opt !== undefined, bytesMax };
  } catch {
    return undefined;
  }
}

/** Whether a question can be said again as it was asked: its name is of visible ASCII, and its class has a name. */
function isPlain({ name, class: cls }: Question): boolean {
  return /^[\x21-\x7e]{1,253}$/.test(name) && !name.includes("..") && !`${cls}`.startsWith("UNKNOWN");
}

/** NAME 2 ‖ TYPE 2 ‖ CLASS 2 ‖ TTL 4 ‖ RDLENGTH 2 ‖ address 4 or 16, all big-endian. */
function addressRecord(address: Uint8Array): Uint8Array {
  const record = new Uint8Array(12 + address.length);
  const view = new DataView(record.buffer);
  view.setUint16(0, NAME_POINTER);
  view.setUint16(2, address.length === 4 ? 1 : 28);
  view.setUint16(4, 1);
  view.setUint32(6, TTL_S.address);
  view.setUint16(10, address.length);
  record.set(address, 12);
  return record;
}
