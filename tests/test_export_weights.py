import hashlib
import importlib.util
import re
import sys
import zipfile

import numpy as np
import orjson
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from core.exceptions import DamagedRun, InvalidInput, InvalidParameter, RunStateError
from core.export import export
from core.export.model_card import card
from core.inference import Predictor
from core.models.forward import to_input


@pytest.fixture(scope="module")
def weights(finished_run, tmp_path_factory):
    """The folder that is made of the finished run."""
    folder = tmp_path_factory.mktemp("weights") / "net"
    assert export("safetensors", [finished_run], folder) == []
    return folder


def images():
    """Four images of the digits' size."""
    return np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8), dtype=np.uint8)


def module_at(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_weights_answer_bit_for_bit_as_the_run_does(weights, finished_run):
    network = module_at(weights / "model.py").build_network()
    network.load_state_dict(load_file(weights / "model.safetensors"))
    network.eval()
    with torch.inference_mode():
        logits, counts = network(to_input(torch.tensor(images())))
    expected, _ = Predictor.load(finished_run).predict(images())
    assert counts is None
    np.testing.assert_array_equal(logits.numpy(), expected)


def test_the_file_of_weights_says_what_it_is(weights, finished_run):
    with safe_open(weights / "model.safetensors", "pt") as file:
        header = file.metadata()
    assert header["run"] == finished_run.id
    assert orjson.loads(header["classes"]) == list("0123456789")
    assert orjson.loads(header["image_shape"]) == [1, 8, 8]


def test_the_network_needs_nothing_of_this_library(weights):
    assert "core" not in (weights / "model.py").read_text().replace("score", "")


def test_the_card_says_input_measures_and_hash(weights, finished_run):
    text = (weights / "README.md").read_text()
    sha256 = hashlib.sha256((weights / "model.safetensors").read_bytes()).hexdigest()
    assert f"`model.safetensors` has the SHA-256 `{sha256}`." in text
    assert "# `dense-base` on `digits`, seed 0" in text
    assert "float32 (B, 1, 8, 8) in [0, 1]" in text and "Divide bytes by 255" in text
    predictions = finished_run.predictions("test")
    share = predictions.is_right.mean()
    assert f"Accuracy on test: {share:.2%} of {len(predictions)} images (95 % interval" in text
    assert "| 9 | `9` |" in text
    assert not re.search(r"\{|\}", text)


def test_the_lines_of_the_card_load_the_network(weights, monkeypatch):
    code = (weights / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(weights)
    monkeypatch.syspath_prepend(str(weights))
    monkeypatch.delitem(sys.modules, "model", raising=False)
    names = {"images": to_input(torch.tensor(images()))}
    exec(code, names)
    monkeypatch.delitem(sys.modules, "model")
    assert names["probabilities"].sum(dim=1).numpy() == pytest.approx(1)


def test_names_of_the_user_are_shown_letter_by_letter(finished_run, weights):
    from dataclasses import replace

    predictor = Predictor.load(finished_run)
    odd = replace(predictor.space, class_names=("<b>|`x\n", *"123456789"))
    text = card(finished_run, replace(predictor, space=odd), weights / "model.py", "", "")
    assert "| 0 | `<b>/'x` |" in text


def test_a_zip_holds_the_same_files(finished_run, weights, tmp_path):
    export("safetensors", [finished_run], tmp_path / "net.zip")
    with zipfile.ZipFile(tmp_path / "net.zip") as packed:
        assert packed.namelist() == ["README.md", "model.py", "model.safetensors"]
        packed.extractall(tmp_path / "net")
    tensors, expected = (
        load_file(folder / "model.safetensors") for folder in (tmp_path / "net", weights)
    )
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in tensors)
    assert (tmp_path / "net" / "model.py").read_text() == (weights / "model.py").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"net.zip", "net"}


def test_what_cannot_be_exported_is_named_and_leaves_nothing(finished_copy, tmp_path):
    (run,) = finished_copy.runs()
    with pytest.raises(InvalidParameter, match="A file of weights is made of one run; got 2"):
        export("safetensors", [run, run], tmp_path / "net")
    data = bytearray(run.layout.best_weights.read_bytes())
    data[-1] ^= 1
    run.layout.best_weights.write_bytes(data)
    with pytest.raises(DamagedRun, match="do not match their manifest"):
        export("safetensors", [run], tmp_path / "net")
    run.layout.best_json.unlink()
    with pytest.raises(RunStateError, match="has no weights yet"):
        export("safetensors", [run], tmp_path / "net.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]


def test_onnx_names_the_extra_that_it_needs(finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=r"pip install 'petridish\[onnx\]'"):
        export("onnx", [finished_run], tmp_path / "net")


@pytest.mark.filterwarnings("ignore")  # of the packages, about themselves
def test_an_onnx_file_answers_as_the_run_does_for_any_number_of_images(finished_run, tmp_path):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason=f"the optional package {name} is not installed")
    import onnxruntime

    export("onnx", [finished_run], tmp_path / "net")
    assert {path.name for path in (tmp_path / "net").iterdir()} == {"model.onnx", "README.md"}
    session = onnxruntime.InferenceSession(tmp_path / "net" / "model.onnx")
    for number in (1, 4):
        some = images()[:number]
        (logits,) = session.run(None, {"images": some.astype(np.float32) / 255})
        expected, _ = Predictor.load(finished_run).predict(some)
        np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert orjson.loads(session.get_modelmeta().custom_metadata_map["classes"])[9] == "9"
