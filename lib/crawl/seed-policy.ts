/**
 * Which of the nodes that a crawl found are good enough to be told to others.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { type CrawlReport, quantile, type ReportNode } from "./report.ts";

/** A node that may be told. */
export interface SeedNode {
  readonly host: string;
  readonly port: number;
  /** The address: 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly services: bigint;
}

/** What a node must have. */
export interface SeedPolicy {
  /** The only port that is told, where the answer has none and the asker dials this one; absent: any. */
  readonly port?: number;
  /** Bits that every told node offers. */
  readonly services: bigint;
  /** A name among its services that it must have, such as its type. */
  readonly serviceName?: string;
  /** How many blocks below the median it may be. */
  readonly lagMax: number;
}

/** The good nodes of a crawl. A node that did not tell a height is not refused for that. */
export function seedNodes({ nodes }: CrawlReport, policy: SeedPolicy): SeedNode[] {
  const reached = nodes.filter(({ reachable }) => reachable);
  const heights = reached.flatMap(({ height }) => height ?? []).sort((a, b) => a - b);
  const least = heights.length === 0 ? -Infinity : quantile(heights, 0.5) - policy.lagMax;
  return reached.flatMap((node) => {
    const bytes = bytesOf(node);
    const services = BigInt(node.services ?? 0);
    const isGood = bytes !== undefined && (policy.port === undefined || node.port === policy.port) &&
      (services & policy.services) === policy.services &&
      (node.height === null || node.height >= least) &&
      (policy.serviceName === undefined || node.service_names.includes(policy.serviceName));
    return isGood ? [{ host: node.host, port: node.port, bytes, services }] : [];
  });
}

function bytesOf({ host }: ReportNode): Uint8Array | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(host)) return Uint8Array.from(ipaddr.IPv4.parse(host).toByteArray());
  if (!ipaddr.IPv6.isValid(host) || host.includes("%")) return undefined;
  return Uint8Array.from(ipaddr.IPv6.parse(host).toByteArray());
}
