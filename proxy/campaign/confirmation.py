"""The last check before a Stop: those who know the calling lists are asked whether there really is nothing left.

The answer comes later than the question, and all conditions are looked at again when it is there: evidence may have
gone meanwhile. Then the check is dropped, and asked for anew when all has held again.
"""

from __future__ import annotations

from attrs import define, field

from proxy.campaign.around import Surroundings
from proxy.campaign.observation import AskWitness, GroupNames
from proxy.campaign.plain import ASIDE


@define(eq=False)
class Confirmation:
    """One last check of one group. `due_at`: when a question that has no answer is asked anew."""

    _around: Surroundings = field(metadata=ASIDE)
    _title: str
    _names: GroupNames
    _questions: dict[str, int] = field(factory=dict)
    _answered: set[str] = field(factory=set)
    due_at: float = float("inf")

    def ask(self, witness: str, due_at: float) -> None:
        """Ask a witness, or ask it anew: only what it says after that is an answer."""
        if witness in self._questions:
            self._around.add("confirmations_overdue")
        self._questions[witness] = question = self._around.numbers.take()
        self.due_at = due_at
        self._around.tell(AskWitness(self._title, witness, self._names, question))

    def answer(self, witness: str, question: int) -> None:
        """A witness answers; an answer to an earlier question is none."""
        if self._questions.get(witness) == question:
            self._answered.add(witness)

    def unanswered(self, witnesses: set[str]) -> list[str]:
        """Those of the witnesses who have not answered, in order."""
        return sorted(witnesses - self._answered)

    def unasked(self, witnesses: set[str]) -> list[str]:
        """Those of the witnesses whom nobody has asked, in order."""
        return sorted(witnesses - self._questions.keys())
