"""Introducers by chia-blockchain's own code, run by the Python that has it. ROOT is a folder with its configuration.

    chia_introducer.py serve ROOT PORT HOST:PORT...   its introducer, until standard input ends; prints `ready`
    chia_introducer.py ask   ROOT PORT                asks as a full node, without an id; prints the peers as JSON

Served peers count as vetted: what vets them waits a minute and dials them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp
from chia.introducer.start_introducer import create_introducer_service
from chia.protocols.introducer_protocol import RequestPeersIntroducer, RespondPeersIntroducer
from chia.protocols.outbound_message import Message, NodeType, make_msg
from chia.protocols.protocol_message_types import ProtocolMessageTypes
from chia.protocols.shared_protocol import Handshake, default_capabilities, protocol_version
from chia.server.introducer_peers import VettedPeer
from chia.server.signal_handlers import SignalHandlers
from chia.server.ssl_context import chia_ssl_ca_paths, public_ssl_paths
from chia.server.server import ssl_context_for_client
from chia.util.config import load_config
from chia_rs.sized_ints import uint8, uint16


async def serve(root: Path, port: int, peers: list[str]) -> None:
    config = load_config(root, "config.yaml")
    own = {**load_config(root, "config.yaml", "introducer"), "port": port, "dns_servers": []}
    config["introducer"] = own
    config["self_hostname"] = "127.0.0.1"
    service = create_introducer_service(root, config, connect_to_daemon=False)
    async with SignalHandlers.manage() as handlers:
        await service.setup_process_global_state(signal_handlers=handlers)
        async with service.manage():
            known = service._server.introducer_peers
            for peer in peers:
                host, _, number = peer.rpartition(":")
                known._peers.add(VettedPeer(host, int(number), vetted=1, time_added=int(time.time())))
            print("ready", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def ask(root: Path, port: int) -> None:
    config = load_config(root, "config.yaml")
    context = ssl_context_for_client(
        *chia_ssl_ca_paths(root, config), *public_ssl_paths(root, load_config(root, "config.yaml", "full_node"))
    )
    kind = NodeType.FULL_NODE
    own = Handshake("simulator0", protocol_version[kind], "2.7.5", uint16(0), uint8(kind), default_capabilities[kind])
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"wss://127.0.0.1:{port}/ws", ssl=context) as socket:
            await socket.send_bytes(bytes(make_msg(ProtocolMessageTypes.handshake, own)))
            theirs = Handshake.from_bytes(Message.from_bytes(await socket.receive_bytes()).data)
            question = make_msg(ProtocolMessageTypes.request_peers_introducer, RequestPeersIntroducer())
            await socket.send_bytes(bytes(question))
            answer = Message.from_bytes(await socket.receive_bytes())
            assert answer.type == ProtocolMessageTypes.respond_peers_introducer.value, answer
            peers = RespondPeersIntroducer.from_bytes(answer.data).peer_list
            told = [f"{peer.host}:{peer.port} {peer.timestamp}" for peer in peers]
            print(json.dumps({"type": int(theirs.node_type), "peers": told}))


command, root, port, *peers = sys.argv[1:]
asyncio.run(serve(Path(root), int(port), peers) if command == "serve" else ask(Path(root), int(port)))
