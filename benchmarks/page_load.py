"""Thirty people on one server: `python benchmarks/page_load.py [--clients 30] [--minutes 3] [--runs DIR]`.

Websocket clients move through all pages, each opening one, waiting for its answer and thinking 1 to 4 seconds. Once
nothing trains, and once while a run trains on the same machine. Told are the answers' times (from the request to the end
of the script), the server's CPU seconds an answer, how much slower the run's epochs were than alone, errors, and how far
the server's memory grew. A page's answer is what the server does; drawing it is each browser's own business. Exit status 1
where a limit is broken: an error, p95 above 500 ms, or 300 MB more memory.
"""

import argparse
import asyncio
import math
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
import websockets
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.served import served
from core.datasets.base import default_data_dir
from core.jobs import control
from core.jobs.local import LocalExecutor
from core.jobs.submit import submit
from core.runs.store import Store
from core.variants import run_config

THINKING = (1.0, 4.0)
LONGEST_ANSWER = 60.0
LARGEST_P95 = 0.5
"""Seconds."""
LARGEST_GROWTH = 300_000_000
"""Bytes by which the server's memory may grow in a round."""
TRAINED = run_config(
    {"name": "shapes", "images": 2000}, "shapes-net", {"training.max_epochs": 1000}
)


@dataclass
class Measured:
    """What the clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def all_seconds(self) -> list[float]:
        return [one for some in self.seconds.values() for one in some]

    @property
    def p95(self) -> float:
        """Seconds within which 95 % of the answers came; there is at least one."""
        return p95(self.all_seconds)


def p95(seconds: list[float]) -> float:
    """Return the 95th percentile of at least one duration: one that was measured, at least as long as 95 % of them."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


async def answered(
    socket: websockets.ClientConnection, page: str, query: str, found: Measured
) -> None:
    """Ask for a page and wait until its script has ended."""
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.page_name = page
    started = time.perf_counter()
    await socket.send(message.SerializeToString())
    is_ours = False
    while True:
        data = await asyncio.wait_for(socket.recv(), LONGEST_ANSWER)
        said = ForwardMsg.FromString(data)
        kind = said.WhichOneof("type")
        if kind == "new_session":
            # What ends before is a script of the page before.
            is_ours = True
        elif kind == "delta" and (problem := problem_of(said)):
            found.errors.append(f"{page}: {problem[:200]}")
        elif kind == "page_not_found":
            found.errors.append(f"{page}: no such page")
        elif kind == "script_finished" and is_ours:
            if said.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                continue
            found.seconds.setdefault(page or "first", []).append(time.perf_counter() - started)
            return


def problem_of(said: ForwardMsg) -> str | None:
    """Return what an element says went wrong: a traceback, or an error raised on purpose, which is a quick bad answer."""
    element = said.delta.new_element
    match element.WhichOneof("type"):
        case "exception":
            return element.exception.message or element.exception.type
        case "alert" if element.alert.format == Alert.ERROR:
            return element.alert.body or "an error without words"
    return None


async def client(
    url: str, pages: list[tuple[str, str]], until: float, seed: int, found: Measured
) -> None:
    """Move through pages until a moment, with a session of its own."""
    draw = random.Random(seed)
    address = f"{url.replace('http', 'ws')}/_stcore/stream"
    try:
        async with websockets.connect(address, origin=url, max_size=2**28) as socket:
            while time.monotonic() < until:
                page, query = draw.choice(pages)
                await answered(socket, page, query, found)
                # Polls of a page with something under way come in between; they are read, and end nothing.
                pause = asyncio.create_task(asyncio.sleep(draw.uniform(*THINKING)))
                while not pause.done():
                    read = asyncio.ensure_future(socket.recv())
                    await asyncio.wait({pause, read}, return_when=asyncio.FIRST_COMPLETED)
                    if not read.done():
                        read.cancel()
    except Exception as error:
        found.errors.append(f"client {seed}: {type(error).__name__}: {error}")


def pages_of(store: Store) -> list[tuple[str, str]]:
    """Return name and query of the pages, those about runs with runs of the folder."""
    finished = [run for run in store.runs() if run.state.state == "finished"]
    some = [run.id for run in finished[:6]]
    return [
        ("", ""),
        ("data", "dataset=digits"),
        ("augment", "dataset=digits"),
        ("train", "dataset=digits"),
        ("runs", f"runs={','.join(some[:3])}"),
        ("compare", ""),
        ("compare", "section=Curves"),
        ("evaluate", f"runs={some[0]}"),
        ("errors", f"runs={some[0]}&split=test&right=no"),
        ("predict", f"runs={some[0]}"),
    ]


def measured(url: str, pages: list[tuple[str, str]], clients: int, seconds: float) -> Measured:
    """Let clients move for a while."""
    found = Measured()

    async def all_of_them() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(client(url, pages, until, seed, found) for seed in range(clients)))

    asyncio.run(all_of_them())
    return found


def epoch_seconds(store: Store, run_id: str, since: float) -> float:
    """Return the median duration of the epochs that have ended since a moment; NaN without one."""
    rows = [row for row in store.run(run_id).history() if row["time"] > since]
    return statistics.median([row["epoch_seconds"] for row in rows]) if rows else float("nan")


def broken_limits(found: Measured, growth: int) -> list[str]:
    """Return which limits a round broke, in words.

    Args:
        found: what the clients saw.
        growth: of the server's memory, in bytes.
    """
    broken = []
    if found.errors:
        broken.append(f"{len(found.errors)} errors; there may be none")
    if not found.seconds:
        broken.append("no answer")
    elif found.p95 > LARGEST_P95:
        broken.append(f"p95 {1000 * found.p95:.0f} ms; at most {1000 * LARGEST_P95:.0f} ms")
    if growth > LARGEST_GROWTH:
        broken.append(
            f"memory grew by {growth / 1e6:.0f} MB; at most {LARGEST_GROWTH / 1e6:.0f} MB"
        )
    return broken


def show(title: str, found: Measured, cpu: float, before: int, after: int) -> list[str]:
    """Print what a round gave; return which limits it broke."""
    broken = [f"{title}: {one}" for one in broken_limits(found, after - before)]
    seconds = sorted(found.all_seconds)
    if not seconds:
        print(f"{title}: no answer; errors: {found.errors[:3]}")
        return broken
    print(
        f"{title}: {len(seconds):,} answers, median {1000 * statistics.median(seconds):.0f} ms, p95 "
        f"{1000 * found.p95:.0f} ms, longest {1000 * seconds[-1]:.0f} ms; server CPU "
        f"{1000 * cpu / len(seconds):.0f} ms an answer; {len(found.errors)} errors; server memory "
        f"{before >> 20} -> {after >> 20} MiB"
    )
    for page, some in sorted(found.seconds.items()):
        print(
            f"  {page:9} {len(some):5,} answers, median {1000 * statistics.median(some):5.0f} ms, p95 "
            f"{1000 * p95(some):5.0f} ms"
        )
    for error, number in Counter(found.errors).most_common(5):
        print(f"  error: {error} ({number} times)")
    return broken


def main() -> int:
    """Measure both rounds; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument(
        "--runs", type=Path, help="runs folder to copy; else three runs are trained"
    )
    options = parser.parse_args()
    data_dir = default_data_dir()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "runs")
        executor = LocalExecutor(store, data_dir)
        if options.runs:
            shutil.copytree(options.runs, store.root, ignore=shutil.ignore_patterns(".*"))
        else:
            demo = run_config({"name": "digits"}, "dense-base", {"training.max_epochs": 10})
            made = [
                submit(store, executor, demo.dataset.load(data_dir), demo, seed=seed).id
                for seed in range(3)
            ]
            while any(store.run(one).state.state != "finished" for one in made):
                time.sleep(0.5)
        with served(store) as (url, pid):
            process, pages = psutil.Process(pid), pages_of(store)
            print(f"{options.clients} clients, {len(store.runs())} runs, {os.cpu_count()} cores")
            measured(url, pages, 3, 20)  # what everybody shares is read once

            def round_of(title: str) -> list[str]:
                times, memory = process.cpu_times(), process.memory_info().rss
                found = measured(url, pages, options.clients, 60 * options.minutes)
                now = process.cpu_times()
                cpu = now.user + now.system - times.user - times.system
                return show(title, found, cpu, memory, process.memory_info().rss)

            broken = round_of("nothing trains")
            dataset = TRAINED.dataset.load(data_dir)
            run = submit(store, executor, dataset, TRAINED, seed=99)
            while store.run(run.id).state.epoch < 5:
                time.sleep(0.5)
            alone = epoch_seconds(store, run.id, run.created or 0)
            since = time.time()
            broken += round_of("one run trains")
            beside = epoch_seconds(store, run.id, since)
            print(
                f"an epoch takes {alone:.2f} s alone and {beside:.2f} s beside: {beside / alone:.2f} x"
            )
            control.kill(store, [store.run(run.id)], by="benchmark")
    for one in broken:
        print(f"beyond the limit: {one}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
