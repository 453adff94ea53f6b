"""Threads that take pieces of work in turn: nothing is done before what it needs, whoever comes late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from synth.turns import DONE, SIZE, TAKEN, await_turn, raise_one

STAGES, PIECES = 300, 3


@njit(nogil=True)
def _work(turns: np.ndarray, cells: np.ndarray) -> int:
    """Every cell is the sum of all cells of the row before it, times its number, within 20 bits; the cells done."""
    done = 0
    while True:
        turn = raise_one(turns, TAKEN)
        stage, piece = turn // PIECES, turn % PIECES
        if stage >= STAGES:
            return done
        await_turn(turns, stage * PIECES, cells, stage * PIECES, (stage + 1) * PIECES)
        cells[stage + 1, piece] = (cells[stage].sum() * (piece + 3)) % 1048573
        raise_one(turns, DONE)
        done += 1


def _alone() -> np.ndarray:
    cells = np.zeros((STAGES + 1, PIECES), np.int64)
    cells[0] = 1
    for stage in range(STAGES):
        cells[stage + 1] = cells[stage].sum() * np.arange(3, 3 + PIECES) % 1048573
    return cells


@pytest.mark.parametrize("threads", [1, 2, 4, 7])
def test_stages_wait_for_each_other_whoever_works(threads: int) -> None:
    for _ in range(3):
        turns, cells = np.zeros(SIZE, np.int64), np.zeros((STAGES + 1, PIECES), np.int64)
        cells[0] = 1
        with ThreadPoolExecutor(threads) as pool:
            workers = [pool.submit(_work, turns, cells) for _ in range(threads)]
            assert sum(worker.result(timeout=60) for worker in workers) == STAGES * PIECES
        np.testing.assert_array_equal(cells, _alone())
