"""A restricted reader of pickled dictionaries of numpy arrays, the format of RICH's bodies.

A pickle is a program. Two measures keep it from running arbitrary code:

1. Every instruction is inspected before the first is executed; those that a dictionary of arrays does
   not need (persistent ids, the extension registry, building objects of any class) are refused, and so
   are keys other than text: hashing nested tuples can take exponential time.
2. The few names that such a dictionary needs are resolved to the small classes below, not to numpy's own:
   those trust what a pickle says about their memory, which a forged pickle could exploit.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

MOST_BYTES = 1 << 24  # a body is a few thousand
MOST_MEMO = 1 << 16  # the unpickler allocates a table of this length
MOST_AXES = 8
KINDS = "biuf"  # booleans and numbers

_INSTRUCTIONS = """
    PROTO FRAME STOP MARK POP POP_MARK GLOBAL STACK_GLOBAL REDUCE BUILD
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
"""
_ALLOWED = frozenset(_INSTRUCTIONS.split())


class _Dtype:
    """A dtype as its pickle builds it: scalar, numeric, of known size."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]
        if any(part is not None for part in state[2:5]):
            raise InputError("it holds values of several parts, where numbers are expected")

    def numpy(self) -> np.dtype:
        code, order = self.code, self.order if self.order in ("<", ">") else "="
        if not (isinstance(code, str) and code[:1] in KINDS and code[1:] in ("1", "2", "4", "8")):
            raise InputError(f"it holds values of type {_word(code)}, where numbers are expected")
        return np.dtype(code).newbyteorder(order)


class _Array:
    """An array as its pickle builds it: created empty, its content set afterwards."""

    def __init__(self) -> None:
        self.values = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, dtype, fortran, data = state[-4:]
        self.values = _values(data, dtype, shape, "F" if fortran else "C")


class _Name:
    """The object that stands for a name in a pickle: callable, created for each use, without state."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, _: Any) -> None:
        raise InputError("it tries to change what reads it")


def _ndarray(*_: Any) -> None:
    raise InputError("it calls numpy.ndarray, which arrays only name")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.values = _values(data, dtype, shape, "F" if order == "F" else "C")
    return array


def _scalar(dtype: Any, data: Any) -> Any:
    return _values(data, dtype, (), "C")[()]


def _latin1(text: Any, encoding: Any) -> bytes:
    """`_codecs.encode` as arrays up to protocol 2 use it; no other codec is looked up."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise InputError(f"it asks for the codec {_word(encoding)}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """`bytes` as arrays up to protocol 2 use it: the data of an empty array."""
    return b""


def _word(value: Any) -> str:
    """An untrusted object as a message shows it: text, or else its type."""
    return f"'{shown(value)}'" if isinstance(value, str) else f"({type(value).__name__})"


def _values(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    if not isinstance(dtype, _Dtype):
        raise InputError("it holds an array that does not say its type")
    kind = dtype.numpy()
    if isinstance(data, str):
        data = data.encode("latin1")  # written by Python 2
    if not (
        isinstance(data, bytes | bytearray)
        and isinstance(shape, tuple)
        and len(shape) <= MOST_AXES
        and all(isinstance(size, int) and 0 <= size <= MOST_BYTES for size in shape)
        and math.prod(shape) * kind.itemsize == len(data)
    ):
        raise InputError("it holds an array whose size is not that of its data")
    return np.frombuffer(bytes(data), kind).reshape(shape, order=order).copy()


def _admitted() -> dict[tuple[str, str], Callable[..., Any]]:
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): _ndarray,
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _latin1,
        ("__builtin__", "bytes"): _no_bytes,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _reconstruct
        names[f"{core}.multiarray", "scalar"] = _scalar
        names[f"{core}.numeric", "_frombuffer"] = _from_buffer
    return names


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that resolves only the names in `_admitted`."""

    def find_class(self, module: str, name: str) -> Any:
        admitted = _admitted()
        if (module, name) not in admitted:
            raise InputError(f"it asks for '{module}.{name}', and only numpy arrays are read")
        return _Name(admitted[module, name])

    def persistent_load(self, pid: Any) -> Any:
        raise InputError("it asks for an object kept elsewhere, and only numpy arrays are read")


def read_array_pickle(data: bytes, where: str) -> dict[str, np.ndarray]:
    """The arrays of a pickled dictionary; anything else raises InputError, and no code of the file is run."""
    try:
        _inspect(data)
        content = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    except InputError as error:
        raise InputError(f"'{where}' is not read: {error}") from error
    except (
        pickle.UnpicklingError, ValueError, TypeError, AttributeError, IndexError, KeyError, EOFError,
        OverflowError, MemoryError, RecursionError, UnicodeError,
    ) as error:  # fmt: skip
        said = shown(str(error) or type(error).__name__, 120)
        raise InputError(f"'{where}' is not a whole pickle of arrays: {said}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(
            f"'{where}' holds a {type(content).__name__}, where a dictionary of arrays is expected"
        )
    values = {key: value.values if isinstance(value, _Array) else value for key, value in content.items()}
    return {key: value for key, value in values.items() if isinstance(value, np.ndarray)}


def _inspect(data: bytes) -> None:
    """Raise InputError on an instruction that is not allowed, without executing any."""
    if len(data) > MOST_BYTES:
        raise InputError(f"it has {len(data)} bytes, and a body has a few thousand")
    keys = _Keys()
    for instruction, argument, _ in pickletools.genops(data):
        if instruction.name not in _ALLOWED:
            raise InputError(f"it has the instruction {instruction.name}, and only numpy arrays are read")
        if "PUT" in instruction.name and not (isinstance(argument, int) and 0 <= argument < MOST_MEMO):
            raise InputError(f"it has a memo of {argument} entries, which no body needs")
        keys.follow(instruction, argument)


class _Keys:
    """The unpickler's stack, with instructions in place of values, to find what is used as a key."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.marks: list[int] = []
        self.memo: dict[int, str] = {}

    def follow(self, instruction: pickletools.OpcodeInfo, argument: Any) -> None:
        """Apply an instruction's effect on the stack; InputError where a key is not text."""
        name = instruction.name
        if "GET" in name:
            self.stack.append(self.memo.get(argument, name))
        elif "PUT" in name or name == "MEMOIZE":
            self.stack += (value := self._taken(1))
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = value[0]
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name == "POP" and self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            _check_keys(name, self._operands(instruction))
            self.stack += [name] * len(instruction.stack_after)

    def _operands(self, instruction: pickletools.OpcodeInfo) -> list[str]:
        """The entries that an instruction pops from the stack: a fixed number, or all since the last mark."""
        before = instruction.stack_before
        if pickletools.markobject not in before:
            return self._taken(len(before))
        if not self.marks:
            raise InputError("it takes from its stack what is not there")
        operands = self._taken(len(self.stack) - self.marks[-1])
        self.marks.pop()
        self._taken(before.index(pickletools.markobject))
        return operands

    def _taken(self, count: int) -> list[str]:
        start = len(self.stack) - count
        if start < (self.marks[-1] if self.marks else 0):
            raise InputError("it takes from its stack what is not there")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken


def _check_keys(name: str, operands: list[str]) -> None:
    keys = {"SETITEM": operands[1:2], "SETITEMS": operands[::2], "DICT": operands[::2]}.get(name, [])
    if other := [key for key in keys if not key.endswith(("STRING", "UNICODE"))]:
        raise InputError(f"it has a key made by {other[0]}, where text is expected")
