import { describe, expect, it } from "vitest";
import { isReasonable } from "./pixels";

function bytes(...parts: (number | string)[]): ArrayBuffer {
  const all = parts.flatMap((part) =>
    typeof part === "number" ? [part] : [...part].map((each) => each.charCodeAt(0)),
  );
  return new Uint8Array(all).buffer;
}

const big = (value: number) => [value >> 8, value & 0xff];
const little = (value: number) => [value & 0xff, value >> 8];

/** Headers of pictures with these sides, in every format. */
function pictures(width: number, height: number): [type: string, data: ArrayBuffer][] {
  const long = [0, 0, ...big(width), 0, 0, ...big(height)];
  const frame = [0xff, 0xc2, 0, 11, 8, ...big(height), ...big(width)];
  const gif = [...little(width), ...little(height)];
  const lossless = ((width - 1) | ((height - 1) << 14)) >>> 0;
  return [
    ["image/png", bytes(0x89, "PNG\r\n", 0x1a, "\n", 0, 0, 0, 13, "IHDR", ...long)],
    ["image/jpeg", bytes(0xff, 0xd8, ...frame)],
    ["image/jpeg", bytes(0xff, 0xd8, 0xff, 0xe1, 0, 6, "Exif", 0xff, ...frame)],
    ["image/gif", bytes("GIF89a", ...gif, 0, 0, 0, ";")],
    [
      "image/gif",
      bytes("GIF89a", 1, 0, 1, 0, 0x80, 0, 0, "......!", 0xf9, 1, 0, 0, ",", 0, 0, 0, 0, ...gif, 0),
    ],
    ["image/webp", bytes("RIFF....WEBPVP8 ......", "....", ...gif)],
    [
      "image/webp",
      bytes("RIFF....WEBPVP8X........", ...little(width - 1), 0, ...little(height - 1), 0),
    ],
    [
      "image/webp",
      bytes("RIFF....WEBPVP8L....", 0x2f, ...[0, 8, 16, 24].map((by) => (lossless >>> by) & 0xff)),
    ],
    ["image/avif", bytes(0, 0, 0, 12, "ftypavif", 0, 0, 0, 20, "ispe", 0, 0, 0, 0, ...long)],
  ];
}

describe("a picture", () => {
  it.each(pictures(4000, 3000))("of a camera may be shown: %s", (type, data) => {
    expect(isReasonable(type, data)).toBe(true);
  });

  it.each(pictures(14_336, 14_336))("that would fill the memory is not shown: %s", (type, data) => {
    expect(isReasonable(type, data)).toBe(false);
  });

  it.each(pictures(4000, 3000))("that is cut off in its header is not shown: %s", (type, data) => {
    expect(isReasonable(type, data.slice(0, 9))).toBe(false);
  });

  it("is not shown where its size is hidden from who does not mend it", () => {
    const frame = [0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1];
    for (const disorder of [[0], [0xff, 0x01], [0xff, 0xd0], [0xff, 0xd8]]) {
      expect(isReasonable("image/jpeg", bytes(0xff, 0xd8, ...disorder, ...frame))).toBe(false);
    }
  });

  it("is of a kind that is known", () => {
    expect(isReasonable("image/svg+xml", bytes("<svg/>"))).toBe(false);
  });
});
