"""`voxproof report`: render and sign a report, check one that was received."""

from __future__ import annotations

from pathlib import Path

import click

P12 = click.option(
    "--p12",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Sign with this PKCS#12 certificate (passphrase in VOXPROOF_P12_PASSPHRASE); else a self-made one.",
)


@click.group()
def report() -> None:
    """Render, sign and check evidence reports (PDF)."""


@report.command()
@click.argument("clip", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The PDF to write.")
@click.option("--page", type=click.Choice(["a4", "letter"]), default="a4", show_default=True)
@P12
@click.option("--unsigned", is_flag=True, help="Leave the signature out: same input, same bytes.")
@click.option("--case-id", help="Case number to print.")
@click.option("--requester", help="Who asked.")
@click.option("--question", help="The question that was put.")
@click.option("--examiner", help="Name and qualification of the examiner.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object and nothing else.")
def render(
    clip: Path,
    out: Path,
    page: str,
    p12: Path | None,
    unsigned: bool,
    case_id: str | None,
    requester: str | None,
    question: str | None,
    examiner: str | None,
    as_json: bool,
) -> None:
    """Examine CLIP and write its report."""
    import json

    from reports.writer import Writer
    from synth import audio

    audio.prepare()
    writer = Writer()  # imports on a core of its own what a report needs
    from detectors.fusion import load_fusion
    from forensics.battery import load_battery
    from forensics.cli.output import Terminal
    from forensics.cli.signer import load_signer
    from forensics.examine import examine
    from reports.case_facts import CaseFacts

    battery = load_battery()
    with Terminal(quiet=as_json).progress(1, len(battery)) as progress:
        progress.begin(clip)
        examination = examine(clip, battery, load_fusion(), pictures=True, on_step=progress.step)
        progress.step("Writing")
        case = CaseFacts(case_id=case_id, requester=requester, question=question, examiner=examiner)
        signer = None if unsigned else load_signer(p12)
        writer.write(examination, out, page="letter" if page == "letter" else "a4", case=case, signer=signer)
    said = {"pdf": str(out), "outcome": examination.verdict.outcome, "signed": not unsigned}
    click.echo(json.dumps(said, ensure_ascii=False) if as_json else f"Wrote {out}")


@report.command()
@click.argument("unsigned", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The PDF to write.")
@P12
@click.option(
    "--timestamp-url", metavar="URL", help="Ask this RFC 3161 time-stamp authority as well (needs a network)."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object and nothing else.")
def sign(unsigned: Path, out: Path, p12: Path | None, timestamp_url: str | None, as_json: bool) -> None:
    """Sign the report UNSIGNED that `render --unsigned` wrote."""
    import json

    from forensics.cli.signer import load_signer
    from reports.pdf import sign_pdf

    signer = load_signer(p12)
    sign_pdf(unsigned, out, signer, timestamp_url=timestamp_url)
    said = {"pdf": str(out), "signer": signer.name}
    click.echo(json.dumps(said, ensure_ascii=False) if as_json else f"Wrote {out}, signed by {signer.name}")


@report.command()
@click.argument("pdf", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--exhibit",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The recording that the report is about: its hash is compared.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object and nothing else.")
def check(pdf: Path, exhibit: Path | None, as_json: bool) -> int:
    """Verify signature, machine twin and exhibit hash of a report. Exit 0 if all hold, 15 if one does not."""
    from reports.check import check as check_report

    result = check_report(pdf, exhibit)
    if as_json:
        click.echo(result.model_dump_json())
    else:
        for line in result.lines():
            click.echo(line)
    return 15 if result.problems else 0
