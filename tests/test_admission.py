"""How long sessions may stay, and hosts that take their time to say whose they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from duologue.admission import Admissions, Identification, Identify, Named, Unidentified
from duologue.core.errors import Refusal
from duologue.hub import Session
from tests.node.fakes import VirtualLoop, virtual_clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    return "asyncio", {"loop_factory": VirtualLoop}


class Place:
    """As much of a session as is looked at here."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.present = True


def place(name: str = "") -> Any:
    return Place(name)


class Admitted:
    """Admissions, and who was ended when."""

    def __init__(self) -> None:
        self.start = virtual_clock()
        self.ended: list[tuple[str, float]] = []
        self.admissions = Admissions(virtual_clock, self._end)

    def _end(self, session: Session) -> None:
        self.ended.append((session.name, self.now))  # type: ignore[attr-defined]
        self.admissions.forget(session)

    @property
    def now(self) -> float:
        return round(virtual_clock() - self.start, 3)

    def hold(self, name: str, seconds: float) -> Any:
        session = place(name)
        self.admissions.hold(session, self.start + seconds)
        return session


async def test_sessions_end_when_their_time_is_over() -> None:
    here = Admitted()
    for name, seconds in (("b", 20), ("a", 10), ("c", 30)):
        here.hold(name, seconds)
    await asyncio.sleep(25)
    assert here.ended == [("a", 10), ("b", 20)]


async def test_a_session_whose_end_is_not_said_stays() -> None:
    here = Admitted()
    here.admissions.hold(place(), None)
    await asyncio.sleep(1_000_000)
    assert (here.ended, len(here.admissions)) == ([], 0)


async def test_a_session_may_stay_longer_when_it_is_renewed() -> None:
    here = Admitted()
    session = here.hold("a", 10)
    await asyncio.sleep(9)
    here.admissions.extend(session, here.start + 30)
    await asyncio.sleep(100)
    assert here.ended == [("a", 30)]


async def test_a_session_that_is_renewed_may_stay_as_long_as_was_said_before() -> None:
    here = Admitted()
    session = here.hold("a", 10)
    assert here.admissions.extend(session, here.start + 5) == here.start + 10


async def test_a_session_may_stay_for_ever_when_it_is_renewed_without_an_end() -> None:
    here = Admitted()
    session = here.hold("a", 10)
    here.admissions.extend(session, None)
    await asyncio.sleep(100)
    assert here.ended == []


async def test_a_session_that_may_stay_for_ever_may_still_when_it_is_renewed() -> None:
    here = Admitted()
    session = place("a")
    here.admissions.hold(session, None)
    here.admissions.extend(session, here.start + 5)
    await asyncio.sleep(100)
    assert here.ended == []


async def test_a_session_that_is_over_is_not_ended_again() -> None:
    here = Admitted()
    here.admissions.forget(here.hold("a", 10))
    await asyncio.sleep(100)
    assert here.ended == []


async def test_a_session_is_over_at_its_time_also_before_the_timer_comes() -> None:
    here = Admitted()
    session = here.hold("a", 10)
    assert here.admissions.is_over(session, here.start + 10)
    await asyncio.sleep(100)
    assert here.ended == [("a", 0)]


async def test_a_session_is_not_over_before_its_time() -> None:
    here = Admitted()
    assert not here.admissions.is_over(here.hold("a", 10), here.start + 9.999)


async def test_a_time_that_has_passed_already_ends_a_session_soon() -> None:
    here = Admitted()
    here.hold("a", -5)
    await asyncio.sleep(1)
    assert here.ended == [("a", 0)]


async def test_the_next_century_is_no_time_for_a_timer() -> None:
    here = Admitted()
    here.hold("a", 1e10)
    await asyncio.sleep(100_000)
    assert here.ended == []


async def test_many_that_end_at_once_all_end() -> None:
    here = Admitted()
    for number in range(10_000):
        here.hold(str(number), 10)
    await asyncio.sleep(11)
    assert ({when for _, when in here.ended}, len(here.ended)) == ({10}, 10_000)


async def test_those_that_come_and_go_leave_nothing() -> None:
    here = Admitted()
    stays = here.hold("stays", 1_000_000)
    for number in range(10_000):
        here.admissions.forget(here.hold(str(number), 86_400))
    assert len(here.admissions) <= 100
    assert not here.admissions.is_over(stays, here.start)


async def test_renewing_again_and_again_takes_no_more_room() -> None:
    here = Admitted()
    session = here.hold("a", 10)
    for step in range(1_000):
        await asyncio.sleep(1)
        here.admissions.extend(session, here.start + step + 11)
    assert (len(here.admissions), here.ended) == (1, [])


async def test_a_session_that_cannot_be_ended_does_not_keep_the_others() -> None:
    here = Admitted()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    there = Admissions(virtual_clock, lambda session: here._end(session) or 1 / 0)  # type: ignore
    for name in "ab":
        there.hold(place(name), here.start + 10)
    await asyncio.sleep(11)
    assert ([name for name, _ in here.ended], len(complaints)) == (["a", "b"], 2)


async def test_one_timer_is_enough_for_all() -> None:
    here = Admitted()
    for number in range(1_000):
        here.hold(str(number), 1_000 - number / 10)
    timers = [
        each
        for each in asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        if not each.cancelled()
    ]
    assert len(timers) == 1


# Who it is


class Asked:
    """What became of a question."""

    def __init__(self, identify: Identify) -> None:
        self.identification = Identification(identify)
        self.answers: list[Named | Refusal] = []

    def ask(self, session: Any = None, within: float | None = None) -> None:
        self.identification.ask(
            session or place(), {}, self.answers.append, self.answers.append, within
        )

    @property
    def codes(self) -> list[str]:
        return [each.code for each in self.answers if isinstance(each, Refusal)]


def answers(named: Any, *, wait: float | None = None) -> Identify:
    """An `Identify` that says this, or raises it, if `wait` is given after so many seconds."""

    def say() -> Any:
        if isinstance(named, BaseException):
            raise named
        return named

    async def later(session: Session, auth: Mapping[str, Any]) -> Named:
        await asyncio.sleep(wait or 0)
        found: Named = say()
        return found

    return later if wait is not None else lambda session, auth: say()


ANN = Named("ann", None)
EITHER = pytest.mark.parametrize("wait", [None, 1.0])


async def test_a_host_may_answer_at_once() -> None:
    asked = Asked(answers(ANN))
    asked.ask()
    assert asked.answers == [ANN]


async def test_a_host_may_take_its_time() -> None:
    asked = Asked(answers(ANN, wait=5))
    asked.ask()
    assert asked.answers == []
    await asyncio.sleep(6)
    assert asked.answers == [ANN]


@EITHER
async def test_a_host_may_refuse_a_client(wait: float | None) -> None:
    asked = Asked(answers(Unidentified("unauthorized", "Not today"), wait=wait))
    asked.ask()
    await asyncio.sleep(2)
    (refusal,) = asked.answers
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.error) == ("unauthorized", "Not today")


@EITHER
async def test_what_goes_wrong_in_a_host_is_logged_and_not_told(
    wait: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Asked(answers(LookupError("the password is 1234"), wait=wait))
    asked.ask()
    await asyncio.sleep(2)
    assert asked.codes == ["unavailable"]
    assert "1234" not in str(asked.answers)
    assert "LookupError" in caplog.text


@EITHER
@pytest.mark.parametrize(
    "named",
    [
        None,
        "ann",
        ("ann", None),
        Named(7, None),  # type: ignore[arg-type]
        Named("ann", 7),  # type: ignore[arg-type]
        Named("ann", None, expires_at="tomorrow"),  # type: ignore[arg-type]
        Named("ann", None, expires_at=float("nan")),
        Named("ann", None, expires_at=float("inf")),
        Named("ann", None, expires_at=10**400),
        Named("ann", None, expires_at=1_790_000_000_000),
    ],
    ids=repr,
)
async def test_what_is_no_answer_is_a_hosts_fault(wait: float | None, named: object) -> None:
    asked = Asked(answers(named, wait=wait))
    asked.ask()
    await asyncio.sleep(2)
    assert asked.codes == ["unavailable"]


@EITHER
@pytest.mark.parametrize(
    "named",
    [
        Named("", None),
        Named("x" * 129, None),
        Named("a\nb", None),
        Named("\ud800", None),
        Named("ann", "x" * 65),
        Named("ann", "\ud800"),
    ],
    ids=ascii,
)
async def test_an_identity_that_cannot_be_is_refused(wait: float | None, named: Named) -> None:
    asked = Asked(answers(named, wait=wait))
    asked.ask()
    await asyncio.sleep(2)
    assert asked.codes == ["invalid"]


@pytest.mark.parametrize("named", [Named("x" * 128, "x" * 64), Named("a", "")])
async def test_an_identity_may_be_as_long_as_it_may(named: Named) -> None:
    asked = Asked(answers(named))
    asked.ask()
    assert asked.answers == [named]


@pytest.mark.parametrize("named", [ANN, Unidentified("unauthorized", "No"), LookupError()])
async def test_a_session_that_has_gone_meanwhile_is_not_answered(named: object) -> None:
    asked, session = Asked(answers(named, wait=5)), place()
    asked.ask(session)
    session.present = False
    await asyncio.sleep(6)
    assert asked.answers == []


class Text(str):
    """A string as libraries for markup have it, which cannot be encoded."""


@EITHER
async def test_a_librarys_own_strings_name_clients(wait: float | None) -> None:
    asked = Asked(answers(Named(Text("ann"), Text("Ann")), wait=wait))
    asked.ask()
    await asyncio.sleep(2)
    (named,) = asked.answers
    assert isinstance(named, Named)
    assert (named, type(named.client_id), type(named.name)) == (Named("ann", "Ann"), str, str)


def test_a_host_refuses_clients_with_the_codes_that_there_are() -> None:
    with pytest.raises(ValueError, match="'banned' is none of"):
        Unidentified("banned", "Go away")


async def test_a_host_that_must_answer_within_a_time_has_no_answer_then() -> None:
    others = len(asyncio.all_tasks())
    asked = Asked(answers(ANN, wait=10))
    asked.ask(within=5)
    asked.ask(within=15)
    await asyncio.sleep(6)
    assert (asked.codes, len(asyncio.all_tasks()) - others) == (["unavailable"], 1)
    await asyncio.sleep(20)
    assert asked.answers[1:] == [ANN]


async def test_a_host_that_gives_up_has_no_answer() -> None:
    asked = Asked(answers(asyncio.CancelledError(), wait=1))
    asked.ask()
    await asyncio.sleep(2)
    assert asked.codes == ["unavailable"]


async def test_sessions_that_come_and_go_while_a_host_hangs_do_not_pile_up() -> None:
    asked = Asked(answers(ANN, wait=1e6))
    for _ in range(10_000):
        session = place()
        asked.ask(session)
        session.present = False
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) < 200


async def test_those_that_wait_are_still_answered_when_others_have_gone() -> None:
    asked = Asked(answers(ANN, wait=5))
    waiting = [place() for _ in range(500)]
    for session in waiting:
        asked.ask(session)
    for session in waiting[::2]:
        session.present = False
    asked.ask()
    await asyncio.sleep(6)
    assert len(asked.answers) == 251


async def test_nobody_waits_any_more_at_the_end() -> None:
    others = len(asyncio.all_tasks())
    asked = Asked(answers(ANN, wait=1e6))
    asked.ask()
    asked.identification.close()
    await asyncio.sleep(0.1)
    assert len(asyncio.all_tasks()) == others
