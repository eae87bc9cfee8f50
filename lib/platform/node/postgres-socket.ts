/**
 * The way to a PostgreSQL server: a Unix socket or TCP, and TLS over it as `sslmode` wants it.
 *
 * @module
 */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { requireTlsChecks } from "./certificates.ts";
import { away, postgresError } from "./postgres-errors.ts";
import type { PostgresTarget } from "./postgres-target.ts";

/** Asks for TLS: length 8, then the number that PostgreSQL has for it. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const YES = 0x53;
const NO = 0x4e;
const KEEP_ALIVE_MS = 30_000;

/**
 * Opens one. Rejects with `DATABASE_AWAY`, or `DATABASE_TLS` where the server has no TLS or a certificate that is not
 * trusted; what is left of it is ended then.
 */
export async function openPostgresSocket(target: PostgresTarget, timeoutMs: number): Promise<Socket> {
  const { host, port } = target;
  const isLocal = host.startsWith("/");
  const socket = isLocal ? connect(`${host}/.s.PGSQL.${port}`) : connect({ host, port });
  const timer = setTimeout(() => socket.destroy(away(target, `no answer in ${timeoutMs} ms`)), timeoutMs);
  try {
    await once(socket, "connect", target);
    if (isLocal || target.sslMode === "disable") return socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.write(SSL_REQUEST);
    const answer = await once(socket, "data", target) as Uint8Array;
    // More than one byte in the clear would be somebody's who wants it to pass for what comes encrypted.
    if (answer.length !== 1 || (answer[0] !== YES && answer[0] !== NO)) {
      throw noTls(target, "it answers something else");
    }
    if (answer[0] === YES) return await encrypted(socket, target, timer);
    if (target.sslMode === "prefer") return socket;
    throw noTls(target, "the server has it switched off");
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
}

const noTls = (target: PostgresTarget, why: string) =>
  postgresError(
    ["DATABASE_TLS", "self", `cannot be spoken to with sslmode=${target.sslMode}; see the server's ssl settings`],
    target,
    why,
  );

/** TLS over the connection. Who has to be trusted is checked from `verify-ca` on, the name with `verify-full` only. */
async function encrypted(
  socket: Socket,
  target: PostgresTarget,
  timer: ReturnType<typeof setTimeout>,
): Promise<Socket> {
  const { host, sslMode, authorities } = target;
  // With a CA at hand "require" checks it, as libpq has it.
  const isChecked = sslMode.startsWith("verify") || (sslMode === "require" && authorities !== undefined);
  if (isChecked) requireTlsChecks();
  const secure = connectTls({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(authorities !== undefined && { ca: authorities }),
    rejectUnauthorized: isChecked,
    ...(sslMode !== "verify-full" && { checkServerIdentity: () => undefined }),
  });
  try {
    await once(secure, "secureConnect", target);
    return secure;
  } catch (thrown) {
    secure.destroy();
    const isCertificate = isChecked && /cert|issuer|altname|self.signed|verif/i.test(String(thrown));
    if (!isCertificate) throw thrown;
    const advice = "shows a certificate that is not trusted; name its CA by sslrootcert, or see its host name";
    throw postgresError(
      ["DATABASE_TLS", "self", advice],
      target,
      (thrown as Error).message.replace(/^.*\((.*)\)$/, "$1"),
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for one event; rejects with `DATABASE_AWAY` when the socket fails or ends first. */
function once(socket: Socket, event: string, target: PostgresTarget): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (take: () => void) => {
      socket.off(event, happened).off("error", failed).off("close", closed);
      take();
    };
    const happened = (value: unknown) => settle(() => resolve(value));
    const failed = (error: Error) => settle(() => reject("fault" in error ? error : away(target, error.message)));
    // Bun closes before it says what was wrong with a certificate.
    const closed = () => void setImmediate(() => settle(() => reject(away(target, "the connection was closed"))));
    socket.on(event, happened).on("error", failed).on("close", closed);
  });
}
