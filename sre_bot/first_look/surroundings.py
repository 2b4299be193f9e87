"""Which queries tell what is wrong with pods, workloads, nodes, volumes and machines, and which of all can be made.

By the names of kube-state-metrics, cAdvisor, the kubelet and the node exporter. A query has a value only while the
trouble lasts, so that a healthy cluster of any size answers nothing. Thresholds are those of the kubernetes-mixin and
the node-mixin (github.com/kubernetes-monitoring, github.com/prometheus/node_exporter) where they have one. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.first_look.checks import Check, Whose
from sre_bot.first_look.conditions import ConditionKind as Kind
from sre_bot.first_look.limits import LIMITS, TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PODS = "namespace, pod, container"
_DISKS = 'fstype!~"tmpfs|ramfs|squashfs|iso9660|overlay|.*fuse.*"'
_FULL = "> 0.9"

KUBERNETES = (
    Check(
        Kind.OOM_KILLED,
        Whose.POD,
        f'(@kube_pod_container_status_last_terminated_reason{{reason="OOMKilled"}} == 1) and on ({_PODS}) '
        "(increase(@kube_pod_container_status_restarts_total[$window]) > 0)",
        "killed when it ran out of memory",
        event=True,
    ),
    Check(
        Kind.OOM_KILLED,
        Whose.POD,
        'increase(@container_oom_events_total{container!=""}[$window]) > 0',
        "killed when it ran out of memory",
        event=True,
    ),
    Check(
        Kind.CRASH_LOOP,
        Whose.POD,
        "@kube_pod_container_status_waiting_reason"
        '{reason=~"CrashLoopBackOff|ImagePullBackOff|ErrImagePull|CreateContainer.*Error|RunContainerError"} == 1',
        "waits to be started again ({reason})",
    ),
    Check(
        Kind.RESTARTED,
        Whose.POD,
        "increase(@kube_pod_container_status_restarts_total[$window]) > 0",
        "restarted",
        event=True,
    ),
    Check(
        Kind.EVICTED, Whose.POD, '@kube_pod_status_reason{reason="Evicted"} == 1', "evicted from its node", normal=True
    ),
    Check(Kind.PENDING, Whose.POD, "@kube_pod_status_unschedulable == 1", "no node takes it"),
    Check(
        Kind.PENDING,
        Whose.POD,
        'min_over_time(@kube_pod_status_phase{phase="Pending"}[$window]) == 1',
        "pending for longer than a start takes",
    ),
    Check(
        Kind.UNREADY,
        Whose.WORKLOAD,
        "min_over_time(@kube_deployment_status_replicas_unavailable[$window]) > 0",
        "{value} unavailable",
    ),
    Check(
        Kind.UNREADY,
        Whose.WORKLOAD,
        "(@kube_statefulset_replicas - @kube_statefulset_status_replicas_ready) > 0",
        "{value} not ready",
    ),
    Check(
        Kind.UNREADY,
        Whose.WORKLOAD,
        "min_over_time(@kube_daemonset_status_number_unavailable[$window]) > 0",
        "{value} unavailable",
    ),
    Check(
        Kind.SCALED_OUT,
        Whose.WORKLOAD,
        "(@kube_horizontalpodautoscaler_status_current_replicas >= @kube_horizontalpodautoscaler_spec_max_replicas) "
        "> 1",
        "{value} replicas, which is its maximum",
    ),
    Check(Kind.NODE, Whose.NODE, '@kube_node_status_condition{condition="Ready",status="true"} == 0', "is not ready"),
    Check(
        Kind.NODE, Whose.NODE, '@kube_node_status_condition{condition!="Ready",status="true"} == 1', "has {condition}"
    ),
    Check(
        Kind.DISK_FULL,
        Whose.VOLUME,
        "(1 - @kubelet_volume_stats_available_bytes / @kubelet_volume_stats_capacity_bytes) > 0.95",
        "{value} used",
        "ratio",
    ),
    Check(
        Kind.THROTTLED,
        Whose.POD,
        f"(sum by ({_PODS}) (rate(@container_cpu_cfs_throttled_periods_total[$window])) / "
        f"sum by ({_PODS}) (rate(@container_cpu_cfs_periods_total[$window]))) > 0.25",
        "held back in {value} of the periods, its CPU limit being used up",
        "ratio",
    ),
    Check(
        Kind.MEMORY,
        Whose.POD,
        f'(max by ({_PODS}) (@container_memory_working_set_bytes{{container!="",container!="POD"}}) / '
        f'(max by ({_PODS}) (@container_spec_memory_limit_bytes{{container!="",container!="POD"}}) > 0)) {_FULL}',
        "{value} of its limit used",
        "ratio",
    ),
)
"""Pods, workloads, nodes and volumes, as kube-state-metrics, cAdvisor and the kubelet tell."""

MACHINES = (
    Check(
        Kind.DISK_FULL,
        Whose.NODE,
        f"(1 - @node_filesystem_avail_bytes{{{_DISKS}}} / @node_filesystem_size_bytes{{{_DISKS}}}) > 0.95",
        "{value} used",
        "ratio",
    ),
    Check(
        Kind.DISK_FULL,
        Whose.NODE,
        f"(1 - @node_filesystem_files_free{{{_DISKS}}} / (@node_filesystem_files{{{_DISKS}}} > 0)) > 0.95",
        "{value} of its inodes used",
        "ratio",
    ),
    Check(Kind.READ_ONLY, Whose.NODE, f"@node_filesystem_readonly{{{_DISKS}}} == 1", "can only be read", normal=True),
    Check(
        Kind.OOM_KILLED,
        Whose.NODE,
        "increase(@node_vmstat_oom_kill[$window]) > 0",
        "killed a process when it ran out of memory",
        event=True,
    ),
    Check(
        Kind.MEMORY,
        Whose.NODE,
        "(1 - @node_memory_MemAvailable_bytes / @node_memory_MemTotal_bytes) > 0.95",
        "{value} used",
        "ratio",
    ),
    Check(
        Kind.LOAD,
        Whose.NODE,
        '(max by (instance) (@node_load1) / count by (instance) (@node_cpu_seconds_total{mode="idle"})) > 2',
        "{value} runnable tasks a core",
    ),
    Check(
        Kind.NETWORK,
        Whose.NODE,
        "(rate(@node_network_receive_errs_total[$window]) / (rate(@node_network_receive_packets_total[$window]) > 0)) "
        "> 0.01",
        "{value} of what it receives is broken",
        "ratio",
    ),
    Check(
        Kind.NETWORK,
        Whose.NODE,
        "(rate(@node_network_transmit_errs_total[$window]) / (rate(@node_network_transmit_packets_total[$window]) > 0))"
        " > 0.01",
        "{value} of what it sends is broken",
        "ratio",
    ),
    Check(
        Kind.CONNECTIONS,
        Whose.NODE,
        f"(@node_nf_conntrack_entries / @node_nf_conntrack_entries_limit) {_FULL}",
        "{value} of the connections that it can track used",
        "ratio",
    ),
    Check(
        Kind.FILES,
        Whose.NODE,
        f"(@node_filefd_allocated / @node_filefd_maximum) {_FULL}",
        "{value} of its file descriptors used",
        "ratio",
    ),
    Check(Kind.CLOCK, Whose.NODE, "abs(@node_timex_offset_seconds) > 0.05", "{value} off", "seconds"),
    Check(
        Kind.CLOCK,
        Whose.NODE,
        "(@node_timex_sync_status == 0) and (@node_timex_maxerror_seconds >= 16)",
        "not synchronised",
    ),
)
"""Machines, as the node exporter tells."""

CHECKS = (*KUBERNETES, *MACHINES, *TARGETS, *LIMITS)
_NAMES = frozenset[str]().union(*(check.metrics for check in CHECKS))
DISCOVERY = f'count by (__name__) ({{__name__=~"{"|".join(sorted(_NAMES))}"}})'
"""Which of the metrics there are, and how many series of each."""


def possible(series: Mapping[str, int]) -> Iterator[tuple[Check, int]]:
    """The checks whose metrics there are, and how many series a query of each reads; what is no trouble is missing.

    Args:
        series: how many there are of each metric, as ``DISCOVERY`` tells.
    """
    for check in CHECKS:
        if all(series.get(metric) for metric in check.metrics):
            yield check, sum(series[metric] for metric in check.metrics)
