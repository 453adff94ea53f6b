"""One token through the text-to-semantic model in shapes that never change, so that a GPU replays it as one CUDA graph.

A GPU needs about as long to be told of a small operation as to do it, and a token has some 500. Recorded once, they are
started together. For that the whole room of keys and values is attended to at every token, what is not filled being
masked, and rows that have ended go on with nothing that anyone reads. The arithmetic is that of `synth.gpt.Layer`.

On a processor the same step runs without a graph, which is how it is tested. It was not run on a GPU.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from synth.sampling import choose

if TYPE_CHECKING:
    from synth.gpt import GPT

_WARM_UP = 3  # runs before the recording, as PyTorch's documentation of CUDA graphs asks for


class GraphedSteps:
    """Takes the tokens of a batch to the scores of the next."""

    def __init__(self, model: "GPT", memory: Tensor, filled: int, fuse: bool = False) -> None:
        """`memory` [layers, 2, rows, heads, capacity, channels] holds keys and values in its first `filled` columns.

        `fuse`: torch.compile joins operations first. It takes tens of seconds for every new number of rows and
        capacity, so it is for long work.
        """
        rows, capacity, device = memory.shape[2], memory.shape[4], memory.device
        self._model, self._memory = model, memory
        self._columns = torch.arange(capacity, device=device)
        self._tokens, self._positions, self._starts = torch.zeros(3, rows, dtype=torch.long, device=device)
        self._filled = torch.zeros(1, dtype=torch.long, device=device)
        memory[:, :, :, :, filled:].zero_()  # they are multiplied by 0, which is not 0 for what may have been there
        self._step: Callable[[], Tensor] = (
            torch.compile(self._run, fullgraph=True, dynamic=False) if fuse else self._run
        )
        self._graph: torch.cuda.CUDAGraph | None = None
        self._scores = torch.empty(0, device=device)

    def __call__(self, tokens: Tensor, positions: Tensor, starts: Tensor, filled: int) -> Tensor:
        """tokens and positions [rows], starts [rows] first column that is not padding -> scores [rows, vocabulary].

        Keys and values are written to column `filled` of the first rows of the memory. There may be fewer rows than in
        the memory, then they are its first.
        """
        rows = len(tokens)
        for buffer, value in ((self._tokens, tokens), (self._positions, positions), (self._starts, starts)):
            buffer[:rows].copy_(value)
        self._filled.fill_(filled)
        if self._memory.device.type != "cuda":
            return self._step()[:rows]
        self._graph = self._graph or self._recorded()
        self._graph.replay()
        return self._scores[:rows].clone()

    choose = staticmethod(choose)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._scores = self._step()
        return graph

    def _run(self) -> Tensor:
        """[rows, vocabulary] from what is in the buffers."""
        model: Any = self._model
        rows, heads, channels = len(self._tokens), model.config.heads, model.config.width // model.config.heads
        x = model.ar_audio_position(model.ar_audio_embedding(self._tokens), model.sines[self._positions])
        allowed = (self._columns >= self._starts[:, None]) & (self._columns <= self._filled)
        for layer, (keys, values) in zip(model.h.layers, self._memory, strict=True):
            own = layer.self_attn
            query, key, value = own.project(x).view(rows, 3, heads, 1, channels).unbind(1)
            keys.index_copy_(2, self._filled, key)
            values.index_copy_(2, self._filled, value)
            found = F.scaled_dot_product_attention(query, keys, values, attn_mask=allowed[:, None, None])
            x = layer.norm1(x + own.out_proj(found.reshape(rows, heads * channels)))
            x = layer.norm2(x + layer.linear2(F.relu(layer.linear1(x))))
        scores: Tensor = model.ar_predict_layer(x)
        return scores
