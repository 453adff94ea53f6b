"""Work in stages for several threads that were started once: each takes the next piece, whoever it is.

The pieces of all stages are numbered through. A thread takes a number, waits until all pieces of the stages before are
done, and does its piece. Whoever holds the lowest number that is not done has nothing to wait for, so the work goes on
whatever becomes of the other threads: they may come late, or never, or lose their processor. One thread does it all.
"""

import os
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from synth.vectors import LINE, ask, cgutils, compiled

Turns = NDArray[np.int64]
TAKEN, DONE = 0, 8
"""Places of the two counters, in different lines of the cache."""
SIZE = 16

_PATIENCE = 300  # looks, some 20 microseconds; then the processor is left to others
_X86 = llvmlite.binding.get_default_triple().startswith(("x86_64", "i686"))


@intrinsic
def _raise(typing: Any, counters: Any, place: Any) -> Any:
    """Adds one to counters[place] in one go; what it was before."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.atomic_rmw("add", builder.gep(array.data, [values[1]]), ir.IntType(64)(1), "acq_rel")

    return types.int64(counters, types.intp), generate


@intrinsic
def _look(typing: Any, counters: Any, place: Any) -> Any:
    """counters[place] as it is now, and all that was written before it was raised."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.load_atomic(builder.gep(array.data, [values[1]]), "acquire", 8)

    return types.int64(counters, types.intp), generate


@intrinsic
def _rest(typing: Any) -> Any:
    """A moment without work, in which the other thread of the same core has all of it."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


raise_one: Callable[..., int] = _raise
look: Callable[..., int] = _look
rest: Callable[..., None] = _rest
leave: Any = types.ExternalFunction("sched_yield", types.int32()) if os.name == "posix" else _rest


@compiled()
def await_turn(turns: Turns, pieces: int, array: NDArray[Any], start: int, stop: int) -> None:
    """Until so many pieces are done; meanwhile the memory is asked for array[start:stop], which will be read then."""
    looks = 0
    while look(turns, DONE) < pieces:
        if start < stop:
            ask(array, start)
            start += LINE // array.itemsize
            continue
        looks += 1
        if looks < _PATIENCE:
            rest()
        else:
            leave()
