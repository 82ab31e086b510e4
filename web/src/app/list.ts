/** The conversations, latest first. */
import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Link } from "../client/api";
import { controls } from "../shared/theme";
import { viewOf } from "./address";
import { avatar, avatars } from "./avatar";
import { icons } from "./icons";
import { oneLine, preview } from "./listing";
import { t } from "./texts";
import { listTime } from "./times";
import { View, words } from "./view";

export class List extends View {
  static override styles = [
    controls,
    words,
    avatars,
    css`
      :host {
        display: block;
        padding-block-end: 8px;
      }
      ul {
        margin: 0;
        padding: 0 8px;
        list-style: none;
      }
      li {
        content-visibility: auto;
        contain-intrinsic-block-size: auto 68px;
      }
      a {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        gap: 0 12px;
        padding: 10px 8px;
        border-radius: var(--d-radius);
        color: inherit;
        text-decoration: none;
      }
      a:hover {
        background: var(--d-surface);
      }
      a[aria-current] {
        background: var(--d-mine);
        outline: 2px solid transparent; /* seen where the system chooses the colours */
        outline-offset: -2px;
      }
      a:focus-visible {
        outline: 3px solid var(--d-accent);
        outline-offset: -3px;
      }
      .avatar {
        grid-row: span 2;
      }
      .name {
        font-weight: 600;
      }
      time {
        font-size: 0.8125rem;
        color: var(--d-muted);
      }
      a[aria-current] :is(time, .last) {
        color: var(--d-text);
      }
      .last {
        display: flex;
        align-items: center;
        gap: 4px;
        font-size: 0.9375rem;
        color: var(--d-muted);
      }
      .last svg {
        flex: none;
        width: 16px;
        height: 16px;
      }
      .unread {
        justify-self: end;
        min-width: 22px;
        padding: 0 7px;
        border-radius: 11px;
        font-size: 0.8125rem;
        font-weight: 600;
        line-height: 22px;
        text-align: center;
        color: var(--d-on-accent);
        background: var(--d-accent);
      }
      .alive {
        color: var(--d-good);
      }
      .ended .avatar {
        filter: grayscale(1);
      }
      .ended .name {
        font-weight: 400;
      }
    `,
  ];

  /** Move the focus to a conversation, or to the first. */
  focusOn(peer: string | null): boolean {
    const all = this.#links();
    const link = all.find((each) => each.getAttribute("data-peer") === peer) ?? all[0];
    link?.focus();
    return link !== undefined;
  }

  protected override render(): TemplateResult {
    const links = this.model.conversations;
    const reached =
      links.find((link) => link.peer === this.model.peer)?.peer ?? links[0]?.peer ?? null;
    return html`<ul aria-label=${t().conversations} @keydown=${this.#key}>
      ${repeat(
        links,
        (link) => link.peer,
        (link) => this.#item(link, link.peer === reached),
      )}
    </ul>`;
  }

  #item(link: Link, reached: boolean): TemplateResult {
    const { peer, ended, unread, last } = link;
    const online = this.model.isOnline(link);
    const name = this.model.nameOf(peer);
    return html`<li>
      <a
        href=${viewOf(peer)}
        class=${ended ? "ended" : ""}
        tabindex=${reached ? 0 : -1}
        data-peer=${peer}
        aria-current=${peer === this.model.peer ? "page" : nothing}
        @click=${(event: MouseEvent) => this.#open(event, peer)}
      >
        ${avatar(peer, name, online)}
        <span class="name cut">
          <bdi title=${name}>${name}</bdi>
          ${ended || !this.model.connected ? nothing : html`<span class="visually-hidden">, ${online ? t().online : t().offline}</span>`}
        </span>
        ${last ? html`<time datetime=${new Date(last.at).toISOString()}>${listTime(last.at, this.model.now)}</time>` : html`<span></span>`}
        <span class="last cut">${this.#last(link)}</span>
        ${
          unread > 0
            ? html`<span class="unread">
                <span aria-hidden="true">${unread > 999 ? "999+" : unread}</span>
                <span class="visually-hidden">${t().unread(unread)}</span>
              </span>`
            : html`<span></span>`
        }
      </a>
    </li>`;
  }

  #last({ peer, typing, ended, last }: Link): TemplateResult {
    if (typing) {
      return html`<span class="alive">${t().typing}</span>`;
    }
    if (ended) {
      const blocked = this.model.client.blocked.has(peer);
      return html`<span>${blocked ? t().blocked : t().ended}</span>`;
    }
    const draft = peer === this.model.peer ? "" : oneLine(this.model.kept.drafts.get(peer) ?? "");
    if (draft !== "") {
      return html`<bdi class="cut">${t().draft(draft)}</bdi>`;
    }
    if (last === null) {
      return html`<span>${t().noMessages}</span>`;
    }
    const shown = preview(last);
    const text =
      shown.kind === "text" ? shown.text : shown.kind === "file" ? shown.name : t().otherContent;
    const icon = shown.kind === "file" ? icons.file() : nothing;
    return html`${icon}<bdi class="cut">${last.mine ? t().you(text) : text}</bdi>`;
  }

  #open(event: MouseEvent, peer: string): void {
    // Another tab, if that is asked for, is the browser's to open
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) {
      return;
    }
    event.preventDefault();
    // A keyboard on the screen would cover what is to be read
    const byTouch = matchMedia("(pointer: coarse)").matches;
    this.model.open(peer, byTouch ? "heading" : "composer");
  }

  #links(): HTMLAnchorElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLAnchorElement>("a")];
  }

  readonly #key = (event: KeyboardEvent) => {
    const all = this.#links();
    const at = all.indexOf(this.shadowRoot?.activeElement as HTMLAnchorElement);
    const to = {
      ArrowDown: Math.min(at + 1, all.length - 1),
      ArrowUp: Math.max(at - 1, 0),
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all[to]?.focus();
    }
  };
}

customElements.define("duologue-conversations", List);
