import { PostgresServer } from "./support/postgres-server.ts";
const server = await PostgresServer.start({ fsync: true });
console.log(server.url);
console.log(server.tcpUrl());
await new Promise((r) => setTimeout(r, 900_000));
