/**
 * What the page and the widget put into messages. A client that knows nothing of this sends plain
 * strings, and shows what it does not know as it is; so do these.
 */

/** A file with a message: `data` travels as a binary attachment. */
export interface FileContent {
  readonly kind: "file";
  /** Written by a stranger: shown as text, and never a path. */
  readonly name: string;
  /** A MIME type as the sender's system has it: nothing is done because of it but choosing how to
   * show the file, among a few harmless ways. */
  readonly type: string;
  readonly data: ArrayBuffer;
  /** What was written with it. */
  readonly text?: string;
}

export type Content =
  | { readonly kind: "text"; readonly text: string }
  | FileContent
  /** JSON of another application. */
  | { readonly kind: "other"; readonly json: string };

/** Make sense of a message's content, whoever wrote it. */
export function understand(content: unknown): Content {
  if (typeof content === "string") {
    return { kind: "text", text: content };
  }
  if (isFile(content)) {
    return {
      kind: "file",
      name: content.name,
      type: content.type,
      data: content.data,
      ...(typeof content.text === "string" ? { text: content.text } : {}),
    };
  }
  return { kind: "other", json: show(content) };
}

function isFile(content: unknown): content is FileContent {
  if (typeof content !== "object" || content === null) {
    return false;
  }
  const { kind, name, type, data } = content as Record<string, unknown>;
  return (
    kind === "file" &&
    typeof name === "string" &&
    typeof type === "string" &&
    data instanceof ArrayBuffer
  );
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      inner instanceof ArrayBuffer ? `(${inner.byteLength} bytes)` : inner,
    ) ?? ""
  );
}
