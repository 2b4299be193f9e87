"""What a metric is about, told from its name, whatever exporter or cloud named it."""

from __future__ import annotations

import enum
import re
from functools import lru_cache


class MetricKind(enum.StrEnum):
    """The golden signals and the resources behind them (USE)."""

    LATENCY = "latency"
    ERROR = "error"
    LOAD = "load"
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"
    QUEUE = "queue"
    OTHER = "other"


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# The first pattern that matches decides; they see the words of the name as "_http_requests_total_".
_PATTERNS = {
    MetricKind.ERROR: r"_err|error|fail|exception|_5_?xx|_4_?xx|succe|_sr_|_availability|_oom|restart|panic|timeout"
    r"|retrans|_drop(s|ped)?_|unhealthy|_up_",
    MetricKind.CPU: r"cpu|_load_?(1|5|15)_|throttl|_cores?_|processor",
    MetricKind.MEMORY: r"mem|heap|_rss_|working_set|_gc_|swap",
    MetricKind.DISK: r"disk|_io_|_iops|_fs_|file_?system|volume|syscall|inode|storage",
    MetricKind.LATENCY: r"latenc|duration|response_time|_rt_|_mrt_|elapsed|_rtt_|_p_?\d+_|quantile|_time_ms_|_took_",
    MetricKind.QUEUE: r"queue|backlog|_lag_|pending|in_?flight|waiting|pool|thread|goroutine|_fds?_|descriptor",
    MetricKind.NETWORK: r"_net|network|socket|_tcp|packet|_rx_|_tx_|receive|transmit|conn(ection)?s?_|bandwidth"
    r"|(request|response)_(size|bytes)",
    MetricKind.LOAD: r"load|request|_reqs?_|_ops_|_qps_|_rps_|_tps_|throughput|traffic|calls|count|_cnt_|invocation"
    r"|hits",
}
_KINDS = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS.items())
_A_DURATION = re.compile(r"seconds|_ms_|_time_")
"""What nothing else is told of is how long something takes."""
_LOWER_IS_WORSE = re.compile(r"succe|_sr_|availab|_free|_idle_|_healthy|_up_|_ok_")
_CUMULATIVE = re.compile(r"_(total|count|sum|bucket)_$")


@lru_cache(maxsize=65_536)
def kind_of(metric: str) -> MetricKind:
    """The kind that the name tells, e.g. LATENCY of ``PodServerLatencyP90(s)``; OTHER when it tells none."""
    words = _words(metric)
    otherwise = MetricKind.LATENCY if _A_DURATION.search(words) else MetricKind.OTHER
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), otherwise)


@lru_cache(maxsize=65_536)
def lower_is_worse(metric: str) -> bool:
    """Whether falling is the bad direction: success rates, availability, free space."""
    return _LOWER_IS_WORSE.search(_words(metric)) is not None


@lru_cache(maxsize=65_536)
def may_be_cumulative(metric: str) -> bool:
    """Whether the name is one of a counter by the Prometheus convention; its values may be rates already."""
    return _CUMULATIVE.search(_words(metric)) is not None


def _words(metric: str) -> str:
    return "_" + "_".join(_WORDS.findall(metric)).lower() + "_"
