"""The form of a conf file."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.ini import cut


def values(text: str) -> dict[str, dict[str, str]]:
    sections, problems = cut(text)
    assert problems == []
    return {section.title: {key: entry.text for key, entry in section.entries.items()} for section in sections}


def test_sections_keys_values() -> None:
    """Blanks around names and values do not matter, and values keep their case and their equals signs."""
    assert values("[ a b ]\n x=1\n\n[c]\nY =  tcp:1:interface=::1 \n") == {
        "a b": {"x": "1"},
        "c": {"Y": "tcp:1:interface=::1"},
    }


def test_comments() -> None:
    """; and # begin a comment at the start of a line, ; also after a blank; inside a value both are themselves."""
    assert values("; no\n  # no\n[a] ; no\nx = a;b#c # d\t; no\n") == {"a": {"x": "a;b#c # d"}}


def test_values_of_several_lines() -> None:
    """A value goes on in lines that are indented deeper than its key, comments and empty lines between them or not."""
    assert values("[a]\nx = 1 ; one\n\n    2\n    ; three\n  4\ny =\n  5\n") == {"a": {"x": "1\n2\n4", "y": "5"}}


def test_an_indented_file_is_read_like_any_other() -> None:
    """Only lines indented deeper than the key before go on with its value: a pasted, indented file works."""
    assert values("    [a]\n    x = 1\n      2\n    y = 3\n") == {"a": {"x": "1\n2", "y": "3"}}


def test_every_problem_is_found_with_its_line() -> None:
    """Junk, keys before any section, sections and keys that stand twice are told all at once."""
    sections, problems = cut("early = 1\n[a]\nx = 1\nx = 2\n  3\njunk\n= 4\n[a]\nx = 5\n")
    assert [f"{problem.line} {problem}" for problem in problems] == [
        "1 early: stands before the first [section]",
        "4 [a] x: stands in line 3 already",
        "6 neither [section] nor key = value: 'junk'",
        "7 neither [section] nor key = value: '= 4'",
        "8 [a]: stands in line 2 already",
    ]
    assert [section.entries["x"].text for section in sections] == ["1", "5"]


@given(st.text(alphabet="[]=;# \n\tab"))
def test_any_text_is_cut(text: str) -> None:
    """Whatever a file holds, every line of it is a comment, a section, a key, part of a value, or a problem."""
    sections, problems = cut(text)
    places = [section.line for section in sections] + [problem.line for problem in problems]
    places += [entry.line for section in sections for entry in section.entries.values()]
    assert all(1 <= place <= len(text.splitlines()) for place in places)
