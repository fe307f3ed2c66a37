"""Archives of arrays, as NumPy writes them: read whole, at most so large, and never a pickled object."""

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib

import numpy as np

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, SyntaxError),
    *(EOFError, OSError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError, OverflowError),
    ValueError,
)
"""What NumPy and zipfile raise where an archive is not whole."""


def read_npz(
    data: bytes, where: str, most_bytes: float = math.inf, enlarge: str = ""
) -> dict[str, np.ndarray]:
    """The arrays of an npz file, which `where` names in messages; InputError where it is none, or damaged.

    Where they unpack to more than `most_bytes` the message ends with `enlarge`, which says what to do then.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise InputError(f"{where} is not an npz archive, or its end is missing: get the file again")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            if sum(member.file_size for member in archive.zip.infolist()) > most_bytes:
                raise InputError(f"{where} unpacks to more than {most_bytes / 1e6:g} MB{enlarge}")
            return {key: archive[key] for key in archive}
    except InputError:
        raise
    except DAMAGE as error:
        if "allow_pickle" in str(error):
            raise InputError(f"{where} holds pickled objects, which are never loaded") from error
        said = shown(str(error) or type(error).__name__, 120)
        raise InputError(f"{where} is damaged: {said}; get the file again") from error
