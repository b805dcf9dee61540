#!/usr/bin/env python3
"""Writes down what an FFmpeg can do, for dry runs on servers that have none: scripts/assumed_ffmpeg.py FFMPEG > FILE.

The file is runtime/src/apigpu_runtime/proxy/static/assumed-ffmpeg.json; take the FFmpeg of the worker's image.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from apigpu.ffmpeg.capabilities import capabilities_at


def main(ffmpeg: str) -> None:
    known = capabilities_at(ffmpeg, os.environ)
    names = sorted(known.filters)
    with ThreadPoolExecutor(2) as pool:
        options = dict(zip(names, pool.map(known.filter_options, names), strict=True))
    facts = {
        "version": list(known.version),
        "encoders": sorted(known.encoders),
        "decoders": sorted(known.decoders),
        "hwaccels": sorted(known.hwaccels),
        "filters": {name: sorted(found or ()) for name, found in options.items()},
    }
    print(json.dumps(facts, separators=(",", ":")))


main(os.path.abspath(sys.argv[1]))
