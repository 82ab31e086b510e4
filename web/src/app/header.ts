/** Over a conversation: with whom it is, and what can be done about it. */
import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from "lit";
import { controls } from "../shared/theme";
import { avatar, avatars } from "./avatar";
import { copy } from "./copy";
import { icons } from "./icons";
import { confirmBlock, confirmEnd, renameForMe } from "./open-dialogs";
import { t } from "./texts";
import { lastSeen } from "./times";
import { View, words } from "./view";

type Item = readonly [label: string, act: () => void, danger?: boolean];

export class Header extends View {
  static override properties: PropertyDeclarations = { ...View.properties, open: { state: true } };
  static override styles = [
    controls,
    words,
    avatars,
    css`
      .bar {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 60px;
        padding-inline: 16px 8px;
        border-block-end: 1px solid var(--d-line);
      }
      button.back {
        display: none;
        margin-inline-start: -12px;
      }
      .back svg:dir(rtl) {
        scale: -1 1;
      }
      .who {
        flex: 1;
        min-width: 0;
      }
      h2 {
        margin: 0;
        font-size: 1.0625rem;
        line-height: 1.3;
        border-radius: 4px;
      }
      p {
        margin: 0;
        line-height: 1.3;
      }
      .online {
        color: var(--d-good);
      }
      .actions {
        position: relative;
      }
      [role="menu"] {
        position: absolute;
        inset-block-start: calc(100% + 4px);
        inset-inline-end: 0;
        z-index: 5;
        display: grid;
        min-width: 14em;
        max-width: calc(100vw - 24px);
        padding: 6px;
        border: 1px solid var(--d-line);
        border-radius: var(--d-radius);
        background: var(--d-raised);
        box-shadow: 0 8px 32px rgb(0 0 0 / 0.25);
      }
      button[role="menuitem"] {
        border-color: transparent;
        background: none;
        text-align: start;
      }
      [role="menuitem"]:focus-visible {
        outline-offset: -3px;
      }
      @media (max-width: 759.98px) {
        button.back {
          display: inline-grid;
        }
        .bar {
          gap: 8px;
        }
      }
    `,
  ];

  declare protected open: boolean;

  constructor() {
    super();
    this.open = false;
    this.addEventListener("focusout", (event) => {
      const to = event.relatedTarget;
      // A press on the menu's own border takes the focus nowhere
      if (this.open && to instanceof Node && !this.find(".actions")?.contains(to)) {
        this.open = false;
      }
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("pointerdown", this.#pressed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("pointerdown", this.#pressed);
  }

  /** Move the focus to the name, from where one reads on. */
  override focus(): void {
    this.find("h2")?.focus();
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const peer = model.peer ?? "";
    const name = model.nameOf(peer);
    const link = model.link;
    return html`<div class="bar">
      <button
        class="quiet icon back"
        aria-label=${t().back}
        title=${t().back}
        @click=${() => model.open(null)}
      >
        ${icons.back()}
      </button>
      ${avatar(peer, name, model.isOnline(link))}
      <div class="who">
        <h2 class="cut" tabindex="-1" title=${`${name}\n${peer}`}><bdi>${name}</bdi></h2>
        <p class="small cut muted">${this.#presence()}</p>
      </div>
      <div class="actions" @keydown=${this.#key}>
        <button
          class="quiet icon menu"
          aria-haspopup="menu"
          aria-expanded=${this.open}
          aria-label=${t().menu(name)}
          @click=${() => this.#toggle(!this.open)}
        >
          ${icons.more()}
        </button>
        ${this.open ? this.#menu(name) : nothing}
      </div>
    </div>`;
  }

  #presence(): TemplateResult | string {
    const { model } = this;
    const link = model.link;
    if (!link) {
      return t().unknownPeer;
    }
    if (link.ended) {
      return model.client.blocked.has(link.peer) ? t().blocked : t().ended;
    }
    if (model.isOnline(link)) {
      return html`<span class="online">${t().online}</span>`;
    }
    if (link.lastSeen !== null) {
      return lastSeen(link.lastSeen, model.now);
    }
    // What is not known without a connection is not said
    return model.connected ? t().offline : html`&nbsp;`;
  }

  #menu(name: string): TemplateResult {
    return html`<div role="menu" aria-label=${t().menu(name)}>
      ${this.#items().map(
        ([label, act, danger]) => html`<button
          role="menuitem"
          tabindex="-1"
          class=${danger ? "danger" : ""}
          @click=${() => {
            this.#toggle(false);
            act();
          }}
        >
          ${label}
        </button>`,
      )}
    </div>`;
  }

  #items(): readonly Item[] {
    const { model } = this;
    const { client } = model;
    const peer = model.peer ?? "";
    const items: Item[] = [
      [t().rename, () => void renameForMe(model, peer)],
      [t().copyTheirId, () => void copy(model, peer, t().theirIdCopied)],
    ];
    const link = model.link;
    if (link) {
      items.push(
        [t().exportJson, () => void this.#export(peer, "json")],
        [t().exportText, () => void this.#export(peer, "text")],
        [link.ended ? t().remove : t().closeLink, () => void confirmEnd(model, peer), true],
      );
    }
    items.push(
      client.blocked.has(peer)
        ? [t().unblock, () => void model.attempt(client.unblock(peer))]
        : [t().block, () => void confirmBlock(model, peer), true],
    );
    return items;
  }

  async #export(peer: string, format: "json" | "text"): Promise<void> {
    const { model } = this;
    model.tell(t().exporting);
    await model.attempt(import("./download").then(({ download }) => download(model, peer, format)));
  }

  async #toggle(open: boolean): Promise<void> {
    this.open = open;
    await this.updateComplete;
    this.find(open ? "[role=menuitem]" : ".menu")?.focus();
  }

  readonly #pressed = (event: Event) => {
    const actions = this.find(".actions");
    if (this.open && actions && !event.composedPath().includes(actions)) {
      this.open = false;
    }
  };

  readonly #key = (event: KeyboardEvent) => {
    const items = [...this.renderRoot.querySelectorAll<HTMLElement>("[role=menuitem]")];
    if (!this.open) {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        void this.#toggle(true);
      }
      return;
    }
    const at = items.indexOf(this.shadowRoot?.activeElement as HTMLElement);
    const to = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items[to]?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      void this.#toggle(false);
    } else if (event.key === "Tab") {
      this.open = false;
    }
  };
}

customElements.define("duologue-header", Header);
