"""The readers that run_readers.py compares with, for another interpreter: it imports nothing of ours.

Called as `PYTHON run_readers_peers.py write|read tensorboard|mlflow RUNS FOLDER`. "write" stores the histories of a runs
folder in the peer's own format; "read" reads all of them as the peer's own pages do and prints the CPU seconds that it
took, imports left out, and how many values it got.
"""

import json
import sys
import time
from pathlib import Path


def histories(runs):
    """Yield id and rows of each run; of a row the values that are curves."""
    for path in sorted(runs.glob("2*/history.jsonl")):
        yield path.parent.name, [json.loads(line) for line in path.read_bytes().splitlines()]


def curves(row):
    return {key: value for key, value in row.items() if key.startswith(("train", "validation"))}


def write_tensorboard(runs, folder):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for run, rows in histories(runs):
        writer = EventFileWriter(str(folder / run))
        for row in rows:
            for tag, value in curves(row).items():
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                writer.add_event(Event(step=row["epoch"], wall_time=row["time"], summary=summary))
        writer.close()


def read_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read():
        number = 0
        for run in sorted(folder.iterdir()):
            events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
            number += sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"])
        return number

    return read


def mlflow_client(folder):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")


def write_mlflow(runs, folder):
    from mlflow.entities import Metric

    client = mlflow_client(folder)
    experiment = client.create_experiment("runs")
    for name, rows in histories(runs):
        run = client.create_run(experiment, run_name=name).info.run_id
        metrics = [
            Metric(key, value, int(1000 * row["time"]), row["epoch"])
            for row in rows
            for key, value in curves(row).items()
        ]
        for first in range(0, len(metrics), 1000):
            client.log_batch(run, metrics=metrics[first : first + 1000])


def read_mlflow(folder):
    client = mlflow_client(folder)
    experiment = client.get_experiment_by_name("runs").experiment_id

    def read():
        number = 0
        for run in client.search_runs([experiment], max_results=50_000):
            for key in run.data.metrics:
                number += len(client.get_metric_history(run.info.run_id, key))
        return number

    return read


def main():
    verb, peer, runs, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    if verb == "write":
        folder.mkdir(parents=True)
        {"tensorboard": write_tensorboard, "mlflow": write_mlflow}[peer](runs, folder)
        return
    read = {"tensorboard": read_tensorboard, "mlflow": read_mlflow}[peer](folder)
    before = time.process_time()
    number = read()
    print(json.dumps([time.process_time() - before, number]))


if __name__ == "__main__":
    main()
