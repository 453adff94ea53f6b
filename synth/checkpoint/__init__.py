"""Official GPT-SoVITS checkpoints: read without running them, written bit-exact. See docs/clone/checkpoints.md."""

from synth.checkpoint.lora import merged, packed
from synth.checkpoint.reading import Checkpoint, read_checkpoint
from synth.checkpoint.writing import exported, write_checkpoint

__all__ = ["Checkpoint", "exported", "merged", "packed", "read_checkpoint", "write_checkpoint"]
