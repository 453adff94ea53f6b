"""What a PDF file holds beside its pages: attached files and XMP metadata; no date that was not given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfdoc
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream, PDFString


@dataclass(frozen=True)
class Attachment:
    """A file embedded in the PDF."""

    name: str
    data: bytes
    mime: str
    description: str


def attach(document: Any, attachments: Sequence[Attachment], made: datetime | None) -> None:
    """Embed files and name them in the catalogue (EmbeddedFiles and AF, ISO 32000-2)."""
    names: list[Any] = []
    references: list[Any] = []
    for index, one in enumerate(sorted(attachments, key=lambda each: each.name)):
        parameters: dict[str, Any] = {
            "Size": len(one.data),
            "CheckSum": pdfdoc.PDFText(hashlib.md5(one.data, usedforsecurity=False).digest(), enc="raw"),
        }
        if made is not None:
            parameters["ModDate"] = PDFString(made.astimezone(UTC).strftime("D:%Y%m%d%H%M%S+00'00'"))
        stream = PDFStream(
            PDFDictionary(
                {
                    "Type": PDFName("EmbeddedFile"),
                    "Subtype": PDFName(one.mime.replace("/", "#2F")),
                    "Params": PDFDictionary(parameters),
                }
            ),
            one.data,
            [pdfdoc.PDFZCompress],
        )
        embedded = document.Reference(stream, f"Attached{index}")
        spec = PDFDictionary(
            {
                "Type": PDFName("Filespec"),
                "F": PDFString(one.name),
                "UF": PDFString(one.name),
                "EF": PDFDictionary({"F": embedded, "UF": embedded}),
                "AFRelationship": PDFName("Data"),
                "Desc": PDFString(one.description),
            }
        )
        reference = document.Reference(spec, f"Filespec{index}")
        names += [PDFString(one.name), reference]
        references.append(reference)
    if not references:
        return
    catalog = document.Catalog
    catalog.Names = PDFDictionary({"EmbeddedFiles": PDFDictionary({"Names": PDFArray(names)})})
    catalog.AF = PDFArray(references)
    catalog.__NoDefault__ = [*type(catalog).__NoDefault__, "AF"]


def write_xmp(document: Any, *, title: str, author: str, made: datetime | None) -> None:
    """The metadata once more as XMP (ISO 16684-1)."""
    stamp = f"<xmp:CreateDate>{made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</xmp:CreateDate>" if made else ""
    packet = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:pdf="http://ns.adobe.com/pdf/1.3/">'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>'
        f"<dc:creator><rdf:Seq><rdf:li>{escape(author)}</rdf:li></rdf:Seq></dc:creator>"
        "<dc:language><rdf:Bag><rdf:li>en</rdf:li></rdf:Bag></dc:language>"
        f"<xmp:CreatorTool>Voxproof</xmp:CreatorTool>{stamp}<pdf:Producer>Voxproof (reportlab)</pdf:Producer>"
        '</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode("utf-8", errors="backslashreplace")
    stream = PDFStream(PDFDictionary({"Type": PDFName("Metadata"), "Subtype": PDFName("XML")}), packet)
    document.Catalog.Metadata = stream
