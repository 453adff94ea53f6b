"""The layers of the text-to-semantic model as machine code, for decoding token by token on a processor.

A token passes some 200 small operations, and between them PyTorch on a processor spends as long as the memory needs to
give the weights. Here one compiled function does them all: the threads are started once for a token and take the pieces
of its stages in turn (`synth.turns`), weights are read in order, once for all rows of a batch (`synth.dots`), and next
to nothing is allocated. The arithmetic is that of `synth.gpt.Layer`; weights may be float32 or int8 with one scale per
output, which are widened as they are read. Activations stay float32, but for single rows with int8 weights where the
processor has an instruction for them: they are rounded to 13 bits or more then.

A layer has five stages: query, key and value; attention; its output; up; down. What a later stage needs of an earlier
one is shared by all threads; sums are normalised by each thread for itself, which is sooner done than waited for.

Compiled by Numba at the first use (half a minute) and kept on disk. The weights are those of the model, not copies.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numba
import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from synth.attending import attend
from synth.dots import (
    AVAILABLE,
    INTEGERS,
    OUTPUTS,
    eight_by_two,
    four_by_four,
    integer_products,
    levels,
    one_by_eight,
    split,
)
from synth.sampling import Choice, Sampling, Source, choose
from synth.turns import DONE, SIZE, TAKEN, Turns, await_turn, raise_one
from synth.vectors import LANES, ask, compiled, largest

if TYPE_CHECKING:
    from synth.gpt import GPT, Layer, Linear

Float = NDArray[np.float32]
Ids = NDArray[np.int64]
Numbers = NDArray[np.int16]

_EPSILON = np.float32(1e-5)  # of the norms
_FAR = 2**17  # weights that a waiting thread asks for
_STAGES = 5  # of a layer
_CORES: int = numba.get_num_threads()
_WORKQUEUE = threading.Lock()  # Numba's last resort among its thread pools takes one caller at a time


class Steps:
    """Takes the tokens of a batch to the scores of the next."""

    def __init__(self, model: "GPT", memory: Tensor) -> None:
        """`memory` [layers, 2, rows, heads, capacity, channels] float32 on the processor, for keys and values."""
        width = model.config.width
        layers: list[Any] = list(model.h.layers)
        self._weights = _in_one_block([matrix.weight for layer in layers for matrix in layer.matrices])
        self._weights = self._weights.reshape(model.config.layers, 12 * width * width)
        self._rest = np.stack([_rest(layer) for layer in layers])
        head = model.ar_predict_layer
        self._head = head.weight.detach().numpy(), _scale(head), np.zeros(len(head.weight), np.float32)
        self._embedding = model.ar_audio_embedding.word_embeddings.weight.detach().numpy()
        self._alpha, self._sines = np.float32(model.ar_audio_position.alpha.item()), model.sines.numpy()
        _, _, rows, heads, capacity, channels = memory.shape
        self._memory = memory.numpy().reshape(-1, channels)
        self._shape = rows, heads, capacity
        self._room = tuple(np.empty((rows, size * width), np.float32) for size in (3, 1, 1, 4, 1))
        self._own = np.empty((_CORES, rows, width), np.float32), np.empty((_CORES, 4 * width), np.int16)
        self._shares = np.empty((_CORES, capacity), np.float32)
        self._aligned = channels % LANES == 0
        self._integers = AVAILABLE and self._weights.dtype == np.int8 and width % INTEGERS == 0
        self._turns = np.zeros(SIZE, np.int64)

    def __call__(self, tokens: Tensor, positions: Tensor, starts: Tensor, filled: int) -> Tensor:
        """tokens and positions [rows], starts [rows] first column that is not padding -> scores [rows, vocabulary].

        Keys and values are written to column `filled` of the first rows of the memory.
        """
        scores = np.empty((len(tokens), len(self._head[0])), np.float32)
        threads = min(torch.get_num_threads(), _CORES)
        with _WORKQUEUE:
            numba.set_num_threads(threads)
            _step(
                threads, self._turns, tokens.numpy(), positions.numpy(), starts.numpy(), filled, self._embedding,
                self._sines, self._alpha, self._weights, self._rest, *self._head, self._memory, self._shape, self._room,
                *self._own, self._shares, self._aligned, self._integers, scores,
            )  # fmt: skip
        return torch.from_numpy(scores)

    @staticmethod
    def choose(
        logits: Tensor, seen: Tensor, step: int, sampling: Sampling, sources: Sequence[Generator | Source] | None = None
    ) -> Choice:
        """What `synth.sampling.choose` does; greedy ones in one go, since each of a dozen operations has its price."""
        if not sampling.greedy:
            return choose(logits, seen, step, sampling, sources)
        tokens, end = np.empty(len(logits), np.int64), logits.shape[1] - 1
        penalty = np.float32(sampling.repetition_penalty)
        _likeliest(logits.numpy(), seen.numpy(), end + (step >= sampling.least), penalty, tokens)
        return Choice(torch.from_numpy(tokens), torch.from_numpy(tokens == end))


def _scale(linear: "nn.Module | Linear") -> Float:
    """Of each output: that of `synth.quantised.Int8Linear`, or 1."""
    scale = getattr(linear, "scale", None)
    return np.ones(len(cast(Tensor, linear.weight)), np.float32) if scale is None else scale.numpy()


def _rest(layer: "Layer") -> Float:
    """What is not a matrix, of one layer: scales, biases, norms, [22 * width]."""
    scales = [_scale(matrix) for matrix in layer.matrices]
    vectors = [cast(Tensor, matrix.bias) for matrix in layer.matrices]
    vectors += [layer.norm1.weight, layer.norm1.bias, layer.norm2.weight, layer.norm2.bias]
    return np.concatenate([*scales, *(vector.detach().numpy() for vector in vectors)])


def _in_one_block(tensors: list[Tensor]) -> NDArray[Any]:
    """The values of tensors of one type, one after the other; they are moved there unless they already are.

    So one array reaches them all; and the system maps a large block in large pages, out of which weights come about
    5 % sooner.
    """
    with torch.inference_mode(False), torch.no_grad():
        sizes = np.cumsum([0, *(tensor.numel() for tensor in tensors)])
        begin, width = tensors[0].data_ptr(), tensors[0].element_size()
        if any(tensor.data_ptr() != begin + int(at) * width for tensor, at in zip(tensors, sizes, strict=False)):
            block = torch.from_numpy(np.empty(sizes[-1], torch.empty(0, dtype=tensors[0].dtype).numpy().dtype))
            for tensor, at in zip(tensors, sizes, strict=False):
                place = block[at : at + tensor.numel()].view_as(tensor)
                place.copy_(tensor)
                tensor.data = place
        return tensors[0].detach().as_strided((int(sizes[-1]),), (1,)).numpy()


@compiled(fast=False)
def _likeliest(scores: Float, seen: NDArray[np.bool_], columns: int, penalty: np.float32, tokens: Ids) -> None:
    """The first of the largest of some columns of scores [rows, vocabulary], of each row; those seen are penalised."""
    for row in range(len(scores)):
        highest = np.float32(-np.inf)
        tokens[row] = 0
        for c in range(columns):
            score = scores[row, c]
            if seen[row, c]:
                score = score * penalty if score < 0 else score / penalty
            if score > highest:
                highest, tokens[row] = score, c


@compiled(parallel=True)
def _step(
    threads: int, turns: Turns, tokens: Ids, positions: Ids, starts: Ids, filled: int, embedding: Float, sines: Float,
    alpha: np.float32, weights: NDArray[Any], rest: Float, head: NDArray[Any], head_scale: Float, head_bias: Float,
    memory: Float, shape: tuple[int, int, int], room: tuple[Float, ...], own: Float, numbers: Numbers, shares: Float,
    aligned: bool, integers: bool, scores: Float,
) -> None:  # fmt: skip
    """tokens [rows] at positions [rows] through all layers to scores [rows, vocabulary]."""
    rows = len(tokens)
    start = room[4]  # what the last layer will leave its sums in
    for row in range(rows):
        for c in range(embedding.shape[1]):
            start[row, c] = embedding[tokens[row], c] + alpha * sines[positions[row], c]
    turns[:] = 0
    for part in prange(threads):
        _work(
            threads, turns, starts, filled, weights, rest, head, head_scale, head_bias, memory, shape, room,
            own[part, :rows], numbers[part], shares[part], aligned, integers and rows == 1, scores,
        )  # fmt: skip


@compiled()
def _work(
    threads: int, turns: Turns, starts: Ids, filled: int, weights: NDArray[Any], rest: Float, head: NDArray[Any],
    head_scale: Float, head_bias: Float, memory: Float, shape: tuple[int, int, int], room: tuple[Float, ...], x: Float,
    numbers: Numbers, share: Float, aligned: bool, integers: bool, scores: Float,
) -> None:  # fmt: skip
    """What one thread does of it. Its own are x, after the last norm [rows, width], numbers and share [columns]."""
    (rows, w), heads, channels = x.shape, shape[1], memory.shape[1]
    qkv, attended, middle, wide, end = room
    tasks = rows * heads
    most = min(threads, tasks)
    norms, split_for = -1, -1  # how many x has passed, and the stage for which numbers are
    step, correction = np.float32(1), 0
    stage = first = 0  # and its first turn
    while True:
        turn = raise_one(turns, TAKEN)
        pieces = most if stage % _STAGES == 1 else threads
        while turn >= first + pieces:
            first, stage = first + pieces, stage + 1
            pieces = most if stage % _STAGES == 1 else threads
        index, kind = stage // _STAGES, stage % _STAGES
        if stage > _STAGES * len(weights):
            return
        over = index == len(weights)
        piece = turn - first
        layer = index - 1 if over else index
        matrices, vectors = weights[layer], rest[layer]
        if kind == 1:
            task, stop = piece * tasks // pieces, (piece + 1) * tasks // pieces
            keys = _column(layer, 0, task, shape)
            await_turn(turns, first, memory, (keys + starts[task // heads]) * channels, (keys + filled) * channels)
            while task < stop:
                later = min(task + 1, stop - 1)
                attend(
                    qkv, task // heads, task % heads, memory, _column(layer, 0, task, shape),
                    _column(layer, 1, task, shape), _column(layer, 0, later, shape), starts[task // heads], filled,
                    share, aligned, attended,
                )  # fmt: skip
                task += 1
            raise_one(turns, DONE)
            continue
        if over:
            source, matrix, to, begin = x, head, scores, 0
        elif kind == 0:
            source, matrix, to, begin = x, matrices[: 3 * w * w].reshape(3 * w, w), qkv, 0
        elif kind == 2:
            source, matrix, to, begin = attended, matrices[3 * w * w : 4 * w * w].reshape(w, w), middle, 3 * w
        elif kind == 3:
            source, matrix, to, begin = x, matrices[4 * w * w : 8 * w * w].reshape(4 * w, w), wide, 4 * w
        else:
            source, matrix, to, begin = wide, matrices[8 * w * w :].reshape(w, 4 * w), end, 8 * w
        scale = head_scale if over else vectors[begin:]
        bias = head_bias if over else vectors[9 * w + begin :]
        blocks, inputs = len(matrix) // OUTPUTS, matrix.shape[1]
        lowest = piece * blocks // pieces * OUTPUTS
        highest = len(matrix) if piece + 1 == pieces else (piece + 1) * blocks // pieces * OUTPUTS
        for o in range(lowest, highest, 16):
            ask(scale, o)
            ask(bias, o)
        needed = 2 * index + (1 if kind > 2 else 0)
        before = rest[(needed - 1) // 2, 20 * w :] if needed % 2 == 0 else vectors[18 * w :]
        if norms != needed:
            for c in range(0, 2 * w, 16):
                ask(before, c)
        await_turn(turns, first, matrix, lowest * inputs, min(highest * inputs, lowest * inputs + _FAR))
        if norms != needed:
            if needed == 0:
                x[:] = end[:rows]
            else:
                _norm(middle if needed % 2 else end, before[:w], before[w : 2 * w], x)
            norms = needed
        if integers and split_for != stage:
            step = max(largest(source[0]), np.float32(1e-30)) / np.float32(levels(inputs))
            correction = split(source[0], step, numbers)
            split_for = stage
        _products(source[:rows], matrix, to, lowest, highest, aligned, integers, numbers, correction, step)
        for row in range(rows):
            y = to[row]
            for o in range(lowest, highest):
                y[o] = y[o] * scale[o] + bias[o]
            if kind == 3:
                for o in range(lowest, highest):
                    y[o] = max(y[o], np.float32(0))
            elif kind:
                for o in range(lowest, highest):
                    y[o] += x[row, o]
        raise_one(turns, DONE)


@compiled()
def _column(layer: int, values: int, task: int, shape: tuple[int, int, int]) -> int:
    """Where the keys (or values) of a head of a row begin; task is row times heads plus head."""
    rows, heads, capacity = shape
    return ((2 * layer + values) * rows * heads + task) * capacity


@compiled()
def _products(
    x: Float, weight: NDArray[Any], y: Float, start: int, stop: int, aligned: bool, integers: bool, numbers: Numbers,
    correction: int, step: np.float32,
) -> None:  # fmt: skip
    """y[row, output] of some outputs, for all rows of x; of a single row in integers (`split`), where that is to be."""
    rows, inputs = x.shape
    o = start
    while o + OUTPUTS <= stop and integers:
        integer_products(weight, o, numbers, correction, y)
        for k in range(o, o + OUTPUTS):
            y[0, k] *= step
        o += OUTPUTS
    while o + OUTPUTS <= stop and aligned:
        r = 0
        while r + 8 <= rows:
            for k in range(o, o + OUTPUTS, 2):
                eight_by_two(weight, k, x, r, y)
            r += 8
        while r + 4 <= rows:
            for k in range(o, o + OUTPUTS, 4):
                four_by_four(weight, k, x, r, y)
            r += 4
        while r < rows:
            one_by_eight(weight, o, x, r, y)
            r += 1
        o += OUTPUTS
    for last in range(o, stop):
        for r in range(rows):
            sum_ = np.float32(0)
            for i in range(inputs):
                sum_ += np.float32(weight[last, i]) * x[r, i]
            y[r, last] = sum_


@compiled()
def _norm(x: Float, weight: Float, bias: Float, out: Float) -> None:
    """Layer norm of x [rows, width]."""
    width = np.float32(x.shape[1])
    for row in range(len(out)):
        mean = spread = np.float32(0)
        for c in range(x.shape[1]):
            mean += x[row, c]
        mean /= width
        for c in range(x.shape[1]):
            spread += (x[row, c] - mean) ** 2
        factor = np.float32(1) / np.sqrt(spread / width + _EPSILON)
        for c in range(x.shape[1]):
            out[row, c] = (x[row, c] - mean) * factor * weight[c] + bias[c]
