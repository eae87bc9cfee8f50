#!/usr/bin/env python3
"""Real Bitcoin peers (btcd, or a bitcoind that is there) on loopback, for the interop tests; see btcd.ts.

Only Python's standard library is used; keys, scripts, sighashes and signatures are made here, and the node is
the judge of them. Every command prints one line of JSON on stdout; progress goes to stderr; exit 0 is success.

  setup     install btcd if it is absent
  up        --dir D [--impl btcd|core] [--network regtest|simnet] [--port P] [--rpc-port R] [--blocks N] [--v2]
            install the node if it is absent, start it on 127.0.0.1, mine N blocks (112 or more give spendable coins)
  status    --dir D             pids, ports, RPC user/password/certificate, best hash, height, peers, mempool
  generate  K                   mine K blocks
  tx        K [--mine] [--kinds p2pkh,p2wpkh,...] [--outputs n]
            K signed transactions into the mempool. Kinds, in turn: p2pkh p2wpkh p2sh (2-of-3) p2sh-p2wpkh
            p2wsh (2-of-3) p2tr (key path) p2tr-script (script path). May first mine a block with a fan-out.
  fill      B T                 B blocks of T transactions each
  reorg     DEPTH               a branch of DEPTH+1 new blocks over the one DEPTH below the tip, by submitblock
  second-node [--impl btcd|core] [--port P] [--rpc-port R] [--v2]   another node, dialling the first
  partition | heal              cut | restore the link of node 2 (and later ones) to node 1
  rpc       METHOD [ARG ...]    one JSON-RPC call; each ARG is JSON, or else a string
  down      [--wipe]            stop every node of D (--wipe: remove D)

Common: --dir D (or $GEMEL_BTCD_DIR); --on N acts on node N (default 1). For `up` and `second-node` also:
  --version V     btcd's module version (default below)
  --bin PATH      use this btcd/bitcoind, install nothing
  --cache C       where built nodes are kept (default $XDG_CACHE_HOME or ~/.cache, then /gemel-btcd)
  --extra=ARG     passed on to the node, may be repeated; --no-tls: btcd's RPC over plain HTTP
btcd comes from `go install github.com/btcsuite/btcd@V` (about a minute). Bitcoin Core is not installed by this script:
where a machine has a bitcoind, `--impl core --bin PATH` drives it the same way. Core knows regtest, not simnet.
On regtest CSV, segwit and taproot are active from block 1 in both; on btcd's simnet segwit needs ~300 blocks.
Nodes never dial out: no DNS seeds, no automatic outbound connections, loopback listeners only.
"""
import argparse, base64, hashlib, hmac, http.client, json, os, secrets, shutil, signal, socket, ssl, struct
import subprocess, sys, tempfile, time, urllib.parse

BTCD_VERSION = "v0.26.2"


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def die(message):
    log("btcd-net:", message)
    sys.exit(1)


# ---------------------------------------------------------------- secp256k1: fixed-base multiplication and signing
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)
_table = []  # _table[i][j-1] = j * 256^i * G, affine


def _jdouble(p):
    x, y, z = p
    s = 4 * x * y * y % P
    m = 3 * x * x % P
    nx = (m * m - 2 * s) % P
    return nx, (m * (s - nx) - 8 * pow(y, 4, P)) % P, 2 * y * z % P


def _jadd(p, q):  # jacobian p (or None) + affine q
    if p is None:
        return q[0], q[1], 1
    x, y, z = p
    zz = z * z % P
    h = (q[0] * zz - x) % P
    r = (q[1] * zz * z - y) % P
    if h == 0:
        return _jdouble(p) if r == 0 else None
    hh = h * h % P
    hhh = h * hh % P
    v = x * hh % P
    nx = (r * r - hhh - 2 * v) % P
    return nx, (r * (v - nx) - y * hhh) % P, z * h % P


def _affine(points):
    """Jacobian to affine, one inversion for all."""
    acc, pre = 1, []
    for p in points:
        pre.append(acc)
        acc = acc * p[2] % P
    inv, out = pow(acc, -1, P), [None] * len(points)
    for i in range(len(points) - 1, -1, -1):
        x, y, z = points[i]
        zi = inv * pre[i] % P
        inv = inv * z % P
        out[i] = (x * zi * zi % P, y * zi * zi * zi % P)
    return out


def mul_g(k):
    """k*G as an affine point, for 0 < k < N."""
    if not _table:
        base = G
        for _ in range(32):
            row = [(base[0], base[1], 1), _jdouble((base[0], base[1], 1))]
            while len(row) < 256:
                row.append(_jadd(row[-1], base))
            row = _affine(row)
            _table.append(row[:255])
            base = row[255]
    acc = None
    for i in range(32):
        digit = k >> (8 * i) & 255
        if digit:
            acc = _jadd(acc, _table[i][digit - 1])
    return _affine([acc])[0]


def ser_pub(point):
    return bytes([2 + (point[1] & 1)]) + point[0].to_bytes(32, "big")


def tagged(tag, data):
    t = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(t + t + data).digest()


def ecdsa_sign(secret, digest):
    """RFC 6979 nonce, low S, DER."""
    x = secret.to_bytes(32, "big")
    h = (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    mac = lambda key, data: hmac.new(key, data, hashlib.sha256).digest()
    v, k = b"\1" * 32, b"\0" * 32
    for sep in (b"\0", b"\1"):
        k = mac(k, v + sep + x + h)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < N:
            r = mul_g(nonce)[0] % N
            s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
            if r and s:
                break
        k = mac(k, v + b"\0")
        v = mac(k, v)
    integer = lambda n: (lambda b: b"\2" + bytes([len(b)]) + b)(n.to_bytes(n.bit_length() // 8 + 1, "big"))
    body = integer(r) + integer(min(s, N - s))
    return b"\x30" + bytes([len(body)]) + body


def schnorr_sign(secret, digest):
    """BIP 340 with a zero auxiliary value."""
    point = mul_g(secret)
    d = secret if point[1] % 2 == 0 else N - secret
    px = point[0].to_bytes(32, "big")
    t = (d ^ int.from_bytes(tagged("BIP0340/aux", bytes(32)), "big")).to_bytes(32, "big")
    k = int.from_bytes(tagged("BIP0340/nonce", t + px + digest), "big") % N
    r = mul_g(k)
    if r[1] % 2:
        k = N - k
    rx = r[0].to_bytes(32, "big")
    e = int.from_bytes(tagged("BIP0340/challenge", rx + px + digest), "big") % N
    return rx + ((k + e * d) % N).to_bytes(32, "big")


# ---------------------------------------------------------------- serialization
def sha256d(b):
    return hashlib.sha256(hashlib.sha256(b).digest()).digest()


def ripemd160(b):
    try:
        return hashlib.new("ripemd160", b).digest()
    except ValueError:  # an OpenSSL 3 without its legacy provider
        return _ripemd160(b)


def _ripemd160(message):
    rol = lambda n, s: (n << s | n >> (32 - s)) & 0xFFFFFFFF
    perm = [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8]
    left, right = [list(range(16))], [[(9 * i + 5) % 16 for i in range(16)]]
    for _ in range(4):
        left.append([perm[i] for i in left[-1]])
        right.append([perm[i] for i in right[-1]])
    shifts = [[11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8], [12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7],
              [13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9], [14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6],
              [15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5]]
    f = [lambda x, y, z: x ^ y ^ z, lambda x, y, z: x & y | ~x & z, lambda x, y, z: (x | ~y) ^ z,
         lambda x, y, z: x & z | y & ~z, lambda x, y, z: x ^ (y | ~z)]
    kl, kr = [0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E], [0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0]
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + struct.pack("<Q", 8 * len(message))
    for off in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, off)
        lines = []
        for order, consts, mirrored in ((left, kl, False), (right, kr, True)):
            a, b, c, d, e = state
            for rnd in range(5):
                fn = f[4 - rnd] if mirrored else f[rnd]
                for i in order[rnd]:
                    t = (a + fn(b, c, d) + words[i] + consts[rnd]) & 0xFFFFFFFF
                    t = (rol(t, shifts[rnd][i]) + e) & 0xFFFFFFFF
                    a, e, d, c, b = e, d, rol(c, 10), b, t
            lines.append((a, b, c, d, e))
        (a, b, c, d, e), (aa, bb, cc, dd, ee) = lines
        h = state
        state = [x & 0xFFFFFFFF for x in (h[1] + c + dd, h[2] + d + ee, h[3] + e + aa, h[4] + a + bb, h[0] + b + cc)]
    return struct.pack("<5I", *state)


def hash160(b):
    return ripemd160(hashlib.sha256(b).digest())


def varint(n):
    if n < 0xFD:
        return bytes([n])
    return b"\xfd" + struct.pack("<H", n) if n < 1 << 16 else b"\xfe" + struct.pack("<I", n)


def varbytes(b):
    return varint(len(b)) + b


def push(b):
    return (bytes([len(b)]) if len(b) < 76 else b"\x4c" + bytes([len(b)])) + b


def read_varint(b, o):
    n = b[o]
    if n < 0xFD:
        return n, o + 1
    size = {0xFD: 2, 0xFE: 4, 0xFF: 8}[n]
    return int.from_bytes(b[o + 1:o + 1 + size], "little"), o + 1 + size


def parse_tx(b, o=0):
    """(txid, [outpoint, ...], [(value, script), ...], end)"""
    start = o
    version, o = b[o:o + 4], o + 4
    witness = b[o] == 0
    o += 2 * witness
    body = o
    count, o = read_varint(b, o)
    ins = []
    for _ in range(count):
        ins.append(b[o:o + 36])
        n, o = read_varint(b, o + 36)
        o += n + 4
    count, o = read_varint(b, o)
    outs = []
    for _ in range(count):
        value = int.from_bytes(b[o:o + 8], "little")
        n, o = read_varint(b, o + 8)
        outs.append((value, b[o:o + n]))
        o += n
    end = o
    if witness:
        for _ in ins:
            items, o = read_varint(b, o)
            for _ in range(items):
                n, o = read_varint(b, o)
                o += n
    core = version + b[body:end] + b[o:o + 4] if witness else b[start:o + 4]
    return sha256d(core), ins, outs, o + 4


def base58check(payload):
    payload += sha256d(payload)[:4]
    n, out = int.from_bytes(payload, "big"), ""
    while n:
        n, r = divmod(n, 58)
        out = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[r] + out
    return "1" * (len(payload) - len(payload.lstrip(b"\0"))) + out


# ---------------------------------------------------------------- the wallet: one fixed script for each kind of spend
KINDS = ["p2pkh", "p2wpkh", "p2sh", "p2sh-p2wpkh", "p2wsh", "p2tr", "p2tr-script"]
KEYS = [int.from_bytes(hashlib.sha256(b"btcd-net key %d" % i).digest(), "big") % N for i in range(6)]


class Scripts:
    def __init__(self):
        points = [mul_g(k) for k in KEYS]
        self.pubs = [ser_pub(p) for p in points]
        self.multisig = b"\x52" + b"".join(push(p) for p in self.pubs[:3]) + b"\x53\xae"  # 2 of 3
        self.leaf = push(self.pubs[5][1:]) + b"\xac"
        leaf_hash = tagged("TapLeaf", b"\xc0" + varbytes(self.leaf))
        self.leaf_hash = leaf_hash
        self.tap_secret, tap_key, _ = self.tweak(3, points, b"")
        _, script_key, parity = self.tweak(4, points, leaf_hash)
        self.control = bytes([0xC0 | parity]) + points[4][0].to_bytes(32, "big")
        p2pkh = lambda pub: b"\x76\xa9" + push(hash160(pub)) + b"\x88\xac"
        p2wpkh = lambda pub: b"\0" + push(hash160(pub))
        self.p2pkh_code = p2pkh
        self.of = {
            "p2pkh": p2pkh(self.pubs[0]),
            "p2wpkh": p2wpkh(self.pubs[1]),
            "p2sh": b"\xa9" + push(hash160(self.multisig)) + b"\x87",
            "p2sh-p2wpkh": b"\xa9" + push(hash160(p2wpkh(self.pubs[2]))) + b"\x87",
            "p2wsh": b"\0" + push(hashlib.sha256(self.multisig).digest()),
            "p2tr": b"\x51" + push(tap_key),
            "p2tr-script": b"\x51" + push(script_key),
        }
        self.nested = p2wpkh(self.pubs[2])
        self.kind_of = {s: k for k, s in self.of.items()}

    @staticmethod
    def tweak(i, points, root):
        x, y = points[i]
        secret = KEYS[i] if y % 2 == 0 else N - KEYS[i]
        t = int.from_bytes(tagged("TapTweak", x.to_bytes(32, "big") + root), "big")
        out = (secret + t) % N
        point = mul_g(out)
        return out, point[0].to_bytes(32, "big"), point[1] & 1

    def spend(self, coins, outs, sequence=0xFFFFFFFD):
        """A signed transaction. coins: [(outpoint, value, kind)], outs: [(value, script)]. Returns its bytes."""
        version, locktime = struct.pack("<I", 2), bytes(4)
        seq = struct.pack("<I", sequence)
        out_bytes = b"".join(struct.pack("<Q", v) + varbytes(s) for v, s in outs)
        all_ins = b"".join(c[0] for c in coins)
        all_seqs = seq * len(coins)
        scripts, witnesses = [], []

        def legacy(i, code):
            ins = b"".join(c[0] + varbytes(code if j == i else b"") + seq for j, c in enumerate(coins))
            return sha256d(version + varint(len(coins)) + ins + varint(len(outs)) + out_bytes + locktime + b"\1\0\0\0")

        def bip143(i, code):
            return sha256d(version + sha256d(all_ins) + sha256d(all_seqs) + coins[i][0] + varbytes(code)
                           + struct.pack("<Q", coins[i][1]) + seq + sha256d(out_bytes) + locktime + b"\1\0\0\0")

        def bip341(i, leaf):
            one = lambda b: hashlib.sha256(b).digest()
            message = (b"\0\0" + version + locktime + one(all_ins) + one(b"".join(struct.pack("<Q", c[1]) for c in coins))
                       + one(b"".join(varbytes(self.of[c[2]]) for c in coins)) + one(all_seqs) + one(out_bytes)
                       + (b"\2" if leaf else b"\0") + struct.pack("<I", i))
            return tagged("TapSighash", message + (self.leaf_hash + b"\0\xff\xff\xff\xff" if leaf else b""))

        ecdsa = lambda key, digest: ecdsa_sign(KEYS[key], digest) + b"\1"
        for i, (_, _, kind) in enumerate(coins):
            script, witness = b"", []
            if kind == "p2pkh":
                script = push(ecdsa(0, legacy(i, self.of[kind]))) + push(self.pubs[0])
            elif kind == "p2sh":
                digest = legacy(i, self.multisig)
                script = b"\0" + push(ecdsa(0, digest)) + push(ecdsa(2, digest)) + push(self.multisig)
            elif kind in ("p2wpkh", "p2sh-p2wpkh"):
                key = 1 if kind == "p2wpkh" else 2
                witness = [ecdsa(key, bip143(i, self.p2pkh_code(self.pubs[key]))), self.pubs[key]]
                script = push(self.nested) if key == 2 else b""
            elif kind == "p2wsh":
                digest = bip143(i, self.multisig)
                witness = [b"", ecdsa(0, digest), ecdsa(1, digest), self.multisig]
            elif kind == "p2tr":
                witness = [schnorr_sign(self.tap_secret, bip341(i, False))]
            else:
                witness = [schnorr_sign(KEYS[5], bip341(i, True)), self.leaf, self.control]
            scripts.append(script)
            witnesses.append(varint(len(witness)) + b"".join(varbytes(w) for w in witness))
        body = varint(len(coins)) + b"".join(c[0] + varbytes(s) + seq for c, s in zip(coins, scripts)) + varint(len(outs)) + out_bytes
        if all(w == b"\0" for w in witnesses):
            return version + body + locktime
        return version + b"\0\1" + body + b"".join(witnesses) + locktime


class Wallet:
    """Coins of the fixed scripts, from the node's best chain. Kept in wallet.json, rolled back on a reorg."""
    VALUE = 1_000_000

    def __init__(self, node):
        self.node, self.scripts = node, Scripts()
        self.path = os.path.join(node.dir, "wallet.json")
        self.chain, self.coins = [], {}  # chain: [hash, spent coins, created outpoints] by height; coins: outpoint -> [value, kind, height, coinbase]
        try:
            with open(self.path) as f:
                self.chain, self.coins = json.load(f)
        except (OSError, ValueError):
            pass

    def save(self):
        with open(self.path + ".new", "w") as f:
            json.dump([self.chain, self.coins], f)
        os.replace(self.path + ".new", self.path)

    def sync(self):
        height = self.node.rpc("getblockcount")
        while self.chain and (len(self.chain) - 1 > height or self.node.rpc("getblockhash", len(self.chain) - 1) != self.chain[-1][0]):
            _, spent, created = self.chain.pop()
            for outpoint in created:
                self.coins.pop(outpoint, None)
            self.coins.update(spent)
        for h in range(len(self.chain), height + 1):
            block_hash = self.node.rpc("getblockhash", h)
            block = bytes.fromhex(self.node.rpc("getblock", block_hash, 0))
            count, o = read_varint(block, 80)
            spent, created = {}, []
            for index in range(count):
                txid, ins, outs, o = parse_tx(block, o)
                for outpoint in ins:
                    coin = self.coins.pop(outpoint.hex(), None)
                    if coin:
                        spent[outpoint.hex()] = coin
                for n, (value, script) in enumerate(outs):
                    kind = self.scripts.kind_of.get(script)
                    if kind and value:
                        outpoint = (txid + struct.pack("<I", n)).hex()
                        self.coins[outpoint] = [value, kind, h, index == 0]
                        created.append(outpoint)
            self.chain.append([block_hash, spent, created])

    def spendable(self):
        """{kind: [(outpoint, value)]}, without what the mempool spends; and the mature coinbases."""
        taken = set()
        for txid in self.node.rpc("getrawmempool"):
            try:
                taken.update(o.hex() for o in parse_tx(bytes.fromhex(self.node.rpc("getrawtransaction", txid)))[1])
            except RpcError:
                pass  # mined or replaced meanwhile
        tip, pool, coinbases = len(self.chain) - 1, {k: [] for k in KINDS}, []
        for outpoint, (value, kind, height, coinbase) in self.coins.items():
            if outpoint in taken:
                continue
            if coinbase:
                if tip - height >= 100 and value > 10 * self.VALUE:
                    coinbases.append((outpoint, value))
            elif value > 20_000:
                pool[kind].append((outpoint, value))
        return pool, coinbases

    def send(self, raw):
        return self.node.rpc("sendrawtransaction", raw.hex(), *([0] if self.node.impl == "core" else []))

    def make(self, count, kinds, outputs=1, to=None):
        """Send `count` transactions, kinds in turn. Returns [(kind, txid)]."""
        self.sync()
        pool, coinbases = self.spendable()
        wanted = {k: len(range(i, count, len(kinds))) for i, k in enumerate(kinds)}
        missing = [k for k in kinds for _ in range(max(0, wanted[k] - len(pool[k])))]
        if missing:
            log(f"fan-out of {len(missing)} coins")
            while missing:
                if not coinbases:
                    die("no mature coinbase left to spend: generate 101 or more blocks first (regtest's subsidy halves every 150)")
                outpoint, value = coinbases.pop(0)
                take = min(len(missing), 1000, (value - 100_000) // self.VALUE)
                part, missing = missing[:take], missing[take:]
                outs = [(self.VALUE, self.scripts.of[k]) for k in part]
                change = value - take * self.VALUE - 10_000 - 60 * take
                if change > 20_000:
                    outs.append((change, self.scripts.of["p2pkh"]))
                self.send(self.scripts.spend([(bytes.fromhex(outpoint), value, "p2pkh")], outs))
            self.node.generate(1)
            self.sync()
            pool, _ = self.spendable()
        sent = []
        for i in range(count):
            kind = kinds[i % len(kinds)]
            outpoint, value = pool[kind].pop()
            fee = 1500 + 120 * outputs
            after = kinds[i % len(kinds)] if outputs == 1 else None
            share = (value - fee) // outputs
            outs = [(share, self.scripts.of[after or KINDS[(i + j) % len(KINDS)]]) for j in range(outputs)]
            raw = self.scripts.spend([(bytes.fromhex(outpoint), value, kind)], outs)
            sent.append((kind, self.send(raw) if to is None else send_to(to, raw)))
        return sent


def send_to(to, raw):
    """Hand a transaction to any node in Bitcoin Core's way: http://USER:PASSWORD@HOST:PORT."""
    place = urllib.parse.urlsplit(to)
    body = json.dumps({"jsonrpc": "1.0", "id": 1, "method": "sendrawtransaction", "params": [raw.hex()]})
    auth = base64.b64encode(f"{place.username}:{place.password}".encode()).decode()
    conn = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    conn.request("POST", "/", body, {"Authorization": "Basic " + auth, "Content-Type": "application/json"})
    answer = json.loads(conn.getresponse().read())
    conn.close()
    if answer["error"] is not None:
        raise RpcError(f"sendrawtransaction: {answer['error']}")
    return answer["result"]


# ---------------------------------------------------------------- nodes
class RpcError(Exception):
    pass


class Node:
    def __init__(self, spec):
        self.spec = spec
        self.dir, self.impl = spec["dir"], spec["impl"]
        self.conn = None

    def rpc(self, method, *params, timeout=300):
        body = json.dumps({"jsonrpc": "1.0", "id": 1, "method": method, "params": list(params)})
        auth = base64.b64encode(f"{self.spec['rpc_user']}:{self.spec['rpc_pass']}".encode()).decode()
        for attempt in (0, 1):
            try:
                if self.conn is None:
                    if self.spec["rpc_cert"]:
                        context = ssl.create_default_context(cafile=self.spec["rpc_cert"])
                        self.conn = http.client.HTTPSConnection("127.0.0.1", self.spec["rpc_port"], timeout=timeout, context=context)
                    else:
                        self.conn = http.client.HTTPConnection("127.0.0.1", self.spec["rpc_port"], timeout=timeout)
                self.conn.request("POST", "/", body, {"Authorization": "Basic " + auth, "Content-Type": "application/json"})
                response = self.conn.getresponse()
                data = response.read()
                break
            except (http.client.HTTPException, ConnectionError):
                self.conn = None
                if attempt:
                    raise
        try:
            answer = json.loads(data)
        except ValueError:
            raise RpcError(f"{method}: HTTP {response.status} {data[:200]!r}")
        if answer.get("error"):
            raise RpcError(f"{method}: {answer['error']}")
        return answer["result"]

    def generate(self, count):
        hashes = []
        while count > 0:
            n = min(count, 100)
            hashes += self.rpc("generate", n) if self.impl == "btcd" else self.rpc("generatetoaddress", n, self.spec["mining_address"])
            count -= n
        return hashes

    def alive(self):
        """True while the recorded pid is still the process that was started here."""
        try:
            with open(f"/proc/{self.spec['pid']}/cmdline", "rb") as f:
                return self.dir.encode() in f.read()
        except OSError:
            try:
                os.kill(self.spec["pid"], 0)
                return not os.path.isdir("/proc/self")
            except OSError:
                return False

    def dead_child(self):
        try:
            return os.waitpid(self.spec["pid"], os.WNOHANG)[0] != 0
        except ChildProcessError:
            return not self.alive()

    def start(self, binary, extra, v2):
        s = self.spec
        os.makedirs(self.dir, exist_ok=True)
        if self.impl == "btcd":
            args = [binary, f"--{s['network']}", f"--configfile={self.dir}/none.conf", f"--datadir={self.dir}/data", f"--logdir={self.dir}/logs",
                    f"--listen=127.0.0.1:{s['port']}", f"--rpclisten=127.0.0.1:{s['rpc_port']}", f"--rpcuser={s['rpc_user']}",
                    f"--rpcpass={s['rpc_pass']}", f"--rpccert={self.dir}/rpc.cert", f"--rpckey={self.dir}/rpc.key",
                    f"--miningaddr={s['mining_address']}", "--nodnsseed", "--txindex", "--trickleinterval=100ms", "--rpcmaxclients=100",
                    "--blockmaxsize=990000", "--blockmaxweight=3960000"]
            args += ["--v2transport"] if v2 else []
            args += [] if s["rpc_cert"] else ["--notls"]
            open(f"{self.dir}/none.conf", "a").close()
        else:
            args = [binary, "-regtest", f"-datadir={self.dir}/data", "-server=1", "-listen=1", f"-bind=127.0.0.1:{s['port']}", "-rpcbind=127.0.0.1",
                    "-rpcallowip=127.0.0.1", f"-rpcport={s['rpc_port']}", f"-rpcuser={s['rpc_user']}", f"-rpcpassword={s['rpc_pass']}",
                    "-connect=0", "-dnsseed=0", "-fixedseeds=0", "-discover=0", "-listenonion=0", "-natpmp=0", "-txindex=1", "-blockfilterindex=1",
                    "-peerblockfilters=1", "-peerbloomfilters=1", "-fallbackfee=0.0002", f"-v2transport={int(v2)}", "-printtoconsole=0", "-debug=net"]
            os.makedirs(f"{self.dir}/data", exist_ok=True)
        with open(f"{self.dir}/console.log", "ab") as out:
            s["pid"] = subprocess.Popen(args + extra, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True).pid
        deadline = time.time() + 60
        while True:
            try:
                self.rpc("getblockcount", timeout=10)
                return
            except (OSError, RpcError, ssl.SSLError, http.client.HTTPException) as error:
                self.conn = None
                if self.dead_child() or time.time() > deadline:
                    with open(f"{self.dir}/console.log", errors="replace") as f:
                        tail = f.read()[-1500:]
                    die(f"{self.impl} did not come up ({error}); its last words:\n{tail}")
            time.sleep(0.1)

    def stop(self):
        if not self.alive():
            return
        try:
            self.rpc("stop", timeout=10)
        except Exception:
            pass
        for sig in (None, signal.SIGTERM, signal.SIGKILL):
            if sig and self.alive():
                os.kill(self.spec["pid"], sig)
            for _ in range(200):
                if not self.alive():
                    return
                time.sleep(0.1)

    def has_peer(self, port):
        return any(p["addr"] == f"127.0.0.1:{port}" for p in self.rpc("getpeerinfo"))

    def link(self, other, up):
        """Dial `other` and keep the link up, or cut it and leave it down. BIP 324 is used where both have it."""
        v2 = self.spec["v2"] and other.spec["v2"]
        address, deadline = f"127.0.0.1:{other.spec['port']}", time.time() + 30
        try:
            self.rpc("addnode", address, "add" if up else "remove", *([v2] if up and self.impl == "core" else []))
        except RpcError as error:
            if up and "already" not in str(error).lower():
                raise
        while self.has_peer(other.spec["port"]) != up:
            if not up:
                try:
                    self.rpc("disconnectnode", address) if self.impl == "core" else self.rpc("node", "disconnect", address)
                except RpcError:
                    pass
            elif self.impl == "core":
                try:
                    self.rpc("addnode", address, "onetry", v2)
                except RpcError:
                    pass
            if time.time() > deadline:
                die(f"link to {address} did not {'come up' if up else 'go down'}")
            time.sleep(0.3)

    def describe(self):
        d = {k: self.spec[k] for k in ("impl", "network", "v2", "pid", "port", "rpc_port", "rpc_user", "rpc_pass", "rpc_cert", "mining_address", "version")}
        d["rpc_url"] = ("https" if self.spec["rpc_cert"] else "http") + f"://127.0.0.1:{self.spec['rpc_port']}/"
        d["alive"] = self.alive()
        if d["alive"]:
            d.update(best=self.rpc("getbestblockhash"), height=self.rpc("getblockcount"), peers=self.rpc("getconnectioncount"),
                     mempool=len(self.rpc("getrawmempool")))
        return d


# ---------------------------------------------------------------- installing
def run_logged(args, path, **kw):
    with open(path, "ab") as out:
        if subprocess.call(args, stdout=out, stderr=out, **kw):
            with open(path, errors="replace") as f:
                die(f"{' '.join(args)} failed; see {path}:\n{f.read()[-1500:]}")


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            die(f"{tool} is not installed")


def ensure_binary(impl, version, cache):
    name = "btcd"
    if impl == "core":
        die("--impl core needs --bin PATH: the path of a bitcoind that is already on this machine")
    home = os.path.join(cache, f"{name}-{version}")
    binary = os.path.join(home, name)
    if os.path.exists(binary):
        return binary
    os.makedirs(cache, exist_ok=True)
    work = tempfile.mkdtemp(prefix=f"{name}-", dir=cache)
    trace = os.path.join(cache, f"{name}-{version}.log")
    log(f"installing {name} {version}; log: {trace}")
    need("go")
    run_logged(["go", "install", f"github.com/btcsuite/btcd@{version}"], trace, env={**os.environ, "GOBIN": work, "GOFLAGS": "-buildvcs=false"})
    try:
        os.rename(work, home)
    except OSError:  # another run was faster
        shutil.rmtree(work)
    return binary


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---------------------------------------------------------------- commands
class Net:
    def __init__(self, directory):
        self.dir = os.path.abspath(directory)
        self.path = os.path.join(self.dir, "net.json")
        self.nodes = []
        if os.path.exists(self.path):
            with open(self.path) as f:
                self.nodes = [Node(spec) for spec in json.load(f)]

    def save(self):
        with open(self.path + ".new", "w") as f:
            json.dump([n.spec for n in self.nodes], f, indent=1)
        os.replace(self.path + ".new", self.path)

    def node(self, number):
        if not 1 <= number <= len(self.nodes):
            die(f"no node {number} in {self.dir}: run `up` first")
        if not self.nodes[number - 1].alive():
            die(f"node {number} is not running")
        return self.nodes[number - 1]

    def add(self, a, impl, network):
        if impl == "core" and network != "regtest":
            die("Bitcoin Core knows regtest, not simnet")
        version = a.version or (BTCD_VERSION if impl == "btcd" else "installed")
        binary = os.path.abspath(a.bin) if a.bin else ensure_binary(impl, version, a.cache)
        directory = os.path.join(self.dir, f"node{len(self.nodes) + 1}")
        prefix = b"\x3f" if network == "simnet" else b"\x6f"
        node = Node({
            "impl": impl, "network": network, "version": version, "dir": directory, "v2": a.v2, "port": a.port or free_port(),
            "rpc_port": a.rpc_port or free_port(), "rpc_user": "user", "rpc_pass": secrets.token_hex(16),
            "rpc_cert": f"{directory}/rpc.cert" if impl == "btcd" and not a.no_tls else None,
            "mining_address": base58check(prefix + hash160(ser_pub(mul_g(KEYS[0])))), "pid": 0})
        node.start(binary, a.extra, a.v2)
        self.nodes.append(node)
        self.save()
        return node


def reorg(node, depth):
    height = node.rpc("getblockcount")
    if not 0 < depth <= height:
        die(f"the depth must be 1 to {height}")
    fork = height - depth
    old = node.rpc("getbestblockhash")
    parent = node.rpc("getblockhash", fork)
    raw = lambda h: bytes.fromhex(node.rpc("getblock", node.rpc("getblockhash", h), 0))[:80]
    times = [struct.unpack_from("<I", raw(h), 68)[0] for h in range(max(0, fork - 10), fork + 1)]
    bits_bytes = raw(fork)[72:76] if fork else raw(0)[72:76]
    bits = int.from_bytes(bits_bytes, "little")
    target = (bits & 0xFFFFFF) << 8 * ((bits >> 24) - 3)
    halving = 150 if node.spec["network"] == "regtest" else 210_000
    script, hashes = Scripts().of["p2pkh"], []
    for h in range(fork + 1, height + 2):
        number = bytes([0x50 + h]) if h <= 16 else push(h.to_bytes(h.bit_length() // 8 + 1, "little"))
        coinbase = (struct.pack("<I", 2) + b"\1" + bytes(32) + b"\xff" * 4 + varbytes(number + push(secrets.token_bytes(8))) + b"\xff" * 4
                    + b"\1" + struct.pack("<Q", 50 * 10**8 >> h // halving) + varbytes(script) + bytes(4))
        stamp = max(int(time.time()), sorted(times[-11:])[len(times[-11:]) // 2] + 1)
        head = struct.pack("<I", 0x20000000) + bytes.fromhex(parent)[::-1] + sha256d(coinbase) + struct.pack("<I", stamp) + bits_bytes
        nonce = 0
        while int.from_bytes(sha256d(head + struct.pack("<I", nonce)), "little") > target:
            nonce += 1
        header = head + struct.pack("<I", nonce)
        answer = node.rpc("submitblock", (header + b"\1" + coinbase).hex())
        if answer not in (None, "inconclusive"):
            die(f"block {h} was refused: {answer}")
        parent = sha256d(header)[::-1].hex()
        hashes.append(parent)
        times.append(stamp)
    best = node.rpc("getbestblockhash")
    if best != parent:
        die(f"the node stayed on {best}")
    return {"fork_height": fork, "depth": depth, "old_best": old, "best": best, "height": height + 1, "hashes": hashes}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command", choices=["setup", "up", "status", "generate", "tx", "fill", "reorg", "second-node", "partition", "heal", "rpc", "down"])
    p.add_argument("args", nargs="*")
    p.add_argument("--dir", default=os.environ.get("GEMEL_BTCD_DIR"))
    p.add_argument("--on", type=int, default=1)
    p.add_argument("--impl", choices=["btcd", "core"], default="btcd")
    p.add_argument("--network", choices=["regtest", "simnet"], default="regtest")
    p.add_argument("--port", type=int)
    p.add_argument("--rpc-port", type=int)
    p.add_argument("--blocks", type=int, default=0)
    p.add_argument("--version")
    p.add_argument("--bin")
    p.add_argument("--cache", default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "gemel-btcd"))
    p.add_argument("--extra", action="append", default=[])
    p.add_argument("--no-tls", action="store_true")
    p.add_argument("--v2", action="store_true", help="BIP 324 transport")
    p.add_argument("--mine", action="store_true")
    p.add_argument("--kinds", default=",".join(KINDS))
    p.add_argument("--outputs", type=int, default=1)
    p.add_argument("--to", help="hand `tx`'s transactions to this node instead: http://USER:PASSWORD@HOST:PORT")
    p.add_argument("--wipe", action="store_true")
    a = p.parse_intermixed_args()
    if not a.dir and a.command != "setup":
        die("--dir is needed")

    def ints(count):
        if len(a.args) != count or not all(x.isdigit() for x in a.args):
            die(f"`{a.command}` takes {count} whole number(s)")
        return [int(x) for x in a.args]

    if a.command == "setup":
        print(json.dumps({"binary": ensure_binary(a.impl, a.version or BTCD_VERSION, a.cache)}))
        return
    net = Net(a.dir)
    if a.command == "up":
        if any(n.alive() for n in net.nodes):
            die(f"nodes of {net.dir} are running: `down` first")
        if net.nodes or (os.path.isdir(net.dir) and os.listdir(net.dir)):
            die(f"{net.dir} is not empty")
        os.makedirs(net.dir, exist_ok=True)
        node = net.add(a, a.impl, a.network)
        node.generate(a.blocks)
        result = node.describe()
    elif a.command == "second-node":
        first = net.node(1)
        node = net.add(a, a.impl, first.spec["network"])
        node.link(first, True)
        deadline = time.time() + 120
        while node.rpc("getbestblockhash") != first.rpc("getbestblockhash") and time.time() < deadline:
            time.sleep(0.2)
        result = {**node.describe(), "in_sync": node.rpc("getbestblockhash") == first.rpc("getbestblockhash")}
    elif a.command == "down":
        for n in reversed(net.nodes):
            n.stop()
        if a.wipe and os.path.exists(net.path):
            shutil.rmtree(net.dir)
        result = {"stopped": [n.spec["pid"] for n in net.nodes]}
    elif a.command == "status":
        result = {"nodes": [n.describe() for n in net.nodes]}
    elif a.command in ("partition", "heal"):
        first = net.node(1)
        for n in range(2, len(net.nodes) + 1):
            net.node(n).link(first, a.command == "heal")
        result = {"linked": a.command == "heal", "tips": [n.rpc("getbestblockhash") for n in net.nodes]}
    else:
        node = net.node(a.on)
        if a.command == "generate":
            hashes = node.generate(ints(1)[0])
            result = {"hashes": hashes, "best": node.rpc("getbestblockhash"), "height": node.rpc("getblockcount")}
        elif a.command == "tx":
            kinds = a.kinds.split(",")
            if not set(kinds) <= set(KINDS):
                die(f"kinds are {' '.join(KINDS)}")
            wallet = Wallet(node)
            sent = wallet.make(ints(1)[0], kinds, a.outputs, a.to)
            mined = node.generate(1) if a.mine else []
            wallet.sync()
            wallet.save()
            result = {"sent": len(sent), "txs": [{"kind": k, "txid": t} for k, t in sent], "mined": mined, "mempool": len(node.rpc("getrawmempool"))}
        elif a.command == "fill":
            blocks, each = ints(2)
            wallet = Wallet(node)
            try:
                for i in range(blocks):
                    wallet.make(each, KINDS)
                    node.generate(1)
                    if i % 20 == 19:
                        log(f"{i + 1} of {blocks} blocks")
                wallet.sync()
            finally:
                wallet.save()
            result = {"blocks": blocks, "txs_each": each, "best": node.rpc("getbestblockhash"), "height": node.rpc("getblockcount")}
        elif a.command == "reorg":
            result = reorg(node, ints(1)[0])
        else:
            if not a.args:
                die("`rpc` takes a method")

            def value(text):
                try:
                    return json.loads(text)
                except ValueError:
                    return text
            result = node.rpc(a.args[0], *[value(x) for x in a.args[1:]])
    print(json.dumps(result))


if __name__ == "__main__":
    try:
        main()
    except RpcError as error:
        die(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
