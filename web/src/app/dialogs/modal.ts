/** What all dialogs are made from: a native one, whose first field or button has the focus. */
import { type CSSResultGroup, css, html, nothing, type TemplateResult } from "lit";
import { controls } from "../../shared/theme";
import { icons } from "../icons";
import type { Model } from "../model";
import { explain } from "../problems";
import { View, words } from "../view";
import { t } from "./texts";

export abstract class Modal extends View {
  static override styles: CSSResultGroup = [
    controls,
    words,
    css`
      dialog {
        width: min(100% - 24px, 30em);
        max-height: calc(100dvh - 24px);
        padding: 0;
        border: 1px solid var(--d-line);
        border-radius: var(--d-radius);
        color: var(--d-text);
        background: var(--d-bg);
        box-shadow: 0 16px 64px rgb(0 0 0 / 0.35);
        overflow: auto;
        overflow-wrap: anywhere;
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 0.5);
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 8px;
        padding-block: 12px 0;
        padding-inline: 20px 8px;
      }
      h2 {
        flex: 1;
        margin: 0;
        font-size: 1.1875rem;
        line-height: 1.3;
      }
      .body,
      form {
        display: flex;
        flex-direction: column;
        gap: 16px;
      }
      .body {
        padding: 8px 20px 20px;
      }
      p {
        margin: 0;
      }
      label {
        display: block;
        margin-block-end: 4px;
        font-weight: 600;
      }
      :is(input, p) + :is(p, .actions) {
        margin-block-start: 6px;
      }
      .body > p + .actions,
      form > p + .actions {
        margin-block-start: 0;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: 8px;
      }
      .actions button {
        display: inline-flex;
        align-items: center;
        justify-content: center;
        gap: 8px;
      }
      .wrong {
        padding: 10px 12px;
        border-radius: var(--d-radius-small);
        color: var(--d-bad);
        background: var(--d-bad-soft);
      }
      .wrong button {
        margin-block-start: 8px;
      }
      /* There before they say something, and until then without a place of their own */
      :is([role="alert"], [role="status"]):empty {
        margin-block-start: -16px;
      }
      [aria-disabled="true"] {
        opacity: 0.55;
        cursor: default;
      }
      button.danger.primary {
        color: var(--d-bg);
        background: var(--d-bad);
      }
      @media (max-width: 30em) {
        .actions button {
          flex: 1 1 auto;
        }
      }
    `,
  ];

  /** What went wrong, to be said in the dialog: what is behind it cannot be reached. */
  #wrong: TemplateResult | string | null = null;
  #busy = false;

  constructor(model: Model) {
    super();
    this.model = model;
  }

  protected abstract heading(): string;
  protected abstract body(): TemplateResult;

  /** Buttons say so, and keep the focus, as those that are disabled do not. */
  protected get busy(): boolean {
    return this.#busy;
  }

  protected get dialog(): HTMLDialogElement | null {
    return this.find<HTMLDialogElement>("dialog");
  }

  protected override firstUpdated(): void {
    this.dialog?.showModal();
    this.find("[autofocus]")?.focus();
  }

  protected override render(): TemplateResult {
    return html`<dialog aria-labelledby="heading" @close=${this.#closed} @click=${this.#clicked}>
      <div class="bar">
        <h2 id="heading">${this.heading()}</h2>
        <button class="quiet icon" aria-label=${t().close} title=${t().close} @click=${this.close}>
          ${icons.cross()}
        </button>
      </div>
      <div class="body">${this.body()}</div>
    </dialog>`;
  }

  /** Where what went wrong is said: a region that is there before it has something to say. */
  protected problem(): TemplateResult {
    const said = this.#wrong === null ? nothing : html`<p class="wrong">${this.#wrong}</p>`;
    return html`<div role="alert">${said}</div>`;
  }

  protected say(wrong: TemplateResult | string | null): void {
    this.#wrong = wrong;
    this.requestUpdate();
  }

  /** Whether it worked; if not, the dialog says why. Meanwhile the dialog is `busy`. */
  protected async attempt(work: () => Promise<unknown>): Promise<boolean> {
    if (this.#busy) {
      return false;
    }
    this.#busy = true;
    this.say(null);
    try {
      await work();
      return true;
    } catch (thrown) {
      this.say(this.explain(thrown));
      return false;
    } finally {
      this.#busy = false;
      this.requestUpdate();
    }
  }

  protected explain(thrown: unknown): TemplateResult | string {
    return explain(thrown);
  }

  /** Close it; the focus goes back to where it was. */
  readonly close = () => this.dialog?.close();

  readonly #closed = (event: Event) => {
    // Not that of something inside
    if (event.target === this.dialog) {
      this.remove();
    }
  };

  /** A press beside the dialog closes it, as long as nothing has been written into it. */
  readonly #clicked = (event: MouseEvent) => {
    if (event.target === this.dialog && !this.#isWritten()) {
      this.close();
    }
  };

  #isWritten(): boolean {
    const fields = this.renderRoot.querySelectorAll<HTMLInputElement>("input, textarea");
    return [...fields].some((field) => field.value !== field.defaultValue);
  }
}
