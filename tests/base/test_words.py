from motiongrpo.base.words import escaped, shown


def test_what_cannot_be_printed_is_spelt_out_and_all_else_stays():
    assert escaped("größe 走 [b]") == "größe 走 [b]"
    assert escaped("\x1b[31m\u202e\udcff\n") == "\\x1b[31m\\u202e\\udcff\\n"
    assert escaped("\u05eb\ue000\xa0") == "\\u05eb\\ue000\\xa0"  # no character yet, one of nobody's, a space


def test_words_of_others_are_shown_on_one_line_and_cut():
    assert shown("as it is") == "as it is"
    assert shown("two\n\tlines\r") == "two lines"
    assert shown("\x1c1.5") == "\\x1c1.5"
    assert shown("<ast.Call object at 0x7fd687d7f7f0>") == "<ast.Call object>"
    assert shown("x" * 61) == "x" * 59 + "…"
    assert shown("x" * 60) == "x" * 60
    assert shown("a" + " " * 1000 + "b") == "a…"
    assert len(shown("\x1b" * 50)) == 60
