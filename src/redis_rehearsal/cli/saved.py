"""Runs that were saved: their documents, checked as far as a person who names the wrong file needs it."""

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
from cyclopts import Parameter

from redis_rehearsal.document.run import SCHEMA_VERSION
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.report.reading import number
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.settings import DEFAULTS

DOCUMENT: Final = "run.json"
DEFAULT_RUN_DIR: Final[Path] = DEFAULTS.run_dir
RunDir = Annotated[Path, Parameter(name="--run-dir", env_var="RUN_DIR")]


def latest_run(run_dir: Path) -> Path:
    """The directory of the run that began last, of those that have ended.

    Args:
        run_dir: where runs leave their directories.

    Raises:
        ConfigurationError: there is none.
    """
    # Their names are the times at which they began.
    found = sorted(path.parent for path in run_dir.glob(f"*/{DOCUMENT}"))
    if not found:
        raise ConfigurationError(
            f"No run has left its document in RUN_DIR {run_dir}; name the directory of a run, or its {DOCUMENT}."
        )
    return found[-1]


def read_run(path: Path, document: dict[str, Any]) -> RunData:
    """A saved run with its seconds and percentiles.

    Args:
        path: of its directory, or of its run.json.
        document: its run.json.

    Raises:
        ConfigurationError: a file is there and cannot be read.
    """
    directory = path if path.is_dir() else path.parent
    try:
        return RunData.read(directory, document)
    except OSError as error:
        raise ConfigurationError(f"The file {error.filename} cannot be read: {error.strerror}.") from None


def read_document(run_dir: Path) -> dict[str, Any]:
    """The document of a saved run.

    Args:
        run_dir: its directory, or its run.json.

    Raises:
        ConfigurationError: there is none that can be read; the sentence says why.
    """
    path = run_dir
    try:
        if run_dir.is_dir():
            path = run_dir / DOCUMENT
        content = path.read_bytes()
    except FileNotFoundError:
        if path == run_dir:
            raise ConfigurationError(
                f"There is no {run_dir}; name the directory of a run, or its {DOCUMENT}."
            ) from None
        raise ConfigurationError(
            f"The directory {run_dir} holds no {DOCUMENT}: the run has not ended, or it is not the directory of a run."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror}.") from None
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"The file {path} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"The file {path} is not the document of a run.")
    version = number(document.get("schema_version"))
    if version is not None and version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The file {path} has schema_version {version:g}, newer than {SCHEMA_VERSION}, the newest that is known "
            "here; use the redis-rehearsal that wrote it."
        )
    return document
