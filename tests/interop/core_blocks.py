"""Core's own validation engine judges blocks, one after the other, on a chain of its own.

Usage: core_blocks.py FOLDER. Blocks in hexadecimal on stdin, one a line. For each a line: the engine's name for the kind
of refusal (VALID when there is none), the reason in full, and the hash of the tip, with tabs between them. At the end of the input:
how many coins there are, and the SHA-256 of their lines "key coin" in hexadecimal, in the order of the keys.
"""

import gc
import hashlib
import os
import sys

import pbk
import plyvel

CHECKED = "BlockChecked: block hash="
folder = sys.argv[1]
found = {}


def log(message):
    """What the engine says of a block is in its log only."""
    at = message.find(CHECKED)
    if at >= 0:
        name, _, state = message[at + len(CHECKED) :].rstrip().partition(" state=")
        found[name] = state


def checked(user_data, block, state):
    found["kind"] = state.block_validation_result.name


connection = pbk.LoggingConnection(log)
pbk.set_log_level_category(pbk.LogCategory.ALL, pbk.LogLevel.DEBUG)
pbk.enable_log_category(pbk.LogCategory.VALIDATION)
context = pbk.make_context(pbk.ChainType.REGTEST, pbk.ValidationInterfaceCallbacks(block_checked=checked))
options = pbk.ChainstateManagerOptions(context, folder, os.path.join(folder, "blocks"))
# Of several scripts that fail the first is named then.
options.set_worker_threads_num(0)
chainman = pbk.ChainstateManager(options)

for line in sys.stdin:
    found.clear()
    try:
        block = pbk.Block(bytes.fromhex(line.strip()))
    except Exception:
        verdict = ("UNDECODABLE", "")
    else:
        try:
            chainman.process_block(block)
        except pbk.ProcessBlockException:
            pass
        state = found.get(str(block.block_hash), "")
        verdict = ("VALID", "") if state == "Valid" else (found.get("kind", "UNSET"), state)
    tip = chainman.get_active_chain().block_tree_entries[-1].block_hash
    print(*verdict, tip, sep="\t", flush=True)

# The database is closed with its owner.
del chainman, options
gc.collect()
path = next(os.path.join(root, "chainstate") for root, folders, _ in os.walk(folder) if "chainstate" in folders)
database = plyvel.DB(path)
mask = database.get(b"\x0e\x00obfuscate_key")[1:]
lines = []
for key, value in database:
    if key[:1] == b"C":
        lines.append(key[1:].hex() + " " + bytes(byte ^ mask[i % len(mask)] for i, byte in enumerate(value)).hex() + "\n")
print(len(lines), hashlib.sha256("".join(lines).encode()).hexdigest(), flush=True)
