"""Numbers and instants as readers like them: significant digits, true minus signs, clock times."""

from __future__ import annotations

import math

from forensics.records import Segment


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


def between(span: Segment, seconds: float) -> str:
    """A stretch in words of the time axis."""
    unit = " s" if seconds < 60 else ""
    return f"{clock(span.start_s, seconds, 2)}–{clock(span.end_s, seconds, 2)}{unit}"
