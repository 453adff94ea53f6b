"""What a training writes about itself: a line of JSON a step, always; TensorBoard, where it is installed; pictures.

The lines hold nothing that differs from run to run, so that two curves can be compared line by line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

LOG = "log.jsonl"


class Log:
    """The log of a training in `folder`, from step `step` on; what was written after that step is taken away."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        kept = [line for line in read_log(folder) if line["step"] <= step]
        self._file = (folder / LOG).open("w", encoding="utf-8")
        for line in kept:
            self._write(line)
        self._file.flush()
        self._board = _tensorboard(folder / "tensorboard", step)

    def add(self, kind: str, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """`kind` is "train" or "validation"."""
        self._write({"kind": kind, "step": step, "epoch": epoch, **values})
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def picture(self, step: int, mels: Mapping[str, Tensor]) -> Path | None:
        """Log-mels above each other, as an image; a training never writes sound."""
        if not mels:
            return None
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 2.2 * len(mels)), layout="constrained")
        FigureCanvasAgg(figure)
        low = min(float(m.min()) for m in mels.values())
        high = max(float(m.max()) for m in mels.values())
        for axes, (name, value) in zip(figure.subplots(len(mels), squeeze=False)[:, 0], mels.items(), strict=True):
            axes.imshow(value.float().cpu().numpy(), origin="lower", aspect="auto", vmin=low, vmax=high)
            axes.set_title(name, fontsize=9, loc="left")
            axes.set_ylabel("mel band")
        axes.set_xlabel("frame")
        path = self.folder / "pictures" / f"step-{step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path, dpi=100, metadata={"Software": None})
        if self._board is not None:
            self._board.add_figure("validation", figure, step)
        return path

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")


def read_log(folder: str | Path) -> list[dict[str, Any]]:
    """The lines of a training's log; a line that a kill cut short is left out."""
    path = Path(folder) / LOG
    lines: list[dict[str, Any]] = []
    if not path.exists():
        return lines
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "step" in line:
            lines.append(line)
    return lines


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
