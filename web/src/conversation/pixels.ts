/** How large pictures are that a stranger has sent, before anything unfolds them. */

/** Drawn, it takes four bytes for each: a phone's browser has not much more than that. */
const MOST_PIXELS = 50_000_000;

/** Whether a picture may be shown, by what its header says: a few bytes can make a huge one. */
export function isReasonable(type: string, data: ArrayBuffer): boolean {
  const view = new DataView(data);
  try {
    const sizes = readers[type]?.(view) ?? [];
    return sizes.length > 0 && sizes.every(([width, height]) => width * height <= MOST_PIXELS);
  } catch {
    return false; // it ends within its header
  }
}

type Size = readonly [width: number, height: number];

const readers: Readonly<Record<string, (view: DataView) => readonly Size[]>> = {
  "image/png": (view) => [[view.getUint32(16), view.getUint32(20)]],
  "image/gif": gif,
  "image/jpeg": jpeg,
  "image/webp": webp,
  "image/avif": avif,
};

/** Of the first frame, after other segments. What is out of order some decoders would put right. */
function jpeg(view: DataView): readonly Size[] {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    const ofFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (ofFrame) {
      return [[view.getUint16(at + 7), view.getUint16(at + 5)]];
    }
    const hasLength = marker >= 0xdb || marker === 0xc4 || marker === 0xcc;
    if (marker !== 0xff && !hasLength) {
      break;
    }
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return [];
}

/** Of the whole, and of each frame: the first may be larger than the whole. */
function gif(view: DataView): readonly Size[] {
  const sizes: Size[] = [[view.getUint16(6, true), view.getUint16(8, true)]];
  let at = 13 + colours(view.getUint8(10));
  while (at < view.byteLength) {
    const kind = view.getUint8(at);
    if (kind === 0x2c) {
      sizes.push([view.getUint16(at + 5, true), view.getUint16(at + 7, true)]);
      at += 11 + colours(view.getUint8(at + 9));
    } else if (kind === 0x21) {
      at += 2;
    } else {
      break;
    }
    while (at < view.byteLength && view.getUint8(at) > 0) {
      at += 1 + view.getUint8(at);
    }
    at += 1;
  }
  return sizes;
}

/** How many bytes a GIF's table of colours takes, by its flags. */
function colours(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

function webp(view: DataView): readonly Size[] {
  switch (name(view, 12)) {
    case "VP8X":
      return [[(view.getUint32(24, true) & 0xffffff) + 1, (view.getUint32(26, true) >>> 8) + 1]];
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return [[(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]];
    }
    default:
      return [[view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff]];
  }
}

/** Of all pictures in it: its parts are pictures, too. They are at the beginning, in `meta`. */
function avif(view: DataView): readonly Size[] {
  const sizes: Size[] = [];
  const end = view.byteLength - 16;
  for (let at = 0; at <= end; at += 1) {
    // Quickly past what is not even an `i`
    if (view.getUint8(at) === 0x69 && name(view, at) === "ispe") {
      sizes.push([view.getUint32(at + 8), view.getUint32(at + 12)]);
    }
  }
  return sizes;
}

function name(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
}
