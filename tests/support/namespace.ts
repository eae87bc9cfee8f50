/**
 * A network of a test's own: a Linux network namespace that has a loopback interface and nothing else, on which every IPv4
 * address is this machine. Nodes in it have addresses as on the open network, of as many groups as a test wants,
 * and no packet can leave it. A process namespace around it ends whatever was started inside with the story.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"];
/** Runs in the namespace before the story. Without `exec`: the shell stays the first process, and reaps what is left. */
const SET_UP = 'ip link set lo up && ip route add local 0.0.0.0/0 dev lo && "$@"; exit $?';
const inside = (command: readonly string[]) => [...UNSHARE, "--mount-proc", "sh", "-c", SET_UP, "sh", ...command];

let missing: string | undefined | null = null;

/** Why there can be no network of one's own here, or undefined when there can; says `skipped: REASON`. */
export function namespaceMissing(): string | undefined {
  if (missing !== null) return missing;
  const [program = "", ...args] = inside(["true"]);
  const tried = spawnSync(program, args, { encoding: "utf8", timeout: 10_000 });
  const why = tried.error?.message ?? tried.stderr.trim().split("\n").at(-1);
  missing = tried.status === 0 ? undefined : `no network namespace can be made here: ${why}`;
  if (missing !== undefined) process.stdout.write(`skipped: ${missing}\n`);
  return missing;
}

/**
 * Runs a story, a program of this project, in a network of its own and gives what it told by {@link tell}. Rejects with
 * the end of its output when it fails or takes longer than `timeoutMs`; nothing that it started is left in any case.
 *
 * @param script path of the program, relative to `tests/`
 */
export function story<T>(script: string, args: readonly string[], timeoutMs: number): Promise<T> {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A", "--no-check"] : [process.execPath];
  const [program = "", ...rest] = inside([...runtime, path, ...args]);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Whatever ends the story, and however: its files are in here.
  const folder = mkdtempSync(join(tmpdir(), "gemel-story-"));
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, [MARK]: "1", TMPDIR: folder },
  });
  let [out, all] = ["", ""];
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const end = () => child.kill("SIGKILL");
  process.on("exit", end);
  child.stdout.on("data", (part) => (out += part, all += part));
  child.stderr.on("data", (part) => {
    all += part;
    if (process.env.GEMEL_TEST_VERBOSE === "1") process.stderr.write(part);
  });
  child.on("error", reject);
  child.on("close", (code) => {
    clearTimeout(timer);
    process.off("exit", end);
    rmSync(folder, { recursive: true, force: true });
    const told = out.split("\n").findLast((line) => line.startsWith(TOLD));
    if (code === 0 && told !== undefined) return resolve(JSON.parse(told.slice(TOLD.length)) as T);
    const how = isLate ? `did not end within ${timeoutMs} ms` : `ended with ${code}`;
    reject(new Error(`${script} ${how}:\n${all.slice(-6_000)}`));
  });
  return promise;
}

const MARK = "GEMEL_TEST_NAMESPACE";
const TOLD = "told: ";

/** What a story has found out: {@link story} gives it to the test. */
export function tell(found: unknown): void {
  process.stdout.write(`${TOLD}${JSON.stringify(found)}\n`);
}

/** Throws unless this process is in a network of its own: the addresses of a story are other people's elsewhere. */
export function requireNamespace(): void {
  const interfaces = [...readFileSync("/proc/self/net/dev", "utf8").matchAll(/^ *([^ :]+):/gm)].map(([, name]) => name);
  if (process.env[MARK] === "1" && interfaces.join() === "lo") return;
  throw new Error(`only in a network namespace of its own, not beside ${interfaces.join(", ")}`);
}
