"""Talks to a run that is going on, over its control API."""

import http
import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Annotated, Any, Final

from cyclopts import Parameter
from pydantic import BaseModel, SecretStr, ValidationError

from redis_rehearsal.cli.runtime_file import RuntimeFile
from redis_rehearsal.errors import ConfigurationError, RehearsalError
from redis_rehearsal.groups import OUTPUT
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, RehearsalOptions, SwitchOptions
from redis_rehearsal.migration.preflight.options import PreflightOptions
from redis_rehearsal.settings import Settings, explain
from redis_rehearsal.urls import reached_at
from redis_rehearsal.verification.compare.options import CompareOptions

Token = Annotated[SecretStr | None, Parameter(env_var="CONTROL_TOKEN"), OUTPUT]

OPTIONS: Final[dict[str, type[BaseModel]]] = {
    "migrate": MigrationOptions,
    "rehearse": RehearsalOptions,
    "switch": SwitchOptions,
    "set": LoadChange,
    "compare": CompareOptions,
    "preflight": PreflightOptions,
}
"""The model of the flags of each command that has one; the others' are settings."""

UNKNOWN_EXIT_CODE: Final = 3
_TIMEOUT_SECONDS: Final = 10.0


class OutcomeUnknownError(RehearsalError):
    """Nobody waits for the run any more; whether it did what was asked is not known here."""

    exit_code = UNKNOWN_EXIT_CODE


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A run sends nobody elsewhere, and the token must not go there."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """A run, as a command on another terminal sees it.

    Args:
        address: where it serves HTTP, as BIND_ADDRESS.
        token: of the run; None takes the one that a run of the same user on this machine has left for it, if any.

    Attributes:
        url: where it serves HTTP.

    Raises:
        ConfigurationError: the address or the token cannot be one.
    """

    def __init__(self, address: str, token: SecretStr | None) -> None:
        try:
            settings = Settings.model_validate({"bind_address": address, "control_token": token})
        except ValidationError as error:
            raise ConfigurationError(explain(error)) from None
        self._address = address
        host = reached_at(settings.bind_host)
        self.url = f"http://[{host}]:{settings.bind_port}" if ":" in host else f"http://{host}:{settings.bind_port}"
        self._token = settings.control_token or RuntimeFile(address).token()
        # Never through a proxy: a run is on this machine or near it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)

    def check(self) -> None:
        """See that it is a run that answers, before it is told the token or the URL of a server.

        Raises:
            ConfigurationError: nothing answers there, or something else.
        """
        self.health()

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the run has all that it needs, and its state.

        Raises:
            ConfigurationError: nothing answers there, or something else.
        """
        request = urllib.request.Request(f"{self.url}/health")  # noqa: S310 # always http
        status, document = self._read(request, _TIMEOUT_SECONDS)
        if not isinstance(document, dict) or document.get("application") != "redis-rehearsal":
            raise self._stranger()
        return status == http.HTTPStatus.OK, document

    def call(
        self, method: str, path: str, body: BaseModel | None = None, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> Any:
        """Make one call.

        Args:
            method: of HTTP.
            path: of the API.
            body: what is sent as JSON; only the fields that were given.
            timeout_seconds: longest wait for the answer.

        Returns:
            The answer.

        Raises:
            ConfigurationError: the run says why it does not do this, or does not answer.
            OutcomeUnknownError: Ctrl-C while the answer was waited for.
        """
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 # always http
        if body is not None:
            request.data = body.model_dump_json(exclude_unset=True).encode()
            request.add_header("Content-Type", "application/json")
        self._show_token(request)
        try:
            status, document = self._read(request, timeout_seconds)
        except KeyboardInterrupt:
            raise OutcomeUnknownError(
                "Interrupted before the run answered; redis-rehearsal status shows whether it does what was asked."
            ) from None
        if 200 <= status < 300:
            return document
        raise self._refused(document)

    def page(self, path: str) -> bytes:
        """What is there, as it stands.

        Raises:
            ConfigurationError: the run says why it does not show this, or does not answer.
        """
        request = urllib.request.Request(self.url + path)  # noqa: S310 # always http
        self._show_token(request)
        status, content = self._fetch(request, _TIMEOUT_SECONDS)
        if status != http.HTTPStatus.OK:
            raise self._refused(self._parsed(content))
        return content

    def _show_token(self, request: urllib.request.Request) -> None:
        if self._token is not None:
            request.add_header("Authorization", f"Bearer {self._token.get_secret_value()}")

    def _refused(self, document: Any) -> ConfigurationError:
        sentence = document.get("error") if isinstance(document, dict) else None
        return ConfigurationError(sentence) if isinstance(sentence, str) else self._stranger()

    def _read(self, request: urllib.request.Request, timeout_seconds: float) -> tuple[int, Any]:
        status, content = self._fetch(request, timeout_seconds)
        return status, self._parsed(content)

    def _parsed(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError:
            raise self._stranger() from None

    def _fetch(self, request: urllib.request.Request, timeout_seconds: float) -> tuple[int, bytes]:
        try:
            try:
                with self._opener.open(request, timeout=timeout_seconds) as response:
                    return int(response.status), response.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read()
        except HTTPException:
            raise self._stranger() from None
        except (OSError, UnicodeError) as error:  # the latter where a name cannot be one
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            words = getattr(reason, "strerror", None) or "no answer in time"
            raise ConfigurationError(
                f"No run answers at BIND_ADDRESS {self._address} ({words}). Is one going on, and BIND_ADDRESS right?"
            ) from None

    def _stranger(self) -> ConfigurationError:
        return ConfigurationError(
            f"What answers at BIND_ADDRESS {self._address} is not redis-rehearsal, or another version of it; "
            "give the address that the run names."
        )
