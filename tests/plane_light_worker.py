"""A worker without an SDK, which starts in no time: enough to see when workers start and end."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import Any


def ask(variable: str, job_id: str = "", report: dict[str, Any] | None = None) -> Any:
    url = os.environ[variable].replace("$RUNPOD_POD_ID", os.environ["RUNPOD_POD_ID"])
    url = url.replace("$ID", job_id or os.environ["RUNPOD_POD_ID"])
    body = None if report is None else json.dumps(report).encode()
    request = urllib.request.Request(url, body, {"Authorization": os.environ["RUNPOD_AI_API_KEY"]})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


if __name__ == "__main__":
    while True:
        job = ask("RUNPOD_WEBHOOK_GET_JOB")
        if job is not None:
            wish = job["input"]
            if "touch" in wish:
                with open(wish["touch"], "a", encoding="utf-8") as file:
                    file.write(f"{os.getpid()}\n")
            time.sleep(wish.get("sleep_s", 0))
            report = {"output": {"pid": os.getpid()}, "stopPod": bool(wish.get("refresh"))}
            ask("RUNPOD_WEBHOOK_POST_OUTPUT", job["id"], report)
