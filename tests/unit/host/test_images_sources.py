"""The host's package sources, in both formats, without those of other vendors."""

from pathlib import Path

import pytest

from runner.host.apt_sources import (
    AptSource,
    debian_sources,
    for_release,
    one_line_format,
    parse_deb822,
    parse_one_line,
)

DEBIAN_KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEB822 = f"""\
# The mirror of this house
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main non-free-firmware
Signed-By: {DEBIAN_KEY}

Types: deb
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main
Enabled: yes

Types: deb
URIs: http://mirror.example/off
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://mirror.example/source
Suites: bookworm
Components: main
"""
ONE_LINE = f"""\
deb [arch=amd64 signed-by={DEBIAN_KEY}] http://mirror.example/debian bookworm main contrib # here
deb http://mirror.example/debian-security bookworm-security main
#deb http://mirror.example/off bookworm main
deb-src http://mirror.example/debian bookworm main
deb cdrom-without-suite
"""
VENDORS = """\
deb https://vendor.example/linux/debian bookworm stable
deb [signed-by=/usr/share/keyrings/vendor.gpg] https://vendor.example/apt bookworm main
deb https://vendor.example/node_20.x nodistro main
deb https://vendor.example/pg bookworm-pgdg main
"""


def apt(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return tmp_path


def test_deb822_gives_the_enabled_binary_sources() -> None:
    first, second = parse_deb822(DEB822)
    assert first.uris == ("http://mirror.example/debian",)
    assert first.suites == ("bookworm", "bookworm-updates", "bookworm-backports")
    assert first.components == ("main", "non-free-firmware")
    assert first.signed_by == DEBIAN_KEY
    assert second.uris == ("http://mirror.example/debian-security/",)


def test_one_line_format_gives_the_same_facts() -> None:
    first, second = parse_one_line(ONE_LINE)
    assert first == AptSource(
        uris=("http://mirror.example/debian",),
        suites=("bookworm",),
        components=("main", "contrib"),
        signed_by=DEBIAN_KEY,
    )
    assert second.suites == ("bookworm-security",)


def test_a_key_inside_a_source_keeps_its_lines() -> None:
    text = (
        "Types: deb\nURIs: http://m.example\nSuites: bookworm\nComponents: main\nSigned-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBFit\n"
        " -----END PGP PUBLIC KEY BLOCK-----\n"
    )
    (source,) = parse_deb822(text)
    assert source.signed_by.strip().splitlines() == [
        "-----BEGIN PGP PUBLIC KEY BLOCK-----",
        "",
        "mQINBFit",
        "-----END PGP PUBLIC KEY BLOCK-----",
    ]


def test_vendors_sources_are_left_aside(tmp_path: Path) -> None:
    root = apt(tmp_path, debian__sources=DEB822, vendors__list=VENDORS)
    uris = [uri for source in debian_sources(root) for uri in source.uris]
    assert uris == ["http://mirror.example/debian", "http://mirror.example/debian-security/"]


def test_a_vendor_that_names_its_suite_like_debians_is_known_by_its_release_file(
    tmp_path: Path,
) -> None:
    root = apt(tmp_path, both__list="deb http://u:p@v.example/x bookworm main\n" + ONE_LINE)
    lists = root / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    (lists / "v.example_x_dists_bookworm_InRelease").write_text("Origin: Vendor\nSuite: stable\n")
    assert all("v.example" not in source.uris[0] for source in debian_sources(root))


def test_files_that_apt_does_not_read_are_not_read(tmp_path: Path) -> None:
    root = apt(tmp_path, debian__sources__disabled=DEB822, other__list__save=ONE_LINE)
    assert debian_sources(root) == []


def test_a_host_of_another_distribution_has_no_debian_sources(tmp_path: Path) -> None:
    root = apt(tmp_path, ubuntu__list="deb http://archive.example/ubuntu jammy main universe\n")
    assert debian_sources(root) == []


def test_the_mirrors_of_a_newer_host_serve_the_images_release(tmp_path: Path) -> None:
    root = apt(tmp_path, debian__sources=DEB822.replace("bookworm", "trixie"))
    moved = for_release(debian_sources(root), "bookworm")
    assert [source.suites for source in moved] == [
        ("bookworm", "bookworm-updates"),
        ("bookworm-security",),
    ]


def test_sources_are_written_with_the_keys_place_inside_the_build(tmp_path: Path) -> None:
    root = apt(tmp_path, debian__list=ONE_LINE)
    text = one_line_format(debian_sources(root), lambda key: f"/run/site/{Path(key).name}")
    assert text.splitlines() == [
        "deb [signed-by=/run/site/debian-archive-keyring.gpg] http://mirror.example/debian "
        "bookworm main contrib",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]


@pytest.mark.parametrize("flag", ["trusted=yes", "trusted=no"])
def test_a_trusted_mirror_stays_trusted_and_no_other(flag: str) -> None:
    (source,) = parse_one_line(f"deb [{flag}] http://m.example bookworm main\n")
    assert ("[trusted=yes]" in one_line_format([source], str)) == (flag == "trusted=yes")
