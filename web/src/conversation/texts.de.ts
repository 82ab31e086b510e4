/** What a conversation says, in German. */
import type { ErrorCode } from "../client/api";
import type { Translated } from "../shared/i18n";
import type { English } from "./texts";

const reasons: Readonly<Record<ErrorCode, string>> = {
  not_found: "Diese ID hat niemand mehr.",
  not_linked: "Ihr seid nicht miteinander verbunden.",
  no_request: "Es gibt keine Anfrage mehr.",
  blocked: "Du hast diese Person blockiert.",
  from_mismatch: "Der Server hat es nicht angenommen.",
  invalid: "Der Server hat es nicht angenommen.",
  too_large: "Es ist größer, als der Server annimmt.",
  rate_limited: "Das war zu viel auf einmal. Versuche es gleich noch einmal.",
  unauthorized: "Der Server erlaubt es nicht.",
  expired: "Die Zeit dafür ist abgelaufen.",
  overloaded: "Es wartet schon zu viel. Versuche es später noch einmal.",
  unavailable: "Der Server ist gerade nicht erreichbar.",
};

export default {
  messages: (name) => `Nachrichten mit ${name}`,
  you: "Du",
  today: "Heute",
  yesterday: "Gestern",
  beginning: (name) => `Hier beginnt deine Unterhaltung mit ${name}`,
  nothingSaid: "Es wurde nichts gesagt.",
  nothingYet: (name) => `Noch keine Nachrichten. Sag ${name} hallo.`,
  notKept: "Frühere Nachrichten sind nicht mehr gespeichert.",
  newMessages: "Neue Nachrichten",
  loadingOlder: "Frühere Nachrichten werden geladen",
  loadOlder: "Frühere Nachrichten zeigen",
  olderFailed: "Frühere Nachrichten konnten nicht geladen werden.",
  tryAgain: "Noch einmal versuchen",
  jump: "Zur neuesten Nachricht",
  jumpNew: (count) =>
    count === 1
      ? "Zur neuesten Nachricht, 1 neue Nachricht"
      : `Zur neuesten Nachricht, ${count} neue Nachrichten`,

  sending: "Wird gesendet",
  waiting: "Wartet auf eine Verbindung",
  stored: "Gesendet",
  delivered: "Zugestellt",
  read: "Gelesen",
  notSent: "Nicht gesendet",
  retry: "Erneut senden",
  discard: "Löschen",
  showAll: "Alles zeigen",
  showLess: "Weniger zeigen",
  data: "Daten einer anderen Anwendung",
  why: (code) => reasons[code],

  file: "Datei",
  download: "Herunterladen",
  downloadNamed: (name) => `${name} herunterladen`,
  viewPicture: (name) => `${name} ansehen`,
  picture: (name) => `Bild: ${name}`,
  close: "Schließen",

  message: "Nachricht",
  send: "Senden",
  attach: "Dateien anhängen",
  attached: "Angehängte Dateien",
  removeFile: (name) => `${name} entfernen`,
  madeSmaller: "passend verkleinert",
  tooLarge: (name, size, limit) =>
    `${name} ist zu groß: Die Datei hat ${size}, und der Server nimmt höchstens ${limit} an.`,
  textTooLong: (limit) => `Dieser Text ist zu lang: Der Server nimmt höchstens ${limit} an.`,
  emptyFile: (name) => `${name} ist leer oder lässt sich nicht lesen.`,
  tooMany: (most) => `Höchstens ${most} Dateien auf einmal.`,
  sendFailed: (reason) => `Das konnte nicht gesendet werden. ${reason}`,
  dropHere: "Dateien hier ablegen, um sie anzuhängen",

  isTyping: (name) => `${name} schreibt`,
  newsText: (name, text) => `${name}: ${text}`,
  newsFile: (name, file) => `${name} hat eine Datei gesendet: ${file}`,
  newsOther: (name) => `${name} hat eine Nachricht gesendet`,
  newsMany: (name, count) => `${count} neue Nachrichten von ${name}`,

  ended: (name) => `Diese Unterhaltung mit ${name} ist beendet.`,
  askAgain: "Erneut anfragen",
  blockedPeer: (name) => `Du hast ${name} blockiert.`,
  pending: (name) => `Du hast bei ${name} erneut angefragt. Die Antwort steht noch aus.`,
  notConnected: (name) => `Du bist mit ${name} nicht verbunden.`,
} satisfies Translated<English>;
