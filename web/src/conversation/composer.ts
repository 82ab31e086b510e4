/** Where a message is written, and files are put to it. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import type { Problem } from "../client/api";
import type { FileContent } from "../client/content";
import { define } from "../shared/define";
import { controls } from "../shared/theme";
import { canShrink, messageBytes, safeName, showing } from "./files";
import { byteSize } from "./format";
import { icons } from "./icons";
import { t } from "./texts";

const MOST_FILES = 20;
const TALLEST_PX = 180;

/** A file that is to go with the next message. */
export interface Attached {
  readonly content: FileContent;
  /** Made smaller, so that it can be sent. */
  readonly smaller: boolean;
}

interface Chosen extends Attached {
  /** For a picture: where its preview is. */
  readonly url: string | null;
}

/**
 * Fires `draft-changed` with what is written so far, `attached-changed` with the files that are to go
 * with it, and `writing` with whether somebody is at it.
 */
export class Composer extends LitElement {
  static override properties = {
    draft: { attribute: false },
    attached: { attribute: false },
    limit: { attribute: false },
    deliver: { attribute: false },
    files: { state: true },
    complaint: { state: true },
    filled: { state: true },
  };

  declare draft: string;
  declare attached: readonly Attached[];
  /** Largest message in bytes. */
  declare limit: number;
  /**
   * Takes what has been written, and calls `taken` for each message that is made of it; rejects with
   * a problem if the rest could not be sent.
   */
  declare deliver: (
    text: string,
    files: readonly FileContent[],
    taken: () => void,
  ) => Promise<void>;
  declare protected files: readonly Chosen[];
  declare protected complaint: string;
  declare protected filled: boolean;

  constructor() {
    super();
    this.draft = "";
    this.attached = [];
    this.limit = 1_000_000;
    this.deliver = async () => {};
    this.files = [];
    this.complaint = "";
    this.filled = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.files = this.attached.map(chosen);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    revoke(this.files);
    this.files = [];
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const { attached, files } = this;
    const same =
      attached.length === files.length &&
      attached.every(({ content }, index) => content === files[index]?.content);
    if (changed.has("attached") && !same) {
      revoke(files);
      this.files = attached.map(chosen);
    }
  }

  override focus(options?: FocusOptions): void {
    this.#field?.focus(options);
  }

  /** Put files to the next message; what cannot go with it is said. */
  async add(files: Iterable<File>): Promise<void> {
    this.complaint = "";
    for (const file of files) {
      if (this.files.length >= MOST_FILES) {
        this.complaint = t().tooMany(MOST_FILES);
        break;
      }
      await this.#addOne(file);
    }
    this.focus();
  }

  async #addOne(file: File): Promise<void> {
    const name = safeName(file.name);
    const most =
      this.limit - messageBytes({ kind: "file", name, type: file.type, data: new ArrayBuffer(0) });
    if (file.size > most) {
      const content = canShrink(file.type)
        ? await (await import("./shrink")).shrink(file, name, this.limit)
        : null;
      if (content) {
        this.#choose(content, true);
      } else {
        this.complaint = t().tooLarge(name, byteSize(file.size), byteSize(most));
      }
      return;
    }
    const data = await file.arrayBuffer().catch(() => new ArrayBuffer(0));
    if (data.byteLength === 0) {
      this.complaint = t().emptyFile(name);
      return;
    }
    this.#choose({ kind: "file", name, type: file.type, data }, false);
  }

  #choose(content: FileContent, smaller: boolean): void {
    this.#attach([...this.files, chosen({ content, smaller })]);
  }

  #drop(files: readonly Chosen[]): void {
    revoke(files);
    this.#attach(this.files.filter((each) => !files.includes(each)));
  }

  #attach(files: readonly Chosen[]): void {
    this.files = files;
    this.attached = files.map(({ content, smaller }) => ({ content, smaller }));
    this.dispatchEvent(
      new CustomEvent("attached-changed", {
        detail: { files: this.attached },
        bubbles: true,
        composed: true,
      }),
    );
  }

  get #field(): HTMLTextAreaElement | null {
    return this.renderRoot?.querySelector("textarea") ?? null;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const field = this.#field;
    if (field && changed.has("draft") && field.value !== this.draft) {
      field.value = this.draft;
      this.filled = this.draft.trim() !== "";
      this.#grow();
    }
  }

  protected override render() {
    return html`
      ${this.complaint ? html`<p class="complaint" role="alert">${this.complaint}</p>` : nothing}
      ${
        this.files.length > 0
          ? html`<ul class="files" aria-label=${t().attached}>
              ${this.files.map((each) => this.#chosen(each))}
            </ul>`
          : nothing
      }
      <form @submit=${this.#submit}>
        <input type="file" multiple hidden aria-label=${t().attach} @change=${this.#picked} />
        <button
          type="button"
          class="icon quiet"
          aria-label=${t().attach}
          title=${t().attach}
          @click=${() => this.renderRoot.querySelector("input")?.click()}
        >
          ${icons.clip()}
        </button>
        <textarea
          rows="1"
          dir="auto"
          aria-label=${t().message}
          placeholder=${t().message}
          enterkeyhint=${writesByTouch() ? "enter" : "send"}
          @input=${this.#input}
          @keydown=${this.#key}
          @paste=${this.#paste}
          @blur=${() => this.#writing(false)}
        ></textarea>
        <button
          class="icon primary"
          aria-label=${t().send}
          title=${t().send}
          ?disabled=${!this.filled && this.files.length === 0}
        >
          ${icons.send()}
        </button>
      </form>
    `;
  }

  #chosen(file: Chosen) {
    const { content, url, smaller } = file;
    const size = byteSize(content.data.byteLength);
    return html`<li>
      ${url === null ? icons.file() : html`<img src=${url} alt="" />`}
      <span class="what">
        <span class="name" dir="auto">${content.name}</span>
        <span class="size">${size}${smaller ? html`, ${t().madeSmaller}` : nothing}</span>
      </span>
      <button
        class="icon quiet"
        aria-label=${t().removeFile(content.name)}
        @click=${() => this.#remove(file)}
      >
        ${icons.cross()}
      </button>
    </li>`;
  }

  #remove(file: Chosen): void {
    this.#drop([file]);
    this.focus();
  }

  readonly #picked = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    void this.add([...(input.files ?? [])]);
    // The same file can be chosen again.
    input.value = "";
  };

  readonly #input = () => {
    const text = this.#field?.value ?? "";
    this.complaint = "";
    this.#wrote(text);
    this.#writing(text.trim() !== "");
  };

  readonly #key = (event: KeyboardEvent) => {
    if (event.key === "Escape" && this.files.length > 0) {
      event.stopPropagation();
      this.#drop(this.files);
    }
    // While an input method composes, Enter is its own; Safari says so by the key code alone.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key === "Enter" && !event.shiftKey && !composing && !writesByTouch()) {
      event.preventDefault();
      void this.#send();
    }
  };

  readonly #paste = (event: ClipboardEvent) => {
    const from = event.clipboardData;
    // Word processors put a picture of the text beside the text.
    if (from && from.files.length > 0 && !from.types.includes("text/plain")) {
      event.preventDefault();
      void this.add([...from.files]);
    }
  };

  readonly #submit = (event: Event) => {
    event.preventDefault();
    void this.#send();
  };

  async #send(): Promise<void> {
    const field = this.#field;
    const text = field?.value.trim() === "" ? "" : (field?.value ?? "");
    const files = this.files.map(({ content }) => content);
    if (!field || (text === "" && files.length === 0)) {
      return;
    }
    const first = files[0];
    if (messageBytes(first ? { ...first, text } : text) > this.limit) {
      this.complaint = t().textTooLong(byteSize(this.limit));
      return;
    }
    let left = { text, chosen: this.files };
    const taken = () => {
      revoke(left.chosen.slice(0, 1));
      left = { text: "", chosen: left.chosen.slice(1) };
    };
    this.complaint = "";
    this.#attach([]);
    this.#setText("");
    field.focus();
    try {
      await this.deliver(text, files, taken);
    } catch (problem) {
      const { code } = problem as Partial<Problem>;
      this.complaint = t().sendFailed(code ? t().why(code) : String(problem));
      this.#attach([...left.chosen, ...this.files]);
      this.#setText([left.text, field.value].filter((each) => each !== "").join("\n"));
    }
  }

  #setText(text: string): void {
    const field = this.#field;
    if (field) {
      field.value = text;
      this.#wrote(text);
    }
  }

  #wrote(text: string): void {
    this.draft = text;
    this.filled = text.trim() !== "";
    this.#grow();
    this.dispatchEvent(
      new CustomEvent("draft-changed", { detail: { text }, bubbles: true, composed: true }),
    );
  }

  #writing(active: boolean): void {
    this.dispatchEvent(new CustomEvent("writing", { detail: { active } }));
  }

  #grow(): void {
    const field = this.#field;
    if (field) {
      field.style.blockSize = "auto";
      const border = field.offsetHeight - field.clientHeight;
      field.style.blockSize = `${Math.min(TALLEST_PX, field.scrollHeight + border)}px`;
    }
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
        padding: 8px calc(10px + var(--gutter, 0px));
        padding-block-end: max(8px, env(safe-area-inset-bottom));
        border-block-start: 1px solid var(--d-line);
        background: var(--d-bg);
      }
      form {
        display: flex;
        align-items: flex-end;
        gap: 6px;
      }
      form > button {
        flex: none;
      }
      textarea {
        flex: 1;
        min-inline-size: 0;
        max-block-size: 40vh;
        resize: none;
        border-radius: 22px;
        padding-inline: 16px;
        line-height: 1.45;
      }
      .primary {
        border-radius: 22px;
      }
      :host(:dir(rtl)) .primary svg {
        transform: scaleX(-1);
      }
      .complaint {
        margin: 0 0 8px;
        padding: 8px 12px;
        border-radius: var(--d-radius-small);
        background: var(--d-bad-soft);
        color: var(--d-bad);
        overflow-wrap: anywhere;
      }
      .files {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        max-block-size: 180px;
        margin: 0 0 8px;
        padding: 0;
        overflow-y: auto;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 8px;
        max-inline-size: 100%;
        padding-inline-start: 8px;
        border: 1px solid var(--d-line);
        border-radius: var(--d-radius-small);
        background: var(--d-surface);
      }
      li > img {
        inline-size: 40px;
        block-size: 40px;
        object-fit: cover;
        border-radius: 6px;
      }
      li > svg {
        flex: none;
        color: var(--d-muted);
      }
      .what {
        min-inline-size: 0;
        display: grid;
        line-height: 1.25;
      }
      .name {
        max-inline-size: 16em;
        overflow-wrap: anywhere;
        font-size: 0.875rem;
      }
      .size {
        color: var(--d-muted);
        font-size: 0.8125rem;
      }
    `,
  ];
}

function chosen(attached: Attached): Chosen {
  const { type, data } = attached.content;
  const shown = showing(type, data);
  const url =
    shown.as === "image" ? URL.createObjectURL(new Blob([data], { type: shown.type })) : null;
  return { ...attached, url };
}

function revoke(files: readonly Chosen[]): void {
  for (const { url } of files) {
    if (url !== null) {
      URL.revokeObjectURL(url);
    }
  }
}

/** On a keyboard of glass Enter makes a line: there is no Shift to make one with. */
function writesByTouch(): boolean {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

define("duologue-composer", Composer);
