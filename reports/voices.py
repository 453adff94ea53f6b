"""The section on enrolled voices: the speaker LR, which stands beside the verdict and is no part of it."""

from __future__ import annotations

from typing import Any

from reportlab.platypus import CondPageBreak, Flowable

from forensics.records import Examination, VoiceComparison
from forensics.words import named
from reports import wording
from reports.blocks import Heading, facts, gap, grid, text
from reports.context import Context
from reports.lr_scale import LrScale
from reports.numerals import number, signed
from reports.plots import FigureBlock
from reports.typeface import exact, markup, mono
from synth.voiceprint_card import Figure, VoiceprintCard, voiceprint_card

ENDS = ("another voice (H2)", "the enrolled voice (H1)")


def voices(context: Context, number_: str) -> list[Flowable]:
    """One block for each comparison, then the error rates of the network that made them."""
    examination, measure = context.examination, context.measure
    lead = (
        "The speech was compared with enrolled voices. A clone of a voice is made to have it: this says whose voice "
        "it is, not whether a person or a machine spoke, and takes no part in the final likelihood ratio on that."
    )
    story: list[Flowable] = [text(lead, "body")]
    for index, voice in enumerate(examination.voices, 1):
        story += _block(voice, f"{number_}.{index}", examination.exhibit.seconds, measure)
    return [*story, *_error_rates({one.model.sha256 for one in examination.voices}, measure)]


def voice_words(examination: Examination) -> str:
    """The comparisons in one sentence each, for page 1; empty without any."""
    return " ".join(
        f"Voice: {one.words} (compared with {named(one.enrolled)}; a clone has the voice too)."
        if one.log10_lr is not None
        else f"Voice: could not be compared with {named(one.enrolled)}. {one.reasons[0]}"
        for one in examination.voices
    )


def _block(voice: VoiceComparison, number_: str, seconds: float | None, measure: float) -> list[Flowable]:
    title = wording.capital(named(voice.enrolled))
    pair = voice.propositions
    found = "–"
    if voice.log10_lr is not None and voice.log10_lr_bounds is not None:
        low, high = voice.log10_lr_bounds
        found = f"log10 LR {signed(voice.log10_lr)}, 95 % bounds {signed(low)} to {signed(high)}"
    rows: list[tuple[str, Any]] = [
        ("Propositions", f"<b>H1</b>: {markup(pair.h1)}<br/><b>H2</b>: {markup(pair.h2)}"),
        ("Enrolled voice", _enrolled(voice)),
        ("Validity domain", markup(f"{wording.capital(voice.domain)}. {_inside(voice)}")),
        (
            "Model",
            f"{markup(voice.model.name)}, version {markup(voice.model.version)}, SHA-256 {mono(voice.model.sha256)}",
        ),
        ("Similarity", markup("–" if voice.similarity is None else f"{signed(voice.similarity)} (cosine)")),
        ("Speech heard", markup("–" if voice.speech_seconds is None else f"{voice.speech_seconds:.1f} s")),
        ("Likelihood ratio", markup(found)),
        ("In words", f"<b>{markup(wording.capital(voice.words))}</b>"),
        ("Reasons", markup(" ".join(voice.reasons))),
    ]
    story: list[Flowable] = [
        CondPageBreak(150),
        Heading(markup(title), 2, f"voice-{number_}", title, number_),
        facts(rows, measure, 92),
        gap(3),
        LrScale(voice.log10_lr, voice.log10_lr_bounds, ENDS),
    ]
    for figure in voice.figures:
        story += [gap(3), FigureBlock(figure, seconds)]
    return [*story, gap(6)]


def _enrolled(voice: VoiceComparison) -> str:
    enrolled = voice.enrolled
    said = ["named by the issuance of the mark" if enrolled.named_by == "mark" else "named by the examiner"]
    if enrolled.consent_id:
        said.append(f"consent {mono(enrolled.consent_id)}")
    if enrolled.path:
        said.append(f"file {exact(enrolled.path)}")
    if enrolled.sha256:
        said.append(f"SHA-256 {mono(enrolled.sha256)}")
    return "; ".join(said)


def _inside(voice: VoiceComparison) -> str:
    if voice.in_domain:
        return "This exhibit lies inside as far as it can be measured; its language was not determined."
    return "This exhibit lies outside, or was not compared."


def _error_rates(models: set[str], measure: float) -> list[Flowable]:
    card = voiceprint_card()
    if card.sha256 not in models:
        return [text("The card of the network is not at hand: its hash is that of no model installed here.", "body")]
    head = (
        "Known error rates: questioned recording",
        "Speakers",
        "Two voices taken for one (95 %)",
        "One voice for two (95 %)",
        "Cllr",
    )
    rows = [tuple(map(markup, _row(one))) for one in _measured(card)]
    said = (
        f"At the frozen threshold {number(card.threshold.cosine, 3)}; intervals from a bootstrap of speakers. "
        "Cllr is the cost in bits of the likelihood ratios as reported."
    )
    return [grid(head, rows, [measure * share for share in (0.3, 0.1, 0.25, 0.25, 0.1)]), text(said, "small-muted")]


def _measured(card: VoiceprintCard) -> list[Figure]:
    return [one for one in card.figures if one.system == card.name and one.misses is not None]


def _row(one: Figure) -> tuple[str, str, str, str, str]:
    alarms = _share(one.false_alarms, one.false_alarms_interval)
    cost = "–" if one.cllr is None else f"{one.cllr:.2f}"
    return one.condition, f"{one.speakers}", alarms, _share(one.misses, one.misses_interval), cost


def _share(rate: float | None, interval: tuple[float, float] | None) -> str:
    if rate is None or interval is None:
        return "not measured"
    return f"{number(100 * rate, 2)} % ({number(100 * interval[0], 2)}–{number(100 * interval[1], 2)})"
