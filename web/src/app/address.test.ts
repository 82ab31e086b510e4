import { describe, expect, it } from "vitest";
import { invitationLink, linkTo, peerIn, readAddress, signInLink, viewOf } from "./address";

const PAGE = "https://chat.example.com/talk/?old=1#/c/x";
const ID = "3f2a9c1e-1111-4222-8333-444455556666";

describe("what somebody pastes", () => {
  it("is an ID, with spaces around it", () => {
    expect(readAddress(`  ${ID}\n`, PAGE)).toEqual({ kind: "peer", id: ID });
  });

  it("is an ID that a host application gave", () => {
    expect(readAddress("ann@example.com", PAGE)).toEqual({ kind: "peer", id: "ann@example.com" });
  });

  it("is an ID of as many characters as an ID may have, whatever they are", () => {
    const id = "🙂".repeat(128);
    expect(readAddress(id, PAGE)).toEqual({ kind: "peer", id });
    expect(readAddress(`${id}🙂`, PAGE)).toEqual({ kind: "unclear" });
  });

  it("is somebody's link", () => {
    expect(readAddress(linkTo("a b&c", PAGE), PAGE)).toEqual({ kind: "peer", id: "a b&c" });
  });

  it("is an invitation's link", () => {
    expect(readAddress("https://chat.example.com/?invite=lusab-babad-gutih", PAGE)).toEqual({
      kind: "invitation",
      code: "lusab-babad-gutih",
    });
  });

  it.each(["lusab-babad-gutih", "LUSAB babad gutih", "lusabbabadgutih"])(
    "is an invitation's code, spelled %s",
    (code) => {
      expect(readAddress(code, PAGE)).toEqual({ kind: "invitation", code });
    },
  );

  it("leads elsewhere", () => {
    expect(readAddress("https://evil.example/?invite=lusab-babad-gutih", PAGE)).toEqual({
      kind: "elsewhere",
      host: "evil.example",
    });
  });

  it.each(["https://", "https://chat.example.com/", "a".repeat(129)])("is unclear: %s", (text) => {
    expect(readAddress(text, PAGE)).toEqual({ kind: "unclear" });
  });

  it("is nothing", () => {
    expect(readAddress(" \n", PAGE)).toEqual({ kind: "empty" });
  });
});

describe("links and views", () => {
  it("keep the folder that the page is in, and nothing else of it", () => {
    expect(linkTo("a/b", PAGE)).toBe("https://chat.example.com/talk/?to=a%2Fb");
  });

  it("complete an invitation of a server that does not know its own address", () => {
    const link = invitationLink("/?invite=lusab-babad-gutih", PAGE);
    expect(link).toBe("https://chat.example.com/talk/?invite=lusab-babad-gutih");
  });

  it("take an invitation as it is from a server that does", () => {
    const url = "https://other.example.com/?invite=lusab-babad-gutih";
    expect(invitationLink(url, PAGE)).toBe(url);
  });

  it.each([
    ["/login", "https://chat.example.com/login?next=%2Ftalk%2F"],
    ["https://example.org", "https://example.org/?next=%2Ftalk%2F"],
    ["http://[::1]:8000/in?for=chat", "http://[::1]:8000/in?for=chat&next=%2Ftalk%2F"],
    ["/login?next=//evil.example", "https://chat.example.com/login?next=%2Ftalk%2F"],
  ])("lead to a sign-in at %s and back", (given, link) => {
    expect(signInLink(given, PAGE)).toBe(link);
  });

  it.each(["https://chat.example.com//evil.example/", "https://chat.example.com/\\evil.example/"])(
    "do not lead on to another site from %s",
    (page) => {
      expect(signInLink("/login", page)).toBe(
        "https://chat.example.com/login?next=%2Fevil.example%2F",
      );
    },
  );

  it.each([
    undefined,
    "",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://[",
    "http://a:99999/",
  ])("lead nowhere for %s", (given) => {
    expect(signInLink(given, PAGE)).toBeNull();
  });

  it.each([ID, "a/b#c?d%", "نورا"])("find the peer %s again", (peer) => {
    expect(peerIn(viewOf(peer))).toBe(peer);
  });

  it.each(["", "#/", "#/c/", "#/c/%zz", "#main"])("find nobody in %s", (fragment) => {
    expect(peerIn(fragment)).toBeNull();
  });
});
