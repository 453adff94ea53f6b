"""What `voxproof train` and `voxproof finetune` share: options, and the runs behind them."""

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

from forensics.cli.issuer import REGISTER, TOKEN, continued
from forensics.cli.watermark import KEYS

if TYPE_CHECKING:
    from synth.code_reader import CodeReader
    from synth.consent import Scope
    from synth.emission import Issuer
    from synth.sovits import Sovits
    from synth.sovits_flow import FlowSovits
    from synth.train.distributed import Team
    from synth.train.listening import Listening
    from synth.train.run import Progress, Summary
    from synth.train.shards import Prepared

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(path_type=Path)
VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print nothing but JSON on stdout.")
DPO = click.option("--dpo", is_flag=True, help="S1 learns to prefer the codes to damaged ones; twice the work.")
HISTORY_NOISE = click.option(
    "--history-noise", metavar="SHARE", type=click.FloatRange(0, 0.9), default=0.0, show_default=True,
    help="Of the codes that S1 has heard so far, replaced by others, since what it draws has faults too.",
)  # fmt: skip
TEXT_RATE = click.option(
    "--text-rate", default=0.4, show_default=True, help="Times --rate, for what reads text; v1 to v2ProPlus."
)
JUDGES = click.option("--discriminators", metavar="PTH", type=FILE, help="Pretrained s2D file; v1 to v2ProPlus.")


def options(*several: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options in one decorator."""
    return lambda command: functools.reduce(lambda made, option: option(made), reversed(several), command)


STUDENT = click.option("--student", metavar="FILE", type=FILE, help="Content student: the lite voice's HuBERT.")
WHISPER = click.option(
    "--whisper", metavar="DIR", type=FILE,
    help="Whisper-base, for training the lite voice itself: --student is its phone teacher.",
)  # fmt: skip
HEARING = options(
    click.option("--hubert", metavar="DIR", type=FILE, help="Folder of the Chinese HuBERT base model."),
    STUDENT,
    click.option("--stand-in", is_flag=True, help="Projected mel bands in place of HuBERT: for trying out only."),
    click.option("--bert", metavar="DIR", type=FILE, help="Folder of the Chinese RoBERTa; for Chinese text."),
    click.option("--speaker", metavar="FILE", type=FILE, help="Speaker-verification network; for v2Pro(Plus)."),
    click.option("--snr", default=20.0, show_default=True, help="dB; recordings with less are left out."),
    click.option("--keep-noisy", is_flag=True, help="Use recordings below --snr all the same."),
)
RUNNING = options(
    click.option("--batch", default=8, show_default=True, help="Recordings a batch, on each process."),
    click.option("--device", default="cpu", show_default=True, help='"cpu", "cuda" or "cuda:N".'),
    click.option("--precision", type=click.Choice(["float32", "float16", "bfloat16"]), default="float32"),
    click.option("--seed", default=1234, show_default=True),
    click.option("--workers", default=0, show_default=True, help="Processes that read recordings."),
    click.option("--save-every", default=200, show_default=True, help="Steps between saved states."),
    click.option("--resume/--no-resume", default=True, show_default=True, help="Go on from the state in --out."),
    AS_JSON,
)
RECOMPUTE = click.option(
    "--recompute", is_flag=True, help="v3 and v4: less memory, more time; layers are computed again for the gradient."
)
LENGTH = options(
    click.option("--export-every", type=int, help="Epochs between exported checkpoints."),
    click.option("--steps", "most_steps", type=int, help="Stop after so many steps."),
    click.option("--validation", default=0.02, show_default=True, help="Share of the recordings held out."),
)
LISTENING = options(
    click.option(
        "--listen", metavar="N", type=click.IntRange(min=1),
        help="Every N epochs and at the end, up to eight held-out recordings as the model says them go to OUT/sounds: "
        "marked, read back, registered. Needs --key and --consent.",
    ),
    click.option("--consent", metavar="FILE", type=FILE, help="The speaker's consent, for --listen."),
    KEYS,
    click.option(
        "--scope", type=click.Choice(["research", "internal", "commercial"]), default="research", show_default=True,
        help="What the sounds of --listen are for.",
    ),
    click.option("--vocoder", metavar="FILE", type=FILE, help="v3 and v4: makes sound of their mels, for --listen."),
    REGISTER,
    TOKEN,
)  # fmt: skip


def needs_torch(command: Command) -> Command:
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


def run_preparation(
    list_file: Path,
    folder: Path,
    version: str,
    *,
    hubert: Path | None,
    student: Path | None,
    stand_in: bool,
    bert: Path | None,
    speaker: Path | None,
    snr: float,
    keep_noisy: bool,
    whisper: Path | None = None,
) -> Prepared:
    from synth.errors import VoxproofError
    from synth.train.content import Content, HubertContent, ProjectedMel
    from synth.train.prepare import PreparationConfig, prepare

    if stand_in + (hubert is not None) + (student is not None) != 1:
        raise VoxproofError(
            "the content features are not chosen", cure="Say --hubert DIR, --student FILE, or --stand-in to try out."
        )
    if whisper is not None and student is None:
        raise VoxproofError("Whisper needs the phone teacher that listens to it", cure="Say --student FILE.")
    content: Content = ProjectedMel()
    if student is not None and whisper is not None:
        from synth.train.teacher_content import TeacherContent

        content = TeacherContent(whisper, student)
    elif student is not None:
        from synth.student_content import read_student

        content = read_student(student)[0]
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
        return prepare(
            list_file, folder, content, config, bert=features, speaker=embedding,
            progress=lambda at: advance(at.done, at.total, at.what),
        )  # fmt: skip


def run_codes(data: Prepared, model: Sovits | FlowSovits, reader: CodeReader | None = None) -> str:
    """Gives the tokeniser's hash."""
    from synth.train.codes import extract_codes

    with _bar("codes") as advance:
        return extract_codes(data, model.eval(), reader, progress=lambda done, total: advance(done, total, ""))


def run_s1(data: Prepared, folder: Path, own: Team, **options: Any) -> Summary:
    from synth.train.s1 import EXPORT_EVERY, S1Config, TextToCodes
    from synth.train.start import fresh_gpt, read_gpt

    start = options["start"]
    model = read_gpt(start) if start else fresh_gpt(options["size"], data.model)
    config = S1Config(options["rate"], options["dpo"], options["precision"], options.get("history_noise", 0.0))
    recipe = TextToCodes(model, data, config, own)
    return _run(recipe, folder, EXPORT_EVERY, options)


def issuer_of(
    listen: int | None, consent: Path | None, keys: tuple[Path, ...], scope: Scope, place: Path | None,
    token_file: Path | None, **others: Any,
) -> Issuer | None:  # fmt: skip
    """The right to let sounds out, if --listen asks for them; what is missing is said before anything is done."""
    from synth.errors import VoxproofError

    if listen is None:
        if consent or others["vocoder"]:
            raise VoxproofError("--consent and --vocoder are for --listen", cure="Say --listen N, or leave them out.")
        return None
    from synth.access import given_token
    from synth.consent import ConsentError, read_consent
    from synth.emission import Issuer, issuing_key
    from synth.watermark.keys import read_keys

    key = issuing_key(read_keys(keys))
    if consent is None:
        raise ConsentError(
            "--listen lets a voice be heard, and there is no consent of the speaker",
            cure="Give it with --consent; `voxproof consent create` makes one.",
        )
    return Issuer(continued(place), key, read_consent(consent), scope, given_token(token_file))


def run_s2(
    data: Prepared,
    folder: Path,
    own: Team,
    model: Sovits | FlowSovits | None = None,
    issuer: Issuer | None = None,
    **options: Any,
) -> Summary:
    """`model` is what `start` holds, if that was read already."""
    from synth.errors import VoxproofError
    from synth.sovits_flow import FlowSovits
    from synth.train import s2, s2_flow, start

    path, judges, rank = options["start"], options["discriminators"], options["lora"] or 0
    if model is None:
        fresh = functools.partial(start.fresh, options["size"], student=options["student"])
        model = start.read_sovits(path, data.model) if path else fresh(data.model)
    if isinstance(model, FlowSovits):
        if judges:
            raise VoxproofError(
                f"{model.config.version} is trained without discriminators", path=judges, cure="Leave them out."
            )
        if rank and not path:
            raise VoxproofError("low-rank changes need a model that they change", cure="Give it with --start.")
        flow = s2_flow.FlowConfig(
            options["rate"], precision=options["precision"], rank=rank, recompute=options["recompute"]
        )
        vocoder = None
        if issuer:
            vocoder = _vocoder(options["vocoder"], model.config.version)
        matching = s2_flow.CodesToMel(model, data, flow, own, vocoder)
        return _run(matching, folder, s2_flow.EXPORT_EVERY, options, _ear(matching, folder, issuer, options))
    version = model.config.version
    if options["vocoder"]:
        raise VoxproofError(f"{version} has its vocoder inside", cure="Leave --vocoder out.")
    if rank:
        raise VoxproofError(f"{version} is trained as a whole; --lora is for v3 and v4", cure="Leave --lora out.")
    against = (
        start.read_discriminators(judges, version) if judges else start.fresh_discriminators(options["size"], version)
    )
    config = s2.S2Config(
        options["rate"], precision=options["precision"], text_rate=options["text_rate"],
        unjudged=options.get("unjudged", 0), window=options.get("window", 0), prior_only=options.get("prior_only", 0),
        voice_weight=options.get("voice_weight", 0.0),
    )  # fmt: skip
    sounding = s2.CodesToSound(model, against, data, config, own)
    return _run(sounding, folder, s2.EXPORT_EVERY, options, _ear(sounding, folder, issuer, options))


def _vocoder(path: Path | None, version: str) -> Any:
    from synth.errors import VoxproofError
    from synth.train.start import read_vocoder

    if path is None:
        raise VoxproofError(
            f"{version} makes mels, and there is no vocoder to make sound of them",
            cure="Give its file with --vocoder, or leave --listen out: pictures of the mels are made either way.",
        )
    return read_vocoder(path, version)


def _ear(recipe: Any, folder: Path, issuer: Issuer | None, options: dict[str, Any]) -> Listening | None:
    """For the process that writes; the gate is asked here."""
    from synth.train.listening import Listening

    if issuer is None or not recipe.team.writes:
        return None
    return Listening(recipe, issuer, folder, options["validation"], options["listen"])


def _run(
    recipe: Any, folder: Path, export_every: int, options: dict[str, Any], ear: Listening | None = None
) -> Summary:
    from synth.train.run import RunConfig, train

    config = RunConfig(
        epochs=options["epochs"], batch=options["batch"], accumulation=options["accumulation"], seed=options["seed"],
        validation=options["validation"], save_every=options["save_every"], most_steps=options["most_steps"],
        export_every=export_every if options["export_every"] is None else options["export_every"],
        beginnings=options["start"] is None or options.get("beginnings", False), workers=options["workers"],
    )  # fmt: skip
    with _bar(recipe.name) as advance:

        def tell(at: Progress) -> None:
            parts = " ".join(f"{name} {value:.3g}" for name, value in list(at.values.items())[:4])
            advance(at.step, at.steps, f"epoch {at.epoch}: {parts}")

        return train(recipe, folder, config, resume=options["resume"], progress=tell, ear=ear)


def report_of(data: Prepared) -> dict[str, Any]:
    """What a preparation did, as plain data."""
    from synth.train.shards import TROUBLES

    lines = (data.folder / TROUBLES).read_text(encoding="utf-8").splitlines()
    troubles = [json.loads(line) for line in lines]
    seconds = round(sum(entry.seconds for entry in data.entries), 1)
    return {"folder": str(data.folder), "recordings": len(data), "seconds": seconds, "troubles": troubles}


def told(report: dict[str, Any]) -> str:
    """The same in words."""
    minutes = report["seconds"] / 60
    lines = [f"Prepared {report['recordings']} recordings, {minutes:.1f} minutes, in {report['folder']}."]
    for trouble in report["troubles"]:
        what = "Doubtful" if trouble["used"] else "Left out"
        lines.append(
            f"{what}: line {trouble['line']}, {trouble['path']}: {trouble['cause']}. {trouble['cure']}".rstrip()
        )
    return "\n".join(lines)


def summed(summary: Summary) -> str:
    """A training in words."""
    losses = ", ".join(f"{name} {summary.first[name]:.3g} to {value:.3g}" for name, value in summary.last.items())
    lines = [f"{summary.recipe}: {summary.steps} steps, {summary.epochs:.1f} epochs; {losses or 'nothing left to do'}."]
    lines += [f"Wrote {path}" for path in [*summary.exported, *summary.sounds]]
    return "\n".join(lines + [f"Withheld: {reason}" for reason in summary.withheld])


def tell(summary: Summary, own: Team, as_json: bool) -> None:
    """Says it once, however many processes there are."""
    if own.writes:
        click.echo(json.dumps(asdict(summary)) if as_json else summed(summary))


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
