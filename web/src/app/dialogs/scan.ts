/** Reads QR codes with the camera, where the browser can. */

interface Detector {
  detect(image: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}

type Detectors = { BarcodeDetector?: new (options: { formats: string[] }) => Detector };

const LOOK_MS = 200;

export function canScan(): boolean {
  return (
    (globalThis as Detectors).BarcodeDetector !== undefined &&
    navigator.mediaDevices?.getUserMedia !== undefined
  );
}

/** Looks until it is stopped, and tells of each code that it sees. */
export class Scanner {
  readonly video = document.createElement("video");
  readonly #found: (text: string) => void;
  #stream: MediaStream | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #stopped = false;

  constructor(found: (text: string) => void) {
    this.#found = found;
    this.video.muted = true;
    this.video.playsInline = true;
  }

  async start(): Promise<void> {
    const { BarcodeDetector } = globalThis as Detectors;
    if (!BarcodeDetector) {
      throw new TypeError("This browser cannot read codes");
    }
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment" },
    });
    this.#stream = stream;
    if (this.#stopped) {
      this.stop();
      return;
    }
    this.video.srcObject = stream;
    await this.video.play();
    this.#timer = setInterval(() => void this.#look(detector), LOOK_MS);
  }

  async #look(detector: Detector): Promise<void> {
    // A picture that is not there yet cannot be looked at
    const codes = await detector.detect(this.video).catch(() => []);
    const code = codes[0];
    if (code && !this.#stopped) {
      this.#found(code.rawValue);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) {
      track.stop();
    }
    this.#stream = null;
  }
}
