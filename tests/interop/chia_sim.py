#!/usr/bin/env python3
"""A real full node of chia-blockchain on loopback, to be followed, asked and synced by the interop tests.

    chia_sim.py setup                                make the virtual environment (once; a minute and the network)
    chia_sim.py up      --dir D --port P --rpc-port R [--blocks N] [--spends] [--while PID] [--host H] [--outbound N]
                        [--rate-limits V]
    chia_sim.py farm    --dir D COUNT [--spends] [--batch]
    chia_sim.py tx      --dir D [COUNT]              put signed spends into the mempool
    chia_sim.py reorg   --dir D [--back B] [--new N] replace the last B blocks by B + N others
    chia_sim.py connect --dir D PORT                 let the node dial 127.0.0.1:PORT
    chia_sim.py rpc     --dir D PATH [JSON]          any RPC of the full node
    chia_sim.py status  --dir D
    chia_sim.py down    --dir D

Each command prints one line of JSON and exits with 0, or prints {"error": ...} and exits with 1. The node is
chia-blockchain's own FullNode with its simulator API; its blocks come from chia-blockchain's own block tools under the
constants of its tests (16-bit discriminants, k19 plots, short epochs), with all forks active from height 0. Without
--batch each farmed block is announced to the peers as it comes; with it, the last of every 64 is.

Environment:
    GEMEL_CHIA_VENV       a virtual environment that has chia-blockchain already; it is only ever read
    GEMEL_CHIA_SIM_CACHE  folder of our own environment and of the plots
                          (else $XDG_CACHE_HOME/gemel-chia-sim, else ~/.cache/gemel-chia-sim)
    GEMEL_CHIA_PYTHON     the Python (3.10 to 3.13) to make the environment with
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

VERSION = "2.7.5"
NODE_SIDE = Path(__file__).resolve().with_name("chia_sim_node.py")
# Written into an environment that we began to make: only a folder that holds it may be removed again.
OURS = "made-by-gemel"
POLL_S = 0.05


class SimError(Exception):
    """What went wrong, in one line for whoever called."""


# ------------------------------------------------------------------------------------------------- the environment


def cache_folder() -> Path:
    given = os.environ.get("GEMEL_CHIA_SIM_CACHE")
    if given:
        return Path(given).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().resolve() / "gemel-chia-sim"


@contextlib.contextmanager
def locked(path: Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def chia_version(python: Path) -> str | None:
    ask = "import importlib.metadata as m; print(m.version('chia-blockchain'))"
    try:
        answer = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def usable_python() -> str:
    ask = "import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))"
    wanted = [os.environ.get("GEMEL_CHIA_PYTHON"), sys.executable, *(f"python3.{n}" for n in (12, 11, 10, 13))]
    for path in filter(None, (shutil.which(name) for name in wanted if name)):
        if subprocess.run([path, "-c", ask], capture_output=True).returncode == 0:
            return path
    raise SimError("no Python 3.10 to 3.13 with the venv module was found")


def chia_python() -> Path:
    """The interpreter that has chia-blockchain; makes an environment for it when nobody gave one."""
    given = os.environ.get("GEMEL_CHIA_VENV")
    if given:
        python = Path(given).expanduser() / "bin" / "python"
        if chia_version(python) != VERSION:
            raise SimError(f"GEMEL_CHIA_VENV: {given} has no chia-blockchain {VERSION}")
        return python
    home = cache_folder() / f"venv-{VERSION}"
    python = home / "bin" / "python"
    with locked(cache_folder() / "venv.lock"):
        if chia_version(python) == VERSION:
            return python
        if home.exists() and not (home / OURS).exists():
            raise SimError(f"{home} is not an environment that this script made: move it away")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / OURS).touch()
        print(f"installing chia-blockchain {VERSION} into {home}, once", file=sys.stderr, flush=True)
        for step in (
            [usable_python(), "-m", "venv", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", f"chia-blockchain=={VERSION}"],
        ):
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode != 0:
                last = (done.stderr.strip() or "no output").splitlines()[-1]
                raise SimError(f"{' '.join(step[1:4])} failed: {last[:300]}")
    return python


# ------------------------------------------------------------------------------------------------- a running node


def state_of(folder: Path) -> dict:
    try:
        return json.loads((folder / "state.json").read_text())
    except FileNotFoundError:
        raise SimError(f"no simulator runs in {folder}") from None


def started_at(pid: int) -> str | None:
    """The start time of a process in clock ticks, which tells it from a later one with the same number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


def is_alive(state: dict) -> bool:
    return started_at(state["pid"]) == state["startedAt"]


def call(state: dict, path: str, body: dict | None = None, timeout: float = 3600) -> dict:
    if not is_alive(state):
        raise SimError("the simulator does not run any more")
    context = ssl.create_default_context(cafile=state["privateCaCrt"])
    context.check_hostname = False
    context.load_cert_chain(state["privateCrt"], state["privateKey"])
    connection = http.client.HTTPSConnection("127.0.0.1", state["rpcPort"], context=context, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("POST", f"/{path}", json.dumps(body or {}), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    if response.status != 200:
        raise SimError(f"{path}: HTTP {response.status}")
    answer = json.loads(text)
    if not answer.get("success"):
        raise SimError(f"{path}: {answer.get('error')}")
    return answer


def up(args: argparse.Namespace) -> dict:
    folder = Path(args.dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(SimError):
        if is_alive(state_of(folder)):
            raise SystemExit(json.dumps({"error": f"a simulator runs in {folder} already"}))
    (folder / "state.json").unlink(missing_ok=True)
    options = {"port": args.port, "rpcPort": args.rpc_port, "seed": args.seed, "while": args.while_pid}
    options.update(host=args.host, outbound=args.outbound, rateLimits=args.rate_limits)
    (folder / "options.json").write_text(json.dumps(options))
    environment = {k: v for k, v in os.environ.items() if k not in {"CI", "PYTHONPATH", "PYTHONHOME"}}
    environment.update(CHIA_ROOT=str(folder / "root"), CHIA_KEYS_ROOT=str(folder / "keys"), PYTHONUNBUFFERED="1")
    command = [str(chia_python()), str(NODE_SIDE), str(folder), str(cache_folder() / "plots")]
    with open(folder / "output.log", "ab") as out:
        # A session of its own: one signal to the group reaches whatever the node starts.
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True
        )
    try:
        state = until_ready(folder, child, time.monotonic() + args.timeout)
        if args.blocks > 0:
            call(state, "sim_farm", {"blocks": args.blocks, "spends": args.spends, "batch": True})
        return {**state, **call(state, "sim_peak")}
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        raise


def until_ready(folder: Path, child: subprocess.Popen, deadline: float) -> dict:
    while True:
        if child.poll() is not None:
            last = (folder / "output.log").read_text(errors="replace").strip().splitlines()[-1:]
            raise SimError(f"the node ended with {child.returncode} while it started: {''.join(last)[:500]}")
        if time.monotonic() > deadline:
            raise SimError(f"the node was not ready in time, see {folder / 'output.log'}")
        with contextlib.suppress(SimError, OSError, http.client.HTTPException):
            state = state_of(folder)
            call(state, "healthz", timeout=5)
            return state
        time.sleep(POLL_S)


def down(args: argparse.Namespace) -> dict:
    folder = Path(args.dir).resolve()
    state = state_of(folder)
    deadline = time.monotonic() + args.timeout
    if is_alive(state):
        os.kill(state["pid"], signal.SIGTERM)
    while is_alive(state) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    forced = is_alive(state)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(state["pid"], signal.SIGKILL)
    (folder / "state.json").unlink(missing_ok=True)
    return {"stopped": True, "forced": forced}


def on(path: str, *names: str):
    """A command that is one call: its arguments of these names are the request."""
    return lambda args: call(state_of(Path(args.dir).resolve()), path, {name: getattr(args, name) for name in names})


def connect(args: argparse.Namespace) -> dict:
    body = {"host": "127.0.0.1", "port": args.to}
    return call(state_of(Path(args.dir).resolve()), "open_connection", body)


def rpc(args: argparse.Namespace) -> dict:
    return call(state_of(Path(args.dir).resolve()), args.path, json.loads(args.body))


def status(args: argparse.Namespace) -> dict:
    state = state_of(Path(args.dir).resolve())
    return {**state, "running": True, **call(state, "sim_peak")} if is_alive(state) else {**state, "running": False}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run) -> argparse.ArgumentParser:
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        if name != "setup":
            sub.add_argument("--dir", required=True)
        return sub

    command("setup", lambda args: {"python": str(chia_python())})
    sub = command("up", up)
    sub.add_argument("--port", type=int, required=True)
    sub.add_argument("--rpc-port", type=int, required=True)
    sub.add_argument("--blocks", type=int, default=0)
    sub.add_argument("--spends", action="store_true")
    sub.add_argument("--seed", default="gemel")
    sub.add_argument("--host", default="127.0.0.1", help="where peers may dial it")
    sub.add_argument("--outbound", type=int, default=0, help="peers that it chooses from what it was told of")
    sub.add_argument("--rate-limits", type=int, default=2, help="the newest version of rate limits that it announces")
    sub.add_argument("--while", dest="while_pid", type=int, help="end when this process has ended")
    sub.add_argument("--timeout", type=float, default=600)
    sub = command("farm", on("sim_farm", "blocks", "spends", "batch"))
    sub.add_argument("blocks", type=int)
    sub.add_argument("--spends", action="store_true")
    sub.add_argument("--batch", action="store_true")
    command("tx", on("sim_tx", "count")).add_argument("count", type=int, nargs="?", default=1)
    sub = command("reorg", on("sim_reorg", "back", "new"))
    sub.add_argument("--back", type=int, default=3)
    sub.add_argument("--new", type=int, default=2)
    command("connect", connect).add_argument("to", type=int)
    sub = command("rpc", rpc)
    sub.add_argument("path")
    sub.add_argument("body", nargs="?", default="{}")
    command("status", status)
    command("down", down).add_argument("--timeout", type=float, default=20)
    args = parser.parse_args()
    try:
        print(json.dumps(args.run(args)), flush=True)
    except (SimError, OSError, http.client.HTTPException, ValueError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
