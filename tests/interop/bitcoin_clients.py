#!/usr/bin/env python3
"""Drives a node's JSON-RPC with clients from PyPI and prints what they saw as one line of JSON.

  bitcoin_clients.py bitcoinrpc URL    python-bitcoinrpc's AuthServiceProxy
  bitcoin_clients.py bitcoinlib URL    python-bitcoinlib's rpc.Proxy, which takes blocks and transactions apart itself
  bitcoin_clients.py send-bitcoinrpc URL HEX    hands a transaction in, sees it wait, mines it and sees it mined
  bitcoin_clients.py send-bitcoinlib URL HEX    the same

URL holds name and password. The node is on regtest; both mine on it.
"""
import decimal, json, sys

ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85"


def bitcoinrpc(url):
    from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException
    rpc = AuthServiceProxy(url)
    seen = {"mined": rpc.generatetoaddress(3, ADDRESS), "count": rpc.getblockcount(), "info": rpc.getblockchaininfo()}
    best = rpc.getbestblockhash()
    block = rpc.getblock(best, 2)
    value = block["tx"][0]["vout"][0]["value"]
    # The client reads numbers as decimals: an amount that went through a double would show here.
    assert isinstance(value, decimal.Decimal), value
    seen["value"] = str(value)
    seen["best"] = best
    # Its batch_ asks in version 2.0 and then looks for an "error" of null, which that version does not have: Core's
    # replies since release 28 fail it in the same way as ours.
    try:
        rpc.batch_([["getblockcount"]])
    except KeyError as error:
        seen["batch"] = str(error)
    try:
        rpc.getblockhash(10_000)
    except JSONRPCException as error:
        seen["error"] = [error.code, error.message]
    try:
        rpc.getbalance()
    except JSONRPCException as error:
        seen["wallet"] = error.code
    proof = rpc.gettxoutproof([block["tx"][0]["txid"]], best)
    seen["proven"] = rpc.verifytxoutproof(proof) == [block["tx"][0]["txid"]]
    return seen


def bitcoinlib(url):
    import bitcoin
    from bitcoin.core import b2lx, CBlock, lx
    from bitcoin.rpc import InvalidParameterError, Proxy, InvalidAddressOrKeyError
    bitcoin.SelectParams("regtest")
    rpc = Proxy(service_url=url)
    mined = rpc.call("generatetoaddress", 2, ADDRESS)
    block = rpc.getblock(rpc.getblockhash(rpc.getblockcount()))
    assert isinstance(block, CBlock)
    header = rpc.getblockheader(block.GetHash())
    seen = {
        "mined": mined,
        "best": b2lx(rpc.getbestblockhash()),
        "hash": b2lx(block.GetHash()),
        "merkle": b2lx(block.calc_merkle_root()) == b2lx(header.hashMerkleRoot),
        "coinbase": b2lx(block.vtx[0].GetTxid()),
        "valid": rpc.call("validateaddress", ADDRESS)["isvalid"],
        "raw": b2lx(rpc.getrawtransaction(block.vtx[0].GetTxid(), block_hash=block.GetHash()).GetTxid()),
    }
    try:
        rpc.getblock(lx("11" * 32))
    except IndexError as error:
        seen["missing"] = str(error)
    try:
        rpc.call("getblockhash", -1)
    except InvalidParameterError as error:
        seen["error"] = error.error["code"]
    try:
        rpc.call("generatetoaddress", 1, "nonsense")
    except InvalidAddressOrKeyError as error:
        seen["address"] = error.error["code"]
    return seen


def send_bitcoinrpc(url, raw):
    from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException
    rpc = AuthServiceProxy(url)
    seen = {"allowed": rpc.testmempoolaccept([raw])[0]["allowed"], "txid": rpc.sendrawtransaction(raw)}
    entry = rpc.getmempoolentry(seen["txid"])
    seen["fee"] = str(entry["fees"]["base"])
    seen["waits"] = seen["txid"] in rpc.getrawmempool()
    [block] = rpc.generatetoaddress(1, ADDRESS)
    seen["mined"] = rpc.getrawtransaction(seen["txid"], 1, block)["confirmations"]
    seen["left"] = rpc.getrawmempool()
    try:
        rpc.sendrawtransaction(raw)
    except JSONRPCException as error:
        seen["again"] = error.code
    return seen


def send_bitcoinlib(url, raw):
    import bitcoin
    from bitcoin.core import b2lx, COutPoint, CTransaction, lx
    from bitcoin.rpc import Proxy, VerifyAlreadyInChainError
    bitcoin.SelectParams("regtest")
    rpc = Proxy(service_url=url)
    transaction = CTransaction.deserialize(bytes.fromhex(raw))
    txid = rpc.sendrawtransaction(transaction)
    seen = {
        "txid": b2lx(txid),
        "waits": txid in rpc.getrawmempool(),
        "same": rpc.getrawtransaction(txid).serialize() == transaction.serialize(),
        "made": rpc.gettxout(COutPoint(txid, 0))["txout"].nValue == transaction.vout[0].nValue,
    }
    try:
        rpc.gettxout(COutPoint(txid, 0), includemempool=False)
    except IndexError:
        seen["without"] = None
    [block] = rpc.call("generatetoaddress", 1, ADDRESS)
    seen["mined"] = txid in [each.GetTxid() for each in rpc.getblock(lx(block)).vtx]
    try:
        rpc.sendrawtransaction(transaction)
    except VerifyAlreadyInChainError as error:
        seen["again"] = error.error["code"]
    return seen


parts = {
    "bitcoinrpc": bitcoinrpc, "bitcoinlib": bitcoinlib,
    "send-bitcoinrpc": send_bitcoinrpc, "send-bitcoinlib": send_bitcoinlib,
}
print(json.dumps(parts[sys.argv[1]](*sys.argv[2:]), default=str))
