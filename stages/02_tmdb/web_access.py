"""Fetches pages with httpx, within a time and a size that nothing can stretch."""

from __future__ import annotations

import ssl
import threading
from typing import Callable, List, Mapping, Optional, Union

import httpx
from film_database import Answer
from lookup_errors import TooSlowError, UnreachableError, UnreadableAnswerError
from site_network import SiteNetwork

LARGEST_ANSWER_BYTES = 4 * 1024 * 1024


class WebAccess:
    """One server, asked with a token; use it as a context manager.

    Raises UnreachableError when the site's certificates cannot be used.
    """

    def __init__(self, url: str, token: str, site: SiteNetwork) -> None:
        trusted = _trusted(site)
        # Everything is said here: what httpx would take from its environment includes a netrc
        # file, whose password would replace the token.
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/3/",
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # so that no answer grows when it is unpacked
            },
            verify=trusted,
            proxy=_proxy(site, trusted),
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> WebAccess:  # noqa: PYI034 (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def fetch(self, path: str, wanted: Mapping[str, str], seconds: float) -> Answer:
        """What the server answers. Raises TooSlowError, UnreachableError, UnreadableAnswerError.

        httpx limits each wait, not their sum, and looking up a name has no limit at all; so the
        work is done in a thread that is left behind when its time is over.
        """
        results: List[Union[Answer, BaseException]] = []
        thread = threading.Thread(
            target=_keep_result,
            args=(lambda: self._answer(path, wanted, seconds), results),
            daemon=True,
        )
        thread.start()
        thread.join(seconds)
        if not results:
            raise _too_slow(seconds)
        if isinstance(results[0], BaseException):
            raise results[0]
        return results[0]

    def _answer(self, path: str, wanted: Mapping[str, str], seconds: float) -> Answer:
        try:
            with self._client.stream("GET", path, params=dict(wanted), timeout=seconds) as response:
                headers = {name.lower(): text for name, text in response.headers.items()}
                return Answer(response.status_code, _body(response), headers)
        except httpx.TimeoutException as error:
            raise _too_slow(seconds) from error
        except httpx.ProxyError as error:
            message = f"The site's proxy does not let the request for TMDB pass: {error}."
            raise UnreachableError(message) from None
        except (httpx.NetworkError, httpx.UnsupportedProtocol) as error:
            message = f"TMDB cannot be reached at {self._client.base_url.host}: {error}."
            raise UnreachableError(message) from None
        except (httpx.ProtocolError, httpx.StreamError) as error:
            message = f"What answers for TMDB does not speak HTTP properly: {error}."
            raise UnreadableAnswerError(message) from None


def _keep_result(work: Callable[[], Answer], results: List[Union[Answer, BaseException]]) -> None:
    try:
        results.append(work())
    except BaseException as error:  # raised again where the result is waited for
        results.append(error)


def _body(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        message = "TMDB's answer is packed, although that was not asked for."
        raise UnreadableAnswerError(message)
    parts, size = [], 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER_BYTES:
            message = "TMDB's answer has more than 4 MiB; an answer about a film never has."
            raise UnreadableAnswerError(message)
    return b"".join(parts)


def _trusted(site: SiteNetwork) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=site.certificates)
    except (OSError, ssl.SSLError) as error:
        message = f"The site's certificates in {site.certificates} cannot be used: {error}."
        raise UnreachableError(message) from error


def _proxy(site: SiteNetwork, trusted: ssl.SSLContext) -> Optional[httpx.Proxy]:
    if not site.proxy:
        return None
    try:
        is_encrypted = site.proxy.startswith("https:")
        return httpx.Proxy(site.proxy, ssl_context=trusted if is_encrypted else None)
    except (httpx.InvalidURL, ValueError):  # whose message may hold the proxy's password
        message = "The address of the site's proxy cannot be used (stagerun.yaml, network: proxy)."
        raise UnreachableError(message) from None


def _too_slow(seconds: float) -> TooSlowError:
    message = f"TMDB's answer was not complete within {seconds:g} s (TMDB_TIMEOUT)."
    return TooSlowError(message)
