/**
 * `/v1/events/groups`: consumers that share the log, each event for one of them.
 *
 * @module
 */
import { Hono } from "hono";
import type { JsonObject } from "../../codec/json.ts";
import { NodeError } from "../../core/errors.ts";
import { eventEnvelope } from "../../storage/event-envelope.ts";
import { CLAIM_EVENTS_MAX, type EventClaim, type EventGroups } from "../../storage/event-groups.ts";
import type { RpcContext } from "../context.ts";
import { jsonResponse, problem } from "../json.ts";
import type { WaitingRoom } from "../limits.ts";
import { subscriptionOfRequest } from "./event-streams.ts";
import { checked, wholeInQuery, z } from "./request.ts";

/** Events of a claim that names no number. */
const LIMIT = 100;
/** Time for a consumer to acknowledge, unless it says otherwise. */
const LEASE_SECONDS = 60;
const LEASE_SECONDS_MAX = 3_600;
/** A call may wait so long for events: less than what stands between most callers and a node lets a connection be idle. */
const WAIT_SECONDS_MAX = 25;

const NAME_TEXT = "a group's name is 1 to 64 small letters, digits, dots, - and _";
const CLAIM_TEXT = "claim: what `next` gave";
const Name = z.string().check(z.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, NAME_TEXT));
const Claim = z.string(CLAIM_TEXT).check(z.regex(/^[0-9a-f]{1,64}$/, CLAIM_TEXT));
const seconds = (least: number) => wholeInQuery("seconds", LEASE_SECONDS, least, LEASE_SECONDS_MAX);
const Next = z.object({
  name: Name,
  limit: wholeInQuery("limit", LIMIT, 1, CLAIM_EVENTS_MAX),
  seconds: seconds(1),
  wait: wholeInQuery("wait", 0, 0, WAIT_SECONDS_MAX),
});
const Held = z.object({ name: Name, claim: Claim });
const Extended = z.object({ name: Name, claim: Claim, seconds: seconds(0) });

/** What a caller is told of what a group refuses. */
const REFUSALS: Readonly<Record<string, number>> = {
  GROUP_UNKNOWN: 404,
  GROUP_DIFFERS: 409,
  GROUPS_FULL: 409,
  GROUP_BUSY: 503,
};

function claimJson(claim: EventClaim | undefined): JsonObject {
  if (claim === undefined) return { claim: null, events: [] };
  return {
    claim: claim.claim,
    deadline: new Date(claim.deadline).toISOString(),
    attempt: claim.attempt,
    events: claim.items.map(eventEnvelope) as unknown as JsonObject[],
  };
}

/** The routes. */
export function eventGroupRoutes(context: RpcContext): Hono<{ Bindings: WaitingRoom }> {
  const app = new Hono<{ Bindings: WaitingRoom }>();
  const { clock, hints } = context;
  const none = () => new Response(null, { status: 204 });
  const lost = () => problem(409, "the claim is not yours any more");
  /** Answers with the node's groups, and with what they refuse. */
  const withGroups = async (work: (groups: EventGroups) => Promise<Response>): Promise<Response> => {
    if (context.groups === undefined) {
      return problem(404, "this node has no groups; where nodes share a server, the one that writes has them");
    }
    try {
      return await work(await context.groups());
    } catch (thrown) {
      const status = thrown instanceof NodeError ? REFUSALS[thrown.code] : undefined;
      if (status === undefined) throw thrown;
      return problem(status, (thrown as NodeError).message, status === 503 ? { "retry-after": "1" } : {});
    }
  };

  app.get("/v1/events/groups", () =>
    withGroups(async (groups) => {
      const { newest } = await context.events.bounds();
      const list = (await groups.list()).map(({ name, topics, position, claims }) => {
        return { name, topics, position, lag: Math.max(0, newest - position), claims };
      });
      return jsonResponse({ newest, groups: list });
    }));

  app.put("/v1/events/groups/:name", (c) =>
    withGroups(async (groups) => {
      const name = checked(Name, c.req.param("name"));
      const { topics = [], since } = subscriptionOfRequest(new URL(c.req.url), c.req.raw.headers);
      const isNew = await groups.make(name, topics, since);
      return jsonResponse({ name, topics }, { status: isNew ? 201 : 200 });
    }));

  app.delete("/v1/events/groups/:name", (c) =>
    withGroups(async (groups) => {
      const name = checked(Name, c.req.param("name"));
      return await groups.remove(name) ? none() : problem(404, `there is no group ${name}`);
    }));

  app.post("/v1/events/groups/:name/next", (c) =>
    withGroups(async (groups) => {
      const asked = checked(Next, { ...c.req.query(), name: c.req.param("name") });
      const end = clock.monotonic() + asked.wait * 1_000;
      const take = () => groups.next(asked.name, asked.limit, asked.seconds * 1_000);
      let isDirty = false;
      let wake = () => {};
      const off = hints(() => {
        isDirty = true;
        wake();
      });
      const { signal } = c.req.raw;
      const onAbort = () => wake();
      signal.addEventListener("abort", onAbort);
      let leave: (() => void) | undefined;
      try {
        for (;;) {
          isDirty = false;
          const claim = await take();
          // A caller that is gone will not acknowledge it.
          if (claim !== undefined && signal.aborted) await groups.extend(asked.name, claim.claim, 0);
          const leftMs = end - clock.monotonic();
          // Without a place to wait in, the caller asks again when it likes to.
          if (claim === undefined && leftMs > 0) leave ??= c.env.enterWaiting();
          if (claim !== undefined || leftMs <= 0 || leave === undefined || signal.aborted) {
            return jsonResponse(claimJson(claim));
          }
          if (isDirty) continue;
          // A claim that is not acknowledged comes back without a hint: once a second it is looked for.
          await new Promise<void>((resolve) => {
            const cancel = clock.after(Math.min(leftMs, 1_000), resolve);
            wake = () => {
              cancel();
              resolve();
            };
          });
        }
      } finally {
        leave?.();
        signal.removeEventListener("abort", onAbort);
        off();
      }
    }));

  app.post("/v1/events/groups/:name/ack", (c) =>
    withGroups(async (groups) => {
      const { name, claim } = checked(Held, { ...c.req.query(), name: c.req.param("name") });
      return await groups.acknowledge(name, claim) ? none() : lost();
    }));

  app.post("/v1/events/groups/:name/extend", (c) =>
    withGroups(async (groups) => {
      const asked = checked(Extended, { ...c.req.query(), name: c.req.param("name") });
      return await groups.extend(asked.name, asked.claim, asked.seconds * 1_000) ? none() : lost();
    }));
  return app;
}
