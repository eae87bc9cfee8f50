/**
 * Looks into what a configuration names, without starting anything.
 *
 * @module
 */
import { asMapOf } from "./compose/bitcoin.ts";
import { networkByName } from "./bitcoin/networks/mod.ts";
import { readCorePeersDat } from "./bitcoin/addresses/peers-dat.ts";
import { networkOf } from "./compose/chia.ts";
import { readChiaPeersDat } from "./chia/addresses/peers-dat.ts";
import type { NodeConfig } from "./config.ts";
import type { Platform } from "./platform/platform.ts";
import { parseRpcAuth } from "./rpc/mod.ts";
import { importedBook } from "./compose/chain.ts";
import { namedFileFault } from "./compose/named-file.ts";
import { checkWebhooks, secretPath } from "./compose/webhooks.ts";
import { parseSecrets } from "./webhooks/signature.ts";
import { NodeError } from "./core/errors.ts";
import { fileTrouble } from "./core/file-trouble.ts";

/**
 * Reads every file and every line that the node would read at its start: `rpcauth`, secrets of webhooks, consensus constants, the map of
 * operators, address books of other nodes. The cookie's file is written only: it must be no folder.
 *
 * @throws NodeError with the code and the text of the start: `CONFIG_INVALID`, `CONSTANTS_INVALID`, `ASMAP_INVALID`,
 * `PEERS_FILE_INVALID`, `COOKIE_UNWRITABLE`, `WEBHOOK_SECRET_INVALID`
 */
export async function checkConfigWith(config: NodeConfig, files: Pick<Platform, "readFile">): Promise<void> {
  config.rpc?.rpcauth.forEach(parseRpcAuth);
  if (config.rpc?.cookieFile !== undefined) await checkCookieFile(config.rpc.cookieFile, files);
  checkWebhooks(config);
  for (const { name } of config.webhooks ?? []) {
    const path = secretPath(config, name);
    const text = new TextDecoder().decode(await files.readFile(path));
    // One that is not there will be made.
    if (text.trim() !== "") parseSecrets(text, path);
  }
  for (const chain of config.chains) {
    if (chain.chain === "chia") {
      networkOf(chain);
      await importedBook(chain.importPeers, files, readChiaPeersDat);
      continue;
    }
    await asMapOf(files, chain);
    const magic = networkByName(chain.network)?.magic;
    if (magic !== undefined) await importedBook(chain.importPeers, files, (bytes) => readCorePeersDat(bytes, magic));
  }
}

async function checkCookieFile(path: string, { readFile }: Pick<Platform, "readFile">): Promise<void> {
  try {
    await readFile(path);
  } catch (cause) {
    // One that may not be read may still be replaced.
    if (!(cause instanceof NodeError) || cause.data.systemCode !== "EISDIR") return;
    throw namedFileFault({ setting: "cookie-file", path, code: "COOKIE_UNWRITABLE" }, fileTrouble(cause), cause);
  }
}
