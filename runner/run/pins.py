"""Images that the site has pinned: nothing else runs under their names."""

from runner.errors import ImageMismatchError, SettingsError
from runner.host.recipe import image_name
from runner.project.pipeline import Project
from runner.suggestion import closest


def check_pins(project: Project) -> None:
    """Raises SettingsError for a pin of no image of the project: it would protect from nothing."""
    pinned = project.settings.images
    if not pinned:
        return
    known = [
        image_name(stage.id, variant)
        for stage in project.stages.values()
        for variant in stage.parents
    ]
    for name in pinned:
        if name not in known:
            close = closest(name, known)
            hint = f"did you mean {close}?" if close else f"there are: {', '.join(known)}."
            file = project.settings.document.path
            msg = f"{file} pins {name!r}, and no stage has that image; {hint}"
            raise SettingsError(msg)


def check_digest(project: Project, name: str, digest: str) -> None:
    """Raises ImageMismatchError when an image is not the one that its name is pinned to."""
    pinned = project.settings.images.get(name, digest)
    if digest != pinned:
        msg = (
            f"the image {name} is {digest}, and {project.settings.document.path} pins it to "
            f"{pinned}. Load the pinned image, or write the new digest under images."
        )
        raise ImageMismatchError(msg)
