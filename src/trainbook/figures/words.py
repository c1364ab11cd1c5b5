"""Which words of a text raised the score of the answer, and which lowered it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import blank, note, shorten

_FOR, _AGAINST = "#1f77b4", "#d95f02"
_MOST, _AROUND = 120, 6  # words of a text, and on either side of a strong one
_GAP, _LONGEST = 4, 30  # words that are worth a gap, characters of a word
_WIDTH, _MARGIN, _LINE, _TITLE = 7.5, 0.15, 0.21, 0.26  # inches
_SIZE = 9.5
_OPENING, _CLOSING = set("([{“"), set(".,;:!?)]}%'’”…")

Piece = tuple[str, float | None]
"""What is written, and how strong it is; None = a gap."""


def draw(*, titles: Sequence[str], words: Sequence[Sequence[str]], attributions: Sequence[ArrayLike]) -> Figure:
    """Draw texts as running text: words for the answer on blue, against it on orange, the deeper the stronger in their text.

    Of a text of more than 120 words the strongest words are shown with what stands around them.

    Args:
        titles: t, what each text is and what was answered.
        words: of each text.
        attributions: of each text what each word adds to the score.

    Raises:
        ValueError: the sizes do not fit.
    """
    strengths = [np.asarray(each, dtype=np.float64) for each in attributions]
    if [len(each) for each in words] != [len(each) for each in strengths] or len(titles) != len(words):
        raise ValueError(
            f"As many attributions as words were expected; got {[len(each) for each in strengths]} "
            f"of {[len(each) for each in words]}, and {len(titles)} titles."
        )
    if not titles:
        return note("No texts.")
    blocks = [_lines(_pieces(each, strength)) for each, strength in zip(words, strengths, strict=True)]
    height = 0.4 + sum(2 * _TITLE + _LINE * len(lines) + 0.12 for lines in blocks)
    figure = blank(_WIDTH, height, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    axes.text(_WIDTH / 2, 0.25, "Blue words speak for the answer, orange ones against it", fontsize=10, ha="center")
    top = 0.4
    for title, lines, each, strength in zip(titles, blocks, words, strengths, strict=True):
        axes.text(_MARGIN, top + _TITLE, shorten(title, 76), fontsize=9, weight="bold", parse_math=False)
        _block(axes, top + _TITLE, lines, float(np.abs(strength).max(initial=0)) or 1.0)
        top += _TITLE + _LINE * len(lines)
        axes.text(_MARGIN, top + _TITLE - 0.05, _said(each, strength), fontsize=7.5, color="0.4", parse_math=False)
        top += _TITLE + 0.12
    return figure


def _said(words: Sequence[str], strength: NDArray[np.float64]) -> str:
    """The scale of the colours, and what all words do together."""
    if not len(words):
        return "no words"
    strongest = int(np.abs(strength).argmax())
    one, whole = f"{strength[strongest]:+.3g}", f"{strength.sum():+.3g}"
    return f"strongest: {shorten(_drawable(words[strongest]), _LONGEST)} {one}; together {whole}"


def _pieces(words: Sequence[str], strength: NDArray[np.float64]) -> list[Piece]:
    """The words that are shown, with gaps between them."""
    shown = np.full(len(words), len(words) <= _MOST)
    for at in np.argsort(-np.abs(strength), kind="stable"):
        wider = shown.copy()
        wider[max(0, at - _AROUND) : at + _AROUND + 1] = True
        if wider.sum() > _MOST:
            break
        shown = wider
    edges = np.flatnonzero(np.diff(shown.astype(int), prepend=1, append=1)).reshape(-1, 2)  # of what is hidden
    for begin, end in edges[(edges[:, 1] - edges[:, 0]) < _GAP]:
        shown[begin:end] = True
    pieces: list[Piece] = []
    hidden = 0
    for word, each, visible in zip(words, strength.tolist(), shown.tolist(), strict=True):
        hidden += not visible
        if visible:
            pieces += [(f"… {hidden} words …", None)] * (hidden > 0) + [(shorten(_drawable(word), _LONGEST), each)]
            hidden = 0
    return pieces + [(f"… {hidden} words", None)] * (hidden > 0)


def _lines(pieces: Sequence[Piece]) -> list[list[tuple[float, float, Piece]]]:
    """Lines of pieces with their left edge and width in inches; marks of punctuation stand close to their words."""
    renderer = blank(1, 1, layout=None).canvas.get_renderer()  # type: ignore[attr-defined]
    font = FontProperties(size=_SIZE)
    inch = 1 / renderer.points_to_pixels(72)
    space = (
        renderer.get_text_width_height_descent("n n", font, False)[0]
        - renderer.get_text_width_height_descent("nn", font, False)[0]
    )
    lines: list[list[tuple[float, float, Piece]]] = [[]]
    x = _MARGIN
    for piece in pieces:
        width = renderer.get_text_width_height_descent(piece[0], font, False)[0] * inch
        if lines[-1]:
            x += 0.01 if piece[0] in _CLOSING or lines[-1][-1][2][0] in _OPENING else max(space * inch, 0.05)
        if lines[-1] and x + width > _WIDTH - _MARGIN:
            lines.append([])
            x = _MARGIN
        lines[-1].append((x, width, piece))
        x += width
    return lines


def _block(axes: Axes, top: float, lines: Sequence[Sequence[tuple[float, float, Piece]]], strongest: float) -> None:
    for number, line in enumerate(lines, start=1):
        y = top + number * _LINE
        for x, width, (word, strength) in line:
            if strength:
                colour, alpha = (_FOR if strength > 0 else _AGAINST), 0.75 * abs(strength) / strongest
                axes.add_patch(Rectangle((x - 0.02, y - 0.145), width + 0.04, 0.19, color=colour, alpha=alpha, linewidth=0))
            axes.text(x, y, word, fontsize=_SIZE, color="0.1" if strength is not None else "0.55", parse_math=False)


def _drawable(word: str) -> str:
    """The word in letters that the font has."""
    font = get_font(findfont(FontProperties()))
    return "".join(letter if font.get_char_index(ord(letter)) else "\ufffd" for letter in word)
