/** The whole page: the list and the conversation, side by side where there is room. */
import { css, html, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { Attached } from "../conversation/composer";
import { currentLanguage } from "../shared/i18n";
import { theme } from "../shared/theme";
import "./banner";
import { Header } from "./header";
import { type Focus, part } from "./model";
import { askSomebody } from "./open-dialogs";
import { Sidebar } from "./sidebar";
import { t } from "./texts";
import "./toasts";
import { View } from "./view";
import "./welcome";

type Loading = "not yet" | "on its way" | "here";

/** The element of the page; it needs its `model` before it is put there. */
export class App extends View {
  static override styles = [
    theme,
    View.styles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 100%;
        overflow: hidden;
        --d-side: clamp(320px, 30%, 380px);
      }
      .skip {
        position: absolute;
        z-index: 20;
        inset-block-start: 8px;
        inset-inline-start: 8px;
        color: var(--d-on-accent);
        background: var(--d-accent);
      }
      .skip:not(:focus) {
        inset-block-start: -999px;
      }
      .views {
        flex: 1;
        display: grid;
        grid-template-columns: var(--d-side) minmax(0, 1fr);
        grid-template-rows: minmax(0, 1fr);
        min-height: 0;
      }
      nav {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        min-width: 0;
        min-height: 0;
        border-inline-end: 1px solid var(--d-line);
      }
      main {
        display: flex;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
        overflow-y: auto;
        outline: none;
      }
      .talk {
        flex: 1;
        min-height: 0;
      }
      duologue-header {
        flex: none;
      }
      .notice {
        margin: auto;
        padding: 24px;
        text-align: center;
      }
      .gone {
        display: grid;
        justify-items: center;
        gap: 16px;
        max-width: 30em;
        margin: auto;
        padding: 24px 16px;
        text-align: center;
      }
      .gone :is(h2, p) {
        margin: 0;
      }
      @media (max-width: 759.98px) {
        :host {
          --d-side: 0px;
        }
        .views {
          grid-template-columns: minmax(0, 1fr);
        }
        nav {
          border: 0;
        }
        .talking nav,
        .listing main {
          display: none;
        }
        /* Nobody yet: the list is short, and the welcome follows it */
        .alone {
          display: block;
          overflow-y: auto;
        }
        .alone main {
          overflow: visible;
        }
      }
    `,
  ];

  #conversation: Loading = "not yet";
  /** The view in which it could not be loaded: it is tried again in another, and not all the time. */
  #missed: string | null | undefined;
  #shownPeer: string | null = null;
  #wasForgotten = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.model.host = (dialog) => this.renderRoot.append(dialog);
    addEventListener("keydown", this.#key);
  }

  protected override willUpdate(): void {
    const { alone, peer } = this.model;
    if (this.#conversation === "not yet" && !alone && peer !== this.#missed) {
      void this.#load();
    }
  }

  protected override updated(): void {
    const { focus, peer, forgotten } = this.model;
    if (forgotten && !this.#wasForgotten) {
      this.find(".gone")?.focus();
    }
    this.#wasForgotten = forgotten;
    if (focus !== null && (peer === null || this.#conversation === "here")) {
      this.model.focus = null;
      void this.#move(focus);
    } else {
      this.#shownPeer = peer;
    }
  }

  /** The conversation's code comes when there is somebody to talk with. */
  async #load(): Promise<void> {
    this.#conversation = "on its way";
    this.#missed = this.model.peer;
    const loaded = await this.model.attempt(part(() => import("../conversation/conversation")));
    this.#conversation = loaded ? "here" : "not yet";
    this.requestUpdate();
  }

  async #move(focus: NonNullable<Focus>): Promise<void> {
    const left = this.#shownPeer;
    this.#shownPeer = this.model.peer;
    const sidebar = this.find("duologue-sidebar");
    if (this.model.peer === null) {
      if (sidebar instanceof Sidebar) {
        await sidebar.updateComplete;
        sidebar.focusOn(left);
      }
      return;
    }
    const header = this.find("duologue-header");
    const talk = this.find("duologue-conversation");
    if (focus === "composer" && talk && "updateComplete" in talk) {
      await talk.updateComplete;
      talk.focus();
    } else if (header instanceof Header) {
      await header.updateComplete;
      header.focus();
    }
  }

  protected override render(): TemplateResult {
    const { model } = this;
    return html`
      <header>
        <h1 class="visually-hidden">Duologue</h1>
        <button class="skip" @click=${this.#skip}>${t().skipToConversation}</button>
        <duologue-banner .model=${model}></duologue-banner>
      </header>
      ${model.forgotten ? this.#gone() : this.#views()}
      <duologue-toasts .model=${model}></duologue-toasts>
    `;
  }

  #views(): TemplateResult {
    const { model } = this;
    const view = model.peer !== null ? "talking" : model.alone ? "alone" : "listing";
    return html`<div class="views ${view}">
      <nav aria-label=${t().people}><duologue-sidebar .model=${model}></duologue-sidebar></nav>
      <main tabindex="-1">
        ${
          model.peer === null
            ? html`<duologue-welcome .model=${model}></duologue-welcome>`
            : this.#talk(model.peer)
        }
      </main>
    </div>`;
  }

  #talk(peer: string): TemplateResult {
    const { model } = this;
    const drafted = ({ detail }: CustomEvent<{ text: string }>) =>
      model.kept.setDraft(peer, detail.text);
    const attached = ({ detail }: CustomEvent<{ files: readonly Attached[] }>) =>
      model.attached.set(peer, detail.files);
    return html`
      <duologue-header .model=${model}></duologue-header>
      ${
        model.link === undefined
          ? html`<p class="notice">${t().unknownPeer}</p>`
          : this.#conversation !== "here"
            ? html`<p class="notice" role="status">
                ${this.#conversation === "not yet" ? t().newVersion : t().loadingConversation}
              </p>`
            : keyed(
                // Another language, another element: it reads its texts once
                `${currentLanguage()} ${peer}`,
                html`<duologue-conversation
                  class="talk"
                  .client=${model.client}
                  .peer=${peer}
                  .title=${model.nameOf(peer)}
                  .draft=${model.kept.drafts.get(peer) ?? ""}
                  .attached=${model.attached.get(peer) ?? []}
                  @draft-changed=${drafted}
                  @attached-changed=${attached}
                  @ask-again=${() => askSomebody(model, peer)}
                ></duologue-conversation>`,
              )
      }
    `;
  }

  #gone(): TemplateResult {
    return html`<main class="gone" tabindex="-1">
      <h2>${t().forgottenTitle}</h2>
      <p>${t().forgottenText}</p>
      <button class="primary" @click=${() => this.model.startAnew()}>${t().startAnew}</button>
    </main>`;
  }

  readonly #skip = () => {
    const talk = this.find("duologue-conversation") ?? this.find("main");
    talk?.focus();
  };

  /** Alt and an arrow: the conversation above or below. */
  readonly #key = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      this.model.step(step);
    }
  };
}

customElements.define("duologue-app", App);
