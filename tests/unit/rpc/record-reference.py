"""Records what chia-blockchain's simulator answers, for reference.test.ts.

Start one with spends and a reorganisation, then run this file:
    chia-sim up --dir DIR --blocks 60 --txs && chia-sim reorg --back 3 --new 2 --dir DIR
    python record-reference.py DIR RPC_PORT reference-answers.json.gz
"""

import gzip
import http.client
import json
import ssl
import sys

folder, port, out = sys.argv[1:]
context = ssl.create_default_context(cafile=f"{folder}/root/config/ssl/ca/private_ca.crt")
context.check_hostname = False
full_node = f"{folder}/root/config/ssl/full_node/private_full_node"
context.load_cert_chain(f"{full_node}.crt", f"{full_node}.key")


def ask(route, body, method="POST"):
    connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=context)
    connection.request(method, route, body=body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def call(route, **request):
    status, text = ask("/" + route, json.dumps(request))
    return json.loads(text)


peak = call("get_blockchain_state")["blockchain_state"]["peak"]
blocks = call("get_blocks", start=0, end=peak["height"] + 3)["blocks"]
stored = []
for block in blocks:
    header_hash = block.pop("header_hash")
    record = call("get_block_record", header_hash=header_hash)["block_record"]
    main = False
    if record["height"] <= peak["height"]:
        at = call("get_block_record_by_height", height=record["height"])["block_record"]
        main = at["header_hash"] == record["header_hash"]
    stored.append({"record": record, "block": block, "main": main})

height = peak["height"]
first = stored[1]["record"]["header_hash"]
tip = peak["header_hash"]
orphan = next(item["record"] for item in stored if not item["main"])
zero, one = "0x" + "00" * 32, "0x" + "01" * 32
requests = [
    ("get_blockchain_state", "{}"), ("get_network_info", "{}"), ("get_aggsig_additional_data", "{}"),
    ("get_constants", "{}"), ("healthz", "{}"), ("get_connections", "{}"), ("get_log_level", "{}"),
    ("reset_log_level", "{}"), ("set_log_level", "{}"), ("get_connections", '{"node_type":1}'),
    ("get_connections", '{"node_type":99}'), ("get_connections", '{"node_type":"1"}'),
    ("get_connections", '{"node_type":null}'), ("close_connection", '{"node_id":"00"}'), ("close_connection", "{}"),
    ("close_connection", '{"node_id":"zz"}'), ("close_connection", '{"node_id":5}'), ("open_connection", "{}"),
    ("open_connection", '{"host":"127.0.0.1"}'), ("open_connection", '{"host":"127.0.0.1","port":70000}'),
    ("open_connection", '{"host":"127.0.0.1","port":"x"}'), ("nosuch", "{}"),
    ("get_block", "{"), ("get_block", ""), ("get_block", "[]"), ("get_block", "5"), ("get_block", "null"),
    ("get_block", "{}"), ("get_block", json.dumps({"header_hash": tip})), ("get_block", json.dumps({"header_hash": zero})),
    ("get_block", json.dumps({"header_hash": tip[2:].upper()})),
    ("get_block", json.dumps({"header_hash": orphan["header_hash"]})),
    ("get_block_record", "{}"), ("get_block_record", json.dumps({"header_hash": tip})),
    ("get_block_record", json.dumps({"header_hash": orphan["header_hash"]})),
    ("get_block_record", json.dumps({"header_hash": one})),
    *[("get_block_record", json.dumps({"header_hash": text})) for text in
      ("zz", "0x00", 5, None, True, [], "0xab c", "0xa", "0Xaz", "aa41 5c22 0022 0a0d 7f", "27 22", "", "0x")],
    ("get_block_record_by_height", "{}"),
    *[("get_block_record_by_height", json.dumps({"height": value})) for value in
      (0, 1, height, height + 1, 999, -1, "5", "x", " 1_2 ", "1__2", "+3", 1.9, None, True, [1], {}, 99999999999, 2**70)],
    ("get_block_records", "{}"), ("get_block_records", '{"start":0}'), ("get_block_records", '{"start":0,"end":3}'),
    ("get_block_records", json.dumps({"start": height - 1, "end": height + 9})),
    ("get_block_records", '{"start":3,"end":3}'), ("get_block_records", '{"start":-3,"end":1}'),
    ("get_block_records", '{"start":"1","end":2.5}'), ("get_block_records", '{"start":4294967295,"end":4294967297}'),
    ("get_blocks", "{}"), ("get_blocks", '{"start":5}'), ("get_blocks", '{"start":5,"end":4}'),
    ("get_blocks", '{"start":0,"end":2}'), ("get_blocks", '{"start":0,"end":2,"exclude_header_hash":true}'),
    ("get_blocks", json.dumps({"start": orphan["height"], "end": orphan["height"] + 1})),
    ("get_blocks", json.dumps({"start": orphan["height"], "end": orphan["height"] + 1, "exclude_reorged": True})),
    ("get_blocks", json.dumps({"start": height, "end": height + 20, "exclude_reorged": 0})),
    ("get_blocks", '{"start":-3,"end":1}'), ("get_blocks", '{"start":1.9,"end":"x"}'), ("get_blocks", '{"start":0,"end":null}'),
    ("get_blocks", '{"start":4294967295,"end":4294967297}'),
    ("get_network_space", "{}"), ("get_network_space", '{"newer_block_header_hash":"a","older_block_header_hash":"a"}'),
    ("get_network_space", json.dumps({"newer_block_header_hash": tip, "older_block_header_hash": first})),
    ("get_network_space", json.dumps({"newer_block_header_hash": first, "older_block_header_hash": tip})),
    ("get_network_space", json.dumps({"newer_block_header_hash": orphan["header_hash"], "older_block_header_hash": first})),
    ("get_network_space", json.dumps({"newer_block_header_hash": zero, "older_block_header_hash": one})),
    ("get_network_space", json.dumps({"newer_block_header_hash": tip, "older_block_header_hash": one})),
    ("get_network_space", json.dumps({"newer_block_header_hash": tip, "older_block_header_hash": tip[2:]})),
]
exchanges = []
for route, body in requests:
    status, text = ask("/" + route, body)
    try:
        answer = json.loads(text)
        # Paths of the machine that recorded; clients only print it.
        if "traceback" in answer:
            answer["traceback"] = ""
    except json.JSONDecodeError:
        answer = text
    exchanges.append({"route": route, "body": body, "status": status, "answer": answer})
status, text = ask("/get_block", None, "GET")
exchanges.append({"route": "get_block", "body": None, "status": status, "answer": text})

made = {"source": "chia-blockchain 2.7.5, chia-sim, network simulator0", "constants": call("get_constants")["constants"],
        "blocks": stored, "exchanges": exchanges}
with open(out, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
    packed.write(json.dumps(made, sort_keys=True).encode())
print(len(stored), "blocks", len(exchanges), "exchanges")
