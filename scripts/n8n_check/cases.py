"""What is run: a video by caption, one by a pipeline, and what n8n shows where there is none."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from n8n_check.n8n import Execution, N8n
from serve_support import upload

SRT = "1\n00:00:00,200 --> 00:00:01,800\nRendered for n8n\n"


@dataclass
class Bench:
    """An n8n, an `apigpu serve` with its key, and files for them."""

    n8n: N8n
    apigpu: httpx2.Client
    video: str
    subtitles: str
    broken: str

    def workflow(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The one of `GET /operations/{operation}/n8n.json`, with fields of one's own in Submit."""
        found: dict[str, Any] = self.apigpu.get(f"/operations/{operation}/n8n.json").json()
        (submit,) = (node for node in found["nodes"] if node["name"] == "Submit")
        body = json.dumps({**fields, "webhook_url": "RESUME"}, indent=2)
        submit["parameters"]["jsonBody"] = "=" + body.replace("RESUME", "{{ $execution.resumeUrl }}")
        return found


@dataclass
class Outcome:
    """What came of a case; `faults` are its unkept promises."""

    name: str
    status: str
    seconds: float
    said: str
    faults: list[str] = field(default_factory=list)


def files(folder: Path, apigpu: httpx2.Client) -> dict[str, str]:
    """Addresses of a short video, its subtitles, and something that is no video."""
    video = folder / "talk.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *source, "-shortest", str(video)], check=True, timeout=60)
    (folder / "talk.srt").write_text(SRT, encoding="utf-8")
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(range(256)) * 8)
    return {
        "video": upload(apigpu, video),
        "subtitles": upload(apigpu, folder / "talk.srt"),
        "broken": upload(apigpu, folder / "broken.mp4"),
    }


def caption(bench: Bench) -> Outcome:
    workflow = bench.workflow("caption", {"url_video": bench.video, "url_srt": bench.subtitles})
    return _video("caption", bench, bench.n8n.run(workflow))


def pipeline(bench: Bench) -> Outcome:
    steps = [
        {"operation": "caption", "url_video": bench.video, "url_srt": bench.subtitles},
        {"operation": "addaudio", "url_audio": bench.video, "mode": "mix"},
    ]
    return _video("pipeline", bench, bench.n8n.run(bench.workflow("pipeline", {"steps": steps})))


def broken_media(bench: Bench) -> Outcome:
    workflow = bench.workflow("caption", {"url_video": bench.broken, "url_srt": bench.subtitles})
    run = bench.n8n.run(workflow)
    outcome = Outcome("a file that is no video", run.status, run.seconds, run.message)
    if (run.status, run.nodes[-1:]) != ("error", ["Failed"]):
        outcome.faults.append(f"it should end in Failed, and went {' > '.join(run.nodes)}")
    elif run.message.startswith("The job"):
        outcome.faults.append("the reason of the failure is missing")
    return outcome


def bad_field(bench: Bench) -> Outcome:
    workflow = bench.workflow("caption", {"url_video": bench.video, "url_srt": bench.subtitles, "stile": {}})
    run = bench.n8n.run(workflow)
    outcome = Outcome("a misspelt field", run.status, run.seconds, _http_message(run))
    if run.nodes[-1:] != ["Submit"] or "stile" not in outcome.said:
        outcome.faults.append(f"Submit should name the field, and said: {outcome.said}")
    return outcome


def wrong_key(bench: Bench) -> Outcome:
    workflow = bench.workflow("caption", {"url_video": bench.video, "url_srt": bench.subtitles})
    bench.n8n.header_credential("a wrong key", "X-API-Key", "ak_wrong")
    for node in workflow["nodes"]:
        if "credentials" in node:
            node["credentials"]["httpHeaderAuth"]["name"] = "a wrong key"
    run = bench.n8n.run(workflow)
    outcome = Outcome("a wrong key", run.status, run.seconds, _http_message(run))
    if run.nodes[-1:] != ["Submit"] or "key" not in outcome.said.lower():
        outcome.faults.append("Submit should say that the key is wrong")
    return outcome


def private_receiver(bench: Bench) -> Outcome:
    """The address of another service of this machine, which nobody has allowed."""
    workflow = bench.workflow("caption", {"url_video": bench.video, "url_srt": bench.subtitles})
    (submit,) = (node for node in workflow["nodes"] if node["name"] == "Submit")
    body = submit["parameters"]["jsonBody"].replace("{{ $execution.resumeUrl }}", "http://127.0.0.1:8999/hook")
    submit["parameters"]["jsonBody"] = body
    run = bench.n8n.run(workflow)
    outcome = Outcome("a webhook to a private address", run.status, run.seconds, _http_message(run))
    if run.nodes[-1:] != ["Submit"] or "APIGPU_WEBHOOK_HOSTS" not in outcome.said:
        outcome.faults.append("Submit should name the setting that allows it")
    return outcome


CASES: tuple[Callable[[Bench], Outcome], ...] = (
    caption,
    pipeline,
    broken_media,
    bad_field,
    wrong_key,
    private_receiver,
)


def _video(name: str, bench: Bench, run: Execution) -> Outcome:
    outcome = Outcome(name, run.status, run.seconds, run.message or " > ".join(run.nodes))
    if run.status != "success":
        outcome.faults.append(f"it should succeed, and said: {run.message}")
        return outcome
    job_id = run.item("Submit")["json"]["id"]
    got = bench.n8n.file(run.item("Video"))
    kept = bench.apigpu.get(f"/jobs/{job_id}/result", follow_redirects=True).content
    if _sha256(got) != _sha256(kept) or not got:
        outcome.faults.append(f"n8n has {len(got)} bytes, the job's video {len(kept)}")
    hook = run.item("Wait")["json"]
    if "body" not in hook:
        outcome.faults.append("the Wait node ended without a webhook")
    elif "webhook-signature" not in hook["headers"]:
        outcome.faults.append("the webhook is not signed")
    outcome.said = f"{len(got):,} bytes, the same as the job's; webhook {_deliveries(bench, job_id)}"
    return outcome


def _deliveries(bench: Bench, job_id: str) -> str:
    """How the webhook of a job went, such as `500, 200`."""
    items = bench.apigpu.get("/webhooks").json()["items"]
    own = [item for item in items if item.get("job_id") == job_id]
    if not own:
        return "not listed"
    tries = bench.apigpu.get(f"/webhooks/{own[0]['id']}").json()["history"]
    return ", ".join(str(item["http_status"] or item["note"]) for item in tries) or str(own[0].get("status"))


def _http_message(run: Execution) -> str:
    """What n8n writes of a refusal: its own summary of the status, and below it the problem's `message`."""
    error = run.data["resultData"].get("error") or {}
    return ": ".join(str(error[part]) for part in ("message", "description") if error.get(part))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
