"""Where stage 02 may ask, and the site's way there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from lookup_errors import UnreachableError, WrongSettingError
from site_network import SiteNetwork, check_may_have_token, check_url, read_site_network


@pytest.mark.parametrize("url", ["", "tmdb", "ftp://host", "https://", "http://[", "http://h:x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(WrongSettingError, match="TMDB_URL is"):
        check_url(url)


def test_a_job_cannot_have_the_token_sent_to_an_address_of_its_own() -> None:
    with pytest.raises(WrongSettingError, match="job must not decide where"):
        check_may_have_token("https://attacker.example", "job.yaml line 3")
    check_may_have_token("https://api.themoviedb.org", "job.yaml line 3")
    for own in ("stagerun.yaml line 2", "--set", "environment variable TMDB_URL", ""):
        check_may_have_token("https://mirror.example", own)


def test_an_address_is_taken_without_its_version_and_never_with_a_password() -> None:
    assert check_url("https://api.themoviedb.org/3/") == ("https://api.themoviedb.org", "")
    assert "anybody on the way sees the token" in check_url("http://mirror")[1]
    with pytest.raises(WrongSettingError) as caught:
        check_url("https://me:secret@host")
    assert "secret" not in str(caught.value)


SITE = "http://me:p'a ss@proxy:3128"


@pytest.mark.parametrize(
    ("url", "bypass", "proxy"),
    [
        ("https://api.themoviedb.org", "", SITE),
        ("https://api.themoviedb.org", "localhost, 10.0.0.0/8,themoviedb.com", SITE),
        ("https://api.themoviedb.org", ".themoviedb.org", ""),
        ("https://api.themoviedb.org", "themoviedb.org:443", ""),
        ("https://10.1.2.3:8443", "localhost,10.0.0.0/8", ""),
        ("https://api.themoviedb.org", "*", ""),
        ("http://api.themoviedb.org", "", ""),
    ],
)
def test_the_runners_proxy_file_says_the_way(
    tmp_path: Path, url: str, bypass: str, proxy: str
) -> None:
    lines = {"HTTPS_PROXY": SITE, "https_proxy": SITE, "NO_PROXY": bypass}
    file = tmp_path / "proxy.env"
    file.write_text("".join(f"{name}={shlex.quote(text)}\n" for name, text in lines.items()))
    found = read_site_network(url, proxy_file=file, environment={"HTTPS_PROXY": "http://other"})
    assert found.proxy == proxy
    assert SITE not in repr(found)


def test_without_the_runner_the_environment_says_the_way(tmp_path: Path) -> None:
    environment = {"http_proxy": "proxy:8080", "REQUESTS_CA_BUNDLE": "/b.crt", "SSL_CERT_FILE": ""}
    found = read_site_network(
        "http://mirror", proxy_file=tmp_path / "none", environment=environment
    )
    assert found == SiteNetwork("http://proxy:8080", Path("/b.crt"))
    both = {**environment, "SSL_CERT_FILE": "/a.crt"}
    found = read_site_network("http://mirror", proxy_file=tmp_path / "none", environment=both)
    assert found.certificates == Path("/a.crt")


@pytest.mark.parametrize("text", ["HTTPS_PROXY='open", "HTTPS_PROXY=socks5://me:secret@host"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "proxy.env").write_text(text)
    with pytest.raises(UnreachableError) as caught:
        read_site_network("https://a", proxy_file=tmp_path / "proxy.env", environment={})
    assert "secret" not in str(caught.value)
    assert "proxy" in str(caught.value).lower()
