/** A file in a message: shown if it is a harmless picture, sound or film, else offered for saving. */
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { FileContent } from "../client/content";
import { define } from "../shared/define";
import { controls } from "../shared/theme";
import { type Showing, safeName, showing } from "./files";
import { byteSize } from "./format";
import { icons } from "./icons";
import { t } from "./texts";

/** Sizes of pictures that have been seen, so that they take their room at once the next time. */
const sizes = new WeakMap<ArrayBuffer, readonly [number, number]>();

/** Save a file under its name, without any application's opening it as what it says it is. */
export function saveFile(name: string, data: BlobPart): void {
  const url = URL.createObjectURL(new Blob([data], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = safeName(name);
  link.click();
  // The browser reads it after this task.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Fires `picture` with the content when the reader wants to see a picture in full. */
export class Attachment extends LitElement {
  static override properties = {
    content: { attribute: false },
    url: { state: true },
    broken: { state: true },
  };

  declare content: FileContent | null;
  declare protected url: string | null;
  /** The browser could not show it after all. */
  declare protected broken: boolean;
  #showing: Showing = { as: "file" };

  constructor() {
    super();
    this.content = null;
    this.url = null;
    this.broken = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#close();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("content") && changed.get("content")?.data !== this.content?.data) {
      this.#close();
      this.#open();
    }
  }

  #open(): void {
    const { content } = this;
    if (!content || this.url !== null) {
      return;
    }
    this.broken = false;
    this.#showing = showing(content.type, content.data);
    if (this.#showing.as !== "file") {
      this.url = URL.createObjectURL(new Blob([content.data], { type: this.#showing.type }));
    }
  }

  #close(): void {
    if (this.url !== null) {
      URL.revokeObjectURL(this.url);
      this.url = null;
    }
  }

  protected override render() {
    const { content, url } = this;
    if (!content) {
      return nothing;
    }
    if (url === null || this.broken || this.#showing.as === "file") {
      return this.#card(content);
    }
    if (this.#showing.as === "image") {
      return this.#picture(content, url);
    }
    const fail = () => {
      this.broken = true;
    };
    const name = safeName(content.name);
    return html`${
      this.#showing.as === "audio"
        ? html`<audio controls preload="metadata" src=${url} aria-label=${name} @error=${fail}></audio>`
        : html`<video
            controls
            playsinline
            preload="metadata"
            src=${url}
            aria-label=${name}
            @error=${fail}
          ></video>`
    }${this.#card(content)}`;
  }

  #picture(content: FileContent, url: string): TemplateResult {
    const name = safeName(content.name);
    const [width, height] = sizes.get(content.data) ?? [nothing, nothing];
    return html`<button
      class="picture"
      aria-label=${t().viewPicture(name)}
      @click=${() => this.#view(content)}
    >
      <img
        src=${url}
        alt=${t().picture(name)}
        width=${width}
        height=${height}
        decoding="async"
        draggable="false"
        @load=${(event: Event) => this.#loaded(event, content.data)}
        @error=${() => {
          this.broken = true;
        }}
      />
    </button>`;
  }

  #loaded(event: Event, data: ArrayBuffer): void {
    const { naturalWidth, naturalHeight } = event.currentTarget as HTMLImageElement;
    sizes.set(data, [naturalWidth, naturalHeight]);
  }

  #view(content: FileContent): void {
    this.dispatchEvent(
      new CustomEvent("picture", { detail: content, bubbles: true, composed: true }),
    );
  }

  #card(content: FileContent): TemplateResult {
    const name = safeName(content.name);
    return html`<div class="card">
      ${icons.file()}
      <span class="what">
        <span class="name" dir="auto">${name}</span>
        <span class="size">${byteSize(content.data.byteLength)}</span>
      </span>
      <button
        class="icon"
        aria-label=${t().downloadNamed(name)}
        title=${t().download}
        @click=${() => saveFile(content.name, content.data)}
      >
        ${icons.save()}
      </button>
    </div>`;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      .picture {
        display: block;
        min-block-size: 44px;
        min-inline-size: 44px;
        padding: 0;
        border: 0;
        border-radius: 11px;
        background: transparent;
        overflow: hidden;
        cursor: zoom-in;
      }
      img,
      video {
        display: block;
        inline-size: auto;
        block-size: auto;
        max-inline-size: 100%;
        max-block-size: 320px;
        border-radius: 11px;
        object-fit: contain;
      }
      audio {
        display: block;
        inline-size: min(300px, 100%);
      }
      .card {
        display: flex;
        align-items: center;
        gap: 8px;
        min-inline-size: min(220px, 100%);
        padding: 4px;
      }
      .card > svg {
        flex: none;
        color: var(--d-muted);
      }
      .what {
        flex: 1;
        min-inline-size: 0;
        display: grid;
      }
      .name {
        overflow-wrap: anywhere;
        font-weight: 600;
        font-size: 0.9375rem;
        line-height: 1.3;
      }
      .size {
        color: color-mix(in srgb, var(--d-text) 72%, var(--d-mine));
        font-size: 0.8125rem;
      }
    `,
  ];
}

define("duologue-attachment", Attachment);
