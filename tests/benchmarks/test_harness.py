"""How figures are made, with a clock that only the contenders move."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from gates import GATES, Gate
from harness import AbsentError, Contender, Offer, Row, Scenario, Table, calibrate, figure, in_turn, measure
from run import BEGIN, END, judge, main, page, scenarios


class Hand:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def taking(self, *seconds: float) -> Contender:
        """A contender whose operations take `seconds`, in turn from one run to the next."""
        turns = list(seconds)

        def run(n: int) -> None:
            self.now += n * turns[0]
            turns.append(turns.pop(0))

        return Contender("", run)


def scenario(hand: Hand, *, fixed: int | None = None, **contenders: Contender) -> Scenario:
    def build(stack: ExitStack, offer: Offer) -> None:
        for name, contender in contenders.items():
            offer.add(name, lambda contender=contender: contender)

    return Scenario("made", "Made up", "floor", build, fixed)


def test_the_number_of_operations_is_found_that_takes_as_long_as_wanted() -> None:
    hand = Hand()
    assert calibrate(hand.taking(0.001), 0.05, hand) == 50


def test_an_operation_that_takes_longer_than_wanted_is_done_once() -> None:
    hand = Hand()
    assert calibrate(hand.taking(2.0), 0.05, hand) == 1


def test_preparing_is_outside_the_time() -> None:
    hand = Hand()
    slow = hand.taking(0.001)
    prepared: list[int] = []

    def prepare(n: int) -> None:
        prepared.append(n)
        hand.now += 100

    slow.prepare = prepare
    table = measure(
        scenario(hand, floor=hand.taking(0.001), slow=slow, fixed=20), rounds=3, seconds=0.05, clock=hand, cpu=hand
    )
    assert table.row("slow").ratio == pytest.approx(1)
    assert prepared == [2, 20, 20, 20]


def test_a_ratio_is_taken_within_a_round() -> None:
    hand = Hand()
    # The machine is slower by half in every other round, for both alike.  (Warming up takes the first turn.)
    table = measure(
        scenario(hand, floor=hand.taking(1, 2, 3, 2, 3), slow=hand.taking(1, 6, 9, 6, 9), fixed=10),
        rounds=4,
        seconds=1,
        clock=hand,
        cpu=hand,
    )
    assert table.row("slow").ratio == pytest.approx(3)
    assert table.row("slow").time == pytest.approx(7.5e6)
    assert table.row("slow").extra == pytest.approx(5e6)
    assert table.row("floor").ratio == 1


def test_a_ratio_is_no_ratio_of_medians() -> None:
    hand = Hand()
    table = measure(
        scenario(hand, floor=hand.taking(1, 1, 2, 4), slow=hand.taking(1, 4, 2, 4), fixed=1),
        rounds=3,
        seconds=1,
        clock=hand,
        cpu=hand,
    )
    assert table.row("slow").ratio == pytest.approx(1)
    assert table.row("slow").extra == pytest.approx(0)


def test_waiting_costs_no_processor_time() -> None:
    wall, cpu = Hand(), Hand()

    def run(n: int) -> None:
        wall.now += n * 3
        cpu.now += n

    waits = Contender("", run)
    quick = Contender("", lambda n: (wall.taking(1).run(n), cpu.taking(1).run(n)))
    table = measure(scenario(wall, floor=quick, waits=waits, fixed=10), rounds=3, seconds=1, clock=wall, cpu=cpu)
    assert table.row("waits").ratio == pytest.approx(3)
    assert table.row("waits").cpu_ratio == pytest.approx(1)
    assert table.row("waits").cpu == pytest.approx(1e6)
    assert table.row("waits").extra == pytest.approx(0)


def test_a_contender_may_have_clocks_of_its_own() -> None:
    hand, part, elsewhere = Hand(), Hand(), Hand()

    def run(n: int) -> None:
        hand.now += n * 100
        part.now += n * 3
        elsewhere.now += n * 2

    own = Contender("", run, clock=part, cpu=elsewhere)
    table = measure(scenario(hand, floor=hand.taking(1), own=own, fixed=10), rounds=3, seconds=1, clock=hand, cpu=hand)
    assert table.row("own").time == pytest.approx(3e6)
    assert table.row("own").cpu == pytest.approx(2e6)
    assert table.row("own").ratio == pytest.approx(3)


def test_one_bad_round_changes_nothing() -> None:
    hand = Hand()
    table = measure(
        scenario(hand, floor=hand.taking(1), slow=hand.taking(1, 2, 2, 500, 2, 2), fixed=1),
        rounds=5,
        seconds=1,
        clock=hand,
        cpu=hand,
    )
    assert table.row("slow").ratio == pytest.approx(2)
    assert (table.row("slow").least, table.row("slow").most) == pytest.approx((2e6, 500e6))


def test_every_contender_is_first_once_in_as_many_rounds_as_there_are_contenders() -> None:
    assert [list(in_turn(3, turn)) for turn in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_the_calls_of_the_origin_are_counted_per_operation() -> None:
    hand = Hand()
    calls = 0

    def run(n: int) -> None:
        nonlocal calls
        calls += n // 2
        hand.now += n

    half = Contender("", run, calls=lambda: calls, at_once=2)
    table = measure(
        scenario(hand, floor=hand.taking(1), half=half, fixed=10), rounds=3, seconds=1, clock=hand, cpu=hand
    )
    assert table.row("half").calls == 0.25
    assert table.row("half").ratio == pytest.approx(0.5)
    assert table.row("floor").calls is None


def test_who_cannot_take_part_is_named_with_the_reason() -> None:
    def absent() -> Contender:
        raise AbsentError("it is not installed")

    offer = Offer()
    offer.add("peer", absent)
    assert offer.contenders == []
    assert offer.missing == {"peer": "it is not installed"}


def test_only_those_who_are_asked_for_are_made() -> None:
    hand = Hand()
    table = measure(
        scenario(hand, floor=hand.taking(1), one=hand.taking(1), two=hand.taking(1)),
        rounds=1,
        seconds=1,
        only=["floor", "two"],
        clock=hand,
        cpu=hand,
    )
    assert [row.name for row in table.rows] == ["floor", "two"]
    with pytest.raises(KeyError):
        table.row("one")


def test_a_table_reads_well() -> None:
    table = Table("made", "Made up", "floor", 3, missing={"peer": "it is not installed"})
    table.rows.append(Row("floor", 10, 9, 11, 1, 9.5, 1, 0, None))
    table.rows.append(Row("ours", 1234.5, 1200, 1300, 123.45, 950, 100, 940.5, 0.5))
    assert table.markdown() == (
        "### Made up\n\n"
        "| | µs | least to most | × floor | processor, µs | × floor | origin calls |\n"
        "|---|--:|--:|--:|--:|--:|--:|\n"
        "| floor (floor) | 10.0 | 9.00 to 11.0 | 1.00 | 9.50 | 1.00 |  |\n"
        "| ours | 1,234 | 1,200 to 1,300 | 123.45 | 950 | 100.00 | 0.5 |\n"
        "\nNot measured: peer: it is not installed."
    )


@pytest.mark.parametrize(
    ("microseconds", "text"), [(0.123, "0.12"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346"), (-0.5, "-0.50")]
)
def test_a_figure_has_about_three_digits(microseconds: float, text: str) -> None:
    assert figure(microseconds) == text


@pytest.mark.parametrize(
    ("kind", "found"),
    [("ratio", 2.0), ("wall", 7.0), ("extra", 5.0), ("calls", 0.0)],
    ids=["ratio", "wall", "extra", "calls"],
)
def test_a_gate_reads_its_figure(kind: str, found: float) -> None:
    table = Table("made", "Made up", "floor", 3, rows=[Row("ours", 10, 9, 11, 7.0, 9.0, 2.0, 5.0, 0.0)])
    assert Gate("made", "ours", kind, 1).figure(table) == found  # type: ignore[arg-type]


def test_every_gate_is_about_a_scenario_that_there_is() -> None:
    assert {gate.scenario for gate in GATES} <= {scenario.key for scenario in scenarios()}


@pytest.mark.parametrize("chosen", scenarios(), ids=lambda scenario: scenario.key)
def test_every_scenario_can_be_measured(chosen: Scenario) -> None:
    judged = [gate.contender for gate in GATES if gate.scenario == chosen.key]
    chosen.fixed = 1
    table = measure(chosen, rounds=1, seconds=0.001, only=[chosen.floor, *judged])
    assert [row.name for row in table.rows][:1] == [chosen.floor]
    assert table.missing == {}


def test_scenarios_are_chosen_by_the_beginning_of_their_keys() -> None:
    assert [scenario.key for scenario in scenarios(["rules-st"])] == ["rules-stored", "rules-storing"]
    with pytest.raises(SystemExit, match="no such scenario: nothing"):
        scenarios(["nothing"])


def gated(monkeypatch: pytest.MonkeyPatch, hand: Hand, *seconds: float, limit: float) -> bool:
    monkeypatch.setattr("run.GATES", (Gate("made", "ours", "ratio", limit),))
    monkeypatch.setattr("run.measure", lambda scenario, **options: measure(scenario, clock=hand, cpu=hand, **options))
    # One turn of each run is the warming up.
    ours = hand.taking(*(each for ratio in seconds for each in (ratio, ratio)))
    return judge([scenario(hand, floor=hand.taking(1), ours=ours, fixed=1)], rounds=1, seconds=1)


def test_a_gate_holds_if_the_median_of_three_runs_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gated(monkeypatch, Hand(), 1.5, 9.0, 1.9, limit=2)
    assert "| made: ours | 1.50, 9.00, 1.90 | 1.90 | 2 × floor | ok |" in capsys.readouterr().out


def test_a_gate_that_is_missed_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert not gated(monkeypatch, Hand(), 1.5, 2.5, 2.4, limit=2)
    assert "| made: ours | 1.50, 2.50, 2.40 | 2.40 | 2 × floor | missed |" in capsys.readouterr().out


def test_a_gate_whose_contender_is_missing_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(stack: ExitStack, offer: Offer) -> None:
        offer.add("floor", lambda: Hand().taking(1))

        def absent() -> Contender:
            raise AbsentError("no such store")

        offer.add("ours", absent)

    hand = Hand()
    monkeypatch.setattr("run.GATES", (Gate("made", "ours", "ratio", 2),))
    monkeypatch.setattr("run.measure", lambda scenario, **options: measure(scenario, clock=hand, cpu=hand, **options))
    alone = Scenario("made", "Made up", "floor", lambda stack, offer: _alone(hand, offer), 1)
    assert not judge([alone], rounds=1, seconds=1)
    assert "not measured: no such store" in capsys.readouterr().out


def _alone(hand: Hand, offer: Offer) -> None:
    def absent() -> Contender:
        raise AbsentError("no such store")

    offer.add("floor", lambda: hand.taking(1))
    offer.add("ours", absent)


def test_the_tables_of_a_page_are_replaced() -> None:
    table = Table("made", "Made up", "floor", 3, rows=[Row("floor", 10, 9, 11, 1, 9, 1, 0, None)])
    found = page(f"Before\n\n{BEGIN}\nold\n{END}\nAfter\n", [table], 3)
    assert found.startswith(f"Before\n\n{BEGIN}\nPython ")
    assert found.endswith(f"\n\n{table.markdown()}\n\n{END}\nAfter\n")
    assert "old" not in found
    assert page(found, [table], 3) == found


def test_a_page_without_a_place_for_tables_is_left_alone() -> None:
    with pytest.raises(SystemExit, match="where the tables stand"):
        page("Before", [], 3)


def test_the_keys_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "rules-raw"]) == 0
    assert capsys.readouterr().out == "rules-raw                A decision from raw header lines\n"
