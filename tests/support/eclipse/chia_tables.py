"""Fills chia-blockchain's own AddressManager with what it reads from standard input, and prints its tables.

In: {"key": hex, "now": unix seconds, "penalty": seconds, "steps": [["learn", host, port, time, source] or ["good", host, port, test]]}
Out: {"slots": [[table, slot, host, last_try, attempts, timestamp]], "seconds": {"learn": ..., "good": ..., "select": ...}}
With "select": n in the input, n draws are timed too.
"""
import json
import sys
import time

from chia.server import address_manager as am
from chia.types.peer_info import PeerInfo, TimestampedPeerInfo

given = json.load(sys.stdin)
clock = time.perf_counter
# The trace has its own time, or its addresses would be from another year.
time.time = lambda: given["now"]

manager = am.AddressManager()
manager.key = int(given["key"], 16)
seconds = {"learn": 0.0, "good": 0.0, "select": 0.0}
for step in given["steps"]:
    if step[0] == "learn":
        _, host, port, timestamp, source = step
        address = TimestampedPeerInfo(host, port, timestamp)
        began = clock()
        manager.add_to_new_table_(address, PeerInfo(source, port), given.get("penalty", 0))
    else:
        _, host, port, test = step
        address = PeerInfo(host, port)
        began = clock()
        manager.mark_good_(address, test, given["now"])
    seconds[step[0]] += clock() - began

began = clock()
for _ in range(given.get("select", 0)):
    manager.select_peer_(False)
seconds["select"] = clock() - began

slots = []
for name, matrix in (("new", manager.new_matrix), ("tried", manager.tried_matrix)):
    for bucket, row in enumerate(matrix):
        for position, node_id in enumerate(row):
            if node_id != -1:
                info = manager.map_info[node_id]
                slot = bucket * am.BUCKET_SIZE + position
                slots.append([name, slot, info.peer_info.host, info.last_try, info.num_attempts, info.timestamp])
json.dump({"slots": slots, "seconds": seconds}, sys.stdout)
