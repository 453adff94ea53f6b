"""`voxproof train` and `voxproof finetune`: from a `.list` file to models in the official containers."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from synth.train.distributed import Team
    from synth.train.run import Progress, Summary
    from synth.train.shards import Prepared

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(path_type=Path)
VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print nothing but JSON on stdout.")


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options in one decorator."""
    return lambda command: functools.reduce(lambda made, option: option(made), reversed(options), command)


HEARING = _options(
    click.option("--hubert", metavar="DIR", type=FILE, help="Folder of the Chinese HuBERT base model."),
    click.option("--stand-in", is_flag=True, help="Projected mel bands in place of HuBERT: for trying out only."),
    click.option("--bert", metavar="DIR", type=FILE, help="Folder of the Chinese RoBERTa; for Chinese text."),
    click.option("--speaker", metavar="FILE", type=FILE, help="Speaker-verification network; for v2Pro(Plus)."),
    click.option("--snr", default=20.0, show_default=True, help="dB; recordings with less are left out."),
    click.option("--keep-noisy", is_flag=True, help="Use recordings below --snr all the same."),
)
RUNNING = _options(
    click.option("--batch", default=8, show_default=True, help="Recordings a batch, on each process."),
    click.option("--device", default="cpu", show_default=True, help='"cpu", "cuda" or "cuda:N".'),
    click.option("--precision", type=click.Choice(["float32", "float16", "bfloat16"]), default="float32"),
    click.option("--seed", default=1234, show_default=True),
    click.option("--workers", default=0, show_default=True, help="Processes that read recordings."),
    click.option("--save-every", default=200, show_default=True, help="Steps between saved states."),
    click.option("--resume/--no-resume", default=True, show_default=True, help="Go on from the state in --out."),
    AS_JSON,
)
LENGTH = _options(
    click.option("--export-every", type=int, help="Epochs between exported checkpoints."),
    click.option("--steps", "most_steps", type=int, help="Stop after so many steps."),
    click.option("--validation", default=0.02, show_default=True, help="Share of the recordings held out."),
)


def _needs_torch(command: Command) -> Command:
    """Says what to install where torch or another part of the clone model is missing."""

    @functools.wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        from synth.errors import VoxproofError

        try:
            return command(*args, **options)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] in ("synth", "forensics"):
                raise
            raise VoxproofError(
                f"training needs {error.name}, which is not installed", cure="Run: pip install 'voxproof[clone]'."
            ) from error

    return guarded  # type: ignore[return-value]


@click.group()
def train() -> None:
    """Train the clone model: slice, prepare, codes, s1 (text to codes), s2 (codes to sound).

    Resumes from any interruption. Several GPUs: torchrun --nproc-per-node N -m forensics.cli.main train s1 ...
    """


@train.command("slice")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder for the pieces.")
@click.option("--quiet-db", default=-34.0, show_default=True, help="Level below which there is a pause.")
@AS_JSON
@_needs_torch
def slice_(files: tuple[Path, ...], folder: Path, quiet_db: float, as_json: bool) -> None:
    """Cut long recordings FILES at their pauses; write down what is said in each piece in a .list file then."""
    from synth.train.slicing import SlicingConfig, slice_recording

    written = [str(piece) for file in files for piece in slice_recording(file, folder, SlicingConfig(quiet_db))]
    click.echo(json.dumps({"pieces": written}) if as_json else f"Wrote {len(written)} pieces to {folder}.")


@train.command()
@click.argument("list_file", metavar="LIST", type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder for the prepared data.")
@click.option("--version", type=click.Choice(VERSIONS), default="v2", show_default=True)
@HEARING
@AS_JSON
@_needs_torch
def prepare(list_file: Path, folder: Path, version: str, as_json: bool, **hearing: Any) -> None:
    """Phones, sound and features of the recordings in LIST (lines path|speaker|language|text)."""
    data = _prepared(list_file, folder, version, **hearing)
    report = _report(data)
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else _told(report))


@train.command()
@click.argument("data", type=FILE)
@click.option("--sovits", metavar="FILE", required=True, type=FILE, help="The .pth whose token extractor is used.")
@AS_JSON
@_needs_torch
def codes(data: Path, sovits: Path, as_json: bool) -> None:
    """Semantic codes of prepared DATA, which s1 learns to foretell."""
    from synth.train.shards import Prepared

    mark = _coded(Prepared(data), sovits)
    click.echo(json.dumps({"tokeniser": mark}) if as_json else f"Codes of the tokeniser {mark[:12]}.")


@train.command()
@click.argument("data", type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder of this training.")
@click.option("--start", metavar="CKPT", type=FILE, help="Pretrained .ckpt; without it, fresh weights of --size.")
@click.option("--size", type=click.Choice(["full", "tiny"]), default="full", show_default=True)
@click.option("--epochs", default=15, show_default=True)
@click.option("--accumulation", default=4, show_default=True, help="Batches a step.")
@click.option("--rate", default=0.002, show_default=True, help="Of ScaledAdam.")
@click.option("--dpo", is_flag=True, help="Learn to prefer the codes to damaged ones; twice the work.")
@LENGTH
@RUNNING
@_needs_torch
def s1(data: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Train the text-to-semantic model (S1) on prepared DATA that has codes."""
    from synth.train.distributed import team
    from synth.train.shards import Prepared

    with team(options["device"]) as own:
        _tell(_s1(Prepared(data), folder, own, **options), own, as_json)


@train.command()
@click.argument("data", type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder of this training.")
@click.option("--start", metavar="PTH", type=FILE, help="Pretrained s2G file; without it, fresh weights of --size.")
@click.option("--discriminators", metavar="PTH", type=FILE, help="Pretrained s2D file.")
@click.option("--size", type=click.Choice(["full", "tiny"]), default="full", show_default=True)
@click.option("--epochs", default=8, show_default=True)
@click.option("--accumulation", default=1, show_default=True, help="Batches a step.")
@click.option("--rate", default=1e-4, show_default=True)
@click.option("--text-rate", default=0.4, show_default=True, help="Times --rate, for the parts that read text.")
@LENGTH
@RUNNING
@_needs_torch
def s2(data: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Train SoVITS (S2) on prepared DATA."""
    from synth.train.distributed import team
    from synth.train.shards import Prepared

    with team(options["device"]) as own:
        _tell(_s2(Prepared(data), folder, own, **options), own, as_json)


@click.command()
@click.argument("list_file", metavar="LIST", type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder for data, states and models.")
@click.option("--gpt", metavar="CKPT", required=True, type=FILE, help="Pretrained .ckpt of S1.")
@click.option("--sovits", metavar="PTH", required=True, type=FILE, help="Pretrained s2G file.")
@click.option("--discriminators", metavar="PTH", type=FILE, help="Pretrained s2D file.")
@click.option("--gpt-epochs", default=15, show_default=True)
@click.option("--sovits-epochs", default=8, show_default=True)
@click.option("--gpt-rate", default=0.002, show_default=True)
@click.option("--rate", default=1e-4, show_default=True, help="Of SoVITS.")
@click.option("--text-rate", default=0.4, show_default=True, help="Times --rate, for the parts that read text.")
@click.option("--dpo", is_flag=True, help="Learn to prefer the codes to damaged ones; twice the work.")
@HEARING
@RUNNING
@_needs_torch
def finetune(list_file: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Few-shot fine-tuning of pretrained models on the recordings in LIST: prepare, codes, s2, s1.

    You need the speaker's consent; `voxproof clone` asks for its record. Run the same command again after any
    interruption.
    """
    from synth.errors import VoxproofError
    from synth.train.distributed import team
    from synth.train.start import read_sovits

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise VoxproofError(
            "finetune runs in one process", cure="With torchrun use train prepare, codes, s2 and s1 one by one."
        )
    version = read_sovits(options["sovits"]).config.version
    hearing = {name: options[name] for name in ("hubert", "stand_in", "bert", "speaker", "snr", "keep_noisy")}
    data = _prepared(list_file, folder / "data", version, **hearing)
    _coded(data, options["sovits"])
    few: dict[str, Any] = options | {"size": "full", "most_steps": None, "validation": 0.02}
    with team(options["device"]) as own:
        second = few | {"start": options["sovits"], "epochs": options["sovits_epochs"], "accumulation": 1}
        sound = _s2(data, folder / "s2", own, **second | {"export_every": 4})
        first = few | {"start": options["gpt"], "epochs": options["gpt_epochs"], "accumulation": 4}
        text = _s1(data, folder / "s1", own, **first | {"rate": options["gpt_rate"], "export_every": 5})
    report = {"prepared": _report(data), "s2": asdict(sound), "s1": asdict(text)}
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        click.echo("\n".join([_told(report["prepared"]), _summed(sound), _summed(text)]))


def _prepared(
    list_file: Path,
    folder: Path,
    version: str,
    *,
    hubert: Path | None,
    stand_in: bool,
    bert: Path | None,
    speaker: Path | None,
    snr: float,
    keep_noisy: bool,
) -> Prepared:
    from synth.errors import VoxproofError
    from synth.train.content import Content, HubertContent, ProjectedMel
    from synth.train.prepare import PreparationConfig
    from synth.train.prepare import prepare as run

    if stand_in == (hubert is not None):
        raise VoxproofError("the content features are not chosen", cure="Say --hubert DIR, or --stand-in to try out.")
    content: Content = ProjectedMel()
    if hubert is not None:
        from synth.content import ContentEncoder

        content = HubertContent(ContentEncoder.load(hubert).model, hubert.name)
    features = embedding = None
    if bert is not None:
        from synth.bert import BertFeatures

        features = BertFeatures.load(bert).features
    if speaker is not None:
        from synth.train.start import read_speaker

        embedding = read_speaker(speaker).speaker
    config = PreparationConfig(version, snr, keep_noisy)
    with _bar("recordings") as advance:
        return run(
            list_file, folder, content, config, bert=features, speaker=embedding,
            progress=lambda at: advance(at.done, at.total, at.what),
        )  # fmt: skip


def _coded(data: Prepared, sovits: Path) -> str:
    from synth.train.codes import extract_codes
    from synth.train.start import read_sovits

    model = read_sovits(sovits).eval()
    with _bar("codes") as advance:
        return extract_codes(data, model, progress=lambda done, total: advance(done, total, ""))


def _s1(data: Prepared, folder: Path, own: Team, **options: Any) -> Summary:
    from synth.train.s1 import EXPORT_EVERY, S1Config, TextToCodes
    from synth.train.start import fresh_gpt, read_gpt

    start = options["start"]
    model = read_gpt(start) if start else fresh_gpt(options["size"], data.model)
    recipe = TextToCodes(model, data, S1Config(options["rate"], options["dpo"], options["precision"]), own)
    return _run(recipe, folder, EXPORT_EVERY, options)


def _s2(data: Prepared, folder: Path, own: Team, **options: Any) -> Summary:
    from synth.train.s2 import EXPORT_EVERY, CodesToSound, S2Config
    from synth.train.start import fresh_discriminators, fresh_sovits, read_discriminators, read_sovits

    start, judges = options["start"], options["discriminators"]
    model = read_sovits(start) if start else fresh_sovits(options["size"], data.model)  # type: ignore[arg-type]
    version = model.config.version
    against = read_discriminators(judges, version) if judges else fresh_discriminators(options["size"], version)
    config = S2Config(options["rate"], options["text_rate"], precision=options["precision"])
    return _run(CodesToSound(model, against, data, config, own), folder, EXPORT_EVERY, options)


def _run(recipe: Any, folder: Path, export_every: int, options: dict[str, Any]) -> Summary:
    from synth.train.run import RunConfig
    from synth.train.run import train as run

    config = RunConfig(
        epochs=options["epochs"], batch=options["batch"], accumulation=options["accumulation"], seed=options["seed"],
        validation=options["validation"], save_every=options["save_every"], most_steps=options["most_steps"],
        export_every=export_every if options["export_every"] is None else options["export_every"],
        workers=options["workers"],
    )  # fmt: skip
    with _bar(recipe.name) as advance:

        def tell(at: Progress) -> None:
            parts = " ".join(f"{name} {value:.3g}" for name, value in list(at.values.items())[:4])
            advance(at.step, at.steps, f"epoch {at.epoch}: {parts}")

        return run(recipe, folder, config, resume=options["resume"], progress=tell)


def _report(data: Prepared) -> dict[str, Any]:
    from synth.train.shards import TROUBLES

    lines = (data.folder / TROUBLES).read_text(encoding="utf-8").splitlines()
    troubles = [json.loads(line) for line in lines]
    seconds = round(sum(entry.seconds for entry in data.entries), 1)
    return {"folder": str(data.folder), "recordings": len(data), "seconds": seconds, "troubles": troubles}


def _told(report: dict[str, Any]) -> str:
    minutes = report["seconds"] / 60
    lines = [f"Prepared {report['recordings']} recordings, {minutes:.1f} minutes, in {report['folder']}."]
    for trouble in report["troubles"]:
        what = "Doubtful" if trouble["used"] else "Left out"
        lines.append(
            f"{what}: line {trouble['line']}, {trouble['path']}: {trouble['cause']}. {trouble['cure']}".rstrip()
        )
    return "\n".join(lines)


def _summed(summary: Summary) -> str:
    losses = ", ".join(f"{name} {summary.first[name]:.3g} to {value:.3g}" for name, value in summary.last.items())
    lines = [f"{summary.recipe}: {summary.steps} steps, {summary.epochs:.1f} epochs; {losses or 'nothing left to do'}."]
    return "\n".join(lines + [f"Wrote {path}" for path in summary.exported])


def _tell(summary: Summary, own: Team, as_json: bool) -> None:
    if own.writes:
        click.echo(json.dumps(asdict(summary)) if as_json else _summed(summary))


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, if that is a terminal and this process is the first."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = not console.is_terminal or os.environ.get("RANK", "0") != "0"
    with Bar(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total, description=f"{name} {what}".strip()
        )
