"""The file of a finished job: from the folder where it lies, or by the way to the store."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse, RedirectResponse, Response

from apigpu.errors import InputError
from apigpu_runtime.backend import COMPLETED
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.answers import Answers
from apigpu_runtime.proxy.jobs.submission import content_type, result_filename
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.folder import FolderStorage


def result_response(job: JobRecord, *, storage: Storage | None, answers: Answers) -> Response:
    """The file, or the way to it. Raises InputError where there is none (yet)."""
    if job.status != COMPLETED:
        raise _none_yet(job)
    key = job.result.outputs[0].key if job.result and job.result.outputs else ""
    if isinstance(storage, FolderStorage) and key:
        return _file(job, storage.path_of(key))
    url = answers.video_url(job)
    if url is None:
        raise InputError(
            "the worker delivered the file elsewhere, and does not say where.",
            code="no_file",
            remedy="Set APIGPU_STORAGE, so that results have an address.",
        )
    return RedirectResponse(url, status_code=302)


def _file(job: JobRecord, path: Path) -> Response:
    if not path.is_file():
        raise InputError("the file is gone.", code="no_file", remedy="Send the job again.")
    return FileResponse(path, filename=result_filename(job), media_type=content_type(job))


def _none_yet(job: JobRecord) -> InputError:
    if not job.is_final:
        return InputError(
            f"the job is {job.status}: there is no file yet.",
            code="not_finished",
            remedy="Ask again when its status is COMPLETED, or follow its events.",
        )
    return InputError(
        f"the job ended as {job.status}: it has no file.", code="no_file", remedy="GET the job to see why."
    )
