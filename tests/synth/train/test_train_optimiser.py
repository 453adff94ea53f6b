"""ScaledAdam: steps in proportion to a tensor's size, whatever the gradient's."""

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from synth.train.scaled_adam import ScaledAdam  # noqa: E402


def test_first_step_is_relative_to_the_tensor() -> None:
    """Adam's first step is the gradient's sign; here times rate, 1 - beta1 and the root mean square."""
    for size in (0.01, 1.0):
        p = torch.nn.Parameter(size * torch.tensor([1.0, -1.0, 1.0, -1.0]))
        before = p.detach().clone()
        p.grad = torch.tensor([3.0, 1e-3, -2.0, 5.0])
        ScaledAdam([p], lr=0.002).step()
        wanted = -0.002 * 0.1 * size * p.grad.sign()
        torch.testing.assert_close(p.detach() - before, wanted, rtol=1e-3, atol=1e-9)


def test_the_scale_of_the_loss_does_not_matter() -> None:
    ends = []
    for scale in (1.0, 1000.0):
        torch.manual_seed(0)
        layer = torch.nn.Linear(8, 8)
        optimiser = ScaledAdam(layer.parameters(), lr=0.01)
        x = torch.randn(64, 8)
        for _ in range(12):
            optimiser.zero_grad()
            (scale * (layer(x) - x.flip(1)).square().mean()).backward()
            optimiser.step()
        ends.append(layer.weight.detach().clone())
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-5)


def test_falls_on_a_toy_task() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    optimiser = ScaledAdam(net.parameters(), lr=0.02)
    x = torch.randn(128, 8)
    losses = []
    for _ in range(200):
        loss = (net(x) - x.flip(1)).square().mean()
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.1 * losses[0]


def test_sizes_are_learnt() -> None:
    """A tensor that is in the right direction but too small grows faster than by its elements alone."""
    p = torch.nn.Parameter(torch.full((4, 4), 0.1))
    optimiser = ScaledAdam([p], lr=0.05)
    for _ in range(40):
        optimiser.zero_grad()
        (p - 1).square().sum().backward()
        optimiser.step()
    only_elements = 0.1 * (1 + 0.05) ** 40
    assert float(p.detach().mean()) > 1.02 * min(only_elements, 0.2)


def test_large_gradients_are_held_to_twice_the_median() -> None:
    p = torch.nn.Parameter(torch.ones(4))
    optimiser = ScaledAdam([p], lr=1e-9, window=4)
    for step in range(6):
        p.grad = torch.full((4,), 100.0 if step == 5 else 1.0)
        before = optimiser.state[p]["exp_avg_sq"].clone() if step else torch.zeros(1, 4)
        optimiser.step()
    state = optimiser.state[p]
    assert float(state["threshold"]) == pytest.approx(2 * 2.0, rel=1e-4)  # the norm of four ones is 2
    seen = (state["exp_avg_sq"] - 0.95 * before) / 0.05
    torch.testing.assert_close(seen, torch.full((1, 4), 2.0**2), rtol=1e-3, atol=1e-4)


def test_single_numbers_are_bounded_and_missing_gradients_left_alone() -> None:
    one, other = torch.nn.Parameter(torch.tensor([50.0])), torch.nn.Parameter(torch.ones(3))
    one.grad = torch.tensor([1.0])
    ScaledAdam([one, other], lr=0.1).step()
    assert float(one.detach()) == pytest.approx(10.0 - 0.1 * 0.1 * 0.1, abs=1e-5)
    assert torch.equal(other.detach(), torch.ones(3))


def test_state_goes_round() -> None:
    """Loaded into a fresh optimiser, the next steps are the same bit for bit."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 4) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    optimisers = [ScaledAdam(layer.parameters(), lr=0.01) for layer in layers]
    x = torch.randn(16, 4)

    def step(place: int) -> None:
        optimisers[place].zero_grad()
        layers[place](x).square().sum().backward()
        optimisers[place].step()

    for _ in range(7):
        step(0)
    layers[1].load_state_dict(layers[0].state_dict())
    optimisers[1].load_state_dict(deepcopy(optimisers[0].state_dict()))
    for _ in range(6):
        step(0)
        step(1)
    assert torch.equal(layers[0].weight, layers[1].weight)
    assert torch.equal(layers[0].bias, layers[1].bias)
