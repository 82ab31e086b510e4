/** What is known about files without trusting what a stranger says of them. */
import type { FileContent } from "../client/content";
import { isReasonable } from "./pixels";

/** How a file may be shown: never as a document, whatever it says it is. */
export type Showing =
  | { readonly as: "image" | "audio" | "video"; readonly type: string }
  | { readonly as: "file" };

const IMAGES: ReadonlySet<string> = new Set([
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "image/avif",
]);

/* Containers of which the first bytes say no more than the family. */
const SOUNDS: Readonly<Record<string, string>> = {
  "audio/mpeg": "audio/mpeg",
  "audio/ogg": "application/ogg",
  "audio/wav": "audio/wav",
  "audio/mp4": "video/mp4",
  "audio/webm": "video/webm",
};
const FILMS: Readonly<Record<string, string>> = {
  "video/mp4": "video/mp4",
  "video/webm": "video/webm",
  "video/ogg": "application/ogg",
};

const ALIASES: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "audio/mp3": "audio/mpeg",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/vnd.wave": "audio/wav",
  "audio/x-m4a": "audio/mp4",
  "audio/m4a": "audio/mp4",
};

/** How to show a file: by its type, if its first bytes agree; else as something to download. */
export function showing(type: string, data: ArrayBuffer): Showing {
  const bare = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const named = ALIASES[bare] ?? bare;
  const found = sniff(data);
  if (found === null) {
    return { as: "file" };
  }
  if (IMAGES.has(named)) {
    const shown = named === found && isReasonable(named, data);
    return shown ? { as: "image", type: named } : { as: "file" };
  }
  if (SOUNDS[named] === found) {
    return { as: "audio", type: named };
  }
  return FILMS[named] === found ? { as: "video", type: named } : { as: "file" };
}

/** What a file's first bytes say that it is, among the types that can be shown. */
export function sniff(data: ArrayBuffer): string | null {
  const bytes = new Uint8Array(data, 0, Math.min(32, data.byteLength));
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  const starts = (...expected: number[]) => expected.every((byte, at) => bytes[at] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) {
    return "image/png";
  }
  if (starts(0xff, 0xd8, 0xff)) {
    return "image/jpeg";
  }
  if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") {
    return "image/gif";
  }
  if (text(0, 4) === "RIFF") {
    return { WEBP: "image/webp", WAVE: "audio/wav" }[text(8, 12)] ?? null;
  }
  if (text(4, 8) === "ftyp") {
    return ["avif", "avis"].includes(text(8, 12)) ? "image/avif" : "video/mp4";
  }
  if (text(0, 4) === "OggS") {
    return "application/ogg";
  }
  if (starts(0x1a, 0x45, 0xdf, 0xa3)) {
    return "video/webm";
  }
  const frame = bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2;
  return text(0, 3) === "ID3" || frame ? "audio/mpeg" : null;
}

const LONGEST_NAME = 120;
const LONGEST_EXTENSION = 16;

/** A file's name without what is not seen, turns the direction, or would make it a path. */
export function safeName(name: string): string {
  const clean = name
    .replace(
      /[\p{Cc}\p{Co}\p{Cs}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu,
      "",
    )
    .replace(/[/\\:*?"<>|]/g, "_")
    .replace(/\s+/g, " ")
    .trim();
  const characters = [...clean];
  if (characters.length <= LONGEST_NAME) {
    return /^\.*$/.test(clean) ? "file" : clean;
  }
  const dot = clean.lastIndexOf(".");
  const ending = dot > 0 ? [...clean.slice(dot)] : [];
  const kept = ending.length <= LONGEST_EXTENSION ? ending : [];
  return [...characters.slice(0, LONGEST_NAME - 1 - kept.length), "…", ...kept].join("");
}

/* The event's name, the target's ID, the message's own and the punctuation around them. */
const ENVELOPE = 600;

/** How many bytes a message with this content takes on its way. */
export function messageBytes(content: string | FileContent): number {
  const count = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  if (typeof content === "string") {
    return count(content) + ENVELOPE;
  }
  const { data, ...rest } = content;
  return data.byteLength + count(rest) + ENVELOPE;
}

/** Whether a picture may be made smaller and still be what it was: not if it may move. */
export function canShrink(type: string): boolean {
  return type === "image/jpeg" || type === "image/png" || type === "image/webp";
}
