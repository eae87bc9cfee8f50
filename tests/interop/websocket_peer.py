"""The other side of tests/interop/websocket.test.ts: aiohttp, which chia-blockchain uses, as server and as client."""

import asyncio
import json
import os
import sys

import aiohttp
from aiohttp import web

LIMIT = 50 * 1024 * 1024


async def serve() -> None:
    ended = asyncio.Event()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=LIMIT, autoping=False, compress=True)
        await socket.prepare(request)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type == aiohttp.WSMsgType.PONG:
                await socket.send_str(f"pong {message.data.decode()}")
            elif message.data == "ping":
                await socket.ping(b"from aiohttp")
            elif message.data == "close":
                await socket.close(code=4001, message=b"told to")
            elif message.type == aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        print(f"closed {socket.close_code}", flush=True)
        ended.set()
        return socket

    app = web.Application()
    app.add_routes([web.get("/ws", handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"port {site._server.sockets[0].getsockname()[1]}", flush=True)
    await ended.wait()
    await runner.cleanup()


async def connect(port: int) -> None:
    result = {}
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/ws"
        async with session.ws_connect(url, max_msg_size=LIMIT, compress=15, autoping=False) as socket:
            result["compress"] = socket.compress
            await socket.send_str("hello ☂")
            result["text"] = await socket.receive_str()
            big = os.urandom(5_000_000)
            await socket.send_bytes(big)
            result["big"] = await socket.receive_bytes() == big
            await socket.ping(b"anyone?")
            message = await socket.receive()
            result["pong"] = message.type == aiohttp.WSMsgType.PONG and message.data == b"anyone?"
            await socket.close(code=4002, message=b"bye")
            result["closeCode"] = socket.close_code
    print(json.dumps(result), flush=True)


asyncio.run(serve() if sys.argv[1] == "server" else connect(int(sys.argv[2])))
