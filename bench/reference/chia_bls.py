"""chia_rs beside bench/bls12-381.ts: tells the signatures that it made, and answers each question with milliseconds of a verification."""
import hashlib
import json
import sys
import time

from chia_rs import AugSchemeMPL, G1Element, G2Element

SIZES = [1, 10, 100, 500]
FEW_KEYS = 20
COUNT = max(SIZES)

secrets = [AugSchemeMPL.key_gen(hashlib.sha256(b"bench %d" % i).digest()) for i in range(COUNT)]
keys = [bytes(secret.get_g1()) for secret in secrets]
messages = [b"".join(hashlib.sha256(b"message %d %d" % (i, part)).digest() for part in range(2)) for i in range(COUNT)]


def case(count, distinct):
    pairs = [(i % distinct, i) for i in range(count)]
    signature = AugSchemeMPL.aggregate([AugSchemeMPL.sign(secrets[k], messages[m]) for k, m in pairs])
    return [keys[k] for k, _ in pairs], [messages[m] for _, m in pairs], bytes(signature)


cases = {f"{count}": case(count, count) for count in SIZES}
cases[f"{COUNT} by {FEW_KEYS}"] = case(COUNT, FEW_KEYS)
recorded = {
    name: {"keys": [key.hex() for key in ks], "messages": [m.hex() for m in ms], "signature": signature.hex()}
    for name, (ks, ms, signature) in cases.items()
}

for line in sys.stdin:
    if line == "cases\n":
        print(json.dumps(recorded), flush=True)
        continue
    name, repeats = line.rstrip("\n").split("\t")
    ks, ms, signature = cases[name]
    began = time.perf_counter()
    for _ in range(int(repeats)):
        points = [G1Element.from_bytes(key) for key in ks]
        assert AugSchemeMPL.aggregate_verify(points, ms, G2Element.from_bytes(signature))
    print((time.perf_counter() - began) * 1000 / int(repeats), flush=True)
