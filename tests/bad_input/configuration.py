"""The configuration file, the environment and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bad_input.row import ASK, SERVE, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _file(name: str, content: bytes, mode: int = 0o600) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)

    return write


def _yaml(does: str, config: str, wrong: str, advice: str) -> Row:
    return Row(does, wrong, advice, config=config, status=2)


def _env(does: str, name: str, value: str, wrong: str, advice: str) -> Row:
    return Row(does, wrong, advice, env={name: value, "SLACK_API_URL": "{nowhere}"}, status=2)


_TOKEN = "has blanks, line breaks or letters in it that no token has"

ROWS = (
    _yaml("an unknown key", "promethius: {url: http://p}", "promethius: unknown key", "did you mean prometheus?"),
    _yaml("a key like no other", "zzz: 1", "zzz: unknown key", "known keys here: alertmanager, "),
    _yaml(
        "an unknown key in a list",
        "repositories: [{name: a, path: b, wed_url: http://c}]",
        "repositories.0.wed_url: unknown key",
        "did you mean web_url?",
    ),
    _yaml(
        "an unknown key under a name of one's own",
        "services: {owner: {ownr: ann}}",
        "services.owner.ownr: unknown key",
        "did you mean owner?",
    ),
    _yaml("a tab", "http:\n\tport: 1", "is not valid YAML in line 2: there is a tab", "indent with spaces"),
    _yaml(
        "a key twice",
        "http: {port: 1}\nhttp: {port: 2}",
        "is not valid YAML in line 2: the key http is there twice",
        "keep one",
    ),
    _yaml("an open bracket", "a: 1\nb: [", "is not valid YAML in line 2: it ends too early", "is not closed"),
    _yaml("a colon too many", "a: b: c", "is not valid YAML in line 1: a colon where none can be", "quote text with a"),
    _yaml("a date that is none", "state_dir: 2026-02-30", "holds a value that cannot be read", "put it in quotes"),
    _yaml("a circle", "http: &a {x: *a}", "refers to itself in a circle", "write it out"),
    _yaml("a list for all", "- prometheus", "sre-bot.yaml must hold keys and values", "such as prometheus: {url"),
    _yaml(
        "a word for all", "http://prometheus:9090", "sre-bot.yaml must hold keys and values", "such as prometheus: {"
    ),
    _yaml(
        "a word for a section", "prometheus: http://p", "prometheus: must hold keys of its own", "write each on a line"
    ),
    _yaml(
        "a number for a section", "http: 80", "http: must hold keys of its own", "write each on a line below it, got 80"
    ),
    _yaml("keys for a list", "repositories: {name: a}", "repositories: must be a list", "begin each entry with a dash"),
    _yaml(
        "a word for an entry",
        "repositories: [shop]",
        "repositories.0: must hold keys of its own",
        "write each on a line",
    ),
    _yaml(
        "a word for a port", "http: {port: http}", "http.port (SRE_BOT_HTTP_PORT)", "must be a whole number, got 'http'"
    ),
    _yaml(
        "a port too high", "http: {port: 70000}", "http.port (SRE_BOT_HTTP_PORT)", "must be at most 65535, got 70000"
    ),
    _yaml(
        "a number for a name",
        "prometheus: {url: http://p, name: 7}",
        "prometheus.name: must be text",
        "put it in quotes",
    ),
    _yaml("a unit", "drain_seconds: 10s", "drain_seconds: must be a number, without a unit", "got '10s'"),
    _yaml("no steps", "model: {limits: {steps: 0}}", "model.limits.steps", "must be at least 1, got 0"),
    _yaml("infinity", "drain_seconds: .inf", "drain_seconds", "must be a finite number, got inf"),
    _yaml("another choice", "log_format: xml", "log_format", "must be 'json' or 'text', got 'xml'"),
    _yaml(
        "no host to listen on",
        "http: {host: ''}",
        "must be an address of this machine",
        "such as 127.0.0.1, or 0.0.0.0",
    ),
    _yaml(
        "an address for a host",
        "link_hosts: ['https://wiki.example/x']",
        "link_hosts.0: must be a host alone",
        "such as wiki.example.com, got 'https://wiki.example/x'",
    ),
    _yaml("no url", "prometheus: {name: main}", "prometheus.url (PROMETHEUS_URL): is missing", "set it"),
    _yaml("no path", "repositories: [{name: shop}]", "repositories.0.path: is missing", "set it"),
    _yaml("a number for a key", "1: 2", "1: is not a name", "put it in quotes"),
    _yaml(
        "a word for a channel",
        "channels: {pay: web}",
        "channels.pay: must hold keys of its own",
        "write each on a line",
    ),
    _yaml(
        "a login where all would see it",
        "prometheus: {url: http://p, public_url: 'http://me:hunter2@p'}",
        "prometheus.public_url: must not hold a user or a password",
        "since everyone who reads an answer sees it, got 'http://…@p'",
    ),
    _yaml(
        "two sources of a name",
        "prometheus: {url: http://p}\nalertmanager: {url: http://a, name: prometheus}",
        "two sources are named 'prometheus'",
        "give each a name of its own",
    ),
    _yaml(
        "a secret in the file",
        "slack: {bot_token: xoxb-hunter2}",
        "slack.bot_token is a secret and does not belong in the file",
        "Set SLACK_BOT_TOKEN, or write it to a file of its own",
    ),
    _yaml(
        "no secret file",
        "slack: {app_token_file: token}",
        "cannot read the file for SLACK_APP_TOKEN, token: it does not exist",
        "Write the secret into it, or name another",
    ),
    Row(
        "an empty secret file",
        "the file for SLACK_BOT_TOKEN, token, is empty",
        "write the secret into it",
        config="slack: {bot_token_file: token}",
        prepare=_file("token", b"\n"),
        status=2,
    ),
    Row(
        "a secret file that may not be read",
        "cannot read the file for SLACK_BOT_TOKEN, token: it may not be read by this user",
        "Write the secret into it, or name another",
        config="slack: {bot_token_file: token}",
        prepare=_file("token", b"xoxb-hunter2", 0),
        status=2,
        own_process=True,
    ),
    Row(
        "a configuration that may not be read",
        "cannot read the configuration sre-bot.yaml: it may not be read by this user",
        "have SRE_BOT_CONFIG name another file",
        prepare=_file("sre-bot.yaml", b"", 0),
        status=2,
        own_process=True,
    ),
    Row(
        "a configuration that is no text",
        "cannot read the configuration sre-bot.yaml: it is not UTF-8 text",
        "Mend it",
        prepare=_file("sre-bot.yaml", b"log_format: \xff"),
        status=2,
    ),
    _env("no file", "SRE_BOT_CONFIG", "{folder}/no.yaml", "no.yaml, which does not exist", "create it or unset the"),
    _env(
        "a folder for the file", "SRE_BOT_CONFIG", "{folder}", "it is a folder", "have SRE_BOT_CONFIG name another file"
    ),
    _env(
        "no scheme",
        "PROMETHEUS_URL",
        "p:9090",
        "prometheus.url (PROMETHEUS_URL)",
        "must begin with http:// or https://",
    ),
    _env("no port", "PROMETHEUS_URL", "http://p:http", "is not a URL (Port could not", "write http://host:port, got"),
    _env("half of IPv6", "PROMETHEUS_URL", "http://[::1", "is not a URL (Invalid IPv6 URL)", "write http://host:port"),
    _env(
        "no host",
        "PROMETHEUS_URL",
        "http://",
        "prometheus: its url must be http",
        "host[:port][/prefix] and nothing more",
    ),
    _env(
        "a page's URL", "PROMETHEUS_URL", "http://p/graph?a=1", "prometheus: its url must be http", "and nothing more"
    ),
    _env("a broken token", "SLACK_BOT_TOKEN", "xoxb-\nhunter2", f"SLACK_BOT_TOKEN {_TOKEN}", "was it copied in full"),
    _env("a label before a key", "ANTHROPIC_API_KEY", "key: hunter2", f"ANTHROPIC_API_KEY {_TOKEN}", "and alone?"),
    Row("no bot token", "SLACK_BOT_TOKEN is not set", "docs/slack-setup.md tells how to get it", words=SERVE, status=2),
    Row(
        "an empty bot token",
        "SLACK_BOT_TOKEN is not set",
        "docs/slack-setup.md tells how to get it",
        words=SERVE,
        env={"SLACK_BOT_TOKEN": "  ", "SLACK_APP_TOKEN": "xapp-1"},
        status=2,
    ),
    Row(
        "no app token",
        "SLACK_APP_TOKEN is not set",
        "docs/slack-setup.md tells how to get it",
        words=SERVE,
        env={"SLACK_BOT_TOKEN": "xoxb-hunter2"},
        status=2,
    ),
    Row(
        "one token of two, checked",
        "SLACK_APP_TOKEN is not set",
        "docs/slack-setup.md tells how to get it",
        env={"SLACK_BOT_TOKEN": "xoxb-hunter2"},
    ),
    Row(
        "a database URL that is none",
        "SRE_BOT_DATABASE_URL is not a database URL",
        "such as sqlite:////var/x.sqlite",
        env={"SRE_BOT_DATABASE_URL": "nonsense"},
    ),
    Row(
        "another database",
        "SRE_BOT_DATABASE_URL names mysql",
        "sqlite and postgresql are what we keep state in",
        env={"SRE_BOT_DATABASE_URL": "mysql://bot:hunter2@db/bot"},
    ),
    Row(
        "a driver that is not there",
        "wants a driver that is not here",
        "write postgresql+psycopg://",
        env={"SRE_BOT_DATABASE_URL": "postgresql+foo://bot:hunter2@db/bot"},
    ),
    Row(
        "a database that is not there",
        "cannot open the database postgresql+psycopg://bot:***@127.0.0.1:1/bot: connection failed",
        "Check SRE_BOT_DATABASE_URL",
        env={"SRE_BOT_DATABASE_URL": "postgresql+psycopg://bot:hunter2@127.0.0.1:1/bot"},
    ),
    Row("no command", "the following arguments are required: COMMAND", "usage: sre-bot", words=(), status=2),
    Row(
        "another command",
        "invalid choice: 'sing'",
        "choose from 'serve', 'ask', 'replay', 'check', 'rank', 'debug', 'demo'",
        words=("sing",),
        status=2,
    ),
    Row(
        "no question", "the following arguments are required: question", "usage: sre-bot ask", words=("ask",), status=2
    ),
    Row(
        "a question without quotes",
        "What is going on?",
        "No model is configured (set",
        words=("ask", "is", "it", "ok"),
        status=0,
    ),
    Row(
        "another option", "unrecognized arguments: --port", "usage: sre-bot", words=("serve", "--port", "80"), status=2
    ),
    Row(
        "another fault",
        "there is no fault 'x'",
        "there are: checkout-timeout",
        words=("demo", "--fault", "x"),
        status=2,
    ),
    Row(
        "a bad time", "--at 'noon' is not a time", "14:03 (today, UTC) or -20m", words=(*ASK, "--at", "noon"), status=2
    ),
    Row(
        "no unit of time",
        "--at '-20' is not a time",
        "14:03 (today, UTC) or -20m",
        words=(*ASK, "--at", "-20"),
        status=2,
    ),
    Row(
        "30 February",
        "--at '2026-02-30' is not a time",
        "write 2026-11-22T14",
        words=(*ASK, "--at", "2026-02-30"),
        status=2,
    ),
    Row("no time", "argument --at: expected one argument", "usage: sre-bot ask", words=(*ASK, "--at"), status=2),
    Row(
        "the future",
        "--at 2999-01-01 lies in the future (it is",
        "nothing is known of it",
        words=(*ASK, "--at", "2999-01-01"),
        status=2,
    ),
    Row(
        "before 1970",
        "--at 1969-07-20 lies before 1970",
        "no system that could be",
        words=(*ASK, "--at", "1969-07-20"),
        status=2,
    ),
    Row(
        "an empty question", "the question is empty", 'ask something, e.g. "what is wrong', words=("ask", ""), status=2
    ),
    Row(
        "only invisible letters",
        "the question is empty",
        "ask something",
        words=("ask", "\u200b\u202e\x1b[31m \n"),
        status=2,
    ),
)
