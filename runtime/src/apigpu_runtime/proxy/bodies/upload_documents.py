"""What uploads are asked and answered."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from apigpu_runtime.job import Signed


class Upload(BaseModel):
    """A file that the server keeps for a while."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    url: str
    """What a media field of a request takes. Whoever has it can read the file."""
    size_bytes: int
    content_type: str
    expires_at: str
    """RFC 3339, UTC: afterwards the file is gone."""


class PresignRequest(BaseModel):
    """A file that will be put straight into the object store."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    filename: str = Field(
        "", max_length=255, description="Its name; only a known ending such as .mp4 is kept.", examples=["talk.mp4"]
    )
    content_type: str = Field(
        "application/octet-stream", max_length=100, description="Its media type.", examples=["video/mp4"]
    )


class PresignedUpload(BaseModel):
    """Where to put the file, and its address once it is there."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    put: Signed
    """The request to make with the file as its body."""
    put_expires_at: str
    """RFC 3339, UTC."""
    url: str
    expires_at: str
    """RFC 3339, UTC: until then `url` works."""
