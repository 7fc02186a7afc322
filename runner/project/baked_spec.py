"""A stage's spec as it lies in its image."""

from typing import Any

from runner.project.stage import StageSpec, stage_number


def baked_spec(stage: StageSpec, project_stages: tuple[str, ...]) -> dict[str, Any]:
    """The spec as it is baked into the stage's image, for runs without the runner.

    Of the other stages it names only those before this one, so that a stage added behind it
    changes no image.
    """
    number = stage.number
    before = [
        other
        for other in project_stages
        if other == stage.id
        or (number is not None and (its := stage_number(other)) is not None and its <= number)
    ]
    return {
        "schema_version": 1,
        "stage_id": stage.id,
        "command": list(stage.command.words),
        "project_stages": before,
        "inputs": {
            item.name: {"from": [str(source) for source in item.sources], "optional": item.optional}
            for item in stage.inputs
        },
        "outputs": {
            item.name: {"file": item.file, "type": item.type, "optional": item.optional}
            for item in stage.outputs
        },
        "config": {
            key.name: {
                "type": key.type,
                "default": key.default,
                "help": key.help,
                "of": list(key.of) if key.of is not None else None,
                "range": list(key.range) if key.range is not None else None,
            }
            for key in stage.config.values()
        },
        "secrets": list(stage.secrets),
        "models": {model.name: {"folder": model.folder} for model in stage.models},
    }
