"""What RunPod would put into a worker's environment, naming a plane instead."""

from __future__ import annotations

WORKER_ID = "RUNPOD_POD_ID"


def worker_environment(url: str, key: str = "") -> dict[str, str]:
    """For the SDK of a worker that serves the plane at `url`, such as `http://127.0.0.1:8000/v2/local`.

    A worker's id is added by whoever starts it. Without any key the SDK sends no pings, so there always is one.
    """
    # The SDK appends `&...`, so that each address needs a query.
    return {
        "RUNPOD_WEBHOOK_GET_JOB": f"{url}/job-take/$ID?gpu=local",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{url}/job-done/$RUNPOD_POD_ID/$ID?gpu=local",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{url}/job-stream/$RUNPOD_POD_ID/$ID?gpu=local",
        "RUNPOD_WEBHOOK_PING": f"{url}/ping/$RUNPOD_POD_ID?gpu=local",
        "RUNPOD_AI_API_KEY": key or "none",
    }
