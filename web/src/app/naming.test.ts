import { describe, expect, it } from "vitest";
import { cleanName, HUES, hue, initials, shortId } from "./naming";

describe("a name that a stranger wrote", () => {
  it("loses what turns the text around it", () => {
    expect(cleanName("Ann\u202Egpj.exe")).toBe("Ann gpj.exe");
  });

  it("becomes one line", () => {
    expect(cleanName(" Ann\n\tof\u0000 Green  Gables ")).toBe("Ann of Green Gables");
  });

  it("is none if nothing can be seen of it", () => {
    expect(cleanName("\u200E \u2067")).toBeNull();
  });

  it("keeps letters of any script", () => {
    expect(cleanName("نورا 李")).toBe("نورا 李");
  });
});

describe("an ID", () => {
  it("is short if it is a UUID", () => {
    expect(shortId("3f2a9c1e-1111-4222-8333-444455556666")).toBe("3f2a9c1e…");
  });

  it("is shown as it is if it is short", () => {
    expect(shortId("ann@example.com")).toBe("ann@example.com");
  });

  it("is cut if it is long", () => {
    expect(shortId("a".repeat(128))).toBe(`${"a".repeat(24)}…`);
  });

  it("has one of a few colours, and all of them come up", () => {
    const colours = new Set(Array.from({ length: 500 }, (_, at) => hue(`id ${at}`)));
    expect(colours.size).toBe(HUES);
  });
});

describe("initials", () => {
  it.each([
    ["Ann Shirley", "AS"],
    ["ann", "A"],
    ["Anne of Green Gables", "AG"],
    ["3f2a9c1e…", "3"],
    ["🙂 🙂", "?"],
    ["𝒜nn", "𝒜"],
    ["(Bob)", "B"],
  ])("of %s are %s", (name, letters) => {
    expect(initials(name)).toBe(letters);
  });
});
