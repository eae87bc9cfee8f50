/**
 * Our WebSockets against other people's, both ways, over loopback: aiohttp (what chia-blockchain speaks through) and
 * the `ws` package under Node.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { clock, dialer, listen, random } from "#platform";
import type { PeerSocket } from "../../lib/core/ports.ts";
import { acceptWebSocket, connectWebSocket } from "../../lib/transport/websocket/mod.ts";
import { chiaPython } from "../support/chia-python.ts";

const here = import.meta.dirname!;
const python = chiaPython() ?? "python3";

const works = (command: string, args: readonly string[]) => {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const peers = [
  {
    name: "aiohttp",
    command: python,
    script: path.join(here, "websocket_peer.py"),
    fragments: false,
    // aiohttp answers every close with 1000.
    answersClose: 1000,
    skip: works(python, ["-c", "import aiohttp"]) ? false : "no Python with aiohttp (set GEMEL_CHIA_VENV)",
  },
  {
    name: "ws",
    command: "node",
    script: path.join(here, "websocket-peer.mjs"),
    fragments: true,
    answersClose: 3333,
    skip: works("node", ["--version"]) ? false : "no node on the path",
  },
];

const options = { clock, random, path: "/ws", messageBytesMax: 50 * 1024 * 1024 };

/** The lines that a child prints, one a call, and its end. */
function run(command: string, args: readonly string[]) {
  const child: ChildProcess = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    line: async () => String((await lines.next()).value),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

async function echo(socket: PeerSocket): Promise<void> {
  const { readable, writable } = await socket.opened;
  const writer = writable.getWriter();
  for await (const message of readable) await writer.write(message);
}

for (const { name, command, script, fragments, answersClose, skip } of peers) {
  describe(`WebSockets of ours and of ${name}`, () => {
    test(`our client talks to ${name}'s server`, { skip }, async () => {
      await using peer = run(command, [script, "server"]);
      const port = Number((await peer.line()).replace("port ", ""));
      const duplex = await dialer.dial({ host: "127.0.0.1", port });
      const socket = connectWebSocket(duplex, options);
      const { readable, writable } = await socket.opened;
      const writer = writable.getWriter();
      const reader = readable.getReader();
      const ask = async (message: string | Uint8Array) => {
        void writer.write(message);
        return (await reader.read()).value;
      };
      assert.equal(await ask("hello ☂"), "hello ☂");
      const big = random.bytes(5_000_000);
      assert.deepEqual(await ask(big), big);
      assert.equal(await ask("ping"), `pong from ${name}`);
      if (fragments) assert.equal(await ask("fragments"), "one two three");
      if (fragments) assert.equal((await reader.read()).value, "pong between");
      assert.equal(await ask("close"), undefined);
      assert.deepEqual(await socket.closed, { closeCode: 4001, reason: "told to" });
      assert.equal(await peer.line(), "closed 4001");
    });

    test(`our client closes, and ${name}'s server sees the code`, { skip }, async () => {
      await using peer = run(command, [script, "server"]);
      const port = Number((await peer.line()).replace("port ", ""));
      const socket = connectWebSocket(await dialer.dial({ host: "127.0.0.1", port }), options);
      await socket.opened;
      socket.close({ closeCode: 3_333, reason: "enough" });
      assert.equal((await socket.closed).closeCode, answersClose);
      assert.equal(await peer.line(), "closed 3333");
    });

    test(`${name}'s client talks to our server`, { skip }, async () => {
      const sockets: PeerSocket[] = [];
      const echoes: Promise<void>[] = [];
      const listener = await listen({
        host: "127.0.0.1",
        port: 0,
        onConnection: (duplex) => {
          const socket = acceptWebSocket(duplex, options);
          sockets.push(socket);
          echoes.push(echo(socket));
        },
      });
      await using peer = run(command, [script, "client", String(listener.address.port)]);
      const result = JSON.parse(await peer.line());
      assert.deepEqual(result, {
        compress: fragments ? "" : 0,
        text: "hello ☂",
        big: true,
        pong: true,
        ...(fragments ? { joined: "one two three" } : {}),
        closeCode: 4002,
      });
      assert.deepEqual(await sockets[0]!.closed, { closeCode: 4002, reason: "bye" });
      await Promise.all(echoes);
      await listener.close();
    });
  });
}
