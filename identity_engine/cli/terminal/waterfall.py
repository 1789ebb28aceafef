"""Explanations for a terminal: the sentence first, then a bar for each part of the evidence."""

from collections.abc import Collection, Sequence

from identity_engine.application.explanation.explain import Explanation
from identity_engine.application.explanation.how import Step
from identity_engine.application.explanation.sentences import Sentences
from identity_engine.application.explanation.waterfall import Part, Thresholds
from identity_engine.application.explanation.why_not import WhyNot
from identity_engine.cli.terminal.output import cells_wide, show, timestamp

WIDTH = 32
MARK = "┊"


def show_explanations(explanations: Sequence[Explanation], say: Sentences) -> None:
    """Write one after the other."""
    for explanation in explanations:
        show_explanation(explanation, say)


def show_explanation(explanation: Explanation, say: Sentences) -> None:
    """Write the sentence, the bars that add up to the weight, and what was refused."""
    position = str(explanation.position)
    if explanation.kind in ("merge", "across"):
        one, other = explanation.contacts
        show(say.say("why.merge", one=one, other=other), "bold")
        are = "why.are_one" if explanation.kind == "merge" else "why.are_alike"
        show(say.say(are, position=position))
    elif explanation.kind == "entered":
        show(say.say("why.contact", contact=explanation.contact_id), "bold")
        show(say.say("why.exists", position=position))
    else:
        interaction, contact = explanation.interaction_id or "", explanation.contact_id
        show(say.say("why.interaction", interaction=interaction), "bold")
        show(say.say("why.belongs", contact=contact, position=position))
    show(explanation.sentence)
    if explanation.contacts and explanation.interaction_id and explanation.against:
        compared = explanation.interaction_id, explanation.against
        show(_compared(compared, explanation.by_hand, say))
    if explanation.parts and explanation.thresholds is not None:
        # A merge is held against its own threshold too, and doubt against that of a review.
        also = {"merge": ("merge",), "review": ("review",)}.get(explanation.kind, ())
        _show_bars(explanation.parts, explanation.thresholds, ("attach", *also), say)
    for refusal in explanation.refusals:
        show(refusal)
    if explanation.considered:
        show(say.say("why.considered", count=str(explanation.considered)))
    show()


def show_why_not(answer: WhyNot, say: Sentences) -> None:
    """Write the sentence, the bars of the best pair, and what would tip it."""
    show(answer.sentence, "bold")
    if answer.recorded is not None:
        show(answer.recorded.sentence)
    if answer.compared is not None:
        show(_compared(answer.compared, answer.by_hand, say))
    if answer.parts:
        _show_bars(answer.parts, answer.thresholds, ("attach", "merge"), say)
        show()
    show(answer.tip)
    for absent in answer.absent:
        key = "tip.absent_is_enough" if absent.is_enough else "tip.absent_one"
        bits = say.number(absent.bits, "+.1f")
        show("  " + say.say(key, name=absent.name, bits=bits, id=absent.interaction_id))


def show_steps(steps: Sequence[Step], say: Sentences) -> None:
    """Write the steps of an identity in order: when, who, what it had after it; then the sentence."""
    width = max(len(str(one.position)) for one in steps)
    for one in steps:
        now = say.say(
            "how.now",
            interactions=str(one.interactions),
            identifiers=str(one.identifiers),
            members=str(one.members),
        )
        show(f"{one.position:>{width}}  {timestamp(one.valid_from)}  {one.actor}  ({now})")
        show(" " * (width + 2) + one.sentence)


def bars(
    parts: Sequence[Part], thresholds: Thresholds, shown: Sequence[str], say: Sentences
) -> list[str]:
    """Draw the waterfall from the prior to the weight, one line a part, on one common scale.

    Args:
        parts: in order, with the prior first.
        thresholds: those in force.
        shown: names of thresholds, the first beside the sum.
        say: words of the lines.
    """
    steps: list[tuple[str, float, float]] = []
    total = 0.0
    for part in parts:
        steps.append((_label(part, say), total, total + part.bits))
        total += part.bits
    limits = {name: getattr(thresholds, name) for name in shown}
    ends = [end for _, start, end in steps for end in (start, end)]
    low, high = min(0.0, *ends, *limits.values()), max(*ends, *limits.values())
    scale = (WIDTH - 1) / ((high - low) or 1.0)
    names = [label for label, _, _ in steps] + [say.say("bar.sum")]
    width = max(map(cells_wide, names))
    lines = []
    for name, start, end in steps:
        first, last = sorted((round((start - low) * scale), round((end - low) * scale)))
        bar = " " * first + ("█" if end >= start else "░") * max(1, last - first)
        lines.append(f"  {_padded(name, width)} {_signed(end - start, say)}  {bar}")
    left = f"{_padded(say.say('bar.sum'), width)} {_signed(total, say)}"
    for name, limit in limits.items():
        mark = " " * round((limit - low) * scale) + MARK
        lines.append(f"  {left}  {mark} {say.say(f'bar.{name}', bits=limit)}")
        left = " " * (width + 7)
    return lines


def _show_bars(
    parts: Sequence[Part], thresholds: Thresholds, shown: Sequence[str], say: Sentences
) -> None:
    show()
    for line in bars(parts, thresholds, shown, say):
        show(line)


def _compared(ids: tuple[str, str], by_hand: Collection[str], say: Sentences) -> str:
    one, other = (
        say.say("why.by_hand_named", contact=id_)
        if id_ in by_hand
        else say.say("why.interaction_named", id=id_)
        for id_ in ids
    )
    return say.say("why.compared", one=one, other=other)


def _label(part: Part, say: Sentences) -> str:
    if part.kind == "prior":
        return f"{part.name}: {say.say('bar.prior')}"
    if part.kind == "rarity":
        return say.say("bar.rarity", name=part.name)
    return f"{part.name}: {part.level}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells_wide(text))


def _signed(bits: float, say: Sentences) -> str:
    return f"{say.number(bits, '+.1f'):>6}"
