/** A Duologue server, as the process that it is in life, and a network between it and a client. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import {
  type AddressInfo,
  createServer,
  connect as dial,
  type Server,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

const SOURCES = new URL("../../../src", import.meta.url).pathname;

export class DuologueServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "duologue-web-test-"));
  readonly #options: readonly string[];
  #process: ChildProcess | null = null;
  #port = 0;

  /** `options` are those of `duologue serve`. */
  constructor(...options: string[]) {
    this.#options = options;
  }

  static async started(...options: string[]): Promise<DuologueServer> {
    const server = new DuologueServer(...options);
    await server.start();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Serve, at the same port as before if there was one. */
  async start(): Promise<void> {
    const python = process.env.DUOLOGUE_TEST_PYTHON ?? "python3";
    const path = [SOURCES, process.env.PYTHONPATH ?? ""].filter(Boolean).join(delimiter);
    const server = spawn(
      python,
      ["-m", "duologue", "serve", "--port", `${this.#port}`, ...this.#options],
      {
        cwd: this.#folder,
        env: { ...process.env, PYTHONPATH: path, PYTHONUNBUFFERED: "1" },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#process = server;
    let log = "";
    server.stderr.on("data", (data: Buffer) => {
      log += data;
    });
    for await (const line of createInterface(server.stdout)) {
      const found = /http:\/\/[^\s/]+:(\d+)/.exec(line);
      if (found) {
        this.#port = Number(found[1]);
        return;
      }
    }
    throw new Error(`the server did not start: ${log}`);
  }

  /** Let it end as it should. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Let it end at this moment. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    this.#process = null;
    if (server && server.exitCode === null) {
      server.kill(signal);
      await once(server, "exit");
    }
  }
}

/** A network between clients and a server, which can be as bad as networks are. */
export class Network {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  #deaf = false;
  #down = false;

  private constructor(port: number) {
    this.#server = createServer((near) => {
      if (this.#down) {
        near.destroy();
        return;
      }
      const far = dial(port, "127.0.0.1");
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.add(pair);
      near.on("data", (data) => far.write(data));
      far.on("data", (data) => this.#deaf || near.write(data));
      for (const [one, other] of [pair, [far, near] as const]) {
        one.on("error", () => other.destroy());
        one.on("close", () => {
          other.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
  }

  static async to(port: number): Promise<Network> {
    const network = new Network(port);
    network.#server.listen(0, "127.0.0.1");
    await once(network.#server, "listening");
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing comes from the server, though everything reaches it. */
  deafen(): void {
    this.#deaf = true;
  }

  /** Break every connection; new ones work. */
  cut(): void {
    this.#deaf = false;
    for (const [near, far] of [...this.#pairs]) {
      near.destroy();
      far.destroy();
    }
  }

  /** Break every connection, and let none through until it is up again. */
  down(): void {
    this.#down = true;
    this.cut();
  }

  up(): void {
    this.#down = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
