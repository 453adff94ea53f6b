"""The layers of the text-to-semantic model as machine code, for decoding token by token on a processor.

A token passes some 200 small operations, and between them PyTorch on a processor spends as long as the memory needs to
give the weights. Here one compiled function does them all: every thread reads its part of the weights in order, once,
for all rows of the batch, and next to nothing is allocated. The arithmetic is that of `synth.gpt.Layer`; weights may be
float32 or int8 with one scale per output, which are widened as they are read. Activations stay float32, but for single
rows with int8 weights where the processor has an instruction for them: they are rounded to 13 bits or more then.

Compiled by Numba at the first use (half a minute) and kept on disk. The weights are those of the model, not copies.
"""

import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor, nn

from synth.integer_dots import AVAILABLE, LANES, four_dots
from synth.integer_dots import levels as _levels

if TYPE_CHECKING:
    from synth.gpt import GPT, Layer, Linear

Float = NDArray[np.float32]
Rounded = tuple[NDArray[np.int16], Float]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_LOG2E = np.float32(1 / math.log(2))
_LN2_HIGH = np.float32(round(math.log(2) * 4096) / 4096)  # exact times any exponent
_LN2_LOW = np.float32(math.log(2) - round(math.log(2) * 4096) / 4096)
_LOWEST = np.float32(-87.0)  # exp of it is the smallest normal number, nearly
_UNSEEN = np.float32(-3e38)
_EPSILON = np.float32(1e-5)  # of the norms
_CORES: int = numba.get_num_threads()
_WORKQUEUE = threading.Lock()  # Numba's last resort among its thread pools takes one caller at a time


def _compiled(parallel: bool) -> Callable[[Kernel], Kernel]:
    decorate: Any = numba.njit(parallel=parallel, fastmath=True, nogil=True, cache=True)
    return cast(Callable[[Kernel], Kernel], decorate)


levels = _compiled(parallel=False)(_levels)


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
        self._alpha, self._sines = float(model.ar_audio_position.alpha), model.sines.numpy()
        self._memory = memory.numpy()
        rows = memory.shape[2]
        self._room = tuple(np.empty((rows, size * width), np.float32) for size in (3, 1, 4, 1))
        self._integers = AVAILABLE and self._weights.dtype == np.int8 and width % LANES == 0
        self._rounded = np.empty(4 * width, np.int16), np.zeros(1, np.float32)
        self._shares = np.empty((rows * memory.shape[3], memory.shape[4]), np.float32)

    def __call__(self, tokens: Tensor, positions: Tensor, starts: Tensor, filled: int) -> Tensor:
        """tokens and positions [rows], starts [rows] first column that is not padding -> scores [rows, vocabulary].

        Keys and values are written to column `filled` of the first rows of the memory.
        """
        x = self._embedding[tokens.numpy()] + np.float32(self._alpha) * self._sines[positions.numpy()]
        scores = np.empty((len(x), len(self._head[0])), np.float32)
        threads = min(torch.get_num_threads(), _CORES)
        with _WORKQUEUE:
            numba.set_num_threads(threads)
            _step(
                x, self._weights, self._rest, *self._head, self._memory, filled, starts.numpy(),
                self._room, self._rounded, self._integers, self._shares, scores, threads,
            )  # fmt: skip
        return torch.from_numpy(scores)


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


@_compiled(parallel=True)
def _step(
    x: Float, weights: NDArray[Any], rest: Float, head: NDArray[Any], head_scale: Float, head_bias: Float,
    memory: Float, filled: int, starts: NDArray[np.int64], room: tuple[Float, ...], rounded: Rounded, integers: bool,
    shares: Float, scores: Float, threads: int,
) -> None:  # fmt: skip
    """x [rows, width] through all layers, in place, and to scores [rows, vocabulary]."""
    rows, w = x.shape
    heads, channels = memory.shape[3], memory.shape[5]
    qkv, attended, wide, branch = room
    for index in range(len(weights)):
        matrices, vectors = weights[index], rest[index]
        packed, out = matrices[: 3 * w * w].reshape(3 * w, w), matrices[3 * w * w : 4 * w * w].reshape(w, w)
        up, down = matrices[4 * w * w : 8 * w * w].reshape(4 * w, w), matrices[8 * w * w :].reshape(w, 4 * w)
        scale, bias, norms = vectors[: 9 * w], vectors[9 * w : 18 * w], vectors[18 * w :]
        first = _round(x, rounded, integers)
        for part in prange(threads):
            _outputs(x, first, packed, scale, bias, qkv, part, threads, integers, False)
        for task in prange(rows * heads):
            row, head_ = task // heads, task % heads
            for c in range(channels):
                memory[index, 0, row, head_, filled, c] = qkv[row, w + head_ * channels + c]
                memory[index, 1, row, head_, filled, c] = qkv[row, 2 * w + head_ * channels + c]
            _attend(
                qkv[row, head_ * channels : (head_ + 1) * channels],
                memory[index, 0, row, head_, starts[row] : filled + 1],
                memory[index, 1, row, head_, starts[row] : filled + 1],
                shares[task, : filled + 1 - starts[row]],
                attended[row, head_ * channels : (head_ + 1) * channels],
            )
        second = _round(attended, rounded, integers)
        for part in prange(threads):
            _outputs(
                attended, second, out, scale[3 * w :], bias[3 * w :], branch, part, threads, integers, False
            )  # fmt: skip
        for row in range(rows):
            _add_and_norm(x[row], branch[row], norms[:w], norms[w : 2 * w])
        third = _round(x, rounded, integers)
        for part in prange(threads):
            _outputs(x, third, up, scale[4 * w :], bias[4 * w :], wide, part, threads, integers, True)
        fourth = _round(wide, rounded, integers)
        for part in prange(threads):
            _outputs(wide, fourth, down, scale[8 * w :], bias[8 * w :], branch, part, threads, integers, False)
        for row in range(rows):
            _add_and_norm(x[row], branch[row], norms[2 * w : 3 * w], norms[3 * w :])
    last = _round(x, rounded, integers)
    for part in prange(threads):
        _outputs(x, last, head, head_scale, head_bias, scores, part, threads, integers, False)


@_compiled(parallel=False)
def _round(x: Float, rounded: Rounded, integers: bool) -> Rounded:
    """The row of x [1, inputs] as 16-bit numbers [1, inputs], and its step; nothing for other numbers of rows."""
    numbers, step = rounded
    rows, inputs = x.shape
    found = numbers[:inputs].reshape(1, inputs)
    if integers and rows == 1:
        largest = np.float32(1e-30)
        for i in range(inputs):
            largest = max(largest, abs(x[0, i]))
        step[0] = largest / np.float32(levels(inputs))
        factor = np.float32(1) / step[0]
        for i in range(inputs):
            found[0, i] = np.int16(np.rint(x[0, i] * factor))
    return found, step


@_compiled(parallel=False)
def _outputs(
    x: Float, rounded: Rounded, weight: NDArray[Any], scale: Float, bias: Float, y: Float, part: int, parts: int,
    integers: bool, rectify: bool,
) -> None:  # fmt: skip
    """One part of the outputs of a linear layer, for all rows of x: y[row, output].

    Four outputs by four rows at a time, so that a weight comes from the memory once and a number is loaded for four
    products; rows that are left by four outputs, outputs that are left one by one.
    """
    start, stop = part * len(weight) // parts, (part + 1) * len(weight) // parts
    numbers, step = rounded
    rows, inputs = x.shape[0], weight.shape[1]
    o = start
    while integers and rows == 1 and o + 4 <= stop:
        four_dots(weight, o, numbers, 0, y)
        for k in range(o, o + 4):
            y[0, k] *= step[0]
        o += 4
    while o + 4 <= stop:
        r = 0
        while r + 4 <= rows:
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = np.float32(0)
            for i in range(inputs):
                x0, x1, x2, x3 = x[r, i], x[r + 1, i], x[r + 2, i], x[r + 3, i]
                v = np.float32(weight[o, i])
                a0, a1, a2, a3 = a0 + v * x0, a1 + v * x1, a2 + v * x2, a3 + v * x3
                v = np.float32(weight[o + 1, i])
                b0, b1, b2, b3 = b0 + v * x0, b1 + v * x1, b2 + v * x2, b3 + v * x3
                v = np.float32(weight[o + 2, i])
                c0, c1, c2, c3 = c0 + v * x0, c1 + v * x1, c2 + v * x2, c3 + v * x3
                v = np.float32(weight[o + 3, i])
                d0, d1, d2, d3 = d0 + v * x0, d1 + v * x1, d2 + v * x2, d3 + v * x3
            y[r, o], y[r, o + 1], y[r, o + 2], y[r, o + 3] = a0, b0, c0, d0
            y[r + 1, o], y[r + 1, o + 1], y[r + 1, o + 2], y[r + 1, o + 3] = a1, b1, c1, d1
            y[r + 2, o], y[r + 2, o + 1], y[r + 2, o + 2], y[r + 2, o + 3] = a2, b2, c2, d2
            y[r + 3, o], y[r + 3, o + 1], y[r + 3, o + 2], y[r + 3, o + 3] = a3, b3, c3, d3
            r += 4
        while r < rows:
            a0 = b0 = c0 = d0 = np.float32(0)
            for i in range(inputs):
                v = x[r, i]
                a0 += np.float32(weight[o, i]) * v
                b0 += np.float32(weight[o + 1, i]) * v
                c0 += np.float32(weight[o + 2, i]) * v
                d0 += np.float32(weight[o + 3, i]) * v
            y[r, o], y[r, o + 1], y[r, o + 2], y[r, o + 3] = a0, b0, c0, d0
            r += 1
        o += 4
    for last in range(o, stop):
        for r in range(rows):
            a0 = np.float32(0)
            for i in range(inputs):
                a0 += np.float32(weight[last, i]) * x[r, i]
            y[r, last] = a0
    for r in range(rows):
        for o in range(start, stop):
            value = y[r, o] * scale[o] + bias[o]
            y[r, o] = max(value, np.float32(0)) if rectify else value


@_compiled(parallel=False)
def _attend(query: Float, keys: Float, values: Float, share: Float, out: Float) -> None:
    """One head: query [channels] over keys and values [columns, channels] to out [channels]; share [columns] is room.

    Eight columns at a time, then what is left. (Arrays that begin at 0 and a function for each loop: a sum as an index
    could be negative for all that the compiler knows, and it would not do eight channels at once.)
    """
    columns, channels = keys.shape
    blocks = columns // 8
    k8, v8 = keys[: 8 * blocks].reshape(blocks, 8, channels), values[: 8 * blocks].reshape(blocks, 8, channels)
    share8 = share[: 8 * blocks].reshape(blocks, 8)
    highest = _scores(query, k8, share8)
    for t in range(8 * blocks, columns):
        sum_ = np.float32(0)
        for c in range(channels):
            sum_ += query[c] * keys[t, c]
        share[t] = sum_
        highest = max(highest, sum_)
    total = _soften(share, highest, np.float32(1) / np.sqrt(np.float32(channels)))
    out[:] = 0
    _mix(share8, v8, out)
    for t in range(8 * blocks, columns):
        for c in range(channels):
            out[c] += share[t] * values[t, c]
    for c in range(channels):
        out[c] /= total


@_compiled(parallel=False)
def _scores(query: Float, keys: Float, out: Float) -> np.float32:
    """Products of query [channels] and keys [blocks, 8, channels] into out [blocks, 8]; the highest."""
    highest = _UNSEEN
    for b in range(keys.shape[0]):
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = np.float32(0)
        for c in range(query.size):
            q = query[c]
            a0 += q * keys[b, 0, c]
            a1 += q * keys[b, 1, c]
            a2 += q * keys[b, 2, c]
            a3 += q * keys[b, 3, c]
            a4 += q * keys[b, 4, c]
            a5 += q * keys[b, 5, c]
            a6 += q * keys[b, 6, c]
            a7 += q * keys[b, 7, c]
        out[b, 0], out[b, 1], out[b, 2], out[b, 3] = a0, a1, a2, a3
        out[b, 4], out[b, 5], out[b, 6], out[b, 7] = a4, a5, a6, a7
        highest = max(highest, max(max(max(a0, a1), max(a2, a3)), max(max(a4, a5), max(a6, a7))))
    return highest


@_compiled(parallel=False)
def _soften(share: Float, highest: np.float32, scale: np.float32) -> np.float32:
    """exp((share - highest) * scale) in place; the sum."""
    total = np.float32(0)
    for t in range(share.size):
        e = _exp((share[t] - highest) * scale)
        share[t] = e
        total += e
    return total


@_compiled(parallel=False)
def _mix(share: Float, values: Float, out: Float) -> None:
    """Adds the values [blocks, 8, channels], each times its share [blocks, 8], to out [channels]."""
    for b in range(values.shape[0]):
        a0, a1, a2, a3 = share[b, 0], share[b, 1], share[b, 2], share[b, 3]
        a4, a5, a6, a7 = share[b, 4], share[b, 5], share[b, 6], share[b, 7]
        for c in range(out.size):
            out[c] += (
                a0 * values[b, 0, c] + a1 * values[b, 1, c] + a2 * values[b, 2, c] + a3 * values[b, 3, c]
                + a4 * values[b, 4, c] + a5 * values[b, 5, c] + a6 * values[b, 6, c] + a7 * values[b, 7, c]
            )  # fmt: skip


@_compiled(parallel=False)
def _exp(x: np.float32) -> np.float32:
    """e^x for x <= 0, within 5e-7 of it; the library's takes one number at a time, this is done for eight at once.

    2^k e^r with |r| <= ln(2) / 2, and the Taylor series of e^r up to r^6.
    """
    x = max(x, _LOWEST)
    k = np.floor(x * _LOG2E + np.float32(0.5))
    r = x - k * _LN2_HIGH - k * _LN2_LOW
    p = np.float32(1 / 720) * r + np.float32(1 / 120)
    p = (p * r + np.float32(1 / 24)) * r + np.float32(1 / 6)
    p = ((p * r + np.float32(1 / 2)) * r + np.float32(1)) * r + np.float32(1)
    exponent = (np.int32(k) + np.int32(127)) << np.int32(23)
    return p * np.int32(exponent).view(np.float32)  # type: ignore[no-any-return]


@_compiled(parallel=False)
def _add_and_norm(x: Float, added: Float, weight: Float, bias: Float) -> None:
    """Layer norm of x + added, [width] in place."""
    mean = spread = np.float32(0)
    for c in range(x.size):
        x[c] += added[c]
        mean += x[c]
    mean /= x.size
    for c in range(x.size):
        spread += (x[c] - mean) ** 2
    factor = np.float32(1) / np.sqrt(spread / x.size + _EPSILON)
    for c in range(x.size):
        x[c] = (x[c] - mean) * factor * weight[c] + bias[c]
