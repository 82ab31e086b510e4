/** Short texts that go away by themselves, unless somebody is at them. */
import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { controls } from "../shared/theme";
import { icons } from "./icons";
import type { Toast } from "./model";
import { t } from "./texts";
import { View, words } from "./view";

const SHOWN_MS = 7_000;
const ALERT_SHOWN_MS = 20_000;

export class Toasts extends View {
  static override styles = [
    controls,
    words,
    css`
      :host {
        position: fixed;
        inset-block-start: 68px; /* below the header, and not over what is being written */
        inset-inline: calc(var(--d-side) + 16px) 16px; /* and not over the list beside it */
        z-index: 10;
        pointer-events: none;
      }
      :host,
      div {
        display: grid;
        gap: 8px;
        justify-items: center;
      }
      @media (max-width: 759.98px) {
        /* Over the list, whose most used buttons are at its beginning */
        :host([low]) {
          inset-block: auto 16px;
        }
      }
      p {
        display: flex;
        align-items: center;
        gap: 4px;
        max-width: min(100%, 34em);
        margin: 0;
        padding-block: 4px;
        padding-inline: 16px 4px;
        border-radius: var(--d-radius);
        border: 1px solid var(--d-line);
        background: var(--d-raised);
        box-shadow: 0 4px 24px rgb(0 0 0 / 0.25);
        overflow-wrap: anywhere;
        pointer-events: auto;
      }
      p[data-alert] {
        color: var(--d-bad);
        background: var(--d-bad-soft);
        border-color: currentColor;
      }
      span {
        flex: 1;
        min-width: 0;
        max-height: 6em;
        overflow: hidden;
      }
      button {
        flex: none;
      }
    `,
  ];

  readonly #timers = new Map<Toast, ReturnType<typeof setTimeout>>();

  protected override updated(): void {
    const { toasts, peer } = this.model;
    this.toggleAttribute("low", peer === null);
    for (const [toast, timer] of this.#timers) {
      if (!toasts.includes(toast)) {
        clearTimeout(timer);
        this.#timers.delete(toast);
      }
    }
    for (const toast of toasts) {
      if (!this.#timers.has(toast)) {
        this.#wait(toast);
      }
    }
  }

  /** What is being read or used stays. */
  #wait(toast: Toast): void {
    const timer = setTimeout(
      () => {
        if (this.matches(":hover, :focus-within")) {
          this.#wait(toast);
        } else {
          this.model.dismiss(toast);
        }
      },
      toast.alert ? ALERT_SHOWN_MS : SHOWN_MS,
    );
    this.#timers.set(toast, timer);
  }

  protected override render(): TemplateResult {
    const { toasts } = this.model;
    const some = (alert: boolean) =>
      repeat(
        toasts.filter((toast) => toast.alert === alert),
        (toast) => toast,
        (toast) => this.#toast(toast),
      );
    return html`
      <div role="status">${some(false)}</div>
      <div role="alert">${some(true)}</div>
    `;
  }

  #toast(toast: Toast): TemplateResult {
    const { action } = toast;
    const act = () => {
      this.model.dismiss(toast);
      action?.run();
    };
    if (toast.heard) {
      return html`<p class="visually-hidden">${toast.text}</p>`;
    }
    return html`<p ?data-alert=${toast.alert}>
      <span dir="auto">${toast.text}</span>
      ${action ? html`<button class="quiet" @click=${act}>${action.label}</button>` : nothing}
      <button
        class="quiet icon"
        aria-label=${t().dismiss}
        @click=${() => this.model.dismiss(toast)}
      >
        ${icons.cross()}
      </button>
    </p>`;
  }
}

customElements.define("duologue-toasts", Toasts);
