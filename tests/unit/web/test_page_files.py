"""The files of the live page, some of which the report has too."""

import re
from pathlib import Path

from redis_rehearsal.report import assets
from redis_rehearsal.report.assets import CHART_SCRIPTS
from redis_rehearsal.web import page
from redis_rehearsal.web.page import routes

STATIC = Path(page.__file__).parent / "static"
INDEX = (STATIC / "index.html").read_text(encoding="utf-8")


def test_it_loads_what_draws_charts_in_the_order_of_the_report() -> None:
    loaded = re.findall(r'<script src="/page/([\w.]+)"', INDEX)
    assert loaded == ["theme.js", "bokeh.min.js", *CHART_SCRIPTS, "page.js"]


def test_no_file_of_the_report_hides_one_of_the_page() -> None:
    own = {path.name for path in STATIC.iterdir()}
    shared = {path.name for path in Path(assets.__file__).parent.iterdir() if path.suffix in routes.MEDIA_TYPES}
    assert not own & shared
