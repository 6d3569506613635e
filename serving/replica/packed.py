"""A series as bytes: what SQLite holds for each metric and entity. n amounts (float64), then n days since 1970 (int32), little-endian, by day."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Days: TypeAlias = NDArray[np.int32]
Amounts: TypeAlias = NDArray[np.float64]
_BYTES = 12


def pack(days: Days, amounts: Amounts) -> bytes:
    """Return the bytes of points; both arrays are of one length and in the days' order."""
    packed: bytes = amounts.astype("<f8", copy=False).tobytes() + days.astype("<i4", copy=False).tobytes()
    return packed


def unpack(packed: bytes) -> tuple[Days, Amounts]:
    """Return days and amounts; they share the bytes' memory and can't be written."""
    count = len(packed) // _BYTES
    return np.frombuffer(packed, "<i4", count, 8 * count), np.frombuffer(packed, "<f8", count)
