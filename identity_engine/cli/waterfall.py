"""An explanation for a terminal: the sentence first, then a bar for each part of the evidence."""

from identity_engine.application.explain import Explanation
from identity_engine.cli.output import show

WIDTH = 32


def show_explanation(explanation: Explanation) -> None:
    """Write the sentence, the bars that add up to the weight, and what was refused."""
    show(f"Interaction {explanation.interaction_id}", "bold")
    show(f"belongs to contact {explanation.contact_id} (log position {explanation.position}).")
    show(explanation.sentence)
    if explanation.parts:
        show()
        for line in bars(explanation):
            show(line)
    for refusal in explanation.refusals:
        show(refusal)
    if explanation.considered:
        others = "contact was" if explanation.considered == 1 else "contacts were"
        show(f"{explanation.considered} other {others} considered.")
    show()


def bars(explanation: Explanation) -> list[str]:
    """Draw the waterfall from the prior to the weight, one line a part, on one common scale."""
    steps: list[tuple[str, float, float]] = []
    total = 0.0
    for part in explanation.parts:
        steps.append((f"{part.name}: {part.level}", total, total + part.bits))
        total += part.bits
    ends = [end for _, start, end in steps for end in (start, end)]
    low, high = min(0.0, *ends), max(explanation.attach, *ends)
    scale = (WIDTH - 1) / ((high - low) or 1.0)
    names = max(len(name) for name, _, _ in steps)
    lines = []
    for name, start, end in steps:
        first, last = sorted((round((start - low) * scale), round((end - low) * scale)))
        bar = " " * first + ("█" if end >= start else "░") * max(1, last - first)
        lines.append(f"  {name:<{names}} {end - start:+6.1f}  {bar}")
    mark = " " * round((explanation.attach - low) * scale) + "┊"
    lines.append(
        f"  {'sum':<{names}} {total:+6.1f}  {mark} enough from {explanation.attach:.1f} bits"
    )
    return lines
