"""`voxproof clone`: a text, said in a consented voice; marked, read back and registered, or not at all."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from forensics.cli.issuance import plain, quality_words
from forensics.cli.issuer import AS_JSON, REGISTER, TOKEN, continued, plain_errors, print_json, print_rows
from forensics.cli.progress import Steps, patient_progress
from forensics.cli.watermark import KEYS

if TYPE_CHECKING:
    from synth.choosing import Chosen
    from synth.clone import Emission, Settings
    from synth.consent import Consent
    from synth.emission import Issuer
    from synth.issuance import Found
    from synth.reference_findings import Fault
    from synth.reference_gate import Passage
    from synth.register import Register

FILE = click.Path(path_type=Path)
PLAY = Path("-")
"""In place of a file: stdout."""
MODES = ("en", "zh", "yue", "ja", "ko", "all_zh", "all_yue", "all_ja", "all_ko", "auto", "auto_yue")


@click.command()
@click.option(
    "--reference", "references", metavar="REF.wav", type=FILE, multiple=True, required=True,
    help="The consented voice, 3 to 10 s. Repeatable: several recordings give their mean voice, the first one leads.",
)  # fmt: skip
@click.option(
    "--reference-text", metavar="TEXT", default="",
    help="What the first reference says. With it the speech goes on in its manner, without it only the voice is taken.",
)  # fmt: skip
@click.option("--consent", "consent_file", metavar="FILE", type=FILE, required=True, help="The speaker's consent.")
@click.option("--text", metavar="TEXT", help="What is to be said.")
@click.option("--text-file", metavar="FILE", type=FILE, help="The same from a file (UTF-8); - is stdin.")
@click.option(
    "-o", "--out", metavar="FILE", type=FILE, required=True,
    help="Where it goes: .wav, .flac, .mp3, .m4a or .ogg. With --stream .wav, or - for stdout.",
)  # fmt: skip
@click.option(
    "--model", metavar="lite|DIR", default="lite", show_default=True,
    help="The model that ships (English), or a folder of official or imported weights.",
)  # fmt: skip
@click.option("--hubert", metavar="DIR", type=FILE, help="Official weights with --reference-text: the Chinese HuBERT.")
@click.option("--bert", metavar="DIR", type=FILE, help="Official weights, Mandarin: the Chinese RoBERTa.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="The same says the same.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Above 1 faster, at the same pitch.")
@click.option(
    "--language", type=click.Choice(MODES), metavar="CODE",
    help="Of the text: en, zh, yue, ja, ko or auto. By default en with lite, else auto.",
)  # fmt: skip
@click.option("--reference-language", type=click.Choice(MODES), metavar="CODE", help="Of --reference-text, if another.")
@click.option("--stream", is_flag=True, help="Write while it speaks, to be played at once; the file must be new.")
@click.option("--accept-noise", is_flag=True, help="Take a noisy or clipped reference; the issuance says so.")
@click.option(
    "--scope", type=click.Choice(["research", "internal", "commercial"]), default="research", show_default=True,
    help="What the sound is for; the consent has to allow it.",
)  # fmt: skip
@KEYS
@REGISTER
@TOKEN
@AS_JSON
@plain_errors
def clone(
    references: tuple[Path, ...], reference_text: str, consent_file: Path, text: str | None, text_file: Path | None,
    out: Path, model: str, hubert: Path | None, bert: Path | None, device: Any, seed: int, speed: float, language: Any,
    reference_language: Any, stream: bool, accept_noise: bool, scope: Any, keys: tuple[Path, ...], place: Path | None,
    token_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Say a text in the voice of a recording whose speaker has consented.

    \b
    voxproof watermark keygen -o key.json
    voxproof consent create --subject Ada --recording ada.wav --scope internal --until 2027-03-31 -o consent.json
    voxproof clone --reference ada.wav --consent consent.json --key key.json --text "Good morning." -o out.wav

    The reference has to be 3 to 10 s of one voice; below an SNR of 20 dB you are advised, below 15 dB it is refused
    unless you accept it. The consent has to cover the voice, the scope and the language. What is written carries the
    mark of your key and is in the register. If any of this fails, nothing is written.

    Exit codes: 0; 3 if an access token is missing or does not allow it; 2 for everything else that cannot be done.
    """
    from synth.access import given_token
    from synth.clone_request import free_place, given_text
    from synth.consent import read_consent
    from synth.emission import Issuer, issuing_key
    from synth.reference_gate import fit_reference
    from synth.register import Register
    from synth.watermark.keys import read_keys

    if (text is None) == (text_file is None):
        raise click.UsageError("say either --text or --text-file")
    if out == PLAY and (as_json or not stream):
        raise click.UsageError("-o - is for --stream, without --json")
    said = given_text(text, text_file)
    key = issuing_key(read_keys(keys))
    consent = read_consent(consent_file)
    if out != PLAY:
        free_place(out, (*references, consent_file, *keys, *([text_file] if text_file else [])), growing=stream)
    Register.open(place)
    register, token = continued(place), given_token(token_file)
    accept: tuple[Fault, ...] = ("noise", "clipping") if accept_noise else ()
    with_text = bool(reference_text.strip())
    passages = [
        fit_reference(path, whole=with_text and number == 0, accept=accept) for number, path in enumerate(references)
    ]
    _advise(passages)
    found = tuple(passage.findings for passage in passages)
    issuer = Issuer(register, key, consent, scope, token, reference_findings=found)
    # What can be refused now is refused before a model is loaded; the languages of the text are known only then.
    issuer.request(said, consent.languages[:1], [passage.heard for passage in passages], {})
    with patient_progress(quiet=as_json) as steps:
        steps.begin("Loading the model")
        from synth.choosing import chosen_cloner

        begun = time.perf_counter()
        chosen = chosen_cloner(model, device, hears_text=with_text, hubert=hubert, bert=bert)
        loaded = time.perf_counter()
        goes_on = with_text and chosen.cloner.models.goes_on
        if with_text and not goes_on:
            click.echo(
                "voxproof: what the reference says is not used: this voice is understood better without.", err=True
            )
        settings = chosen.cloner.settings(
            language=language or chosen.language, reference_language=reference_language, seed=seed, speed=speed
        )
        say = _streamed if stream else _spoken
        number, rows, capped = say(chosen, said, passages, reference_text, settings, issuer, out, steps)
        spoken = time.perf_counter()
    told = _told(register, number, out, chosen, passages)
    told |= {"semantic_tokens": rows, "capped": capped, "seed": seed, "reference_text_used": goes_on}
    told["real_time_factor"] = round((spoken - loaded) / told["seconds"], 3)
    told["timing"] = {"loading_s": round(loaded - begun, 2), "speaking_s": round(spoken - loaded, 2)}
    if as_json:
        print_json(told)
    else:
        _show(told, consent, out)


def _spoken(
    chosen: Chosen, said: str, passages: Sequence[Passage], reference_text: str, settings: Settings, issuer: Issuer,
    out: Path, steps: Steps,
) -> tuple[str, list[list[int]], bool | None]:  # fmt: skip
    """All in one go: issuance id, semantic tokens of each piece, whether one of them was cut off."""
    steps.begin("Saying")
    made = chosen.cloner.speak(
        said, _references(passages), reference_text, settings, issuer=issuer, out=out, told=steps.tell
    )
    assert made.issuance is not None  # noqa: S101 - it passed the door
    return made.issuance.issuance_id, [codes.tolist() for codes in made.codes], made.capped


def _streamed(
    chosen: Chosen, said: str, passages: Sequence[Passage], reference_text: str, settings: Settings, issuer: Issuer,
    out: Path, steps: Steps,
) -> tuple[str, list[list[int]], bool | None]:  # fmt: skip
    """In the order in which it is played, written as it comes; a stream does not know whether a piece was cut off."""
    from contextlib import closing

    from synth.clone_request import hand_out
    from synth.sound_files import GrowingWav

    pieces: dict[int, list[int]] = {}
    seconds, number = 0.0, ""
    # What is refused is refused here, before there is a file.
    begun = chosen.cloner.stream(said, _references(passages), reference_text, settings, issuer=issuer)
    stream = cast("Generator[Emission, None, None]", begun)
    with GrowingWav(sys.stdout.buffer if out == PLAY else out) as file, closing(stream):
        for part in stream:
            file.write(part.samples.numpy(), part.rate)
            seconds, number = seconds + len(part.samples) / part.rate, part.issuance.issuance_id
            for piece, codes in part.codes:
                pieces.setdefault(piece, []).extend(codes.tolist())
            steps.begin(f"Saying: {seconds:.0f} s written")
    if out != PLAY:
        hand_out(issuer.register, number, out)
    return number, [pieces[piece] for piece in sorted(pieces)], None


def _references(passages: Sequence[Passage]) -> list[Any]:
    import torch

    from synth.reference import Reference

    return [Reference(torch.from_numpy(one.heard.samples), one.heard.rate) for one in passages]


def _advise(passages: Sequence[Passage]) -> None:
    """On stderr: which passage was taken, what was accepted, what could be better."""
    for one in passages:
        found = one.findings
        if found.end_s - found.start_s < found.file_seconds - 0.01:
            part = f"its passage from {found.start_s:.1f} to {found.end_s:.1f} s is the reference"
            click.echo(f"voxproof: {one.path}: it is {found.file_seconds:.1f} s long; {part}.", err=True)
        for remark in one.remarks:
            what = f"accepted: {remark.cause}." if remark.grave else f"{remark.cause}. {remark.cure}"
            click.echo(f"voxproof: {one.path}: {what}", err=True)


def _told(register: Register, number: str, out: Path, chosen: Chosen, passages: Sequence[Passage]) -> dict[str, Any]:
    """The issuance as the register has it, in the words of the public contract."""
    from synth.issuance import find

    found: Found = find(register, number)[-1]
    issued = found.issuance
    told = plain(found)
    weights = told.pop("models")
    del told["reference_findings"]
    model_id = issued.models.get("sovits", "")[:8] or None
    payload = {"hex": number, "issuance_id": number, "voiceprint": issued.voiceprint_tag, "model_id": model_id}
    return {
        "schema": "voxproof.clone/1",
        "path": str(out),
        **told,
        "register": str(register.path),
        "voiceprint": issued.voiceprint_tag,
        "model": {"name": chosen.name, "sha256": weights},
        "watermark": {
            "scheme": issued.scheme, "key_id": issued.key_id, "epoch": issued.epoch,
            "payload": payload if issued.payload_carried else None, "score": issued.score,
            "threshold": issued.threshold,
        },
        "references": [
            {"path": str(one.path), **one.findings.model_dump(mode="json")} for one in passages
        ],
    }  # fmt: skip


def _show(told: dict[str, Any], consent: Consent, out: Path) -> None:
    mark = told["watermark"]
    rows = [
        ("issuance", told["issuance_id"]),
        ("written", f"{out}, {told['seconds']:.2f} s, {told['sample_rate']} Hz"),
        ("consent", f"{consent.consent_id} of {consent.subject}, used for {told['scope']}"),
        ("voiceprint tag", told["voiceprint"]),
        ("model", told["model"]["name"]),
        ("mark", f"key {mark['key_id']}, score {mark['score']:.1f}, threshold {mark['threshold']:.1f}"),
        ("text control", told["quality"] and quality_words(told["quality"])),
        ("notes", "; ".join(told["notes"])),
        ("cut off", "a sentence did not end by itself: say it in smaller pieces" if told["capped"] else None),
        ("speed", f"real-time factor {told['real_time_factor']:.2f}, the model loaded in "
                  f"{told['timing']['loading_s']:.1f} s"),
    ]  # fmt: skip
    print_rows(rows) if out != PLAY else click.echo(f"voxproof: issuance {told['issuance_id']}", err=True)
