"""A plugin like any other: links that people copy out of file-sharing sites become links to the files.

A link that is none of these is left as it is. What a site shows in place of a file is explained by `page_remedy`.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from apigpu import hookimpl

_DRIVE_HOSTS = frozenset({"drive.google.com", "docs.google.com", "drive.usercontent.google.com"})
_DRIVE_FILE = re.compile(r"^(?:/a/[^/]+)?/file(?:/u/\d+)?/d/([A-Za-z0-9_-]{10,120})(?:/|$)")
_DRIVE_PAGES = frozenset({"/open", "/uc", "/download", "/u/0/open", "/u/0/uc"})
_DRIVE_ID = re.compile(r"[A-Za-z0-9_-]{10,120}")
_DROPBOX_HOSTS = frozenset({"dropbox.com", "www.dropbox.com"})
_DROPBOX_FILE = re.compile(r"^/(?:s|scl/fi)/[^/]+/")
_SHAREPOINT_FILE = re.compile(r"^/:[a-z]:/[a-z]/")


@hookimpl
def apigpu_resolve_url(url: str) -> str | None:
    """The address of the file itself, for links of Google Drive, Dropbox and SharePoint."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    query = dict(parse_qsl(parts.query))
    if host in _DRIVE_HOSTS:
        return _drive(parts.path, query)
    if host in _DROPBOX_HOSTS and _DROPBOX_FILE.match(parts.path):
        query.pop("raw", None)
        return parts._replace(scheme="https", query=urlencode(query | {"dl": "1"}), fragment="").geturl()
    if host.endswith(".sharepoint.com") and _SHAREPOINT_FILE.match(parts.path):
        return parts._replace(query=urlencode(query | {"download": "1"}), fragment="").geturl()
    return None


def page_remedy(url: str) -> str:
    """What to do where a web page came in place of a file."""
    host = (urlsplit(url).hostname or "").lower()
    if host in _DRIVE_HOSTS:
        return (
            "Google Drive shows a page when the file is not shared with anyone who has the link, or was downloaded "
            "too often today: share it, or make a copy and share that."
        )
    if host in _DROPBOX_HOSTS:
        return "Dropbox shows a page when the link has a password, has run out, or leads to a folder."
    if host.endswith((".sharepoint.com", "1drv.ms", "onedrive.live.com")):
        return "Microsoft shows a page when the file is not shared with anyone who has the link."
    return "Use the direct link to the file."


def _drive(path: str, query: dict[str, str]) -> str | None:
    found = _DRIVE_FILE.match(path)
    file_id = found[1] if found else query.get("id", "") if path in _DRIVE_PAGES else ""
    if not _DRIVE_ID.fullmatch(file_id):
        return None
    # `confirm` skips the page that says that a large file was not looked at for viruses.
    wanted = {"id": file_id, "export": "download", "confirm": "t"}
    if key := query.get("resourcekey"):
        wanted["resourcekey"] = key
    return f"https://drive.usercontent.google.com/download?{urlencode(wanted)}"
