"""NumPy's archives of arrays, read whole, up to a bound on their size, without unpickling any object."""

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection

import numpy as np

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

PICKLE = b"\x80"  # the first byte of every pickle since Python 2.3
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, SyntaxError),
    *(EOFError, OSError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError, OverflowError),
    ValueError,
)
"""The exceptions of NumPy and zipfile for a damaged archive."""


def read_npz(
    data: bytes,
    where: str,
    most_bytes: float = math.inf,
    enlarge: str = "",
    wanted: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """The arrays of an npz file, which `where` names in messages; InputError where it is damaged or no npz.

    Where they unpack to more than `most_bytes`, the message ends with `enlarge`, the remedy. With `wanted`,
    only the arrays of these names are unpacked, and missing ones are left out.
    """
    if data.startswith(PICKLE):
        raise InputError(f"{where} is a pickle, which is never loaded; convert it to npz first")
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise InputError(f"{where} is not an npz archive, or its end is missing: get the file again")
    arrays: dict[str, np.ndarray] = {}
    key = ""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            names = [key for key in archive if wanted is None or key in wanted]
            members = {f"{key}.npy" for key in names} | set(names)
            held = [member for member in archive.zip.infolist() if member.filename in members]
            if sum(member.file_size for member in held) > most_bytes:
                raise InputError(f"{where} unpacks to more than {most_bytes / 1e6:g} MB{enlarge}")
            for key in names:
                arrays[key] = archive[key]
                if not isinstance(arrays[key], np.ndarray):  # bytes, of a member without NumPy's magic number
                    raise InputError(f"{where} is damaged: '{shown(key)}' is no array; get the file again")
    except InputError:
        raise
    except DAMAGE as error:
        if "allow_pickle" in str(error):
            raise InputError(
                f"{where} holds '{shown(key)}' as pickled objects, which are never loaded; save it again "
                "as a plain array"
            ) from error
        said = shown(str(error) or type(error).__name__, 120)
        raise InputError(f"{where} is damaged: {said}; get the file again") from error
    return arrays


def read_numbers(
    data: bytes, where: str, most_bytes: float, wanted: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of an npz file in double precision; InputError also where one is not numeric."""
    arrays = read_npz(data, where, most_bytes, wanted=wanted)
    for key, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise InputError(f"{where}: '{shown(key)}' must hold numbers, got {array.dtype}")
    with np.errstate(invalid="ignore"):  # of signalling NaN
        return {key: array.astype(np.float64) for key, array in arrays.items()}
