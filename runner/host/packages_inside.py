"""Prints the Debian packages and Python distributions of the image that it runs in, as JSON.

It is handed to the image's own Python as text: it needs nothing but Python 3.9.
"""

import json
import re
import sys
from importlib import metadata
from pathlib import Path

LONGEST_NAME = 60
"""A longer licence field is the licence's text."""


def debian_packages(root: Path) -> list[dict[str, str]]:
    """The installed packages by name; a licence is empty where no file names one."""
    status = root / "var/lib/dpkg/status"
    text = status.read_text(errors="replace") if status.is_file() else ""
    stanzas = [
        dict(re.findall(r"^([A-Za-z-]+): *(.*)$", stanza, re.MULTILINE))
        for stanza in text.split("\n\n")
    ]
    installed = [item for item in stanzas if item.get("Status", "").endswith(" installed")]
    licenses = {item["Package"]: debian_license(root, item["Package"]) for item in installed}
    # Packages of one source may have its documents in one of them only.
    of_source = {_source(item): licenses[item["Package"]] for item in installed}
    of_source.update(
        {_source(item): found for item in installed if (found := licenses[item["Package"]])}
    )
    return [
        {
            "kind": "debian",
            "name": item["Package"],
            "version": item.get("Version", ""),
            "license": licenses[item["Package"]] or of_source[_source(item)],
        }
        for item in sorted(installed, key=lambda item: item["Package"])
    ]


def _source(stanza: dict[str, str]) -> str:
    return (stanza.get("Source") or stanza["Package"]).partition(" ")[0]


def debian_license(root: Path, package: str) -> str:
    """The licences that a package's copyright file names, in its order."""
    path = root / "usr/share/doc" / package / "copyright"
    text = path.read_text(errors="replace") if path.is_file() else ""
    if text.startswith("Format:"):
        names = re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)
    else:
        # A free text has only the places where Debian keeps the common ones.
        names = re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])", text)
    return ", ".join(dict.fromkeys(name.strip() for name in names))


def python_distributions() -> list[dict[str, str]]:
    """The distributions that the image's Python finds."""
    found = {}
    for item in metadata.distributions():
        fields = item.metadata
        name = fields["Name"]
        if name and name.lower() not in found:
            found[name.lower()] = {
                "kind": "python",
                "name": name,
                "version": item.version,
                "license": python_license(fields),
            }
    return [found[name] for name in sorted(found)]


def python_license(fields: "metadata.PackageMetadata") -> str:
    """The licence's name as the distribution states it, in whichever field it does."""
    for key in ("License-Expression", "License"):
        stated = (fields.get_all(key) or [""])[0].strip()
        if stated and "\n" not in stated and len(stated) <= LONGEST_NAME:
            return str(stated)
    classifiers = fields.get_all("Classifier") or []
    names = [text.rpartition("::")[2].strip() for text in classifiers if "License ::" in text]
    return ", ".join(names)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(debian_packages(Path("/")) + python_distributions()))
