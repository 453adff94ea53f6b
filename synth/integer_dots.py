"""Dot products of 8-bit weights with 16-bit numbers, by the processor's instruction for pairs of products.

x86 multiplies sixteen pairs of 16-bit numbers and adds neighbours in one instruction (PMADDWD, with AVX2), twice the
work of one on float32, and weights need no conversion but their widening. Compilers do not find it in a loop over four
rows, so it is asked for here; and so is the memory some kilobytes ahead, which this loop would else wait for. Sums are
exact, as long as `levels` is kept to.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types
from numba.extending import intrinsic

cgutils: Any = untyped

LANES = 16
"""Rows are a multiple of it long."""
AVAILABLE: bool = llvmlite.binding.get_host_cpu_features().get("avx2", False)
"""Whether this processor has the instruction."""

_LARGEST = 127  # of the weights
_AHEAD = 8192  # bytes; measured: from 4 to 16 thousand it is all the same


def levels(inputs: int) -> int:
    """The largest 16-bit number with which no sum over so many weights leaves 32 bits."""
    return min(2**15 - 1, (2**31 - 1) // (_LARGEST * inputs))


@intrinsic
def _four_dots(typing: Any, weight: Any, first: Any, x: Any, row: Any, out: Any) -> Any:
    """out[row, first + k] = sum over i of weight[first + k, i] x[row, i], k = 0 to 3.

    weight [outputs, inputs] int8, x [rows, inputs] int16 and out [rows, outputs] float32, all without gaps.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number, zero = ir.IntType(64), ir.IntType(64)(0)
        bytes_, words, sums = (
            ir.VectorType(ir.IntType(bits), LANES // part) for bits, part in ((8, 1), (16, 1), (32, 2))
        )
        pairs = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(sums, [words, words]), "llvm.x86.avx2.pmadd.wd"
        )
        total = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), [sums]), f"llvm.vector.reduce.add.v{LANES // 2}i32"
        )
        byte, hint = ir.IntType(8).as_pointer(), ir.IntType(32)
        fetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, hint, hint, hint]), "llvm.prefetch.p0"
        )
        weights, numbers, results = (
            context.make_array(signature.args[place])(context, builder, values[place]) for place in (0, 2, 4)
        )
        inputs = builder.extract_value(weights.shape, 1)
        outputs = builder.extract_value(results.shape, 1)
        in_row = builder.gep(numbers.data, [builder.mul(values[3], inputs)])
        starts = [builder.mul(builder.add(values[1], number(k)), inputs) for k in range(4)]
        held = [cgutils.alloca_once_value(builder, ir.Constant(sums, [0] * (LANES // 2))) for _ in range(4)]
        with cgutils.for_range_slice(builder, zero, inputs, number(LANES)) as (i, _):
            place = builder.bitcast(builder.gep(in_row, [i]), words.as_pointer())
            sixteen = builder.load(place, align=2)
            # four rows of 16 bytes are used up in each turn, and their line of 64 bytes is asked for, far ahead
            ahead = builder.add(builder.add(starts[0], builder.mul(i, number(4))), number(_AHEAD))
            place = builder.bitcast(builder.gep(weights.data, [ahead]), byte)
            builder.call(fetch, [place, hint(0), hint(3), hint(1)])  # to read, to keep, data
            for start, sum_ in zip(starts, held, strict=True):
                place = builder.bitcast(builder.gep(weights.data, [builder.add(start, i)]), bytes_.as_pointer())
                wide = builder.sext(builder.load(place, align=1), words)
                builder.store(builder.add(builder.load(sum_), builder.call(pairs, [wide, sixteen])), sum_)
        at = builder.add(builder.mul(values[3], outputs), values[1])
        for k, sum_ in enumerate(held):
            value = builder.sitofp(builder.call(total, [builder.load(sum_)]), ir.FloatType())
            builder.store(value, builder.gep(results.data, [builder.add(at, number(k))]))
        return context.get_dummy_value()

    return types.void(weight, types.intp, x, types.intp, out), generate


four_dots: Callable[..., None] = _four_dots
