"""How the recording came here: ordinary delivery paths, recognised from container and codec facts and named.

A voice note that a messenger coded, a memo that was exported, sound copied out of a video: these are processing, not
tampering, and an examiner has to know them before reading anything into a codec. The rules are data
(`forensics/exemplars/delivery.yaml`), each with its basis: measured on look-alikes, or documented by the source named.
Practice: SWGDE Best Practices for Digital Audio Authentication (history of the file).

A look-alike made by a converter has the same facts as the original; the words say so. No path ever counts against the
file, and a path that is not recognised means only that no rule fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from forensics.exemplars import Fingerprint, fingerprint
from forensics.exemplars.delivery import PathRule, delivery_paths
from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.records import Figure, Finding, Measurement, Scalar, Series
from synth.canonical import canonical


class DeliveryPath(Method):
    """The first rule that fits the file."""

    id = "container.delivery-path"
    version = "2"
    title = "Delivery path"
    purpose = "Recognises how a recording was delivered (messenger, memo app, call recorder, video, converter)."
    shown: ClassVar[int] = 8
    """Rules shown in the figure."""

    @cached_property
    def _rules_sha256(self) -> str:
        rules = canonical([rule.model_dump(mode="json", by_alias=True) for rule in delivery_paths()])
        return hashlib.sha256(rules.encode()).hexdigest()

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {"rules": len(delivery_paths()), "rules_sha256": self._rules_sha256}

    def examine(self, exhibit: Exhibit) -> Finding:
        found = fingerprint(exhibit.path)
        features = _features(exhibit, found)
        rules = delivery_paths()
        path = next((rule for rule in rules if rule.fits(features)), None)
        measurements: dict[str, Measurement] = {
            name: value for name, value in features.items() if name not in ("tree", "texts")
        }
        traces = [f"{path.name}: {path.words}"] if path else []
        trims = [trace for trace in found.traces if "trimmed" in trace] if found else []
        if path:
            how = "on look-alikes made for the purpose" if path.basis == "measured" else "by others"
            reasons = [
                f"The container and the codec are consistent with this delivery path: {path.name} ({path.words}).",
                f"The rule is {path.basis} {how}: {path.source}.",
            ]
        else:
            reasons = [f"None of the {len(rules)} rules for delivery paths fits; how the file came here stays open."]
        reasons += [f"Ordinary processing that the container shows: {trace}." for trace in trims]
        return self.finding(
            "consistent" if path or trims else "inconclusive",
            exhibit=exhibit,
            reasons=reasons,
            traces=[*traces, *trims],
            measurements={"path": path.name if path else None, "basis": path.basis if path else None, **measurements},
            figures=[self._figure(rules, features)],
        )

    def _figure(self, rules: tuple[PathRule, ...], features: Mapping[str, Scalar]) -> Figure:
        shares = sorted(((rule.met(features) / len(rule.when), rule.name) for rule in rules), key=lambda row: -row[0])
        best = shares[: self.shown]
        return Figure(
            kind="chart",
            title="Conditions met by delivery path",
            x_label="path, nearest first",
            y_label="conditions met (share)",
            series=(
                Series(
                    label="; ".join(f"{index}: {name}" for index, (_, name) in enumerate(best, 1)),
                    x=tuple(float(index) for index in range(1, len(best) + 1)),
                    y=tuple(round(share, 3) for share, _ in best),
                    style="bars",
                ),
            ),
        )


def _features(exhibit: Exhibit, found: Fingerprint | None) -> dict[str, Scalar]:
    """Everything that a rule may ask about."""
    facts = exhibit.facts
    features: dict[str, Scalar] = {}
    if found is not None:
        features |= found.habits | found.settings
        features["format"] = found.format
        features["cut"] = any("trimmed" in trace for trace in found.traces)
    texts = [f"{place}: {text}" for place, text in found.texts] if found is not None else []
    texts += [f"{name}: {value}" for name, value in facts.tags.items() if len(value) <= 200]
    features |= {
        "container": facts.container,
        "codec": facts.codec,
        "channels": facts.channels,
        "texts": " | ".join(texts)[:4000].lower(),
        "suffix": exhibit.path.suffix.lower(),
        "bit_rate": round(8 * exhibit.bytes / exhibit.seconds) if exhibit.seconds > 0 else None,
    }
    features.setdefault("sample_rate", facts.sample_rate)
    return features
