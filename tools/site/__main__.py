"""`python -m tools.site` rehearses, and writes the site."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.site.building import build
from tools.site.sample import rehearse

_ROOT: Final = Path(__file__).parents[2]
_SITE: Final = _ROOT / "site"

sys.stderr.write("A short rehearsal comes first, for the sample report: half a minute or two.\n")
with tempfile.TemporaryDirectory(prefix="rehearsal-sample-") as place:
    build(_ROOT, rehearse(Path(place)), _SITE)
sys.stdout.write(
    f"""The site is in {_SITE}. To look at it, open {(_SITE / "index.html").as_uri()}, or
  python3 -m http.server --bind 127.0.0.1 --directory {_SITE} 8000
and then http://127.0.0.1:8000/
"""
)
