/**
 * Texts in the reader's language. A catalogue is an object from keys to texts or to functions that
 * make one; the English one is the type that others have to fill whole.
 */

export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

export type Text = string | ((...values: never[]) => string);
export type Catalogue = Record<string, Text>;

/** Another language's catalogue: the same keys, and functions of the same values. */
export type Translated<C extends Catalogue> = {
  readonly [K in keyof C]: C[K] extends string ? string : C[K];
};

let language: Language = "en";

/** The language that texts, dates and numbers are in. */
export function currentLanguage(): Language {
  return language;
}

/** The first language of the reader's that there is, or English. */
export function preferredLanguage(wanted: readonly string[] = navigator.languages): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split("-")[0];
    const found = LANGUAGES.find((each) => each === base);
    if (found) {
      return found;
    }
  }
  return "en";
}

const loaders: ((chosen: Language) => Promise<void>)[] = [];

/**
 * A part's catalogue: English at hand, other languages fetched when they are chosen. Returns what
 * gives the texts of the language that is chosen by now.
 */
export function catalogue<C extends Catalogue>(
  english: C,
  others: { readonly [L in Exclude<Language, "en">]: () => Promise<{ default: Translated<C> }> },
): () => Translated<C> {
  let current = english as Translated<C>;
  loaders.push(async (chosen) => {
    current = chosen === "en" ? (english as Translated<C>) : (await others[chosen]()).default;
  });
  return () => current;
}

/** Choose the language before anything is shown. */
export async function useLanguage(chosen: Language): Promise<void> {
  await Promise.all(loaders.map((load) => load(chosen)));
  language = chosen;
}

/** The language with the reader's country, for dates and numbers: `en-GB`. */
export function locale(): string {
  // Not in a browser there may be no navigator
  const tags = globalThis.navigator?.languages ?? [];
  return tags.find((tag) => tag.toLowerCase().split("-")[0] === language) ?? language;
}
