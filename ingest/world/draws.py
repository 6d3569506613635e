"""Random numbers that depend on a record's place only, so that any record can be drawn again without the others.

A record's place is (hour, act, index within the act); its *key* is 64 mixed bits (the finaliser of SplitMix64, Steele
et al. 2014). A later record refers to an earlier one by drawing the earlier one's key again.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

_GOLD = np.uint64(0x9E3779B97F4A7C15)
_HOUR = np.uint64(0xD1B54A32D192ED03)
_ACT = np.uint64(0x8CB92BA72F3D8DD7)
_C1, _C2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = (np.uint64(n) for n in (30, 27, 31, 11))
SHA_WORDS = 3


def mix(words: Words) -> Words:
    """Scramble each 64-bit word."""
    words = words ^ (words >> _S30)
    words *= _C1
    words ^= words >> _S27
    words *= _C2
    words ^= words >> _S31
    return words


def record_keys(seed: int, hours: Ints, acts: Ints, indexes: Ints) -> Words:
    """Return the keys of the records at the given places."""
    place = mix(hours.astype(np.uint64) * _HOUR + np.uint64(seed))
    return mix(place + acts.astype(np.uint64) * _ACT + indexes.astype(np.uint64) * _GOLD)


def bits(keys: Words, purpose: int) -> Words:
    """64 bits for each key, independent for each purpose."""
    return mix(keys + np.uint64((purpose * 0xA0761D6478BD642F) & (2**64 - 1)))


def unit(keys: Words, purpose: int) -> Floats:
    """Return a number in [0, 1) for each key."""
    return (bits(keys, purpose) >> _S11).astype(np.float64) * 2.0**-53


def below(keys: Words, purpose: int, limits: Ints | int) -> Ints:
    """Return an integer in [0, limit) for each key."""
    return (unit(keys, purpose) * limits).astype(np.int64)


def zipf_ranks(units: Floats, size: int, exponent: float) -> Ints:
    """Ranks from 0 to size - 1, rank k with a weight of about (k + 1) ** -exponent (exponent not 1)."""
    power = 1.0 - exponent
    ranks = ((float(size) ** power - 1.0) * units + 1.0) ** (1.0 / power)
    return np.minimum(ranks.astype(np.int64) - 1, size - 1).clip(0)


def hex_names(keys: Words) -> list[str]:
    """40 hex digits for each key, as of a git object."""
    words = np.stack([bits(keys, 101 + word) for word in range(SHA_WORDS)], axis=1)
    text = words.astype("<u8").tobytes().hex()
    width = SHA_WORDS * 16
    return [text[start : start + 40] for start in range(0, len(text), width)]
