"""What a build is told about the site, and that passwords are not shown."""

from pathlib import Path

import pytest

from runner.host.site import Site, find_site

PROXY = "http://user:se%2Fcret@proxy.example:3128"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "etc/ssl/certs/ca-certificates.crt": "SYSTEM CA\n",
        "etc/apt/sources.list": "deb http://mirror.example/debian bookworm main\n",
        "etc/apt/auth.conf.d/mirror.conf": (
            "machine http://mirror.example/debian login me password apt-word\n"
            "machine index.example login me password second-word\n"
            "machine other.example login me password foreign-word\n"
        ),
        "etc/pip.conf": (
            "[global]\nindex-url = https://me:index-word@index.example/simple\n"
            "cert = /somewhere/ca.pem\nfind-links = /opt/wheels\n"
        ),
        "site-ca.pem": "SITE CA\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def found(root: Path, apt: dict[str, str] | None = None, **environment: str) -> Site:
    return find_site(
        environment, release="bookworm", root=root, home=root / "home", apt_options=apt or {}
    )


def text(site: Site, name: str) -> str:
    contents = {file.path: file.source for file in site.files()}
    content = contents[f".site/{name}"]
    assert isinstance(content, bytes)
    return content.decode()


def test_a_proxy_reaches_programs_of_both_spellings(root: Path) -> None:
    env = text(found(root, HTTPS_PROXY=PROXY, no_proxy="localhost"), "env")
    assert f"export https_proxy={PROXY}\n" in env
    assert f"export HTTPS_PROXY={PROXY}\n" in env
    assert "export NO_PROXY=localhost\n" in env


def test_the_sites_own_bundle_is_preferred_to_the_systems(root: Path) -> None:
    assert text(found(root), "ca.crt") == "SYSTEM CA\n"
    site = found(root, SSL_CERT_FILE=str(root / "site-ca.pem"))
    assert text(site, "ca.crt") == "SITE CA\n"
    assert "export PIP_CERT=/run/site/ca.crt\n" in text(site, "env")


def test_certificates_that_only_apt_was_told_of_are_added(root: Path) -> None:
    site = found(root, {"Acquire::https::CaInfo": str(root / "site-ca.pem")})
    assert text(site, "ca.crt") == "SYSTEM CA\n\nSITE CA\n"


def test_apt_gets_the_sources_and_the_sites_options_only(root: Path) -> None:
    site = found(
        root,
        {
            "Acquire::http::Proxy": "http://cache.example:3142",
            "Acquire::http::Proxy::mirror.example": "DIRECT",
            "Acquire::Languages": "de",
            "APT::Get::Assume-Yes": "true",
        },
    )
    conf = text(site, "apt.conf")
    assert 'Acquire::http::Proxy "http://cache.example:3142";' in conf
    assert 'Dir::Etc::SourceList "/run/site/sources.list";' in conf
    assert "Languages" not in conf
    assert "Assume-Yes" not in conf
    assert text(site, "sources.list") == "deb http://mirror.example/debian bookworm main\n"


def test_pip_gets_its_index_and_no_folder_of_this_machine(root: Path) -> None:
    env = text(found(root), "env")
    assert "export PIP_INDEX_URL=https://me:index-word@index.example/simple\n" in env
    assert "/opt/wheels" not in env
    assert "/somewhere" not in env


def test_the_environment_is_stronger_than_pips_files(root: Path) -> None:
    env = text(found(root, PIP_INDEX_URL="https://other.example/simple"), "env")
    assert "export PIP_INDEX_URL=https://other.example/simple\n" in env


def test_only_the_mirrors_passwords_are_handed_on(root: Path) -> None:
    passwords = text(found(root), "netrc")
    assert "apt-word" in passwords
    assert "second-word" in passwords
    assert "foreign-word" not in passwords


def test_no_password_is_shown(root: Path) -> None:
    shown = found(root, http_proxy=PROXY).redact(
        "get http://user:se%2Fcret@proxy.example index-word apt-word se/cret"
    )
    assert shown == "get http://user:***@proxy.example *** *** ***"


def test_a_value_cannot_break_out_of_the_environment_file(root: Path) -> None:
    env = text(found(root, http_proxy="http://p.example/'; touch /tmp/x; '"), "env")
    assert """export http_proxy='http://p.example/'"'"'; touch /tmp/x; '"'"''\n""" in env


@pytest.mark.parametrize(
    ("proxy", "wanted"),
    [
        ("http://127.0.0.1:3128", True),
        ("http://localhost:3128", True),
        ("http://[::1]:3128", True),
        ("http://proxy.example:3128", False),
    ],
)
def test_a_proxy_on_this_machine_needs_its_network(root: Path, proxy: str, wanted: bool) -> None:
    assert found(root, http_proxy=proxy).host_network is wanted


def test_a_machine_without_anything_special_still_has_an_environment_file(tmp_path: Path) -> None:
    assert text(found(tmp_path), "env") == "export APT_CONFIG=/run/site/apt.conf\n"


def test_a_fixed_time_reaches_the_steps_and_anything_else_under_its_name_does_not(
    root: Path,
) -> None:
    assert "export SOURCE_DATE_EPOCH=1700000000\n" in text(
        found(root, SOURCE_DATE_EPOCH="1700000000"), "env"
    )
    assert "SOURCE_DATE_EPOCH" not in text(found(root, SOURCE_DATE_EPOCH="$(date)"), "env")
