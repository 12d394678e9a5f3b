"""What can be done with the chosen runs: stop, pause, resume, retry, kill, delete; a button that is off says why.

Requests are made in callbacks, before the page is drawn, so that it shows what has become of them. A refusal is said and
the other runs are seen to all the same. Edits are `run_edits`' business, files `runs_transfer`'s.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from core.exceptions import CoreError
from core.jobs import control
from core.jobs.local import LocalExecutor
from core.jobs.permissions import Request
from core.jobs.refusals import possible
from core.jobs.removal import delete, restore
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard import data
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_edits import tag_form
from dashboard.widgets.run_picker import URL_KEY
from dashboard.widgets.run_table import URL_KEY as CHOSEN_KEY
from dashboard.widgets.runs_transfer import export_form
from dashboard.widgets.train_link import clone_link

MOST_SAID = 3

BUTTONS: Mapping[Request, tuple[str, str]] = {
    "stop": ("stopped", "Ends at the next batch and keeps the results."),
    "pause": (
        "paused",
        "Ends at the next batch, more quickly than stop: no results are written. Resume goes on.",
    ),
    "resume": ("resumed", "Goes on from the last checkpoint."),
    "retry": (
        "retried",
        "Gives what failed or broke off another attempt from its last checkpoint.",
    ),
    "delete": ("deleted", "Moves into the trash, for 7 days at least."),
}
"""Request -> what is done then, what it means."""

KILL_HELP = (
    "Asks to stop, and ends the processes of those that have not stopped after 15 s. What came after their last "
    "checkpoint is lost."
)

_refused: dict[str, str] = {}
"""Run id -> why it could not be killed. Threads have no page to say it on; the next one that shows the run does."""
_MOST_REFUSED = 1000


def run_actions(runs: Sequence[Run], all_runs: Sequence[Run], key: str) -> None:
    """Show the buttons, and what came of those pressed last.

    Args:
        runs: those chosen.
        all_runs: whose tags are offered.
        key: of the widgets.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for request, (done, meaning) in BUTTONS.items():
            _button(request, runs, done, meaning, key)
        _kill(runs, key)
        tag_form(runs, all_runs, f"{key}-tag")
        export_form(runs, f"{key}-export")
        known = [run for run in runs if run.state.best_epoch is not None and not run.damaged]
        if known:
            st.page_link(
                "views/evaluate.py",
                label="Evaluate",
                icon=":material/query_stats:",
                query_params={URL_KEY: known[0].id},
                help=f"Opens {known[0].title}.",
            )
        if len(known) > 1:
            st.page_link(
                "views/compare.py",
                label="Compare",
                icon=":material/compare_arrows:",
                query_params={CHOSEN_KEY: ",".join(run.id for run in known)},
                help=f"Opens the {len(known):,} chosen runs side by side.",
            )
        if len(runs) == 1 and runs[0].damaged is None:
            clone_link(runs[0])
    outcome(runs, key)


def outcome(runs: Sequence[Run], key: str) -> None:
    """Show what came of the last request: the way back from a deletion, and what was refused.

    Args:
        runs: those chosen.
        key: of the widgets, as `run_actions` got it.
    """
    _undo(key)
    _said(runs, key)


def why_not(runs: Sequence[Run], done: str, reasons: str) -> str:
    """Return what a button says that is off.

    Args:
        runs: those chosen.
        done: "stopped".
        reasons: counted, as `core.jobs.refusals` gives them.
    """
    if not runs:
        return "Choose a run in the table first."
    of_them = "The chosen run cannot" if len(runs) == 1 else "None of the chosen runs can"
    return f"{of_them} be {done}: {escaped(reasons)}."


def counted(word: str, runs: Sequence[Run]) -> str:
    """Return the word on a button: "Stop", or "Stop (3)"."""
    return word if len(runs) < 2 else f"{word} ({len(runs):,})"


def _button(request: Request, runs: Sequence[Run], done: str, meaning: str, key: str) -> None:
    allowed, reasons = possible(request, runs, data.person().name)
    left_out = f" Left out: {escaped(reasons)}." if reasons else ""
    st.button(
        counted(request.capitalize(), allowed),
        key=f"{key}-{request}",
        disabled=not allowed,
        help=f"{meaning}{left_out}" if allowed else why_not(runs, done, reasons),
        on_click=_ask,
        args=(request, [run.id for run in allowed], key),
    )


def _kill(runs: Sequence[Run], key: str) -> None:
    allowed, reasons = possible("kill", runs, data.person().name)
    with st.popover(
        "Kill",
        disabled=not allowed,
        help=None if allowed else why_not(runs, "killed", reasons),
        # Another key closes it: what was asked for is under way.
        key=f"{key}-kill-{st.session_state.get(f'{key}-killed', 0)}",
    ):
        st.markdown(KILL_HELP)
        if allowed:
            ids = [run.id for run in allowed]
            label = "Kill this run" if len(ids) == 1 else f"Kill {len(ids):,} runs"
            st.button(
                label, type="primary", key=f"{key}-kill-now", on_click=_kill_aside, args=(ids, key)
            )


def _kill_aside(ids: Sequence[str], key: str) -> None:
    """Kill runs beside the page, which would wait for 15 s; its next looks show what becomes of them."""
    st.session_state[f"{key}-killed"] = st.session_state.get(f"{key}-killed", 0) + 1
    store, by = data.store(), data.person().name

    def work(run_id: str) -> None:
        try:
            control.kill(store, [store.run(run_id)], by)
        except (CoreError, OSError) as error:
            if len(_refused) >= _MOST_REFUSED:
                _refused.clear()
            _refused[run_id] = str(error)

    for run_id in ids:
        _refused.pop(run_id, None)
        threading.Thread(target=work, args=(run_id,), daemon=True).start()


def _ask(request: Request, ids: Sequence[str], key: str) -> None:
    """Make a request of each run; what is refused is kept for the page to say."""
    store, by = data.store(), data.person().name
    executor = LocalExecutor(store, data.data_dir())
    verbs: dict[Request, Callable[[Run], None]] = {
        "stop": lambda run: control.stop(store, run, by),
        "pause": lambda run: control.pause(store, run, by),
        "resume": lambda run: control.resume(store, executor, run, by),
        "retry": lambda run: control.retry(store, executor, run, by),
        "delete": lambda run: delete(store, run, by),
    }
    done = _each(ids, lambda run_id: verbs[request](store.run(run_id)), key)
    if request == "delete":
        st.session_state[f"{key}-undo"] = done
        _choose([one for one in st.query_params.get(CHOSEN_KEY, "").split(",") if one not in done])
    else:
        st.session_state.pop(f"{key}-undo", None)


def _undo(key: str) -> None:
    """Offer to bring back what was deleted last."""
    gone = list(st.session_state.get(f"{key}-undo") or ())
    if not gone:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        many = "1 run was" if len(gone) == 1 else f"{len(gone):,} runs were"
        st.markdown(f":material/delete: {many} moved into the trash.", width="content")
        st.button("Undo", key=f"{key}-undo-now", icon=":material/undo:", on_click=_restore, args=(gone, key))  # fmt: skip
        st.button("Dismiss", key=f"{key}-undo-forget", type="tertiary", on_click=_forget, args=(key,))  # fmt: skip


def _restore(ids: Sequence[str], key: str) -> None:
    store, by = data.store(), data.person().name
    _choose(_each(ids, lambda run_id: restore(store, run_id, by), key))
    _forget(key)


def _choose(ids: Sequence[str]) -> None:
    if ids and ids != [""]:
        st.query_params[CHOSEN_KEY] = ",".join(ids)
    elif CHOSEN_KEY in st.query_params:
        del st.query_params[CHOSEN_KEY]


def _forget(key: str) -> None:
    st.session_state.pop(f"{key}-undo", None)


def _each(ids: Sequence[str], act: Callable[[str], object], key: str) -> list[str]:
    """Act on each run and return the ids of those on which it was done; keep what was refused for the page to say."""
    done, refused = [], []
    for run_id in ids:
        try:
            act(run_id)
        except (CoreError, OSError) as error:
            refused.append(str(error))
        else:
            done.append(run_id)
    st.session_state[f"{key}-said"] = refused
    return done


def _said(runs: Sequence[Run], key: str) -> None:
    """Say what was refused of the last request, and which of the chosen runs could not be killed."""
    refused = list(st.session_state.get(f"{key}-said") or ())
    active = [run for run in runs if run.state.state in ACTIVE]
    texts = refused + [_refused[run.id] for run in active if run.id in _refused]
    for text in texts[:MOST_SAID]:
        st.error(escaped(text), icon=":material/error:")
    if len(texts) > MOST_SAID:
        st.caption(f"{len(texts) - MOST_SAID} more requests were refused.")
    if refused:
        st.button("Dismiss", key=f"{key}-said-forget", type="tertiary", on_click=_hush, args=(key,))  # fmt: skip


def _hush(key: str) -> None:
    st.session_state.pop(f"{key}-said", None)
