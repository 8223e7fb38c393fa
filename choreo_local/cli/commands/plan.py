"""`choreo plan`: what a command would change, without changing it."""

from __future__ import annotations

import asyncio

import click

from choreo_local.allinone import instance as instances
from choreo_local.allinone import plan as plans
from choreo_local.cli import options, output
from choreo_local.clusters import registry
from choreo_local.clusters.target import Target
from choreo_local.paths import InstancePaths


@click.group()
def plan() -> None:
    """Show what a command would change."""


@plan.command()
@options.cluster
@click.option("--demo", is_flag=True, help="With the demo.")
@options.output_format("table", "json", "yaml")
@click.pass_obj
def up(
    name: str,
    *,
    driver: str,
    context: str,
    kubeconfig: str,
    reachable_at: str,
    kubernetes: str,
    demo: bool,
    form: str,
) -> int:
    """Show what `choreo up` would apply."""
    target = Target(
        kubeconfig=kubeconfig, context=context, reachable_at=reachable_at, kubernetes=kubernetes
    )
    found = of_up(name, driver=driver, target=target, demo=demo)
    if form != "table":
        rows = [
            {
                "action": step.action.value,
                "kind": step.manifest["kind"],
                "namespace": step.manifest["metadata"].get("namespace", ""),
                "name": step.manifest["metadata"]["name"],
                "reason": step.reason,
            }
            for step in found.steps
        ]
        output.data({"cluster": list(found.cluster), "steps": rows}, form)
        return 0
    for line in (*found.cluster, *map(str, found.steps)):
        output.emit(output.safe(line))
    return 0


def of_up(name: str, *, driver: str, target: Target, demo: bool) -> plans.Plan:
    """The plan of a start."""
    record = instances.load(InstancePaths.of(name)) or instances.new(name)
    choice = registry.choose(driver, last=record.settled_driver)
    if not choice.is_shared:
        return plans.of_own(record, demo=demo, driver=choice.name)
    content = plans.content(target.filled(record.target))
    return asyncio.run(plans.of_shared(record, content, demo=demo))
