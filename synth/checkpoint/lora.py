"""Low-rank changes (E. Hu et al., "LoRA", 2021) of a v3 or v4 SoVITS: out of a training, and into the model again.

    {weight: {cfm.base_model.model.estimator.transformer_blocks.N.attn.to_q.lora_A.default.weight: [rank, inputs], ..
              all other tensors but frozen parameters, by their own names}, config, info, lora_rank}

Names in the mel decoder (`cfm.`) are those of the PEFT library, which the reference trains with.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from synth.checkpoint.reading import LORA, Checkpoint
from synth.errors import VoxproofError

_PREFIX = "cfm.base_model.model."
_A, _B = "lora_A.default.weight", "lora_B.default.weight"


def packed(model: nn.Module) -> dict[str, Tensor]:
    """What the official file holds of a model with low-rank layers: all but its frozen parameters, in float16."""
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    kept = {name: value.detach().half() for name, value in model.state_dict().items() if name not in frozen}
    return {_PREFIX + name[4:] if name.startswith("cfm.") else name: value for name, value in kept.items()}


def merged(lora: Checkpoint, base: Checkpoint) -> Checkpoint:
    """`base` with weights W + B A where `lora` has a pair, and with its tensors where it has whole ones.

    The strength of these files is their rank, so that the product is not scaled. Changed weights are float32.
    """
    if lora.kind != "lora" or base.kind != "flow-matching" or lora.version != base.version:
        raise VoxproofError(
            f"a {lora.kind} of {lora.version} cannot be worked into a {base.kind} of {base.version}",
            cure="Give a LoRA file and the s2Gv3.pth or s2Gv4.pth that it was trained from.",
        )
    weight: dict[str, Tensor] = dict(base.weight)
    for name, value in lora.weight.items():
        target = name.replace(_PREFIX, "cfm.", 1)
        if LORA in name:
            target = target.replace(_A, "weight")
            change = _change(lora, name)
            if target not in weight or weight[target].shape != change.shape:
                raise VoxproofError(f"the base has no {target[:120]} of this shape", cure="It is another model.")
            weight[target] = weight[target].float() + change
        elif _B not in name:
            if target not in weight or weight[target].shape != value.shape:
                raise VoxproofError(f"the base has no {target[:120]} of this shape", cure="It is another model.")
            weight[target] = value
        elif name.replace(_B, _A) not in lora.weight:
            raise VoxproofError(f"{name[:120]} has no partner", cure="The LoRA file is damaged; obtain it again.")
    return replace(base, weight=weight, info=lora.info, config=lora.config or base.config)


def _change(lora: Checkpoint, name: str) -> Tensor:
    """B A for the A called `name`: [outputs, inputs] float32."""
    a, b = lora.weight[name], lora.weight.get(name.replace(_A, _B))
    rank = lora.lora_rank
    if b is None or a.dim() != 2 or b.dim() != 2 or a.shape[0] != b.shape[1] or rank not in (None, a.shape[0]):
        raise VoxproofError(
            f"the pair of {name[:120]} does not go together", cure="The LoRA file is damaged; obtain it again."
        )
    return b.float() @ a.float()
