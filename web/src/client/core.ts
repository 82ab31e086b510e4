import type { Events } from "./api";
import type { Book } from "./book";
import type { Connection } from "./connection";
import type { Emitter } from "./emitter";
import type { Tabs } from "./tabs";
import type { Writer } from "./writer";

/** What the parts of a client have in common. */
export interface Core {
  readonly book: Book;
  readonly connection: Connection;
  readonly emitter: Emitter<Events>;
  readonly tabs: Tabs;
  readonly writer: Writer;
  /** Tell, once all that happens now has happened, that something about links has changed. */
  changed(peer: string | null): void;
}

/** Keep what is known of a link now. */
export function keepLink({ book, writer }: Core, peer: string): void {
  const kept = book.kept(peer);
  if (kept) {
    writer.soon((storage) => storage.saveLink(kept));
  }
}
