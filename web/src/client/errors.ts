import type { ErrorCode, Problem } from "./api";
import type { Refusal } from "./protocol";

/** Why something was not done: by the server's account, or, if it could not be asked, by ours. */
export class DuologueError extends Error implements Problem {
  override readonly name = "DuologueError";
  readonly code: ErrorCode;
  readonly error: string;
  readonly retryable: boolean;
  readonly retryAfter?: number;

  constructor(problem: Problem) {
    super(problem.error);
    this.code = problem.code;
    this.error = problem.error;
    this.retryable = problem.retryable;
    if (problem.retryAfter !== undefined) {
      this.retryAfter = problem.retryAfter;
    }
  }
}

const NO_CONNECTION: Problem = {
  code: "unavailable",
  error: "There is no connection to the server at the moment",
  retryable: true,
};

export const NOT_LINKED: Problem = {
  code: "not_linked",
  error: "You are not connected to this client",
  retryable: false,
};

export function noConnection(): DuologueError {
  return new DuologueError(NO_CONNECTION);
}

export function invalid(error: string): DuologueError {
  return new DuologueError({ code: "invalid", error, retryable: false });
}

export function unauthorized(error: string): DuologueError {
  return new DuologueError({ code: "unauthorized", error, retryable: false });
}

export function tooLarge(error: string): DuologueError {
  return new DuologueError({ code: "too_large", error, retryable: false });
}

/** An error of the server's, if that is what a value is. */
export function problemIn(value: unknown): Problem | null {
  if (typeof value !== "object" || value === null) {
    return null;
  }
  const { code, error, retryable, retryAfter } = value as Partial<Refusal>;
  if (typeof code !== "string" || typeof error !== "string") {
    return null;
  }
  return {
    code,
    error,
    retryable: retryable === true,
    ...(typeof retryAfter === "number" ? { retryAfter } : {}),
  };
}

/** A problem as plain data, which can be kept. */
export function asProblem(error: Problem): Problem {
  const { code, error: sentence, retryable, retryAfter } = error;
  return {
    code,
    error: sentence,
    retryable,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}
