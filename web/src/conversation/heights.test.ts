import { describe, expect, it } from "vitest";
import { Heights } from "./heights";

describe("Heights", () => {
  it("knows where rows begin", () => {
    const heights = new Heights(4, (index) => (index + 1) * 10);
    expect([0, 1, 2, 3, 4].map((index) => heights.top(index))).toEqual([0, 10, 30, 60, 100]);
    expect(heights.total).toBe(100);
    expect(heights.top(-1)).toBe(0);
    expect(heights.top(9)).toBe(100);
  });

  it("finds the row at an offset", () => {
    const heights = new Heights(4, (index) => (index + 1) * 10);
    expect([-5, 0, 9, 10, 29, 30, 59, 60, 100, 999].map((offset) => heights.at(offset))).toEqual([
      0, 0, 0, 1, 1, 2, 2, 3, 3, 3,
    ]);
  });

  it("moves what is below a row that turns out taller", () => {
    const heights = new Heights(4, () => 10);
    expect(heights.total).toBe(40);
    expect(heights.set(1, 25)).toBe(true);
    expect([0, 1, 2, 3, 4].map((index) => heights.top(index))).toEqual([0, 10, 35, 45, 55]);
    expect(heights.set(1, 25)).toBe(false);
    expect(heights.at(34)).toBe(1);
  });

  it("says which rows are between two offsets", () => {
    const heights = new Heights(100, () => 10);
    expect(heights.between(95, 130)).toEqual({ first: 9, end: 14 });
    expect(heights.between(-50, 5)).toEqual({ first: 0, end: 1 });
    expect(heights.between(990, 5000)).toEqual({ first: 99, end: 100 });
    expect(heights.between(50, 10)).toEqual({ first: 5, end: 6 });
  });

  it("can be empty", () => {
    const heights = new Heights(0, () => 10);
    expect(heights.total).toBe(0);
    expect(heights.at(50)).toBe(0);
    expect(heights.between(0, 500)).toEqual({ first: 0, end: 0 });
  });

  it("shows few of many", () => {
    const heights = new Heights(50_000, (index) => 30 + (index % 7) * 20);
    const { first, end } = heights.between(1_000_000, 1_002_400);
    expect(end - first).toBeLessThan(60);
    expect(heights.top(first)).toBeLessThanOrEqual(1_000_000);
    expect(heights.top(end)).toBeGreaterThanOrEqual(1_002_400);
  });
});
