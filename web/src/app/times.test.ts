import { describe, expect, it } from "vitest";
import { daysBetween, distance, lastSeen, listTime, until } from "./times";

const NOW = new Date(2026, 2, 10, 14, 5).getTime();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("days between two moments", () => {
  it("are counted by the calendar, not by 24 hours", () => {
    expect(daysBetween(new Date(2026, 2, 9, 23, 59).getTime(), NOW)).toBe(1);
  });

  it("are none on the same day", () => {
    expect(daysBetween(new Date(2026, 2, 10, 0, 0).getTime(), NOW)).toBe(0);
  });
});

describe("a time in the list", () => {
  it("is the time of day today", () => {
    expect(listTime(NOW - HOUR, NOW)).toMatch(/05/);
  });

  it("is the same for a clock that is a little ahead", () => {
    expect(listTime(NOW + MINUTE, NOW)).toMatch(/06/);
  });

  it("is yesterday", () => {
    expect(listTime(NOW - DAY, NOW)).toBe("Yesterday");
  });

  it("is the day within the week", () => {
    expect(listTime(NOW - 3 * DAY, NOW)).toBe("Sat");
  });

  it("is the date before that", () => {
    expect(listTime(NOW - 40 * DAY, NOW)).toMatch(/26/);
  });
});

describe("last seen", () => {
  it("just now", () => {
    expect(lastSeen(NOW - 5_000, NOW)).toBe("last seen just now");
  });

  it("today", () => {
    expect(lastSeen(NOW - HOUR, NOW)).toMatch(/^last seen today at .*05/);
  });

  it("yesterday", () => {
    expect(lastSeen(NOW - DAY, NOW)).toMatch(/^last seen yesterday at /);
  });

  it("on a day", () => {
    expect(lastSeen(NOW - 7 * DAY, NOW)).toMatch(/^last seen on .*March|^last seen on .*3/);
  });
});

describe("how long until then", () => {
  it.each([
    [4_000, [4, "second"]],
    [59_999, [60, "second"]],
    [5 * MINUTE - 1, [5, "minute"]],
    [HOUR - 1_000, [1, "hour"]],
    [DAY + 900, [24, "hour"]],
    [30 * DAY, [30, "day"]],
  ] as const)("%i ms is %j", (ms, expected) => {
    expect(distance(ms)).toEqual(expected);
  });

  it("is said in words", () => {
    expect(until(NOW + 5 * MINUTE, NOW)).toBe("in 5 minutes");
  });

  it("is never in the past", () => {
    expect(until(NOW - DAY, NOW)).toBe("in 0 seconds");
  });
});
