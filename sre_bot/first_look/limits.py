"""Checks of whoever is probed from outside, and of the limits of databases, queues and processes.

By the names of the blackbox exporter, cert-manager, the exporters of PostgreSQL, MySQL, Redis, Kafka and RabbitMQ,
Micrometer, OpenTelemetry, Go's ``database/sql`` and Prometheus' clients.
"""

from __future__ import annotations

from sre_bot.first_look.checks import Check, Whose
from sre_bot.first_look.conditions import ConditionKind as Kind

_FULL = "> 0.9"

TARGETS = (
    Check(Kind.PROBE, Whose.TARGET, "@probe_success == 0", "does not answer as it should"),
    Check(
        Kind.CERTIFICATE,
        Whose.TARGET,
        "((@probe_ssl_earliest_cert_expiry > 0) - time()) < 3 * 86400",
        "{value} left",
        "seconds",
    ),
    Check(
        Kind.CERTIFICATE,
        Whose.TARGET,
        "(@certmanager_certificate_expiration_timestamp_seconds - time()) < 3 * 86400",
        "{value} left",
        "seconds",
    ),
    Check(Kind.CERTIFICATE, Whose.TARGET, "(@x509_cert_not_after - time()) < 3 * 86400", "{value} left", "seconds"),
    *(
        Check(Kind.DOWN, Whose.TARGET, f"@{name} == 0", "its exporter cannot reach it")
        for name in ("pg_up", "mysql_up", "redis_up", "mongodb_up", "elasticsearch_up", "nginx_up", "memcached_up")
    ),
)
"""Whoever is probed from outside."""

LIMITS = (
    Check(
        Kind.CONNECTIONS,
        Whose.TARGET,
        f"(sum by (instance) (@pg_stat_activity_count) / max by (instance) (@pg_settings_max_connections)) {_FULL}",
        "{value} of its connections used",
        "ratio",
    ),
    Check(
        Kind.CONNECTIONS,
        Whose.TARGET,
        f"(@mysql_global_status_threads_connected / @mysql_global_variables_max_connections) {_FULL}",
        "{value} of its connections used",
        "ratio",
    ),
    Check(
        Kind.CONNECTIONS,
        Whose.TARGET,
        f"(@redis_connected_clients / @redis_config_maxclients) {_FULL}",
        "{value} of its connections used",
        "ratio",
    ),
    Check(
        Kind.MEMORY,
        Whose.TARGET,
        f"(@redis_memory_used_bytes / (@redis_memory_max_bytes > 0)) {_FULL}",
        "{value} of its memory used",
        "ratio",
    ),
    Check(
        Kind.CONNECTIONS,
        Whose.PROCESS,
        "min_over_time(@hikaricp_connections_pending[$window]) > 0",
        "{value} wait for a connection of the pool",
    ),
    Check(
        Kind.CONNECTIONS,
        Whose.PROCESS,
        "min_over_time(@db_client_connections_pending_requests[$window]) > 0",
        "{value} wait for a connection of the pool",
    ),
    Check(
        Kind.CONNECTIONS,
        Whose.PROCESS,
        "(@go_sql_stats_connections_in_use / (@go_sql_stats_connections_max_open > 0)) >= 1",
        "{value} of the pool's connections used",
        "ratio",
    ),
    *(
        Check(
            Kind.THREADS, Whose.PROCESS, f"(@{busy} / (@{limit} > 0)) {_FULL}", "{value} of its threads busy", "ratio"
        )
        for busy, limit in (
            ("tomcat_threads_busy_threads", "tomcat_threads_config_max_threads"),
            ("jetty_threads_busy", "jetty_threads_config_max"),
            ("executor_active_threads", "executor_pool_max_threads"),
        )
    ),
    Check(
        Kind.MEMORY,
        Whose.PROCESS,
        '@jvm_memory_usage_after_gc_percent{area="heap"} > 0.9',
        "{value} of the heap used after collecting garbage",
        "ratio",
    ),
    Check(
        Kind.FILES,
        Whose.PROCESS,
        f"(@process_open_fds / (@process_max_fds > 0)) {_FULL}",
        "{value} of its file descriptors used",
        "ratio",
    ),
    Check(
        Kind.BACKLOG,
        Whose.QUEUE,
        "(sum by (consumergroup, topic) (@kafka_consumergroup_lag) > 1000) and "
        "(sum by (consumergroup, topic) (@kafka_consumergroup_lag) > "
        "3 * sum by (consumergroup, topic) (@kafka_consumergroup_lag offset 1h))",
        "{value} messages behind, three times as many as an hour before",
    ),
    Check(
        Kind.BACKLOG,
        Whose.QUEUE,
        "(@rabbitmq_queue_messages_ready > 1000) and "
        "(@rabbitmq_queue_messages_ready > 3 * @rabbitmq_queue_messages_ready offset 1h)",
        "{value} messages wait, three times as many as an hour before",
    ),
    *(
        Check(Kind.REPLICATION, Whose.TARGET, f"@{name} > 30", "{value} behind", "seconds")
        for name in (
            "pg_replication_lag_seconds",
            "pg_replication_lag",
            "mysql_slave_status_seconds_behind_master",
        )
    ),
)
"""Limits of databases, queues and processes."""
