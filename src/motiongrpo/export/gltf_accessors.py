"""The binary half of a glTF file: arrays one after the other, and the accessors that say what they are.

glTF 2.0, sections 3.6.2 and 5.1: little-endian, every array on a multiple of four bytes.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pygltflib import (
    FLOAT,
    MAT4,
    SCALAR,
    UNSIGNED_BYTE,
    UNSIGNED_INT,
    VEC3,
    VEC4,
    Accessor,
    BufferView,
)

ALIGNMENT = 4
KINDS = {(): SCALAR, (3,): VEC3, (4,): VEC4, (4, 4): MAT4}
COMPONENTS = {np.dtype("<f4"): FLOAT, np.dtype("u1"): UNSIGNED_BYTE, np.dtype("<u4"): UNSIGNED_INT}


@dataclass
class Accessors:
    """A buffer that grows by an array at a time."""

    blob: bytearray = field(default_factory=bytearray)
    views: list[BufferView] = field(default_factory=list)
    accessors: list[Accessor] = field(default_factory=list)

    def add(self, values: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Append an array, an element a row, and return the number of its accessor.

        `target` says which vertex buffer it is meant for; `bounds` states the least and greatest values.
        """
        data = values.tobytes()
        view = BufferView(buffer=0, byteOffset=len(self.blob), byteLength=len(data), target=target)
        limits: dict[str, Any] = {}
        if bounds:
            limits = {
                "min": np.atleast_1d(values.min(0)).tolist(),
                "max": np.atleast_1d(values.max(0)).tolist(),
            }
        accessor = Accessor(
            bufferView=len(self.views),
            byteOffset=0,
            componentType=COMPONENTS[values.dtype],
            count=len(values),
            type=KINDS[values.shape[1:]],
            **limits,
        )
        self.blob += data + bytes(-len(data) % ALIGNMENT)
        self.views.append(view)
        self.accessors.append(accessor)
        return len(self.accessors) - 1
