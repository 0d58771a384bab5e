"""INI text cut into sections: every problem is found, not the first one only, and each with its line.

Pure. The form is that of `configparser` without its surprises: no DEFAULT section, no interpolation, no
case folding, `=` only::

    ; or # at the start of a line, or ; after a blank: a comment
    [section]
    key = value
          more of the value: lines indented deeper than its key
"""

from __future__ import annotations

import re

from attrs import field, frozen

_COMMENT = re.compile(r"(?:^\s*[;#]|\s;).*")
_SECTION = re.compile(r"\[(.*)\]")
_WHO = re.compile(r"//\S*@")
"""Whoever stands before the host in a URL, perhaps with a password."""


@frozen
class Problem:
    """Something in a conf file that is wrong, and where: a line from 1, 0 where it is about the whole file."""

    section: str
    key: str
    text: str
    line: int = 0

    def __str__(self) -> str:
        """`[section] key: what is wrong`, as far as there are a section and a key."""
        where = f"[{self.section}]" if self.section else ""
        place = " ".join(filter(None, (where, self.key)))
        return f"{place}: {self.text}" if place else self.text


@frozen
class Entry:
    """A value as it was written, line by line, and the line of its key."""

    line: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The value, its lines joined by newlines."""
        return "\n".join(filter(None, self.lines))


@frozen
class Section:
    """A section as it was written."""

    title: str
    line: int
    entries: dict[str, Entry] = field(factory=dict)


def cut(text: str) -> tuple[list[Section], list[Problem]]:
    """The sections of `text` in order, and what is wrong with its form.

    A section that stands twice comes out twice, so that its values can be looked at too; of a key that
    stands twice in a section the first counts.
    """
    sections: list[Section] = []
    problems: list[Problem] = []
    entry, indent = None, 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).rstrip()
        content = line.lstrip()
        depth = len(line) - len(content)
        if not content:
            continue
        if header := _SECTION.fullmatch(content):
            entry = None
            title = header[1].strip()
            earlier = next((section.line for section in sections if section.title == title), None)
            if earlier is not None:
                problems.append(Problem(title, "", f"stands in line {earlier} already", number))
            sections.append(Section(title, number))
        elif entry and depth > indent:
            entry.lines.append(content)
        else:
            key, equals, value = (part.strip() for part in content.partition("="))
            entry, indent = Entry(number, [value]), depth
            if not equals or not key:
                shown = _WHO.sub("//***@", content)
                problems.append(Problem("", "", f"neither [section] nor key = value: {shown!r}", number))
            elif not sections:
                problems.append(Problem("", key, "stands before the first [section]", number))
            elif key in (entries := sections[-1].entries):
                problems.append(Problem(sections[-1].title, key, f"stands in line {entries[key].line} already", number))
            else:
                entries[key] = entry
    return sections, problems
