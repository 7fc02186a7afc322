"""The reports on images, as lines for people."""

from typing import TYPE_CHECKING, Final

from runner.cli.tables import Cell, table
from runner.host.images import Condition
from runner.project.quantity import size_text

if TYPE_CHECKING:
    from runner.host.image_list import ImageList, ListedImage
    from runner.host.inventory import Inventory

ROLES: Final = {Condition.PRESENT: "good", Condition.MISSING: "bad", Condition.STALE: "warn"}
UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def list_lines(found: "ImageList", *, colour: bool) -> list[str]:
    """The table of all images, their size together, and what can go."""
    headers = ("image", "kind", "state", "size", "shared", "age", "")
    lines = table([_row(image) for image in found.images], headers, colour=colour)
    count = sum(image.condition is not Condition.MISSING for image in found.images)
    lines.append(f"{count} images take {size_text(found.size_bytes)}, shared layers counted once")
    if found.replaced:
        most = sum(image.size_bytes for image in found.replaced)
        lines.append(
            f"{len(found.replaced)} replaced by newer builds, up to {size_text(most)}: "
            "stagerun clean --yes removes them"
        )
    return lines


def _row(image: "ListedImage") -> list[str | Cell]:
    there = image.condition is not Condition.MISSING
    return [
        Cell(image.image, "strong"),
        image.kind,
        Cell(image.condition, ROLES[image.condition]),
        size_text(image.size_bytes) if there else "",
        size_text(image.shared_bytes) if there else "",
        "" if image.age_seconds is None else age_text(image.age_seconds),
        image.reason if there else "",
    ]


def age_text(seconds: float) -> str:
    """An age in its largest unit: ``3 d``, ``2 h``, ``5 min``."""
    for unit, length in UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return "now"


def inventory_lines(found: "list[Inventory]") -> list[str]:
    """A table of packages for each image."""
    lines = []
    for image in found:
        lines.append(f"{image.image}: {len(image.packages)} packages")
        rows = [
            (item.kind, item.name, item.version, item.license or "not stated")
            for item in image.packages
        ]
        lines += table(rows)
    return lines
