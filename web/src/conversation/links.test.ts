import { describe, expect, it } from "vitest";
import { findLinks, safeHref } from "./links";

const hrefs = (text: string) =>
  findLinks(text).flatMap((piece) => (typeof piece === "string" ? [] : [piece.href]));
const texts = (text: string) =>
  findLinks(text).flatMap((piece) => (typeof piece === "string" ? [] : [piece.text]));

describe("findLinks", () => {
  it.each([
    ["see https://example.org/a?b=c#d now", ["https://example.org/a?b=c#d"]],
    ["http://example.org", ["http://example.org"]],
    ["HTTPS://EXAMPLE.ORG/X", ["HTTPS://EXAMPLE.ORG/X"]],
    ["mailto:ann@example.org, please", ["mailto:ann@example.org"]],
    ["two: https://a.example https://b.example", ["https://a.example", "https://b.example"]],
    ["(https://a.example/x)", ["https://a.example/x"]],
    ["https://en.example/wiki/A_(b)", ["https://en.example/wiki/A_(b)"]],
    ["https://a.example/x).", ["https://a.example/x"]],
    ["really, https://a.example/x?!", ["https://a.example/x"]],
    ["<https://a.example>", ["https://a.example"]],
    ['"https://a.example"', ["https://a.example"]],
    ["„https://a.example/ä“", ["https://a.example/ä"]],
    ["https://a.example/\u202efdp.exe", ["https://a.example/"]],
    ["https://a.example\nnext", ["https://a.example"]],
  ])("finds links in %j", (text, found) => {
    expect(texts(text)).toEqual(found);
  });

  it.each([
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "https://bank.example@evil.example/",
    "https://user:password@example.org/",
    "https://",
    "http:///",
    "https://[not-an-address]/",
    "mailto:",
    "xhttps://example.org",
    "ftp://example.org",
    "example.org",
    "//example.org",
  ])("leaves %j alone", (text) => {
    expect(hrefs(text)).toEqual([]);
    expect(findLinks(text).join("")).toBe(text);
  });

  it("shows where a name with foreign letters leads", () => {
    // The first letter is Cyrillic.
    expect(hrefs("https://\u0430pple.example/")).toEqual(["https://xn--pple-43d.example/"]);
  });

  it("loses nothing of the text", () => {
    const text = "a https://b.example. c (mailto:d@e.example) f";
    const whole = findLinks(text).map((piece) => (typeof piece === "string" ? piece : piece.text));
    expect(whole.join("")).toBe(text);
    expect(findLinks("")).toEqual([]);
  });

  it("is quick with what is made to be slow", () => {
    const begun = performance.now();
    findLinks(`https://a.example/${")".repeat(200_000)}`);
    findLinks(`https://a.example/${"(".repeat(200_000)}`);
    findLinks("https://".repeat(50_000));
    findLinks("mailto:".repeat(50_000));
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe("safeHref", () => {
  it("follows http, https and mailto only", () => {
    expect(safeHref("https://a.example/")).toBe("https://a.example/");
    expect(safeHref("ftp://a.example/")).toBeNull();
    expect(safeHref("\u0001javascript:alert(1)")).toBeNull();
    expect(safeHref("https:evil.example")).toBe("https://evil.example/");
  });
});
