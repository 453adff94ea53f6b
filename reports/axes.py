"""Axes for the report's figures: round ticks, time labels, number formats. Pure arithmetic, no drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable

_TIME_STEPS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,  # noqa: E501
)  # fmt: skip


def number(value: float, digits: int = 4) -> str:
    """A number as readers like it: significant digits, a true minus sign, no exponent for everyday sizes."""
    if math.isnan(value):
        return "not measurable"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if float(value).is_integer() and size < 1e9:
        out = f"{value:.0f}"
        if size >= 10_000:
            out = f"{value:,.0f}".replace(",", "\u00a0")
    elif size >= 1e9 or size < 1e-4:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        out = f"{mantissa.rstrip('0').rstrip('.')} × 10^{int(exponent)}"
    else:
        places = max(digits - 1 - math.floor(math.log10(size)), 0)
        out = f"{value:.{places}f}"
        if "." in out:
            out = out.rstrip("0").rstrip(".")
    return "0" if out in ("-0", "0") else out.replace("-", "−")


def signed(value: float) -> str:
    """A log10 LR: two places and its sign."""
    rounded = round(value, 2)
    return "0.00" if rounded == 0 else f"{rounded:+.2f}".replace("-", "−")


def clock(seconds: float, extent: float, places: int | None = None) -> str:
    """An instant on a time axis of the given extent: 12.5, 2:05 or 1:02:05."""
    if extent < 60:
        return f"{seconds:.{places if places is not None else 2}f}"
    exact = places or 0
    total = round(seconds, exact)
    hours, rest = divmod(total, 3600)
    minutes, second = divmod(rest, 60)
    tail = f"{second:0{3 + exact if exact else 2}.{exact}f}"
    return f"{int(hours)}:{int(minutes):02d}:{tail}" if extent >= 3600 else f"{int(minutes)}:{tail}"


def time_unit(extent: float) -> str:
    """How the labels of a time axis are to be read."""
    return "time (s)" if extent < 60 else "time (m:ss)" if extent < 3600 else "time (h:mm)"


def time_ticks(extent: float, most: int = 9) -> list[tuple[float, str]]:
    """Round instants from 0 to the extent (seconds) with labels."""
    if extent <= 0:
        return [(0.0, "0")]
    step = next((step for step in _TIME_STEPS if extent / step <= most), 14400 * math.ceil(extent / 14400 / most))
    places = max(0, -math.floor(math.log10(step))) if step < 1 else 0
    ticks = []
    for index in range(int(extent / step + 1e-9) + 1):
        at = index * step
        if extent >= 3600:
            label = f"{int(at // 3600)}:{int(at % 3600 // 60):02d}"
        else:
            label = clock(at, extent, places if extent < 60 else 0)
        ticks.append((at, label))
    return ticks


def ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Round values between low and high with labels."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [(low, number(low))]
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    places = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if f"{step:e}".startswith("2.5") else 0)
    out = []
    for index in range(first, last + 1):
        value = index * step
        if places > 4 or abs(value) >= 1e6:
            label = number(value, 3)
        else:
            label = f"{value:.{places}f}".replace("-", "−")
            label = label.lstrip("−") if float(label.replace("−", "-")) == 0 else label
        out.append((value, label))
    return out


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """1, 2, 5 of every decade between low and high (both positive); only decades where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(decades) <= 4 else (1,)
    values = [factor * 10.0**decade for decade in decades for factor in factors]
    return [(value, number(value, 2)) for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def extent(values: Iterable[float], pad: float = 0.06) -> tuple[float, float]:
    """Range of the finite values with a margin; never empty."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    room = (high - low) * pad or max(abs(high) * 0.1, 1e-6 if high else 1.0)
    return low - room, high + room
