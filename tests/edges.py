"""Whether a figure keeps within its edges."""

from matplotlib.figure import Figure


def fits(figure: Figure) -> bool:
    """Whether everything visible lies within the figure's edges (0.02 inches of tolerance)."""
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < width + 0.02 and box.y1 < height + 0.02)
