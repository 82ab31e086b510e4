import type { KeptIdentity, Options, Storage } from "./api";
import type { Core } from "./core";
import { DuologueError, invalid } from "./errors";
import { wellFormed } from "./payload";
import type { Auth, ClientIdGiven } from "./protocol";

const LONGEST_NAME = 64;

/** When to try again to keep a token that could not be kept. */
const AGAIN_MS = 30_000;

/** Who this client is, and how it gets in as that. */
export class Identity {
  id: string | null = null;
  readonly #core: Core;
  readonly #storage: Storage;
  readonly #options: Options;
  readonly #over: () => void;
  /** Empty once a name has been taken away: without one, the server goes on with the last. */
  #name: string | null;
  /** The token that is kept, as far as was seen, and the newer one that could not be. */
  #seen: string | null = null;
  #unkept: KeptIdentity | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;

  /** `over` is called when the identity is, and a new one takes its place. */
  constructor(core: Core, storage: Storage, options: Options, over: () => void) {
    this.#core = core;
    this.#storage = storage;
    this.#options = options;
    this.#over = over;
    this.#name = options.name === undefined ? null : shortened(options.name);
  }

  get name(): string | null {
    return this.#name || null;
  }

  /** What is kept of it. */
  async load(): Promise<void> {
    const kept = await this.#storage.identity();
    this.#name ??= kept?.name ?? null;
    if (kept) {
      this.#become(kept.id, false);
    }
  }

  async rename(name: string | null): Promise<void> {
    if (name !== null && [...name].length > LONGEST_NAME) {
      throw invalid(`A name has at most ${LONGEST_NAME} characters`);
    }
    this.#name = name === null ? "" : wellFormed(name);
    await this.#core.writer.do(async (storage) => {
      const kept = await storage.identity();
      if (kept) {
        await storage.saveIdentity({ ...kept, name: this.#name });
      }
    });
    this.#core.changed(null);
  }

  /**
   * Connect as whom this client is by now: another tab may have got a newer token. Where there is
   * none yet, one tab gets it for all.
   */
  async admit(connect: (auth: Auth & { token?: string }) => Promise<void>): Promise<boolean> {
    const kept = await this.#kept();
    if (kept) {
      return this.#enter(kept, connect);
    }
    return this.#core.tabs.alone("identity", async () => this.#enter(await this.#kept(), connect));
  }

  /** Try no more to keep what could not be kept, until there is something newer. */
  rest(): void {
    clearTimeout(this.#again);
  }

  /** The server says who this client is. */
  given({ clientId, resumeToken }: ClientIdGiven): void {
    if (resumeToken !== undefined) {
      this.#keep({ id: clientId, resumeToken, name: this.#name });
    }
    if (clientId !== this.id) {
      if (this.id !== null) {
        this.#over();
      }
      this.#become(clientId, true);
    }
  }

  async #kept(): Promise<KeptIdentity | null> {
    await this.#core.writer.idle();
    const kept = this.#newest(await this.#storage.identity());
    if (kept && kept.id !== this.id) {
      // Another tab has it, from the first or after the old one was over
      if (this.id !== null) {
        this.#over();
      }
      this.#become(kept.id, this.id !== null);
    }
    return kept;
  }

  /** A browser that is full keeps nothing, and the token that it has will soon count no more. */
  #keep(identity: KeptIdentity): void {
    this.rest();
    this.#unkept = identity;
    this.#core.writer.soon(async (storage) => {
      try {
        await storage.saveIdentity(identity);
        if (this.#unkept === identity) {
          this.#unkept = null;
        }
      } catch (error) {
        this.#again = setTimeout(() => this.#keep(identity), AGAIN_MS);
        throw error;
      }
    });
  }

  /** What is kept, unless this tab has got something newer for that and no other tab has. */
  #newest(kept: KeptIdentity | null): KeptIdentity | null {
    const token = kept?.resumeToken ?? null;
    if (token !== this.#seen) {
      this.#seen = token;
      this.rest();
      this.#unkept = null;
    }
    return this.#unkept ?? kept;
  }

  /** Returns whether to try again at once. */
  async #enter(
    kept: KeptIdentity | null,
    connect: (auth: Auth & { token?: string }) => Promise<void>,
  ): Promise<boolean> {
    const auth = await this.#auth(kept);
    try {
      await connect(auth);
    } catch (error) {
      const over = error instanceof DuologueError && error.code === "expired";
      if (!over || auth.resumeToken === undefined) {
        throw error;
      }
      await this.#expired(kept);
      return true;
    }
    // Kept before another tab may look for it
    await this.#core.writer.idle();
    return false;
  }

  async #auth(kept: KeptIdentity | null): Promise<Auth & { token?: string }> {
    const { keep = true, token } = this.#options;
    const fetched = typeof token === "function" ? await token() : token;
    return {
      since: this.#core.book.since(),
      ...(keep ? { keep } : {}),
      ...(this.#name === null ? {} : { name: this.#name }),
      ...(fetched === undefined ? {} : { token: fetched }),
      ...(kept && fetched === undefined ? { resumeToken: kept.resumeToken } : {}),
    };
  }

  /** The token that was used does not work, unless another tab has a newer one. */
  async #expired(used: KeptIdentity | null): Promise<void> {
    if (this.#unkept === used) {
      this.#unkept = null;
    }
    await this.#core.tabs.alone("expired", async () => {
      const kept = await this.#storage.identity();
      if (kept && kept.resumeToken === used?.resumeToken) {
        await this.#core.writer.do((storage) => storage.saveIdentity(null));
      }
    });
  }

  #become(id: string, fresh: boolean): void {
    this.id = id;
    this.#core.emitter.emit("identity", { id, fresh });
  }
}

function shortened(name: string): string {
  return [...wellFormed(name)].slice(0, LONGEST_NAME).join("");
}
