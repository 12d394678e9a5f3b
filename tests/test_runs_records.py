"""Attempts, events and log of a run, also where they are missing or torn."""

from core.runs import files, records


def test_an_attempt_tells_where_it_ran_and_how_it_ended(finished_copy):
    (run,) = finished_copy.runs()
    ending = {"code": None, "signal": 9, "peak_memory": 5, "cpu_seconds": 1.5, "time": 7.0}
    files.create_json(run.layout.exit(1), ending)
    (row,) = records.attempts(run.layout)
    assert (row["attempt"], row["from_epoch"], row["device"]) == (1, 1, "cpu")
    assert row["started"] >= run.created
    assert (row["signal"], row["code"], row["ended"], row["peak_memory"]) == (9, None, 7.0, 5)


def test_events_come_newest_first_without_what_is_none(finished_copy):
    (run,) = finished_copy.runs()
    files.append_event(run.layout.events, "stop", by="ada")
    with run.layout.events.open("ab") as file:
        file.write(b'garbage\n{"event": 5}\n{"event": "untimed"}\n{"time": 1, "event": "torn"')
    found = records.events(run.layout)
    assert [one["event"] for one in found] == ["stop", "finished", "running"]
    assert [one["event"] for one in records.events(run.layout, most=1)] == ["stop"]


def test_the_end_of_a_log_is_text_whatever_was_written(finished_copy):
    (run,) = finished_copy.runs()
    run.layout.log.write_bytes(b"begin " + b"x" * 100 + b" end \xff\n")
    assert records.log_tail(run.layout, 7) == "end \ufffd"


def test_what_is_missing_is_nothing(store):
    layout = store.layout.run("20260101-000000-abcdef")
    assert records.attempts(layout) == records.events(layout) == []
    assert records.log_tail(layout, 100) == ""
