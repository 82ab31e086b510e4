/** Makes a photo smaller until it fits. Fetched only when one does not. */
import type { FileContent } from "../client/content";
import { messageBytes } from "./files";

/** Longest sides that are tried, and how well it is drawn each time. */
const TRIES = [
  [2560, 0.85],
  [1920, 0.8],
  [1280, 0.75],
  [960, 0.6],
] as const;

/** The same picture in fewer bytes, or null if that does not help or cannot be done here. */
export async function shrink(file: Blob, name: string, limit: number): Promise<FileContent | null> {
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return null;
  }
  try {
    for (const [longest, quality] of TRIES) {
      const content = await drawn(picture, longest, quality, name);
      if (content && messageBytes(content) <= limit) {
        return content;
      }
    }
    return null;
  } finally {
    picture.close();
  }
}

async function drawn(
  picture: ImageBitmap,
  longest: number,
  quality: number,
  name: string,
): Promise<FileContent | null> {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) {
    return null;
  }
  // What was transparent would be black in a JPEG.
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  const data = await blob.arrayBuffer();
  const renamed = `${name.replace(/\.[^.]*$/, "")}.jpg`;
  return { kind: "file", name: renamed, type: "image/jpeg", data };
}
