/**
 * `GET /metrics`: the node's figures in the text form of Prometheus, read when they are asked for. No address is in them.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { DirectionTraffic } from "../../core/peers/traffic.ts";
import type { ChainHandle } from "../chain-handle.ts";
import type { RpcContext } from "../context.ts";

/** What an answer is. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** All figures of a node as they are now. */
export async function metricsOf(
  { chains, events, groups, webhooks, memory, upload, workers, engine, version }: RpcContext,
): Promise<MetricsText> {
  const registry = new Registry();
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Gauge({ name: `gemel_${name}`, help, labelNames, registers: [registry] });
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Counter({ name: `gemel_${name}`, help, labelNames, registers: [registry] });

  gauge("build_info", "1; the version is a label", ["version"]).set({ version }, 1);
  gauge("peer_memory_bytes", "what all peers' messages take up now", []).set(memory.used);
  gauge("peer_memory_bytes_max", "what they may take up", []).set(memory.bytesMax);
  const target = upload.state();
  gauge("upload_bytes_left", "what may still be uploaded today; +Inf without a target", [])
    .set(target.bytesMax === 0 ? Infinity : target.bytesLeft);
  gauge("worker_threads_max", "threads that jobs may have; 0: they run on the node's own", []).set(workers.threadsMax);
  const { threads, running, waiting, done, failed, lost } = workers.counts;
  gauge("worker_threads", "threads that live now", []).set(threads);
  const jobs = gauge("jobs", "jobs that run and that wait", ["state"]);
  jobs.set({ state: "running" }, running);
  jobs.set({ state: "waiting" }, waiting);
  const jobsTotal = counter("jobs_total", "jobs that were done, threw, or were lost with their thread", ["outcome"]);
  for (const [outcome, count] of Object.entries({ done, failed, lost })) jobsTotal.inc({ outcome }, count);

  const arithmetic = gauge("engine", "1; the implementation of heavy arithmetic is a label", ["topic", "engine"]);
  const state = engine?.();
  for (const [topic, which] of state?.topics ?? []) arithmetic.set({ topic, engine: which }, 1);
  gauge("engine_passed_over", "quicker implementations of heavy arithmetic that failed their known answers", [])
    .set(state?.passedOver.length ?? 0);

  const { oldest, newest } = await events.bounds();
  gauge("events_log_id", "id of the newest event", []).set(newest);
  gauge("events_log_oldest_id", "id of the oldest event that is kept", []).set(oldest);
  const lag = gauge("webhook_lag_events", "events that a webhook is behind the log", ["webhook"]);
  const failures = gauge("webhook_failures", "attempts that failed since the last that did not", ["webhook"]);
  const sent = counter("webhook_events_total", "events that were delivered", ["webhook"]);
  const attempts = counter("webhook_attempts_total", "attempts to deliver", ["webhook", "outcome"]);
  for (const { name: webhook, position, counts, ...hook } of webhooks?.() ?? []) {
    lag.set({ webhook }, Math.max(0, newest - position));
    failures.set({ webhook }, hook.failures);
    sent.inc({ webhook }, counts.events);
    attempts.inc({ webhook, outcome: "delivered" }, counts.delivered);
    attempts.inc({ webhook, outcome: "failed" }, counts.failed);
  }

  const groupLag = gauge("event_group_lag_events", "events that a group of consumers is behind the log", ["group"]);
  const claims = gauge("event_group_claims", "claims that are not acknowledged", ["group"]);
  for (const { name: group, position, claims: open } of await (await groups?.())?.list() ?? []) {
    groupLag.set({ group }, Math.max(0, newest - position));
    claims.set({ group }, open);
  }

  const height = gauge("height", "height of our tip", ["chain"]);
  const best = gauge("best_peer_height", "the greatest height that a peer tells", ["chain"]);
  const synced = gauge("synced", "1 when the chain is at the tip of the network", ["chain"]);
  const behind = gauge("reader_commits_behind", "commits of the node that writes which this one has not taken over", [
    "chain",
  ]);
  const heard = gauge("reader_heard_seconds", "seconds since the database last answered a node that only reads", [
    "chain",
  ]);
  const warnings = gauge("warnings", "warnings that hold now, such as of a clock that is wrong", ["chain"]);
  const peers = gauge("peers", "connected peers", ["chain", "dir"]);
  const bans = gauge("bans", "bans and discouragements in force", ["chain", "effect"]);
  const addresses = gauge("addrman_addresses", "known addresses", ["chain", "table"]);
  const bytes = counter("p2p_bytes_total", "bytes on the wire", ["chain", "dir", "msg"]);
  const messages = counter("p2p_messages_total", "messages", ["chain", "dir", "msg"]);
  const latencies = counter(
    "p2p_latency_seconds_sum",
    "in: time until messages were handled; out: until their answers came",
    ["chain", "dir", "msg"],
  );
  const measured = counter("p2p_latency_seconds_count", "messages whose time was measured", ["chain", "dir", "msg"]);

  const refused = counter("refused_accepts_total", "inbound connections that were refused at accept", [
    "chain",
    "reason",
  ]);

  const addTraffic = (chain: string, dir: "in" | "out", { byKind }: DirectionTraffic) => {
    for (const [msg, kind] of byKind) {
      bytes.inc({ chain, dir, msg }, kind.bytes);
      messages.inc({ chain, dir, msg }, kind.messages);
      latencies.inc({ chain, dir, msg }, kind.latency.sumMs / 1000);
      measured.inc({ chain, dir, msg }, kind.latency.count);
    }
  };
  const addChain = async (handle: ChainHandle) => {
    const { chain, addressBook, traffic } = handle;
    const status = await handle.status();
    if (status.height !== null) height.set({ chain }, status.height);
    best.set({ chain }, status.best_peer_height);
    synced.set({ chain }, Number(status.synced));
    if (status.reading !== undefined) {
      behind.set({ chain }, status.reading.commits_behind);
      heard.set({ chain }, status.reading.heard_s);
    }
    warnings.set({ chain }, status.warnings.length);
    for (const dir of ["in", "out"] as const) peers.set({ chain, dir }, status.peers[dir]);
    const effects = handle.bans().map(({ effect }) => effect);
    for (const effect of ["ban", "discourage"] as const) {
      bans.set({ chain, effect }, effects.filter((each) => each === effect).length);
    }
    for (const table of ["new", "tried"] as const) addresses.set({ chain, table }, addressBook.size[table]);
    for (const [reason, count] of Object.entries(handle.refusedAccepts?.() ?? {})) {
      refused.inc({ chain, reason }, count);
    }
    for (const { name, help, kind, value } of handle.figures?.() ?? []) {
      if (kind === "counter") counter(name, help, ["chain"]).inc({ chain }, value);
      else gauge(name, help, ["chain"]).set({ chain }, value);
    }
    addTraffic(chain, "in", traffic.received);
    addTraffic(chain, "out", traffic.sent);
  };
  for (const each of chains) await addChain(each);
  return { contentType: registry.contentType, text: await registry.metrics() };
}
