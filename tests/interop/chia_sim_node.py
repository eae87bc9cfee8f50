"""The node's side of chia_sim.py, run by the Python that has chia-blockchain: `chia_sim_node.py FOLDER PLOTS`.

Starts chia-blockchain's full node with its simulator API and adds a few routes to its RPC: sim_farm, sim_tx, sim_reorg,
sim_peak and sim_addresses. Blocks are made by block tools on a copy of the chain in memory, so that one more costs milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import random
import sys
from pathlib import Path

from chia.cmds.init_funcs import chia_init
from chia.consensus.augmented_chain import AugmentedBlockchain
from chia.consensus.block_body_validation import ForkInfo
from chia.consensus.difficulty_adjustment import get_next_sub_slot_iters_and_difficulty
from chia.server import server as peer_server
from chia.server.signal_handlers import SignalHandlers
from chia.simulator import block_tools, start_simulator
from chia.simulator.simulator_full_node_rpc_api import SimulatorFullNodeRpcApi
from chia.simulator.wallet_tools import WalletTool
from chia.types.mempool_inclusion_status import MempoolInclusionStatus
from chia.types.peer_info import PeerInfo
from chia.types.validation_state import ValidationState
from chia.util.chia_logging import initialize_logging
from chia.util.config import load_config, save_config
from chia.util.hash import std_hash
from chia.util.keychain import Keychain, bytes_to_mnemonic, mnemonic_to_seed
from chia.wallet.derive_keys import master_sk_to_farmer_sk, master_sk_to_pool_sk, master_sk_to_wallet_sk
from chia.wallet.puzzles.p2_delegated_puzzle_or_hidden_puzzle import puzzle_hash_for_pk
from chia_rs import AugSchemeMPL, SpendBundle
from chia_rs.sized_ints import uint32, uint64

NETWORK = "simulator0"
GENESIS = "eb8c4d20b322be8d9fddbf9412016bdffe9a2901d7edb0e364e94266d0e095f7"
GENESIS_TIME = 1_750_000_000  # fixed, so that a seed gives the same chain each time
PLOTS = 8  # with fewer there are many empty slots, with more nothing is gained
PLOT_SIZE = 19
ADDRESSES = 16
BATCH = 64
LEAST_COIN = 1_000_000


class LazyBlockCache(block_tools.BlockCache):
    """Block tools make one for each signage point, and the reference indexes the whole chain each time."""

    def __init__(self, blocks, mmr_manager):
        self._block_records = blocks
        self.mmr_manager = mmr_manager

    @functools.cached_property
    def _height_to_hash(self):
        return {record.height: name for name, record in self._block_records.items()}


def farmer_puzzle_hash() -> str:
    """First address of the key that block tools derive for their farmer; the genesis rewards have to go there."""
    seed = mnemonic_to_seed(bytes_to_mnemonic(std_hash(b"block_tools farmer key")))
    key = master_sk_to_wallet_sk(AugSchemeMPL.key_gen(seed), uint32(0))
    return puzzle_hash_for_pk(key.get_g1()).hex()


def make_config(root: Path, options: dict) -> None:
    """What `chia init` and `chia dev sim create` write, with our ports, on loopback, alone in the world."""
    if not (root / "config" / "config.yaml").exists():
        with contextlib.redirect_stdout(sys.stderr):
            chia_init(root, testnet=True, fix_ssl_permissions=True, should_check_keys=False)
    config = load_config(root, "config.yaml")
    overrides = config["network_overrides"]
    puzzle_hash = farmer_puzzle_hash()
    overrides["constants"][NETWORK] = {
        **overrides["constants"]["testnet0"],
        "GENESIS_CHALLENGE": GENESIS, "AGG_SIG_ME_ADDITIONAL_DATA": GENESIS,
        "GENESIS_PRE_FARM_FARMER_PUZZLE_HASH": puzzle_hash, "GENESIS_PRE_FARM_POOL_PUZZLE_HASH": puzzle_hash,
        "HARD_FORK_HEIGHT": 0, "SOFT_FORK8_HEIGHT": 0, "SOFT_FORK9_HEIGHT": 0,
    }
    overrides["config"][NETWORK] = {"address_prefix": "txch", "default_full_node_port": options["port"]}
    config["full_node"].update(
        port=options["port"], rpc_port=options["rpcPort"], introducer_peer=None, dns_servers=[], full_node_peers=[],
        enable_upnp=False, db_sync="off", send_uncompact_interval=0, reserved_cores=0, target_outbound_peer_count=options["outbound"],
        sanitize_weight_proof_only=False, max_sync_wait=2, multiprocessing_start_method="default",
    )
    for section in (config, *(config[name] for name in ("full_node", "wallet", "harvester", "pool", "farmer",
                                                        "timelord", "introducer"))):
        section["selected_network"] = NETWORK
    config.update(self_hostname="127.0.0.1", rpc_timeout=3600, rate_limits=options.get("rateLimits", 2))
    config["logging"].update(log_level="WARNING", log_stdout=False)
    config.setdefault("simulator", {}).update(auto_farm=False, use_current_time=False, plot_directory="plots")
    save_config(root, "config.yaml", config)


async def make_block_tools(root: Path, plots: Path):
    block_tools.BlockCache = LazyBlockCache
    # The plots are the same for everybody: one set is kept, and every folder links to it.
    plots.mkdir(parents=True, exist_ok=True)
    if not (root.parent / "plots").exists():
        (root.parent / "plots").symlink_to(plots, target_is_directory=True)
    with contextlib.redirect_stdout(sys.stderr), open(plots / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tools = block_tools.BlockTools(
            block_tools.test_constants, root, keychain=Keychain(), automated_testing=False, plot_dir="plots"
        )
        await tools.setup_keys()
        # Outside of the reference's own tests block tools take one key for both roles; the plots need the two.
        tools.all_sks = [tools.farmer_master_sk, tools.pool_master_sk]
        tools.pool_pubkeys = [master_sk_to_pool_sk(key).get_g1() for key in tools.all_sks]
        tools.farmer_pubkeys = [master_sk_to_farmer_sk(key).get_g1() for key in tools.all_sks]
        tools.plot_manager.set_public_keys(tools.farmer_pubkeys, tools.pool_pubkeys)
        await tools.setup_plots(
            num_og_plots=PLOTS, num_pool_plots=0, num_non_keychain_plots=0, num_v2_plots=0, plot_size=PLOT_SIZE
        )
    return tools


class Purse:
    """The farmer's coins, and signed spends of them: payments to oneself, split, joined, with and without memo."""

    def __init__(self, tools, rng: random.Random):
        self.wallet = WalletTool(tools.constants, tools.farmer_master_sk)
        self.rng = rng
        self.addresses = sorted({tools.farmer_ph, *(self.wallet.get_new_puzzlehash() for _ in range(ADDRESSES))})
        self.coins: dict = {}

    def put(self, coins) -> None:
        self.coins.update((coin.name(), coin) for coin in coins if coin.puzzle_hash in self.addresses)

    def take(self, most: int) -> list:
        """Coins of one address: the wallet signs a spend with one key."""
        by_address: dict = {}
        for name in sorted(self.coins):
            if self.coins[name].amount >= LEAST_COIN:
                by_address.setdefault(self.coins[name].puzzle_hash, []).append(name)
        if not by_address:
            return []
        names = by_address[self.rng.choice(sorted(by_address))]
        return [self.coins.pop(name) for name in self.rng.sample(names, min(most, len(names)))]

    def bundle(self, fee: int):
        rng = self.rng
        coins = self.take(rng.choice((1, 1, 3)))
        if not coins:
            return None
        left = sum(coin.amount for coin in coins) - fee
        pieces = rng.choice((1, 2, 9))
        # Amounts differ by position, the last one is the largest: no two outputs are the same coin.
        outputs = [(rng.choice(self.addresses), uint64(left // (pieces + 2) - i)) for i in range(pieces)]
        outputs.append((rng.choice(self.addresses), uint64(left - sum(amount for _, amount in outputs))))
        (to, amount), rest = outputs[0], outputs[1:]
        memo = rng.choice(self.addresses) if rng.random() < 0.3 else None
        spends = self.wallet.generate_unsigned_transaction(
            amount, to, coins, {}, fee, additional_outputs=rest, memo=memo
        )
        return self.wallet.sign_transaction(spends)

    def bundles(self, most: int):
        made = [self.bundle(self.rng.choice((0, 1, 5_000))) for _ in range(self.rng.randint(1, most))]
        made = [bundle for bundle in made if bundle is not None]
        return SpendBundle.aggregate(made) if made else None


class Farmer:
    """Extends the node's chain."""

    def __init__(self, tools, node, seed: str):
        self.tools, self.node, self.seed = tools, node, seed.encode()
        self.rng = random.Random(seed)
        self.purse = Purse(tools, self.rng)
        self.chain: list = []
        self.busy = asyncio.Lock()
        self.branches = 0

    async def refresh(self) -> None:
        """Catches up with the node, whose chain may have come from a peer."""
        peak = self.node.blockchain.get_peak()
        known = {block.header_hash: i for i, block in enumerate(self.chain)}
        tail: list = []
        name = None if peak is None else peak.header_hash
        while name is not None and name not in known and name != self.tools.constants.GENESIS_CHALLENGE:
            tail.append(await self.node.blockchain.get_full_block(name))
            name = tail[-1].prev_header_hash
        self.chain = self.chain[: known.get(name, -1) + 1] + tail[::-1]
        records = await self.node.coin_store.get_coin_records_by_puzzle_hashes(False, self.purse.addresses)
        pending = {c.name() for item in self.node.mempool_manager.mempool.all_items() for c in item.removals}
        self.purse.coins = {r.coin.name(): r.coin for r in records if r.coin.name() not in pending}

    def extend(self, count: int, bundle=None, seed: bytes | None = None, **more) -> list:
        with contextlib.redirect_stdout(sys.stderr):
            chain = self.tools.get_consecutive_blocks(
                count, self.chain, transaction_data=bundle, seed=seed or self.seed,
                farmer_reward_puzzle_hash=self.tools.farmer_ph, pool_reward_puzzle_hash=self.tools.pool_ph, **more,
            )
        new, self.chain = chain[len(self.chain):], chain
        for block in new:
            if block.is_transaction_block():
                self.purse.put(block.get_included_reward_coins())
        return new

    async def adopt(self, blocks: list) -> None:
        """Hands the node blocks as a sync would: validated in full, announced once for each batch."""
        node, first = self.node, blocks[0]
        fork, iters, difficulty = -1, node.constants.SUB_SLOT_ITERS_STARTING, node.constants.DIFFICULTY_STARTING
        if first.height > 0:
            before = await node.blockchain.get_block_record_from_db(first.prev_header_hash)
            fork = before.height
            iters, difficulty = get_next_sub_slot_iters_and_difficulty(
                node.constants, len(first.finished_sub_slots) > 0, before, node.blockchain
            )
        info = ForkInfo(fork, fork, first.prev_header_hash)
        state, ahead = ValidationState(iters, difficulty, None), AugmentedBlockchain(node.blockchain)
        for start in range(0, len(blocks), BATCH):
            batch = blocks[start : start + BATCH]
            good, change = await node.add_block_batch(batch, PeerInfo("127.0.0.1", 0), info, state, ahead)
            if not good:
                raise ValueError(f"the node refused a block from height {batch[0].height} on: see its log")
            if change is not None:
                top = await node.blockchain.get_full_peak()
                done = await node.peak_post_processing(top, change, None)
                await node.peak_post_processing_2(top, None, change, done)
        await node._finish_sync(uint32(max(0, fork)))

    async def farm(self, count: int, spends: bool, batch: bool) -> dict:
        async with self.busy:
            await self.refresh()
            made = spent = 0
            waiting = None  # a bundle that no transaction block has taken yet
            queue: list = []
            if not self.chain:
                with contextlib.redirect_stdout(sys.stderr):
                    self.chain = self.tools.get_consecutive_blocks(
                        1, seed=self.seed, genesis_timestamp=uint64(GENESIS_TIME)
                    )
                await self.adopt(list(self.chain))
                await self.refresh()
                made = 1
            while made < count:
                pooled = None if queue else self.from_mempool()
                if waiting is None and pooled is None and spends and self.rng.random() < 0.6:
                    waiting = self.purse.bundles(4)
                bundle = pooled or waiting
                one_by_one = spends or bundle is not None or not batch
                new = self.extend(1 if one_by_one else min(BATCH // 2, count - made), bundle)
                if bundle is not None and any(block.transactions_generator is not None for block in new):
                    spent += len(bundle.coin_spends)
                    if bundle is waiting:
                        self.purse.put(bundle.additions())
                        waiting = None
                made += len(new)
                queue += new
                await asyncio.sleep(0)
                if batch and len(queue) < BATCH and made < count:
                    continue
                if batch:
                    await self.adopt(queue)
                else:
                    for block in queue:
                        await self.node.add_block(block)
                queue = []
            return {**self.checked_peak(), "farmed": made, "spends": spent}

    def from_mempool(self):
        blockchain = self.node.blockchain
        record = blockchain.get_peak()
        if record is None or self.node.mempool_manager.mempool.size() == 0:
            return None
        while not record.is_transaction_block:
            record = blockchain.block_record(record.prev_hash)
        found = self.node.mempool_manager.create_bundle_from_mempool(record.header_hash)
        return None if found is None else found[0]

    async def reorg(self, back: int, more: int) -> dict:
        async with self.busy:
            await self.refresh()
            if back < 1 or more < 1 or back >= len(self.chain):
                raise ValueError(f"{back} of {len(self.chain)} blocks cannot be replaced by {back + more}")
            self.chain = self.chain[:-back]
            fork = len(self.chain) - 1
            self.branches += 1
            await self.adopt(self.extend(back + more, None, b"branch %d " % self.branches + self.seed, skip_slots=1))
            return {**self.checked_peak(), "fork_height": fork}

    async def spend(self, count: int) -> dict:
        async with self.busy:
            await self.refresh()
            for _ in range(count):
                bundle = self.purse.bundle(fee=1_000_000)
                if bundle is None:
                    raise ValueError("there is no coin to spend: farm some blocks first")
                status, error = await self.node.add_transaction(bundle, bundle.name(), None)
                if status != MempoolInclusionStatus.SUCCESS:
                    raise ValueError(f"the mempool refused a spend: {status.name} {error}")
            return {"mempool": self.node.mempool_manager.mempool.size()}

    def peak(self) -> dict:
        peak = self.node.blockchain.get_peak()
        if peak is None:
            return {"height": None, "header_hash": None}
        return {"height": peak.height, "header_hash": "0x" + peak.header_hash.hex()}

    def checked_peak(self) -> dict:
        peak = self.peak()
        if peak["header_hash"] != "0x" + self.chain[-1].header_hash.hex():
            raise ValueError("the node did not take the farmed blocks for its chain")
        return peak


def constants_json(constants) -> dict:
    """The constants in their own names: bytes as hex, integers that JSON readers would round as text."""
    def plain(value):
        if isinstance(value, bytes):
            return "0x" + value.hex()
        if isinstance(value, bool):
            return value
        if isinstance(value, list):
            return [int(item) for item in value]
        return int(value) if int(value) < 2**53 else str(int(value))

    return {name: plain(getattr(constants, name)) for name in sorted(dir(constants)) if name.isupper()}


async def run(folder: Path, plots: Path) -> None:
    options = json.loads((folder / "options.json").read_text())
    root = folder / "root"
    farmer: Farmer

    class Rpc(SimulatorFullNodeRpcApi):
        def get_routes(self):
            names = ("sim_peak", "sim_farm", "sim_tx", "sim_reorg", "sim_addresses")
            mine = {f"/{name}": getattr(self, name) for name in names}
            return {**super().get_routes(), **mine}

        async def sim_peak(self, request):
            return farmer.peak()

        async def sim_farm(self, request):
            return await farmer.farm(request["blocks"], request.get("spends", False), request.get("batch", False))

        async def sim_tx(self, request):
            return await farmer.spend(request.get("count", 1))

        async def sim_reorg(self, request):
            return await farmer.reorg(request["back"], request["new"])

        async def sim_addresses(self, request):
            """What its address manager holds."""
            book = service._node.full_node_peers.address_manager
            return {"addresses": [
                {"host": each.peer_info.host, "port": int(each.peer_info.port), "tried": each.is_tried,
                 "source": None if each.src is None else each.src.host}
                for each in book.map_info.values()
            ]}

    start_simulator.SimulatorFullNodeRpcApi = Rpc
    create = peer_server.WebServer.create

    async def create_on_loopback(hostname, port, *args, **kwargs):
        # The node would listen on every interface.
        return await create(options["host"] if port == options["port"] else "127.0.0.1", port, *args, **kwargs)

    peer_server.WebServer.create = staticmethod(create_on_loopback)
    make_config(root, options)
    tools = await make_block_tools(root, plots)
    config = load_config(root, "config.yaml")
    initialize_logging(service_name="full_node", logging_config=config["full_node"]["logging"], root_path=root)
    (folder / "constants.json").write_text(json.dumps(constants_json(tools.constants), indent=1))
    service = await start_simulator.create_full_node_simulator_service(root, config, tools, connect_to_daemon=False)
    async with SignalHandlers.manage() as handlers:
        await service.setup_process_global_state(signal_handlers=handlers)
        async with service.manage():
            farmer = Farmer(tools, service._node, options["seed"])
            keys = root / "config" / "ssl"
            state = {
                "pid": os.getpid(), "startedAt": Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19],
                "port": options["port"], "rpcPort": options["rpcPort"], "dir": str(folder),
                "privateCaCrt": str(keys / "ca" / "private_ca.crt"),
                "privateCrt": str(keys / "full_node" / "private_full_node.crt"),
                "privateKey": str(keys / "full_node" / "private_full_node.key"),
                "constants": str(folder / "constants.json"), "log": str(root / "log" / "debug.log"),
            }
            (folder / "state.part").write_text(json.dumps(state))
            (folder / "state.part").rename(folder / "state.json")
            guard = asyncio.create_task(end_with(options["while"], service))
            await service.stop_requested.wait()
            guard.cancel()


async def end_with(pid: int | None, service) -> None:
    """Stops the service when the process that wanted it is gone, however it went."""
    while pid is not None:
        await asyncio.sleep(1)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            service.stop_requested.set()
            return


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2])))
