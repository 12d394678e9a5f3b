import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from core.config import TrainingConfig
from core.training.optimizers import learning_rate, optimizer

CPU = torch.device("cpu")
ROOT = Path(__file__).parent.parent


def course(total_steps, max_epochs=1, **settings):
    config = TrainingConfig(learning_rate=1.0, max_epochs=max_epochs, **settings)
    steps_per_epoch = total_steps // max_epochs
    return [learning_rate(config, step, steps_per_epoch) for step in range(total_steps)]


def test_a_constant_rate_stays():
    assert course(4) == [1.0] * 4


def test_the_warm_up_rises_to_the_rate_and_then_it_stays():
    assert course(8, warmup_share=0.5) == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1])


def test_a_linear_schedule_would_reach_zero_one_step_after_the_last():
    assert course(4, schedule="linear") == pytest.approx([1, 0.75, 0.5, 0.25])


def test_warm_up_and_linear_fall_meet_at_the_rate():
    assert course(10, schedule="linear", warmup_share=0.2) == pytest.approx(
        [0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    )


def test_a_cosine_schedule_falls_along_half_a_wave():
    assert course(4, schedule="cosine") == pytest.approx([1, 0.853553, 0.5, 0.146447], rel=1e-5)


def test_a_step_schedule_changes_the_rate_after_so_many_epochs_again_and_again():
    rates = course(10, max_epochs=5, schedule="step", step_epochs=2, step_factor=0.5)
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "step"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 0.9])
@pytest.mark.parametrize("total_steps", [1, 2, 3, 7, 100])
def test_every_step_has_a_rate_above_zero_and_at_most_the_configured_one(
    share, total_steps, schedule
):
    rates = course(total_steps, schedule=schedule, warmup_share=share)
    assert all(0 < rate <= 1 for rate in rates)


every_rule = pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)


def five_steps(layer, rule):
    for _ in range(5):
        rule.zero_grad(set_to_none=True)
        layer(torch.tensor([[1.0, -2.0, 3.0]])).square().sum().backward()
        rule.step()
    return layer.weight.detach()


@every_rule
def test_the_steps_are_those_of_torch_s_own_optimizer_bit_for_bit(name, kind):
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    start = {key: value.clone() for key, value in ours.state_dict().items()}
    theirs.load_state_dict(start)
    config = TrainingConfig(optimizer=name, learning_rate=0.1, weight_decay=0.01)
    rule = optimizer(ours, config, CPU)
    assert isinstance(rule, kind)
    expected = five_steps(theirs, kind(theirs.parameters(), lr=0.1, weight_decay=0.01, fused=True))
    assert torch.equal(five_steps(ours, rule), expected)
    assert not torch.equal(expected, start["weight"])


def test_momentum_is_that_of_torch_s_sgd():
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    config = TrainingConfig(optimizer="sgd", learning_rate=0.1, momentum=0.9, is_nesterov=True)
    expected = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, nesterov=True, fused=True)
    assert torch.equal(five_steps(ours, optimizer(ours, config, CPU)), five_steps(theirs, expected))


@every_rule
def test_a_fused_step_is_the_plain_step_up_to_rounding(name, kind):
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    rule = optimizer(ours, TrainingConfig(optimizer=name, learning_rate=0.1), CPU)
    plain = kind(theirs.parameters(), lr=0.1, weight_decay=0.0, fused=False, foreach=False)
    torch.testing.assert_close(five_steps(ours, rule), five_steps(theirs, plain))


def test_torch_s_compiler_is_not_imported():
    code = """
import io, sys, torch
from core.config import TrainingConfig
from core.training.optimizers import optimizer
from core.training.resume import Fit, Position

for name in ("adam", "adamw", "sgd"):
    layer = torch.nn.Linear(3, 2)
    rule = optimizer(layer, TrainingConfig(optimizer=name), torch.device("cpu"))
    rule.zero_grad(set_to_none=True)
    layer(torch.ones(1, 3)).sum().backward()
    rule.step()
    file = io.BytesIO()
    fit = Fit(layer, rule, Position())
    torch.save(fit.to_state(), file)
    file.seek(0)
    fit.restore(torch.load(file, weights_only=True))
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
