"""What `synth.dots` and `synth.attending` are built of: vectors of the processor, in the language of LLVM.

A loop over one row of numbers becomes such vectors by itself; one over several rows at a time does not, so there it is
written down.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types
from numba.extending import intrinsic

cgutils: Any = untyped
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

FEATURES = llvmlite.binding.get_host_cpu_features()
"""Of this processor."""
LANES = 16 if FEATURES.get("avx512f", False) else 8
"""Numbers in a vector of float32; rows are a multiple of it long."""
LINE = 64
"""Bytes that come from the memory together."""
NUMBER, HALF = ir.IntType(64), ir.IntType(32)


def compiled(parallel: bool = False, fast: bool = True) -> Callable[[Kernel], Kernel]:
    """Machine code, kept on disk.

    Nothing in it may raise, or the other threads would wait for ever: a division by 0 gives no number.
    """
    decorate: Any = numba.njit(parallel=parallel, fastmath=fast, error_model="numpy", nogil=True, cache=True)
    return cast(Callable[[Kernel], Kernel], decorate)


def function(builder: Any, returned: Any, arguments: list[Any], name: str) -> Any:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(returned, arguments), name)


def fetch(builder: Any, place: Any, near: bool = True) -> None:
    """Asks the memory for the line at this address, to lie next to the processor or (not near) a little further."""
    byte = ir.IntType(8).as_pointer()
    hint = function(builder, ir.VoidType(), [byte, HALF, HALF, HALF], "llvm.prefetch.p0")
    builder.call(hint, [builder.bitcast(place, byte), HALF(0), HALF(3 if near else 2), HALF(1)])  # to read, data


def _add(builder: Any, one: Any, two: Any) -> Any:
    if isinstance(one.type.element, ir.IntType):
        return builder.add(one, two)
    return builder.fadd(one, two, flags=("fast",))


def gathered(builder: Any, vectors: list[Any]) -> Any:
    """The sum of each of 1, 2, 4 ... vectors, at most as many as they are long, in one vector that begins with them."""
    span = lanes = vectors[0].type.count  # over which each sum is still spread
    even, odd = (ir.Constant(ir.VectorType(HALF, lanes), list(range(k, 2 * lanes, 2))) for k in (0, 1))
    while span > 1:
        pairs = zip(vectors[::2], vectors[1::2], strict=True) if len(vectors) > 1 else [(vectors[0], vectors[0])]
        vectors = [
            _add(builder, builder.shuffle_vector(one, two, even), builder.shuffle_vector(one, two, odd))
            for one, two in pairs
        ]
        span //= 2
    return vectors[0]


def address(builder: Any, array: Any, row: Any, column: Any) -> Any:
    """Address of array[row, column], an array of two dimensions without gaps."""
    width = builder.extract_value(array.shape, 1)
    return builder.gep(array.data, [builder.add(builder.mul(row, width), column)])


@intrinsic
def _largest(typing: Any, x: Any) -> Any:
    """The largest size of the numbers of x [inputs] float32."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers = context.make_array(signature.args[0])(context, builder, values[0])
        vector = ir.VectorType(ir.FloatType(), LANES)
        held = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * LANES))
        builder.store(ir.Constant(vector, [0.0] * LANES), held)
        size = function(builder, vector, [vector], f"llvm.fabs.v{LANES}f32")
        more = function(builder, vector, [vector, vector], f"llvm.maxnum.v{LANES}f32")
        with cgutils.for_range_slice(builder, NUMBER(0), builder.extract_value(numbers.shape, 0), NUMBER(LANES)) as (
            i,
            _,
        ):
            place = builder.bitcast(builder.gep(numbers.data, [i]), vector.as_pointer())
            sizes = builder.call(size, [builder.load(place, align=4)])
            builder.store(builder.call(more, [builder.load(held), sizes], fastmath=("fast",)), held)
        largest = function(builder, ir.FloatType(), [vector], f"llvm.vector.reduce.fmax.v{LANES}f32")
        return builder.call(largest, [builder.load(held)], fastmath=("fast",))

    return types.float32(x), generate


largest: Callable[..., np.float32] = _largest


@intrinsic
def _ask(typing: Any, array: Any, at: Any) -> Any:
    """Asks the memory for the line with the number `at` of an array without gaps."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        fetch(builder, builder.gep(data, [values[1]]), near=False)
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


ask: Callable[..., None] = _ask
