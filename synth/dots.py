"""Dot products in the processor's own vectors, which compilers do not make of a loop: for `synth.compiled`.

Several rows of weights go against several rows of numbers at a time, so that a number that was loaded serves several
products; the memory some kilobytes ahead is asked for meanwhile, in the order of addresses; and the sums of up to
sixteen accumulators are gathered in four steps of additions of neighbours, instead of one after the other.

8-bit weights with a single row of activations are multiplied as integers: the activations are rounded to 13 bits or
more, and all sums are exact. With VNNI (AVX-512) the processor adds 64 products of bytes in one instruction, so there
the numbers are split in two bytes, 256 h + l; with AVX2 it adds pairs of products of 16 bits.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from synth.vectors import FEATURES, HALF, LANES, LINE, NUMBER, address, cgutils, compiled, fetch, function, gathered

BYTES: bool = FEATURES.get("avx512vnni", False) and FEATURES.get("avx512bw", False)
"""Whether integers are multiplied as bytes (VNNI); as pairs of 16 bits otherwise."""
AVAILABLE: bool = BYTES or FEATURES.get("avx2", False)
"""Whether this processor has either instruction."""
INTEGERS = 64 if BYTES else 16
"""Rows of integers are a multiple of it long."""
OUTPUTS = 8
"""Rows of weights that are multiplied with one row of numbers at a time."""

_AHEAD = 8192  # bytes; measured: from 4 to 16 thousand it is all the same
_LARGEST = 127  # of the weights


@compiled()
def levels(inputs: int) -> int:
    """The largest integer with which no sum over so many weights leaves 32 bits, and that is two signed bytes."""
    return min(127 * 256 + 127, (2**31 - 1) // (_LARGEST * inputs))


def _products(rows: int, outputs: int) -> Callable[..., None]:
    """out[row + r, first + k] = sum over i of weight[first + k, i] x[row + r, i]; `rows` rows, `outputs` outputs.

    weight [outputs, inputs] float32 or int8, x [rows, inputs] and out [rows, outputs] float32, all without gaps.
    """

    @intrinsic
    def products(typing: Any, weight: Any, first: Any, x: Any, row: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            weights, numbers, results = (
                context.make_array(signature.args[place])(context, builder, values[place]) for place in (0, 2, 4)
            )
            vector = ir.VectorType(ir.FloatType(), LANES)
            stored = ir.VectorType(weights.data.type.pointee, LANES)
            size = 1 if isinstance(stored.element, ir.IntType) else 4
            inputs, zero = builder.extract_value(weights.shape, 1), NUMBER(0)
            ours = [address(builder, weights, builder.add(values[1], NUMBER(k)), zero) for k in range(outputs)]
            theirs = [address(builder, numbers, builder.add(values[3], NUMBER(r)), zero) for r in range(rows)]
            none = ir.Constant(vector, [0.0] * LANES)
            held = [cgutils.alloca_once_value(builder, none) for _ in range(rows * outputs)]
            for sum_ in held:
                builder.store(none, sum_)
            with cgutils.for_range_slice(builder, zero, inputs, NUMBER(LANES)) as (i, _):
                turn = builder.add(builder.mul(i, NUMBER(outputs)), NUMBER(_AHEAD // size))
                for line in range(-(-outputs * LANES * size // LINE)):
                    fetch(builder, builder.gep(ours[0], [builder.add(turn, NUMBER(line * LINE // size))]))
                xs = [builder.load(builder.bitcast(builder.gep(p, [i]), vector.as_pointer()), align=4) for p in theirs]
                for k in range(outputs):
                    w = builder.load(builder.bitcast(builder.gep(ours[k], [i]), stored.as_pointer()), align=size)
                    if size == 1:
                        w = builder.sitofp(w, vector)
                    for r in range(rows):
                        sum_ = held[r * outputs + k]
                        product = builder.fmul(w, xs[r], flags=("fast",))
                        builder.store(builder.fadd(builder.load(sum_), product, flags=("fast",)), sum_)
            for begin in range(0, len(held), LANES):
                sums = gathered(builder, [builder.load(sum_) for sum_ in held[begin : begin + LANES]])
                for at in range(begin, min(begin + LANES, len(held))):
                    r, k = divmod(at, outputs)
                    place = address(
                        builder, results, builder.add(values[3], NUMBER(r)), builder.add(values[1], NUMBER(k))
                    )
                    builder.store(builder.extract_element(sums, HALF(at - begin)), place)
            return context.get_dummy_value()

        return types.void(weight, types.intp, x, types.intp, out), generate

    result: Callable[..., None] = products
    return result


eight_by_two = _products(8, 2)
"""Eight rows of numbers by two of weights."""
four_by_four = _products(4, 4)
"""Four rows of numbers by four of weights."""
one_by_eight = _products(1, OUTPUTS)
"""One row of numbers by `OUTPUTS` of weights."""


@intrinsic
def _integer_products(typing: Any, weight: Any, first: Any, numbers: Any, correction: Any, out: Any) -> Any:
    """out[0, first + k] = sum over i of weight[first + k, i] x[i], k = 0 to `OUTPUTS` - 1.

    weight [outputs, inputs] int8 and out [1, outputs] float32 without gaps; `numbers` and `correction` are what
    `split` makes of x.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        weights, halves, results = (
            context.make_array(signature.args[place])(context, builder, values[place]) for place in (0, 2, 4)
        )
        inputs, zero = builder.extract_value(weights.shape, 1), NUMBER(0)
        sums = ir.VectorType(HALF, 16 if BYTES else 8)
        none = ir.Constant(sums, [0] * sums.count)
        ours = [address(builder, weights, builder.add(values[1], NUMBER(k)), zero) for k in range(OUTPUTS)]
        high = [cgutils.alloca_once_value(builder, none) for _ in range(OUTPUTS)]
        low = [cgutils.alloca_once_value(builder, none) for _ in range(OUTPUTS)]
        for sum_ in high + low:
            builder.store(none, sum_)
        bytes_ = builder.bitcast(halves.data, ir.IntType(8).as_pointer())

        def load(base: Any, at: Any, kind: Any) -> Any:
            return builder.load(builder.bitcast(builder.gep(base, [at]), kind.as_pointer()), align=1)

        with cgutils.for_range_slice(builder, zero, inputs, NUMBER(INTEGERS)) as (i, _):
            turn = builder.add(builder.mul(i, NUMBER(OUTPUTS)), NUMBER(_AHEAD))
            for line in range(OUTPUTS * INTEGERS // LINE):
                fetch(builder, builder.gep(ours[0], [builder.add(turn, NUMBER(line * LINE))]))
            if BYTES:
                dots = function(builder, sums, [sums, sums, sums], "llvm.x86.avx512.vpdpbusd.512")
                one, two = load(bytes_, i, sums), load(bytes_, builder.add(i, inputs), sums)
                sign = ir.Constant(sums, [0x80808080 - 2**32] * sums.count)
                for k in range(OUTPUTS):
                    w = builder.xor(load(ours[k], i, sums), sign)  # weight + 128, as bytes without sign
                    builder.store(builder.call(dots, [builder.load(high[k]), w, one]), high[k])
                    builder.store(builder.call(dots, [builder.load(low[k]), w, two]), low[k])
            else:
                words = ir.VectorType(ir.IntType(16), INTEGERS)
                pairs = function(builder, sums, [words, words], "llvm.x86.avx2.pmadd.wd")
                one = load(bytes_, builder.mul(i, NUMBER(2)), words)
                for k in range(OUTPUTS):
                    w = builder.sext(load(ours[k], i, ir.VectorType(ir.IntType(8), INTEGERS)), words)
                    builder.store(builder.add(builder.load(low[k]), builder.call(pairs, [w, one])), low[k])
        eight = ir.Constant(sums, [8] * sums.count)
        total = gathered(
            builder,
            [builder.add(builder.shl(builder.load(h), eight), builder.load(s)) for h, s in zip(high, low, strict=True)],
        )
        for k in range(OUTPUTS):
            exact = builder.sub(builder.extract_element(total, HALF(k)), builder.trunc(values[3], HALF))
            place = builder.gep(results.data, [builder.add(values[1], NUMBER(k))])
            builder.store(builder.sitofp(exact, ir.FloatType()), place)
        return context.get_dummy_value()

    return types.void(weight, types.intp, numbers, types.intp, out), generate


integer_products: Callable[..., None] = _integer_products


@compiled()
def split(x: NDArray[np.float32], step: np.float32, numbers: NDArray[np.int16]) -> int:
    """x [inputs] / step, rounded, into numbers [inputs] as `integer_products` wants them; its correction.

    For bytes: all the high ones, then all the low ones, both signed; and 128 times the sum of the integers, because the
    weights get 128 more than they are.
    """
    inputs, factor, total = x.size, np.float32(1) / step, 0
    if BYTES:
        halves = numbers.view(np.int8)
        for i in range(inputs):
            value = np.int32(np.rint(x[i] * factor)) + 128
            halves[i] = np.int8(value >> 8)
            halves[inputs + i] = np.int8((value & 255) - 128)
            total += int(value) - 128
    else:
        for i in range(inputs):
            numbers[i] = np.int16(np.rint(x[i] * factor))
    return 128 * total
