"""chiavdf's answers: one JSON list of questions a line in, one JSON list of answers a line out, and the processor's milliseconds."""

import json
import sys
import time

import chiavdf


def answer(question):
    kind = question["ask"]
    if kind == "discriminant":
        return chiavdf.create_discriminant(bytes.fromhex(question["seed"]), question["bits"])
    if kind == "prove":
        seed, form = bytes.fromhex(question["seed"]), bytes.fromhex(question["input"])
        return chiavdf.prove(seed, form, question["bits"], int(question["iterations"]), "").hex()
    if kind == "read":
        try:
            # Reduced; a sign byte, and then the number.
            pair = chiavdf.bqfc_deserialize(question["discriminant"], bytes.fromhex(question["form"]), False)
            return [("-" if part[0] else "") + str(int.from_bytes(part[1:], "big")) for part in pair]
        except Exception:
            return None
    form, proof = bytes.fromhex(question["input"]), bytes.fromhex(question["proof"])
    iterations = int(question["iterations"])
    if kind == "challenge":
        return chiavdf.get_b_from_n_wesolowski(question["discriminant"], form, proof, iterations, 0)
    if len(form) != 100:
        return False
    try:
        # As chia-blockchain's validate_vdf: what it raises is a wrong proof.
        return chiavdf.verify_n_wesolowski(
            question["discriminant"], form, proof, iterations, question["bits"], question["witnessType"]
        )
    except Exception:
        return False


for line in sys.stdin:
    questions = json.loads(line)
    began = time.process_time()
    answers = [answer(question) for question in questions]
    print(json.dumps({"answers": answers, "ms": (time.process_time() - began) * 1000}), flush=True)
