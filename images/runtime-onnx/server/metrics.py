"""Metrics in the Prometheus text format: enough for an error rate, for latency quantiles, and to see a leak."""

import os
import threading
from bisect import bisect_left

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Of inference requests only: probes and scrapes would dilute an error rate."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[int, int] = {}
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0

    def observe(self, code: int, seconds: float) -> None:
        with self._lock:
            self._codes[code] = self._codes.get(code, 0) + 1
            self._buckets[bisect_left(_BUCKETS, seconds)] += 1
            self._seconds += seconds

    def render(self, model_name: str, model_version: str) -> str:
        with self._lock:
            codes, buckets, seconds = dict(self._codes), list(self._buckets), self._seconds
        model = f'model_name="{_escape(model_name)}",model_version="{_escape(model_version)}"'
        lines = [
            "# HELP mlsecops_inference_requests_total Inference requests by HTTP status code.",
            "# TYPE mlsecops_inference_requests_total counter",
            # From the first scrape on, so that rate() sees the first request.
            f'mlsecops_inference_requests_total{{{model},code="200"}} {codes.pop(200, 0)}',
            *(f'mlsecops_inference_requests_total{{{model},code="{code}"}} {codes[code]}' for code in sorted(codes)),
            "# HELP mlsecops_inference_duration_seconds Time from the request's headers to its response.",
            "# TYPE mlsecops_inference_duration_seconds histogram",
        ]
        count = 0
        for bound, hits in zip((*_BUCKETS, "+Inf"), buckets, strict=True):
            count += hits
            lines.append(f'mlsecops_inference_duration_seconds_bucket{{{model},le="{bound}"}} {count}')
        lines.append(f"mlsecops_inference_duration_seconds_sum{{{model}}} {seconds:.6f}")
        lines.append(f"mlsecops_inference_duration_seconds_count{{{model}}} {count}")
        lines.append("# HELP process_resident_memory_bytes Resident memory size in bytes.")
        lines.append("# TYPE process_resident_memory_bytes gauge")
        lines.append(f"process_resident_memory_bytes {_resident_bytes()}")
        return "\n".join(lines) + "\n"


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
