/**
 * The other side of websocket.test.ts: the `ws` package under Node, as server and as client.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { WebSocket, WebSocketServer } from "ws";

const say = (line) => void process.stdout.write(`${line}\n`);
const [role, port] = process.argv.slice(2);

if (role === "server") {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/ws", perMessageDeflate: true });
  await once(server, "listening");
  say(`port ${server.address().port}`);
  server.on("connection", (socket) => {
    socket.on("pong", (data) => socket.send(`pong ${data}`));
    socket.on("message", (data, isBinary) => {
      const text = isBinary ? "" : String(data);
      if (text === "ping") socket.ping("from ws");
      else if (text === "close") socket.close(4001, "told to");
      else if (text === "fragments") {
        socket.send("one ", { fin: false });
        socket.ping("between");
        socket.send("two ", { fin: false });
        socket.send("three", { fin: true });
      } else socket.send(data, { binary: isBinary });
    });
    socket.on("close", (code) => {
      say(`closed ${code}`);
      server.close();
    });
  });
} else {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: true });
  await once(socket, "open");
  const next = async () => (await once(socket, "message"))[0];
  const result = { compress: socket.extensions };
  socket.send("hello ☂");
  result.text = String(await next());
  const big = randomBytes(5_000_000);
  socket.send(big);
  result.big = big.equals(await next());
  socket.send("one ", { fin: false });
  socket.ping("anyone?");
  socket.send("two ", { fin: false });
  socket.send("three", { fin: true });
  const [[pong], [joined]] = await Promise.all([once(socket, "pong"), once(socket, "message")]);
  result.pong = String(pong) === "anyone?";
  result.joined = String(joined);
  socket.close(4002, "bye");
  result.closeCode = (await once(socket, "close"))[0];
  say(JSON.stringify(result));
}
