"""What stands on paper: a page as a PDF, looked at as whoever prints it would."""

import numpy as np
import pypdfium2 as pdfium

_POINTS_PER_PIXEL = 0.75
# In pixels, below a chart's heading: what explains it and the names of phases are above this stretch, all else below.
_FROM, _TO = 100, 180
_WHITE = 250


def shares_filled(pdf: bytes, captions: dict[str, str]) -> dict[str, float]:
    """Of each chart by its heading, the share of the place of its lines that is not white.

    Args:
        pdf: what is printed.
        captions: by heading, how the explanation below it begins.

    Raises:
        AssertionError: a chart is not there, or there twice.
    """
    found: dict[str, float] = {}
    for page in pdfium.PdfDocument(pdf):
        text = page.get_textpage()
        # Where letters stand apart is guessed from their places, and so left out.
        letters = [(place, letter) for place, letter in enumerate(text.get_text_range()) if not letter.isspace()]
        words = "".join(letter for _, letter in letters)
        picture = page.render(scale=1 / _POINTS_PER_PIXEL).to_numpy()
        for heading, begins in captions.items():
            at = words.find("".join(f"{heading}{begins}".split()))
            if at < 0:
                continue
            assert heading not in found
            left, bottom, _, _ = text.get_charbox(letters[at][0])
            x, y = (round(place / _POINTS_PER_PIXEL) for place in (left, page.get_height() - bottom))
            place = picture[y + _FROM : y + _TO, x + 70 : x + 600, :3]
            found[heading] = float(np.mean(place.min(axis=2) < _WHITE))
    assert found.keys() == captions.keys()
    return found
