/** What a conversation says, in English. */
import type { ErrorCode } from "../client/api";
import { catalogue } from "../shared/i18n";

const reasons: Readonly<Record<ErrorCode, string>> = {
  not_found: "Nobody has this ID any more.",
  not_linked: "You are not connected with each other.",
  no_request: "There is no request any more.",
  blocked: "You have blocked this person.",
  from_mismatch: "The server did not accept it.",
  invalid: "The server did not accept it.",
  too_large: "It is larger than the server takes.",
  rate_limited: "That was too much at once. Try again in a moment.",
  unauthorized: "The server does not allow it.",
  expired: "Its time is over.",
  overloaded: "Too much is waiting already. Try again later.",
  unavailable: "The server cannot be reached at the moment.",
};

const english = {
  messages: (name: string) => `Messages with ${name}`,
  you: "You",
  today: "Today",
  yesterday: "Yesterday",
  beginning: (name: string) => `This is the beginning of your conversation with ${name}`,
  nothingSaid: "Nothing was said.",
  nothingYet: (name: string) => `No messages yet. Say hello to ${name}.`,
  notKept: "Earlier messages are no longer kept.",
  newMessages: "New messages",
  loadingOlder: "Loading earlier messages",
  loadOlder: "Show earlier messages",
  olderFailed: "Earlier messages could not be loaded.",
  tryAgain: "Try again",
  jump: "Jump to newest",
  jumpNew: (count: number) =>
    count === 1 ? "Jump to newest, 1 new message" : `Jump to newest, ${count} new messages`,

  sending: "Sending",
  waiting: "Waiting for a connection",
  stored: "Sent",
  delivered: "Delivered",
  read: "Read",
  notSent: "Not sent",
  retry: "Retry",
  discard: "Delete",
  showAll: "Show all",
  showLess: "Show less",
  data: "Data of another application",
  why: (code: ErrorCode) => reasons[code],

  file: "File",
  download: "Download",
  downloadNamed: (name: string) => `Download ${name}`,
  viewPicture: (name: string) => `View ${name}`,
  picture: (name: string) => `Picture: ${name}`,
  close: "Close",

  message: "Message",
  send: "Send",
  attach: "Attach files",
  attached: "Attached files",
  removeFile: (name: string) => `Remove ${name}`,
  madeSmaller: "made smaller to fit",
  tooLarge: (name: string, size: string, limit: string) =>
    `${name} is too large: it has ${size}, and the server takes at most ${limit}.`,
  textTooLong: (limit: string) => `This text is too long: the server takes at most ${limit}.`,
  emptyFile: (name: string) => `${name} is empty or cannot be read.`,
  tooMany: (most: number) => `At most ${most} files at a time.`,
  sendFailed: (reason: string) => `This could not be sent. ${reason}`,
  dropHere: "Drop files here to attach them",

  isTyping: (name: string) => `${name} is typing`,
  newsText: (name: string, text: string) => `${name}: ${text}`,
  newsFile: (name: string, file: string) => `${name} sent a file: ${file}`,
  newsOther: (name: string) => `${name} sent a message`,
  newsMany: (name: string, count: number) => `${count} new messages from ${name}`,

  ended: (name: string) => `This conversation with ${name} has ended.`,
  askAgain: "Ask to talk again",
  blockedPeer: (name: string) => `You have blocked ${name}.`,
  pending: (name: string) => `You have asked ${name} to talk again. Waiting for an answer.`,
  notConnected: (name: string) => `You are not connected with ${name}.`,
};

export const t = catalogue(english, { de: () => import("./texts.de") });
export type English = typeof english;
