"""A region's monthly costs, and the count of injected faults."""

from __future__ import annotations

from pathlib import Path

import pytest

import fleet
from bench.clouds import add_up
from sandbox.machine.home import CHECKOUT
from waves.review.costs import HOURS, monthly, prices

FLEET = fleet.read(CHECKOUT)


def test_a_small_region_costs_its_nodes_control_plane_way_out_disks_and_key() -> None:
    parts = monthly(FLEET.regions["staging-aws-eu-west-1"], prices())
    assert parts == {
        "nodes": pytest.approx(HOURS * 3 * 0.11235),
        "control plane": pytest.approx(73.0),
        "ways out": pytest.approx(HOURS * 0.053),
        "disks": pytest.approx(3 * 100 * 0.088),
        "keys": 1.0,
    }


@pytest.mark.parametrize("name", FLEET.regions)
def test_every_shipped_region_has_a_price_and_a_large_one_costs_more(name: str) -> None:
    total = sum(monthly(FLEET.regions[name], prices()).values())
    assert (total > 1000) == (FLEET.regions[name].settings.size == "large")


def test_a_machine_without_a_price_is_an_error() -> None:
    region = FLEET.regions["staging-aws-eu-west-1"]
    price_list = prices()
    del price_list["aws"]["eu-west-1"]["machines"]["m7i.large"]
    with pytest.raises(KeyError, match=r"m7i\.large"):
        monthly(region, price_list)


def test_faults_are_counted_over_all_tests(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    case = '<testcase name="{}"><properties><property name="creations, refuse" value="{}"/></properties></testcase>'
    report.write_text(f"<testsuites><testsuite>{case.format('a', 62)}{case.format('b', 21)}</testsuite></testsuites>")
    (figure,) = add_up(report, "Survived.")
    assert (figure.name, figure.samples) == ("creations, refuse", [83.0])
