/**
 * A PostgreSQL server of a test's own, from Debian's package: in a folder of its own, on a Unix socket and a free port of
 * loopback, as an ordinary user where the test runs as root (PostgreSQL refuses to be root). It ends with the test's
 * process, however that ends.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "./free-port.ts";

/** Where Debian puts the programs, by version. */
const DEBIAN = "/usr/lib/postgresql";
const USER = "gemel";
/** Of the user, over TCP; the socket asks for none. */
export const POSTGRES_PASSWORD = "correct horse";
const START_TIMEOUT_MS = 30_000;

/** How a server is started. */
export interface PostgresServerOptions {
  /** Flush to disk what is committed, as a real server does; without it a crash of the machine, not of the server, loses it. */
  readonly fsync?: boolean;
  /** Lines of `postgresql.conf`, after those that all tests have. */
  readonly settings?: readonly string[];
}

let missing: string | undefined | null = null;

/** The folder of the programs, of the newest version that is there. */
function programs(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).filter((name) => existsSync(join(DEBIAN, name, "bin/initdb")));
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest && join(DEBIAN, newest, "bin");
}

/** Why there can be no server here, or undefined when there can. Says `skipped: REASON`, once. */
export function postgresMissing(): string | undefined {
  if (missing !== null) return missing;
  missing = undefined;
  if (programs() === undefined) missing = `there is no PostgreSQL in ${DEBIAN} (Debian's package postgresql)`;
  else if (process.getuid?.() === 0 && ordinaryUser() === undefined) missing = "there is no user to run PostgreSQL as";
  if (missing !== undefined) process.stdout.write(`skipped: ${missing}\n`);
  return missing;
}

/** Whom the server runs as when we are root. */
function ordinaryUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (spawnSync("setpriv", ["--version"]).status !== 0) return undefined;
  const lines = readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"));
  const found = ["postgres", "nobody"].flatMap((name) => lines.filter((fields) => fields[0] === name))[0];
  return found && { uid: Number(found[2]), gid: Number(found[3]) };
}

/** What a program is called with so that it runs as an ordinary user. */
function asOrdinary(command: readonly string[]): [string, string[]] {
  const user = process.getuid?.() === 0 ? ordinaryUser() : undefined;
  const before = user === undefined
    ? []
    : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--"];
  const [program, ...args] = [...before, ...command];
  return [program!, args];
}

function run(command: readonly string[], cwd: string): string {
  const [program, args] = asOrdinary(command);
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8", timeout: START_TIMEOUT_MS });
  if (status !== 0) throw new Error(`${command[0]}: ${(stderr || stdout || "no answer").trim()}`);
  return stdout;
}

const running = new Set<PostgresServer>();
process.on("exit", () => {
  for (const server of running) {
    server.kill9();
    rmSync(server.folder, { recursive: true, force: true });
  }
});

/** A running server with an empty database `gemel`. */
export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #programs: string;
  /** The shell that watches over the server: it ends it when our end of its input is closed, as it is when we die. */
  #watcher: ChildProcess | undefined;

  private constructor(folder: string, port: number, bin: string) {
    this.folder = folder;
    this.port = port;
    this.#programs = bin;
  }

  /** Makes and starts one. Ask {@link postgresMissing} first. */
  static async start({ fsync = false, settings = [] }: PostgresServerOptions = {}): Promise<PostgresServer> {
    const bin = programs();
    if (bin === undefined) throw new Error("there is no PostgreSQL");
    const folder = mkdtempSync(join(tmpdir(), "gemel-postgres-"));
    const user = process.getuid?.() === 0 ? ordinaryUser() : undefined;
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const server = new PostgresServer(folder, await freePort(), bin);
    const password = join(folder, "password");
    writeFileSync(password, POSTGRES_PASSWORD);
    chmodSync(password, 0o644);
    run([
      join(bin, "initdb"),
      ...["-D", server.data, "-U", USER, "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"],
      ...["--auth-local=trust", "--auth-host=scram-sha-256", `--pwfile=${password}`],
    ], folder);
    const lines = [
      "listen_addresses = '127.0.0.1'",
      `port = ${server.port}`,
      `unix_socket_directories = '${folder}'`,
      `fsync = ${fsync ? "on" : "off"}`,
      `full_page_writes = ${fsync ? "on" : "off"}`,
      "shared_buffers = 32MB",
      "max_connections = 40",
      "max_wal_senders = 0",
      "wal_level = minimal",
      "autovacuum = off",
      "logging_collector = off",
      ...settings,
    ];
    server.configure(lines);
    running.add(server);
    await server.#run();
    run([join(bin, "createdb"), "-h", folder, "-p", `${server.port}`, "-U", USER, "gemel"], folder);
    return server;
  }

  /** Where its data is. */
  get data(): string {
    return join(this.folder, "data");
  }

  /** Reaches the database by the socket, without a password. */
  get url(): string {
    return `postgres://${USER}@/gemel?host=${encodeURIComponent(this.folder)}&port=${this.port}`;
  }

  /** Reaches it by TCP, where the password is asked for. */
  tcpUrl({ user = USER, password = POSTGRES_PASSWORD, database = "gemel", query = "" } = {}): string {
    const secret = password === "" ? "" : `:${encodeURIComponent(password)}`;
    return `postgres://${user}${secret}@127.0.0.1:${this.port}/${database}${query}`;
  }

  /** Adds lines to the server's settings, which count from its next start on. */
  configure(lines: readonly string[]): void {
    appendFileSync(join(this.data, "postgresql.conf"), `${lines.join("\n")}\n`);
  }

  /** Runs SQL as the owner, in a connection of its own; rows as psql prints them unadorned. */
  sql(text: string, database = "gemel"): string {
    const command = [join(this.#programs, "psql"), "-h", this.folder, "-p", `${this.port}`, "-U", USER];
    return run([...command, "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text], this.folder).trim();
  }

  /** What it wrote to its log. */
  log(): string {
    const path = join(this.folder, "server.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  async #run(): Promise<void> {
    for (const deadline = Date.now() + START_TIMEOUT_MS;;) {
      this.#spawn();
      if (await this.#isUp(deadline)) return;
      // What was killed leaves memory behind that the next one waits for.
      if (Date.now() > deadline) throw new Error(`PostgreSQL does not start: ${this.log().slice(-2_000)}`);
    }
  }

  #spawn(): void {
    const script = '"$1/postgres" -D "$2" >>"$3" 2>&1 </dev/null & server=$!; ' +
      "(cat >/dev/null; kill -QUIT $server) <&3 2>/dev/null & wait $server";
    const command = ["sh", "-c", `exec 3<&0; ${script}`, "sh", this.#programs, this.data, `${this.folder}/server.log`];
    const [program, args] = asOrdinary(command);
    const child = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"], cwd: this.folder });
    child.stdin?.on("error", () => {});
    this.#watcher = child;
    child.unref();
    (child.stdin as unknown as { unref?: () => void })?.unref?.();
  }

  /** Waits until it takes connections; false when it has ended instead. */
  async #isUp(deadline: number): Promise<boolean> {
    const ask = [join(this.#programs, "pg_isready"), "-q", "-h", this.folder, "-p", `${this.port}`, "-d", "postgres"];
    while (Date.now() < deadline) {
      if (this.#watcher?.exitCode !== null) return false;
      if (spawnSync(ask[0]!, ask.slice(1)).status === 0) return true;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  /** Ends it in order ("fast"), so that it can be started again by {@link restart}. */
  async halt(): Promise<void> {
    const pid = this.#pid();
    if (pid !== undefined) process.kill(pid, "SIGINT");
    await this.#ended();
  }

  /** Starts it again, by itself or after {@link halt} or {@link kill9}; it recovers what it has to. */
  async restart(): Promise<void> {
    await this.halt();
    await this.#run();
  }

  /** Ends every process of it with signal 9, as a loss of power to the server alone would. */
  kill9(): void {
    const pid = this.#pid();
    if (pid === undefined) return;
    const children = childrenOf(pid);
    for (const each of [pid, ...children]) {
      try {
        process.kill(each, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.halt();
    running.delete(this);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #ended(): Promise<void> {
    const child = this.#watcher;
    if (child === undefined) return;
    for (let i = 0; child.exitCode === null && child.signalCode === null && i < 500; i++) {
      if (i === 300) this.kill9();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.stdin?.destroy();
  }

  #pid(): number | undefined {
    if (this.#watcher === undefined || this.#watcher.exitCode !== null) return undefined;
    try {
      const pid = Number(readFileSync(join(this.data, "postmaster.pid"), "utf8").split("\n")[0]);
      return Number.isSafeInteger(pid) && pid > 1 && existsSync(`/proc/${pid}`) ? pid : undefined;
    } catch {
      return undefined;
    }
  }
}

/** The processes whose parent one is. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      // Name of the program in parentheses, which may hold anything; then state and parent.
      const after = readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      return Number(after[1]) === parent ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
