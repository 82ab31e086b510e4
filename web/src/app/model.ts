/** The application's state above the client, for all of its elements. */
import type { Client, IncomingRequest, Link } from "../client/api";
import type { Attached } from "../conversation/composer";
import { currentLanguage, preferredLanguage, useLanguage } from "../shared/i18n";
import { peerIn, signInLink, viewOf } from "./address";
import { Kept, type Settings } from "./kept";
import { inOrder } from "./listing";
import { cleanName, shortId } from "./naming";
import { confirmSignIn } from "./open-dialogs";
import { explain, PartMissing } from "./problems";
import type { SignIn, Want } from "./sign-in";

/** A short text that goes away by itself. */
export interface Toast {
  readonly text: string;
  /** Something has gone wrong: told at once to those who cannot see it. */
  readonly alert: boolean;
  /** Whom it is about: it is settled when the conversation is opened, or there is newer. */
  readonly about?: string;
  readonly action?: { readonly label: string; readonly run: () => void };
  /** Only for those who hear it: others see the same elsewhere. */
  readonly heard?: boolean;
}

/** Where the focus goes when a view is shown. */
export type Focus = "composer" | "heading" | "list" | null;

const TICK_MS = 20_000;

export class Model {
  readonly client: Client;
  readonly kept: Kept;
  readonly signIn: SignIn;
  readonly lasting: boolean;
  /** Where people sign in, if the server says so. */
  readonly signInLink: string | null;
  /** Files that are to go with the next message to somebody, as long as the page lasts. */
  readonly attached = new Map<string, readonly Attached[]>();
  /** Whose conversation is shown. */
  peer: string | null;
  /** Where the focus is to go with the next view; whoever moves it sets this to null. */
  focus: Focus = null;
  toasts: readonly Toast[] = [];
  /** The identity has been deleted, and there is no new one yet. */
  forgotten = false;
  /** For times that are relative to now: goes on by itself. */
  now = Date.now();
  /** Puts a dialog on the page. */
  host: ((dialog: HTMLElement) => void) | null = null;

  readonly #watchers = new Set<() => void>();
  /** When links were made that this page has seen come. */
  readonly #made = new Map<string, number>();
  #language: Settings["language"] = "auto";
  #presenting = false;
  #keptSignIn = false;

  /** `lasting`: what is kept outlives the page. */
  constructor(client: Client, signIn: SignIn, lasting = true) {
    this.client = client;
    this.signIn = signIn;
    this.lasting = lasting;
    const leads = document.querySelector<HTMLMetaElement>('meta[name="duologue-sign-in"]');
    this.signInLink = signInLink(leads?.content, location.href);
    this.kept = new Kept(signIn.storage, () => this.#keptChanged());
    this.peer = peerIn(location.hash);
  }

  /** Read what is kept, and follow the client and the address bar. */
  async start(): Promise<void> {
    for (const event of ["status", "identity", "links", "message"] as const) {
      this.client.on(event, () => this.changed());
    }
    this.client.on("links", ({ peer }) => this.#linked(peer));
    this.client.on("forgotten", () => void this.#wasForgotten());
    this.client.on("identity", ({ another }) => {
      if (another) {
        this.#drop();
      }
    });
    this.client.on("status", ({ state }) => {
      const { token } = this.signIn;
      if (state === "online" && token !== null && !this.#keptSignIn) {
        // Not before the server has taken it, or a wrong one would come back with each visit
        this.#keptSignIn = true;
        void this.attempt(this.signIn.keep(token));
      }
    });
    addEventListener("popstate", () => this.#arrive(this.peer === null ? "heading" : "list"));
    addEventListener("hashchange", () => this.#arrive("heading"));
    setInterval(() => this.changed(), TICK_MS);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.want === "needed") {
        this.client.retryNow(); // they may have signed in meanwhile, elsewhere
      }
    });
    await this.#speak();
    await this.kept.load();
  }

  /** Be called at each change; returns what ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  changed(): void {
    this.now = Date.now();
    for (const watcher of this.#watchers) {
      watcher();
    }
  }

  /** What to call a peer: as the person does, else as it does itself, else by its ID. */
  nameOf(peer: string): string {
    return this.kept.names.get(peer) ?? this.ownNameOf(peer) ?? shortId(peer);
  }

  /** What a peer calls itself, if anything. */
  ownNameOf(peer: string): string | null {
    const { links, incoming } = this.client;
    return cleanName(links.get(peer)?.name ?? incoming.get(peer)?.name);
  }

  /** What kind of a sign-in is missing, if that is why the server lets nobody in. */
  get want(): Want | null {
    const { status } = this.client;
    return status.state === "refused" ? this.signIn.want(status.problem) : null;
  }

  /** Go on with a token that somebody has come with, as whom it names. */
  async take(token: string): Promise<void> {
    if (this.signIn.isMine(token)) {
      if (await this.attempt(this.client.renew(token))) {
        await this.attempt(this.signIn.keep(token));
      }
    } else if (this.client.id === null && this.signIn.nobody) {
      history.replaceState(null, "", `#token=${token}`);
      location.reload();
    } else {
      await confirmSignIn(this, token);
    }
  }

  /** Delete what is kept here of who is signed in. */
  async signOut(): Promise<void> {
    await this.signIn.end();
    await this.client.erase();
  }

  /** The link of the view, if there is one. */
  get link(): Link | undefined {
    return this.peer === null ? undefined : this.client.links.get(this.peer);
  }

  /** Whether the server tells who is online. */
  get connected(): boolean {
    const { state } = this.client.status;
    return state === "online" || state === "draining";
  }

  /** Whether somebody is online, as far as can be known at the moment. */
  isOnline(link: Link | undefined): boolean {
    return link?.online === true && !link.ended && this.connected;
  }

  /** The links, as the list has them. */
  get conversations(): Link[] {
    return inOrder(this.client.links.values(), this.#made);
  }

  /** Whether there is anybody yet. */
  get alone(): boolean {
    return this.client.links.size === 0;
  }

  /** Show a conversation, or none. */
  open(peer: string | null, focus: Focus = peer === null ? "list" : "composer"): void {
    if (peer !== this.peer) {
      if (peer === null && (history.state as { fromList?: boolean } | null)?.fromList) {
        history.back();
        return;
      }
      const state = { fromList: this.peer === null };
      if (peer === null) {
        history.replaceState(null, "", viewOf(null));
      } else {
        history.pushState(state, "", viewOf(peer));
      }
    }
    this.#arrive(focus);
  }

  /** Show the conversation that is so many further down the list. */
  step(by: number): void {
    const order = this.conversations;
    const at = order.findIndex((link) => link.peer === this.peer);
    const next = order[at < 0 ? 0 : at + by];
    if (next) {
      this.open(next.peer);
    }
  }

  #arrive(focus: Focus): void {
    const peer = peerIn(location.hash);
    // A step back fires two events, of which the first has said where the focus goes
    if (peer !== this.peer || focus === "composer") {
      this.peer = peer;
      this.toasts = this.toasts.filter(({ about }) => about === undefined || about !== peer);
      this.focus = focus;
      this.changed();
    }
  }

  /** Say something that goes away by itself. */
  tell(text: string, more: Pick<Toast, "about" | "action" | "heard"> = {}): void {
    this.#toast({ text, alert: false, ...more });
  }

  /** Say what went wrong. */
  complain(thrown: unknown): void {
    this.#toast({ text: explain(thrown), alert: true });
  }

  #toast(toast: Toast): void {
    // The same again replaces the first; more than a few at a time nobody reads
    const others = this.toasts.filter(
      ({ text, about }) => text !== toast.text && (about === undefined || about !== toast.about),
    );
    this.toasts = [...others, toast].slice(-3);
    this.changed();
  }

  dismiss(toast: Toast): void {
    this.toasts = this.toasts.filter((each) => each !== toast);
    this.changed();
  }

  /** Whether it worked; if not, the person has been told why. */
  async attempt(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (thrown) {
      this.complain(thrown);
      return false;
    }
  }

  /** Show a dialog, whose code is loaded when it is first wanted. */
  async present(load: () => Promise<HTMLElement>): Promise<void> {
    if (this.#presenting) {
      return;
    }
    this.#presenting = true;
    try {
      this.host?.(await part(load));
    } catch (thrown) {
      this.complain(thrown);
    } finally {
      this.#presenting = false;
    }
  }

  accept(request: IncomingRequest): Promise<boolean> {
    return this.attempt(this.client.accept(request.from).then(() => this.open(request.from)));
  }

  /** Begin anew, after everything has been deleted. */
  startAnew(): void {
    this.forgotten = false;
    this.changed();
    void this.connect();
  }

  async connect(): Promise<void> {
    if (await this.attempt(this.client.connect())) {
      for (const { peer, ended } of this.client.links.values()) {
        if (!ended) {
          this.#made.set(peer, 0);
        }
      }
    }
  }

  #linked(peer: string | null): void {
    if (!this.alone) {
      void this.kept.persist();
    }
    for (const each of peer === null ? this.client.links.keys() : [peer]) {
      if (this.client.links.get(each)?.ended !== false) {
        this.#made.delete(each);
      } else if (!this.#made.has(each)) {
        this.#made.set(each, Date.now());
      }
    }
  }

  async #wasForgotten(): Promise<void> {
    this.#drop();
    if (await this.signIn.isOver()) {
      location.reload();
      return;
    }
    this.forgotten = true;
    this.changed();
  }

  /** Nothing of who was here is here any more. */
  #drop(): void {
    this.kept.reset();
    this.attached.clear();
    this.toasts = [];
    this.peer = null;
    history.replaceState(null, "", viewOf(null));
    this.#keptChanged();
  }

  #keptChanged(): void {
    this.changed();
    const { language } = this.kept.settings;
    if (language !== this.#language) {
      this.#language = language;
      void this.#speak();
    }
  }

  async #speak(): Promise<void> {
    const chosen = this.#language === "auto" ? preferredLanguage() : this.#language;
    await this.attempt(part(() => useLanguage(chosen)));
    document.documentElement.lang = currentLanguage();
    this.changed();
  }
}

/** Load a part of the page, and its texts in the language that is chosen. */
export async function part<P>(load: () => Promise<P>): Promise<P> {
  try {
    const loaded = await load();
    await useLanguage(currentLanguage());
    return loaded;
  } catch (thrown) {
    throw new PartMissing("A part could not be loaded", { cause: thrown });
  }
}
