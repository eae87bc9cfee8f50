/**
 * The webhooks of a node: their secrets, and their work beside the log.
 *
 * @module
 */
import type { NodeConfig } from "../config.ts";
import { NodeError } from "../core/errors.ts";
import type { EventHints } from "../core/events/reader.ts";
import type { PostHttp } from "../core/ports.ts";
import { isLoopback } from "../core/subnets.ts";
import type { Logging } from "../log.ts";
import type { SecretFiles } from "../rpc/mod.ts";
import type { NodeLog } from "../storage/node-log.ts";
import { shownUrl } from "../webhooks/config.ts";
import { newSecret, parseSecrets } from "../webhooks/signature.ts";
import { Webhook } from "../webhooks/webhook.ts";
import type { Drivers, Shutdown } from "./chain.ts";

/** What webhooks are opened with. */
export interface WebhookWorld {
  readonly drivers: Pick<Drivers, "clock" | "random" | "makeDir"> & { readonly postHttp?: PostHttp };
  readonly events: NodeLog;
  readonly hints: EventHints;
  readonly files: SecretFiles;
  readonly log: Logging["log"];
  readonly shutdown: Shutdown;
}

const invalid = (text: string) => new NodeError("CONFIG_INVALID", "self", `webhook: ${text}`);

/** What webhooks must be together. @throws NodeError `CONFIG_INVALID` */
export function checkWebhooks(config: NodeConfig): void {
  const hooks = config.webhooks ?? [];
  if (new Set(hooks.map(({ name }) => name)).size < hooks.length) {
    throw invalid("each needs a name of its own: NAME=URL");
  }
  // Who hides behind a proxy does not want to be seen by a receiver either.
  const seen = hooks.find(({ url }) => !isHere(url));
  if (config.egress?.proxy !== undefined && seen !== undefined) {
    throw invalid(`${seen.name} would not go through the proxy; with one, only receivers on this machine are called`);
  }
}

/** The file with a webhook's secrets. */
export function secretPath(config: NodeConfig, name: string): string {
  return `${config.webhookSecrets ?? `${config.paths.data}/webhooks`}/${name}.secret`;
}

/** Opens the webhooks of a configuration. @throws NodeError `CONFIG_INVALID`, or `WEBHOOK_SECRET_INVALID` */
export async function openWebhooks(config: NodeConfig, world: WebhookWorld): Promise<readonly Webhook[]> {
  const hooks = config.webhooks ?? [];
  if (hooks.length === 0) return [];
  const { drivers, events, hints, files, log, shutdown } = world;
  const post = drivers.postHttp;
  if (post === undefined) throw invalid("this node cannot call HTTP servers");
  checkWebhooks(config);
  if (config.webhookSecrets === undefined) await drivers.makeDir(`${config.paths.data}/webhooks`, 0o700);
  const opened: Webhook[] = [];
  for (const hook of hooks) {
    const path = secretPath(config, hook.name);
    const webhook = new Webhook(hook, {
      log: events,
      hints,
      clock: drivers.clock,
      random: drivers.random,
      post,
      secrets: await loadSecrets(path, files, drivers.random),
      told: (level, text) => log(level, "webhook", text),
    });
    shutdown.add(() => webhook.stop());
    await webhook.start();
    log("info", "webhook", `${hook.name}: events after ${webhook.state().position} go to ${shownUrl(hook.url)}`);
    opened.push(webhook);
  }
  return opened;
}

function isHere(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || isLoopback(host);
}

/** The secrets in a file; a missing or empty one gets a new secret. */
async function loadSecrets(
  path: string,
  files: SecretFiles,
  random: WebhookWorld["drivers"]["random"],
): Promise<readonly Uint8Array[]> {
  const found = await files.read(path);
  if (found !== undefined && found.trim() !== "") return parseSecrets(found, path);
  const made = newSecret(random);
  await files.write(path, `${made}\n`);
  return parseSecrets(made, path);
}
