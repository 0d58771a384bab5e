"""The code, the commented example and the option reference say the same."""

import re
from pathlib import Path

from attrs import NOTHING, evolve

from proxy.campaign.observation import GroupNames
from proxy.campaign.policy import Policy
from proxy.config import OPTIONS, load, parse
from proxy.ini import cut
from proxy.summary import warnings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "conf" / "tevent-proxy.conf"
REFERENCE = ROOT / "docs" / "options.md"

_COMMENTED = re.compile(r"^; (?=\w+ = |\[(?:group |witness |direct\]|ocs-http\]|gws\]))", re.MULTILINE)


SHARED = "redis://localhost"


def everything() -> str:
    """The example with all its commented options in force; some of [store] may stand with a Redis only."""
    text = _COMMENTED.sub("", EXAMPLE.read_text("utf-8"))
    return re.sub(r"^url = sqlite:/var\S+", f"url = {SHARED}", text, count=1, flags=re.MULTILINE)


def named(text: str) -> dict[str, set[str]]:
    """The options that stand in a conf file, by section."""
    sections, problems = cut(text)
    assert problems == []
    return {kind(section.title): set(section.entries) for section in sections}


def kind(title: str) -> str:
    """The sections of OPTIONS that a title is one of: what follows the name of a kind is up to the site."""
    words = title.split(" ")
    return next(known for known in (" ".join(words[:2]), words[0]) if known in OPTIONS)


def test_the_example_can_be_used() -> None:
    """Who copies the example gets a proxy that works and deserves no second look."""
    assert warnings(load(EXAMPLE)) == []


def test_the_example_names_every_option() -> None:
    """Every option of the code is in the example; those of [completion] are not explained twice."""
    example = named(everything())
    for section, options in OPTIONS.items():
        own = set(options) - set(OPTIONS["completion"]) if section == "group" else set(options)
        assert example.get(section) == own, section


def test_the_example_keeps_the_defaults() -> None:
    """Putting every commented line in force changes nothing: what is shown is what holds anyway."""
    shown, kept = parse(everything()), load(EXAMPLE)
    (group,) = shown.groups
    assert group.names == GroupNames(101, 101, 732, "Sales@Agents")
    assert group.policy == kept.policy == Policy()
    assert (shown.tevents, shown.policy, shown.store, shown.admin, shown.limits) == (
        kept.tevents,
        kept.policy,
        evolve(kept.store, url=SHARED),
        kept.admin,
        kept.limits,
    )


def test_the_example_leaves_only_what_must_be_given_in_force() -> None:
    """In force are the options without a default, and a store that survives: the rest is shown in comments."""
    in_force = named(EXAMPLE.read_text("utf-8"))
    assert in_force.pop("store") == {"url"}
    for section, keys in in_force.items():
        assert keys == {key for key, default in OPTIONS[section].items() if default is NOTHING}, section


def test_the_reference_names_every_option_with_its_default() -> None:
    """docs/options.md has a row for every option, under its section, with the default of the code."""
    rows: dict[str, dict[str, str]] = {}
    for chapter in REFERENCE.read_text("utf-8").split("\n## [")[1:]:
        rows[kind(chapter.partition("]")[0])] = dict(
            re.findall(r"^\| `(\w+)` \| `?([^|`]*)`? \|", chapter, re.MULTILINE)
        )
    for section, options in OPTIONS.items():
        own = {k: v for k, v in options.items() if section != "group" or k not in OPTIONS["completion"]}
        assert rows.get(section) == {key: written(default) for key, default in own.items()}, section


def written(default: object) -> str:
    """A default as the conf file has it."""
    if default is NOTHING:
        return "needed"
    if default in (None, ()):
        return "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, float):
        return f"{default:g}"
    return str(getattr(default, "value", default))
