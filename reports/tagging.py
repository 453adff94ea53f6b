"""Tagged PDF on top of reportlab: marked content while drawing, a structure tree at the end.

Source: ISO 32000-1 (logical structure, marked content). Screen readers and text extractors then know headings,
paragraphs and figures with their alternative texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFObject, PDFString


class Tagger:
    """Collects marked content of one document in drawing order."""

    def __init__(self) -> None:
        self.marks: list[tuple[str, str | None, int, int]] = []
        """Role, alternative text, page (from 0), number within the page."""
        self._depth = 0
        self._on_page: dict[int, int] = {}

    @contextmanager
    def mark(self, canvas: Any, role: str, alt: str | None = None) -> Iterator[None]:
        """Everything drawn inside belongs to one element; inner marks and forms are left alone."""
        if self._depth or canvas._doc.inObject == "form":
            yield
            return
        page = canvas.getPageNumber() - 1
        number = self._on_page.get(page, 0)
        self._on_page[page] = number + 1
        self.marks.append((role, alt, page, number))
        canvas._code.append(f"/{role} <</MCID {number}>> BDC")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            canvas._code.append("EMC")

    @contextmanager
    def artifact(self, canvas: Any) -> Iterator[None]:
        """Page furniture: not part of the text."""
        if self._depth:
            yield
            return
        canvas._code.append("/Artifact BMC")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            canvas._code.append("EMC")

    def finish(self, document: Any) -> None:
        """Attach the structure tree to a reportlab PDFDocument whose pages are all there."""
        root, body = PDFDictionary(), PDFDictionary()
        root_ref, body_ref = document.Reference(root, "StructTreeRoot"), document.Reference(body, "StructDocument")
        children: list[Any] = []
        by_page: dict[int, list[Any]] = {page: [] for page in self._on_page}
        for index, (role, alt, page, number) in enumerate(self.marks):
            name = f"Page{page + 1}"
            element = _Element(role, alt, number, body_ref, document.Reference(document.idToObject[name], name))
            reference = document.Reference(element, f"StructElem{index}")
            children.append(reference)
            by_page[page].append(reference)
        numbers: list[Any] = []
        for page in sorted(by_page):
            made = document.idToObject[f"Page{page + 1}"]
            made.StructParents = page
            made.Tabs = PDFName("S")
            made.__NoDefault__ = [*type(made).__NoDefault__, "StructParents", "Tabs"]
            numbers += [page, PDFArray(by_page[page])]
        body.dict.update(Type=PDFName("StructElem"), S=PDFName("Document"), P=root_ref, K=PDFArray(children))
        tree = document.Reference(PDFDictionary({"Nums": PDFArray(numbers)}), "StructParentTree")
        root.dict.update(
            Type=PDFName("StructTreeRoot"), K=body_ref, ParentTree=tree, ParentTreeNextKey=len(numbers) // 2
        )
        document.Catalog.StructTreeRoot = root_ref
        document.Catalog.MarkInfo = PDFDictionary({"Marked": "true"})


class _Element(PDFObject):  # type: ignore[misc]
    """One structure element; written at once, because a report has thousands of them."""

    def __init__(self, role: str, alt: str | None, number: int, parent: Any, page: Any) -> None:
        self.role, self.alt, self.number, self.parent, self.page = role, alt, number, parent, page

    def format(self, document: Any) -> bytes:
        """The object as it stands in the file."""
        parent, page = (one.format(document).decode("ascii") for one in (self.parent, self.page))
        alt = b" /Alt " + PDFString(self.alt).format(document) if self.alt else b""
        head = f"<< /Type /StructElem /S /{self.role} /P {parent} /Pg {page} /K {self.number}"
        return head.encode("ascii") + alt + b" >>"


def mark(canvas: Any, role: str, alt: str | None = None) -> Any:
    """Mark what is drawn in the `with` block, if the canvas is being tagged."""
    return canvas.tagger.mark(canvas, role, alt)
