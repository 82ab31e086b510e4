/** A picture in full, above everything else. */
import { css, html, LitElement, type PropertyValues } from "lit";
import type { FileContent } from "../client/content";
import { define } from "../shared/define";
import { controls } from "../shared/theme";
import { saveFile } from "./attachment";
import { safeName, showing } from "./files";
import { icons } from "./icons";
import { t } from "./texts";

class Picture extends LitElement {
  static override properties = { content: { attribute: false } };
  declare content: FileContent | null;
  #url = "";

  constructor() {
    super();
    this.content = null;
  }

  protected override willUpdate(): void {
    const { content } = this;
    if (content && this.#url === "") {
      const shown = showing(content.type, content.data);
      const type = shown.as === "image" ? shown.type : "application/octet-stream";
      this.#url = URL.createObjectURL(new Blob([content.data], { type }));
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    URL.revokeObjectURL(this.#url);
  }

  protected override firstUpdated(_: PropertyValues<this>): void {
    this.renderRoot.querySelector("dialog")?.showModal();
  }

  readonly #close = () => this.renderRoot.querySelector("dialog")?.close();

  protected override render() {
    const { content } = this;
    const name = safeName(content?.name ?? "");
    return html`<dialog aria-label=${t().picture(name)} @close=${() => this.remove()}>
      <header>
        <span class="name" dir="auto">${name}</span>
        <button
          class="icon quiet"
          aria-label=${t().downloadNamed(name)}
          @click=${() => content && saveFile(content.name, content.data)}
        >
          ${icons.save()}
        </button>
        <button class="icon quiet" aria-label=${t().close} autofocus @click=${this.#close}>
          ${icons.cross()}
        </button>
      </header>
      <img src=${this.#url} alt=${t().picture(name)} />
    </dialog>`;
  }

  static override styles = [
    controls,
    css`
      dialog {
        inline-size: fit-content;
        max-inline-size: min(96vw, 1400px);
        max-block-size: 96vh;
        padding: 8px 12px 12px;
        border: 0;
        border-radius: var(--d-radius);
        background: var(--d-raised);
        color: var(--d-text);
        overflow: auto;
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 0.7);
      }
      header {
        display: flex;
        align-items: center;
        gap: 4px;
        padding-block-end: 8px;
      }
      .name {
        flex: 1;
        min-inline-size: 0;
        overflow-wrap: anywhere;
        font-weight: 600;
      }
      img {
        display: block;
        margin-inline: auto;
        max-inline-size: 100%;
        max-block-size: calc(96vh - 90px);
      }
    `,
  ];
}

define("duologue-picture", Picture);

/** Show a picture until the reader closes it; colours are those of `parent`. */
export function showPicture(parent: ShadowRoot | HTMLElement, content: FileContent): void {
  const element = document.createElement("duologue-picture") as Picture;
  element.content = content;
  parent.append(element);
}
