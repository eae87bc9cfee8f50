/**
 * `gemel certs`: the node's certificates and those of its RPC.
 *
 * @module
 */
import { loadNodeIdentity, loadRpcIdentity } from "../mod.ts";
import { randomBytes, randomInt, X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { loadSettings } from "./context.ts";
import { rpcPlaces } from "./config-build.ts";
import { resolvePaths } from "./paths.ts";
import type { CliIo } from "./io.ts";
import { table } from "./table.ts";

/** Where the certificates are, and by which names the settings have RPC called. */
async function placesOf(command: Command, io: CliIo): Promise<{ folder: string; hosts(): readonly string[] }> {
  const { settings } = await loadSettings(command, io);
  const dataDir = settings.get("data-dir")?.value;
  const hosts = () => {
    const { listen, allowedHosts } = rpcPlaces(settings);
    return [listen.host, ...allowedHosts];
  };
  const { ssl } = resolvePaths(dataDir === undefined ? undefined : String(dataDir), io);
  return { folder: ssl, hosts };
}

/** Certificates in a folder, with what one wants to know of each. */
async function certificatesIn(folder: string) {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".crt")).sort();
  return await Promise.all(names.map(async (name) => {
    const certificate = new X509Certificate(await readFile(join(folder, name)));
    return {
      file: join(folder, name),
      subject: certificate.subject.replaceAll("\n", ", "),
      until: new Date(certificate.validTo).toISOString().slice(0, 10),
      sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    };
  }));
}

/** Adds the command. */
export function addCerts(program: Command, io: CliIo): void {
  const certs = program.command("certs").description("make and show certificates");
  const show = async (folder: string, json: boolean) => {
    const found = await certificatesIn(folder);
    if (json) return io.out(JSON.stringify({ folder, certificates: found }) + "\n");
    if (found.length === 0) return io.err(`no certificates in ${folder}; gemel certs init makes them\n`);
    io.out(table(["FILE", "SUBJECT", "UNTIL", "SHA-256"], found.map((c) => [c.file, c.subject, c.until, c.sha256])));
  };

  certs.command("show", { isDefault: true })
    .description("the certificates there are; the node id is the SHA-256 of node.crt")
    .addHelpText("after", "\nExample:\n  $ gemel certs show --data-dir ./data")
    .action(async (_options: unknown, command: Command) => {
      await show((await placesOf(command, io)).folder, command.optsWithGlobals().json === true);
    });

  certs.command("init")
    .description("make those that are missing; gemel run does so too")
    .addHelpText("after", "\nExample:\n  $ gemel certs init --data-dir ./data")
    .action(async (_options: unknown, command: Command) => {
      const { folder, hosts } = await placesOf(command, io);
      const parts = { folder, files: identityFiles, clock, random };
      await loadNodeIdentity(parts);
      await loadRpcIdentity(parts, hosts());
      await show(folder, command.optsWithGlobals().json === true);
    });
}

const identityFiles = {
  readFile: async (path: string) => {
    try {
      return new Uint8Array(await readFile(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  writeFileAtomic: async (path: string, bytes: Uint8Array, mode: number) => {
    await writeFile(`${path}.new`, bytes, { mode });
    await chmod(`${path}.new`, mode);
    await rename(`${path}.new`, path);
  },
  makeDir: async (path: string, mode: number) => void await mkdir(path, { recursive: true, mode }),
};

const random = {
  bytes: (length: number) => new Uint8Array(randomBytes(length)),
  below: (bound: number) => randomInt(bound),
};

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms)),
  after: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
