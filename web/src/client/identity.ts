import type { KeptIdentity, Options, Storage, Token } from "./api";
import type { Core } from "./core";
import { DuologueError, invalid, unauthorized } from "./errors";
import { wellFormed } from "./payload";
import type { Auth, ClientIdGiven } from "./protocol";
import { subjectOf } from "./token";

const LONGEST_NAME = 64;

/** The ID of whom the server knows by a token or otherwise, and whose everything is that is kept. */
const OWNER = "duologue.owner";

/** When to try again to keep a token that could not be kept. */
const AGAIN_MS = 30_000;

/** Who this client is, and how it gets in as that. */
export class Identity {
  id: string | null = null;
  readonly #core: Core;
  readonly #storage: Storage;
  readonly #options: Options;
  readonly #over: () => void;
  readonly #another: () => void;
  #token: Token | undefined;
  /** Whether the server knows this client by something else than what is kept here. */
  #named = false;
  /** Whether what is to come is somebody else. */
  #replaced = false;
  /** Empty once a name has been taken away: without one, the server goes on with the last. */
  #name: string | null;
  /** The token that is kept, as far as was seen, and the newer one that could not be. */
  #seen: string | null = null;
  #unkept: KeptIdentity | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;

  /**
   * `over` is called when the identity is, and a new one takes its place; `another` when it was one
   * that the server knows by tokens or the like, and now knows this client as somebody else, to whom
   * nothing of what is here belongs.
   */
  constructor(
    core: Core,
    storage: Storage,
    options: Options,
    over: () => void,
    another: () => void,
  ) {
    this.#core = core;
    this.#storage = storage;
    this.#options = options;
    this.#over = over;
    this.#another = another;
    this.#token = options.token;
    this.#name = options.name === undefined ? null : shortened(options.name);
  }

  get name(): string | null {
    return this.#name || null;
  }

  /** What is kept of somebody else than the token names goes before anybody can see it. */
  async claim(): Promise<void> {
    const owner = await this.#storage.get<string>(OWNER);
    const subject = subjectOf(this.#token);
    if (owner !== undefined && subject !== null && subject !== owner) {
      this.#core.tabs.tell({ kind: "forgotten" });
      await this.#core.writer.do(clearAll);
    }
  }

  /** What is kept of it. */
  async load(): Promise<void> {
    const kept = await this.#storage.identity();
    const owner = await this.#storage.get<string>(OWNER);
    this.#name ??= kept?.name ?? null;
    this.#named = owner !== undefined;
    const id = owner ?? kept?.id;
    if (id !== undefined) {
      this.#become(id, false);
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

  /** Take another token of the same client. Rejects with what the server has against it. */
  async renew(token: Token): Promise<void> {
    const { connection, tabs } = this.#core;
    const fetched = typeof token === "function" ? await token() : token;
    const subject = subjectOf(fetched);
    if (this.id !== null && subject !== null && subject !== this.id) {
      throw unauthorized("This token is another client's");
    }
    if (connection.online) {
      await connection.ask("token", { token: fetched });
    }
    this.#token = token;
    tabs.tell({ kind: "renewed", token: fetched });
    if (!connection.online) {
      connection.restart();
    }
  }

  /** Another tab has got a newer token. */
  renewed(token: string): void {
    const { connection } = this.#core;
    if (typeof this.#token !== "string") {
      return; // gets its own
    }
    this.#token = token;
    if (connection.online) {
      connection.ask("token", { token }).catch(() => undefined); // then it ends with the old one
    } else {
      connection.restart();
    }
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
    const { keep = true } = this.#options;
    const named = keep && resumeToken === undefined;
    const changes = this.id !== null && clientId !== this.id;
    const another = changes && this.#named;
    if (another) {
      this.#isAnother();
    } else if (changes) {
      this.#over();
    }
    if (resumeToken !== undefined) {
      this.#keep({ id: clientId, resumeToken, name: this.#name });
    }
    if (named !== this.#named || (named && clientId !== this.id)) {
      const owner = named ? clientId : undefined;
      this.#core.writer.soon((storage) => storage.set(OWNER, owner));
    }
    this.#named = named;
    if (clientId !== this.id) {
      this.#become(clientId, true);
    }
    if (another) {
      this.#core.connection.restart(); // it has said what it had of the other's links
    }
  }

  #isAnother(): void {
    this.id = null;
    this.#named = false;
    this.#replaced = true;
    this.#another();
    this.#core.writer.soon(clearAll);
  }

  async #kept(): Promise<KeptIdentity | null> {
    await this.#core.writer.idle();
    const kept = this.#newest(await this.#storage.identity());
    if (kept && kept.id !== this.id && !this.#named) {
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
    const { keep = true } = this.#options;
    const token = this.#token;
    const fetched = typeof token === "function" ? await token() : token;
    const subject = subjectOf(fetched);
    if (this.#named && subject !== null && subject !== this.id) {
      this.#isAnother();
    }
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
    const another = this.#replaced;
    this.#replaced = false;
    this.id = id;
    this.#core.emitter.emit("identity", { id, fresh, another });
  }
}

/** Everything but the key to an identity of this browser's own, which may come back. */
async function clearAll(storage: Storage): Promise<void> {
  const own = await storage.identity();
  await storage.clear();
  if (own) {
    await storage.saveIdentity(own);
  }
}

function shortened(name: string): string {
  return [...wellFormed(name)].slice(0, LONGEST_NAME).join("");
}
