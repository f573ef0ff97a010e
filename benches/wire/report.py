"""The figures of a run, and the table that shows them."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Target:
    text: str
    met: Callable[[float], bool]


@dataclass
class Figure:
    """`ours` and `theirs` are the same measurement of Mooring and of MariaDB."""

    name: str
    unit: str
    ours: float | None
    theirs: float | None = None
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.ours is not None and self.theirs else None

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.ours is not None and self.target.met(self.ours)


@dataclass
class Report:
    figures: list[Figure] = field(default_factory=list)
    # Why a `-` stands where a figure is due.
    reasons: list[str] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)

    def print(self) -> None:
        heads = ["", "unit", "Mooring", "MariaDB", "ratio", "target", "met"]
        rows = [heads, *(cells(figure) for figure in self.figures)]
        print_table(rows, left=2, numbers=3)
        for reason in self.reasons:
            print(reason)

    def as_json(self) -> dict:
        figures = [
            {"name": f.name, "unit": f.unit, "mooring": f.ours, "mariadb": f.theirs, "ratio": f.ratio,
             "target": f.target.text if f.target else None, "met": f.met}
            for f in self.figures
        ]
        return {"figures": figures, "reasons": self.reasons}


def print_table(rows: list[list[str]], left: int = 1, numbers: int | None = None) -> None:
    """`numbers` columns after the first `left` are set to the right; without it, all of them."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    is_number = range(left, len(widths) if numbers is None else left + numbers)
    for row in rows:
        aligned = (cell.rjust(width) if place in is_number else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join(aligned).rstrip())


def cells(figure: Figure) -> list[str]:
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.3g}"
    return [figure.name, figure.unit, number(figure.ours), number(figure.theirs), ratio, figure.target.text if figure.target else "", met]


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def at_least(least: float, hoped: float | None = None) -> Target:
    text = f"at least {least:,.0f}" + (f", hoped {hoped:,.0f}" if hoped else "")
    return Target(text, lambda value: value >= least)


def below(bound: float) -> Target:
    return Target(f"below {bound:,.0f}", lambda value: value < bound)
