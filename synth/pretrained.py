"""Models of the `transformers` library from a local folder or the Hugging Face hub, without running what files hold.

Such a folder has `config.json` and either `model.safetensors` or `pytorch_model.bin`. The latter is a pickle, which
`synth.checkpoint` reads as data, so that the official folders of GPT-SoVITS can be used as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from synth.checkpoint.state import read_state_dict
from synth.errors import VoxproofError

FILES = ("config.json", "model.safetensors", "pytorch_model.bin", "vocab.txt")
_GET = "Download the model's folder on a machine that is online, and give its path."


def local_folder(name: str | Path) -> Path:
    """The folder `name`, or that of the hub's model called `name`, fetched if it is not in the hub's cache."""
    if Path(name).is_dir():
        return Path(name)
    if Path(name).exists() or str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
        raise VoxproofError("is no folder of a model", path=name, cure="Give a folder with a config.json.")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise VoxproofError(
            f"{name} would come from the Hugging Face hub, which needs {error.name}",
            cure="Run: pip install 'voxproof[clone]', or give a local folder.",
        ) from error
    try:
        return Path(snapshot_download(str(name), allow_patterns=list(FILES)))
    except Exception as error:  # whatever the network, the hub's library and the cache come up with
        raise VoxproofError(
            f"the model {name} is not on this machine and could not be fetched ({type(error).__name__})", cure=_GET
        ) from error


def load_pretrained(
    folder: Path,
    build: Callable[[Mapping[str, Any]], nn.Module],
    *,
    prefix: str = "",
    optional: tuple[str, ...] = (),
    dropped: tuple[str, ...] = (),
) -> nn.Module:
    """The model that `build` makes of the folder's configuration, with the folder's weights, float32, for evaluation.

    `prefix` is taken off the names in the file. Tensors whose names begin with one of `optional` may be missing, those
    with one of `dropped` are left out; every other difference is an error.
    """
    from synth.canonical import parse

    try:
        model = build(parse((folder / "config.json").read_bytes()))
    except VoxproofError:
        raise
    except Exception as error:  # a configuration can fail in any way that the library knows
        raise VoxproofError(f"has no usable config.json ({error})", path=folder, cure=_GET) from error
    own = model.state_dict()
    state = {_name(name.removeprefix(prefix), own): value.float() for name, value in _weights(folder).items()}
    state = {name: value for name, value in state.items() if not name.startswith(dropped or ("\0",))}
    missing = sorted(name for name in own.keys() - state.keys() if not name.startswith(optional or ("\0",)))
    unknown = sorted(state.keys() - own.keys())
    wrong = sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
    for what, names in (("missing", missing), ("unknown", unknown), ("of another shape", wrong)):
        if names:
            raise VoxproofError(
                f"{len(names)} tensors are {what}, the first is {names[0][:120]}", path=folder, cure=_GET
            )
    model.load_state_dict(state, strict=False)
    return model.float().eval()


def _name(name: str, own: Mapping[str, Tensor]) -> str:
    """Weight norm is called otherwise in older files."""
    if name in own:
        return name
    for old, new in (
        ("weight_g", "parametrizations.weight.original0"),
        ("weight_v", "parametrizations.weight.original1"),
    ):
        if name.endswith(old) and name.removesuffix(old) + new in own:
            return name.removesuffix(old) + new
    return name


def _weights(folder: Path) -> dict[str, Tensor]:
    safe, pickled = folder / "model.safetensors", folder / "pytorch_model.bin"
    if safe.exists():
        try:
            weights: dict[str, Tensor] = load_file(safe)
        except (OSError, SafetensorError) as error:
            raise VoxproofError(f"cannot be read ({error})", path=safe, cure=_GET) from error
        return weights
    if pickled.exists():
        return read_state_dict(pickled)
    raise VoxproofError("has neither model.safetensors nor pytorch_model.bin", path=folder, cure=_GET)
