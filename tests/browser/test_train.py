"""The page Train in a browser: a grid is started by clicking, and a run of it cloned with one change."""

import re

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser


def test_a_grid_is_started_by_clicking_and_a_run_of_it_cloned_with_one_change(
    page, dashboard, wait_for, choose, fill
):
    expect = sync_api.expect
    others = {run.id for run in dashboard.store.runs()}
    page.goto("/train?dataset=digits&variants=dense-base")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    page.get_by_text("Several values: a grid of runs").click()
    choose(page, "Settings", "Learning rate")
    fill(page, "Learning rate: values", "0.001, 0.003")
    expect(page.get_by_text("2 values of learning rate")).to_be_visible()
    fill(page, "Max epochs", "1")
    page.wait_for_url(re.compile(r"changes=.*max_epochs"))
    page.get_by_role("button", name="Start 2 runs").click()
    page.wait_for_url(re.compile(r"[?&]runs="))
    started = [run for run in dashboard.store.runs() if run.id not in others]
    assert sorted(run.config["training"]["learning_rate"] for run in started) == [0.001, 0.003]

    parent = next(run for run in started if run.config["training"]["learning_rate"] == 0.003)
    page.goto(f"/train?clone={parent.id}")
    expect(page.get_by_role("button", name=re.compile("Clone of dense-base"))).to_be_visible()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.003")
    fill(page, "Batch size (samples)", "128")
    expect(page.get_by_text("Batch size: 256")).to_be_visible()
    link = page.url
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]runs="))
    before = others | {run.id for run in started}
    (child,) = [run for run in dashboard.store.runs() if run.id not in before]
    assert child.spec["parent"] == parent.id
    assert child.config["training"] == {**parent.config["training"], "batch_size": 128}
    wait_for(
        lambda: all(
            dashboard.store.run(run.id).state.state == "finished" for run in (child, *started)
        )
    )

    # What a copied link shows is what was on the screen, with what has happened since.
    page.goto(link)
    expect(page.get_by_label("Batch size (samples)", exact=True)).to_have_value("128")
    expect(page.get_by_text("This run was done before")).to_be_visible()
    expect(page.get_by_role("button", name="Open what is there")).to_be_visible()
