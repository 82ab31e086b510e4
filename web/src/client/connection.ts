import { io, type Socket } from "socket.io-client";
import type { Problem, Status } from "./api";
import { delayAfter } from "./backoff";
import { DuologueError, noConnection, problemIn } from "./errors";
import { fits, fitsPolling, largestMessage, type Size } from "./payload";
import type { Auth, ClientEvents } from "./protocol";

/** How long the server may take to let a client in, and to answer it. */
const CONNECT_MS = 20_000;
const ANSWER_MS = 15_000;

/** After so long a connection counts as one that works: the next break is the first in a row. */
const STABLE_MS = 10_000;

/** After so long without WebSocket there will be none. */
const UPGRADE_MS = 15_000;

/** What a connection needs of the one whose it is. */
export interface Owner {
  /**
   * Call `connect` with what to connect with; it resolves when the server has said who this client
   * is. Resolves to whether to try again at once.
   */
  admit(connect: (auth: Auth & { token?: string }) => Promise<void>): Promise<boolean>;
  /** Something that the server tells. */
  told(event: string, payload: unknown): void;
  statusChanged(status: Status): void;
  /** Larger messages may pass than before, or it is certain that they will not. */
  capacityChanged(): void;
}

export interface Address {
  readonly server: string | undefined;
  readonly path: string | undefined;
}

/** A connection that comes back after each break, until it is stopped. */
export class Connection {
  readonly #owner: Owner;
  readonly #address: Address;
  #status: Status = { state: "idle" };
  #socket: Socket | null = null;
  #maxBytes: number | null = null;
  #wanted = false;
  /** Counts up with each attempt and each end, so that what is left of an earlier one is known. */
  #turn = 0;
  #failures = 0;
  #onlineSince = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #upgradeTimer: ReturnType<typeof setTimeout> | undefined;
  #mayUpgrade = false;
  readonly #unanswered = new Set<(error: DuologueError) => void>();
  /** Those who wait for how it ends. */
  readonly #changed: (() => void)[] = [];

  constructor(address: Address, owner: Owner) {
    this.#address = address;
    this.#owner = owner;
    this.#watchBrowser();
  }

  get status(): Status {
    return this.#status;
  }

  get online(): boolean {
    return this.#status.state === "online" || this.#status.state === "draining";
  }

  /** Largest message that the server takes; null until it has said so. */
  get maxBytes(): number | null {
    return this.#maxBytes;
  }

  start(): void {
    if (this.#wanted) {
      this.retryNow();
      return;
    }
    this.#wanted = true;
    this.#failures = 0;
    void this.#attempt();
  }

  stop(): void {
    this.#wanted = false;
    this.#end();
    this.#become({ state: "idle" });
  }

  /** Connect anew. */
  restart(): void {
    if (this.#wanted) {
      this.#end();
      void this.#attempt();
    }
  }

  /** Connect now, if there is no connection and none is being made. */
  retryNow(): void {
    const { state } = this.#status;
    if (this.#wanted && (state === "waiting" || state === "offline" || state === "refused")) {
      this.#end();
      void this.#attempt();
    }
  }

  /**
   * Resolves to the answer; rejects with a `DuologueError`. A connection that is being made is waited
   * for.
   */
  async ask<E extends keyof ClientEvents>(
    event: E,
    payload: ClientEvents[E]["payload"],
    wait = ANSWER_MS,
  ): Promise<ClientEvents[E]["reply"]> {
    while (this.#status.state === "connecting") {
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
    const socket = this.#socket;
    if (!socket || !this.online) {
      throw noConnection();
    }
    return await new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      socket.timeout(wait).emit(event, payload, (error: unknown, reply: unknown) => {
        this.#unanswered.delete(reject);
        if (error && this.#socket === socket) {
          this.#failed(null); // who answers nothing for so long may not be there any more
        }
        const problem = error ? noConnection() : problemIn(reply);
        if (problem) {
          reject(new DuologueError(problem));
        } else {
          resolve(reply as ClientEvents[E]["reply"]);
        }
      });
    });
  }

  /** Say what may be lost. */
  mention<E extends keyof ClientEvents>(event: E, payload: ClientEvents[E]["payload"]): void {
    if (this.online) {
      this.#socket?.volatile.emit(event, payload);
    }
  }

  /** Whether a message of this size can be sent: at once, when there is WebSocket, or not at all. */
  carries(size: Size): "now" | "later" | "never" {
    const most = this.#maxBytes;
    if (most === null) {
      return "later";
    }
    const websocket = this.#socket?.io.engine?.transport?.name === "websocket";
    if (websocket ? fits(size, most) : fitsPolling(size, most)) {
      return "now";
    }
    return !websocket && this.#mayUpgrade && fits(size, most) ? "later" : "never";
  }

  async #attempt(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#become({ state: browserIsOffline() ? "offline" : "connecting" });
    let again = false;
    try {
      again = await this.#owner.admit((auth) => this.#connect(auth, turn));
    } catch (error) {
      if (turn === this.#turn) {
        this.#failed(error instanceof DuologueError ? error : null);
      }
      return;
    }
    if (again && turn === this.#turn) {
      this.#end();
      void this.#attempt();
    }
  }

  /** Resolves when the server has said who this client is. */
  #connect(auth: Auth & { token?: string }, turn: number): Promise<void> {
    if (turn !== this.#turn) {
      return Promise.reject(noConnection());
    }
    const { server, path } = this.#address;
    const options = {
      auth,
      // Coming back is done here, with a new socket each time: nothing of an old one is sent then
      reconnection: false,
      forceNew: true,
      timeout: CONNECT_MS,
      ...(path === undefined ? {} : { path }),
    };
    const socket = server === undefined ? io(options) : io(server, options);
    this.#socket = socket;
    this.#watchEngine(socket);
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      const tooLate = setTimeout(() => {
        reject(noConnection());
        socket.disconnect();
      }, CONNECT_MS);
      socket.on("connect_error", (error: Error & { data?: unknown }) => {
        clearTimeout(tooLate);
        const problem = problemIn(error.data);
        reject(problem ? new DuologueError(problem) : noConnection());
      });
      socket.on("disconnect", () => {
        clearTimeout(tooLate);
        reject(noConnection());
        this.#lost(turn);
      });
      socket.onAny((event: string, payload: unknown) => {
        if (turn !== this.#turn) {
          return;
        }
        if (event === "client_id") {
          clearTimeout(tooLate);
          this.#arrived();
        }
        this.#told(event, payload);
        if (event === "client_id") {
          resolve();
        }
      });
    });
  }

  #watchEngine(socket: Socket): void {
    const engine = socket.io.engine;
    if (engine) {
      engine.binaryType = "arraybuffer"; // also where this is no browser
    }
    engine?.on("handshake", (handshake) => {
      this.#maxBytes = largestMessage(handshake.maxPayload);
      this.#mayUpgrade &&= handshake.upgrades.includes("websocket");
    });
    engine?.on("upgrade", () => {
      if (this.#socket === socket) {
        this.#owner.capacityChanged();
      }
    });
    this.#mayUpgrade = true;
    clearTimeout(this.#upgradeTimer);
    this.#upgradeTimer = setTimeout(() => {
      this.#mayUpgrade = false;
      this.#owner.capacityChanged();
    }, UPGRADE_MS);
  }

  #arrived(): void {
    this.#onlineSince = Date.now();
    this.#become({ state: "online" });
  }

  #told(event: string, payload: unknown): void {
    if (event === "draining") {
      this.#become({ state: "draining" });
    }
    this.#owner.told(event, payload);
  }

  /** A connection that was there is gone. */
  #lost(turn: number): void {
    if (turn !== this.#turn || !this.online) {
      return; // ended from here, or never begun: then `admit` says so
    }
    if (Date.now() - this.#onlineSince > STABLE_MS) {
      this.#failures = 0;
    }
    this.#failed(null);
  }

  #failed(problem: Problem | null): void {
    this.#end();
    if (problem && !problem.retryable) {
      this.#become({ state: "refused", problem });
      return;
    }
    this.#failures += 1;
    const least = (problem?.retryAfter ?? 0) * 1_000;
    const delay = Math.max(delayAfter(this.#failures, Math.random()), least);
    // Also while the browser says that there is no network, for it may be wrong
    this.#timer = setTimeout(() => void this.#attempt(), delay);
    this.#become(
      browserIsOffline() ? { state: "offline" } : { state: "waiting", retryAt: Date.now() + delay },
    );
  }

  #end(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#upgradeTimer);
    this.#mayUpgrade = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
    const unanswered = [...this.#unanswered];
    this.#unanswered.clear();
    for (const reject of unanswered) {
      reject(noConnection());
    }
  }

  #become(status: Status): void {
    const before = this.#status;
    this.#status = status;
    if (before.state !== status.state || status.state === "waiting") {
      this.#owner.statusChanged(status);
    }
    if (status.state !== "connecting") {
      for (const resolve of this.#changed.splice(0)) {
        resolve();
      }
    }
  }

  #watchBrowser(): void {
    if (typeof window === "undefined") {
      return;
    }
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("offline", () => {
      if (this.#status.state === "waiting") {
        this.#become({ state: "offline" });
      }
    });
    // A page that is put aside keeps no connection, and is woken where it was
    window.addEventListener("pagehide", (event) => {
      if (event.persisted && this.#wanted) {
        this.#end();
        this.#become({ state: "waiting", retryAt: Date.now() });
      }
    });
    window.addEventListener("pageshow", () => this.#seen());
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /** Somebody looks at the page: no time to wait. */
  #seen(): void {
    if (document.visibilityState === "visible" && this.#status.state === "waiting") {
      this.retryNow();
    }
  }
}

function browserIsOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}
