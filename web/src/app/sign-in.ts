/** A sign-in from another site: the token that stands in the address with which somebody comes. */
import { openStorage, type Problem, type Storage, storageName, subjectOf } from "../client";

const TOKEN = "app.token";

/** The token in a fragment, if there is one. */
export function tokenIn(fragment: string): string | null {
  return /^#token=([\w.~%+/=-]+)/.exec(fragment)?.[1] ?? null;
}

/** What a person has to be told who is not let in for want of a sign-in. */
export type Want = "needed" | "wrong" | "over";

export class SignIn {
  /** Of who is signed in; of who is not, with another storage, null. */
  readonly token: string | null;
  /** Where everything of this person is kept. */
  readonly storage: Storage;
  /** A token of somebody else than is here already: not taken without asking. */
  readonly offered: string | null;
  /** Nobody has been here before, or who was has left. */
  readonly nobody: boolean;
  readonly #page: Storage;

  private constructor(
    page: Storage,
    found: Pick<SignIn, "token" | "storage" | "offered" | "nobody">,
  ) {
    this.#page = page;
    this.token = found.token;
    this.storage = found.storage;
    this.offered = found.offered;
    this.nobody = found.nobody;
  }

  /** Who it is at the page with this path of Socket.IO, which was opened with the token `given`. */
  static async find(path: string, given: string | null): Promise<SignIn> {
    const page = await openStorage(storageName({ path }));
    const known = (await page.get<string>(TOKEN)) ?? null;
    const nobody = known === null && (await page.identity()) === null;
    const taken = given !== null && (nobody || (known !== null && sameSubject(known, given)));
    const token = taken ? given : known;
    const storage = token === null ? page : await openStorage(storageName({ path, token }));
    return new SignIn(page, { token, storage, offered: taken ? null : given, nobody });
  }

  /** Whether a token is of the one who is here. */
  isMine(token: string): boolean {
    return this.token !== null && sameSubject(this.token, token);
  }

  /** Come back as whom this token names. */
  async keep(token: string): Promise<void> {
    await this.#page.set(TOKEN, token);
  }

  /** Come back as nobody. */
  async end(): Promise<void> {
    await this.#page.set(TOKEN, undefined);
  }

  /** Whether another tab has ended it. */
  async isOver(): Promise<boolean> {
    return this.token !== null && (await this.#page.get(TOKEN)) === undefined;
  }

  want(problem: Problem): Want | null {
    if (problem.code === "unauthorized") {
      return this.token === null ? "needed" : "wrong";
    }
    return problem.code === "expired" ? "over" : null;
  }
}

function sameSubject(one: string, other: string | null): boolean {
  return subjectOf(one) === subjectOf(other);
}
