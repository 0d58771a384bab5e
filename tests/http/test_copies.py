"""Events that come to several tabs of one desktop."""

from __future__ import annotations

from proxy.http.desktops.copies import MAX_BEHIND, Copies


def test_the_nth_time_is_a_copy_of_the_nth_time() -> None:
    """Each tab gets the decisions of the first, in their order; then it is the first itself."""
    copies = Copies()
    copies.decide("event", True, ["b"])
    copies.decide("event", False, ["b"])
    assert [copies.decided("b", "event") for _ in range(3)] == [True, False, None]
    assert copies.decided("a", "event") is None


def test_tabs_do_not_share_what_they_are_behind_of() -> None:
    """Three tabs: two are behind, each for itself, and a tab that is gone is not."""
    copies = Copies()
    copies.decide("event", False, ["b", "c"])
    assert copies.decided("b", "event") is False
    copies.forget("c")
    assert copies.decided("c", "event") is None
    copies.forget("never there")


def test_what_a_tab_never_fetches_is_bounded() -> None:
    """The oldest are forgotten first."""
    copies = Copies()
    for number in range(MAX_BEHIND + 1):
        copies.decide(str(number), False, ["b"])
    assert copies.decided("b", "0") is None
    assert copies.decided("b", "1") is False
