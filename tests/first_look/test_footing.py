"""What is wrong underneath is told when it began in the time looked at; what was so all the while is only evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.verify import verify
from sre_bot.first_look.account import give_account
from sre_bot.first_look.conditions import Condition, ConditionKind
from sre_bot.investigation import Question
from tests.first_look.incidents import texts
from tests.first_look.scenes import AT, Scene, ago

if TYPE_CHECKING:
    from sre_bot.investigation import Answer

DISK = Condition(
    ConditionKind.DISK_FULL,
    "node-3 /var/lib",
    None,
    ago(20),
    15.0,
    over=False,
    worst=0.98,
    unit="ratio",
    said="node-3 /var/lib is 98 % full",
    metric="node_filesystem_avail_bytes",
    promql="node_filesystem_avail_bytes < 1",
)


async def account(*conditions: Condition) -> Answer:
    seen = replace(
        await Scene().fires("Down").seen(), conditions=conditions, graph_urls={("", DISK.promql): "https://prom/graph"}
    )
    told = give_account(Question("what about checkout?", AT), seen)
    assert verify(told.report, told.evidence, AT).unverified == ()
    return told


async def underneath(*conditions: Condition) -> list[str]:
    return [line for line in texts((await account(*conditions)).report.what) if line.startswith("Underneath")]


async def test_what_began_is_told_with_its_time() -> None:
    assert await underneath(DISK) == ["Underneath: node-3 /var/lib is 98 % full since about 11:40:00."]
    assert await underneath(replace(DISK, uncertainty_s=1.0, over=True)) == [
        "Underneath: node-3 /var/lib is 98 % full since 11:40:00, not any more."
    ]


async def test_what_was_so_all_the_while_is_evidence_only() -> None:
    told = await account(replace(DISK, since=None))
    assert not any("98 %" in line for line in texts(told.report.what))
    _, evidence = told.evidence
    assert evidence.observation.content == "node-3 /var/lib is 98 % full all the time (node_filesystem_avail_bytes)"
    assert [link.url for link in evidence.observation.links] == ["https://prom/graph"]


async def test_few_are_told_what_concerns_the_services_in_play_first() -> None:
    ours = replace(DISK, service="checkout", said="checkout-1 is out of memory", kind=ConditionKind.MEMORY)
    theirs = replace(DISK, service="search", said="search-1 was killed", kind=ConditionKind.OOM_KILLED)
    over = replace(DISK, said="node-2 was not ready", kind=ConditionKind.NODE, over=True)
    (line,) = await underneath(theirs, over, ours, DISK)
    parts = line.removeprefix("Underneath: ").split("; ")
    assert [part.split(" since")[0] for part in parts] == [
        "node-3 /var/lib is 98 % full",
        "checkout-1 is out of memory",
        "node-2 was not ready",
        "and others.",
    ]


async def test_nothing_is_told_where_the_ground_holds() -> None:
    assert await underneath() == []


async def test_very_many_are_counted_in_the_evidence() -> None:
    many = [replace(DISK, said=f"node-{n} is full") for n in range(20)]
    _, evidence = (await account(*many)).evidence
    assert evidence.observation.content.endswith("… and 4 more")
