/** Makes of new messages what is read out to those who do not see them. */
import type { Message } from "../client/api";
import { understand } from "../client/content";
import { safeName } from "./files";
import { t } from "./texts";

/** News that come within this time are announced together. */
const TOGETHER_MS = 600;
/** More at a time are only counted. */
const MOST = 3;
const CHARACTERS = 200;

export class Announcer {
  readonly #say: (texts: readonly string[]) => void;
  #news: Message[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(say: (texts: readonly string[]) => void) {
    this.#say = say;
  }

  /** A message has come, from somebody who is called `name`. */
  add(message: Message, name: string): void {
    this.#news.push(message);
    this.#timer ??= setTimeout(() => {
      const news = this.#news;
      this.stop();
      const many = news.length > MOST;
      this.#say(many ? [t().newsMany(name, news.length)] : news.map((each) => said(each, name)));
    }, TOGETHER_MS);
  }

  /** Say nothing of what has not been said. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#news = [];
  }
}

function said(message: Message, name: string): string {
  const content = understand(message.content);
  switch (content.kind) {
    case "text":
      return t().newsText(name, content.text.slice(0, CHARACTERS));
    case "file":
      return t().newsFile(name, safeName(content.name));
    default:
      return t().newsOther(name);
  }
}
