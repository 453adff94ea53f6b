"""`voxproof verify`: clips in, verdict, JSON and signed PDF out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from forensics.cli.issuer import REGISTER

if TYPE_CHECKING:
    from forensics.case import Case
    from forensics.records import Examination
    from reports.theme import PageSize
    from reports.writer import Writer

EXIT_CODES = {"supports_human": 0, "supports_machine": 10, "inconclusive": 20, "could_not_test": 30}
INTEGRITY_EXIT = 15
PRECEDENCE = (10, 15, 30, 20, 0)


def exit_code(examination: Examination) -> int:
    """The exit code of one examination, as the public contract has it."""
    if examination.verdict.outcome == "supports_machine" or examination.watermark.shows_synthesis:
        return 10
    if examination.integrity.outcome == "inconsistent":
        return INTEGRITY_EXIT
    return EXIT_CODES[examination.verdict.outcome]


def joint_exit_code(codes: Sequence[int]) -> int:
    """Of several clips: the first of 10, 15, 30, 20, 0 that occurs."""
    return next(code for code in PRECEDENCE if code in codes)


@click.command()
@click.argument("clips", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CLIP...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per clip and nothing else.")
@click.option(
    "--report",
    "report_dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write DIR/<clip>.pdf, the signed evidence report, and DIR/<clip>.json.",
)
@click.option("--page", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="Page size.")
@click.option(
    "--p12",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Sign with this PKCS#12 certificate (passphrase in VOXPROOF_P12_PASSPHRASE); else a self-made one.",
)
@click.option(
    "--case",
    "case_dir",
    type=click.Path(path_type=Path),
    metavar="CASE",
    help="Record the examinations in this case (see `voxproof case`).",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="VOXPROOF_KEYS",
    help="Watermark key (repeatable); by default those in VOXPROOF_KEYS. Without one the mark cannot be tested.",
)
@REGISTER
@click.option(
    "--compare-voice",
    "voices",
    multiple=True,
    metavar="CONSENT|RECORDING",
    help="Compare the speech with this voice (repeatable): a consent's file or id, or a recording of one person. "
    "The voice of a consent that a mark leads to is compared anyway.",
)
@click.option(
    "--bank",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    envvar="VOXPROOF_BANK",
    help="Your own bank of generators beside the shipped one (see `voxproof attribute`).",
)
@click.option("--method", "only", multiple=True, metavar="ID", help="Only this method or family (repeatable).")
@click.option("--internals", is_flag=True, help="Also look through our own voice model (docs/internals.md); slower.")
@click.option("--transcript", default="", metavar="TEXT", help="With --internals: what the one CLIP says, in English.")
@click.option("--max-seconds", type=float, default=None, metavar="S", help="Refuse recordings longer than this.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the answer, unless the command itself fails.")
def verify(
    clips: tuple[Path, ...],
    as_json: bool,
    report_dir: Path | None,
    page: str,
    p12: Path | None,
    case_dir: Path | None,
    keys: tuple[Path, ...],
    place: Path | None,
    voices: tuple[str, ...],
    bank: Path | None,
    only: tuple[str, ...],
    internals: bool,
    transcript: str,
    max_seconds: float | None,
    exit_zero: bool,
) -> int:
    """Examine recordings: was the speech made by a machine, was the recording edited, where, how sure.

    Exit code: 0 supports a person, 10 supports a machine, 15 edited, 20 inconclusive, 30 could not be tested;
    of several clips the first of 10, 15, 30, 20, 0 that occurs.
    """
    if transcript and len(clips) > 1:
        raise click.UsageError("--transcript is what one clip says; give one clip.")
    from synth import audio

    audio.prepare()  # the decoding process starts while this one still imports
    writer = None
    if report_dir or case_dir:
        from reports.writer import Writer

        writer = Writer()  # and so does the one that writes reports
    from detectors.fusion import load_fusion
    from forensics.attribution import AttributionExamination
    from forensics.battery import load_battery
    from forensics.cli.output import Terminal
    from forensics.examine import examine
    from forensics.methods.watermark_voiceprint import equipped
    from forensics.voice import VoiceExamination
    from synth.errors import VoxproofError
    from synth.watermark.keys import read_keys

    terminal = Terminal(quiet=as_json)
    battery = equipped(load_battery(only, internals), read_keys(keys), place)
    if transcript:
        from forensics.methods._code_line import with_transcript

        battery = with_transcript(battery, transcript)
    fusion = load_fusion()
    compared = VoiceExamination(voices, place)
    generators = AttributionExamination(bank)
    limits = audio.Limits() if max_seconds is None else audio.Limits(seconds=max_seconds)
    output = _Output(writer, report_dir, page, p12, case_dir) if writer else None
    codes = []
    unwritten = False
    with terminal.progress(len(clips), len(battery)) as progress:
        for clip in clips:
            progress.begin(clip)
            examination = examine(
                clip, battery, fusion, voices=compared, generators=generators, limits=limits,
                pictures=output is not None, on_step=progress.step,
            )  # fmt: skip
            progress.step("Writing")
            written: tuple[Path, ...] = ()
            try:
                written = output.write(clip, examination) if output else ()
            except (VoxproofError, OSError) as error:  # the answer is still given, and the other clips are examined
                click.echo(f"voxproof: {clip}: the report was not written: {error}", err=True)
                unwritten = True
            if as_json:
                sys.stdout.write(examination.json_line() + "\n")
                sys.stdout.flush()
            else:
                terminal.show(examination, written)
            codes.append(exit_code(examination))
    if unwritten:
        return 1
    return 0 if exit_zero else joint_exit_code(codes)


class _Output:
    """Where reports and case records go; one signer and one set of names for the whole call."""

    def __init__(
        self, writer: Writer, directory: Path | None, page: str, p12: Path | None, case_dir: Path | None
    ) -> None:
        from forensics.cli.signer import load_signer

        self.writer = writer
        self.directory = directory
        self.page = page
        self.signer = load_signer(p12)
        self.case: Case | None = None
        if case_dir is not None:
            from forensics.case import Case

            self.case = Case.open(case_dir)
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self.names: set[str] = set()

    def write(self, clip: Path, examination: Examination) -> tuple[Path, ...]:
        """Write PDF and twin where they were asked for, and record both in the case; returns the files written."""
        name = self._name(clip)
        with TemporaryDirectory(prefix="voxproof-report-") as scratch:
            folder = self.directory or Path(scratch)
            pdf = folder / f"{name}.pdf"
            self._render(clip, examination, pdf)
            if self.case is not None:
                self.case.record_examination(examination, pdf)
            if self.directory is None:
                return ()
            twin = folder / f"{name}.json"
            twin.write_text(examination.json_line(timing=False) + "\n", encoding="utf-8")
            return pdf, twin

    def _render(self, clip: Path, examination: Examination, pdf: Path) -> None:
        facts = None
        if self.case is not None and examination.exhibit.sha256 is not None:
            from forensics.cli.case_facts import case_facts

            if self.case.exhibit(examination.exhibit.sha256) is None:
                self.case.add(clip)
            facts = case_facts(self.case, examination.exhibit.sha256)
        paper: PageSize = "letter" if self.page == "letter" else "a4"
        self.writer.write(examination, pdf, page=paper, case=facts, signer=self.signer)

    def _name(self, clip: Path) -> str:
        """The clip's file name; a number is added when two clips of one call share it."""
        name, n = clip.name, 1
        while name in self.names:
            n += 1
            name = f"{clip.name}-{n}"
        self.names.add(name)
        return name
