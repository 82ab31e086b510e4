import { describe, expect, it } from "vitest";
import { canShrink, messageBytes, safeName, showing, sniff } from "./files";

function bytes(...parts: (number | string)[]): ArrayBuffer {
  const all = parts.flatMap((part) =>
    typeof part === "number" ? [part] : [...part].map((each) => each.charCodeAt(0)),
  );
  return new Uint8Array(all).buffer;
}

const PNG = bytes(0x89, "PNG\r\n", 0x1a, "\n", 0, 0, 0, 13, "IHDR", 0, 0, 0, 2, 0, 0, 0, 1);
const JPEG = bytes(0xff, 0xd8, 0xff, 0xe0, 0, 2, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 2);
const GIF = bytes("GIF89a", 2, 0, 1, 0, 0, 0, 0, ";");
const WEBP = bytes("RIFF....WEBPVP8 ", 0, 0, 0, 0, "......", 2, 0, 1, 0);
const AVIF = bytes(0, 0, 0, 0x1c, "ftypavif....", 0, 0, 0, 20, "ispe....", 0, 0, 0, 2, 0, 0, 0, 1);
const MP4 = bytes(0, 0, 0, 0x1c, "ftypisom");
const OGG = bytes("OggS....");
const WAV = bytes("RIFF....WAVEfmt ");
const WEBM = bytes(0x1a, 0x45, 0xdf, 0xa3);
const MP3 = bytes("ID3....");
const FRAME = bytes(0xff, 0xfb, 0x90);

describe("showing", () => {
  it.each([
    ["image/png", PNG, "image"],
    ["image/jpeg", JPEG, "image"],
    ["image/gif", GIF, "image"],
    ["image/webp", WEBP, "image"],
    ["image/avif", AVIF, "image"],
    ["audio/mpeg", MP3, "audio"],
    ["audio/mpeg", FRAME, "audio"],
    ["audio/ogg", OGG, "audio"],
    ["audio/wav", WAV, "audio"],
    ["video/mp4", MP4, "video"],
    ["video/webm", WEBM, "video"],
    ["IMAGE/PNG; charset=x", PNG, "image"],
  ])("shows %s", (type, data, as) => {
    expect(showing(type, data).as).toBe(as);
  });

  it("uses the names that are usual", () => {
    expect(showing("image/jpg", JPEG)).toEqual({ as: "image", type: "image/jpeg" });
    expect(showing("audio/mp3", MP3)).toEqual({ as: "audio", type: "audio/mpeg" });
  });

  it.each([
    ["image/svg+xml", bytes("<svg xmlns=''><script>alert(1)</script></svg>")],
    ["text/html", bytes("<script>alert(1)</script>")],
    ["image/png", bytes("<script>alert(1)</script>")],
    ["image/png", JPEG],
    ["image/svg+xml", PNG],
    ["text/html", PNG],
    ["application/pdf", bytes("%PDF-1.7")],
    ["", PNG],
    ["video/mp4", WEBM],
    ["audio/mpeg", MP4],
    ["image/png", new ArrayBuffer(0)],
    ["constructor", PNG],
    ["__proto__", PNG],
  ])("only offers %s for saving if it is not what it says, or not harmless", (type, data) => {
    expect(showing(type, data)).toEqual({ as: "file" });
  });

  it("knows nothing of other bytes", () => {
    expect(sniff(bytes("RIFF....AVI "))).toBeNull();
    expect(sniff(bytes("RIFF"))).toBeNull();
    expect(sniff(new ArrayBuffer(0))).toBeNull();
  });
});

describe("safeName", () => {
  it.each([
    ["photo.jpg", "photo.jpg"],
    ["  two   words.txt ", "two words.txt"],
    ["../../etc/passwd", ".._.._etc_passwd"],
    ["C:\\Users\\a.txt", "C__Users_a.txt"],
    ["invoice\u202efdp.exe", "invoicefdp.exe"],
    ["a\u0000b\nc\u200b.txt", "abc.txt"],
    ["\u2067x\u2069.txt", "x.txt"],
    ["نامه‌ها.pdf", "نامه‌ها.pdf"],
    ["👩‍👧.png", "👩‍👧.png"],
    ["", "file"],
    ["..", "file"],
    ["\u202e", "file"],
  ])("makes %j into %j", (name, safe) => {
    expect(safeName(name)).toBe(safe);
  });

  it("cuts long names and keeps the extension", () => {
    const name = safeName(`${"ä".repeat(500)}.jpeg`);
    expect([...name]).toHaveLength(120);
    expect(name.endsWith("….jpeg")).toBe(true);
    expect([...safeName("😀".repeat(500))]).toHaveLength(120);
    expect([...safeName(`a.${"b".repeat(500)}`)]).toHaveLength(120);
  });

  it("is quick with long names", () => {
    const begun = performance.now();
    safeName(" ".repeat(900_000));
    safeName("a".repeat(900_000));
    safeName(`x${" ".repeat(300_000)}x`);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe("sizes", () => {
  it("counts what travels", () => {
    expect(messageBytes("ä")).toBe(messageBytes("a") + 1);
    expect(messageBytes('"')).toBe(messageBytes("a") + 1);
    const file = { kind: "file", name: "a", type: "b", data: new ArrayBuffer(1000) } as const;
    expect(messageBytes(file)).toBeGreaterThan(1000 + messageBytes(""));
    expect(messageBytes({ ...file, text: "hello" })).toBeGreaterThan(messageBytes(file) + 5);
  });

  it("makes only photos smaller", () => {
    expect(canShrink("image/jpeg")).toBe(true);
    expect(canShrink("image/gif")).toBe(false);
    expect(canShrink("application/pdf")).toBe(false);
  });
});
