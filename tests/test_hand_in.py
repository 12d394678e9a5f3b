import json
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from core.charts.style import percent
from core.exceptions import DamagedRun, InvalidInput
from core.hand_in import hand_in, write_hand_in
from core.hand_in.markup import element, table
from core.hand_in.mistakes import gallery, worst_mistakes
from core.lineup import lineup_of
from core.runs import edits

VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Reads a page and keeps its ids, addresses, figures and texts; an element that is not closed in its turn fails."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.addresses, self.figures, self.texts = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.ids += [known["id"]] if "id" in known else []
        self.addresses += [known[name] for name in ("src", "href") if name in known]
        if tag not in VOID:
            self.open.append((tag, known.get("type")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == ("script", "application/json"):
            self.figures.append(json.loads(data))
        elif self.open and self.open[-1][0] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture
def four_runs(trained):
    rates = {"dense-base": 0.7, "dense-deep": 0.9}
    return [
        trained(variant, seed, np.random.default_rng(seed).random(200) < rate)
        for variant, rate in rates.items()
        for seed in range(2)
    ]


def test_a_page_is_well_formed_and_asks_nobody_for_anything(four_runs, data_dir):
    html = hand_in(four_runs, data_dir).html
    page = Page(html)
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert {address[1:] for address in page.addresses} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "default-src 'none'" in unescape(html[:1000])
    assert len(html.encode()) < 15e6


def test_plotly_is_embedded_once_for_all_figures(four_runs, data_dir):
    html = hand_in(four_runs, data_dir).html
    assert len(Page(html).figures) == 2 + 1 + 2 * 3
    assert html.count("plotly.js v") == 1


def test_numbers_and_sentences_are_those_of_the_comparison(four_runs, data_dir):
    text = Page(hand_in(four_runs, data_dir).html).text
    found = lineup_of(four_runs, baseline="dense-base")
    for row in found.comparison.variants.to_dict("records"):
        ends = f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        assert f"{percent(row['mean'])} {ends}" in text
    for sentence in found.sentences:
        assert sentence in text
    for run in four_runs:
        assert run.id in text
        assert run.spec["config_sha256"] in text
    assert "hidden layers" in text


def test_text_of_users_is_never_markup(trained, store, data_dir):
    evil = "<script>alert(1)</script>"
    run = trained("dense-base", 0, [True, False] * 20)
    edits.rename(run, evil, "ada")
    edits.annotate(run, f"{evil} & more", "ada")
    html = hand_in([store.run(run.id)], data_dir).html
    page = Page(html)
    assert evil not in html
    assert evil in unescape(page.text)
    assert f"{evil} & more" in page.text


def test_markup_escapes_texts_and_values_of_attributes():
    assert element("p", "a < b", title='"x"') == '<p title="&quot;x&quot;">a &lt; b</p>'
    assert "<td>&lt;b&gt;</td>" in table(["<i>"], [["<b>"]])
    assert element("meta", http_equiv="x", hidden=True, id=None) == '<meta http-equiv="x" hidden>'


def test_a_damaged_run_is_named_and_left_out(four_runs, store, data_dir):
    four_runs[0].layout.run_json.write_text("{")
    made = hand_in([store.run(run.id) for run in four_runs], data_dir)
    assert made.num_runs == 3
    assert any(four_runs[0].id in sentence for sentence in made.left_out)
    assert f"Run {four_runs[0].id} left out: damaged" in Page(made.html).text


@pytest.mark.parametrize("how", ["missing", "garbage", "torn"])
def test_a_damaged_history_is_named_on_top_at_the_curves_and_to_who_asked(four_runs, data_dir, how):
    history = four_runs[0].layout.history
    data = history.read_bytes()
    if how == "missing":
        history.unlink()
    else:
        history.write_bytes(b"{garbage\n" if how == "garbage" else data[:-9])
    made = hand_in(four_runs, data_dir)
    said = [one for one in made.left_out if four_runs[0].id in one]
    words = {
        "missing": "2 epochs were finished, but history.jsonl is missing",
        "garbage": "1 damaged lines of its history were left out",
        "torn": "history.jsonl lacks 1 of 2 epochs (2)",
    }
    assert any(words[how] in sentence for sentence in said)
    text = Page(made.html).text
    assert [text.count(sentence) for sentence in said] == [2] * len(said)


def test_a_lost_history_is_not_told_as_a_run_that_has_not_begun(four_runs, data_dir):
    for run in four_runs[:2]:
        run.layout.history.unlink()
    text = Page(hand_in(four_runs, data_dir).html).text
    assert "The history is lost." in text
    assert "No epoch has ended yet." not in text


def test_a_damaged_result_of_the_only_run_is_named(four_runs, data_dir):
    four_runs[0].layout.test_json.write_text("{")
    made = hand_in(four_runs[:1], data_dir)
    expected = f"Run {four_runs[0].id}: results/test cannot be read: test.json is no JSON"
    assert expected in made.left_out[0]
    assert expected in Page(made.html).text


def test_of_a_single_variant_nothing_is_asked_and_it_is_counted_as_one(four_runs, data_dir):
    html = hand_in(four_runs[:1], data_dir).html
    assert "Is it real?" not in Page(html).texts
    assert "Bars of the mean accuracy of 1 variant with intervals." in html
    assert not re.search(r"\b1 (runs|variants)\b", html)
    assert "Is it real?" in Page(hand_in(four_runs, data_dir).html).texts


def test_only_damaged_runs_are_refused(four_runs, store, data_dir, tmp_path):
    four_runs[0].layout.run_json.write_text("{")
    damaged = [store.run(four_runs[0].id)]
    with pytest.raises(
        DamagedRun, match=r"at least one run that is not damaged; got none\. Run .* fsck says more"
    ):
        write_hand_in(damaged, tmp_path / "r.html", data_dir)  # fmt: skip
    assert not (tmp_path / "r.html").exists()


def test_a_run_without_test_results_is_shown_with_what_it_has(four_runs, trained, data_dir):
    running = trained("dense-wide", 0, [True] * 150 + [False] * 50, state="stopped")
    made = hand_in([*four_runs, running], data_dir)
    assert any("dense-wide, seed 0 (stopped), left out" in one for one in made.left_out)
    text = Page(made.html).text
    assert "the best epoch, chosen on these images, on 200 samples of validation" in text
    assert "75.0 %" in text


def test_runs_on_different_data_are_compared_among_themselves(four_runs, trained, data_dir):
    other = trained("dense-base", 0, [True] * 40, data="e" * 64)
    page = Page(hand_in([*four_runs, other], data_dir).html)
    assert "Comparison on digits (dddddd)" in page.texts
    assert "Result on digits (eeeeee)" in page.texts


def test_a_real_run_has_a_gallery_of_its_worst_mistakes(finished_run, data_dir):
    html = hand_in([finished_run], data_dir).html
    worst = worst_mistakes(finished_run.predictions("test"))
    assert worst["loss"].is_monotonic_decreasing
    assert not worst["is_right"].any()
    shown = re.findall(r'aria-label="Sample (\d+), true', html)
    assert [int(one) for one in shown] == worst["sample_id"].tolist()
    assert html.count("--sheet:url(data:image/png;base64,") == 1
    assert "PyTorch" in Page(html).text


def test_images_of_changed_data_are_not_shown_and_why_is_said(four_runs, data_dir):
    text = Page(hand_in(four_runs, data_dir).html).text
    assert "The images cannot be shown: The data set 'digits' has changed" in text


def test_a_file_that_exists_is_replaced_only_when_asked(four_runs, data_dir, tmp_path):
    output = tmp_path / "r.html"
    output.write_text("mine")
    with pytest.raises(InvalidInput, match=r"'r\.html' exists already\. .* --force"):
        write_hand_in(four_runs, output, data_dir)
    assert output.read_text() == "mine"
    write_hand_in(four_runs[:1], output, data_dir, force=True)
    assert output.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir() if "html" in path.name] == ["r.html"]


def test_ten_galleries_of_photographs_fit_into_the_file(finished_run):
    worst = worst_mistakes(finished_run.predictions("test"))
    images = np.random.default_rng(0).integers(0, 256, (len(worst), 3, 84, 84), dtype=np.uint8)
    assert len(worst) == 24
    assert 10 * len(gallery(worst, images)) < 15e6 - 6e6
    assert len(gallery(worst, images.repeat(2, axis=2).repeat(2, axis=3))) < 0.9e6
