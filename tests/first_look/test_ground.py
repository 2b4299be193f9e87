"""What is wrong with the ground that services stand on: which checks are made, and what their answers say."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.first_look import surroundings
from sre_bot.first_look.checks import Check, Whose
from sre_bot.first_look.conditions import Condition, ConditionKind
from sre_bot.first_look.ground import MAX_OF_A_CHECK, MAX_SAMPLES, Asked, conditions_of, once, workload_of
from sre_bot.first_look.look import Sources, look_at
from sre_bot.first_look.pace import Grid
from sre_bot.first_look.surroundings import CHECKS
from sre_bot.incident import SERVICE_LABELS, TimeWindow
from sre_bot.investigation import CauseKind, Question
from sre_bot.signals.series import Series
from tests.fakes import FakeMetrics
from tests.first_look.scenes import AT, TIMES, ago

STEP = timedelta(seconds=15)
GRID = Grid(TimeWindow.before(AT, timedelta(hours=1)), STEP)
WINDOW = timedelta(seconds=75)
MOMENTS = np.arange(GRID.window.start.timestamp(), AT.timestamp() + 1, 15)
OF_A_POD = {"namespace": "shop", "pod": "checkout-7d9f8b6c5d-x2x9k", "container": "app"}


def check_of(kind: ConditionKind, metric: str) -> Check:
    """The check of this kind that needs the metric."""
    return next(check for check in CHECKS if check.kind is kind and metric in check.metrics)


def told(
    kind: ConditionKind, metric: str, labels: dict[str, str], *wrong: tuple[float, float], value: float = 1.0
) -> list[Condition]:
    """What a check says of a series that has a value from … to … minutes ago."""
    check = check_of(kind, metric)
    values = np.full(len(MOMENTS), np.nan)
    for start, end in wrong:
        values[(ago(start).timestamp() <= MOMENTS) & (ago(end).timestamp() >= MOMENTS)] = value
    return conditions_of(Asked(check, "q", GRID, WINDOW), [Series(labels, MOMENTS, values)])


def restarted(*wrong: tuple[float, float]) -> Condition:
    (one,) = told(ConditionKind.RESTARTED, "kube_pod_container_status_restarts_total", OF_A_POD, *wrong)
    return one


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.kind}: {check.metric}")
def test_every_check_is_promql_that_names_its_metrics_and_is_narrowed_everywhere(check: Check) -> None:
    query = check.promql(SERVICE_LABELS, "75s", ('env=~"|prod"',))
    promql_parser.parse(query)
    assert all(metric in query for metric in check.metrics)
    assert query.count('env=~"|prod"') == check.expression.count("@")
    assert "$" not in query
    assert "@" not in query


def test_only_checks_whose_metrics_there_are_are_made_and_none_is_asked_for_twice() -> None:
    assert list(surroundings.possible({})) == []
    assert list(surroundings.possible({"node_filesystem_avail_bytes": 3})) == []
    (one, series), *others = surroundings.possible({"node_filesystem_avail_bytes": 3, "node_filesystem_size_bytes": 4})
    assert (one.kind, series, others) == (ConditionKind.DISK_FULL, 7, [])
    assert len({check.expression for check in CHECKS}) == len(CHECKS)


POD = "shop/checkout-7d9f8b6c5d-x2x9k/app"
PULLED = {"pod": "db-0", "reason": "ImagePullBackOff", "job": "kube-state-metrics"}
NODE = {"node": "n1", "condition": "Ready", "instance": "ksm:8080"}
DEPLOYMENT, SCALER = {"namespace": "shop", "deployment": "web"}, {"horizontalpodautoscaler": "web"}
VOLUME, MACHINE, REDIS = (
    {"persistentvolumeclaim": "data-db-0"},
    {"instance": "n1:9100"},
    {"instance": "r", "job": "redis-exporter"},
)
POOL, ORDERS, LAG = {"pool": "main", "service": "orders"}, {"service": "orders"}, {"consumergroup": "mail"}
WAITS = "main 12 wait for a connection of the pool"
SAID: tuple[tuple[str, str, dict[str, str], float, tuple[str, str | None]], ...] = (
    ("OOM_KILLED", "container_oom_events_total", OF_A_POD, 1, (f"{POD} killed when it ran out of memory", "checkout")),
    ("CRASH_LOOP", "kube_pod_container_status_waiting_reason", PULLED, 1, ("started again (ImagePullBackOff)", "db")),
    ("PENDING", "kube_pod_status_unschedulable", {"pod": "odd"}, 1, ("odd no node takes it", None)),
    ("UNREADY", "kube_deployment_status_replicas_unavailable", DEPLOYMENT, 2, ("shop/web 2 unavailable", "web")),
    ("SCALED_OUT", "kube_horizontalpodautoscaler_spec_max_replicas", SCALER, 10, ("web 10 replicas, which is", "web")),
    ("NODE", "kube_node_status_condition", NODE, 0, ("n1 is not ready", None)),
    ("DISK_FULL", "kubelet_volume_stats_available_bytes", VOLUME, 0.97, ("data-db-0 97 % used", None)),
    ("CLOCK", "node_timex_offset_seconds", MACHINE, 0.08, ("n1:9100 80 ms off", None)),
    ("LOAD", "node_load1", MACHINE, 3.2, ("n1:9100 3.2 runnable tasks a core", None)),
    ("DOWN", "redis_up", REDIS, 0, ("r its exporter cannot reach it", None)),
    ("CONNECTIONS", "hikaricp_connections_pending", POOL, 12, (WAITS, "orders")),
    ("THREADS", "tomcat_threads_busy_threads", ORDERS, 1, ("orders 100 % of its threads busy", "orders")),
    ("FILES", "process_open_fds", {}, 0.95, ("somewhere 95 % of its file descriptors used", None)),
    ("BACKLOG", "kafka_consumergroup_lag", LAG, 50_000, ("mail 50k messages behind", None)),
)


@pytest.mark.parametrize(("kind", "metric", "labels", "value", "told_of"), SAID)
def test_a_condition_says_what_is_wrong_with_what(
    kind: str, metric: str, labels: dict[str, str], value: float, told_of: tuple[str, str | None]
) -> None:
    (one,) = told(ConditionKind[kind], metric, labels, (20, 0), value=value)
    said, service = told_of
    assert said in one.said
    assert (one.service, one.worst, one.since, one.over) == (service, value, ago(20), False)


def test_since_is_when_the_latest_trouble_began_and_over_when_it_is_no_more() -> None:
    assert restarted((20, 19), (14, 13), (8, 7)).since == ago(20), "kills of one container that is started again"
    assert not restarted((20, 19), (14, 13), (8, 7)).over
    assert restarted((50, 49), (8, 7)).since == ago(8), "two troubles"
    assert restarted((50, 49)).over
    assert restarted((60, 0)).since is None, "as long as one looked back"
    full = ConditionKind.DISK_FULL, "node_filesystem_avail_bytes", {"instance": "n"}
    assert told(*full, (20, 5))[0].over
    assert not told(*full, (20, 0.25))[0].over


def test_the_uncertainty_of_a_rate_is_its_window() -> None:
    assert restarted((20, 0)).uncertainty_s == 15
    (slow,) = told(ConditionKind.THROTTLED, "container_cpu_cfs_periods_total", OF_A_POD, (20, 0))
    assert slow.uncertainty_s == 90


def test_a_file_system_that_has_always_been_read_only_is_no_trouble() -> None:
    system = ConditionKind.READ_ONLY, "node_filesystem_readonly", {"instance": "n"}
    assert told(*system, (60, 0)) == []
    assert len(told(*system, (20, 0))) == 1


@pytest.mark.parametrize(("left", "since"), [(86_400, None), (-600, 10), (-86_400, None)])
def test_a_certificate_is_wrong_from_its_end_on(left: float, since: float | None) -> None:
    (one,) = told(ConditionKind.CERTIFICATE, "probe_ssl_earliest_cert_expiry", {"instance": "x"}, (60, 0), value=left)
    assert one.since == (None if since is None else ago(since))
    assert one.cause is CauseKind.CERTIFICATE


def test_what_several_exporters_tell_is_told_once_and_a_kill_is_no_restart_besides() -> None:
    ksm = told(ConditionKind.OOM_KILLED, "kube_pod_container_status_restarts_total", OF_A_POD, (20, 0))
    cadvisor = told(ConditionKind.OOM_KILLED, "container_oom_events_total", OF_A_POD, (20, 0))
    disk = told(ConditionKind.DISK_FULL, "node_filesystem_avail_bytes", {"instance": "n"}, (20, 0))
    again = restarted((20, 0))
    kinds = [one.kind for one in once([*disk, again, *cadvisor, *ksm])]
    assert kinds == [ConditionKind.OOM_KILLED, ConditionKind.DISK_FULL]
    assert once([again]) == (again,)


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("checkout-7d9f8b6c5d-x2x9k", "checkout"),
        ("checkout-v2-7d9f8b6c5d-x2x9k", "checkout-v2"),
        ("fluent-bit-zk8qd", "fluent-bit"),
        ("postgres-0", "postgres"),
        ("web", None),
        ("", None),
    ],
)
def test_the_workload_of_a_pod(pod: str, workload: str | None) -> None:
    assert workload_of(pod) == workload


def counted(**series: int) -> dict[str, list[Series]]:
    return {
        surroundings.DISCOVERY: [
            Series({"__name__": name}, TIMES[-1:], np.full(1, float(count))) for name, count in series.items()
        ]
    }


async def test_more_series_are_read_at_fewer_moments_and_too_many_are_said_to_be_left_out() -> None:
    for count, asked in ((100, True), (20_000, True), (MAX_SAMPLES, False)):
        metrics = FakeMetrics(answers=counted(probe_success=count))
        saw = await look_at(Sources([metrics]), Question("", AT), now=AT, deadline=5)
        assert any("probe_success" in query and query != surroundings.DISCOVERY for query in metrics.asked) is asked
        assert any("too many series" in missing.why for missing in saw.missing) is not asked


async def test_of_very_many_conditions_some_are_told_and_the_others_counted() -> None:
    check = check_of(ConditionKind.PROBE, "probe_success")
    answers = counted(probe_success=100)
    down = np.where(ago(10).timestamp() <= TIMES, 0.0, np.nan)
    query = check.promql(SERVICE_LABELS, "300s")
    answers[query] = [Series({"instance": f"host{n}"}, TIMES, down) for n in range(100)]
    saw = await look_at(Sources([FakeMetrics(answers=answers)]), Question("", AT), now=AT, deadline=5)
    assert len(saw.conditions) == MAX_OF_A_CHECK
    assert any("70 more are probe fails, and were left out" in missing.why for missing in saw.missing)


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=241), st.sampled_from(CHECKS))
def test_no_values_whatever_break_it(values: list[float | None], check: Check) -> None:
    series = Series({}, MOMENTS[: len(values)], np.array([np.nan if v is None else v for v in values], float))
    for one in conditions_of(Asked(check, "q", GRID, WINDOW), [series]):
        assert np.isfinite(one.worst)
        assert one.since is None or GRID.window.contains(one.since)


@given(st.text(), st.text(), st.sampled_from(list(Whose)))
def test_labels_of_strangers_become_one_line(one: str, other: str, whose: Whose) -> None:
    check = next((check for check in CHECKS if check.whose is whose), None)
    assert check is not None
    labels = {**dict.fromkeys(whose.value, one), "service": other}
    for condition in conditions_of(Asked(check, "q", GRID, WINDOW), [Series(labels, MOMENTS, np.ones(len(MOMENTS)))]):
        assert "\n" not in condition.said + condition.subject + (condition.service or "")


async def test_labels_of_ones_own_name_services_everywhere() -> None:
    own = ("team_service", *SERVICE_LABELS)
    check = check_of(ConditionKind.FILES, "process_open_fds")
    full = np.where(ago(10).timestamp() <= TIMES, 0.97, np.nan)
    asked = {check.promql(own, "300s"): [Series({"team_service": "cart", "job": "pods"}, TIMES, full)]}
    metrics = FakeMetrics(answers=counted(process_open_fds=1, process_max_fds=1) | asked)
    (one,) = (await look_at(Sources([metrics], service_labels=own), Question("", AT), now=AT, deadline=5)).conditions
    assert (one.service, one.subject, one.cause) == ("cart", "cart", CauseKind.CAPACITY)
    assert told(ConditionKind.PROBE, "probe_success", {}, (20, 0))[0].cause is CauseKind.INFRASTRUCTURE
    assert any(query.startswith("group by (__name__, team_service") for query in metrics.asked)
