"""From pages to a site. Whatever is wrong with a page or a link ends it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.site import sample
from tools.site.sources import lay_out

_CONFIGURATION: Final = Path(__file__).parent


def build(root: Path, run: Path, site: Path) -> None:
    """Write the site.

    Args:
        root: the repository.
        run: the directory of the rehearsal that is shown.
        site: where it goes; what is there is replaced once the new one is whole.

    Raises:
        SystemExit: a link or an anchor leads nowhere, or a page is not in the navigation; it says which.
    """
    with tempfile.TemporaryDirectory(prefix="rehearsal-site-") as name:
        sources, html = Path(name, "sources"), Path(name, "html")
        lay_out(root, run, sources)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--fresh-env"),
                *("--conf-dir", str(_CONFIGURATION), "--doctree-dir", str(Path(name, "doctrees"))),
                *("--builder", "html", str(sources), str(html)),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        # Where a page lies while the site is built helps nobody to find it.
        sys.stderr.write(done.stderr.replace(f"{sources}/", "").replace("index.md", "README.md"))
        if done.returncode:
            raise SystemExit("The site was not built.")
        shutil.copytree(sources / sample.SAMPLE, html / sample.SAMPLE)
        shutil.rmtree(site, ignore_errors=True)
        shutil.move(html, site)
