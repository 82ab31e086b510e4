/** Was die Seite am Anfang sagt, auf Deutsch. */
import type { ErrorCode } from "../client/api";
import type { Translated } from "../shared/i18n";
import type { English } from "./texts";

const reasons: Readonly<Record<ErrorCode, string>> = {
  not_found: "Diese ID hat im Moment niemand.",
  not_linked: "Du bist mit dieser Person nicht verbunden.",
  no_request: "Diese Anfrage gibt es nicht mehr.",
  blocked: "Du hast diese Person blockiert.",
  from_mismatch: "Der Server hat das nicht angenommen.",
  invalid: "Der Server hat das nicht angenommen.",
  too_large: "Das ist größer, als der Server annimmt.",
  rate_limited: "Das war zu oft.",
  unauthorized: "Der Server erlaubt das nicht.",
  expired: "Die Zeit dafür ist um.",
  overloaded: "Davon gibt es schon zu viele.",
  unavailable: "Das geht nicht ohne Verbindung zum Server.",
};

export default {
  skipToConversation: "Zur Unterhaltung springen",
  people: "Personen und Anfragen",
  newContact: "Neuer Kontakt",
  settings: "Einstellungen",
  dismiss: "Schließen",
  open: "Öffnen",
  cancel: "Abbrechen",

  welcome: "Zu zweit sprechen, unter vier Augen",
  explain:
    "Niemand kann dir schreiben, bevor du Ja gesagt hast. Gib deine ID oder eine Einladung der Person, mit der du sprechen möchtest, oder frag bei ihr an.",
  noSignUp: "Du musst dich nirgends anmelden: Dieser Browser bewahrt deine ID auf.",
  notLasting:
    "Du musst dich nirgends anmelden. Dieser Browser bewahrt nichts auf: Deine ID gilt, solange diese Seite offen ist.",
  choose: "Wähle eine Unterhaltung, oder finde jemand Neues.",
  yourId: "Deine ID",
  idComing: "Deine ID kommt mit der ersten Verbindung.",
  copyId: "ID kopieren",
  idCopied: "Deine ID ist kopiert",
  copyFailed:
    "Der Browser lässt diese Seite nicht kopieren. Wähle den Text aus und kopiere ihn selbst.",
  showQr: "QR-Code zeigen",
  inviteByLink: "Mit Link einladen",
  askSomebody: "Bei jemandem anfragen",
  yourName: "Dein Name",
  whatOthersSee: "Was sollen andere sehen?",
  nameHint: "Wenn du möchtest. Wen du fragst und mit wem du sprichst, sieht ihn.",
  save: "Speichern",
  nameSaved: "Dein Name ist gespeichert",

  requests: (count) => `Anfragen (${count})`,
  requestEnds: (when) => `endet ${when}`,
  accept: "Annehmen",
  decline: "Ablehnen",
  block: "Blockieren",
  of: (action, name) => `${action}: ${name}`,
  showMore: (count) => `${count} weitere zeigen`,
  asked: (count) => `Warten auf Antwort (${count})`,
  hasDeclined: (name) => `Du hast ${name} abgelehnt`,
  hasCancelled: (name) => `Deine Anfrage an ${name} ist zurückgenommen`,

  conversations: "Unterhaltungen",
  noConversations: "Noch keine Unterhaltungen",
  draft: (text) => `Entwurf: ${text}`,
  you: (text) => `Du: ${text}`,
  file: (name) => `Datei: ${name}`,
  typing: "schreibt …",
  ended: "beendet",
  blocked: "blockiert",
  online: "online",
  offline: "offline",
  unread: (count) => (count === 1 ? "1 ungelesene Nachricht" : `${count} ungelesene Nachrichten`),
  noMessages: "Noch keine Nachrichten",
  otherContent: "Nachricht einer anderen Anwendung",

  yesterday: "Gestern",
  seenJustNow: "gerade eben zuletzt online",
  seenToday: (time) => `zuletzt online heute um ${time}`,
  seenYesterday: (time) => `zuletzt online gestern um ${time}`,
  seenOn: (day) => `zuletzt online am ${day}`,

  back: "Zurück zur Liste",
  menu: (name) => `Aktionen für ${name}`,
  rename: "Für mich umbenennen",
  copyTheirId: "ID kopieren",
  theirIdCopied: "Die ID ist kopiert",
  exportJson: "Als JSON exportieren",
  exportText: "Als Text exportieren",
  exporting: "Der Export wird vorbereitet …",
  closeLink: "Unterhaltung schließen",
  remove: "Unterhaltung entfernen",
  unblock: "Blockierung aufheben",
  loadingConversation: "Die Unterhaltung wird geladen",
  unknownPeer: "Mit dieser ID gibt es keine Unterhaltung.",

  connecting: "Verbinden …",
  netOffline: "Du bist offline. Was du schreibst, wird gesendet, sobald du zurück bist.",
  notConnected: "Nicht verbunden.",
  retryIn: (seconds) => `Neuer Versuch in ${seconds} s.`,
  tryingAgain: "Neuer Versuch …",
  tryNow: "Jetzt versuchen",
  draining: "Der Server startet gleich neu. Die Verbindung kommt von selbst wieder.",
  refused: (reason) => `Der Server lässt dich nicht herein. ${reason}`,

  signIn: "Anmelden",
  signInBack: "Danach kommst du hierher zurück.",
  signInOverBack: "Melde dich wieder an, dann wird gesendet, was du geschrieben hast.",
  signInNeeded: "Melde dich an, um diesen Messenger zu benutzen.",
  signInNeededHow:
    "Er ist für Menschen, die eine andere Website kennt. Melde dich dort an, und öffne ihn von dort aus.",
  signInWrong: "Deine Anmeldung gilt hier nicht.",
  signInWrongHow:
    "Der Link, mit dem du gekommen bist, ist keiner für diesen Server. Öffne den Messenger noch einmal von der Website aus, auf der du dich anmeldest.",
  signInOver: "Deine Anmeldung ist abgelaufen.",
  signInOverHow:
    "Öffne den Messenger noch einmal von der Website aus, auf der du dich anmeldest. Was du geschrieben hast, wird dann gesendet.",
  signedIn:
    "Eine andere Website hat dich angemeldet. Was du schreibst und liest, bewahrt dieser Browser auf.",

  forgottenTitle: "Alles ist gelöscht",
  forgottenText:
    "Deine ID, deine Unterhaltungen und deine Einstellungen sind weg, hier und auf dem Server. Du kannst mit einer neuen ID neu anfangen.",
  startAnew: "Neu anfangen",

  reason: (code) => reasons[code],
  later: (when) => `Versuch es ${when} wieder.`,
  failed: "Hier ist etwas schiefgegangen. Lade die Seite neu und versuch es noch einmal.",
  oldIdExpired: "Deine alte ID war abgelaufen. Du hast eine neue.",
  nowAnother: (id) => `Du bist jetzt als ${id} angemeldet.`,
  newVersion: "Ein Teil dieser Seite konnte nicht geladen werden. Lade die Seite neu.",

  wantsToTalk: (name) => `${name} möchte mit dir sprechen`,
  connectedWith: (name) => `Du bist mit ${name} verbunden`,
  declinedYou: (name) => `${name} hat deine Anfrage abgelehnt`,
  cancelledTheirs: (name) => `${name} hat die Anfrage zurückgenommen`,
  closedByThem: (name) => `${name} hat die Unterhaltung beendet`,
  requestExpired: (name) => `Die Anfrage zwischen dir und ${name} ist abgelaufen`,
  crowded: "Jemand hat eine Einladung von dir versucht, die aufgebraucht war",
  newMessage: "Neue Nachricht",
} satisfies Translated<English>;
