/** What the application keeps beside the client: names given to peers, drafts, settings. */
import type { Storage } from "../client/api";
import { LANGUAGES, type Language } from "../shared/i18n";

export interface Settings {
  /** Show notifications while the page is not seen. */
  readonly notify: boolean;
  readonly language: "auto" | Language;
}

const DEFAULTS: Settings = { notify: false, language: "auto" };

const NAMES = "app.names";
const DRAFTS = "app.drafts";
const SETTINGS = "app.settings";
const PERSISTENT = "app.persistent";
const DRAFT_DELAY_MS = 300;

/**
 * Kept in the client's storage, which all tabs share. A tab that has written tells the others, who
 * read it again.
 */
export class Kept {
  /** Names that the person gives to others, by their IDs. */
  names: ReadonlyMap<string, string> = new Map();
  drafts: ReadonlyMap<string, string> = new Map();
  settings: Settings = DEFAULTS;

  readonly #storage: Storage;
  readonly #changed: () => void;
  readonly #tabs = new BroadcastChannel("duologue-app");
  readonly #unsaved = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> = Promise.resolve();
  #writes = 0;
  #asked = false;

  constructor(storage: Storage, changed: () => void) {
    this.#storage = storage;
    this.#changed = changed;
    this.#tabs.addEventListener("message", () => void this.load());
    addEventListener("pagehide", () => this.#saveDrafts());
  }

  /** Read what is kept, once all that this tab has changed is there. */
  load(): Promise<void> {
    return this.#queue(() => this.#read());
  }

  async #read(): Promise<void> {
    const before = this.#writes;
    const [names, drafts, settings] = await Promise.all([
      this.#texts(NAMES),
      this.#texts(DRAFTS),
      this.#storage.get<Partial<Settings>>(SETTINGS),
    ]);
    if (this.#writes !== before) {
      // Something is about to be written that was not there yet
      void this.load();
      return;
    }
    for (const peer of this.#unsaved) {
      setOrDelete(drafts, peer, this.drafts.get(peer) ?? null);
    }
    this.names = names;
    this.drafts = drafts;
    this.settings = checked(settings);
    this.#changed();
  }

  /** Known at once; resolves when it would be there after a reload. */
  setName(peer: string, name: string | null): Promise<void> {
    this.names = changedMap(this.names, peer, name);
    this.#changed();
    return this.#write(async () => {
      await this.#storage.set(NAMES, changedMap(await this.#texts(NAMES), peer, name));
    });
  }

  /** Drafts change with each key: they are written a moment later. */
  setDraft(peer: string, text: string): void {
    if ((this.drafts.get(peer) ?? "") === text) {
      return;
    }
    this.drafts = changedMap(this.drafts, peer, text === "" ? null : text);
    this.#unsaved.add(peer);
    if (text === "") {
      this.#saveDrafts(); // it has been sent, and must not be there again after a reload
    } else {
      this.#timer ??= setTimeout(() => this.#saveDrafts(), DRAFT_DELAY_MS);
    }
    this.#changed();
  }

  /** Holds from when it would be there after a reload, or cannot be kept. */
  set(settings: Partial<Settings>): void {
    void this.#write(async () => {
      const chosen = { ...this.settings, ...settings };
      try {
        await this.#storage.set(SETTINGS, chosen);
      } finally {
        this.settings = chosen;
        this.#changed();
      }
    });
  }

  /** Ask the browser, once, not to clear away what is kept here when it wants room. */
  async persist(): Promise<void> {
    if (this.#asked) {
      return;
    }
    this.#asked = true;
    await this.#queue(async () => {
      if ((await this.#storage.get(PERSISTENT)) === undefined) {
        await this.#storage.set(PERSISTENT, true);
        await navigator.storage?.persist?.();
      }
    });
  }

  /** Forget what was kept of one peer. */
  drop(peer: string): void {
    this.setDraft(peer, "");
    void this.setName(peer, null);
  }

  /** Forget everything: the storage has been cleared. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unsaved.clear();
    this.names = new Map();
    this.drafts = new Map();
    this.settings = DEFAULTS;
  }

  #saveDrafts(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const peers = [...this.#unsaved];
    if (peers.length === 0) {
      return;
    }
    this.#unsaved.clear();
    const texts = peers.map((peer) => [peer, this.drafts.get(peer) ?? null] as const);
    void this.#write(async () => {
      const drafts = await this.#texts(DRAFTS);
      for (const [peer, text] of texts) {
        setOrDelete(drafts, peer, text);
      }
      await this.#storage.set(DRAFTS, drafts);
    });
  }

  async #write(work: () => Promise<void>): Promise<void> {
    this.#writes += 1;
    await this.#queue(work);
    this.#tabs.postMessage("changed");
  }

  /** One thing after the other. What cannot be kept is lost with the page, and no earlier. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#working = this.#working.then(work).catch(console.error);
    return this.#working;
  }

  async #texts(key: string): Promise<Map<string, string>> {
    const kept = await this.#storage.get<unknown>(key);
    return kept instanceof Map ? new Map(kept as Map<string, string>) : new Map();
  }
}

function changedMap(
  map: ReadonlyMap<string, string>,
  key: string,
  value: string | null,
): Map<string, string> {
  const changed = new Map(map);
  setOrDelete(changed, key, value);
  return changed;
}

function setOrDelete(map: Map<string, string>, key: string, value: string | null): void {
  if (value === null) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}

function checked(kept: Partial<Settings> | undefined): Settings {
  const language = LANGUAGES.find((each) => each === kept?.language) ?? "auto";
  return { notify: kept?.notify === true, language };
}
