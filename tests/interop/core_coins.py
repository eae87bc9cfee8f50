"""Core's own validation engine takes blocks in; then its coins are read from its database, as they are there.

Usage: core_coins.py FOLDER, blocks in hexadecimal on stdin, one a line. Prints the height of the chain, then key and
coin in hexadecimal, one coin a line, in the order of the keys.
"""

import gc
import os
import sys

import pbk
import plyvel

folder = sys.argv[1]
chainman = pbk.load_chainman(folder, pbk.ChainType.REGTEST)
for line in sys.stdin:
    chainman.process_block(pbk.Block(bytes.fromhex(line.strip())))
print(chainman.get_active_chain().height)
# The database is closed with its owner.
del chainman
gc.collect()
path = next(os.path.join(root, "chainstate") for root, folders, _ in os.walk(folder) if "chainstate" in folders)
database = plyvel.DB(path)
mask = database.get(b"\x0e\x00obfuscate_key")[1:]
for key, value in database:
    if key[:1] == b"C":
        print(key[1:].hex(), bytes(byte ^ mask[i % len(mask)] for i, byte in enumerate(value)).hex())
