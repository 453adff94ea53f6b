"""An official GPT-SoVITS checkpoint, read safely: what it is, which version, its tensors and its configuration.

    {weight: {name: tensor}, config: {...}, info: text[, lora_rank: number]}     the exported form: .ckpt and .pth
    {name: tensor}, {generator: {name: tensor}}                                  vocoders, speaker verification

Which version it is, the tensors say first; only v3 and v4 have the same tensors, and there the two digits that newer
files begin with decide, then the known beginnings of the official files, then the caller. Names and shapes are
compared with what the configuration calls for before any number is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from torch import Tensor

from synth.checkpoint import layouts
from synth.checkpoint.container import Container
from synth.checkpoint.pickled import StoredTensor
from synth.checkpoint.plain import plain
from synth.errors import VoxproofError
from synth.sovits import Version

if TYPE_CHECKING:
    from synth.sovits_flow import FlowVersion

Kind = Literal["gpt", "sovits", "flow-matching", "lora", "vocoder", "speaker", "discriminators"]
Release = Literal["v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4"]

TAGS: dict[str, tuple[Release, Kind]] = {
    "00": ("v1", "sovits"), "01": ("v2", "sovits"), "02": ("v3", "flow-matching"), "03": ("v3", "lora"),
    "04": ("v4", "lora"), "05": ("v2Pro", "sovits"), "06": ("v2ProPlus", "sovits"),
}  # fmt: skip
"""What the first two bytes of newer files say."""
_BEGINNINGS: dict[str, Release] = {
    "43797be674a37c1c83ee81081941ed0f": "v3",
    "4f26b9476d0c5033e04162c486074374": "v4",
}
"""MD5 of the first 8192 bytes of s2Gv3.pth and s2Gv4.pth: a name for a file, not a proof of anything."""
LORA = ".lora_A."
BIGVGAN = "activation_post.act.alpha"
GPT_ROWS: dict[int, Release] = {512: "v1", 732: "v2"}
"""Phonemes of a GPT, and the version of its phoneme table; that of v2 serves all later versions."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What is in an official file."""

    kind: Kind
    """gpt: text to semantic tokens (S1). sovits: tokens to sound, v1 to v2ProPlus (S2). flow-matching: the same, v3 and
    v4. lora: changes to one of those. vocoder: that of v3 or v4. speaker: the network that hears voices for v2Pro and
    v2ProPlus. discriminators: what v1 to v2ProPlus are trained against; training alone reads them."""
    version: Release
    """Of a gpt: v1 or v2, after its phoneme table; v2 stands for all later ones."""
    weight: Mapping[str, Tensor]
    """By the names in the file, in its types (mostly float16)."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Plain data."""
    info: str = ""
    """What the training wrote about itself, e.g. "GPT-e15"."""
    lora_rank: int | None = None
    """Of a lora; its strength is the same number, so that the change is B A."""

    @property
    def text_pipeline(self) -> str | None:
        """Hash of the text front ends the model was trained with; official files do not say."""
        value = self.config.get("text_pipeline")
        return value if isinstance(value, str) else None


def read_checkpoint(path: str | Path, version: Release | None = None) -> Checkpoint:
    """Reads an exported checkpoint. `version` decides where the file cannot (v3 or v4), and must not contradict it."""
    try:
        with Container(path) as container:
            return _read(container, version)
    except VoxproofError as error:
        if error.path is not None:
            raise
        raise VoxproofError(error.cause, path=path, cure=error.cure) from error


def _read(container: Container, wanted: Release | None) -> Checkpoint:
    data = container.data
    if not isinstance(data, dict):
        raise VoxproofError("holds no weights", cure="Give the .ckpt or .pth file itself.")
    if "state_dict" in data or ("model" in data and "optimizer" in data):
        raise VoxproofError(
            "is a state of a training, to be resumed",
            cure="Give the exported file (folder GPT_weights or SoVITS_weights).",
        )
    stored = data.get("weight", data.get("generator", data))  # the latter in BigVGAN's files
    if not isinstance(stored, dict) or not stored or not all(isinstance(s, StoredTensor) for s in stored.values()):
        raise VoxproofError("holds no weights", cure="Give the exported file (folder GPT_weights or SoVITS_weights).")
    tensors: dict[str, StoredTensor] = {str(name): tensor for name, tensor in stored.items()}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    kind = kind_of(shapes)
    config = plain(data.get("config", {})) if stored is not data else {}
    if not isinstance(config, dict):
        raise VoxproofError("the checkpoint's configuration is no table", cure="It is damaged; obtain it again.")
    version = _version(kind, shapes, container, wanted, config.get("version"))
    _fit(kind, version, shapes, config)
    info, rank = data.get("info", ""), data.get("lora_rank")
    return Checkpoint(
        kind,
        version,
        {name: container.tensor(tensor) for name, tensor in tensors.items()},
        config,
        info[:1000] if isinstance(info, str) else "",
        rank if isinstance(rank, int) and kind == "lora" else None,
    )


def kind_of(shapes: Mapping[str, tuple[int, ...]]) -> Kind:
    """What kind of model has tensors of these names."""
    names = shapes.keys()
    if "model.ar_text_embedding.word_embeddings.weight" in names:
        return "gpt"
    if any(LORA in name for name in names):
        return "lora"
    if any(name.startswith("cfm.") for name in names):
        return "flow-matching"
    if "enc_p.text_embedding.weight" in names or "dec.conv_pre.weight" in names:
        return "sovits"
    if {"conv_pre.weight", "ups.0.weight"} <= names or BIGVGAN in names:
        return "vocoder"
    if any(name.startswith("discriminators.") for name in names):
        raise VoxproofError("is a discriminator, which only training uses", cure="Give the generator (s2G...).")
    if any(name.startswith("layer3_ds.") for name in names):
        return "speaker"
    raise VoxproofError("holds weights of an unknown kind of model", cure="Give a .ckpt of S1 or a .pth of S2.")


def _version(
    kind: Kind, shapes: Mapping[str, tuple[int, ...]], container: Container, wanted: Release | None, stated: Any
) -> Release:
    """From the tensors; where they leave it open, from tag, known beginnings, what newer savers have `stated` at the
    top of the configuration, and what the caller says."""
    said, said_kind = TAGS.get(container.tag, (None, None))
    if container.tag.isdigit() and said is None:
        raise VoxproofError(
            f"begins with {container.tag}, a version that is not known here", cure="Look for a newer Voxproof."
        )
    if said_kind is not None and said_kind != kind:
        raise VoxproofError(
            f"begins with {container.tag}, which stands for {said_kind}, but its tensors are those of {kind}",
            cure="The file was changed; obtain it again.",
        )
    found: Release | None
    if kind == "gpt":
        rows = (*shapes["model.ar_text_embedding.word_embeddings.weight"], 0)[0]
        if rows not in GPT_ROWS:
            raise VoxproofError(
                f"knows {rows} phonemes; the tables have {' or '.join(map(str, GPT_ROWS))}",
                cure="It was trained with other text front ends and would speak nonsense.",
            )
        found = GPT_ROWS[rows]
        if found == "v2" and wanted in ("v2Pro", "v2ProPlus", "v3", "v4"):
            wanted = None  # the same GPT serves them
    elif kind == "sovits":
        found = _sovits_version(shapes, said)
    elif kind in ("vocoder", "speaker"):
        found = "v2Pro" if kind == "speaker" else "v3" if BIGVGAN in shapes else "v4"
    else:
        found = said or _BEGINNINGS.get(_beginning(container)) or (stated if stated in ("v3", "v4") else wanted)
        if found not in ("v3", "v4"):
            raise VoxproofError(
                "is v3 or v4, which have the same tensors, and nothing in the file says which",
                cure="Say it: --version v3 or --version v4.",
            )
    if said is not None and said != found:
        raise VoxproofError(
            f"begins with {container.tag}, which stands for {said}, but its tensors are those of {found}",
            cure="The file was changed; obtain it again.",
        )
    if wanted is not None and wanted != found:
        raise VoxproofError(f"is {found}, not {wanted}", cure="Leave the version out.")
    return found


def _sovits_version(shapes: Mapping[str, tuple[int, ...]], said: Release | None) -> Release:
    """v1 and v2 by the phoneme table; Pro by the speaker embedding, ProPlus by its wider vocoder."""
    rows = (*shapes.get("enc_p.text_embedding.weight", ()), 0)[0]
    if "sv_emb.weight" in shapes:
        width = (*shapes.get("dec.conv_pre.weight", ()), 0)[0]
        if width not in (512, 768) and said in ("v2Pro", "v2ProPlus"):  # a size that was never released
            return said
        return "v2ProPlus" if width == 768 else "v2Pro"
    if rows not in (322, 732):
        raise VoxproofError(
            f"knows {rows} phonemes; the tables have 322 or 732",
            cure="It was trained with other text front ends and would speak nonsense.",
        )
    return "v1" if rows == 322 else "v2"


def _beginning(container: Container) -> str:
    start = bytes(container.source.read(0, min(8192, container.source.size)))
    return hashlib.md5(start, usedforsecurity=False).hexdigest()


def _fit(kind: Kind, version: Release, shapes: Mapping[str, tuple[int, ...]], config: Mapping[str, Any]) -> None:
    """An error unless the tensors are those of the model that the configuration describes."""
    if kind == "gpt":
        want = {f"model.{n}": s for n, s in layouts.gpt_shapes(layouts.gpt_config(config)).items()}
        layouts.compare(shapes, want)
    elif kind == "sovits":
        assert version in get_args(Version)  # noqa: S101 (so says _sovits_version)
        found = layouts.sovits_config(config, cast(Version, version))
        layouts.compare(shapes, layouts.sovits_shapes(found), "enc_q.")
    elif kind == "flow-matching":
        layouts.compare(shapes, layouts.flow_matching_shapes(layouts.flow_config(config, cast("FlowVersion", version))))
    elif kind == "vocoder":
        layouts.compare(shapes, layouts.vocoder_shapes(version))
    elif kind == "speaker":
        layouts.compare(shapes, layouts.speaker_shapes())
