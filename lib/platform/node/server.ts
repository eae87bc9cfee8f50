/**
 * Databases on a server, whose client is loaded when one is asked for: most nodes have none.
 *
 * @module
 */
import type { ServerDatabase } from "../../core/ports.ts";

/** See `Platform.openServer`. */
export async function openServer(
  { url, passwordFile }: { readonly url: string; readonly passwordFile?: string },
  part: string,
  options: { readonly readOnly?: boolean; readonly abandonedMs?: number } = {},
): Promise<ServerDatabase> {
  const { openPostgres } = await import("./postgres.ts");
  return await openPostgres(url, { ...options, part, ...(passwordFile !== undefined && { passwordFile }) });
}
