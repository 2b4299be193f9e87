"""The house around the code: import directions, who reads the environment, what ships, and that the docs are true."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from sre_bot import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS: list[Requirement] = [
    Requirement(line) for line in (*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"])
]
OPTIONAL = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["meaning"]]

MAY_READ_THE_ENVIRONMENT = {"settings.py"}
MAY_COPY_THE_ENVIRONMENT = {"drills"}  # for the child processes of a drill, nothing else

LIGHT = ("cli", "ask", "triage", "first_look", "tools", "signals", "render")
HEAVY = ("anthropic", "dbos", "pandas", "slack_bolt", "slack_sdk")

SCOPES = {
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "reactions:read",
    "usergroups:read",
    "users:read",
}

PAGES = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))


def lint_imports(folder: Path) -> str:
    """What lint-imports says of the copy of the package in ``folder``."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that a test may spoil."""
    shutil.copytree(ROOT / "sre_bot", tmp_path / "sre_bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_import_contracts_hold(package: Path) -> None:
    assert " 0 broken" in lint_imports(package)


@pytest.mark.parametrize(
    ("contract", "module", "offence"),
    [
        ("Rooms import downwards only", "signals/offender.py", "import sre_bot.tools.metrics"),
        ("Rooms import downwards only", "tools/offender.py", "import sre_bot.sources"),
        ("Rooms import downwards only", "helpers.py", ""),
        ("Only sre_bot.agent.claude speaks", "agent/offender.py", "import anthropic"),
        ("Nothing outside sre_bot.slack knows Slack", "render/offender.py", "from slack_sdk import WebClient"),
        ("Nothing outside sre_bot.slack knows Slack", "drills/offender.py", "import slack_bolt.async_app"),
        ("Only sre_bot.durable knows the workflow engine", "slack/offender.py", "from dbos import DBOS"),
        ("Only the command line starts drills", "slack/offender.py", "import sre_bot.drills.shop"),
        ("Only drills and recordings start servers", "slack/offender.py", "import sre_bot.servers"),
    ],
)
def test_each_import_contract_fires_when_it_is_broken(package: Path, contract: str, module: str, offence: str) -> None:
    (package / "sre_bot" / module).write_text(offence + "\n")
    told = lint_imports(package)
    assert re.search(rf"^{contract}.* BROKEN", told, re.MULTILINE), told
    assert " 1 broken" in told


def environment_reads(tree: ast.AST) -> list[str]:
    """Places in a module that touch the environment: ``os.environ``, ``os.getenv`` and the like, however imported."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os":
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [alias.name for alias in node.names if alias.name in names]
    return found


@pytest.mark.parametrize(
    "offence",
    [
        "import os\nos.environ['HOME']",
        "import os\nos.getenv('HOME')",
        "from os import environ",
        "from os import getenv",
    ],
)
def test_every_way_to_read_the_environment_is_seen(offence: str) -> None:
    assert environment_reads(ast.parse(offence))


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT / "sre_bot")): reads
        for path in (ROOT / "sre_bot").rglob("*.py")
        if (reads := environment_reads(ast.parse(path.read_text())))
    }
    for path in MAY_READ_THE_ENVIRONMENT:
        assert readers.pop(path)
    copying = {path: reads for path, reads in readers.items() if Path(path).parts[0] in MAY_COPY_THE_ENVIRONMENT}
    assert readers == copying
    assert {read for reads in copying.values() for read in reads} <= {"environ"}


def printed_by(program: str) -> str:
    """By a Python of its own, whose imports no coverage is measured of: that takes several times as long."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rooms_that_must_be_light_load_nothing_heavy() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in LIGHT
        for path in sorted((ROOT / "sre_bot").glob(f"{room}.py")) + sorted((ROOT / "sre_bot" / room).glob("*.py"))
    ]
    program = f"import sys, {', '.join(modules)}\nprint([name for name in {HEAVY} if name in sys.modules])"
    assert printed_by(program).strip() == "[]"


def test_what_is_not_configured_need_not_be_imported() -> None:
    optional = ["backstage", "deploys", "documents", "document_index", "git", "loki", "otlp", "tempo"]
    program = "import sys, sre_bot.bootstrap\nprint(*(name for name in sys.modules if name.startswith('sre_bot.')))"
    loaded = set(printed_by(program).split())
    assert "sre_bot.sources.prometheus" in loaded
    assert {f"sre_bot.sources.{name}" for name in optional} & loaded == set()


def test_the_wheel_holds_the_package_its_data_and_the_prompts(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [path for folder in ("sre_bot", "prompts") for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = [str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts]
    expected = {f"sre_bot/{name}" if name.startswith("prompts/") else name for name in names}
    assert any(name.startswith("sre_bot/prompts/") for name in expected)
    assert expected == shipped


def locked(name: str) -> dict[str, str]:
    """Versions by package in a lock file."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    pins = (re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line) for line in lines)
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}


def test_lock_files_satisfy_the_project_and_agree() -> None:
    runtime, dev, bootstrap = locked("runtime.txt"), locked("dev.txt"), locked("bootstrap.txt")
    assert runtime.items() | bootstrap.items() <= dev.items()
    for requirement in REQUIREMENTS:
        assert requirement.specifier.contains(dev[canonicalize_name(requirement.name)]), requirement
    assert {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["dependencies"]} <= runtime.keys()


def test_the_lock_of_the_extra_holds_what_it_names_and_nothing_that_runs_without_it() -> None:
    meaning = locked("meaning.txt")
    assert meaning.keys() == {canonicalize_name(requirement.name) for requirement in OPTIONAL}
    assert all(requirement.specifier.contains(meaning[requirement.name]) for requirement in OPTIONAL)
    assert not meaning.keys() & locked("runtime.txt").keys()


def test_every_direct_dependency_has_its_reason_in_the_docs() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| \S.*\|$", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(requirement.name for requirement in (*REQUIREMENTS, *OPTIONAL))


@pytest.mark.parametrize(("status", "verdict"), [(200, 0), (503, 1)])
def test_the_image_is_healthy_when_healthz_says_so(status: int, verdict: int) -> None:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", dockerfile, re.MULTILINE)
    _, *arguments = json.loads(check)
    with HTTPServer(("127.0.0.1", 0), Door) as server, ThreadPoolExecutor() as pool:
        pool.submit(server.handle_request)
        environment = {"SRE_BOT_HTTP_PORT": str(server.server_port)}
        done = subprocess.run([sys.executable, *arguments], env=environment, check=False, timeout=60)
    assert done.returncode == verdict


def configuration_keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted names of everything that may stand in the file."""
    for name, field in section.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner:
            yield from configuration_keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_key_and_variable_of_the_configuration_is_documented() -> None:
    documented = set(re.findall(r"`([\w.]+)`", (ROOT / "docs/configuration.md").read_text()))
    secrets = {".".join(key) for key in settings.SECRETS.values()}
    assert {settings.CONFIG_VARIABLE, *settings.ENVIRONMENT, *settings.SECRETS} <= documented
    assert set(configuration_keys(settings.Settings)) - secrets <= documented


def test_the_slack_manifest_asks_for_the_scopes_and_events_we_use() -> None:
    manifest = yaml.safe_load((ROOT / "docs/slack-manifest.yaml").read_text())
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "app_mention" in manifest["settings"]["event_subscriptions"]["bot_events"]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", page.read_text())
    for target in (first or second for first, second in targets):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), target
            assert not anchor or anchor in anchors(linked), target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
