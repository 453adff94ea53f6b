"""The kinds of item, by name."""

from forensics.range.base import Kind
from forensics.range.clone import CloneKind
from forensics.range.conversion import Conversion
from forensics.range.partial_edit import PartialEdit
from forensics.range.recorded import Human, Machine
from forensics.range.splice import Splice

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (Human(), Machine(), CloneKind(), Conversion(), PartialEdit(), Splice())
}
"""A new kind is a file and an entry here."""
