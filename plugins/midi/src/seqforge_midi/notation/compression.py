"""Compressed MusicXML (.mxl): a ZIP archive with the score and a file that names it."""

import io
import zipfile

_CONTAINER = b"""<?xml version="1.0" encoding="UTF-8"?>
<container>
 <rootfiles>
  <rootfile full-path="score.musicxml" media-type="application/vnd.recordare.musicxml+xml"/>
 </rootfiles>
</container>
"""
_MEDIA_TYPE = b"application/vnd.recordare.musicxml"
_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the archive, so that the same score gives the same bytes."""


def compress(score: bytes) -> bytes:
    """Return MusicXML as .mxl (MusicXML 4.0, "Compressed .mxl files").

    >>> compress(b"<score-partwise/>")[:2]
    b'PK'
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data, method in (
            ("mimetype", _MEDIA_TYPE, zipfile.ZIP_STORED),
            ("META-INF/container.xml", _CONTAINER, zipfile.ZIP_DEFLATED),
            ("score.musicxml", score, zipfile.ZIP_DEFLATED),
        ):
            archive.writestr(zipfile.ZipInfo(name, _TIME), data, compress_type=method)
    return buffer.getvalue()
