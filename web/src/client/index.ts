/** A client of Duologue servers for browsers; docs/browser-client.md says how to use it. */

export type * from "./api";
export { DuologueClient } from "./client";
export * from "./content";
export { DuologueError } from "./errors";
export { IndexedDbStorage } from "./indexeddb";
export { MemoryStorage, openStorage, storageName } from "./storage";
export { subjectOf } from "./token";
