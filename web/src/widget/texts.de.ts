/** What the widget says, in German. */
import type { Translated } from "../shared/i18n";
import type { English } from "./texts";

export default {
  chat: "Chat",
  chatWith: (name) => `Chat mit ${name}`,
  somebody: "dieser Kontakt",
  connecting: "Verbindung wird hergestellt …",
  offline: "Du bist offline. Was du schreibst, wird gesendet, sobald du zurück bist.",
  waiting: "Keine Verbindung. Neuer Versuch …",
  draining: "Der Server startet neu.",
  online: "Online",
  away: "Abwesend",
  lastSeen: (when) => `Zuletzt gesehen: ${when}`,

  ask: "Gespräch anfragen",
  askTitle: (name) => `Gespräch anfragen: ${name}`,
  askHint: "Bis die andere Seite zustimmt, sieht sie von dir nicht mehr als deine Notiz.",
  note: "Notiz (freiwillig)",
  asking: "Wird angefragt …",
  pending: "Deine Anfrage wartet auf eine Antwort.",
  cancel: "Anfrage zurücknehmen",
  declined: "Deine Anfrage wurde abgelehnt.",
  expired: "Niemand hat deine Anfrage rechtzeitig beantwortet.",
  askLater: (seconds) =>
    seconds === 1
      ? "Du kannst in 1 Sekunde wieder anfragen."
      : `Du kannst in ${seconds} Sekunden wieder anfragen.`,

  asksYou: (name) => `${name} möchte mit dir sprechen.`,
  accept: "Annehmen",
  decline: "Ablehnen",

  startTitle: (name) => `Gespräch: ${name}`,
  startHint: "Du bist eingeladen. Sobald du beginnst, könnt ihr einander schreiben.",
  start: "Gespräch beginnen",
  starting: "Wird begonnen …",
  invitationOver: "Diese Einladung ist falsch oder abgelaufen. Bitte um eine neue.",

  refused: "Der Server lässt diese Seite nicht zu.",
  signIn: "Um hier zu sprechen, musst du angemeldet sein.",
  signInOver: "Deine Anmeldung ist abgelaufen. Melde dich wieder an, oder lade diese Seite neu.",
  misplaced: "Dieser Chat ist nicht eingerichtet: Die Adresse seines Servers ist falsch.",
  unset: "Dieser Chat ist nicht eingerichtet: Ihm fehlt ein Kontakt oder eine Einladung.",
  failed: (reason) => `Das hat nicht geklappt. ${reason}`,
  tryAgain: "Noch einmal versuchen",

  end: "Gespräch beenden",
  endQuestion: "Dieses Gespräch beenden? Was gesagt wurde, wird hier gelöscht.",
  endYes: "Beenden",
  endNo: "Behalten",
} satisfies Translated<English>;
