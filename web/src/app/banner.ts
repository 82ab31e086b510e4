/** Says how it stands with the connection, as long as that is not well. */
import { css, html, nothing, type TemplateResult } from "lit";
import type { Status } from "../client/api";
import { controls } from "../shared/theme";
import { explain, signInTexts } from "./problems";
import { t } from "./texts";
import { View } from "./view";

/** A connection that takes no longer is not worth a word. */
const SOON_MS = 1_000;

export class Banner extends View {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      p {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: center;
        gap: 4px 12px;
        margin: 0;
        padding: 6px 16px;
        min-height: 44px;
        background: var(--d-warn-soft);
        text-align: center;
      }
      p.bad {
        color: var(--d-bad);
        background: var(--d-bad-soft);
      }
      button,
      .button {
        min-height: 32px;
      }
    `,
  ];

  #timer: ReturnType<typeof setInterval> | undefined;
  #since = 0;
  #state: Status["state"] = "idle";
  /** Whether there was something to say before this state. */
  #speaking = false;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#tick(false);
  }

  protected override willUpdate(): void {
    const { state } = this.model.client.status;
    if (state !== this.#state) {
      this.#state = state;
      this.#since = Date.now();
    }
    this.#tick(state === "waiting" || state === "connecting");
  }

  #tick(wanted: boolean): void {
    if (wanted) {
      this.#timer ??= setInterval(() => this.requestUpdate(), 250);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  protected override render(): TemplateResult {
    const content = this.#content(this.model.client.status);
    this.#speaking = content !== nothing;
    return html`<div role="status">${content}</div>`;
  }

  #content(status: Status): TemplateResult | typeof nothing {
    const again = html`<button @click=${() => this.model.client.retryNow()}>${t().tryNow}</button>`;
    switch (status.state) {
      case "idle":
      case "online":
        return nothing;
      case "connecting":
        if (this.#speaking) {
          return html`<p>${t().notConnected} ${t().tryingAgain}</p>`;
        }
        return Date.now() - this.#since < SOON_MS ? nothing : html`<p>${t().connecting}</p>`;
      case "offline":
        return html`<p>${t().netOffline}</p>`;
      case "waiting": {
        const seconds = Math.max(1, Math.ceil((status.retryAt - Date.now()) / 1000));
        // Read once: a voice that counts down would drown everything else
        return html`<p>
          <span>${t().notConnected} <span aria-live="off">${t().retryIn(seconds)}</span></span>
          ${again}
        </p>`;
      }
      case "draining":
        return html`<p>${t().draining}</p>`;
      case "refused": {
        const { alone, peer, want, signInLink: link } = this.model;
        if (want === null) {
          return html`<p class="bad"><span>${t().refused(explain(status.problem))}</span>${again}</p>`;
        }
        const { what, how } = signInTexts(want, link !== null);
        if (alone && peer === null) {
          // How is said below, and the way there is
          return html`<p class="bad"><span>${what}</span>${link === null ? again : nothing}</p>`;
        }
        const way = link === null ? again : html`<a class="button" href=${link}>${t().signIn}</a>`;
        return html`<p class="bad"><span>${what} ${how}</span>${way}</p>`;
      }
    }
  }
}

customElements.define("duologue-banner", Banner);
