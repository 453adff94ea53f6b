"""Attention of one token to the keys and values of those before it, one head at a time: for `synth.compiled`.

`LANES` columns are scored at a time, and eight are mixed. The memory is asked for what is needed next: the values while
the keys are read, and the keys of the next head after that.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from synth.vectors import HALF, LANES, NUMBER, address, cgutils, compiled, fetch, function, gathered

Float = NDArray[np.float32]

_LOG2E = np.float32(1 / math.log(2))
_LN2_HIGH = np.float32(round(math.log(2) * 4096) / 4096)  # exact times any exponent
_LN2_LOW = np.float32(math.log(2) - round(math.log(2) * 4096) / 4096)
_LOWEST = np.float32(-87.0)  # exp of it is the smallest normal number, nearly
_UNSEEN = np.float32(-3e38)


@intrinsic
def _scores(
    typing: Any, queries: Any, row: Any, channel: Any, memory: Any, key: Any, value: Any, out: Any, to: Any
) -> Any:
    """out[to + k] = query · memory[key + k], k = 0 to `LANES` - 1; the largest of them.

    The query is what begins at queries[row, channel]; memory [columns, channels] and out float32, without gaps. What
    begins at memory[value] is asked for, to be there soon.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        asked, columns, results = (
            context.make_array(signature.args[place])(context, builder, values[place]) for place in (0, 3, 6)
        )
        vector = ir.VectorType(ir.FloatType(), LANES)
        none = ir.Constant(vector, [0.0] * LANES)
        held = [cgutils.alloca_once_value(builder, none) for _ in range(LANES)]
        for sum_ in held:
            builder.store(none, sum_)
        query = address(builder, asked, values[1], values[2])
        zero, channels = NUMBER(0), builder.extract_value(columns.shape, 1)
        ours = [address(builder, columns, builder.add(values[4], NUMBER(k)), zero) for k in range(LANES)]
        later = [address(builder, columns, builder.add(values[5], NUMBER(k)), zero) for k in range(LANES)]
        with cgutils.for_range_slice(builder, zero, channels, NUMBER(LANES)) as (i, _):
            q = builder.load(builder.bitcast(builder.gep(query, [i]), vector.as_pointer()), align=4)
            for k in range(LANES):
                key = builder.load(builder.bitcast(builder.gep(ours[k], [i]), vector.as_pointer()), align=4)
                fetch(builder, builder.gep(ours[k], [builder.add(i, builder.mul(channels, NUMBER(2 * LANES)))]))
                fetch(builder, builder.gep(later[k], [i]), near=False)
                product = builder.fmul(key, q, flags=("fast",))
                builder.store(builder.fadd(builder.load(held[k]), product, flags=("fast",)), held[k])
        sums = gathered(builder, [builder.load(sum_) for sum_ in held])
        place = builder.bitcast(builder.gep(results.data, [values[7]]), vector.as_pointer())
        builder.store(sums, place, align=4)
        largest = function(builder, ir.FloatType(), [vector], f"llvm.vector.reduce.fmax.v{LANES}f32")
        return builder.call(largest, [sums], fastmath=("fast",))

    intp = types.intp
    return types.float32(queries, intp, intp, memory, intp, intp, out, intp), generate


key_scores: Callable[..., np.float32] = _scores


@intrinsic
def _mix(
    typing: Any, share: Any, memory: Any, first: Any, columns: Any, later: Any, out: Any, row: Any, channel: Any
) -> Any:
    """What begins at out[row, channel] = sum over t of share[t] memory[first + t], t = 0 to `columns` - 1.

    `columns` is a multiple of 8; share, memory [columns, channels] and out float32, without gaps. What begins at
    memory[later] is asked for, to be there soon.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        shares, rows, results = (
            context.make_array(signature.args[place])(context, builder, values[place]) for place in (0, 1, 5)
        )
        vector = ir.VectorType(ir.FloatType(), LANES)
        none = ir.Constant(vector, [0.0] * LANES)
        held = [cgutils.alloca_once_value(builder, none) for _ in range(8)]
        channels = builder.extract_value(rows.shape, 1)
        target = address(builder, results, values[6], values[7])
        with cgutils.for_range_slice(builder, NUMBER(0), channels, NUMBER(LANES)) as (i, _):
            for sum_ in held:
                builder.store(none, sum_)
            with cgutils.for_range_slice(builder, NUMBER(0), values[3], NUMBER(8)) as (t, _):
                for k, sum_ in enumerate(held):
                    at = builder.add(t, NUMBER(k))
                    place = address(builder, rows, builder.add(values[2], at), i)
                    value = builder.load(builder.bitcast(place, vector.as_pointer()), align=4)
                    fetch(builder, address(builder, rows, builder.add(values[4], at), i), near=False)
                    one = builder.load(builder.gep(shares.data, [at]))
                    many = builder.insert_element(ir.Constant(vector, ir.Undefined), one, HALF(0))
                    many = builder.shuffle_vector(many, many, ir.Constant(ir.VectorType(HALF, LANES), [0] * LANES))
                    product = builder.fmul(value, many, flags=("fast",))
                    builder.store(builder.fadd(builder.load(sum_), product, flags=("fast",)), sum_)
            total = none
            for sum_ in held:
                total = builder.fadd(total, builder.load(sum_), flags=("fast",))
            builder.store(total, builder.bitcast(builder.gep(target, [i]), vector.as_pointer()), align=4)
        return context.get_dummy_value()

    intp = types.intp
    return types.void(share, memory, intp, intp, intp, out, intp, intp), generate


mix: Callable[..., None] = _mix


@compiled()
def attend(
    qkv: Float, row: int, head: int, memory: Float, keys: int, values: int, later: int, start: int, filled: int,
    share: Float, aligned: bool, attended: Float,
) -> None:  # fmt: skip
    """One head of one row: its key and value into column `filled`, and attention from column `start` to that one.

    keys, values: where they begin in the memory; later: the keys of the next head. share [columns] is room.
    """
    w, channels = attended.shape[1], memory.shape[1]
    at, columns = head * channels, filled + 1 - start
    for c in range(channels):
        memory[keys + filled, c] = qkv[row, w + at + c]
        memory[values + filled, c] = qkv[row, 2 * w + at + c]
    keys, values, later = keys + start, values + start, later + start
    highest, t, whole = _UNSEEN, 0, 0
    if aligned:
        while t + LANES <= columns:
            highest = max(highest, key_scores(qkv, row, at, memory, keys + t, values + t, share, t))
            t += LANES
        if t and t < columns:  # some once more
            t = columns - LANES
            highest = max(highest, key_scores(qkv, row, at, memory, keys + t, values + t, share, t))
            t = columns
        whole = columns // 8 * 8
    for left in range(t, columns):
        sum_ = np.float32(0)
        for c in range(channels):
            sum_ += qkv[row, at + c] * memory[keys + left, c]
        share[left] = sum_
        highest = max(highest, sum_)
    total = _soften(share[:columns], highest, np.float32(1) / np.sqrt(np.float32(channels)))
    if aligned:
        mix(share, memory, values, whole, later, attended, row, at)
    else:
        attended[row, at : at + channels] = 0
    for t in range(whole, columns):
        for c in range(channels):
            attended[row, at + c] += share[t] * memory[values + t, c]
    for c in range(channels):
        attended[row, at + c] /= total


@compiled()
def _soften(share: Float, highest: np.float32, scale: np.float32) -> np.float32:
    """exp((share - highest) * scale) in place; the sum."""
    total = np.float32(0)
    for t in range(share.size):
        e = _exp((share[t] - highest) * scale)
        share[t] = e
        total += e
    return total


@compiled()
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
