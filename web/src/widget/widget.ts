/** `/duologue.js`: puts a conversation into any page, as `<duologue-chat>`; see docs/widget.md. */
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { subjectOf } from "../client";
import type { Message, Options, Problem } from "../client/api";
import "../conversation/conversation";
import { cleanName } from "../app/naming";
import { clock, dayName } from "../conversation/format";
import { t as common } from "../conversation/texts";
import { define } from "../shared/define";
import { currentLanguage, preferredLanguage, useLanguage } from "../shared/i18n";
import { connected, release, type Shared, share } from "./clients";
import { bareCode, type Stage, serverOf, stageOf } from "./stage";
import { widgetStyles } from "./styles";
import { t } from "./texts";

/** How a request of the reader's ended. */
type Answer = "" | "declined" | "expired";

/**
 * Fires `duologue-status` (`detail`: how it stands with the connection), `duologue-link` (`detail`:
 * `{peer, state}`) and `duologue-message` (`detail`: the message, and whether it is `added`); all
 * bubble.
 */
export class Chat extends LitElement {
  static override properties = {
    server: {},
    peer: {},
    invite: {},
    token: { attribute: "token" },
    name: {},
    label: {},
    theme: { reflect: true },
    found: { state: true },
    problem: { state: true },
    busy: { state: true },
    ending: { state: true },
    ready: { state: true },
  };

  declare server: string | null;
  declare peer: string | null;
  declare invite: string | null;
  /** A token, or as a property also what fetches one. */
  declare token: Options["token"] | null;
  /** What the reader is called. */
  declare name: string | null;
  /** What to call the peer until it says so itself. */
  declare label: string | null;
  declare theme: string | null;
  /** The peer that the invitation led to. */
  declare protected found: string | null;
  declare protected problem: Problem | null;
  declare protected busy: boolean;
  declare protected ending: boolean;
  declare protected ready: boolean;

  #shared: Shared | null = null;
  #leave: (() => void)[] = [];
  #known = false;
  #misplaced = false;
  #inviteOver = false;
  #answer: Answer = "";
  #draft = "";
  #stage: Stage = { is: "connecting" };
  #told = "";
  #turn = 0;

  constructor() {
    super();
    this.server = this.peer = this.invite = this.token = this.name = this.label = null;
    this.theme = this.found = this.problem = null;
    this.busy = this.ending = this.ready = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) {
      void this.#start();
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("server") || changed.has("peer") || changed.has("invite")) {
      void this.#start();
    } else if (changed.has("token") && this.hasUpdated) {
      void this.#renew(changed.get("token"));
    }
    if (changed.has("name") && this.ready && this.#known) {
      void this.#shared?.client.rename(this.name).catch(() => {});
    }
    this.#stage = stageOf({
      misplaced: this.#misplaced,
      client: this.#shared?.client ?? null,
      known: this.#known,
      peer: this.peer ?? this.found,
      invite: this.invite,
      inviteOver: this.#inviteOver,
    });
  }

  protected override updated(): void {
    const peer = this.peer ?? this.found;
    const { is } = this.#stage;
    const state = this.#stage.is === "talk" && this.#stage.link.ended ? "ended" : linkStates[is];
    const now = `${peer} ${state}`;
    if (peer && state && now !== this.#told) {
      this.#told = now;
      this.#fire("link", { peer, state });
    }
  }

  #stop(): void {
    this.#turn += 1;
    for (const leave of this.#leave.splice(0)) {
      leave();
    }
    if (this.#shared) {
      release(this.#shared);
      this.#shared = null;
    }
  }

  async #start(): Promise<void> {
    this.#stop();
    const turn = this.#turn;
    this.#known = this.#inviteOver = this.ending = this.busy = false;
    this.#answer = "";
    this.found = this.problem = null;
    const lang = this.getAttribute("lang");
    await useLanguage(preferredLanguage(lang ? [lang] : navigator.languages));
    if (turn !== this.#turn) {
      return;
    }
    this.ready = true;
    const place = serverOf(this.server, import.meta.url);
    this.#misplaced = place === null;
    if (place === null) {
      return;
    }
    const { token, name } = this;
    const shared = share(place.origin, place.path, {
      ...(name ? { name } : {}),
      ...(token ? { token } : {}),
    });
    this.#shared = shared;
    this.#listen(shared);
    await this.#recall(shared);
    if (turn === this.#turn) {
      this.#known = true;
      this.requestUpdate();
    }
  }

  /**
   * Know again who has been here before. Somebody who has not is only connected when they want to
   * talk: a page that is looked at makes nobody an ID.
   */
  async #recall({ client, storage }: Shared): Promise<void> {
    const identity = await storage.identity().catch(() => null);
    if (this.invite) {
      const found = await storage.get<string>(inviteKey(this.invite)).catch(() => undefined);
      this.found = identity ? (found ?? null) : null;
    }
    const peer = this.peer ?? this.found;
    this.#draft = (peer && (await storage.get<string>(draftKey(peer)).catch(() => ""))) || "";
    if (identity || this.token) {
      await client.connect().catch(() => {});
    }
  }

  /** A token for the same reader goes on with what is there; for another all begins anew. */
  async #renew(before: Chat["token"] | undefined): Promise<void> {
    const { token } = this;
    const same = token && before && subjectOf(token) === subjectOf(before);
    if (!same || !this.#shared || !this.#known) {
      await this.#start();
      return;
    }
    // What the server has against it, `status` says when the time of the old one is over
    await this.#shared.client.renew(token).catch(() => {});
  }

  #listen({ client }: Shared): void {
    const mine = (peer: string | null) => peer === (this.peer ?? this.found);
    this.#leave = [
      client.on("status", (status) => {
        this.#fire("status", status);
        this.requestUpdate();
      }),
      client.on("links", () => this.requestUpdate()),
      client.on("forgotten", () => void this.#start()),
      client.on("happening", ({ kind, peer }) => {
        if (mine(peer)) {
          this.#answer = kind === "declined" || kind === "expired" ? kind : "";
          this.requestUpdate();
        }
      }),
      client.on("message", ({ message, added }) => {
        if (mine(message.peer)) {
          this.#fire("message", { ...message, added } satisfies Message & { added: boolean });
        }
      }),
    ];
  }

  #fire(name: string, detail: unknown): void {
    this.dispatchEvent(
      new CustomEvent(`duologue-${name}`, { detail, bubbles: true, composed: true }),
    );
  }

  /** Do something at the server that the reader has asked for, and say if it fails. */
  async #try(work: (shared: Shared) => Promise<unknown>): Promise<void> {
    const shared = this.#shared;
    if (!shared || this.busy) {
      return;
    }
    const turn = this.#turn;
    this.busy = true;
    this.problem = null;
    try {
      await shared.client.connect();
      await connected(shared.client);
      await work(shared);
    } catch (problem) {
      if (turn === this.#turn) {
        this.problem = problem as Problem;
      }
    }
    if (turn === this.#turn) {
      this.busy = false;
    }
  }

  get #title(): string {
    const { client } = this.#shared ?? {};
    const peer = this.peer ?? this.found;
    const known = peer ? (client?.links.get(peer)?.name ?? client?.incoming.get(peer)?.name) : null;
    return this.label || cleanName(known) || t().somebody;
  }

  protected override render() {
    if (!this.ready) {
      return nothing;
    }
    return html`<section class="chat" lang=${currentLanguage()} aria-label=${this.#heading}>
      ${this.#header()} ${this.#banner()} ${this.#body()}
    </section>`;
  }

  get #heading(): string {
    const title = this.#title;
    return title === t().somebody ? t().chat : t().chatWith(title);
  }

  #header(): TemplateResult {
    const stage = this.#stage;
    const title = this.#title;
    const talking = stage.is === "talk" && !stage.link.ended;
    return html`<header>
        <div class="who">
          <h2 dir="auto">${title === t().somebody ? t().chat : title}</h2>
          ${talking ? html`<p class=${stage.link.online ? "online" : ""}>${presence(stage)}</p>` : nothing}
        </div>
        ${
          talking && !this.ending
            ? html`<button class="quiet" @click=${this.#askEnd}>${t().end}</button>`
            : nothing
        }
      </header>
      ${this.ending && talking ? this.#endQuestion(stage.link.peer) : nothing}`;
  }

  #endQuestion(peer: string): TemplateResult {
    return html`<div class="question" role="group" aria-label=${t().end}>
      <p>${t().endQuestion}</p>
      <button class="danger" @click=${() => this.#end(peer)}>${t().endYes}</button>
      <button class="keep" @click=${this.#keep}>${t().endNo}</button>
    </div>`;
  }

  /** The truth about the connection, where it is not as it should be. */
  #banner(): TemplateResult {
    const { state } = this.#shared?.client.status ?? { state: "idle" };
    const texts: Partial<Record<string, string>> = {
      connecting: this.#stage.is === "talk" ? t().connecting : "",
      offline: t().offline,
      waiting: t().waiting,
      draining: t().draining,
    };
    return html`<div class="banner" role="status">${texts[state] ?? ""}</div>`;
  }

  #body(): TemplateResult {
    const stage = this.#stage;
    switch (stage.is) {
      case "unset":
        return html`<div class="page"><p>${t().unset}</p></div>`;
      case "connecting":
        return html`<div class="page" role="status"><p>${t().connecting}</p></div>`;
      case "misplaced":
        return html`<div class="page" role="alert"><p>${t().misplaced}</p></div>`;
      case "refused":
        return refusal(stage.problem);
      case "invited":
        return this.#invited();
      case "over":
        return html`<div class="page" role="alert"><p>${t().invitationOver}</p></div>`;
      case "ask":
        return this.#ask();
      case "pending":
        return html`<div class="page">
          <p role="status">${t().pending}</p>
          <button ?disabled=${this.busy} @click=${this.#cancel}>${t().cancel}</button>
          ${this.#trouble()}
        </div>`;
      case "asked":
        return this.#asked(stage);
      default:
        return this.#talk(stage.link.peer);
    }
  }

  #talk(peer: string): TemplateResult {
    const { client } = this.#shared as Shared;
    return html`<duologue-conversation
        compact
        .client=${client}
        .peer=${peer}
        .title=${this.#title}
        .draft=${this.#draft}
        @draft-changed=${(event: CustomEvent<{ text: string }>) => this.#keepDraft(peer, event)}
        @ask-again=${() => this.#request(peer, undefined)}
      ></duologue-conversation>
      ${this.#trouble()}`;
  }

  #ask(): TemplateResult {
    const answer = { "": "", declined: t().declined, expired: t().expired }[this.#answer];
    return html`<form class="page" @submit=${this.#asks}>
      <p class="news" role="status">${answer}</p>
      <h3>${t().askTitle(this.#title)}</h3>
      <p class="hint">${t().askHint}</p>
      <label>${t().note}<input name="note" maxlength="200" dir="auto" autocomplete="off" /></label>
      <button class="primary" ?disabled=${this.busy}>${this.busy ? t().asking : t().ask}</button>
      ${this.#trouble()}
    </form>`;
  }

  #invited(): TemplateResult {
    return html`<div class="page">
      <h3>${t().startTitle(this.#title)}</h3>
      <p class="hint">${t().startHint}</p>
      <button class="primary" ?disabled=${this.busy} @click=${this.#redeem}>
        ${this.busy ? t().starting : t().start}
      </button>
      ${this.#trouble()}
    </div>`;
  }

  #asked({ request: { from, note } }: Extract<Stage, { is: "asked" }>): TemplateResult {
    const answer = (yes: boolean) =>
      this.#try(async ({ client }) => {
        await (yes ? client.accept(from) : client.decline(from));
        await this.#focusInside();
      });
    return html`<div class="page">
      <p role="status">${t().asksYou(this.#title)}</p>
      ${note ? html`<blockquote dir="auto">${note}</blockquote>` : nothing}
      <div class="choice">
        <button class="primary" ?disabled=${this.busy} @click=${() => answer(true)}>
          ${t().accept}
        </button>
        <button ?disabled=${this.busy} @click=${() => answer(false)}>${t().decline}</button>
      </div>
      ${this.#trouble()}
    </div>`;
  }

  #trouble(): TemplateResult {
    const { problem } = this;
    const wait = problem?.retryAfter ? t().askLater(Math.ceil(problem.retryAfter)) : null;
    return html`<p class="trouble" role="alert">${problem ? (wait ?? t().failed(common().why(problem.code) ?? "")) : nothing}</p>`;
  }

  readonly #asks = (event: SubmitEvent) => {
    event.preventDefault();
    const note = new FormData(event.currentTarget as HTMLFormElement).get("note");
    const peer = this.peer ?? this.found;
    if (peer) {
      void this.#request(peer, typeof note === "string" && note.trim() ? note.trim() : undefined);
    }
  };

  async #request(peer: string, note: string | undefined): Promise<void> {
    this.#answer = "";
    await this.#try(({ client }) => client.request(peer, note));
    await this.#focusInside();
  }

  readonly #cancel = async () => {
    const peer = this.peer ?? this.found;
    await this.#try(async ({ client }) => peer && client.cancel(peer));
    await this.#focusInside();
  };

  readonly #redeem = async () => {
    const code = this.invite;
    if (!code) {
      return;
    }
    await this.#try(async ({ client, storage }) => {
      const peer = await client.redeem(code);
      await storage.set(inviteKey(code), peer);
      this.found = peer;
    });
    if (this.problem?.code === "expired") {
      this.problem = null;
      this.#inviteOver = true;
      this.requestUpdate();
    }
    await this.#focusInside();
  };

  readonly #askEnd = async () => {
    this.ending = true;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(".keep")?.focus();
  };

  readonly #keep = async () => {
    this.ending = false;
    await this.#focusInside();
  };

  async #end(peer: string): Promise<void> {
    await this.#try(async ({ client, storage }) => {
      await client.closeLink(peer);
      await storage.set(draftKey(peer), "");
      this.#draft = "";
    });
    this.ending = false;
    await this.#focusInside();
  }

  #keepDraft(peer: string, event: CustomEvent<{ text: string }>): void {
    event.stopPropagation();
    this.#draft = event.detail.text;
    void this.#shared?.storage.set(draftKey(peer), this.#draft).catch(() => {});
  }

  /** What had the focus is gone: put it where one goes on. */
  async #focusInside(): Promise<void> {
    await this.updateComplete;
    const next = this.renderRoot.querySelector<HTMLElement>(
      "duologue-conversation, .page .primary, .page button",
    );
    if (next instanceof LitElement) {
      await next.updateComplete;
    }
    next?.focus();
  }

  static override styles = widgetStyles;
}

const linkStates: Readonly<Record<Stage["is"], string>> = {
  unset: "",
  connecting: "",
  misplaced: "",
  refused: "",
  invited: "",
  over: "",
  ask: "none",
  pending: "requested",
  asked: "asked",
  talk: "linked",
};

function refusal({ code }: Problem): TemplateResult {
  const signIn: Partial<Record<string, string>> = {
    unauthorized: t().signIn,
    expired: t().signInOver,
  };
  const known = signIn[code];
  return html`<div class="page" role="alert">
    <p>${known ?? t().refused}</p>
    ${known === undefined ? html`<p class="hint">${common().why(code)}</p>` : nothing}
  </div>`;
}

function presence({ link: { online, lastSeen } }: Extract<Stage, { is: "talk" }>): string {
  if (online) {
    return t().online;
  }
  if (lastSeen === null) {
    return t().away;
  }
  const today = new Date(lastSeen).toDateString() === new Date().toDateString();
  return t().lastSeen(today ? clock(lastSeen) : dayName(lastSeen, Date.now()));
}

function inviteKey(code: string): string {
  return `widget.invite.${bareCode(code)}`;
}

function draftKey(peer: string): string {
  return `widget.draft.${peer}`;
}

define("duologue-chat", Chat);
