"""Speed of the voice model: tokens a second of the GPT, real-time factor of SoVITS, memory. `voxproof bench tts`.

Random weights of full size (v2), because no trained ones ship: speed does not depend on what the numbers are. Every
way of decoding runs in turn within each round, and the figures are medians over the rounds, so that what else the
machine does falls on all of them alike. Speeds are of decoding, after the text and the reference have been read, which
each way does in one pass (with a figure of its own). The limit is the memory: one token reads every weight once, so no
loop in float32 can be faster than the bytes of the layers divided by the speed at which this machine reads, measured
here too.
"""

from __future__ import annotations

import copy
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch

from forensics.benches.tts_plain import plain_decode
from synth.errors import VoxproofError
from synth.gpt import GPT, GPTConfig, Spoken, Utterance
from synth.quantised import quantised
from synth.sampling import Sampling
from synth.sovits import Sovits, SovitsConfig

ROUNDS = 5
TOKENS = 100
"""Tokens (4 s of speech) of each measured decoding."""
BATCH = 8
LENGTHS_S = (3, 10, 30, 60)
PROMPT, TEXT = 125, 80
"""Tokens of the reference (5 s) and phonemes."""
NEVER = 10**9


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    what: str
    """What was measured."""
    value: float
    """The figure, a median over the rounds."""
    unit: str
    """Of the figure."""
    least: float | None = None
    """What it should reach, same unit; None where nothing is asked."""

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.least is None or self.value >= self.least

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {**asdict(self), "holds": self.holds}


@dataclass(frozen=True)
class Work:
    """What is decoded."""

    utterance: Utterance
    sampling: Sampling

    @classmethod
    def of(cls, config: GPTConfig, tokens: int = TOKENS) -> Work:
        """Random phonemes and prompt; greedy, exactly `tokens` long."""
        generator = torch.Generator().manual_seed(1)
        phonemes = torch.randint(config.phonemes, (TEXT,), generator=generator)
        prompt = torch.randint(config.end, (PROMPT,), generator=generator)
        return cls(Utterance(phonemes, prompt=prompt), Sampling(top_k=1, least=NEVER, most=tokens))


def measure_tts(
    device: str = "cpu",
    on_step: Callable[[str], None] = lambda text: None,
    config: GPTConfig | None = None,
    rounds: int = ROUNDS,
    tokens: int = TOKENS,
    lengths: tuple[int, ...] = LENGTHS_S,
) -> list[Figure]:
    """All figures; `config`, `rounds`, `tokens` and `lengths` are smaller in tests.

    Raises VoxproofError where the device does not exist.
    """
    if device != "cpu" and not torch.cuda.is_available():
        raise VoxproofError("no GPU that PyTorch can use", cure="Run with --device cpu.")
    torch.manual_seed(0)
    model = GPT(config or GPTConfig()).eval()
    work = Work.of(model.config, tokens)
    rows = _gpu(model, work, rounds, on_step) if device != "cpu" else _cpu(model, work, rounds, lengths, on_step)
    on_step("sound")
    rows += _sound(device, rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*rows, Figure("peak memory of this process", peak, "MB")]


def _cpu(model: GPT, work: Work, rounds: int, lengths: tuple[int, ...], on_step: Callable[[str], None]) -> list[Figure]:
    small, untouched = (
        quantised(model),
        copy.deepcopy(model),
    )  # decoding moves weights together, the plain loop does not
    layers = [*model.h.parameters(), *model.ar_predict_layer.parameters()]
    size = sum(value.numel() * value.element_size() for value in layers)
    ways: dict[str, Callable[[Sampling], list[list[int]]]] = {
        "plain": lambda sampling: [plain_decode(untouched, work.utterance, sampling)],
        "ours": lambda sampling: _tokens(model.generate([work.utterance], sampling)),
        "8 bit": lambda sampling: _tokens(small.generate([work.utterance], sampling)),
        "batch": lambda sampling: _tokens(model.generate([work.utterance] * BATCH, sampling)),
    }
    memory: list[float] = []
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    firsts: dict[str, list[float]] = {way: [] for way in ways}
    said: dict[str, list[list[int]]] = {}
    one = replace(work.sampling, most=1)
    for number in range(rounds + 1):
        on_step(f"tokens, round {number} of {rounds}")
        for way, run in ways.items():
            memory.append(_bandwidth(size))
            started = time.perf_counter()
            begun = sum(map(len, run(one)))
            first = time.perf_counter()
            said[way] = run(work.sampling)
            seconds = time.perf_counter() - first - (first - started)
            speeds[way].append((sum(map(len, said[way])) - begun) / seconds)
            firsts[way].append(first - started)
    plain, ours, eight, batch = (_median(speeds[way][1:]) for way in ways)  # the first round warms up
    bandwidth = _median(memory[len(ways) :])
    limit = bandwidth / size
    rows = [
        Figure("memory read", bandwidth / 1e9, "GB/s"),
        Figure("weights read for a token", size / 1e6, "MB"),
        Figure("limit of the memory, float32", limit, "tokens/s"),
        Figure("plain loop, float32", plain, "tokens/s"),
        Figure("ours, float32", ours, "tokens/s"),
        Figure("ours, 8-bit weights", eight, "tokens/s"),
        Figure(f"ours, float32, {BATCH} sentences at once", batch, "tokens/s"),
        Figure("plain loop, first token", _median(firsts["plain"][1:]), "s"),
        Figure("ours, first token", _median(firsts["ours"][1:]), "s"),
        Figure("ours, of the limit", ours / limit, "", 0.75),
        Figure("ours, of the plain loop", ours / plain, "times"),
        Figure("8 bit, of the plain loop", eight / plain, "times", 4.0),
        Figure(f"{BATCH} at once, of the plain loop", batch / plain, "times", 6.0),
        Figure("same greedy tokens as the plain loop", _agreement(said["ours"][0], said["plain"][0]), "", 1.0),
        Figure("8 bit: same argmax, teacher-forced", _teacher_forced(model, small, work, said["plain"][0]), ""),
        Figure("8 bit: same greedy tokens", _agreement(said["8 bit"][0], said["plain"][0]), ""),
    ]
    for seconds in lengths:
        on_step(f"{seconds} s of speech")
        longer = Work.of(model.config, 25 * seconds)
        for name, decoder in (("float32", model), ("8 bit", small)):
            started = time.perf_counter()
            decoder.generate([longer.utterance], longer.sampling)
            rows.append(Figure(f"{name}: {seconds} s of speech", (time.perf_counter() - started) / seconds, "RTF"))
    return rows


def _gpu(model: GPT, work: Work, rounds: int, on_step: Callable[[str], None]) -> list[Figure]:
    """bfloat16 on the GPU against float32 there."""
    on_step("tokens on the GPU")
    exact = model.to("cuda")
    half = GPT(model.config).to("cuda", torch.bfloat16).eval()
    half.load_state_dict(exact.state_dict())
    rows = []
    said = {}
    for name, way in (("float32", exact), ("bfloat16", half)):
        for count in (1, BATCH):
            speeds = []
            for _ in range(rounds + 1):
                torch.cuda.synchronize()
                started = time.perf_counter()
                spoken = _tokens(way.generate([work.utterance] * count, work.sampling))
                torch.cuda.synchronize()
                speeds.append(sum(map(len, spoken)) / (time.perf_counter() - started))
            said[name] = spoken[0]
            rows.append(Figure(f"{name}, {count} at once", _median(speeds[1:]), "tokens/s"))
    rows.append(
        Figure("bfloat16: same argmax, teacher-forced", _teacher_forced(exact, half, work, said["float32"]), "", 0.9)
    )
    rows.append(Figure("peak memory of the GPU", torch.cuda.max_memory_allocated() / 1e6, "MB"))
    return rows


@torch.inference_mode()
def _sound(device: str, rounds: int, seconds: int = 4) -> list[Figure]:
    """SoVITS v2: codes to sound."""
    model = Sovits(SovitsConfig.of("v2")).for_inference(device)
    generator = torch.Generator().manual_seed(2)
    codes = torch.randint(1024, (1, 1, 25 * seconds), generator=generator)
    text = torch.randint(model.config.symbols, (1, TEXT), generator=generator)
    reference = torch.rand(1, 1025, 250, generator=generator)
    factors = []
    for _ in range(max(rounds // 2, 1) + 1):
        started = time.perf_counter()
        model.decode(codes, text, [reference]).sum().item()
        factors.append((time.perf_counter() - started) / seconds)
    return [Figure("SoVITS v2, codes to sound", _median(factors[1:]), "RTF")]


def _bandwidth(size: int) -> float:
    """Bytes a second at which the processor reads `size` bytes that it has not read just before."""
    values = torch.ones(size // 4)
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        values.sum()
        best = min(best, time.perf_counter() - started)
    return size / best


@torch.inference_mode()
def _teacher_forced(exact: GPT, other: GPT, work: Work, codes: list[int]) -> float:
    """Share of positions at which both find the same token likeliest, given the codes before."""
    device = exact.sines.device
    phonemes = work.utterance.phonemes[None].to(device)
    semantic = torch.cat([work.utterance.prompt, torch.tensor(codes)])[None].to(device)
    lengths = (torch.tensor([phonemes.shape[1]]), torch.tensor([semantic.shape[1]]))
    one, two = (m(phonemes, lengths[0], semantic, lengths[1])[0].argmax(-1) for m in (exact, other))
    return float((one == two).float().mean())


def _tokens(spoken: list[Spoken]) -> list[list[int]]:
    return [row.tokens.tolist() for row in spoken]


def _agreement(one: list[int], two: list[int]) -> float:
    """Share of tokens that are the same in the same place."""
    return sum(a == b for a, b in zip(one, two, strict=False)) / max(len(one), len(two), 1)


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
