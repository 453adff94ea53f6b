"""`voxproof models import`: an official checkpoint of GPT-SoVITS becomes safetensors and a card."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", "folder", type=click.Path(path_type=Path), help="Folder of models; made if it is not there.")
@click.option("--name", default="", help="Name of the model; the file's name otherwise.")
@click.option(
    "--version",
    type=click.Choice(["v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4"]),
    help="Needed for v3 and v4 files that do not say which they are.",
)
@click.option("--base", type=click.Path(path_type=Path), help="The s2Gv3.pth or s2Gv4.pth that a LoRA changes.")
@click.option("--licence", default="unknown", help="Licence of the weights, for the card.")
@click.option("--training-data", default="unknown", help="What it was trained on, for the card.")
@click.option("--replace", is_flag=True, help="Overwrite a model of this name.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON and nothing else.")
def import_(
    file: Path,
    folder: Path | None,
    name: str,
    version: str | None,
    base: Path | None,
    licence: str,
    training_data: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Convert the official checkpoint FILE (.ckpt of S1, .pth of S2) to safetensors and a card.

    The file is read without running anything in it. Exit 0 done, 1 refused, 2 usage.
    """
    from rich.console import Console

    try:
        from synth.models.importing import import_checkpoint, models_folder
    except ModuleNotFoundError as error:
        from synth.errors import VoxproofError

        raise VoxproofError(
            f"importing needs {error.name}, which is not installed", cure="Run: pip install 'voxproof[clone]'."
        ) from error
    folder = folder or models_folder()
    errors = Console(stderr=True, highlight=False)
    with errors.status("") as status:
        card = import_checkpoint(
            file,
            folder,
            name=name,
            version=version,  # type: ignore[arg-type]  # one of the choices
            base=base,
            licence=licence,
            training_data=training_data,
            replace=replace,
            progress=lambda step: status.update(f"{file.name}: {step}"),
        )
    if as_json:
        click.echo(json.dumps(card.model_dump(mode="json") | {"folder": str(folder)}, ensure_ascii=False))
        return
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{card.summary} {card.parameters:,} numbers ({', '.join(card.types)}).", markup=False)
    out.print(f"Wrote {folder / card.weights} (SHA-256 {card.sha256[:16]}…) and its card.", markup=False)
    if card.text_pipeline is None:
        out.print("The file does not say which text front ends it was trained with.", markup=False)
