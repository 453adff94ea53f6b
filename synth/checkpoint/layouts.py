"""Names and shapes of the tensors that a checkpoint must have, from its configuration and without memory for them.

The models themselves are asked, on torch's "meta" device and without being initialised. Official configurations do not
tell all sizes of v3 and v4 (ours do), nor those of the vocoder and of the speaker network: there is only one of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from synth.errors import VoxproofError
from synth.gpt import GPT, GPTConfig
from synth.sovits import EncoderConfig, Sovits, SovitsConfig, Version

if TYPE_CHECKING:
    from synth.sovits_flow import FlowSovitsConfig, FlowVersion

Shapes = dict[str, tuple[int, ...]]

WIDEST = 8192
"""Largest size of anything in a configuration that is not a vocabulary."""
MOST_LAYERS = 48
MOST_WORDS = 200_000
_CURE = "The checkpoint is damaged, or of a model that was never released."


def gpt_config(config: Mapping[str, Any]) -> GPTConfig:
    """The configuration of a text-to-semantic checkpoint, after its sizes were found to be sensible."""
    model = _section(config)
    for name, most in (
        ("phoneme_vocab_size", MOST_WORDS),
        ("vocab_size", MOST_WORDS),
        ("EOS", MOST_WORDS),
        ("embedding_dim", WIDEST),
        ("hidden_dim", WIDEST),
        ("head", 256),
        ("n_layer", MOST_LAYERS),
    ):
        if name in model:
            _size(name, model[name], most)
    _share(model.get("dropout", 0.0))
    found = GPTConfig.from_reference(config)
    if found.width % found.heads or found.width % 2:
        raise VoxproofError(f"{found.width} channels cannot be shared by {found.heads} heads", cure=_CURE)
    return found


@lru_cache(maxsize=16)
def gpt_shapes(config: GPTConfig) -> Shapes:
    """Of the model itself, without the prefix "model." of the official files."""
    with torch.device("meta"), _NotInitialised():
        return _shapes(GPT(config))


def sovits_config(config: Mapping[str, Any], version: Version) -> SovitsConfig:
    """The configuration of a SoVITS checkpoint, after its sizes were found to be sensible."""
    model = _section(config)
    _sensible(model, SovitsConfig)
    found = SovitsConfig.from_mapping({**model, "version": version}, version)
    if found.decoder not in ("hifigan", "fourier"):
        raise VoxproofError(f"the configuration's decoder is {str(found.decoder)[:40]!r}", cure=_CURE)
    if not isinstance(found.voiceprint, str) or not re.fullmatch("[0-9a-f]{0,64}", found.voiceprint):
        raise VoxproofError(f"the configuration's voiceprint is {str(found.voiceprint)[:40]!r}", cure=_CURE)
    stages = len(found.upsample_rates)
    if not stages == len(found.upsample_kernel_sizes) <= 10 or len(found.resblock_kernel_sizes) > 10:
        raise VoxproofError("the configuration's vocoder has stages that do not go together", cure=_CURE)
    return found


@lru_cache(maxsize=16)
def sovits_shapes(config: SovitsConfig) -> Shapes:
    """With the posterior encoder, which exported checkpoints leave out."""
    try:
        with torch.device("meta"), _NotInitialised():
            return _shapes(Sovits(config))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, AssertionError) as error:
        raise VoxproofError(f"no SoVITS can be built from the configuration ({error})", cure=_CURE) from error


def flow_config(config: Mapping[str, Any], version: FlowVersion) -> FlowSovitsConfig:
    """The configuration of a checkpoint of v3 or v4; sizes that it does not tell are the official ones."""
    from synth.sovits_flow import FlowSovitsConfig

    model = config.get("model")
    model = {} if model is None else _section(config)
    _sensible(model, FlowSovitsConfig)
    net = model.get("transformer", {})
    official = FlowSovitsConfig.of(version).to_mapping()
    if not isinstance(net, Mapping) or not net.keys() <= official["transformer"].keys():
        raise VoxproofError("the configuration's transformer is no table of known sizes", cure=_CURE)
    for name, value in net.items():
        _size(name, value, MOST_LAYERS if name in ("layers", "feature_blocks") else WIDEST)
    return FlowSovitsConfig.from_mapping(
        {**official, **model, "transformer": {**official["transformer"], **net}}, version
    )


@lru_cache(maxsize=16)
def flow_matching_shapes(config: FlowSovitsConfig | None = None) -> Shapes:
    """Of v3 and v4, which have the same; None: the official sizes."""
    from synth.sovits_flow import FlowSovits, FlowSovitsConfig

    try:
        with torch.device("meta"), _NotInitialised():
            return _shapes(FlowSovits(config or FlowSovitsConfig.of("v3")))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, AssertionError) as error:
        raise VoxproofError(f"no SoVITS can be built from the configuration ({error})", cure=_CURE) from error


@lru_cache(maxsize=2)
def vocoder_shapes(version: str) -> Shapes:
    """Of v3's vocoder (BigVGAN), or of v4's, which has its weight norm worked out."""
    from synth.vocoders import BigVgan, HifiGan

    with torch.device("meta"), _NotInitialised():
        return _shapes(BigVgan() if version == "v3" else HifiGan())


@lru_cache(maxsize=1)
def speaker_shapes() -> Shapes:
    """Of the speaker-verification network of the Pro versions."""
    from synth.speaker_verification import ERes2NetV2

    with torch.device("meta"), _NotInitialised():
        return _shapes(ERes2NetV2())


def compare(have: Mapping[str, tuple[int, ...]], want: Shapes, optional: str = "") -> None:
    """An error for the first tensor that is missing, unknown or of another shape.

    Those that begin with `optional` may be missing, but only all together.
    """
    if optional and not any(name.startswith(optional) for name in have):
        want = {name: shape for name, shape in want.items() if not name.startswith(optional)}
    for what, names in (
        ("missing", sorted(want.keys() - have.keys())),
        ("unknown", sorted(have.keys() - want.keys())),
        ("of another shape", sorted(name for name in want.keys() & have.keys() if want[name] != have[name])),
    ):
        if names:
            first = names[0]
            detail = f" ({list(have[first])}, not {list(want[first])})" if what == "of another shape" else ""
            raise VoxproofError(
                f"{len(names)} tensors are {what}, the first is {first[:120]}{detail}",
                cure="The file is damaged, or of another version than its configuration says.",
            )


class _NotInitialised(TorchFunctionMode):
    """Leaves out what fills new tensors with random numbers: only their shapes are wanted."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in ("uniform_", "normal_") or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        # numbers and arithmetic on "meta" would load PyTorch's compiler, 140 MB
        if func in (torch.arange, torch.tensor):
            kwargs["device"] = "cpu"
        if func is torch.Tensor.norm:  # of rows
            return torch.empty(len(args[0]))
        if func is torch.Tensor.mul and args[0].is_meta:  # by a number
            return torch.empty(args[0].shape)
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def _shapes(model: torch.nn.Module) -> Shapes:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


_NO_SIZES = ("version", "p_dropout", "freeze_quantizer", "transformer", "decoder", "voiceprint")


def _sensible(model: Mapping[str, Any], kind: type[EncoderConfig]) -> None:
    """An error for a size of a SoVITS that is none."""
    for field in fields(kind):
        value = model.get(field.name)
        if value is None or field.name in _NO_SIZES:
            continue
        depth = 2 if field.name == "resblock_dilation_sizes" else int(field.name.startswith(("upsample_", "resblock_")))
        depth -= field.name == "upsample_initial_channel"
        _nested(field.name, value, MOST_LAYERS if field.name == "n_layers" else WIDEST, depth)
    _share(model.get("p_dropout", 0.0))


def _section(config: Mapping[str, Any]) -> Mapping[str, Any]:
    section = config.get("model")
    if not isinstance(section, Mapping):
        raise VoxproofError("the checkpoint's configuration has no section 'model'", cure=_CURE)
    return section


def _share(dropout: Any) -> None:
    if not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise VoxproofError("the configuration's dropout is no number from 0 to 1", cure=_CURE)


def _size(name: str, value: Any, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise VoxproofError(f"the configuration's {name} is {str(value)[:40]!r}, not 1 to {most}", cure=_CURE)


def _nested(name: str, value: Any, most: int, depth: int) -> None:
    if not depth:
        _size(name, value, most)
    elif isinstance(value, list | tuple) and len(value) <= 16:
        for part in value:
            _nested(name, part, most, depth - 1)
    else:
        raise VoxproofError(f"the configuration's {name} is {str(value)[:40]!r}, not a short list", cure=_CURE)
