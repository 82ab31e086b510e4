/** Tells what has happened: in the page, in its title, and by the system's notifications. */
import type { Client, Happening, Message } from "../client/api";
import { viewOf } from "./address";
import { preview, unreadOf } from "./listing";
import type { Model } from "./model";
import { cleanName, shortId } from "./naming";
import { t } from "./texts";

/** A lock that every tab holds, together, which somebody looks at. */
const SEEN = "duologue-seen";
/** Until another tab has had time to say that the message has been read there. */
const PATIENCE_MS = 400;
const TITLE = "Duologue";

type Badge = {
  setAppBadge?: (count: number) => Promise<void>;
  clearAppBadge?: () => Promise<void>;
};

export class Notifier {
  readonly #model: Model;
  readonly #client: Client;
  #unread = -1;
  #unsee: (() => void) | null = null;
  #hadIdentity: boolean;

  constructor(model: Model, hadIdentity: boolean) {
    this.#model = model;
    this.#client = model.client;
    this.#hadIdentity = hadIdentity;
  }

  start(): void {
    this.#client.on("happening", (happening) => this.#happened(happening));
    this.#client.on("message", ({ message, added }) => {
      if (added && !message.mine) {
        void this.#came(message);
      }
    });
    this.#client.on("crowded", () => this.#model.tell(t().crowded));
    this.#client.on("identity", ({ id, fresh, another }) => {
      if (another) {
        this.#model.tell(t().nowAnother(id));
      } else if (fresh && this.#hadIdentity) {
        this.#model.tell(t().oldIdExpired);
      }
      this.#hadIdentity = true;
    });
    this.#client.on("forgotten", () => {
      this.#hadIdentity = false;
    });
    this.#model.watch(() => this.#count());
    document.addEventListener("visibilitychange", () => this.#look());
    navigator.serviceWorker?.addEventListener("message", ({ data }) => {
      if (data?.kind === "open") {
        this.#clicked(data.route);
      }
    });
    this.#look();
    this.#count();
  }

  #count(): void {
    const unread = unreadOf(this.#client.links.values()) + this.#client.incoming.size;
    if (unread === this.#unread) {
      return;
    }
    this.#unread = unread;
    document.title = unread > 0 ? `(${unread}) ${TITLE}` : TITLE;
    const badge = navigator as Badge;
    const done = unread > 0 ? badge.setAppBadge?.(unread) : badge.clearAppBadge?.();
    done?.catch(() => undefined);
  }

  #look(): void {
    this.#unsee?.();
    this.#unsee = null;
    if (document.visibilityState === "visible" && navigator.locks) {
      const until = new Promise<void>((resolve) => {
        this.#unsee = resolve;
      });
      navigator.locks.request(SEEN, { mode: "shared" }, () => until).catch(() => undefined);
    }
  }

  async #someTabIsSeen(): Promise<boolean> {
    if (document.visibilityState === "visible" || !navigator.locks) {
      return document.visibilityState === "visible";
    }
    try {
      const { held } = await navigator.locks.query();
      return held?.some((lock) => lock.name === SEEN) ?? false;
    } catch {
      return false; // refused, as where a site may keep nothing
    }
  }

  #happened({ kind, peer, name }: Happening): void {
    const model = this.#model;
    const known = this.#client.links.has(peer) || model.kept.names.has(peer);
    const called = known ? model.nameOf(peer) : (cleanName(name) ?? shortId(peer));
    const texts = {
      requested: t().wantsToTalk,
      established: t().connectedWith,
      declined: t().declinedYou,
      cancelled: t().cancelledTheirs,
      closed: t().closedByThem,
      expired: t().requestExpired,
    };
    const text = texts[kind](called);
    if (kind === "requested") {
      const heard = model.peer === null || matchMedia("(width >= 760px)").matches;
      const action = { label: t().open, run: () => model.open(null) };
      model.tell(text, heard ? { about: peer, heard } : { about: peer, action });
    } else if (kind === "closed" && model.peer === peer) {
      model.tell(text, { about: peer, heard: true }); // the conversation shows it
    } else {
      const opens = kind === "established" && model.peer !== peer;
      const action = { label: t().open, run: () => model.open(peer) };
      model.tell(text, { about: peer, ...(opens ? { action } : {}) });
    }
    if (kind === "requested" || kind === "established") {
      void this.#show(TITLE, text, `${kind} ${peer}`, kind === "established" ? peer : null);
    }
  }

  async #came(message: Message): Promise<void> {
    if (!this.#model.kept.settings.notify || (await this.#someTabIsSeen())) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    const link = this.#client.links.get(message.peer);
    if (!link || (message.seq !== null && link.readByMe >= message.seq)) {
      return;
    }
    const shown = preview(message);
    const text =
      shown.kind === "text"
        ? shown.text
        : shown.kind === "file"
          ? t().file(shown.name)
          : t().newMessage;
    await this.#show(this.#model.nameOf(message.peer), text, `from ${message.peer}`, message.peer);
  }

  /** Of the same tag there is only one, whichever tab shows it. */
  async #show(title: string, body: string, tag: string, peer: string | null): Promise<void> {
    const asked = this.#model.kept.settings.notify && Notification.permission === "granted";
    if (!asked || (await this.#someTabIsSeen())) {
      return;
    }
    const options = { body, tag, data: viewOf(peer) };
    try {
      const notification = new Notification(title, options);
      notification.addEventListener("click", () => {
        notification.close();
        this.#clicked(options.data);
      });
    } catch {
      // Android only lets a service worker do it
      const registration = await navigator.serviceWorker?.getRegistration();
      await registration?.showNotification(title, options);
    }
  }

  #clicked(view: unknown): void {
    if (typeof view === "string" && view.startsWith("#/")) {
      window.focus();
      location.hash = view;
    }
  }
}
