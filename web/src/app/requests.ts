/** Who asks to talk, and whom the person has asked. */
import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { IncomingRequest, OutgoingRequest } from "../client/api";
import { controls } from "../shared/theme";
import { avatar, avatars } from "./avatar";
import { byUrgency } from "./listing";
import { cleanName, shortId } from "./naming";
import { confirmBlock } from "./open-dialogs";
import { t } from "./texts";
import { until } from "./times";
import { View, words } from "./view";

/** More than this are shown when asked for. */
const FEW = 3;

export class Requests extends View {
  static override styles = [
    controls,
    words,
    avatars,
    css`
      :host {
        display: block;
      }
      details {
        border-block-end: 1px solid var(--d-line);
      }
      summary {
        display: flex;
        align-items: center;
        min-height: 44px;
        padding-inline: 16px;
        font-size: 0.875rem;
        font-weight: 600;
        color: var(--d-muted);
        cursor: pointer;
      }
      summary:focus-visible {
        outline-offset: -3px;
      }
      summary::after {
        content: "";
        width: 8px;
        height: 8px;
        margin-inline: auto 4px;
        border-block-end: 2px solid currentColor;
        border-right: 2px solid currentColor; /* it points down or up, whichever way one reads */
        rotate: 45deg;
      }
      details[open] summary::after {
        rotate: 225deg;
      }
      ul {
        display: grid;
        gap: 16px;
        margin: 0;
        padding: 4px 16px 16px;
        list-style: none;
      }
      li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 4px 12px;
      }
      .who {
        display: grid;
        align-content: center;
      }
      .name {
        font-weight: 600;
      }
      .note {
        grid-column: 2;
        margin: 0;
        max-height: 7.5em;
        overflow: auto;
        padding: 6px 10px;
        border-radius: var(--d-radius-small);
        background: var(--d-theirs);
        overflow-wrap: anywhere;
        white-space: pre-wrap;
      }
      .actions {
        grid-column: 1 / -1; /* three beside each other need that, the more so in German */
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .actions button,
      .asked button {
        min-height: 36px;
        padding-inline: 12px;
      }
      .asked li {
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
      }
      .more {
        display: block;
        width: calc(100% - 32px);
        margin: 0 16px 16px;
      }
    `,
  ];

  #all = false;

  protected override render(): TemplateResult {
    const { incoming, outgoing } = this.model.client;
    const asking = byUrgency(incoming.values());
    const shown = this.#all ? asking : asking.slice(0, FEW);
    return html`
      ${
        asking.length === 0
          ? nothing
          : html`<details open class="asking">
              <summary>${t().requests(asking.length)}</summary>
              <ul aria-label=${t().requests(asking.length)}>
                ${repeat(
                  shown,
                  (request) => request.from,
                  (request) => this.#asking(request),
                )}
              </ul>
              ${
                shown.length < asking.length
                  ? html`<button class="more" @click=${this.#showAll}>
                      ${t().showMore(asking.length - shown.length)}
                    </button>`
                  : nothing
              }
            </details>`
      }
      ${
        outgoing.size === 0
          ? nothing
          : html`<details class="asked" ?open=${outgoing.size <= FEW}>
              <summary>${t().asked(outgoing.size)}</summary>
              <ul aria-label=${t().asked(outgoing.size)}>
                ${repeat(
                  outgoing.values(),
                  (request) => request.to,
                  (request) => this.#asked(request),
                )}
              </ul>
            </details>`
      }
    `;
  }

  #asking(request: IncomingRequest): TemplateResult {
    const { from, note, expiresAt } = request;
    const name = this.model.nameOf(from);
    const ends = t().requestEnds(until(expiresAt, this.model.now));
    const says = cleanName(note);
    return html`<li>
      ${avatar(from, name)}
      <div class="who">
        <span class="name cut" title=${name}><bdi>${name}</bdi></span>
        <span class="muted small cut"><span title=${from}>${shortId(from)}</span> · ${ends}</span>
      </div>
      ${says === null ? nothing : html`<p class="note small" dir="auto">${says}</p>`}
      <div class="actions">
        <button
          class="primary"
          aria-label=${t().of(t().accept, name)}
          @click=${() => this.model.accept(request)}
        >
          ${t().accept}
        </button>
        <button aria-label=${t().of(t().decline, name)} @click=${() => this.#decline(request, name)}>
          ${t().decline}
        </button>
        <button
          class="quiet"
          aria-label=${t().of(t().block, name)}
          @click=${() => confirmBlock(this.model, from)}
        >
          ${t().block}
        </button>
      </div>
    </li>`;
  }

  #asked({ to, note, expiresAt }: OutgoingRequest): TemplateResult {
    const name = this.model.nameOf(to);
    const ends = t().requestEnds(until(expiresAt, this.model.now));
    const said = cleanName(note);
    return html`<li>
      ${avatar(to, name)}
      <div class="who">
        <span class="name cut" title=${to}><bdi>${name}</bdi></span>
        <span class="muted small cut">
          ${ends}${said === null ? nothing : html` · <bdi title=${said}>${said}</bdi>`}
        </span>
      </div>
      <button aria-label=${t().of(t().cancel, name)} @click=${() => this.#cancel(to, name)}>
        ${t().cancel}
      </button>
    </li>`;
  }

  readonly #showAll = async () => {
    this.#all = true;
    this.requestUpdate();
    await this.updateComplete;
    this.renderRoot.querySelectorAll<HTMLElement>(".asking .primary")[FEW]?.focus();
  };

  async #decline(request: IncomingRequest, name: string): Promise<void> {
    const { from } = request;
    await this.#settle(from, this.model.client.decline(from), t().hasDeclined(name));
  }

  async #cancel(peer: string, name: string): Promise<void> {
    await this.#settle(peer, this.model.client.cancel(peer), t().hasCancelled(name));
  }

  /** What is settled is gone, and with it the button that had the focus. */
  async #settle(about: string, work: Promise<void>, said: string): Promise<void> {
    if (!(await this.model.attempt(work))) {
      return;
    }
    this.model.tell(said, { about });
    await this.updateComplete;
    if (!this.shadowRoot?.activeElement) {
      const next = this.find(".asking .primary") ?? this.find("summary");
      if (next) {
        next.focus();
      } else {
        this.dispatchEvent(new Event("requests-done", { bubbles: true, composed: true }));
      }
    }
  }
}

customElements.define("duologue-requests", Requests);
