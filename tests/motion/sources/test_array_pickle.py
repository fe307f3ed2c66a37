"""A pickle of arrays is read; a hostile one runs nothing, whatever it tries."""

import io
import os
import pickle
import pickletools
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from motiongrpo.base.errors import InputError
from motiongrpo.motion.sources import array_pickle
from motiongrpo.motion.sources.array_pickle import read_array_pickle

ARRAYS = {
    "transl": np.array([[1.5, -2, 3]], np.float32),
    "body_pose": np.arange(63.0)[None],
    "big_endian": np.arange(3, dtype=">f8"),
    "columns_first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "flags": np.array([True, False]),
    "count": np.int64(7),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_back_under_every_protocol(protocol):
    found = read_array_pickle(pickle.dumps(ARRAYS, protocol), "a.pkl")
    for key in ARRAYS.keys() - {"count"}:
        assert_array_equal(found[key], ARRAYS[key])
        assert found[key].dtype.kind == np.asarray(ARRAYS[key]).dtype.kind


@pytest.mark.parametrize(
    ("ours", "theirs"), [(b"numpy._core", b"numpy.core"), (b"numpy._core", b"numpy._core")]
)
@pytest.mark.parametrize("protocol", [0, 2])
def test_both_spellings_of_numpys_modules_are_known(ours, theirs, protocol):
    data = pickle.dumps(ARRAYS, protocol).replace(ours, theirs)
    assert_array_equal(read_array_pickle(data, "a.pkl")["transl"], ARRAYS["transl"])


def test_what_is_read_can_be_written_to_and_belongs_to_nobody_else():
    found = read_array_pickle(pickle.dumps(ARRAYS), "a.pkl")
    found["transl"][0, 0] = 9


class Runs:
    """An object that calls a function when it is unpickled without protection."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def marker(tmp_path) -> str:
    return str(tmp_path / "it_ran")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.mkdir, exec, eval, getattr, np.save], ids=lambda f: f.__name__)
def test_no_function_is_called(tmp_path, protocol, function):
    arguments = {exec: ("import os; os.mkdir('{}')",), eval: ("__import__('os').mkdir('{}')",)}
    given = [a.format(marker(tmp_path)) for a in arguments.get(function, ("{}",))]
    data = pickle.dumps({"transl": Runs(function, *given)}, protocol)
    with pytest.raises(InputError, match=r"asks for '.*', and only numpy arrays are read"):
        read_array_pickle(data, "a.pkl")
    assert list(tmp_path.iterdir()) == []


def program(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


DTYPE = b"cnumpy\ndtype\n"
RECONSTRUCT = b"cnumpy._core.multiarray\n_reconstruct\n"
ENCODE = b"c_codecs\nencode\n"

HOSTILE = {
    "a call hidden behind an admitted name": program(b"cnumpy\ndtype.__init__\n", b")R"),
    "a dotted name": program(text("numpy"), text("ndarray.__class__"), b"\x93)R"),
    "an instance of a class": program(b"(ios\nmkdir\n"),
    "an object of a class": program(b"(cos\nmkdir\no"),
    "a new object": program(b"cbuiltins\nobject\n)\x81"),
    "a persistent id": program(b"Psomething\n"),
    "a binary persistent id": program(text("x"), b"Q"),
    "the extension registry": program(b"\x82\x01"),
    "a set": program(b"\x8f"),
    "bytes of any length": program(b"c__builtin__\nbytes\n", b"J\xff\xff\xff\x7f\x85R"),
    "another codec": program(ENCODE, text("abc"), text("rot13"), b"\x86R"),
    "an array class that is called": program(b"cnumpy\nndarray\n", b")R"),
    "attributes set on a name": program(ENCODE, b"}", text("x"), b"K\x01sb"),
    "slots set on a name": program(ENCODE, b"N}", text("__defaults__"), b")s\x86b"),
    "a memo of two billion": program(b"Nr\xff\xff\xff\x7f"),
    "not a dictionary": program(b"]"),
    "keys that are no text": program(b"}K\x01K\x01s"),
    "half a program": b"\x80\x04}",
    "no program": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_is_refused_in_one_sentence_and_changes_nothing(name):
    before = {
        key: dict(vars(value)) for key, value in vars(array_pickle).items() if hasattr(value, "__dict__")
    }
    defaults = array_pickle._latin1.__defaults__
    with pytest.raises(InputError, match=r"^'a.pkl' (is not|holds)"):
        read_array_pickle(HOSTILE[name], "a.pkl")
    assert array_pickle._latin1.__defaults__ == defaults
    after = {
        key: dict(vars(value)) for key, value in vars(array_pickle).items() if hasattr(value, "__dict__")
    }
    assert before == after


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            program(b"}", text("a"), ENCODE, text("abc"), text("rot13"), b"\x86Rs"),
            "it asks for the codec 'rot13'",
        ),
        (program(b"}r\xff\xff\xff\x7f"), "it has a memo of 2147483647 entries"),
        (program(b"}", text("a"), ENCODE, b"N}", text("x"), b")s\x86bs"), "it tries to change what reads it"),
        (program(b"}", text("a"), b"cnumpy\nndarray\n", b")Rs"), "it calls numpy.ndarray"),
    ],
)
def test_each_wall_says_what_was_tried(data, sentence):
    with pytest.raises(InputError, match=f"^'a.pkl' is not read: {sentence}"):
        read_array_pickle(data, "a.pkl")


def test_the_second_wall_holds_without_the_first(monkeypatch):
    """Names are refused by the unpickler even without the inspection of instructions."""
    monkeypatch.setattr(array_pickle, "_inspect", lambda data: None)
    for data in (
        HOSTILE["a persistent id"],
        HOSTILE["an instance of a class"],
        pickle.dumps(Runs(os.mkdir, "x")),
    ):
        with pytest.raises(InputError):
            read_array_pickle(data, "a.pkl")


@pytest.mark.parametrize(
    "liar",
    [
        np.array([{"a": 1}], dtype=object),
        np.zeros(2, dtype=[("a", "f4"), ("b", "O")]),
        np.zeros(2, dtype=[("a", "f4")]),
        np.array(["text"]),
        np.zeros(2, dtype="V8"),
        np.zeros(2, dtype="M8[s]"),
    ],
    ids=lambda a: str(a.dtype),
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_arrays_of_anything_but_numbers_are_refused(liar, protocol):
    with pytest.raises(InputError, match=r"where numbers are expected"):
        read_array_pickle(pickle.dumps({"a": liar}, protocol), "a.pkl")


def test_a_dtype_that_lies_about_its_memory_is_refused():
    """Flags that make numpy use bytes of a file as pointers; here they have no effect or are refused."""
    honest = pickle.dumps({"a": np.arange(4.0)}, 4)
    itemsize_and_flags = pickle.dumps((3, "<", None, None, None, 4096, 8, 63), 4)
    assert b"f8" in honest
    state = io.BytesIO()
    pickle.Pickler(state, 4).dump({"a": np.arange(4.0)})
    as_object = state.getvalue().replace(text("f8"), text("O8"))
    assert as_object != honest
    with pytest.raises(InputError, match="'O8', where numbers are expected"):
        read_array_pickle(as_object, "a.pkl")
    array = array_pickle._Dtype("f8", False, True)
    array.__setstate__(array_pickle._ArrayUnpickler(io.BytesIO(itemsize_and_flags)).load())
    assert array.numpy() == np.dtype("f8")


def test_an_array_larger_than_its_data_is_refused():
    data = pickle.dumps({"a": np.arange(4.0)}, 4)
    lying = data.replace(b"K\x04\x85", b"J" + struct.pack("<i", 1 << 23) + b"\x85")
    assert lying != data
    lying = (
        lying[:2] + b"".join(lying[2:].split(lying[2:11], 1)) if lying[2:3] == b"\x95" else lying
    )  # the frame
    with pytest.raises(InputError, match="whose size is not that of its data"):
        read_array_pickle(lying, "a.pkl")


def test_the_instructions_that_arrays_need_are_all_that_is_admitted():
    used = set()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        used |= {op.name for op, _, _ in pickletools.genops(pickle.dumps(ARRAYS, protocol))}
    assert used <= array_pickle._ALLOWED
    calling = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4"}
    assert not calling & array_pickle._ALLOWED
