"""chia_rs's verdicts: for each line `SEED COUNT` that comes in, one JSON list of so many cases goes out."""

import hashlib
import json
import random
import sys

from chia_rs import AugSchemeMPL, G1Element, G2Element

P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
SIZES = {48: G1Element, 96: G2Element}
SECRETS = [AugSchemeMPL.key_gen(hashlib.sha256(b"key %d" % i).digest()) for i in range(60)]
KEYS = [bytes(secret.get_g1()) for secret in SECRETS]


def valid(point):
    try:
        SIZES[len(point)].from_bytes(point)
        return True
    except Exception:
        return False


def verdict(keys, messages, signature):
    try:
        points = [G1Element.from_bytes(key) for key in keys]
        return AugSchemeMPL.aggregate_verify(points, messages, G2Element.from_bytes(signature))
    except Exception:
        return False


def some_point(rng, size):
    """Bytes that may be a point of the curve, hardly ever of the group; numbers at the edges among them."""
    edges = [0, 1, 2, 3, 4, 5, 7, 8, P - 1, P, P + 1, (P - 1) // 2, (1 << 381) - 1]
    numbers = [rng.choice(edges) if rng.random() < 0.3 else rng.getrandbits(381) % P for _ in range(size // 48)]
    point = bytearray(b"".join(number.to_bytes(48, "big") for number in numbers))
    point[0] = point[0] & 0x1F | rng.choice([0x80, 0xA0, 0xC0, 0xE0, 0x00, 0x80, 0xA0, 0x80, 0xA0])
    return bytes(point)


def flip(rng, data):
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def signed(rng):
    count = rng.choice([1, 1, 1, 2, 3, 4, 6]) if rng.random() < 0.98 else rng.choice([0, 47, 48, 49, 55])
    distinct = rng.choice([count, count, max(1, count // 2), 1])
    chosen = [rng.randrange(len(KEYS)) for _ in range(max(1, distinct))]
    pairs = [(chosen[i % len(chosen)], rng.randbytes(rng.randrange(80))) for i in range(count)]
    parts = [AugSchemeMPL.sign(SECRETS[key], message) for key, message in pairs]
    return [KEYS[key] for key, _ in pairs], [message for _, message in pairs], bytes(AugSchemeMPL.aggregate(parts))


def mutate(rng, keys, messages, signature):
    at = rng.randrange(len(keys)) if keys else 0
    kind = rng.choice(["bit of signature", "bit of key", "bit of message", "point as key", "point as signature",
                       "infinite key", "infinite signature", "negative signature", "one less", "twice", "swapped", "other key"])
    if kind == "bit of signature":
        return kind, keys, messages, flip(rng, signature)
    if kind == "point as signature":
        return kind, keys, messages, some_point(rng, 96)
    if kind == "infinite signature":
        return kind, keys, messages, bytes(G2Element())
    if kind == "negative signature":
        return kind, keys, messages, bytes([signature[0] ^ 0x20]) + signature[1:]
    if not keys:
        return kind, keys, messages, signature
    keys, messages = list(keys), list(messages)
    if kind == "bit of key":
        keys[at] = flip(rng, keys[at])
    elif kind == "bit of message":
        messages[at] = flip(rng, messages[at]) if messages[at] else b"\0"
    elif kind == "point as key":
        keys[at] = some_point(rng, 48)
    elif kind == "infinite key":
        keys[at] = bytes(G1Element())
    elif kind == "one less":
        del keys[at], messages[at]
    elif kind == "twice":
        keys.append(keys[at])
        messages.append(messages[at])
    elif kind == "swapped":
        other = rng.randrange(len(keys))
        messages[at], messages[other] = messages[other], messages[at]
    else:
        keys[at] = rng.choice(KEYS)
    return kind, keys, messages, signature


def case(rng):
    if rng.random() < 0.1:
        point = some_point(rng, rng.choice([48, 96]))
        return {"kind": "point", "point": point.hex(), "valid": valid(point)}
    keys, messages, signature = signed(rng)
    kind = "good"
    if rng.random() < 0.6:
        kind, keys, messages, signature = mutate(rng, keys, messages, signature)
    return {
        "kind": kind,
        "keys": [key.hex() for key in keys],
        "messages": [message.hex() for message in messages],
        "signature": signature.hex(),
        "valid": verdict(keys, messages, signature),
    }


for line in sys.stdin:
    seed, count = map(int, line.split())
    rng = random.Random(seed)
    print(json.dumps([case(rng) for _ in range(count)]), flush=True)
