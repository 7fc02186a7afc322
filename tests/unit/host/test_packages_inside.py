"""What an image says of its packages, on the files as Debian and Python lay them out."""

from importlib import metadata
from pathlib import Path

import pytest

from runner.host.packages_inside import debian_packages, python_license

STATUS = """\
Package: libtool-one
Status: install ok installed
Source: tool (1.0)
Version: 1.0-2

Package: tool
Status: install ok installed
Version: 1.0-2+b1
Description: a tool
 Version: 9 of its own words

Package: gone
Status: deinstall ok config-files
Version: 3
"""
MACHINE_READABLE = "Format: 1.0\nFiles: *\nLicense: MIT\n\nLicense: GPL-2+\n text\n"
FREE_TEXT = "See /usr/share/common-licenses/GPL-2. License: All of it may be used\n"


def installed(root: Path, text: str = STATUS, copyright_text: str = MACHINE_READABLE) -> list[str]:
    documents = root / "usr/share/doc/tool"
    documents.mkdir(parents=True, exist_ok=True)
    (documents / "copyright").write_text(copyright_text)
    (root / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg/status").write_text(text)
    return [" ".join(item.values()) for item in debian_packages(root)]


def test_installed_packages_have_version_and_licence_removed_ones_are_left_out(
    tmp_path: Path,
) -> None:
    assert installed(tmp_path) == [
        "debian libtool-one 1.0-2 MIT, GPL-2+",
        "debian tool 1.0-2+b1 MIT, GPL-2+",
    ]


def test_a_free_text_gives_the_common_licences_that_it_points_to(tmp_path: Path) -> None:
    assert installed(tmp_path, copyright_text=FREE_TEXT)[1] == "debian tool 1.0-2+b1 GPL-2"


def test_an_image_that_is_no_debian_has_no_debian_packages(tmp_path: Path) -> None:
    assert debian_packages(tmp_path) == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"License-Expression": "MIT", "License": "other"}, "MIT"),
        ({"License": "BSD License"}, "BSD License"),
        ({"License": "Permission is hereby granted\n        to all"}, ""),
        ({"License": "", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT License"),
        ({}, ""),
    ],
)
def test_a_distribution_names_its_licence_in_one_of_three_fields(
    fields: dict[str, str], name: str, tmp_path: Path
) -> None:
    lines = [f"{key}: {value}\n" for key, value in fields.items()]
    (tmp_path / "METADATA").write_text("".join(lines))
    assert python_license(metadata.Distribution.at(tmp_path).metadata) == name
