"""How people find each other, and how they get rid of each other."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.people import invitation, meet
from tests.support.process import Serve

# A first visit


def test_a_first_visit_needs_nothing_but_the_address(person: Meet) -> None:
    ann = person()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text(
        ["Talk with one person, in private", "Your ID"]
    )
    for name in ("Copy ID", "Show QR code", "Invite by link", "Ask somebody to connect"):
        expect(ann.page.get_by_role("button", name=name)).to_be_visible()
    expect(ann.page.get_by_text("No conversations yet")).to_be_visible()


def test_the_same_browser_is_the_same_person(person: Meet) -> None:
    ann = person("Ann")
    before = ann.id
    ann.reloads()
    expect(ann.own_id).to_have_text(before)
    expect(ann.page.get_by_label("What should others see?")).to_have_value("Ann")


def test_the_id_can_be_copied(person: Meet) -> None:
    ann = person(permissions=["clipboard-read", "clipboard-write"])
    ann.press("Copy ID")
    ann.is_told("Your ID has been copied")
    assert ann.page.evaluate("navigator.clipboard.readText()") == ann.id


def test_the_qr_code_leads_to_the_id(person: Meet) -> None:
    ann = person()
    own = ann.id
    ann.press("Show QR code")
    expect(ann.dialog.get_by_role("img", name="QR code with a link to your ID")).to_be_visible()
    expect(ann.dialog.get_by_role("code")).to_have_text(f"{ann.url}/?to={own}")


def test_nothing_comes_from_another_host(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    others = [each for each in ann.addresses if not each.startswith((ann.url, "blob:", "data:"))]
    assert others == []


# Asking


def test_two_who_have_just_come_talk(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.ask(ben, note="We met at the library")
    ann.is_told("has been sent")
    expect(ann.waiting).to_contain_text("We met at the library")
    expect(ben.requests).to_contain_text("Ann")
    expect(ben.requests).to_contain_text("We met at the library")
    ben.accept("Ann")
    expect(ben.field).to_be_focused()
    ann.is_told("You are connected with Ben")
    expect(ann.waiting).to_have_count(0)
    ann.opens("Ben")
    ann.says("Hello, Ben")
    ben.sees("Hello, Ben")
    ben.says("Hello, Ann")
    ann.sees("Hello, Ann")


def test_who_asks_each_other_agrees(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.ask(ben)
    expect(ben.requests).to_have_count(1)
    ben.ask(ann)
    expect(ann.conversation("Ben")).to_be_visible()
    expect(ben.conversation("Ann")).to_be_visible()


def test_a_link_to_an_id_asks(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.visit(f"/?to={ben.id}")
    expect(ann.dialog.get_by_label("ID or link")).to_have_value(ben.id)
    expect(ann.dialog.get_by_label("Note (optional)")).to_be_focused()
    ann.press("Send request", ann.dialog)
    expect(ben.requests).to_contain_text("Ann")
    assert "?" not in ann.page.url


def test_a_link_may_be_put_in_where_an_id_may(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.ask(f"  {ben.url}/?to={ben.id} ")
    expect(ben.requests).to_contain_text("Ann")


def test_who_asks_wrongly_is_told_what_is_wrong(person: Meet) -> None:
    ann = person("Ann")
    wrong = ann.dialog.get_by_role("alert")
    own = ann.id
    ann.ask("")
    expect(wrong).to_have_text("Put in the ID or the link of the person you want to talk with.")
    expect(ann.dialog.get_by_label("ID or link")).to_be_focused()
    for address, told in (
        ("7c9e6679-7425-40de-944b-e07fc1f90ae7", "Nobody has this ID at the moment."),
        (own, "This is your own ID."),
        (
            "https://elsewhere.example/?to=somebody",
            "This link leads to another server, elsewhere.example. "
            "Open it in your browser instead.",
        ),
    ):
        ann.dialog.get_by_label("ID or link").fill(address)
        ann.press("Send request", ann.dialog)
        expect(wrong).to_have_text(told)


def test_one_declines_and_the_other_is_told(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.ask(ben)
    ben.decline("Ann")
    ben.is_told("You have declined Ann")
    expect(ben.requests).to_have_count(0)
    ann.is_told(re.compile("has declined your request"))
    expect(ann.waiting).to_have_count(0)
    ann.ask(ben)
    expect(ann.dialog.get_by_role("alert")).to_contain_text("That was too often.")


def test_one_takes_the_request_back(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.ask(ben)
    expect(ben.requests).to_have_count(1)
    ann.waiting.get_by_role("button", name="Cancel").click()
    expect(ann.waiting).to_have_count(0)
    expect(ben.requests).to_have_count(0)
    ben.is_told("Ann has withdrawn the request")


def test_a_request_that_nobody_answers_expires(serve: Serve, person: Meet) -> None:
    impatient = serve("--request-ttl-seconds", "1")
    ann, ben = person("Ann", at=impatient), person("Ben", at=impatient)
    ann.ask(ben)
    for each in (ann, ben):
        each.is_told("has expired")
    expect(ann.waiting).to_have_count(0)
    expect(ben.requests).to_have_count(0)


def test_requests_wait_for_who_is_away(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    target = ben.id
    ben.leaves()
    ann.ask(target, note="When you are back")
    again = ben.tab()
    expect(again.requests).to_contain_text("When you are back")
    again.accept("Ann")
    expect(ann.conversation("Ben")).to_be_visible()


def test_many_requests_do_not_bury_the_page(person: Meet) -> None:
    ann = person("Ann")
    askers = [person(f"Asker {number}") for number in range(5)]
    for asker in askers:
        asker.ask(ann)
    expect(ann.page.get_by_text("Requests (5)")).to_be_visible()
    expect(ann.requests).to_have_count(3)
    ann.press("Show 2 more")
    expect(ann.requests).to_have_count(5)


def test_the_browser_is_asked_once_to_keep_what_is_said(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.context.add_init_script(
        """const { persist } = StorageManager.prototype;
        StorageManager.prototype.persist = function () {
          localStorage.asked = `${localStorage.asked ?? ""}once `;
          return persist.call(this);
        };"""
    )
    ann.reloads()
    expect(ann.own_id).to_have_text(re.compile("^[0-9a-f-]{36}$"))
    assert ann.page.evaluate("localStorage.asked") is None
    meet(ann, ben)
    ben.says("Keep this")
    ann.sees("Keep this")
    ann.page.wait_for_function("localStorage.asked !== undefined")
    ann.reloads()
    ann.sees("Keep this")
    assert ann.page.evaluate("localStorage.asked") == "once "


# Invitations


def test_an_invitation_connects_at_once(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    link = invitation(ann)
    ben.visit(link.removeprefix(ben.url))
    assert "invite" not in ben.page.url
    expect(ben.dialog).to_contain_text("Connect with the person who sent you this invitation?")
    ben.press("Connect", ben.dialog)
    expect(ben.field).to_be_focused()
    ann.opens("Ben")
    ben.says("You invited me")
    ann.sees("You invited me")


def test_an_invitation_may_be_pasted(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    link = invitation(ann)
    ben.press("New contact")
    ben.dialog.get_by_label("ID or link").fill(link)
    expect(ben.dialog).to_contain_text("This is an invitation")
    ben.press("Connect", ben.dialog)
    expect(ben.conversation("Ann")).to_be_visible()


def test_an_invitation_is_for_one(person: Meet) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    link = invitation(ann).removeprefix(ann.url)
    ben.visit(link)
    ben.press("Connect", ben.dialog)
    expect(ben.conversation("Ann")).to_be_visible()
    cleo.visit(link)
    cleo.press("Connect", cleo.dialog)
    expect(cleo.dialog.get_by_role("alert")).to_contain_text("is over. Ask for a new one.")
    ann.is_told("Somebody tried an invitation of yours that had been used up")


def test_an_invitation_can_be_taken_back(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.press("Invite by link")
    link = ann.dialog.get_by_role("code").inner_text()
    ann.press("Take the invitation back", ann.dialog)
    ann.is_told("The invitation no longer works")
    ben.visit(link.removeprefix(ben.url))
    ben.press("Connect", ben.dialog)
    expect(ben.dialog.get_by_role("alert")).to_contain_text("Ask for a new one.")


def test_an_invitation_need_not_be_taken(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ben.visit(invitation(ann).removeprefix(ben.url))
    ben.press("Not now", ben.dialog)
    expect(ben.dialog).to_have_count(0)
    expect(ben.page.get_by_text("No conversations yet")).to_be_visible()


# Getting rid of each other


def test_one_closes_and_nothing_more_gets_through(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Before")
    ben.sees("Before")
    ben.chooses("Close conversation", "Ann")
    expect(ben.dialog).to_contain_text("what was said is deleted here")
    ben.agrees_to("Close conversation")
    expect(ben.conversations).to_have_count(0)
    ann.is_told("Ben has ended the conversation")
    ann.sees("Before")
    expect(ann.field).to_have_count(0)
    expect(ann.page.get_by_text("This conversation with Ben has ended.")).to_be_visible()


def test_who_was_left_may_ask_again(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("The first time")
    ben.sees("The first time")
    ben.chooses("Close conversation", "Ann")
    ben.agrees_to("Close conversation")
    ann.press("Ask to talk again")
    ann.press("Send request", ann.dialog)
    ben.accept("Ann")
    ann.says("The second time")
    ben.sees_only("The second time")


def test_a_conversation_that_has_ended_can_be_removed(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ben.chooses("Close conversation", "Ann")
    ben.agrees_to("Close conversation")
    expect(ann.conversation("Ben")).to_contain_text("ended")
    expect(ann.log).to_contain_text("Nothing was said.")
    ann.chooses("Remove conversation", "Ben")
    ann.agrees_to("Remove conversation")
    expect(ann.conversations).to_have_count(0)


def test_one_can_change_ones_mind(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.chooses("Close conversation", "Ben")
    ann.press("Cancel", ann.dialog)
    ann.says("I stay")
    ben.sees("I stay")


def test_a_block_is_silent_and_lasts_until_it_is_lifted(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ben.chooses("Block", "Ann")
    expect(ben.dialog).to_contain_text("They can no longer reach you, and are not told why.")
    ben.agrees_to("Block")
    expect(ben.conversations).to_have_count(0)
    ann.is_told("Ben has ended the conversation")
    ann.press("Ask to talk again")
    ann.press("Send request", ann.dialog)
    expect(ann.page.get_by_text("Waiting for an answer.")).to_be_visible()
    expect(ben.requests).to_have_count(0)

    ben.reloads()
    blocked = ben.settings().get_by_role("list", name="Blocked people")
    expect(blocked).to_contain_text("Ann")
    ben.press("Unblock: Ann", blocked)
    expect(ben.dialog).to_contain_text("You have blocked nobody.")
    ben.press("Close", ben.dialog)
    ann.press("Cancel: Ben")
    ann.ask(ben)
    expect(ben.requests).to_contain_text("Ann")


def test_a_request_can_be_blocked(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.ask(ben)
    ben.press("Block: Ann")
    ben.agrees_to("Block")
    expect(ben.requests).to_have_count(0)
    expect(ann.waiting).to_have_count(1)


def test_who_blocks_somebody_and_asks_them_is_reminded(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.chooses("Block", "Ben")
    ann.agrees_to("Block")
    ann.ask(ben)
    expect(ann.dialog.get_by_role("alert")).to_contain_text("You have blocked this person.")
    ann.press("Unblock and ask", ann.dialog)
    expect(ben.requests).to_contain_text("Ann")


# Three


def test_three_people_keep_their_conversations_apart(person: Meet) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    meet(ann, ben)
    meet(ann, cleo)
    ann.says("For Cleo")
    cleo.sees("For Cleo")
    ben.says("From Ben")
    expect(ann.conversation("Ben")).to_contain_text("1 unread message")
    expect(ann.page).to_have_title("(1) Duologue")
    # The latest is first
    expect(ann.conversations).to_contain_text(["Ben", "Cleo"])
    ann.opens("Ben")
    ann.sees_only("From Ben")
    ben.sees_only("From Ben")
    cleo.sees_only("For Cleo")
    expect(ann.page).to_have_title("Duologue")


def test_a_name_that_one_gives_is_ones_own(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.chooses("Rename for me", "Ben")
    ann.dialog.get_by_label("Name").fill("Benjamin from the library")
    ann.press("Save", ann.dialog)
    expect(ann.dialog).to_have_count(0)
    ann.reloads()
    expect(ann.conversation("Benjamin from the library")).to_be_visible()
    expect(ben.conversation("Ann")).to_be_visible()
